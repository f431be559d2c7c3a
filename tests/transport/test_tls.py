"""Certificates that are refused, and what is said about it."""

from __future__ import annotations

import asyncio
import os
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from payermax_async.core.errors import ConfigurationError
from payermax_async.transport.aiohttp import AiohttpTransport
from payermax_async.transport.tls import make_context, verification_reason
from tests.faults.server import FaultServer, reply
from tests.transport.harness import call, opened, post


def refused(code: int, message: str) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code, error.verify_message = code, message
    return error


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (85, "Missing Authority Key Identifier"),
        (86, "Missing Subject Key Identifier"),
        (89, "Basic Constraints of CA cert not marked critical"),
        (92, "CA cert does not include key usage extension"),
    ],
)
def test_what_only_strict_checking_refuses_is_explained_with_a_way_out(
    code: int, message: str
) -> None:
    said = verification_reason(refused(code, message))
    assert said.startswith(message)
    for words in ("3.13", "VERIFY_X509_STRICT", "ssl_context", "issued anew"):
        assert words in said


def test_an_ordinary_refusal_is_said_as_it_is() -> None:
    error = refused(10, "certificate has expired")
    assert verification_reason(error) == "certificate has expired"


@pytest.mark.parametrize("kind", ["pipe", "folder", "device", "nul", "nothing"])
def test_a_file_of_authorities_that_is_none_is_refused_at_once(
    kind: str, tmp_path: Path
) -> None:
    path = tmp_path / kind
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "device":
        path = Path("/dev/zero")
    elif kind == "nul":
        path = Path("a\0b")
    with pytest.raises(ConfigurationError, match="ca_file cannot be read"):
        make_context(path)


async def test_a_full_default_executor_holds_nobody_up() -> None:
    loop, over = asyncio.get_running_loop(), threading.Event()
    with ThreadPoolExecutor(1) as busy:
        loop.set_default_executor(busy)
        jobs = [loop.run_in_executor(None, over.wait, 30) for _ in range(3)]
        try:
            async with FaultServer(lambda wire: wire.send(reply(b"{}"))) as server:
                url = server.url.replace("127.0.0.1", "localhost")
                async with asyncio.timeout(20), opened(AiohttpTransport()) as transport:
                    end = await call(transport, post(url))
        finally:
            over.set()
            await asyncio.gather(*jobs)
    assert end.answer.body == b"{}"
