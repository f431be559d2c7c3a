"""Middlewares: callables around one attempt, folded once into a chain."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import attrs

from payermax_async.transport.base import HttpRequest, HttpResponse

__all__ = ["Attempt", "CallNext", "Handler", "Middleware", "fold"]


@attrs.define(kw_only=True)
class Attempt:
    """One attempt of a call, as middlewares see it."""

    operation: str
    """The gateway's name of the operation."""
    merchant_key: str | None
    """The merchant's id in the request."""
    number: int
    """1 for the first attempt of a call."""
    timeout: float
    """Seconds this attempt may take from now on."""
    wave: int = 0
    """How often the client had slowed down when this attempt got its turn."""
    tried: bool = False
    """Whether the transport was reached."""
    sent: bool = False
    """Whether anything has left this machine; set by the transport."""
    status: int | None = None
    """The HTTP status of the response, once there is one."""
    encoded: bytes = attrs.field(default=b"", repr=False)
    """The body that was made once and is to be signed."""
    verified: bytes | None = attrs.field(default=None, repr=False)
    """The reply body whose signature was found right, itself and not a copy."""

    def mark_sent(self) -> None:
        """Record that the first byte is about to leave."""
        self.sent = True


CallNext = Callable[[HttpRequest], Awaitable[HttpResponse]]
"""The rest of the chain."""

Handler = Callable[[HttpRequest, Attempt], Awaitable[HttpResponse]]
"""A folded chain."""


class Middleware(Protocol):
    """Wraps one attempt. Holds no state of a call, so it may serve many clients.

    It may add headers, wait, observe and refuse. It must not touch the body:
    the bytes are signed further in, and what PayerMax signed is checked there.

    Example:
        >>> async def tag(request, attempt, call_next):
        ...     return await call_next(request.with_header("x-shop", "42"))
    """

    async def __call__(
        self, request: HttpRequest, attempt: Attempt, call_next: CallNext, /
    ) -> HttpResponse:
        """Handle one attempt, usually by awaiting ``call_next``."""
        ...


def fold(middlewares: Sequence[Middleware], innermost: Handler) -> Handler:
    """One handler out of many middlewares; the first is the outermost."""
    handler = innermost
    for middleware in reversed(middlewares):
        handler = _around(middleware, handler)
    return handler


def _around(middleware: Middleware, inner: Handler) -> Handler:
    async def handle(request: HttpRequest, attempt: Attempt) -> HttpResponse:
        async def call_next(changed: HttpRequest) -> HttpResponse:
            return await inner(changed, attempt)

        return await middleware(request, attempt, call_next)

    return handle
