"""Runs one entry's handler, and says how that ended and to whom it matters."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Generic, TypeVar

import attrs

from payermax_async.clock import Clock
from payermax_async.core.errors import ValidationError, WebhookError
from payermax_async.core.models.notifications import UnknownNotification
from payermax_async.core.notice_rows import Loudness
from payermax_async.core.notices import loudness_of
from payermax_async.webhooks.events.base import NotifiedEvent
from payermax_async.webhooks.handling.comparison import (
    Expectations,
    NotExpectedYetError,
    difference,
)
from payermax_async.webhooks.handling.handlers import Handlers, Registered
from payermax_async.webhooks.handling.unclaimed import Unclaimed
from payermax_async.webhooks.inbox.entries import (
    EntryState,
    InboxError,
    LeaseLostError,
    StoredNotification,
    Verdict,
)
from payermax_async.webhooks.inbox.protocol import Inbox
from payermax_async.webhooks.inbox.rulings import GivenBack, Ruling
from payermax_async.webhooks.limits import HandlerBackoff, ReceiverLimits
from payermax_async.webhooks.telling.alerts import Alert, AlertKind, Tally
from payermax_async.webhooks.telling.failures import Failure, failure_of
from payermax_async.webhooks.time_limit import BrokenOffError, TimeLimits

__all__ = ["Judge"]

ConnectionT = TypeVar("ConnectionT")

_RULINGS: Mapping[Ruling, tuple[AlertKind, str, EntryState | None]] = {
    Ruling.AGAIN: (
        AlertKind.PAID_AGAIN,
        "a further payment of a link that was paid: give one of them back",
        None,
    ),
    Ruling.GIVEN_BACK: (
        AlertKind.REFUNDED_FIRST,
        "all of this payment was refunded before it was handled",
        EntryState.SUPERSEDED,
    ),
    Ruling.REVERSED: (
        AlertKind.REFUND_REVERSED,
        "the refund failed after it was told of as successful",
        None,
    ),
    Ruling.OTHER_AMOUNT: (
        AlertKind.MISMATCHED,
        "it took effect already, with another amount or currency",
        EntryState.MISMATCHED,
    ),
    Ruling.AMBIGUOUS: (
        AlertKind.AMBIGUOUS,
        "it may be the payment that took effect, with another amount, or another one",
        EntryState.MISMATCHED,
    ),
}
"""What is told of a ruling, and the state of what takes no effect."""
_UNCLEAR_REFUND = "it is not clear what a refund of it gave back"


class Judge(Generic[ConnectionT]):
    """Decides how an entry ends: by what is known of it, and by its handler."""

    def __init__(
        self,
        inbox: Inbox[ConnectionT],
        handlers: Handlers[ConnectionT],
        expectations: Expectations,
        *,
        limits: ReceiverLimits,
        backoff: HandlerBackoff,
        clock: Clock,
        tally: Tally,
        unclaimed: Unclaimed,
    ) -> None:
        self._inbox = inbox
        self._handlers = handlers
        self._expectations = expectations
        self._limits = limits
        self._backoff = backoff
        self._clock = clock
        self._tally = tally
        self._unclaimed = unclaimed
        self._time_limits = TimeLimits()

    async def judge(self, entry: StoredNotification) -> Verdict | None:
        """Run the handler; what is left to be noted of how that ended, if anything is.

        What is told is told before it is noted: again rather than never, should the
        process die in between.
        """
        without_effect = self._ruled(entry)
        if without_effect is not None:
            return without_effect
        event = self._event(entry)
        if event is None:
            return Verdict(
                state=EntryState.PARKED, problem="unreadable by now", untouched=True
            )
        handler = self._handlers.find(event)
        loudness = loudness_of(event.notification)
        if handler is not None or loudness is Loudness.REST:
            self._tell_incomplete(event, entry)
        if handler is None:
            return await self._unwanted(event, entry)
        ended = await self._compared(event, entry)
        if ended is not None:
            return ended
        try:
            return await self._call(handler, event, entry)
        except LeaseLostError:
            self._tally.count("lease lost")
            return None
        except Exception as error:  # noqa: BLE001 - the merchant's code raises what it likes
            self._tally.count("handler failed")
            failure = failure_of("a handler", error, name=handler.name)
            return self._failed(entry, failure)

    def _ruled(self, entry: StoredNotification) -> Verdict | None:
        """Tell what somebody should look at; how it ends, if it takes no effect."""
        if entry.refunded is GivenBack.UNCLEAR:
            self._alert(AlertKind.REFUND_UNCLEAR, entry, _UNCLEAR_REFUND)
        if entry.ruling not in _RULINGS:
            return None
        kind, problem, state = _RULINGS[entry.ruling]
        # A further payment whose handler failed was told of before that. That a refund
        # succeeded may have become known since: told with every attempt.
        if kind is not AlertKind.PAID_AGAIN or not entry.problem:
            self._alert(kind, entry, problem)
        return None if state is None else Verdict(state=state, problem=problem)

    def _tell_incomplete(self, event: NotifiedEvent, entry: StoredNotification) -> None:
        """Tell once of what was not read as its type, whoever gets it instead."""
        found = event.notification
        problem = found.problem if isinstance(found, UnknownNotification) else ""
        if problem and not entry.problem:
            self._alert(AlertKind.INCOMPLETE, entry, problem)

    async def _unwanted(
        self, event: NotifiedEvent, entry: StoredNotification
    ) -> Verdict:
        try:
            return await self._unclaimed.end(event, entry, self._clock.now())
        except Exception as error:  # noqa: BLE001 - the inbox's, which is asked again
            return self._failed(entry, failure_of("the inbox", error), untouched=True)

    def _event(self, entry: StoredNotification) -> NotifiedEvent | None:
        try:
            return entry.event()
        except (WebhookError, InboxError) as error:
            self._alert(AlertKind.PARKED, entry, str(error))
            return None

    async def _call(
        self, handler: Registered, event: NotifiedEvent, entry: StoredNotification
    ) -> Verdict | None:
        limit = self._limits.handler_timeout
        if not handler.in_transaction:
            await self._time_limits.within(limit, _run(handler.call, event))
            self._tally.count("handled")
            return Verdict(state=EntryState.DONE)
        # As a whole: a handler that does not stop keeps its transaction, which fails
        # at its end, as the lease is lost by then.
        await self._time_limits.within(
            limit + 2 * self._limits.store_timeout,
            self._in_transaction(handler, event, entry),
        )
        self._tally.count("handled")
        return None

    async def _in_transaction(
        self, handler: Registered, event: NotifiedEvent, entry: StoredNotification
    ) -> None:
        async with self._inbox.work(entry, self._clock.now()) as connection:
            async with asyncio.timeout(self._limits.handler_timeout):
                await _run(handler.call, event, connection)

    async def _compared(
        self, event: NotifiedEvent, entry: StoredNotification
    ) -> Verdict | None:
        """How it ends before its handler: not what was to be paid, or not known."""
        try:
            expected = await self._expectations.of(event)
        except ValidationError as error:
            # To ask again would only be told the same.
            problem = "no payment can be what is expected: " + "; ".join(
                str(found) for found in error.problems
            )
        except Exception as error:  # noqa: BLE001 - a look-up raises what it likes
            return self._look_up_failed(entry, error)
        else:
            problem = "" if expected is None else difference(event, expected)
        if not problem:
            return None
        self._alert(AlertKind.MISMATCHED, entry, problem, part=self._expectations.name)
        return Verdict(state=EntryState.MISMATCHED, problem=problem)

    def _look_up_failed(self, entry: StoredNotification, error: Exception) -> Verdict:
        self._tally.count("lookup failed")
        name = self._expectations.name
        part = "the look-up" if name else "the inbox"
        failure = failure_of(part, error, name=name)
        problem = ""
        if isinstance(error, NotExpectedYetError):
            problem = "nothing is known yet of what was to be paid"
        return self._failed(entry, failure, problem, untouched=True)

    def _failed(
        self,
        entry: StoredNotification,
        failure: Failure,
        problem: str = "",
        *,
        untouched: bool = False,
    ) -> Verdict:
        # The text of an error may hold anything, so only its kind is kept.
        problem = problem or failure.error
        delay = self._backoff.next_delay(entry.attempts)
        failure = attrs.evolve(
            failure,
            number=entry.id,
            merchant_key=entry.merchant_key,
            attempt=entry.attempts,
            retry_in=delay,
        )
        self._tally.failed(failure)
        if delay is None:
            self._alert(
                AlertKind.GAVE_UP, entry, problem, part=failure.name, failure=failure
            )
            return Verdict(
                state=EntryState.FAILED, problem=problem, untouched=untouched
            )
        due = self._clock.now() + timedelta(seconds=delay)
        return Verdict(
            state=EntryState.WAITING, problem=problem, due_at=due, untouched=untouched
        )

    def _alert(
        self,
        kind: AlertKind,
        entry: StoredNotification,
        problem: str,
        *,
        part: str = "",
        failure: Failure | None = None,
    ) -> None:
        self._tally.alert(
            Alert(
                kind=kind,
                merchant_key=entry.merchant_key,
                number=entry.id,
                problem=problem,
                part=part,
                failure=failure,
            )
        )


async def _run(handler: Callable[..., Awaitable[None]], *given: object) -> None:
    """A handler to its end. Whether the lease is lost, only the inbox can say."""
    try:
        await handler(*given)
    except LeaseLostError as error:
        raise BrokenOffError("a handler raised what it cannot know") from error
