"""A transport without a network, for tests of code that uses this package."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from inspect import isawaitable
from typing import TypeVar, cast
from urllib.parse import urlsplit

import attrs

from payermax_async.core.addresses import is_own_machine, is_tls
from payermax_async.core.errors import (
    ClientStateError,
    NoReplyError,
    Outcome,
    PayerMaxError,
)
from payermax_async.transport.base import (
    Headers,
    HttpRequest,
    HttpResponse,
    header_values,
)

__all__ = [
    "Answer",
    "FakeTransport",
    "RecordedRequest",
    "Responder",
    "json_reply",
    "script",
]

Answer = HttpResponse | Exception
"""What comes back: a response, or an error to raise."""

Responder = Callable[[HttpRequest], Answer | Awaitable[Answer]]
"""The gateway's part: one request in, one answer out, at once or awaited."""

_Value = TypeVar("_Value")


@attrs.frozen(kw_only=True)
class RecordedRequest:
    """A request that was sent, with its JSON parsed when you ask for it."""

    request: HttpRequest
    """The request as the transport got it."""

    @property
    def operation(self) -> str:
        """The gateway operation: the last part of the URL's path."""
        return urlsplit(self.request.url).path.rpartition("/")[2]

    @property
    def envelope(self) -> Mapping[str, object]:
        """The whole JSON body.

        Raises:
            ValueError: The body is no JSON object.
        """
        parsed: object = json.loads(self.request.body)
        return _mapping(parsed, "the body")

    @property
    def data(self) -> Mapping[str, object]:
        """The business fields: ``data`` of the envelope.

        Raises:
            ValueError: The body has no object ``data``.
        """
        return _mapping(self.envelope.get("data"), "data")

    def header_values(self, name: str) -> tuple[str, ...]:
        """Every value sent under ``name``, in order."""
        return header_values(self.request.headers, name)


class FakeTransport:
    """Hands each request to a function of yours and gives back what it answers.

    A plain handler that returns or raises a
    :class:`~payermax_async.core.errors.NotSentError` fails before anything left.
    With every other answer the request counts as sent. An ``async`` handler
    stands for a gateway at work: the request has left before it runs, and it
    is cut off at the deadline.

    Args:
        handler: The gateway's part.
        delay: Seconds from sending to the answer. When that is longer than
            the deadline of a call, the call ends as it would in life: with
            :class:`~payermax_async.core.errors.NoReplyError`.
        sleep: How to wait; replace it to test without waiting.

    Attributes:
        requests: What was sent, in order. Requests that failed before they left
            are not in it.

    Example:
        >>> transport = FakeTransport(script(
        ...     NoReplyError("the line went dead"),
        ...     json_reply({"code": "APPLY_SUCCESS", "msg": "Success.", "data": {}}),
        ... ))
    """

    def __init__(
        self,
        handler: Responder,
        *,
        delay: float = 0.0,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self.requests: list[RecordedRequest] = []
        self._handler = handler
        self._delay = delay
        self._sleep = sleep
        self._state = "not open"

    async def open(self) -> None:
        """Make ready to send.

        Raises:
            ClientStateError: It was closed before.
        """
        if self._state == "closed":
            raise ClientStateError("the transport is closed: make a new one")
        self._state = "open"

    async def send(
        self, request: HttpRequest, *, timeout: float, on_sent: Callable[[], None]
    ) -> HttpResponse:
        """Ask the handler; see the class for what its answer means.

        Raises:
            ClientStateError: Not open, or closed.
            NoReplyError: The answer took longer than ``timeout`` seconds.
        """
        if self._state != "open":
            raise ClientStateError(f"the transport is {self._state}")
        answer = self._ask(request)
        # Before on_sent: what failed to leave must not count as sent.
        if isinstance(answer, PayerMaxError) and answer.outcome is Outcome.NOT_SENT:
            raise answer
        # Before on_sent, so that a hook of the caller's sees it.
        self.requests.append(RecordedRequest(request=request))
        try:
            on_sent()
        except BaseException:
            # It did not leave after all.
            self.requests.pop()
            _discard(answer)
            raise
        if isawaitable(answer):
            answer = await _within(timeout, answer)
        if self._delay > 0:
            await self._sleep(min(self._delay, timeout))
        if self._delay >= timeout:
            raise NoReplyError("not answered in time by the fake transport")
        if isinstance(answer, Exception):
            raise answer
        return answer

    def vouches_for(self, url: str) -> bool:
        """As a transport would that verifies certificates."""
        return is_tls(url) or is_own_machine(url)

    async def aclose(self) -> None:
        """Refuse to send from now on. A second call does nothing."""
        self._state = "closed"

    def _ask(self, request: HttpRequest) -> Answer | Awaitable[Answer]:
        try:
            return self._handler(request)
        except PayerMaxError as error:  # raised is as good as returned
            return error


def script(*answers: Answer) -> Responder:
    """A handler that gives one answer after the other.

    Raises:
        AssertionError: By the handler, when there are more requests than
            answers.
    """
    waiting = iter(answers)

    def handle(request: HttpRequest) -> Answer:
        for answer in waiting:
            return answer
        operation = RecordedRequest(request=request).operation
        raise AssertionError(f"no answer is left in the script for {operation!r}")

    return handle


def json_reply(
    payload: Mapping[str, object], *, status: int = 200, headers: Headers = ()
) -> HttpResponse:
    """A response with ``payload`` as its JSON body, unsigned."""
    body = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
    return HttpResponse(
        status=status,
        headers=(("Content-Type", "application/json"), *headers),
        body=body.encode(),
    )


def _mapping(value: object, what: str) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise ValueError(f"{what} is no JSON object")
    return cast("dict[str, object]", value)


def _discard(answer: Answer | Awaitable[Answer]) -> None:
    close = getattr(answer, "close", None)  # of a coroutine nobody will await
    if close is not None:
        close()


async def _within(timeout: float, answer: Awaitable[_Value]) -> _Value:
    deadline = asyncio.timeout(timeout)
    try:
        async with deadline:
            return await answer
    except TimeoutError:
        # A time-out of the handler's own is its answer, not ours.
        if not deadline.expired():
            raise
    raise NoReplyError("not answered in time by the fake transport")
