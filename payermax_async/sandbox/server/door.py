"""A listening socket with an application behind it, and patience that ends."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Self

from aiohttp import web

__all__ = ["HEAD_SECONDS", "Door"]

HEAD_SECONDS = 10.0
"""Seconds in which the first request's line and headers must have come."""

_KEEP_ALIVE = 75.0
"""Seconds for each further request; aiohttp closes what is not complete by then."""

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Door:
    """Serves an application on a socket that listens already.

    aiohttp waits for ever for the end of a new connection's headers, and each that
    never ends holds a descriptor. Here such a connection is cut.

    Args:
        application: What is served; not set up yet.
        listener: Bound and listening. Closed with the door.
        head_seconds: How long a new connection has for its first headers.
        shutdown_timeout: How long requests under way get at the end.
        handler_cancellation: Whether who has left ends what was done for them.
    """

    def __init__(
        self,
        application: web.Application,
        listener: socket.socket,
        *,
        head_seconds: float = HEAD_SECONDS,
        shutdown_timeout: float = 1.0,
        handler_cancellation: bool = False,
    ) -> None:
        # First, so that no other middleware can keep the timer from being stopped.
        application.middlewares.insert(0, self._arrive)
        self._listener = listener
        self._head_seconds = head_seconds
        self._runner = web.AppRunner(
            application,
            access_log=None,
            # Bytes are signed as they were sent, so nothing may unpack them.
            auto_decompress=False,
            shutdown_timeout=shutdown_timeout,
            handler_cancellation=handler_cancellation,
            keepalive_timeout=_KEEP_ALIVE,
        )
        self._server: asyncio.Server | None = None
        self._silent: dict[asyncio.BaseProtocol, asyncio.TimerHandle] = {}

    async def __aenter__(self) -> Self:
        try:
            await self._runner.setup()
            loop = asyncio.get_running_loop()
            self._server = await loop.create_server(self._greet, sock=self._listener)
        except BaseException:
            await self.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Stop listening and end every connection. A second call does nothing."""
        if self._server is not None:
            self._server.close()
        self._listener.close()
        await self._runner.cleanup()
        for timer in self._silent.values():
            timer.cancel()
        self._silent.clear()

    def _greet(self) -> asyncio.BaseProtocol:
        make = self._runner.server
        if make is None:
            raise RuntimeError("the application is not set up")
        protocol = make()
        self._silent[protocol] = asyncio.get_running_loop().call_later(
            self._head_seconds, self._give_up, protocol
        )
        return protocol

    def _give_up(self, protocol: web.RequestHandler) -> None:
        del self._silent[protocol]
        if protocol.transport is not None:
            protocol.transport.abort()

    @web.middleware
    async def _arrive(
        self, request: web.Request, handler: _Handler
    ) -> web.StreamResponse:
        timer = self._silent.pop(request.protocol, None)
        if timer is not None:
            timer.cancel()
        return await handler(request)
