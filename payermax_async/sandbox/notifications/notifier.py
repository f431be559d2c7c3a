"""Delivers notifications until they are acknowledged, as PayerMax does.

Every attempt is signed anew with its own ``notifyTime``, and is remembered.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext

from payermax_async.clock import Clock
from payermax_async.core.errors import ConfigurationError
from payermax_async.sandbox.clock import ClockHold
from payermax_async.sandbox.ledger.events import Event
from payermax_async.sandbox.ledger.payloads import Payloads
from payermax_async.sandbox.notifications.deliveries import (
    Delivery,
    DeliveryAttempt,
    DeliveryState,
    NoticeKey,
)
from payermax_async.sandbox.notifications.delivery_attempt import (
    OtherSigner,
    Post,
    Sender,
)
from payermax_async.sandbox.notifications.notices import (
    Notice,
    NoticeKind,
    notices_of,
)
from payermax_async.sandbox.notifications.url_policy import (
    TargetRefusedError,
    UrlPolicy,
)
from payermax_async.signing.base import Signer

__all__ = [
    "DEFAULT_KINDS",
    "SCHEDULE",
    "Delivery",
    "DeliveryAttempt",
    "DeliveryState",
    "NoticeKey",
    "Notifier",
    "Post",
]

_LOGGER = logging.getLogger(__name__)

SCHEDULE: tuple[float, ...] = (0, 30, 300, 600, 3600, 43200)
"""Seconds after the event at which PayerMax tries. Its pages do not say whether
these are gaps or times since the first attempt; here they are the latter."""
DEFAULT_KINDS: frozenset[NoticeKind] = frozenset(NoticeKind) - {NoticeKind.PAYMENT}
"""What is sent unless told otherwise."""


class Notifier:
    """Sends notifications in the background.

    Example:
        >>> gateway = SandboxGateway(..., on_events=notifier.notify)
        >>> await notifier.settled()
        >>> notifier.deliveries[-1].state
        <DeliveryState.DELIVERED: 'delivered'>
    """

    def __init__(
        self,
        *,
        clock: Clock,
        signer: Signer,
        post: Post,
        payloads: Payloads,
        url_policy: UrlPolicy | None = None,
        kinds: frozenset[NoticeKind] = DEFAULT_KINDS,
        default_urls: Mapping[str, str] | None = None,
        schedule: Sequence[float] = SCHEDULE,
        hold: Callable[[], AbstractContextManager[None]] = nullcontext,
        keep: int = 1000,
        other_signer: OtherSigner | None = None,
        on_change: Callable[[Delivery], None] | None = None,
        on_forget: Callable[[Delivery], None] | None = None,
    ) -> None:
        """Prepare; nothing is sent before the first event.

        Args:
            clock: Its time, on which the repetitions are due.
            signer: The platform's key.
            post: Carries one request.
            payloads: Writes what is told.
            url_policy: Decides where notifications may go.
            kinds: Which are sent.
            default_urls: Addresses by merchant number, for what names none.
            schedule: Seconds after the event of each attempt, rising.
            hold: Entered while work is done, so that a virtual clock waits for it.
            keep: How many deliveries are remembered.
            other_signer: Finds the signers of the other :class:`NoticeKey`.
            on_change: Is told of every new or changed delivery.
            on_forget: Is told of the oldest when it makes room for a new one.

        Raises:
            ConfigurationError: The schedule is empty or not rising.
        """
        if not schedule or list(schedule) != sorted(schedule) or schedule[0] < 0:
            raise ConfigurationError("schedule must be seconds, from 0 on, rising")
        self.deliveries: deque[Delivery] = deque(maxlen=keep)
        self.kinds = kinds
        self.default_urls: dict[str, str] = dict(default_urls or {})
        self._numbers = itertools.count(1)
        self._sender = Sender(
            clock=clock,
            signer=signer,
            post=post,
            url_policy=url_policy or UrlPolicy(),
            other_signer=other_signer,
        )
        self.on_change = on_change
        self.on_forget = on_forget
        self._clock = clock
        self._payloads = payloads
        self._schedule = tuple(schedule)
        self._hold = hold
        self._tasks: set[asyncio.Task[None]] = set()
        self._working: set[ClockHold] = set()
        self._at_rest = asyncio.Event()
        # Nothing has begun yet: who waits for all of it goes on at once.
        self._at_rest.set()
        self._closed = False

    def notify(self, events: tuple[Event, ...]) -> None:
        """Begin to tell merchants of what happened. Needs a running event loop."""
        for event in events:
            notices = notices_of(
                event,
                payloads=self._payloads,
                now=self._clock.now(),
                kinds=self.kinds,
                default_urls=self.default_urls,
            )
            for notice in notices:
                self._begin(self._new(notice))

    def repeat(
        self,
        delivery: Delivery,
        *,
        key: NoticeKey = NoticeKey.PLATFORM,
        delay: float = 0.0,
        after: Delivery | None = None,
    ) -> Delivery:
        """Tell it again from the start, as a delivery of its own.

        Args:
            delivery: What to tell again.
            key: What shall sign it.
            delay: Seconds until the first attempt.
            after: A delivery whose first attempt shall be over before.
        """
        made = self._new(delivery.notice, key=key, delay=delay)
        self._begin(made, after)
        return made

    def _new(
        self,
        notice: Notice,
        *,
        key: NoticeKey = NoticeKey.PLATFORM,
        delay: float = 0.0,
    ) -> Delivery:
        return Delivery(
            number=next(self._numbers),
            notice=notice,
            begun_at=self._clock.now(),
            delay=delay,
            key=key,
        )

    async def halt(self) -> None:
        """Break off everything that is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def resume(self, deliveries: Sequence[Delivery]) -> None:
        """Forget every delivery and go on with these, where each of them stood."""
        for task in self._tasks:
            task.cancel()
        self.deliveries.clear()
        # Numbers go on, since addresses of pages hold them.
        numbers = [delivery.number for delivery in deliveries]
        self._numbers = itertools.count(max([0, *numbers]) + 1)
        for delivery in deliveries:
            if delivery.state is DeliveryState.WAITING:
                self._begin(delivery)
            else:
                self.deliveries.append(delivery)

    async def settled(self) -> None:
        """Wait until nothing is being sent; repetitions that are due later may wait."""
        await self._at_rest.wait()

    async def aclose(self) -> None:
        """Stop everything; what was not delivered is marked as cancelled."""
        self._closed = True
        await self.halt()

    def _begin(self, delivery: Delivery, after: Delivery | None = None) -> None:
        if len(self.deliveries) == self.deliveries.maxlen and self.on_forget:
            self.on_forget(self.deliveries[0])
        self.deliveries.append(delivery)
        if self._closed:
            delivery.state = DeliveryState.CANCELLED
            return
        self._changed(delivery)
        # Begun here and not by the task: a virtual clock must not move on before
        # the task has had its first turn.
        work = ClockHold(self._hold)
        self._start(work)
        task = asyncio.create_task(self._deliver(delivery, work, after))
        self._tasks.add(task)

        def ended(task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            self._rest(work)
            delivery.tried.set()
            if not task.cancelled() and (bug := task.exception()) is not None:
                delivery.reason = f"the sandbox failed with {type(bug).__name__}"
                _LOGGER.error("a notification failed with %s", type(bug).__name__)
            if delivery.state is DeliveryState.WAITING:
                # Not told to on_change: what was only broken off can be resumed.
                delivery.state = DeliveryState.CANCELLED

        task.add_done_callback(ended)

    def _changed(self, delivery: Delivery) -> None:
        if self.on_change is not None:
            self.on_change(delivery)

    def _start(self, work: ClockHold) -> None:
        work.start()
        self._working.add(work)
        self._at_rest.clear()

    def _rest(self, work: ClockHold) -> None:
        work.stop()
        self._working.discard(work)
        if not self._working:
            self._at_rest.set()

    async def _deliver(
        self, delivery: Delivery, work: ClockHold, after: Delivery | None
    ) -> None:
        if after is not None:
            self._rest(work)
            await after.tried.wait()
            self._start(work)
        # One that is resumed goes on where it stood; what is overdue goes out now.
        passed = (self._clock.now() - delivery.begun_at).total_seconds()
        begun = self._clock.monotonic() - passed + delivery.delay
        for due in self._schedule[len(delivery.attempts) :]:
            wait = begun + due - self._clock.monotonic()
            if wait > 0:
                self._rest(work)
                await self._clock.sleep(wait)
                self._start(work)
            try:
                attempt = await self._sender.attempt(delivery.notice, delivery.key)
            except TargetRefusedError as error:
                delivery.state = DeliveryState.REFUSED
                delivery.reason = str(error)
                _LOGGER.warning(
                    "a %s notification was not sent: %s",
                    delivery.notice.kind.value,
                    error,
                )
                self._changed(delivery)
                return
            delivery.attempts.append(attempt)
            delivery.tried.set()
            if not attempt.problem:
                delivery.state = DeliveryState.DELIVERED
                self._changed(delivery)
                return
            # The last failure is told together with giving up.
            if len(delivery.attempts) < len(self._schedule):
                self._changed(delivery)
        delivery.state = DeliveryState.GIVEN_UP
        self._changed(delivery)
