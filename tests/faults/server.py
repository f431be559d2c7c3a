"""A loopback server that misbehaves exactly as told, byte by byte.

A *behaviour* is an async function over one accepted :class:`Wire`. It reads
what it wants of the request and writes raw bytes; when it returns, the
connection is closed in an orderly way, unless it was reset before.

    async with FaultServer(whole(reply(b"{}"))) as server:
        ...  # talk to server.url

A server takes one behaviour for all connections, or one for each in turn.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Self, cast

import trustme

__all__ = [
    "Behaviour",
    "Certificates",
    "FaultServer",
    "Wire",
    "before_reading",
    "close_at_once",
    "drip",
    "each",
    "flood",
    "half",
    "hold",
    "only_tls_1_1",
    "reply",
    "reset_at_once",
    "silence",
    "whole",
]


class Wire:
    """The server's end of one connection."""

    def __init__(
        self,
        server: FaultServer,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self.server = server
        self._reader = reader
        self._writer = writer
        self.ended = False

    async def read_head(self) -> bytes:
        """The request line and headers; raises at an end of stream before."""
        return await self._reader.readuntil(b"\r\n\r\n")

    async def read_request(self, start: bytes = b"") -> bytes:
        """A whole request, ``start`` of it read before; kept in ``server.requests``."""
        head = start + await self.read_head()
        length = 0
        for line in head.split(b"\r\n"):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        request = head + await self._reader.readexactly(length)
        await self.server.note(request)
        return request

    async def read_some(self) -> bytes:
        """Whatever is there first, at least one byte."""
        return await self._reader.readexactly(1)

    async def send(self, data: bytes) -> None:
        """Write raw bytes and wait until the kernel took them."""
        self._writer.write(data)
        await self._writer.drain()
        self.server.bytes_sent += len(data)

    async def finish(self) -> None:
        """Close with FIN."""
        self.ended = True
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    def reset(self) -> None:
        """Close with RST: no lingering, unsent and unread bytes are dropped."""
        self.ended = True
        connection: socket.socket = self._writer.get_extra_info("socket")
        no_linger = struct.pack("ii", 1, 0)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, no_linger)
        self._writer.transport.abort()

    async def go_deaf(self) -> None:
        """Read nothing more, not even TLS's closing message, and stay."""
        # Both halves in one, which neither asyncio's types nor uvloop's say.
        cast("asyncio.ReadTransport", self._writer.transport).pause_reading()
        await asyncio.Event().wait()

    async def hold(self) -> None:
        """Say nothing more until the client or the server ends it."""
        while await self._reader.read(65_536):
            pass


Behaviour = Callable[[Wire], Awaitable[None]]


class FaultServer:
    """Listens on 127.0.0.1 and runs one behaviour per connection.

    Attributes:
        connections: How many were accepted.
        requests: Every request that was read to its end, raw.
        bytes_sent: How much the behaviours managed to write.
        alarm: For a behaviour to tell the test how far it is.
        open: Connections that are not over yet.
    """

    def __init__(
        self, *behaviours: Behaviour, tls: ssl.SSLContext | None = None, port: int = 0
    ) -> None:
        if not behaviours:
            raise ValueError("give at least one behaviour")
        self._behaviours = behaviours
        self._tls = tls
        self._port = port
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.alarm = asyncio.Event()
        self._arrival = asyncio.Condition()
        self.connections = 0
        self.requests: list[bytes] = []
        self.bytes_sent = 0

    @property
    def port(self) -> int:
        return self._port

    @property
    def url(self) -> str:
        scheme = "http" if self._tls is None else "https"
        return f"{scheme}://127.0.0.1:{self._port}/aggregate-pay/api/gateway/x"

    @property
    def open(self) -> int:
        return len(self._tasks)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(
            self._accept,
            "127.0.0.1",
            self._port,
            ssl=self._tls,
            ssl_shutdown_timeout=None if self._tls is None else 1.0,
        )
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.close()
        self.end_all()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def note(self, request: bytes) -> None:
        """Count a request that was read whole."""
        async with self._arrival:
            self.requests.append(request)
            self._arrival.notify_all()

    async def received(self, count: int) -> None:
        """Wait until ``count`` requests were read whole."""
        async with self._arrival:
            await self._arrival.wait_for(lambda: len(self.requests) >= count)

    def stop_accepting(self) -> None:
        """Refuse new connections; those that stand go on."""
        assert self._server is not None
        self._server.close()

    def end_all(self) -> None:
        """Cut every connection now."""
        for task in tuple(self._tasks):
            task.cancel()

    async def quiet(self) -> None:
        """Wait until every connection is over, as seen from here."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def _accept(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        behaviour = self._behaviours[min(self.connections, len(self._behaviours) - 1)]
        self.connections += 1
        wire = Wire(self, reader, writer)
        try:
            # The client may leave in the middle of anything; that is its right.
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await behaviour(wire)
            if not wire.ended:
                await wire.finish()
        except asyncio.CancelledError:
            writer.transport.abort()  # the server is closing
        finally:
            self._tasks.discard(task)


def reply(
    body: bytes = b"{}",
    *,
    status: str = "200 OK",
    headers: Sequence[str] = (),
    length: int | None = -1,
) -> bytes:
    """An HTTP response; ``length`` None leaves out, a number forges the length."""
    lines = [f"HTTP/1.1 {status}", *headers]
    if length is not None:
        lines.append(f"Content-Length: {len(body) if length == -1 else length}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


async def close_at_once(wire: Wire) -> None:
    """Accept, FIN."""
    await wire.finish()


async def reset_at_once(wire: Wire) -> None:
    """Accept, RST. As an ``end`` for :func:`half` and :func:`whole`: RST."""
    wire.reset()


async def hold(wire: Wire) -> None:
    """Accept, say nothing."""
    await wire.hold()


def half(end: Behaviour) -> Behaviour:
    """Read the headers but not the body, then ``end``."""

    async def behave(wire: Wire) -> None:
        await wire.read_head()
        await end(wire)

    return behave


def whole(data: bytes, end: Behaviour | None = None) -> Behaviour:
    """Answer one request with raw bytes, then ``end`` or FIN."""

    async def behave(wire: Wire) -> None:
        await wire.read_request()
        await wire.send(data)
        if end is not None:
            await end(wire)

    return behave


def each(*replies: bytes) -> Behaviour:
    """Answer one request after the other on one connection, then hold it."""

    async def behave(wire: Wire) -> None:
        for data in replies:
            await wire.read_request()
            await wire.send(data)
        await wire.hold()

    return behave


def before_reading(data: bytes) -> Behaviour:
    """Answer before the request was asked for, then read it."""

    async def behave(wire: Wire) -> None:
        await wire.send(data)
        await wire.read_request()
        await wire.hold()

    return behave


def drip(start: bytes, data: bytes, gap: float) -> Behaviour:
    """Send ``start`` at once, then ``data`` byte by byte, ``gap`` seconds apart."""

    async def behave(wire: Wire) -> None:
        await wire.read_request()
        await wire.send(start)
        for index in range(len(data)):
            await wire.send(data[index : index + 1])
            await asyncio.sleep(gap)
        await wire.hold()

    return behave


def flood(head: bytes, block: bytes) -> Behaviour:
    """Send ``block`` until the client goes away."""

    async def behave(wire: Wire) -> None:
        await wire.read_request()
        await wire.send(head)
        while True:
            await wire.send(block)

    return behave


silence: Behaviour = whole(b"", hold)
"""Read the whole request, say nothing."""


async def only_tls_1_1(wire: Wire) -> None:
    """Do what a server that speaks nothing newer does with our ClientHello."""
    await wire.read_some()
    # A fatal alert (2), protocol_version (70), in a record of TLS 1.1 (3, 2):
    # RFC 5246, section 7.2.
    await wire.send(bytes((21, 3, 2, 0, 2, 2, 70)))
    await wire.hold()


class Certificates:
    """A certificate authority of its own, and servers good and bad under it."""

    def __init__(self) -> None:
        self.authority = trustme.CA()

    @property
    def pem(self) -> bytes:
        """The authority's certificate."""
        return self.authority.cert_pem.bytes()

    def client(self) -> ssl.SSLContext:
        """A verifying context that trusts this authority."""
        return ssl.create_default_context(cadata=self.pem.decode())

    def server(
        self, name: str = "127.0.0.1", *, expired: bool = False
    ) -> ssl.SSLContext:
        """A server for ``name``, with a certificate of today or of long ago."""
        end = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC) if expired else None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        issued = self.authority.issue_cert(name, not_after=end)
        with issued.private_key_and_cert_chain_pem.tempfile() as path:
            context.load_cert_chain(path)
        return context
