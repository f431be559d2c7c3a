"""A webhook receiver on this machine: verifies, acknowledges, and hands over."""

from __future__ import annotations

import asyncio
import socket
from types import TracebackType
from typing import Self

import attrs
from aiohttp import web

from payermax_async.core.errors import ClientStateError, WebhookError
from payermax_async.core.models.notifications import Notification
from payermax_async.sandbox.server.door import HEAD_SECONDS, Door
from payermax_async.transport.base import Headers
from payermax_async.webhooks import ACKNOWLEDGEMENT, NotificationVerifier

__all__ = ["CaughtNotification", "LoopbackReceiver"]

_PATH = "/payermax/notifications"


@attrs.frozen(kw_only=True)
class CaughtNotification:
    """One request that came in, and what it was answered with."""

    headers: Headers = attrs.field(repr=False)
    """As they came."""
    body: bytes = attrs.field(repr=False)
    """As it came."""
    notification: Notification | None
    """What it said; ``None`` when it was refused."""
    refusal: WebhookError | None
    """Why it was refused."""
    answer: bytes
    """The body it was answered with."""


class LoopbackReceiver:
    """Listens on loopback, on a port that the system chooses.

    Args:
        verifier: Tells PayerMax's notifications from others.
        head_seconds: How long a connection has for its first headers.
    """

    def __init__(
        self, verifier: NotificationVerifier, *, head_seconds: float = HEAD_SECONDS
    ) -> None:
        self._verifier = verifier
        self._head_seconds = head_seconds
        # Refused ones too: a demonstration of refusals has to see them.
        self._deliveries: asyncio.Queue[CaughtNotification] = asyncio.Queue()
        self._door: Door | None = None
        self._port = 0

    @property
    def url(self) -> str:
        """The address for ``notify_url``.

        Raises:
            ClientStateError: It is not listening yet.
        """
        if self._door is None:
            raise ClientStateError("the receiver is not listening")
        return f"http://127.0.0.1:{self._port}{_PATH}"

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=self._verifier.max_body)
        app.router.add_post(_PATH, self._receive)
        listener = socket.create_server(("127.0.0.1", 0))
        self._port = int(listener.getsockname()[1])
        door = Door(app, listener, head_seconds=self._head_seconds)
        self._door = await door.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        door, self._door = self._door, None
        if door is not None:
            await door.aclose()

    async def next(self, timeout: float | None = None) -> CaughtNotification:
        """The next delivery, refused ones too, oldest first.

        Args:
            timeout: Seconds to wait for it; for ever when left out.

        Raises:
            TimeoutError: None came in time.
        """
        async with asyncio.timeout(timeout):
            return await self._deliveries.get()

    async def _receive(self, request: web.Request) -> web.Response:
        body = await request.read()
        notification, refusal = None, None
        status, answer = 200, ACKNOWLEDGEMENT
        try:
            notification = await self._verifier.verify(request.headers, body)
        except WebhookError as error:
            # As NotificationVerifier advises a merchant to answer.
            refusal, status, answer = error, error.status, error.body
        self._deliveries.put_nowait(
            CaughtNotification(
                headers=tuple(request.headers.items()),
                body=body,
                notification=notification,
                refusal=refusal,
                answer=answer,
            )
        )
        return web.Response(status=status, body=answer, content_type="application/json")
