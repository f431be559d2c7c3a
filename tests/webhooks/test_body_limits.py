"""What a server lets through before a body is read: over raw sockets."""

from __future__ import annotations

import asyncio
import gzip
import logging
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
from aiohttp import web

from payermax_async.core.errors import WebhookError
from payermax_async.webhooks import ACKNOWLEDGEMENT
from payermax_async.webhooks.aiohttp import add_webhook
from payermax_async.webhooks.asgi import WebhookApp
from tests.webhooks import kit, servers
from tests.webhooks.desk import Desk

PATIENCE = 0.4  # seconds for a body
Running = Callable[[Desk], AbstractAsyncContextManager[servers.Address]]


@asynccontextmanager
async def _uvicorn_h11(desk: Desk) -> AsyncGenerator[servers.Address]:
    app = WebhookApp(desk, path=servers.PATH, body_timeout=PATIENCE)
    async with servers.under_uvicorn(app) as address:
        yield address


@asynccontextmanager
async def _uvicorn_httptools(desk: Desk) -> AsyncGenerator[servers.Address]:
    app = WebhookApp(desk, path=servers.PATH, body_timeout=PATIENCE)
    async with servers.under_uvicorn_httptools(app) as address:
        yield address


@asynccontextmanager
async def _hypercorn(desk: Desk) -> AsyncGenerator[servers.Address]:
    app = WebhookApp(desk, path=servers.PATH, body_timeout=PATIENCE)
    async with servers.under_hypercorn(app) as address:
        yield address


@asynccontextmanager
async def _aiohttp(desk: Desk) -> AsyncGenerator[servers.Address]:
    app = web.Application()
    add_webhook(app, servers.PATH, desk, body_timeout=PATIENCE)
    async with servers.under_aiohttp(app) as address:
        yield address


everywhere = pytest.mark.parametrize(
    "running", [_uvicorn_h11, _uvicorn_httptools, _hypercorn, _aiohttp]
)


def right() -> dict[str, str]:
    found = kit.genuine()
    return {"sign": found.headers["sign"], "Content_Length": str(len(found.body))}


@everywhere
async def test_a_genuine_one_is_acknowledged_and_the_receiver_was_open(
    running: Running,
) -> None:
    desk = Desk()
    async with running(desk) as address, servers.connected(address) as line:
        await line.send_head(**right())
        await line.send(kit.genuine().body)
        answer = await line.answer()
        assert desk.is_open
    assert (answer.status, answer.body) == (200, ACKNOWLEDGEMENT)
    assert answer.headers["content-type"] == "application/json"
    assert len(desk.taken) == 1
    assert not desk.is_open


@everywhere
async def test_a_body_declared_too_large_is_refused_before_it_is_sent(
    running: Running,
) -> None:
    desk = Desk()
    async with running(desk) as address, servers.connected(address) as line:
        await line.send_head(sign=kit.RIGHT_SHAPE, Content_Length="262145")
        answer = await line.answer()
    assert (answer.status, answer.body) == (413, WebhookError.body)
    assert desk.verifications == 0


@everywhere
async def test_chunks_are_counted_while_they_come(running: Running) -> None:
    desk = Desk()
    async with running(desk) as address, servers.connected(address) as line:
        await line.send_head(sign=kit.RIGHT_SHAPE, Transfer_Encoding="chunked")
        for _ in range(5):  # 320 KiB, and no last chunk
            await line.send(b"10000\r\n", bytes(65_536), b"\r\n")
        answer = await line.answer()
    assert (answer.status, answer.body) == (413, WebhookError.body)
    assert desk.verifications == 0


@everywhere
async def test_a_slow_body_is_given_up(running: Running) -> None:
    desk = Desk()
    async with running(desk) as address, servers.connected(address) as line:
        await line.send_head(**right())
        dripping = asyncio.create_task(_drip(line, kit.genuine().body))
        try:
            answer = await line.answer()
        finally:
            dripping.cancel()
            await asyncio.wait([dripping])
    assert (answer.status, answer.body) == (408, WebhookError.body)
    assert (desk.taken, desk.verifications) == ([], 0)


async def _drip(line: servers.Line, body: bytes) -> None:
    # Each byte comes soon after the last: only the time for all of them is over.
    for byte in body:
        await line.send(bytes([byte]))
        await asyncio.sleep(PATIENCE / 8)


@everywhere
async def test_a_body_cut_off_has_no_effect_and_no_traceback(
    running: Running, caplog: pytest.LogCaptureFixture
) -> None:
    desk = Desk()
    with caplog.at_level(logging.INFO):
        async with running(desk) as address:
            async with servers.connected(address) as line:
                await line.send_head(**right())
                await line.send(kit.genuine().body[:-1])
                await asyncio.sleep(0.05)
            async with servers.connected(address) as line:
                await line.send_head(**right())
                await line.send(kit.genuine().body)
                assert (await line.answer()).status == 200
    assert len(desk.taken) == 1
    assert desk.verifications == 1
    assert [record for record in caplog.records if record.exc_info] == []


@everywhere
@pytest.mark.parametrize("coding", ["gzip", "br", "deflate, gzip", "identity, zstd"])
async def test_a_compressed_body_is_refused_unread(
    running: Running, coding: str
) -> None:
    desk = Desk()
    async with running(desk) as address, servers.connected(address) as line:
        await line.send_head(
            sign=kit.RIGHT_SHAPE, Content_Encoding=coding, Content_Length="1000"
        )
        answer = await line.answer()
    assert (answer.status, answer.body) == (415, WebhookError.body)
    assert desk.verifications == 0


@everywhere
async def test_a_bomb_is_not_unpacked(running: Running) -> None:
    bomb = gzip.compress(bytes(50_000_000))
    desk = Desk()
    async with running(desk) as address, servers.connected(address) as line:
        started = time.process_time()
        await line.send_head(
            sign=kit.RIGHT_SHAPE, Content_Encoding="gzip", Content_Length=str(len(bomb))
        )
        await line.send(bomb)
        answer = await line.answer()
        spent = time.process_time() - started
    assert (answer.status, answer.body) == (415, WebhookError.body)
    assert desk.verifications == 0
    # To unpack it takes 100 ms and more; a budget generous to a busy machine.
    assert spent < 0.06


@everywhere
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"])
async def test_other_methods_are_told_which_one_is_right(
    running: Running, method: str
) -> None:
    desk = Desk()
    async with running(desk) as address, servers.connected(address) as line:
        await line.send_head(method, sign=right()["sign"])
        answer = await line.answer(has_body=method != "HEAD")
    assert (answer.status, answer.headers["allow"]) == (405, "POST")
    assert answer.body == (b"" if method == "HEAD" else WebhookError.body)
    assert desk.verifications == 0


@everywhere
async def test_another_path_is_not_found(running: Running) -> None:
    async with running(Desk()) as address, servers.connected(address) as line:
        await line.send_head(path="/other", Content_Length="0")
        assert (await line.answer()).status == 404
