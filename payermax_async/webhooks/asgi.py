"""The receiver as an ASGI application: behind any server, inside any framework."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, aclosing
from typing import Protocol

from payermax_async.core.errors import ConfigurationError
from payermax_async.webhooks.http.body import Intake, Receives
from payermax_async.webhooks.http.lifespan import (
    AsgiApp,
    Receive,
    RunningBeside,
    Scope,
    Send,
)
from payermax_async.webhooks.http.reply import Reply

__all__ = ["RunningReceiver", "WebhookApp"]

_LOG = logging.getLogger(__name__)


class RunningReceiver(Receives, AbstractAsyncContextManager[object], Protocol):
    """A receiver that works while it is open."""


class WebhookApp:
    """Answers PayerMax's notifications over ASGI.

    Served alone, or in front of another application, it opens the receiver when
    the server starts and closes it when the server stops. As a route inside a
    framework, the framework's own lifespan does that: ``async with receiver``.

    Make it a route, not a mount: ``app.mount("/payermax", hook)`` of Starlette and
    FastAPI answers a POST to ``/payermax`` with a redirect to ``/payermax/``, and
    nothing says that PayerMax follows one.

    Args:
        receiver: Judges, stores and hands on.
        path: The one path to answer; every path when left out, for a route that
            has been chosen already.
        otherwise: Gets all other paths and websockets; without it they are
            answered with 404.
        body_timeout: Seconds for a body to arrive, instead of the receiver's own.

    Raises:
        ConfigurationError: ``body_timeout`` is no time.

    Example:
        >>> application = WebhookApp(  # in asgi.py of a Django project
        ...     receiver, path="/payermax", otherwise=get_asgi_application()
        ... )
    """

    def __init__(
        self,
        receiver: RunningReceiver,
        *,
        path: str | None = None,
        otherwise: AsgiApp | None = None,
        body_timeout: float | None = None,
    ) -> None:
        if otherwise is not None and path is None:
            raise ConfigurationError("otherwise needs a path that is not meant for it")
        self._receiver = receiver
        self._intake = Intake(receiver, body_timeout=body_timeout)
        self._path = path
        self._otherwise = otherwise
        self._lifespan = RunningBeside(receiver, otherwise)
        self._told = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection, as ASGI calls it."""
        if scope["type"] == "lifespan":
            await self._lifespan(scope, receive, send)
        elif scope["type"] == "http" and self._is_ours(scope):
            self._look_for_a_mount(scope)
            await self._serve(scope, receive, send)
        elif self._otherwise is not None:
            await self._otherwise(scope, receive, send)
        elif scope["type"] == "http":
            await _send(Reply(status=404, headers={}, body=b""), scope, send)
        else:
            await send({"type": f"{scope['type']}.close"})

    def _is_ours(self, scope: Scope) -> bool:
        if self._path is None:
            return True
        root: str = scope.get("root_path", "")
        path: str = scope["path"]
        return self._path in {path, path.removeprefix(root)}

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with aclosing(_chunks(receive)) as chunks:
                reply = await self._intake.answer(
                    scope["method"], scope["headers"], chunks
                )
        except _SenderGoneError:
            _LOG.debug("a sender went away before its body was complete")
            return
        await _send(reply, scope, send)

    def _look_for_a_mount(self, scope: Scope) -> None:
        # Only Starlette's Mount sets this.
        if "app_root_path" not in scope or self._told:
            return
        self._told = True
        _LOG.warning(
            "the webhook is mounted: a POST to its address without a slash at the "
            "end is answered with a redirect; make it a route instead"
        )


class _SenderGoneError(Exception):
    pass


async def _chunks(receive: Receive) -> AsyncGenerator[bytes]:
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _SenderGoneError
        yield message.get("body", b"")
        more = message.get("more_body", False)


async def _send(reply: Reply, scope: Scope, send: Send) -> None:
    headers = [
        (name.lower().encode("latin-1"), value.encode("latin-1"))
        for name, value in reply.headers.items()
    ]
    headers.append((b"content-length", b"%d" % len(reply.body)))
    if reply.closes and scope.get("http_version", "1")[0] == "1":
        # The body was not read, and nobody should wait for the rest of it.
        headers.append((b"connection", b"close"))
    start = {"type": "http.response.start", "status": reply.status, "headers": headers}
    await send(start)
    body = b"" if scope["method"] == "HEAD" else reply.body
    await send({"type": "http.response.body", "body": body})
