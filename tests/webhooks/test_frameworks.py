"""The handlers that the README shows, behind their real servers."""

from __future__ import annotations

import asyncio
import gzip
import socket
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import httpx
import pytest
import uvicorn
from aiohttp import web
from fastapi import FastAPI, Request, Response

from payermax_async.core.errors import WebhookError
from payermax_async.core.models.notifications import LinkNotification
from payermax_async.core.strict_json import write_json
from payermax_async.webhooks import ACKNOWLEDGEMENT, CONTENT_TYPE, NotificationVerifier
from tests.webhooks import kit

Pairs = list[tuple[str, str]]
Running = Callable[[NotificationVerifier, list[str]], AbstractAsyncContextManager[str]]


def fastapi_app(verifier: NotificationVerifier, paid: list[str]) -> FastAPI:
    app = FastAPI()

    @app.post("/payermax")
    async def payermax(request: Request) -> Response:
        try:
            notification = await verifier.verify(request.headers, await request.body())
        except WebhookError as refused:
            return Response(refused.body, refused.status, media_type=CONTENT_TYPE)
        if isinstance(notification, LinkNotification) and notification.data.is_paid:
            paid.append(notification.data.merchant_link_id)
        return Response(ACKNOWLEDGEMENT, media_type=CONTENT_TYPE)

    assert callable(payermax)
    return app


def aiohttp_app(verifier: NotificationVerifier, paid: list[str]) -> web.Application:
    async def payermax(request: web.Request) -> web.Response:
        try:
            notification = await verifier.verify(request.headers, await request.read())
        except WebhookError as refused:
            return web.Response(
                body=refused.body, status=refused.status, content_type=CONTENT_TYPE
            )
        if isinstance(notification, LinkNotification) and notification.data.is_paid:
            paid.append(notification.data.merchant_link_id)
        return web.Response(body=ACKNOWLEDGEMENT, content_type=CONTENT_TYPE)

    app = web.Application()
    app.router.add_post("/payermax", payermax)
    return app


@asynccontextmanager
async def under_uvicorn(
    verifier: NotificationVerifier, paid: list[str]
) -> AsyncGenerator[str]:
    app = fastapi_app(verifier, paid)
    config = uvicorn.Config(app, log_config=None, lifespan="off", ws="none")
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            while not server.started:
                assert not serving.done()
                await asyncio.sleep(0.005)
            yield f"http://127.0.0.1:{port}/payermax"
        finally:
            server.should_exit = True
            await serving


@asynccontextmanager
async def under_aiohttp(
    verifier: NotificationVerifier, paid: list[str]
) -> AsyncGenerator[str]:
    runner = web.AppRunner(aiohttp_app(verifier, paid))
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        yield f"http://127.0.0.1:{port}/payermax"
    finally:
        await runner.cleanup()


def _requests() -> dict[str, tuple[Pairs, bytes, int]]:
    found = kit.genuine()
    right, body = found.headers["sign"], found.body
    pretty = body.replace(b'":', b'": ')
    other = kit.body_of(merchant_no="9")
    unusable = body[:-1]
    newer = write_json({**kit.link_payload(), "notifyType": "CHARGEBACK"})
    return {
        "genuine": ([("sign", right)], body, 200),
        "in capitals": ([("SIGN", right)], body, 200),
        "as text": ([("sign", right), ("content-type", "text/plain")], body, 200),
        "unknown type": ([("sign", kit.sign(newer))], newer, 200),
        "no sign": ([], body, 401),
        "empty sign": ([("sign", "")], body, 401),
        "sign twice": ([("sign", right), ("sign", right)], body, 401),
        "right and wrong": ([("sign", right), ("Sign", "x")], body, 401),
        "joined": ([("sign", f"{right}, {right}")], body, 401),
        "in a cookie": ([("cookie", f"sign={right}")], body, 401),
        "8-bit": ([("sign", "\xff" * 344)], body, 401),
        "another key": ([("sign", kit.sign(body, kit.other_key()))], body, 401),
        "written again": ([("sign", right)], pretty, 401),
        "empty": ([("sign", right)], b"", 401),
        "another merchant": ([("sign", kit.sign(other))], other, 403),
        "compressed": (
            [("sign", right), ("content-encoding", "gzip")],
            gzip.compress(body),
            415,
        ),
        "too large": ([("sign", right)], b" " * 262_145, 413),
        "unusable": ([("sign", kit.sign(unusable))], unusable, 500),
    }


@pytest.mark.parametrize("running", [under_uvicorn, under_aiohttp])
async def test_a_handler_takes_what_is_genuine_and_nothing_else(
    running: Running,
) -> None:
    paid: list[str] = []
    async with (
        running(kit.notification_verifier(), paid) as url,
        httpx.AsyncClient(trust_env=False) as http,
    ):
        for name, (pairs, body, status) in _requests().items():
            raw = [(key.encode(), value.encode("latin-1")) for key, value in pairs]
            answer = await http.post(url, content=body, headers=raw)
            assert (name, answer.status_code) == (name, status)
            expected = ACKNOWLEDGEMENT if status == 200 else WebhookError.body
            assert (name, answer.content) == (name, expected)
            assert answer.headers["content-type"] == CONTENT_TYPE
        in_query = await http.post(
            url, params={"sign": kit.genuine().headers["sign"]}, content=b"{}"
        )
        assert in_query.status_code == 401
        assert (await http.get(url)).status_code == 405
    assert paid == [kit.CANARY] * 3


@pytest.mark.parametrize("running", [under_uvicorn, under_aiohttp])
async def test_all_forgeries_get_one_and_the_same_answer(running: Running) -> None:
    answers: set[tuple[object, ...]] = set()
    async with (
        running(kit.notification_verifier(), []) as url,
        httpx.AsyncClient(trust_env=False) as http,
    ):
        for pairs, body, status in _requests().values():
            if status == 401:
                raw = [(key.encode(), value.encode("latin-1")) for key, value in pairs]
                answer = await http.post(url, content=body, headers=raw)
                names = sorted(name for name in answer.headers if name != "date")
                answers.add((answer.status_code, answer.content, *names))
    assert len(answers) == 1
