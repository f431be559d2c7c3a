"""The receiver of the commands: listens on this machine, and verifies what comes."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable
from typing import Self

import attrs
from aiohttp import web

from payermax_async.core.errors import (
    ClientStateError,
    ConfigurationError,
    WebhookError,
)
from payermax_async.core.models.notifications import Notification
from payermax_async.sandbox.server.door import HEAD_SECONDS, Door
from payermax_async.sandbox.server.local_only import refuse_strangers
from payermax_async.sandbox.server.posting import read_body
from payermax_async.transport.base import Headers
from payermax_async.webhooks import ACKNOWLEDGEMENT, CONTENT_TYPE, NotificationVerifier

__all__ = ["CaughtNotification", "LoopbackReceiver"]

_PATH = "/payermax/notifications"


@attrs.frozen(kw_only=True)
class CaughtNotification:
    """One request that came in."""

    headers: Headers = attrs.field(repr=False)
    """As they came."""
    body: bytes = attrs.field(repr=False)
    """As it came."""
    notification: Notification | None
    """What it said; ``None`` when it was refused."""
    refusal: WebhookError | None
    """Why it was refused."""

    @property
    def answer(self) -> bytes:
        """The body that :class:`NotificationVerifier` advises to answer with."""
        return ACKNOWLEDGEMENT if self.refusal is None else self.refusal.body

    def response(self) -> web.Response:
        """The whole of that answer."""
        status = 200 if self.refusal is None else self.refusal.status
        return web.Response(status=status, body=self.answer, content_type=CONTENT_TYPE)


class LoopbackReceiver:
    """Listens on loopback, and tells PayerMax's notifications from others.

    Args:
        verifier: Tells them apart.
        answer: Answers each; when left out, they are answered as is advised, and
            :meth:`next` gives them.
        port: Port to listen on; 0 takes a free one.
        hosts: Names it may be asked for besides this machine's, such as a tunnel's.
        head_seconds: How long a connection has for its first headers.
    """

    def __init__(
        self,
        verifier: NotificationVerifier,
        answer: Callable[[CaughtNotification], Awaitable[web.Response]] | None = None,
        *,
        port: int = 0,
        hosts: Iterable[str] = (),
        head_seconds: float = HEAD_SECONDS,
    ) -> None:
        self._verifier = verifier
        self._answer = answer or self._keep
        self._port = port
        self._hosts = frozenset(host.lower() for host in hosts)
        self._head_seconds = head_seconds
        # Refused ones too: a demonstration of refusals has to see them.
        self._deliveries: asyncio.Queue[CaughtNotification] = asyncio.Queue()
        self._door: Door | None = None

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
        app = web.Application()
        app.router.add_post(_PATH, self._receive)
        try:
            listener = socket.create_server(("127.0.0.1", self._port))
        except (OSError, OverflowError):
            raise ConfigurationError(
                f"cannot listen on port {self._port} of 127.0.0.1: is it taken?"
            ) from None
        # Of a port 0 the system has chosen one by now, and the links carry it.
        self._port = int(listener.getsockname()[1])
        door = Door(app, listener, head_seconds=self._head_seconds)
        self._door = await door.__aenter__()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
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
        # A page that is open in a browser here may post to this machine as well.
        refuse_strangers(request, "this listener", hosts=self._hosts)
        body = await read_body(request, self._verifier.max_body)
        notification, refusal = None, None
        try:
            notification = await self._verifier.verify(request.headers, body)
        except WebhookError as error:
            refusal = error
        return await self._answer(
            CaughtNotification(
                headers=tuple(request.headers.items()),
                body=body,
                notification=notification,
                refusal=refusal,
            )
        )

    async def _keep(self, caught: CaughtNotification) -> web.Response:
        self._deliveries.put_nowait(caught)
        return caught.response()
