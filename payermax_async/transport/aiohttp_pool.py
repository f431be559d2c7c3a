"""The pool of connections, with what aiohttp's own leaves open."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from payermax_async.transport.threads import look_up, start_thread

if TYPE_CHECKING:
    from aiohttp.client_proto import ResponseHandler
    from aiohttp.connector import Connection
    from aiohttp.tracing import Trace

__all__ = ["WANTS_A_NEW_ONE", "Connector", "LimitedResolver", "ThreadResolver"]

WANTS_A_NEW_ONE = ContextVar("WANTS_A_NEW_ONE", default=False)
"""Whether the request of this task needs a connection that was never used.

aiohttp hands nothing of a request down to its pool but the address.
"""

_KEEP_ALIVE = 10.0
"""Seconds an idle connection stays: under the idle limit of common servers."""

_DNS_CACHE = 60

_LOOKUPS = 8
"""Names looked up at once."""

_FAREWELL = 1.0
"""Seconds that peers get at the end to answer TLS's closing message."""


class ThreadResolver(AbstractResolver):
    """The system's resolver, in a few threads that nobody else fills."""

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(_LOOKUPS)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Resolve. Who gives up leaves the thread busy until the system answers."""
        await self._free.acquire()
        looking = start_thread(lambda: look_up(host, port, family))
        looking.add_done_callback(lambda _: self._free.release())
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=number,
                family=kind,
                proto=0,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for kind, address, number in await asyncio.shield(looking)
        ]

    async def close(self) -> None:
        """Nothing is kept."""


class LimitedResolver(AbstractResolver):
    """Name resolution with a limit: aiohttp's connect timeout starts after it."""

    def __init__(
        self, seconds: float, inner: Callable[[], AbstractResolver] | None = None
    ) -> None:
        self._seconds = seconds
        # aiodns, if it is installed, waits in the event loop itself; aiohttp's other
        # resolver waits in the loop's default executor.
        threaded = aiohttp.DefaultResolver is aiohttp.ThreadedResolver
        stock = ThreadResolver if threaded else aiohttp.DefaultResolver
        self._inner = (inner or stock)()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Resolve, or fail as any name that cannot be resolved now."""
        try:
            async with asyncio.timeout(self._seconds):
                return await self._inner.resolve(host, port, family)
        except TimeoutError:
            reason = f"no answer within {self._seconds:g} s"
        raise OSError(socket.EAI_AGAIN, reason)

    async def close(self) -> None:
        """Release aiohttp's resolver."""
        await self._inner.close()


class Connector(aiohttp.TCPConnector):
    """A pool that never hands out a connection with something unread on it.

    aiohttp gives an answer that nobody asked for to the next request on that
    connection (aio-libs/aiohttp#13656). On a connection used before, unread
    bytes can only be that.
    """

    def __init__(
        self, *, limit: int, connect_timeout: float, force_close: bool
    ) -> None:
        self.names: LimitedResolver = LimitedResolver(connect_timeout)
        super().__init__(  # pyright: ignore[reportUnknownMemberType]
            # aiohttp leaves a tuple open in the type of socket_factory.
            limit=limit,
            resolver=self.names,
            ttl_dns_cache=_DNS_CACHE,
            force_close=force_close,
            keepalive_timeout=None if force_close else _KEEP_ALIVE,
        )
        self._open: dict[ResponseHandler, asyncio.Transport] = {}
        self._retired: set[ResponseHandler] = set()
        self._ending = False

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,
    ) -> Connection:
        """Give a new connection, or one from the pool that is clean."""
        while True:
            connection = await super().connect(req, traces, timeout)
            if self._ending:  # the slot was freed by the farewell itself
                connection.close()
                raise aiohttp.ClientConnectionError("the pool is closing")
            protocol, transport = connection.protocol, connection.transport
            if protocol is None or transport is None:
                return connection
            if protocol not in self._open:
                self._watch(protocol, transport)
                return connection
            used_up = protocol.should_close or protocol in self._retired
            if not used_up and not WANTS_A_NEW_ONE.get():
                return connection
            connection.close()

    def retire(self) -> None:
        """Hand out no connection again that was handed out before."""
        self._retired.update(self._open)

    async def end(self) -> None:
        """Close every connection, in the way TLS asks for where the peer helps."""
        self._ending = True
        ending = [end for p in self._open if (end := p.closed) is not None]
        if ending:
            for transport in self._open.values():
                # A second close makes asyncio's TLS forget the socket beneath,
                # and then no abort reaches it any more.
                if not transport.is_closing():
                    transport.close()
            await asyncio.wait(ending, timeout=_FAREWELL)
            for transport in self._open.values():
                transport.abort()
            await asyncio.wait(ending, timeout=_FAREWELL)
        await self.close()
        await self.names.close()

    def _watch(self, protocol: ResponseHandler, transport: asyncio.Transport) -> None:
        def forget(end: asyncio.Future[None]) -> None:
            self._open.pop(protocol, None)
            self._retired.discard(protocol)
            if not end.cancelled():
                end.exception()  # looked at, or asyncio reports it as missed

        if (end := protocol.closed) is not None:
            self._open[protocol] = transport
            end.add_done_callback(forget)
