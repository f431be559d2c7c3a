from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import json
import os
import signal
import socket
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from rich.console import Console

from payermax_async.cli.listener import Listener
from payermax_async.config import MerchantConfig
from payermax_async.sandbox.state.credentials import SandboxCredentials
from payermax_async.transport.base import Headers
from payermax_async.webhooks import ACKNOWLEDGEMENT
from payermax_async.webhooks.samples import SignedNotification, sign_notification
from tests.cli.conftest import Shell
from tests.cli.running import running


class Shop:
    """A merchant's handler that keeps what it gets."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.got: list[tuple[Headers, bytes]] = []
        self.status = 200
        self.answer = ACKNOWLEDGEMENT

    async def take(self, request: web.Request) -> web.Response:
        self.got.append((tuple(request.headers.items()), await request.read()))
        return web.Response(
            status=self.status, body=self.answer, content_type="application/json"
        )


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    listener = socket.create_server(("127.0.0.1", 0))
    made = Shop(f"http://127.0.0.1:{listener.getsockname()[1]}/hook")
    app = web.Application()
    app.router.add_post("/hook", made.take)
    runner = web.AppRunner(app, access_log=None, auto_decompress=False)
    await runner.setup()
    await web.SockSite(runner, listener).start()
    yield made
    await runner.cleanup()


def notice(
    credentials: SandboxCredentials, link_description: str = ""
) -> SignedNotification:
    return sign_notification(
        credentials.platform_key,
        "PAYBYLINK",
        merchant_no=credentials.merchant_no,
        app_id=credentials.app_id,
        merchant_link_id="order-1001",
        link_description=link_description,
    )


def variables(credentials: SandboxCredentials) -> dict[str, str]:
    settings = credentials.environment("http://127.0.0.1:9/gateway")
    return {"PATH": os.environ["PATH"], "NO_COLOR": "1", "COLUMNS": "80", **settings}


async def post(url: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
    async with (
        aiohttp.ClientSession(auto_decompress=False) as session,
        session.post(url, headers=headers, data=body) as answer,
    ):
        return answer.status, await answer.read()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_it_tells_hands_on_the_same_bytes_and_stops_cleanly(
    credentials: SandboxCredentials, shop: Shop, number: signal.Signals
) -> None:
    sent = [notice(credentials, link_description=f"孟艳 {index}") for index in range(3)]
    async with running(
        "listen", "--forward-to", shop.url, env=variables(credentials)
    ) as listen:
        url = (await listen.until("Listening at")).split()[-1]
        await listen.until("Ctrl-C")
        for item in sent:
            assert await post(url, dict(item.headers), item.body) == (
                200,
                ACKNOWLEDGEMENT,
            )
            told = await listen.until("verified:")
            assert "PAYBYLINK" in told
            assert "order-1001" in told
            assert "孟艳" not in told
            await listen.until("forwarded: HTTP 200")
        out, err = await listen.stop(number)
    assert (out, err) == ("Stopped after 3 notifications.\n", "")
    assert listen.process.returncode == 0
    assert [body for _, body in shop.got] == [item.body for item in sent]
    for (headers, _), item in zip(shop.got, sent, strict=True):
        assert dict(headers)["sign"] == item.headers["sign"]
        assert dict(headers)["Content-Type"] == item.headers["Content-Type"]


class Post:
    """A listener whose lines can be read."""

    def __init__(
        self, credentials: SandboxCredentials, target: str | None, **options: Any
    ) -> None:
        config = MerchantConfig.from_env(variables(credentials))
        self.printed = io.StringIO()
        console = Console(file=self.printed, width=300, color_system=None)
        self.listener = Listener(config, console, target=target, **options)

    @property
    def text(self) -> str:
        return self.printed.getvalue()


async def test_what_does_not_verify_is_explained_and_handed_on_all_the_same(
    credentials: SandboxCredentials, shop: Shop
) -> None:
    genuine = notice(credentials)
    shop.status, shop.answer = 401, b'{"code":"FAIL"}'
    again = json.dumps(json.loads(genuine.body)).encode()
    post_office = Post(credentials, shop.url)
    async with post_office.listener as listener:
        found = await post(listener.url, dict(genuine.headers), again)
    assert found == (401, b'{"code":"FAIL"}')
    assert [body for _, body in shop.got] == [again]
    assert "NOT VERIFIED: signature wrong" in post_office.text
    assert "encoded again after signing: signed was compact" in post_office.text
    assert "forwarded: HTTP 401" in post_office.text


@pytest.mark.parametrize(
    ("sign", "words"),
    [
        ("", "sign header is empty"),
        ("YWJj\tYWJj", "wrapped over several lines"),
        (base64.b64encode(b"x" * 256).decode(), "not known here"),
    ],
)
async def test_without_a_handler_it_answers_as_one_should(
    credentials: SandboxCredentials, sign: str, words: str
) -> None:
    post_office = Post(credentials, None)
    genuine = notice(credentials)
    async with post_office.listener as listener:
        found = await post(listener.url, dict(genuine.headers), genuine.body)
        assert found == (200, ACKNOWLEDGEMENT)
        headers = {**genuine.headers, "sign": sign}
        status, _ = await post(listener.url, headers, genuine.body)
        assert status == 401
    assert words in post_office.text
    assert listener.count == 2


async def test_another_merchants_notification_is_told_apart(
    credentials: SandboxCredentials,
) -> None:
    post_office = Post(credentials, None)
    other = sign_notification(credentials.platform_key, "REFUND", merchant_no="other")
    async with post_office.listener as listener:
        status, _ = await post(listener.url, dict(other.headers), other.body)
    assert status in {401, 403}
    assert "NOT VERIFIED: not ours" in post_office.text


async def test_a_handler_that_is_not_there_is_told_and_answered_for(
    credentials: SandboxCredentials,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    post_office = Post(credentials, f"http://127.0.0.1:{port}/hook")
    genuine = notice(credentials)
    async with post_office.listener as listener:
        status, _ = await post(listener.url, dict(genuine.headers), genuine.body)
    assert status == 502
    assert "not forwarded: nobody listens" in post_office.text


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": "shop.tunnel.example"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
async def test_a_page_of_another_site_posts_nothing(
    credentials: SandboxCredentials, shop: Shop, headers: dict[str, str]
) -> None:
    post_office = Post(credentials, shop.url)
    genuine = notice(credentials)
    async with post_office.listener as listener:
        status, _ = await post(
            listener.url, {**genuine.headers, **headers}, genuine.body
        )
    assert status == 403
    assert (shop.got, post_office.listener.count) == ([], 0)


async def test_a_tunnel_that_is_named_leads_here(
    credentials: SandboxCredentials,
) -> None:
    post_office = Post(credentials, None, hosts=["Shop.tunnel.example"])
    genuine = notice(credentials)
    async with post_office.listener as listener:
        headers = {**genuine.headers, "Host": "shop.tunnel.example"}
        assert (await post(listener.url, headers, genuine.body))[0] == 200


async def test_headers_that_never_end_are_cut_off(
    credentials: SandboxCredentials,
) -> None:
    post_office = Post(credentials, None, head_seconds=0.3)
    async with post_office.listener as listener:
        port = int(listener.url.split(":")[2].partition("/")[0])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /payermax/notifications HTTP/1.1\r\nHost: ")
        async with asyncio.timeout(30):
            with contextlib.suppress(ConnectionError):
                assert await reader.read() == b""
        writer.transport.abort()


async def test_a_body_without_end_is_cut_off(credentials: SandboxCredentials) -> None:
    post_office = Post(credentials, None)
    async with post_office.listener as listener:
        status, _ = await post(listener.url, {"sign": "x"}, b" " * 600_000)
    assert status == 413
    assert post_office.listener.count == 0


@pytest.mark.parametrize("target", ["nowhere", "ftp://127.0.0.1/x", "file:///etc"])
async def test_an_address_that_cannot_be_posted_to_is_refused(
    shell: Shell,
    credentials: SandboxCredentials,
    monkeypatch: pytest.MonkeyPatch,
    target: str,
) -> None:
    for name, value in variables(credentials).items():
        monkeypatch.setenv(name, value)
    told = await shell("listen", "--forward-to", target)
    assert told.code == 2
    assert "--forward-to" in told.err


async def test_a_port_that_is_taken_is_told(
    shell: Shell, credentials: SandboxCredentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables(credentials).items():
        monkeypatch.setenv(name, value)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        told = await shell("listen", "--port", port)
    assert told.code == 2
    assert port in told.err
