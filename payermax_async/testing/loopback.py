"""A gateway of raw sockets on 127.0.0.1 that answers exactly as told.

It shows what a transport puts on the wire, byte by byte, and breaks connections in
every way a network does. Standard library only.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Awaitable, Callable, Sequence
from typing import Self

import attrs

from payermax_async.transport.base import Headers, header_values

__all__ = [
    "Behaviour",
    "LoopbackConnection",
    "LoopbackGateway",
    "ReceivedRequest",
    "answering",
    "dripping",
    "flooding",
    "reply_bytes",
    "resetting",
    "silent",
    "unused_port",
]


@attrs.frozen(kw_only=True)
class ReceivedRequest:
    """One request as it came."""

    line: str
    """The request line, such as ``POST /x HTTP/1.1``."""
    headers: Headers = attrs.field(repr=False)
    """Every header line, in order."""
    body: bytes = attrs.field(repr=False)
    """The body."""

    def header_values(self, name: str) -> tuple[str, ...]:
        """Every value that came under ``name``, in order."""
        return header_values(self.headers, name)


class LoopbackConnection:
    """The gateway's end of one connection."""

    def __init__(
        self,
        gateway: LoopbackGateway,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        """Read and write over what asyncio accepted."""
        self._gateway = gateway
        self._reader = reader
        self._writer = writer

    async def request(self) -> ReceivedRequest:
        """Read one request whole, and keep it in ``LoopbackGateway.requests``.

        Raises:
            EOFError: The peer ended the connection before.
        """
        head = await self._reader.readuntil(b"\r\n\r\n")
        line, *lines = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
        pairs = [text.partition(":") for text in lines]
        headers = tuple((name, value.strip()) for name, _, value in pairs)
        lengths = header_values(headers, "Content-Length")
        body = await self._reader.readexactly(int(lengths[0]) if lengths else 0)
        received = ReceivedRequest(line=line, headers=headers, body=body)
        self._gateway.note(received)
        return received

    async def first_byte(self) -> bytes:
        """Wait for anything at all; empty when the peer ends the connection."""
        return await self._reader.read(1)

    async def send(self, data: bytes) -> None:
        """Write bytes as they are and wait until they left."""
        self._writer.write(data)
        await self._writer.drain()
        self._gateway.sent += len(data)

    async def hold(self) -> None:
        """Say nothing more until the peer ends the connection."""
        # Read and dropped, so that the end of the connection is seen.
        while await self._reader.read(65_536):
            pass

    def reset(self) -> None:
        """End it with RST: what was not read or sent is dropped."""
        connection: socket.socket = self._writer.get_extra_info("socket")
        # SO_LINGER of zero seconds is what makes a close a reset: socket(7).
        connection.setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
        self._writer.transport.abort()


Behaviour = Callable[[LoopbackConnection], Awaitable[None]]
"""What is done with one connection; it is closed when this returns."""


class LoopbackGateway:
    """Listens on a free port of this machine and follows a behaviour.

    Args:
        behaviours: One for each connection in turn; the last for all that follow.

    Attributes:
        requests: Every request that was read whole, in order.
        connections: How many connections were accepted.
        sent: Bytes that behaviours wrote.

    Example:
        >>> async with LoopbackGateway(answering(reply_bytes(b"{}"))) as gateway:
        ...     await transport.send(HttpRequest(url=gateway.url, body=b"{}"), ...)
    """

    def __init__(self, *behaviours: Behaviour) -> None:
        self.requests: list[ReceivedRequest] = []
        self.connections: int = 0
        self.sent = 0
        self._behaviours = behaviours
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._arrival = asyncio.Event()
        self.url: str = ""
        """Where requests go; known once it runs."""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}/aggregate-pay/api/gateway/contract"
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._server.wait_closed()

    def note(self, request: ReceivedRequest) -> None:
        """Count a request."""
        self.requests.append(request)
        self._arrival.set()

    async def received(self, count: int) -> None:
        """Wait until so many requests were read whole."""
        while len(self.requests) < count:
            self._arrival.clear()
            await self._arrival.wait()

    async def left(self) -> None:
        """Wait until no connection is open any more."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def _accept(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("asyncio calls this in a task")
        self._tasks.add(task)
        behaviour = self._behaviours[min(self.connections, len(self._behaviours) - 1)]
        self.connections += 1
        try:
            # The peer may leave in the middle of anything; that is its right.
            with contextlib.suppress(OSError, EOFError):
                await behaviour(LoopbackConnection(self, reader, writer))
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
        except asyncio.CancelledError:
            writer.transport.abort()  # the gateway is closing
        finally:
            self._tasks.discard(task)


def reply_bytes(
    body: bytes = b"{}",
    *,
    status: str = "200 OK",
    headers: Sequence[str] = (),
    length: int | None = None,
) -> bytes:
    """An HTTP response; ``length`` is announced in place of the true one."""
    announced = len(body) if length is None else length
    lines = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {announced}", "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def answering(*replies: bytes, hold: bool = True) -> Behaviour:
    """Answer one request after the other; the last reply to all that follow.

    Args:
        replies: Raw bytes.
        hold: Keep the connection; without, it is ended after the last reply.
    """

    async def behave(connection: LoopbackConnection) -> None:
        for reply in replies:
            await connection.request()
            await connection.send(reply)
        while hold:
            await connection.request()
            await connection.send(replies[-1])

    return behave


async def silent(connection: LoopbackConnection) -> None:
    """Read a whole request and say nothing."""
    await connection.request()
    await connection.hold()


async def resetting(connection: LoopbackConnection) -> None:
    """Read a whole request and end the connection with RST."""
    await connection.request()
    connection.reset()


def dripping(start: bytes, data: bytes, gap: float) -> Behaviour:
    """Send ``start``, then ``data`` byte by byte, ``gap`` seconds apart."""

    async def behave(connection: LoopbackConnection) -> None:
        await connection.request()
        await connection.send(start)
        for byte in data:
            await connection.send(bytes([byte]))
            await asyncio.sleep(gap)
        await connection.hold()

    return behave


def flooding(block: bytes) -> Behaviour:
    """Answer in chunks without end, until the peer goes away."""
    chunk = b"%x\r\n%s\r\n" % (len(block), block)

    async def behave(connection: LoopbackConnection) -> None:
        await connection.request()
        await connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            await connection.send(chunk)

    return behave


def unused_port() -> int:
    """A port of this machine on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    return port
