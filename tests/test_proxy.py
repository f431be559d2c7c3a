"""The proxy of the settings is the one that client, commands and doctor go through."""

from __future__ import annotations

import asyncio

import pytest

from payermax_async.cli import main
from payermax_async.sandbox.state.credentials import SandboxCredentials
from tests.faults.server import FaultServer, whole


@pytest.mark.parametrize(
    "words", [("links", "query", "order-1"), ("doctor",)], ids=["links", "doctor"]
)
@pytest.mark.parametrize("way", ["variable", "option"])
async def test_a_command_goes_through_the_proxy(
    monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], way: str
) -> None:
    settings = SandboxCredentials.generate().environment("https://gateway.example/gw")
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    refusal = b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"
    async with FaultServer(whole(refusal)) as proxy:
        url = f"http://merchant:pass-9431@127.0.0.1:{proxy.port}"
        given = ("--proxy", url) if way == "option" else ()
        if way == "variable":
            monkeypatch.setenv("PAYERMAX_PROXY", url)
        code = await asyncio.to_thread(main, [*words, *given, "--timeout", "5"])
    assert code == 1
    assert proxy.requests
    for request in proxy.requests:
        assert request.startswith(b"CONNECT gateway.example:443 HTTP/1.1")
        assert b"Proxy-Authorization: Basic " in request
