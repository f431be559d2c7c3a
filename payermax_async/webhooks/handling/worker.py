"""Hands what the inbox keeps to the merchant's code, in the background."""

from __future__ import annotations

import asyncio
import itertools
import secrets
from collections.abc import Awaitable
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from payermax_async.clock import Clock
from payermax_async.webhooks.handling.comparison import Expectations
from payermax_async.webhooks.handling.handlers import Handlers
from payermax_async.webhooks.handling.judging import Judge
from payermax_async.webhooks.handling.unclaimed import Unclaimed
from payermax_async.webhooks.inbox.entries import (
    EntryState,
    StoredNotification,
    Verdict,
)
from payermax_async.webhooks.inbox.protocol import Inbox
from payermax_async.webhooks.limits import HandlerBackoff, ReceiverLimits
from payermax_async.webhooks.telling.alerts import Tally
from payermax_async.webhooks.telling.failures import failure_of
from payermax_async.webhooks.time_limit import TimeLimits

__all__ = ["Worker"]

ConnectionT = TypeVar("ConnectionT")
T = TypeVar("T")
_TIDYING = timedelta(hours=1)
# A step of a database that is back takes no longer; one that is not is not hurried.
_AFTER_TROUBLE = 1.0
# One may fail: the next still comes before the lease is over.
_RENEWALS = 3
_AT_IT = 0.02


class Worker(Generic[ConnectionT]):
    """Claims what is due, runs its handler, notes how that ended; again and again."""

    def __init__(
        self,
        inbox: Inbox[ConnectionT],
        handlers: Handlers[ConnectionT],
        expectations: Expectations,
        *,
        limits: ReceiverLimits,
        backoff: HandlerBackoff,
        tenant: str,
        clock: Clock,
        tally: Tally,
    ) -> None:
        self._inbox = inbox
        self._limits = limits
        self._tenant = tenant
        self._clock = clock
        self._tally = tally
        self._time_limits = TimeLimits()
        self._unclaimed = Unclaimed(
            tally,
            timedelta(seconds=limits.other_type),
            lambda entry: self._asked(inbox.was_handled(entry)),
        )
        self._judge = Judge(
            inbox,
            handlers,
            expectations,
            limits=limits,
            backoff=backoff,
            clock=clock,
            tally=tally,
            unclaimed=self._unclaimed,
        )
        self._name = secrets.token_hex(8)
        self._claims = itertools.count()
        self._looking = asyncio.Event()
        self._rested = asyncio.Condition()
        self._resting = False
        self._running: dict[asyncio.Task[None], StoredNotification] = {}
        self._stopping = False

    def wake(self) -> None:
        """There is something new; look at once."""
        self._resting = False
        self._looking.set()

    async def settled(self) -> None:
        """Wait until nothing is due and no handler runs, however long that takes."""
        async with self._rested:
            await self._rested.wait_for(lambda: self._resting)
        await self._unclaimed.tell_early()

    async def run(self) -> None:
        """Work until :meth:`stop`, whatever the inbox or a handler does."""
        tidied = None
        while not self._stopping:
            # Before the look: what comes while it is under way is worth another one.
            self._looking.clear()
            wait = _AFTER_TROUBLE
            try:
                now = self._clock.now()
                if tidied is None or now - tidied >= _TIDYING:
                    tidied = now
                    await self._tidy(now)
                self._tally.sum_up()
                wait = await self._look()
            except Exception as error:  # noqa: BLE001 - it works again when the inbox does
                self._trouble("the inbox", error)
            if wait > 0 and not self._stopping:
                await self._wait(wait)

    def stop(self) -> None:
        """Take nothing new."""
        self._stopping = True
        self._looking.set()

    async def drain(self, seconds: float) -> None:
        """Let running handlers end, then cancel them; their entries stay due."""
        try:
            if self._running:
                await asyncio.wait(set(self._running), timeout=seconds)
        finally:
            for task in (left := set(self._running)):
                task.cancel()
            if left:
                # Each gets the time to stop, and to note that it was interrupted.
                await asyncio.wait(left, timeout=2 * self._limits.store_timeout)
            await self._unclaimed.tell_early()

    async def _tidy(self, now: datetime) -> None:
        try:
            await self._time_limits.within(
                self._limits.open_timeout,
                self._inbox.scrub(now - self._limits.retention, now),
            )
        except Exception as error:  # noqa: BLE001 - to tidy is no reason not to work
            self._trouble("tidying the inbox", error)

    def _trouble(self, part: str, error: BaseException) -> None:
        self._tally.count("worker failed")
        self._tally.failed(failure_of(part, error))

    async def _asked(self, asked: Awaitable[T]) -> T:
        """What the inbox answers, if it does in time."""
        return await self._time_limits.within(self._limits.store_timeout, asked)

    async def _look(self) -> float:
        """Begin what is due; seconds until it is worth looking again."""
        free = self._limits.workers - len(self._running)
        if free < 1:
            return self._limits.poll
        now = self._clock.now()
        # Each claim has a holder of its own: one whose answer was lost can be given
        # back, and a late renewal does not prolong somebody else's.
        claimed = await self._asked(
            self._inbox.claim(
                tenant=self._tenant,
                holder=f"{self._name}-{next(self._claims)}",
                now=now,
                lease=timedelta(seconds=self._limits.lease),
                limit=free,
            )
        )
        for entry in claimed:
            task = asyncio.create_task(self._handle(entry))
            self._running[task] = entry
            task.add_done_callback(self._ended)
        if claimed:
            return 0.0
        due = await self._asked(self._inbox.next_due(self._tenant, self._clock.now()))
        if due is None:
            return self._limits.poll
        # Due already, yet not claimed: somebody else is at it.
        left = (due - self._clock.now()).total_seconds()
        return min(self._limits.poll, max(left, _AT_IT))

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._running[task]
        self._looking.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            # The entry is still claimed; its lease will run out.
            self._trouble("noting how a handler ended", error)

    async def _wait(self, seconds: float) -> None:
        if not self._running and not self._looking.is_set():
            self._resting = True
            async with self._rested:
                self._rested.notify_all()
        sleep = asyncio.create_task(self._clock.sleep(seconds))
        woken = asyncio.create_task(self._looking.wait())
        try:
            await asyncio.wait({sleep, woken}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._resting = False
            sleep.cancel()
            woken.cancel()
            await asyncio.gather(sleep, woken, return_exceptions=True)

    # --- one entry ---------------------------------------------------------------

    async def _handle(self, entry: StoredNotification) -> None:
        renewing = asyncio.create_task(self._renew(entry))
        try:
            verdict = await self._judge.judge(entry)
        except asyncio.CancelledError:
            # Noted, so that the next process need not wait for the lease to run out.
            due = Verdict(state=EntryState.WAITING, problem="interrupted")
            await self._finish(entry, due)
            raise
        finally:
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)
        if verdict is not None:
            await self._finish(entry, verdict)

    async def _finish(self, entry: StoredNotification, verdict: Verdict) -> None:
        noted = self._inbox.finish(entry, verdict, self._clock.now())
        if not await self._asked(noted):
            # Whoever took over notes how it ended there.
            self._tally.count("lease lost")

    async def _renew(self, entry: StoredNotification) -> None:
        while True:
            await self._clock.sleep(self._limits.lease / _RENEWALS)
            lease = timedelta(seconds=self._limits.lease)
            try:
                await self._asked(self._inbox.renew(entry, lease))
            except Exception as error:  # noqa: BLE001 - the next renewal may succeed
                self._trouble("renewing a lease", error)
