"""The receiver behind aiohttp.web."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing

from aiohttp import ClientPayloadError, web

from payermax_async.webhooks.asgi import RunningReceiver
from payermax_async.webhooks.http.body import Intake, Receives

__all__ = ["add_webhook", "webhook_handler"]

_LOG = logging.getLogger(__name__)


def add_webhook(
    app: web.Application,
    path: str,
    receiver: RunningReceiver,
    *,
    body_timeout: float | None = None,
) -> None:
    """Answer notifications at a path, and run the receiver while the app runs.

    aiohttp decompresses bodies unless its server is told not to, and waits ten
    seconds for a body nobody reads. Neither lets a forgery through; to save the
    work, serve with ``web.AppRunner(app, auto_decompress=False,
    lingering_time=0)``.

    Args:
        app: Not yet started.
        path: Such as ``/payermax``; without a variable part.
        receiver: Opened when the app starts, closed when it has stopped.
        body_timeout: Seconds for a body to arrive, instead of the receiver's own.

    Raises:
        ConfigurationError: ``body_timeout`` is no time.
    """

    async def running(_: web.Application) -> AsyncGenerator[None]:
        async with receiver:
            yield

    app.cleanup_ctx.append(running)
    app.router.add_route(
        "*", path, webhook_handler(receiver, body_timeout=body_timeout)
    )


def webhook_handler(
    receiver: Receives, *, body_timeout: float | None = None
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """A handler for a route of your own, with a receiver that you run.

    Route every method to it: it answers those that are not POST.

    Raises:
        ConfigurationError: ``body_timeout`` is no time.
    """
    intake = Intake(receiver, body_timeout=body_timeout)

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            async with aclosing(_chunks(request)) as chunks:
                reply = await intake.answer(request.method, request.headers, chunks)
        except (ClientPayloadError, ConnectionError, web.RequestPayloadError):
            _LOG.debug("a sender went away before its body was complete")
            return web.Response(status=400)  # nobody is there to read it
        response = web.Response(
            body=reply.body, status=reply.status, headers=dict(reply.headers)
        )
        if reply.closes:
            response.force_close()
        return response

    return handle


async def _chunks(request: web.Request) -> AsyncGenerator[bytes]:
    if request.content.at_eof():
        # A middleware may have read it; then aiohttp kept what it read.
        yield await request.read()
        return
    async for chunk in request.content.iter_any():
        yield chunk
