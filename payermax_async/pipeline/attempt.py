"""One attempt: stamp, encode, sign, send, verify, decode."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TypeVar, cast

from payermax_async.clock import Clock
from payermax_async.core.envelope import (
    Identity,
    write_request,
)
from payermax_async.core.errors import (
    NoReplyError,
    NotSentError,
    Outcome,
    PayerMaxError,
    ReplyMismatchError,
)
from payermax_async.pipeline.bounds import Bounds
from payermax_async.pipeline.call import Call
from payermax_async.pipeline.chain import Middleware, fold
from payermax_async.pipeline.facts import Attempt, Trip
from payermax_async.pipeline.foreign import blamed, defect, fitted
from payermax_async.pipeline.hosts import Host
from payermax_async.pipeline.limiter import Limiter
from payermax_async.pipeline.observe import Observers
from payermax_async.pipeline.replies import Replies
from payermax_async.pipeline.signatures import sealed
from payermax_async.pipeline.stamps import Stamps
from payermax_async.signing.base import Signer, Verifier
from payermax_async.transport.base import (
    ForgetsConnections,
    HttpRequest,
    HttpResponse,
    Transport,
    is_peer_known,
)
from payermax_async.transport.limit import Limit

__all__ = ["AttemptRunner"]

ReplyT = TypeVar("ReplyT")

_PAIR = 2


class AttemptRunner:
    """Carries single attempts for one merchant."""

    def __init__(
        self,
        *,
        identity: Identity,
        transport: Transport,
        signer: Signer,
        verifier: Verifier,
        clock: Clock,
        slots: Limiter,
        observers: Observers,
        middlewares: Sequence[Middleware] = (),
        extra_headers: Sequence[tuple[str, str]] = (),
        trust_unsigned_failures: bool = True,
    ) -> None:
        self._identity = identity
        self._transport = transport
        self._clock = clock
        self._headers = (
            ("content-type", "application/json; charset=utf-8"),
            ("accept", "application/json"),
            *extra_headers,
        )
        self._slots = slots
        self._stamps = Stamps(clock, observers)
        self._replies = Replies(
            stamps=self._stamps, trust_unsigned_failures=trust_unsigned_failures
        )
        self._bounds = Bounds()
        # Whether the transport was seen to answer without having told that it sent.
        self._forgetful = False
        # Innermost: what a middleware changed is signed, and what it gets was checked.
        self._handle = fold(middlewares, sealed(signer, verifier, self._send))

    async def run(self, call: Call[ReplyT], attempt: Attempt, host: Host) -> ReplyT:
        """Make one attempt.

        Args:
            call: What to ask.
            attempt: Its facts; ``attempt.timeout`` seconds cover all of it,
                waiting for a free slot included.
            host: Where to.

        Raises:
            TransportError: It was not sent, or no answer came back.
            ReplyError: An answer came that cannot be taken at its word.
            ExtensionError: A middleware, signer, verifier or transport failed.
            ApiError: The gateway answered with a code other than success.
            ClockSkewError: This machine's clock is hopeless; nothing was sent.
        """
        limit = Limit(attempt.timeout)
        try:
            with limit:
                async with self._slots:
                    # Waiting for a turn takes time, in which the host may have failed.
                    host.check_open_to(attempt)
                    response = await self._bounds.run(
                        self._exchange(call, attempt, host, limit)
                    )
        except TimeoutError:
            # Only the limit's own: what foreign code raises comes out wrapped.
            attempt.end()  # before looking: a thread may be about to send
            if attempt.sent:
                raise NoReplyError("no answer came in time") from None
            raise NotSentError(
                "the time was over before anything could be sent"
            ) from None
        finally:
            attempt.end()
        try:
            return self._replies.judge(call, attempt, host, response)
        except ReplyMismatchError:
            if isinstance(self._transport, ForgetsConnections):
                with blamed("transport", attempt):
                    self._transport.forget_connections()
            raise

    async def _exchange(
        self, call: Call[ReplyT], attempt: Attempt, host: Host, limit: Limit
    ) -> HttpResponse:
        request = self._request(call, attempt, host, limit)
        try:
            answer: object = await self._handle(request, attempt)
        except BaseException as error:
            # A middleware may have gone on without waiting for what it passed on, or
            # have changed an error on its way out. So nothing leaves from here on, and
            # what has left is looked at once more.
            attempt.end()
            fit = fitted("middleware", error, attempt)
            if fit is error:
                raise
            raise fit from error
        attempt.end()
        response = attempt.received
        if response is None or _body_of(answer) is not response.body:
            own = defect("middleware", "answered with a body of its own", attempt)
            own.most_attempts = None if attempt.sent else 1
            raise own
        return response

    def _request(
        self, call: Call[object], attempt: Attempt, host: Host, limit: Limit
    ) -> HttpRequest:
        """The request as it is to leave, its time stamped last.

        PayerMax refuses a ``requestTime`` that grew old in a queue: the slot was taken
        before.
        """
        attempt.wave = self._slots.wave
        with blamed("clock", attempt):
            attempt.stamp = stamp = self._stamps.stamp(call, attempt, host)
        attempt.encoded = write_request(
            self._identity,
            version=call.version,
            request_time=stamp,
            data=call.data,
            app_id_field=call.app_id_field,
        )
        loop = asyncio.get_running_loop()
        attempt.timeout = max(limit.when - loop.time(), 0.0)
        return HttpRequest(
            url=host.url_of(call.operation),
            headers=self._headers,
            body=attempt.encoded,
            alone=attempt.alone,
        )

    async def _send(self, request: HttpRequest, attempt: Attempt) -> HttpResponse:
        attempt.check_open()
        if attempt.gate is not None:
            await attempt.gate(attempt, request.url)
            attempt.check_open()
        attempt.tried = True
        with blamed("transport", attempt):
            attempt.peer_known = is_peer_known(self._transport, request.url)
        with blamed("clock", attempt):
            before = self._clock.monotonic()
        with blamed("transport", attempt):
            try:
                answer: object = await self._transport.send(
                    request, timeout=attempt.timeout, on_sent=attempt.mark_sent
                )
            except BaseException as error:
                self._note_failure(error, attempt)
                raise
            response = self._taken(answer, attempt)
        with blamed("clock", attempt):
            now = self._clock.monotonic()
            attempt.trip = Trip(now - before, self._clock.now(), now)
        attempt.status, attempt.received = response.status, response
        return response

    def _note_failure(self, error: BaseException, attempt: Attempt) -> None:
        """Write down what a transport's failure says about what has left."""
        if isinstance(error, PayerMaxError):
            # Its own word, also where it forgot to call ``on_sent``.
            may_have_left = error.outcome is not Outcome.NOT_SENT
        else:
            may_have_left = self._forgetful  # then its silence says nothing
        if may_have_left:
            attempt.record_sent()

    def _taken(self, answer: object, attempt: Attempt) -> HttpResponse:
        if not attempt.sent:
            self._forgetful = True
            attempt.record_sent()
        flaw = _flaw_of(answer)
        if flaw is not None:
            raise defect("transport", f"answered with {flaw}", attempt)
        return cast("HttpResponse", answer)


def _body_of(answer: object) -> bytes | None:
    return answer.body if isinstance(answer, HttpResponse) else None


def _flaw_of(answer: object) -> str | None:
    """Why an answer is not in the types that are read further on."""
    if not isinstance(answer, HttpResponse):
        return f"a {type(answer).__name__}, not an HttpResponse"
    for name, kind in (("status", int), ("headers", tuple), ("body", bytes)):
        found: object = getattr(answer, name)
        if type(found) is not kind:
            return f"{name} of type {type(found).__name__}, not {kind.__name__}"
    for header in cast("tuple[object, ...]", answer.headers):
        # Whatever a transport is declared to return, it can return something else.
        parts = cast("tuple[object, ...]", header if type(header) is tuple else ())
        if len(parts) != _PAIR or not (
            isinstance(parts[0], str) and isinstance(parts[1], str)
        ):
            return "headers that are no pairs of name and value as text"
    return None
