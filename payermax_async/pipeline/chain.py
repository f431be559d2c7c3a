"""Middlewares: callables around one attempt, folded once into a chain."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from payermax_async.core.errors import PayerMaxError
from payermax_async.pipeline.facts import Attempt
from payermax_async.pipeline.foreign import defect, fitted
from payermax_async.transport.base import HttpRequest, HttpResponse

__all__ = ["Attempt", "CallNext", "Handler", "Middleware", "fold"]


CallNext = Callable[[HttpRequest], Awaitable[HttpResponse]]
"""The rest of the chain."""

Handler = Callable[[HttpRequest, Attempt], Awaitable[HttpResponse]]
"""A folded chain."""


class Middleware(Protocol):
    """Wraps one attempt. Holds no state of a call, so it may serve many clients.

    It may add headers, wait, observe and refuse. It must not touch the body:
    the bytes are signed further in, and what PayerMax signed is checked there.

    What it raises before the request has left is final: nothing was sent, and
    nothing is tried again. Once the request has left, nothing that it raises or
    answers with itself settles the call: the outcome is unknown. ``call_next``
    works once in an attempt, for reads too: trying again is up to the retry policy.

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
        passed: list[BaseException] = []
        called = False

        async def call_next(changed: HttpRequest) -> HttpResponse:
            nonlocal called
            attempt.check_open()
            if called:
                raise defect("middleware", "asked for an answer twice", attempt)
            called = True
            try:
                return await inner(changed, attempt)
            except BaseException as error:
                passed.append(error)
                raise

        try:
            return await middleware(request, attempt, call_next)
        except BaseException as error:
            if any(error is one for one in passed):
                raise
            own = fitted("middleware", error, attempt)
            if isinstance(own, PayerMaxError) and not attempt.sent:
                own.most_attempts = 1  # a refusal: asked again, it refuses again
            if own is error:
                raise
            raise own from error
        finally:
            passed.clear()  # their frames hold this one

    return handle
