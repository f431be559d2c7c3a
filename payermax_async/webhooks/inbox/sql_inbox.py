"""Every method of an inbox, over whatever runs its statements."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from functools import partial
from typing import Generic, Self, TypeVar

from payermax_async.storage.sql import Plan
from payermax_async.webhooks.inbox import leases, queries, recovery, storing
from payermax_async.webhooks.inbox.entries import (
    Arrival,
    EntryState,
    Expected,
    ParkedBody,
    Stored,
    StoredNotification,
    Verdict,
)
from payermax_async.webhooks.inbox.rulings import GivenBack

__all__ = ["SqlInbox"]

ConnectionT = TypeVar("ConnectionT")
T = TypeVar("T")


class SqlInbox(ABC, Generic[ConnectionT]):
    """What the inboxes in SQL have in common: all but how a statement is run.

    Each method is described with :class:`~payermax_async.webhooks.Inbox`.
    """

    @property
    @abstractmethod
    def is_open(self) -> bool:
        """Whether it can be used."""

    @abstractmethod
    async def open(self) -> None:
        """Connect, and create or check the tables."""

    @abstractmethod
    async def aclose(self) -> None:
        """Let go of everything; a second call does nothing."""

    @abstractmethod
    def work(
        self, entry: StoredNotification, now: datetime
    ) -> AbstractAsyncContextManager[ConnectionT]:
        """A transaction at whose end a claimed entry is done."""

    @abstractmethod
    async def _run(self, plan: Plan[T], *, again: Plan[T] | None = None) -> T:
        """Run the steps in one transaction that is durable before this returns.

        Args:
            plan: Makes the steps.
            again: Makes them for when it cannot be told whether they were committed.
        """

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.aclose()

    async def store(self, arrival: Arrival) -> Stored:
        """Keep an arrival durably; what is known already is only counted."""
        return await self._run(
            lambda: storing.store(arrival), again=lambda: recovery.store(arrival)
        )

    async def park(self, arrival: ParkedBody) -> int | None:
        """Keep genuine bytes that cannot be used; ``None`` when they were known."""
        return await self._run(
            lambda: storing.park(arrival), again=lambda: recovery.park(arrival)
        )

    async def admit(self, number: int, arrival: Arrival) -> Stored | None:
        """Store what parked bytes are found to say after all, and unpark them."""
        return await self._run(
            lambda: storing.admit(number, arrival),
            again=lambda: recovery.admit(number, arrival),
        )

    async def claim(
        self, *, tenant: str, holder: str, now: datetime, lease: timedelta, limit: int
    ) -> tuple[StoredNotification, ...]:
        """Take what is due, for nobody else to take while the lease stands."""
        claim = partial(
            leases.claim,
            tenant=tenant,
            holder=holder,
            now=now,
            lease=lease,
            limit=limit,
        )
        return await self._run(
            claim, again=lambda: recovery.claim(claim, holder=holder)
        )

    async def renew(self, entry: StoredNotification, lease: timedelta) -> bool:
        """Hold an entry for so long from now; False when it is no longer held."""
        return await self._run(lambda: leases.renew(entry, lease))

    async def finish(
        self, entry: StoredNotification, verdict: Verdict, now: datetime
    ) -> bool:
        """Set the state of a claimed entry; False when it is no longer held."""
        return await self._run(
            lambda: leases.finish(entry, verdict, now),
            again=lambda: recovery.finish(entry, verdict, now),
        )

    async def was_handled(self, entry: StoredNotification) -> bool:
        """Whether the payment of an entry was handled, under whichever type."""
        return await self._run(lambda: leases.was_handled(entry))

    async def refunded(self, entry: StoredNotification) -> GivenBack:
        """How much of the payment of an entry is known to have been refunded."""
        return await self._run(lambda: leases.refunded(entry))

    async def next_due(self, tenant: str, now: datetime) -> datetime | None:
        """When there is next something to claim; ``None`` when nothing waits."""
        return await self._run(lambda: leases.next_due(tenant, now))

    async def entries(
        self,
        *,
        state: EntryState | None = None,
        merchant_key: str | None = None,
        tenant: str | None = None,
        after: int = 0,
        limit: int = 100,
    ) -> tuple[StoredNotification, ...]:
        """What is kept, in the order of arrival, from behind the number ``after``."""
        return await self._run(
            lambda: queries.entries(
                state=state,
                merchant_key=merchant_key,
                tenant=tenant,
                after=after,
                limit=limit,
            )
        )

    async def entry(self, number: int) -> StoredNotification | None:
        """One entry by its number."""
        found = await self._run(lambda: queries.entries(number=number))
        return found[0] if found else None

    async def counts(self, tenant: str | None = None) -> Mapping[EntryState, int]:
        """How many entries stand where; only states that occur."""
        return await self._run(lambda: queries.counts(tenant))

    async def replay(self, number: int, now: datetime, *, force: bool = False) -> bool:
        """Let an entry be handled again, at once and with all its attempts."""
        return await self._run(lambda: queries.replay(number, now, force=force))

    async def set_aside(self, number: int, now: datetime) -> bool:
        """Park an entry by hand; False when there is none or it is being handled."""
        return await self._run(lambda: queries.set_aside(number, now))

    async def scrub(self, before: datetime, now: datetime) -> int:
        """Drop the raw bytes of what came before, save what still waits."""
        return await self._run(lambda: queries.scrub(before, now))

    async def expect(
        self, merchant_key: str, expected: Expected, *, tenant: str = ""
    ) -> None:
        """Remember what is to be paid for a link or order; the last word counts."""
        await self._run(lambda: queries.expect(tenant, merchant_key, expected))

    async def expected(self, merchant_key: str, *, tenant: str = "") -> Expected | None:
        """What :meth:`expect` was told."""
        return await self._run(lambda: queries.expected(tenant, merchant_key))
