"""The doctor's instruments: a name looked up, a line tried, a request posted."""

from __future__ import annotations

import asyncio
import base64
import os
import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol, cast
from urllib.parse import SplitResult, unquote, urlsplit

import attrs

from payermax_async.core.errors import ConfigurationError
from payermax_async.core.secret import Secret
from payermax_async.pipeline.skew import read_http_date
from payermax_async.transport.base import Transport
from payermax_async.transport.threads import in_own_thread, look_up
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

    @property
    def through(self) -> str | None:
        """Host and port of the proxy that everything goes through, if one does."""
        ...

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


_Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class SystemNetwork:
    """The network as this machine has it, as the client uses it.

    Args:
        timeout: Seconds for each step.
        ca_file: PEM file with the only certificate authorities to trust, as given
            to ``AiohttpTransport``.
        proxy: URL of the proxy that leads out, as given to ``AiohttpTransport``.
    """

    def __init__(
        self,
        *,
        timeout: float = 10.0,
        ca_file: str | os.PathLike[str] | None = None,
        proxy: Secret | None = None,
    ) -> None:
        self._timeout = timeout
        self._ca_file = None if ca_file is None else Path(ca_file)
        self._proxy = proxy

    @property
    def through(self) -> str | None:
        """Host and port of the proxy, without its password."""
        if self._proxy is None:
            return None
        parts = urlsplit(self._proxy.reveal())
        return f"{host_of(parts)}:{port_of(parts)}"

    async def resolve(self, host: str) -> tuple[str, ...]:
        """The addresses of a host, as the system knows them."""
        async with asyncio.timeout(self._timeout):
            found = await in_own_thread(lambda: look_up(host))
        return tuple(dict.fromkeys(address for _, address, _ in found))

    async def connect(self, host: str, port: int) -> None:
        """Make a TCP connection, through the proxy if there is one, and close it."""
        async with asyncio.timeout(self._timeout):
            _, writer = await self._line(host, port)
        await _end(writer)

    async def try_line(self, url: str) -> Line:
        """Connect, shake hands, send a HEAD, close."""
        parts = urlsplit(url)
        async with asyncio.timeout(self._timeout):
            context = await self._context(parts)
            reader, writer = await self._line(host_of(parts), port_of(parts))
            try:
                if context is not None:
                    await writer.start_tls(context, server_hostname=host_of(parts))
            except BaseException:
                writer.transport.abort()
                raise
        try:
            line = _secured(writer)
            loop = asyncio.get_running_loop()
            # The loop's clock: the machine's own may be what is wrong.
            before = loop.time()
            date = await self._date(reader, writer, parts)
            return attrs.evolve(line, date=date, trip=loop.time() - before)
        finally:
            await _end(writer)

    async def _context(self, parts: SplitResult) -> ssl.SSLContext | None:
        if parts.scheme != "https":
            return None
        try:
            return await in_own_thread(lambda: make_context(self._ca_file))
        except ConfigurationError as error:
            # Whoever asks is waiting for what a network may answer.
            raise OSError(str(error)) from None

    async def _line(self, host: str, port: int) -> _Line:
        """A TCP connection to a host, through the proxy if there is one."""
        if self._proxy is None:
            return await _dial(host, port)
        proxy = urlsplit(self._proxy.reveal())
        reader, writer = await _dial(host_of(proxy), port_of(proxy))
        try:
            context = await self._context(proxy)
            if context is not None:
                await writer.start_tls(context, server_hostname=host_of(proxy))
            place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
            writer.write(_connect(place, proxy).encode("ascii", "replace"))
            await writer.drain()
            head = await reader.readuntil(b"\r\n\r\n")
            status = head.split(b" ", 2)[1:2]
            if status != [b"200"]:
                answer = b"".join(status)[:3].decode("ascii", "replace")
                # Three digits of its answer: the rest may hold anything.
                raise OSError(f"the proxy {self.through} answered {answer}")
        except (EOFError, asyncio.LimitOverrunError):
            writer.transport.abort()
            raise OSError(f"the proxy {self.through} answered no HTTP") from None
        except BaseException:
            writer.transport.abort()
            raise
        return reader, writer

    async def _date(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        parts: SplitResult,
    ) -> datetime | None:
        request = (
            f"HEAD {parts.path or '/'} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
            # HEAD changes nothing anywhere, and needs no signature.
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
            connect_timeout=self._timeout,
            ca_file=self._ca_file,
            proxy=self._proxy,
            force_close=True,
        )


async def _dial(host: str, port: int) -> _Line:
    """Connect to the first address of a host that takes the connection."""
    # The event loop would look the name up in its default executor.
    places = await in_own_thread(lambda: look_up(host, port))
    failure: OSError = OSError("it has no address")
    for _, address, number in places:
        try:
            return await asyncio.open_connection(address, number)
        except OSError as error:
            failure = error
    raise failure


def _connect(place: str, proxy: SplitResult) -> str:
    """The request for a tunnel (RFC 9110, section 9.3.6)."""
    lines = [f"CONNECT {place} HTTP/1.1", f"Host: {place}"]
    if proxy.username is not None:
        pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
        word = base64.b64encode(pair.encode()).decode()
        lines.append(f"Proxy-Authorization: Basic {word}")
    return "\r\n".join([*lines, "", ""])


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
