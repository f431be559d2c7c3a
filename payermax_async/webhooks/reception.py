"""The front of a receiver: judge, store, answer; nothing else is waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import MappingProxyType
from typing import TypeVar

from payermax_async.clock import Clock
from payermax_async.core.envelope import ACKNOWLEDGEMENT, CONTENT_TYPE
from payermax_async.core.errors import WebhookError, WebhookReason
from payermax_async.core.models.notifications import Notification
from payermax_async.webhooks.events.base import event_of, split
from payermax_async.webhooks.http.headers import HeaderSource
from payermax_async.webhooks.http.reply import Reply
from payermax_async.webhooks.inbox.entries import (
    Arrival,
    EntryState,
    ParkedBody,
    Source,
    Stored,
)
from payermax_async.webhooks.inbox.protocol import Inbox
from payermax_async.webhooks.limits import ReceiverLimits
from payermax_async.webhooks.telling.alerts import Alert, AlertKind, Tally
from payermax_async.webhooks.telling.failures import error_name, failure_of
from payermax_async.webhooks.time_limit import TimeLimits
from payermax_async.webhooks.verifying.verifier import NotificationVerifier, SignedBody

__all__ = ["Reception"]

T = TypeVar("T")

_HEADERS = MappingProxyType({"Content-Type": CONTENT_TYPE})
_OVERLOADED = (
    ": too many signatures wait to be checked; answered with 503, and PayerMax sends "
    "again; if nobody attacks, raise ReceiverLimits.max_verifying"
)
_UNAVAILABLE = 503
_WAITING_PER_CHECK = 10
# Of the limit: who waited longer was held up by others, not by the verifier.
_TURN_AT_ONCE = 0.1


class _NoTurnError(Exception):
    """Too many signatures wait to be checked."""


class Reception:
    """Takes requests in for one endpoint."""

    def __init__(
        self,
        verifier: NotificationVerifier,
        inbox: Inbox[object],
        *,
        clock: Clock,
        tally: Tally,
        tenant: str,
        limits: ReceiverLimits,
        on_fresh: Callable[[], None],
    ) -> None:
        self._verifier = verifier
        self._inbox = inbox
        self._clock = clock
        self._tally = tally
        self._tenant = tenant
        self._limits = limits
        # PayerMax waits for the answer.
        self._time_limits = TimeLimits(to_end=0)
        # Made anew on opening: it belongs to the event loop that first waits for it.
        self._verifying = asyncio.Semaphore()
        self._may_come_in = limits.max_verifying * (1 + _WAITING_PER_CHECK)
        self._came_in = 0
        self._on_fresh = on_fresh

    def open(self) -> None:
        """Begin, on the event loop that runs."""
        self._verifying = asyncio.Semaphore(self._limits.max_verifying)

    async def handle(
        self, headers: HeaderSource, body: bytes | bytearray | memoryview
    ) -> Reply:
        """The answer to a request."""
        try:
            # Before any turn is waited for: what cannot be PayerMax's costs no
            # signature.
            signed = self._verifier.inspect(headers, body)
        except WebhookError as refused:
            self._tally.count(refused.reason.value)
            return _refusal(refused.status)
        try:
            notification = await self._authenticate(signed)
        except _NoTurnError:
            self._tally.count("overloaded")
            self._tally.warn("overloaded", _OVERLOADED)
            return _refusal(_UNAVAILABLE)
        except WebhookError as refused:
            self._tally.count(refused.reason.value)
            return await self._refuse(refused, signed.raw)
        try:
            await self.accept(notification, signed.raw)
        except Exception as error:  # noqa: BLE001 - whatever it is, PayerMax sends again
            self._inbox_failed(error, event_of(split(notification)[0]).merchant_key)
            return _refusal(500)
        return Reply(status=200, headers=_HEADERS, body=ACKNOWLEDGEMENT)

    async def accept(
        self,
        notification: Notification,
        body: bytes,
        *,
        source: Source = Source.NOTICE,
    ) -> Stored:
        """Store what is known to be PayerMax's word, and have it handled."""
        arrival = self._arrival(notification, body, source)
        stored = await self._asked(self._inbox.store(arrival))
        self._count(stored)
        return stored

    def body_changed(self, problem: str) -> None:
        """Tell of a request whose body is not the one that was sent."""
        self._tally.count("body changed")
        self._tally.alert(Alert(kind=AlertKind.BODY_CHANGED, problem=problem))

    async def replay(self, number: int, *, force: bool) -> bool:
        """Have an entry of the inbox handled again, at once."""
        entry = await self._asked(self._inbox.entry(number))
        if entry is None or entry.body is None or entry.tenant != self._tenant:
            return False
        if not entry.is_raw:
            done = await self._asked(
                self._inbox.replay(number, self._clock.now(), force=force)
            )
        elif entry.state is EntryState.PARKED:
            # Of what could not be read nobody knows yet for whom it is.
            notification = self._verifier.read(entry.body, at_any_time=True)
            arrival = self._arrival(notification, entry.body, entry.source)
            stored = await self._asked(self._inbox.admit(number, arrival))
            self._count(stored or Stored())
            done = stored is not None
        else:
            done = False
        self._on_fresh()
        return done

    async def _authenticate(self, signed: SignedBody) -> Notification:
        if not self._verifier.waits:
            # Nobody queues for what is over when the next one is looked at.
            return await self._verifier.authenticate(signed)
        # At once: whoever queues holds a body, and the sender may not wait that long.
        if self._came_in >= self._may_come_in:
            raise _NoTurnError
        self._came_in += 1
        limit = self._limits.verify_timeout
        begun = asyncio.get_running_loop().time()
        try:
            try:
                async with asyncio.timeout(limit):
                    await self._verifying.acquire()
            except TimeoutError:
                raise _NoTurnError from None
            waited = asyncio.get_running_loop().time() - begun
            try:
                # One limit for both: PayerMax gives up no later because there was a
                # queue.
                left = max(limit - waited, 0.0)
                return await self._verifier.authenticate(signed, timeout=left)
            except WebhookError as refused:
                # Who had to wait for a turn does not say that the verifier is slow.
                out_of_time = isinstance(refused.__cause__, TimeoutError)
                if out_of_time and waited > _TURN_AT_ONCE * limit:
                    raise _NoTurnError from None
                raise
            finally:
                self._verifying.release()
        finally:
            self._came_in -= 1

    async def _asked(self, asked: Awaitable[T]) -> T:
        """What the inbox answers, if it does in time."""
        return await self._time_limits.within(self._limits.store_timeout, asked)

    def _arrival(
        self, notification: Notification, body: bytes, source: Source
    ) -> Arrival:
        return Arrival(
            notification=self._verifier.addressed(notification),
            body=body,
            received_at=self._clock.now(),
            tenant=self._tenant,
            source=source,
        )

    def _count(self, stored: Stored) -> None:
        self._tally.count("stored", len(stored.fresh))
        self._tally.count("superseded", len(stored.superseded))
        self._tally.count("duplicate", len(stored.duplicates))
        self._tally.count("mismatched", len(stored.mismatched))
        if stored != Stored(duplicates=stored.duplicates):
            # Also what takes no effect is ruled, and told of, by the worker.
            self._on_fresh()

    async def _refuse(self, refused: WebhookError, raw: bytes) -> Reply:
        if refused.reason is WebhookReason.NOT_OURS:
            self._tally.alert(Alert(kind=AlertKind.NOT_OURS, problem=str(refused)))
        if refused.reason is WebhookReason.VERIFIER_FAILED:
            cause = refused.__cause__ or refused
            self._tally.alert(
                Alert(
                    kind=AlertKind.VERIFIER_FAILED,
                    problem=str(refused),
                    failure=failure_of("the verifier", cause),
                )
            )
        if refused.authentic:
            parked = ParkedBody(
                body=raw,
                problem=str(refused),
                received_at=self._clock.now(),
                tenant=self._tenant,
            )
            try:
                number = await self._asked(self._inbox.park(parked))
            except Exception as error:  # noqa: BLE001 - the answer is the same: send again
                self._inbox_failed(error)
            else:
                if number is not None:
                    self._tally.alert(
                        Alert(
                            kind=AlertKind.PARKED,
                            number=number,
                            problem=str(refused),
                        )
                    )
        return _refusal(refused.status)

    def _inbox_failed(self, error: Exception, merchant_key: str = "") -> None:
        self._tally.count("inbox failed")
        self._tally.alert(
            Alert(
                kind=AlertKind.INBOX_FAILED,
                merchant_key=merchant_key,
                problem=error_name(error),
                failure=failure_of("the inbox", error),
            )
        )


def _refusal(status: int) -> Reply:
    return Reply(status=status, headers=_HEADERS, body=WebhookError.body)
