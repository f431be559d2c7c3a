"""The doctor's instruments: a name looked up, a line tried, a request posted."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol, cast
from urllib.parse import SplitResult, urlsplit

import attrs

from payermax_async.pipeline.skew import read_http_date
from payermax_async.transport.base import Transport
from payermax_async.transport.tls import make_context

__all__ = ["Line", "Network", "SystemNetwork", "host_of", "port_of"]

_LARGEST_HEAD = 16_384


@attrs.frozen(kw_only=True)
class Line:
    """A connection that was made and given up again."""

    tls_version: str | None = None
    """Such as ``TLSv1.3``; ``None`` over plain http."""
    expires: datetime | None = None
    """The end of the certificate."""
    date: datetime | None = None
    """The HTTP ``Date`` of a harmless answer, if one came."""
    trip: float = 0.0
    """Seconds from asking to having that answer."""


class Network(Protocol):
    """What the doctor needs of a network."""

    async def resolve(self, host: str) -> tuple[str, ...]:
        """The addresses of a host.

        Raises:
            OSError: There are none.
        """
        ...

    async def connect(self, host: str, port: int) -> None:
        """Make a TCP connection and close it.

        Raises:
            OSError: There is none. A ``TimeoutError`` is one.
        """
        ...

    async def try_line(self, url: str) -> Line:
        """Connect, shake hands, ask for nothing (HEAD), close.

        Raises:
            ssl.SSLError: The certificate or the version is not accepted.
            OSError: There is no connection, or it broke.
        """
        ...

    def transport(self) -> Transport:
        """A new transport, not open yet."""
        ...


def host_of(parts: SplitResult) -> str:
    """The host of a URL that was checked."""
    return parts.hostname or ""


def port_of(parts: SplitResult) -> int:
    """The port of a URL that was checked."""
    return parts.port or (443 if parts.scheme == "https" else 80)


class SystemNetwork:
    """The network as this machine has it, without any proxy, as the client uses it.

    Args:
        timeout: Seconds for each step.
        ca_file: PEM file with the only certificate authorities to trust, as given
            to ``AiohttpTransport``.
    """

    def __init__(
        self, *, timeout: float = 10.0, ca_file: str | os.PathLike[str] | None = None
    ) -> None:
        self._timeout = timeout
        self._ca_file = None if ca_file is None else Path(ca_file)

    async def resolve(self, host: str) -> tuple[str, ...]:
        """The addresses of a host, as the system knows them."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(self._timeout):
            found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))

    async def connect(self, host: str, port: int) -> None:
        """Make a TCP connection and close it."""
        async with asyncio.timeout(self._timeout):
            _, writer = await asyncio.open_connection(host, port)
        await _end(writer)

    async def try_line(self, url: str) -> Line:
        """Connect, shake hands, send a HEAD, close."""
        parts = urlsplit(url)
        context = None
        if parts.scheme == "https":
            context = await asyncio.to_thread(make_context, self._ca_file)
        async with asyncio.timeout(self._timeout):
            reader, writer = await asyncio.open_connection(
                host_of(parts), port_of(parts), ssl=context
            )
        try:
            line = _secured(writer)
            loop = asyncio.get_running_loop()
            before = loop.time()
            date = await self._date(reader, writer, parts)
            return attrs.evolve(line, date=date, trip=loop.time() - before)
        finally:
            await _end(writer)

    async def _date(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        parts: SplitResult,
    ) -> datetime | None:
        request = (
            f"HEAD {parts.path or '/'} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
            "Connection: close\r\n\r\n"
        )
        try:
            async with asyncio.timeout(self._timeout):
                writer.write(request.encode("ascii", "replace"))
                await writer.drain()
                head = await reader.readuntil(b"\r\n\r\n")
        except (OSError, EOFError, asyncio.LimitOverrunError):
            return None  # the line is there; what it says is another check's
        return _date_of(head)

    def transport(self) -> Transport:
        """The client's own transport."""
        from payermax_async.transport.aiohttp import AiohttpTransport

        return AiohttpTransport(
            connect_timeout=self._timeout, ca_file=self._ca_file, force_close=True
        )


def _date_of(head: bytes) -> datetime | None:
    for line in head[:_LARGEST_HEAD].decode("latin-1").split("\r\n")[1:]:
        name, _, value = line.partition(":")
        if name.strip().lower() == "date":
            return read_http_date(value.strip())
    return None


def _secured(writer: asyncio.StreamWriter) -> Line:
    found = cast("ssl.SSLObject | None", writer.get_extra_info("ssl_object"))
    if found is None:
        return Line()
    certificate = cast("dict[str, Any]", found.getpeercert() or {})
    end = certificate.get("notAfter")
    expires = None
    if isinstance(end, str):
        expires = datetime.fromtimestamp(ssl.cert_time_to_seconds(end), UTC)
    return Line(tls_version=found.version(), expires=expires)


async def _end(writer: asyncio.StreamWriter) -> None:
    """Close for good: what the other side still wants to say does not matter."""
    writer.transport.abort()
    try:
        await writer.wait_closed()
    except OSError:
        return
