"""A listening socket loses patience with who never says what is wanted."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from payermax_async.sandbox.server import SandboxServer
from payermax_async.sandbox.server.door import Door
from payermax_async.sandbox.state.credentials import SandboxCredentials

PATIENCE = 0.3
GUARD = 30.0


@asynccontextmanager
async def served(head_seconds: float = PATIENCE) -> AsyncGenerator[int]:
    async def echo(request: web.Request) -> web.Response:
        return web.Response(body=await request.read())

    application = web.Application()
    application.router.add_post("/", echo)
    listener = socket.create_server(("127.0.0.1", 0))
    async with Door(application, listener, head_seconds=head_seconds):
        yield listener.getsockname()[1]


async def told(port: int, *pieces: bytes, pause: float = 0) -> bytes:
    """All that comes back until the connection is closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(pause)
        async with asyncio.timeout(GUARD):
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.transport.abort()


@pytest.mark.parametrize(
    "start",
    [b"", b"P", b"POST / HTTP/1.1\r\n", b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: "],
)
async def test_headers_that_never_end_are_cut_off(start: bytes) -> None:
    async with served() as port:
        assert await told(port, start) == b""


async def test_many_of_them_keep_nobody_out() -> None:
    # In a loop with 200 of them whole headers take their time, too.
    async with served(5 * PATIENCE) as port:
        silent = [asyncio.ensure_future(told(port, b"GET /")) for _ in range(200)]
        whole = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n"
        answer = await told(port, whole + b"Connection: close\r\n\r\nok")
        assert answer.endswith(b"ok")
        assert await asyncio.gather(*silent) == [b""] * 200


async def test_a_slow_body_is_not_unfinished_headers() -> None:
    head = (
        b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 3\r\n\r\n"
    )
    async with served() as port:
        answer = await told(port, head, b"a", b"b", b"c", pause=PATIENCE)
    assert answer.endswith(b"abc")


async def test_a_connection_that_is_kept_outlives_it() -> None:
    request = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n"
    async with served() as port:
        answer = await told(
            port,
            request + b"\r\nok",
            request + b"Connection: close\r\n\r\nok",
            pause=2 * PATIENCE,
        )
    assert answer.count(b"200 OK") == 2


async def test_a_sandbox_cuts_them_off_too(credentials: SandboxCredentials) -> None:
    async with SandboxServer(credentials=credentials, head_seconds=PATIENCE) as server:
        port = int(server.origin.rpartition(":")[2])
        assert await told(port, b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n") == b""


async def test_closing_does_not_wait_for_them() -> None:
    async with served(head_seconds=3600) as port:
        waiting = asyncio.ensure_future(told(port, b"GET /"))
        while not waiting.done() and len(asyncio.all_tasks()) < 3:
            await asyncio.sleep(0)
        await asyncio.sleep(0.05)
    assert await waiting == b""
