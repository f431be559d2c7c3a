"""Real servers on loopback, in the test's own event loop, and raw requests to them."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Literal

import attrs
import hypercorn.asyncio
import hypercorn.config
import uvicorn
from aiohttp import web

from payermax_async.webhooks.http.lifespan import AsgiApp

PATH = "/payermax"
Address = tuple[str, int]
Serving = Callable[[AsgiApp], AbstractAsyncContextManager[Address]]


@asynccontextmanager
async def under_uvicorn(
    app: AsgiApp, http: Literal["h11", "httptools"] = "h11"
) -> AsyncGenerator[Address]:
    lifespan: Literal["on"] = "on"
    config = uvicorn.Config(
        app, log_config=None, lifespan=lifespan, ws="none", http=http
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            while not server.started:
                assert not serving.done()
                await asyncio.sleep(0.005)
            yield listening.getsockname()
        finally:
            server.should_exit = True
            await serving


def under_uvicorn_httptools(app: AsgiApp) -> AbstractAsyncContextManager[Address]:
    return under_uvicorn(app, http="httptools")


@asynccontextmanager
async def under_hypercorn(app: AsgiApp) -> AsyncGenerator[Address]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address: Address = listening.getsockname()
        config = hypercorn.config.Config()
        config.bind = [f"fd://{socket.dup(listening.fileno())}"]
        config.accesslog = config.errorlog = None
        stop = asyncio.Event()
        serving = asyncio.create_task(
            hypercorn.asyncio.serve(app, config, shutdown_trigger=stop.wait)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        )
        try:
            # Connections wait in the queue of the socket until it listens.
            yield address
        finally:
            stop.set()
            await serving


@asynccontextmanager
async def under_aiohttp(app: web.Application) -> AsyncGenerator[Address]:
    # As the documentation advises: nothing is unpacked or waited for in vain.
    runner = web.AppRunner(app, auto_decompress=False, lingering_time=0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield runner.addresses[0][:2]
    finally:
        await runner.cleanup()


@attrs.frozen
class Answer:
    """What came back on a socket."""

    status: int
    headers: dict[str, str]
    body: bytes


class Line:
    """One raw connection."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._reader = reader
        self._writer = writer

    async def send(self, *parts: bytes) -> None:
        self._writer.write(b"".join(parts))
        await self._writer.drain()

    async def send_head(
        self, method: str = "POST", path: str = PATH, **headers: str
    ) -> None:
        lines = [f"{method} {path} HTTP/1.1", "Host: shop.example"]
        lines += [
            f"{name.replace('_', '-')}: {value}" for name, value in headers.items()
        ]
        await self.send("\r\n".join([*lines, "", ""]).encode("latin-1"))

    async def answer(self, *, has_body: bool = True) -> Answer:
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.rstrip().split("\r\n")
        headers = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines)
        }
        length = int(headers.get("content-length", "0")) if has_body else 0
        return Answer(
            int(first.split()[1]), headers, await self._reader.readexactly(length)
        )

    async def rest(self) -> bytes:
        """Whatever else comes until the server closes."""
        return await self._reader.read()


@asynccontextmanager
async def connected(address: Address) -> AsyncGenerator[Line]:
    reader, writer = await asyncio.open_connection(*address[:2])
    try:
        yield Line(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
