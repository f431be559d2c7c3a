"""One attempt: stamp, encode, sign, send, verify, decode."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Generic, Protocol, TypeGuard, TypeVar, cast

import attrs

from payermax_async.clock import Clock
from payermax_async.core.codec import ShapeError
from payermax_async.core.codes.lookup import error_from_reply
from payermax_async.core.envelope import (
    Identity,
    ReplyEnvelope,
    read_reply,
    write_request,
)
from payermax_async.core.errors import (
    ClockSkewError,
    HttpStatusError,
    NoReplyError,
    NotSentError,
    Outcome,
    PayerMaxError,
    ReplyMismatchError,
    ReplySignatureError,
    UnreadableReplyError,
)
from payermax_async.core.operations.table import Replay, is_query
from payermax_async.core.strict_json import JsonError, JsonObject, JsonValue
from payermax_async.pipeline.bounds import Bounds
from payermax_async.pipeline.chain import Middleware, fold
from payermax_async.pipeline.facts import Attempt, Trip
from payermax_async.pipeline.foreign import blamed, defect, fitted
from payermax_async.pipeline.hosts import Host
from payermax_async.pipeline.observe import Observers, SkewMeasured
from payermax_async.pipeline.signatures import sign_requests, verify_replies
from payermax_async.pipeline.skew import read_http_date
from payermax_async.pipeline.slots import Slots
from payermax_async.signing.base import Signer, Verifier
from payermax_async.transport.base import (
    ForgetsConnections,
    HttpRequest,
    HttpResponse,
    Transport,
    is_peer_known,
)

__all__ = ["Call", "Exchange", "retry_after_of"]

ReplyT = TypeVar("ReplyT")
ReplyT_co = TypeVar("ReplyT_co", covariant=True)

_OK = 200
_REDIRECTS = range(300, 400)
# RFC 9110, section 15: a final status has three digits, the first of them 2 to 5.
_FINAL = range(200, 600)
_PAIR = 2
_STAMP_REFUSED = "REQ_TIME_OVER_TIME"
_DELAY_SECONDS = re.compile(r"[0-9]{1,9}")


class ReadsReply(Protocol[ReplyT_co]):
    """Reads ``data`` of a successful reply."""

    def __call__(self, data: JsonValue, /, *, alone: bool) -> ReplyT_co:
        """Read it.

        Args:
            data: What came.
            alone: Whether nothing else was asked on the same connection.

        Raises:
            ShapeError: It cannot be read.
            ReplyMismatchError: It is about something else.
            UnnamedReplyError: It does not say what it is about.
            ConflictError: It is about an id that differs in case alone.
        """
        ...


@attrs.frozen(kw_only=True)
class Call(Generic[ReplyT_co]):
    """What stays the same over all attempts of a call."""

    operation: str
    """The gateway's name of the operation."""
    version: str
    """The interface version."""
    data: JsonObject = attrs.field(repr=False)
    """The business fields."""
    merchant_key: str | None
    """The merchant's id in the request."""
    replay: Replay
    """May it be sent again after an unknown outcome?"""
    read: ReadsReply[ReplyT_co] = attrs.field(repr=False)
    """Reads ``data`` of a successful reply."""
    question: Call[Any] | None = attrs.field(default=None, repr=False)
    """Asks what exists under the merchant's id of a write."""
    may_probe: bool = False
    """Whether it may be the first thing that a host gets after a rest."""
    app_id_field: str | None = None
    """What its envelope calls the app; as configured when ``None``."""


def retry_after_of(response: HttpResponse, now: datetime) -> float | None:
    """Seconds the gateway asks to wait (RFC 9110, 10.2.3); nonsense is ignored."""
    values = response.header_values("retry-after")
    if len(values) != 1:
        return None
    text = values[0].strip()
    if _DELAY_SECONDS.fullmatch(text):
        return float(text)
    until = read_http_date(text)
    seconds = (until - now).total_seconds() if until is not None else 0.0
    return seconds if seconds > 0 else None


class Exchange:
    """Carries single attempts for one merchant."""

    def __init__(
        self,
        *,
        identity: Identity,
        transport: Transport,
        signer: Signer,
        verifier: Verifier,
        clock: Clock,
        slots: Slots,
        observers: Observers,
        middlewares: Sequence[Middleware] = (),
        extra_headers: Sequence[tuple[str, str]] = (),
        trust_unsigned_failures: bool = True,
    ) -> None:
        self._identity = identity
        self._transport = transport
        self._clock = clock
        self._observers = observers
        self._headers = (
            ("content-type", "application/json; charset=utf-8"),
            ("accept", "application/json"),
            *extra_headers,
        )
        self._slots = slots
        self._trust_unsigned_failures = trust_unsigned_failures
        self._bounds = Bounds()
        # Whether the transport was seen to answer without having told that it sent.
        self._forgetful = False
        signed = verify_replies(verifier, sign_requests(signer, self._send))
        self._handle = fold(middlewares, signed)

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
        limit = asyncio.timeout(attempt.timeout)
        try:
            async with limit, self._slots:
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
            return self._judge(call, attempt, host, response)
        except ReplyMismatchError:
            if isinstance(self._transport, ForgetsConnections):
                with blamed("transport", attempt):
                    self._transport.forget_connections()
            raise

    async def _exchange(
        self, call: Call[ReplyT], attempt: Attempt, host: Host, limit: asyncio.Timeout
    ) -> HttpResponse:
        attempt.wave = self._slots.wave
        # The slot is taken first and the time is stamped last: PayerMax refuses
        # a requestTime that grew old in a queue.
        with blamed("clock", attempt):
            attempt.stamp = stamp = self._stamp(call, attempt, host)
        attempt.encoded = write_request(
            self._identity,
            version=call.version,
            request_time=stamp,
            data=call.data,
            app_id_field=call.app_id_field,
        )
        loop = asyncio.get_running_loop()
        attempt.timeout = max((limit.when() or 0.0) - loop.time(), 0.0)
        request = HttpRequest(
            url=host.url_of(call.operation),
            headers=self._headers,
            body=attempt.encoded,
            alone=attempt.alone,
        )
        answer: object = await self._passed_on(request, attempt)
        response = attempt.received
        if response is None or _body_of(answer) is not response.body:
            own = defect("middleware", "answered with a body of its own", attempt)
            own.most_attempts = None if attempt.sent else 1
            raise own
        return response

    async def _passed_on(self, request: HttpRequest, attempt: Attempt) -> object:
        """What comes out of the chain; from then on nothing leaves any more.

        A middleware may have gone on without waiting for what it passed on, or have
        changed an error on its way out. So what has left is looked at once more.
        """
        try:
            answer: object = await self._handle(request, attempt)
        except BaseException as error:
            attempt.end()
            fit = fitted("middleware", error, attempt)
            if fit is error:
                raise
            raise fit from error
        attempt.end()
        return answer

    async def _send(self, request: HttpRequest, attempt: Attempt) -> HttpResponse:
        attempt.check_open()
        attempt.tried = True
        with blamed("transport", attempt):
            attempt.peer_known = is_peer_known(self._transport, request.url)
        with blamed("clock", attempt):
            before = self._clock.monotonic()
        with blamed("transport", attempt):
            response = await self._carry(request, attempt)
        with blamed("clock", attempt):
            now = self._clock.monotonic()
            attempt.trip = Trip(now - before, self._clock.now(), now)
        attempt.status, attempt.received = response.status, response
        return response

    async def _carry(self, request: HttpRequest, attempt: Attempt) -> HttpResponse:
        try:
            response: object = await self._transport.send(
                request, timeout=attempt.timeout, on_sent=attempt.mark_sent
            )
        except PayerMaxError as error:
            if error.outcome is not Outcome.NOT_SENT:
                attempt.record_sent()  # its own word
            raise
        except BaseException:
            if self._forgetful:
                attempt.record_sent()  # its silence says nothing
            raise
        if not attempt.sent:
            self._forgetful = True
            attempt.record_sent()
        if not _is_whole(response):
            kind = type(response).__name__
            raise defect("transport", f"answered with a {kind} of no use", attempt)
        return response

    def _stamp(self, call: Call[object], attempt: Attempt, host: Host) -> datetime:
        wall, now = self._clock.now(), self._clock.monotonic()
        # A question does no harm, and its answer shows whether the clock is right.
        if call.replay is not Replay.SAFE:
            _check_clock(host, wall, now, Outcome.NOT_SENT)
        if attempt.correction is not None:
            return wall + attempt.correction
        return wall + host.skew.correction(wall, now)

    def _compare_clocks(
        self,
        attempt: Attempt,
        host: Host,
        response: HttpResponse,
        *,
        verified: bool,
        late: bool,
    ) -> None:
        """Learn from the reply's ``Date``, as far as that is to be believed."""
        dates = response.header_values("date")
        date = read_http_date(dates[0]) if len(dates) == 1 else None
        trip, stamp = attempt.trip, attempt.stamp
        if date is None or trip is None or stamp is None:
            return
        wall, now, skew = trip.wall, trip.now, host.skew
        if not verified:
            if late:
                attempt.hint = skew.correction_once(date, wall=wall, trip=trip.seconds)
            return
        skew.observe(
            date, wall=wall, now=now, trip=trip.seconds, stamp=stamp, refused=late
        )
        offset = skew.news(wall, now)
        if offset is not None:
            corrected = skew.correction(wall, now).total_seconds() != 0
            self._observers.emit(
                SkewMeasured(host=host.name, offset=offset, corrected=corrected)
            )
        if late:
            _check_clock(host, wall, now, Outcome.REJECTED)

    def _judge(
        self, call: Call[ReplyT], attempt: Attempt, host: Host, response: HttpResponse
    ) -> ReplyT:
        # Identity, not equality: it is this body that was verified.
        verified = attempt.verified is response.body
        reply = self._envelope(attempt, response, verified=verified)
        late = reply.code == _STAMP_REFUSED
        self._compare_clocks(attempt, host, response, verified=verified, late=late)
        if not reply.is_success:
            raise error_from_reply(
                code=reply.code,
                api_message=reply.message,
                verified=verified,
                trusted=self._trust_unsigned_failures and attempt.peer_known,
                asked=is_query(call.operation),
                retry_after=self._retry_after(attempt, response),
            )
        if not verified:
            raise ReplySignatureError("the reply reports success without a signature")
        try:
            return call.read(reply.data, alone=attempt.alone)
        except ShapeError as error:
            raise UnreadableReplyError(f"the reply's data.{error}") from None

    def _retry_after(self, attempt: Attempt, response: HttpResponse) -> float | None:
        with blamed("clock", attempt):
            now = self._clock.now()
        return retry_after_of(response, now)

    def _envelope(
        self, attempt: Attempt, response: HttpResponse, *, verified: bool
    ) -> ReplyEnvelope:
        # PayerMax answers with 200 and puts errors into the body. Another status
        # comes from something in between, unless PayerMax's signature says not.
        final = response.status in _FINAL and response.status not in _REDIRECTS
        if not final or (response.status != _OK and not verified):
            raise HttpStatusError(
                f"HTTP status {response.status} instead of a signed answer",
                status=response.status,
                retry_after=self._retry_after(attempt, response),
            )
        try:
            return read_reply(response.body)
        except (JsonError, ShapeError) as error:
            raise UnreadableReplyError(f"the reply is unreadable: {error}") from None


def _body_of(answer: object) -> bytes | None:
    return answer.body if isinstance(answer, HttpResponse) else None


def _is_whole(response: object) -> TypeGuard[HttpResponse]:
    """Whether a transport answered in the types that are read further on."""
    return (
        isinstance(response, HttpResponse)
        and type(response.body) is bytes
        and type(response.status) is int
        and type(response.headers) is tuple
        and all(map(_is_line, response.headers))
    )


def _is_line(header: object) -> bool:
    # Whatever a transport is declared to return, it can return something else.
    if type(header) is not tuple:
        return False
    parts = cast("tuple[object, ...]", header)
    return len(parts) == _PAIR and all(isinstance(part, str) for part in parts)


def _check_clock(host: Host, wall: datetime, now: float, outcome: Outcome) -> None:
    if host.skew.is_hopeless(wall, now):
        seconds = abs(host.skew.offset(wall, now) or 0.0)
        raise ClockSkewError(
            f"PayerMax refused a request for its time, and this machine's clock is "
            f"{seconds:.0f} seconds off the gateway's: set it (NTP), PayerMax refuses "
            "anything over 2 minutes",
            outcome=outcome,
        )
