"""Where notifications are kept before anyone is told that they came.

An inbox holds each event once, moves forward only, and hands each event to one
worker at a time, however many processes share it. This room says what an inbox
is; :mod:`.memory`, :mod:`.sqlite` and :mod:`.postgres` are three.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

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

__all__ = ["Inbox"]

ConnectionT_co = TypeVar("ConnectionT_co", covariant=True)


class Inbox(Protocol[ConnectionT_co]):
    """Keeps notifications. The time of day is handed in.

    Constructors do no I/O. Every method but ``open`` raises :class:`InboxError`
    while the inbox is not open, and :class:`StorageError` for what the database did
    not do, or not in time.
    """

    @property
    def is_open(self) -> bool:
        """Whether it can be used."""
        ...

    async def open(self) -> None:
        """Connect, and create or check the tables."""
        ...

    async def aclose(self) -> None:
        """Let go of everything; a second call does nothing."""
        ...

    async def store(self, arrival: Arrival) -> Stored:
        """Keep an arrival durably; what is known already is only counted."""
        ...

    async def park(self, arrival: ParkedBody) -> int | None:
        """Keep genuine bytes that cannot be used.

        Returns:
            The number of their new entry; ``None`` when they were known.
        """
        ...

    async def claim(
        self, *, tenant: str, holder: str, now: datetime, lease: timedelta, limit: int
    ) -> tuple[StoredNotification, ...]:
        """Take what is due, for nobody else to take while the lease stands.

        ``now`` says what is due. How long it is held goes by the clock of the
        database: what the processes take for the time of day does not matter.

        ``holder`` is used for one claim only. Of one subject no two entries are
        out at a time. What something newer overtook is set to superseded instead.
        """
        ...

    async def renew(self, entry: StoredNotification, lease: timedelta) -> bool:
        """Hold an entry for so long from now; False when it is no longer held."""
        ...

    async def finish(
        self, entry: StoredNotification, verdict: Verdict, now: datetime
    ) -> bool:
        """Set the state of a claimed entry; False when it is no longer held."""
        ...

    def work(
        self, entry: StoredNotification, now: datetime
    ) -> AbstractAsyncContextManager[ConnectionT_co]:
        """A transaction at whose end a claimed entry is done.

        What the block does with the connection is committed together with that,
        or not at all: if the block raises, nothing is changed and the entry is
        still held.

        Raises:
            LeaseLostError: At the end, when the entry is no longer held.
        """
        ...

    async def was_handled(self, entry: StoredNotification) -> bool:
        """Whether the payment of an entry was handled, under whichever type.

        PayerMax may tell of one payment twice, as PAYBYLINK and as PAYMENT.
        """
        ...

    async def refunded(self, entry: StoredNotification) -> GivenBack:
        """How much of the payment of an entry is known to have been refunded."""
        ...

    async def next_due(self, tenant: str, now: datetime) -> datetime | None:
        """When there is next something to claim; ``None`` when nothing waits."""
        ...

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
        ...

    async def entry(self, number: int) -> StoredNotification | None:
        """One entry by its number."""
        ...

    async def counts(self, tenant: str | None = None) -> Mapping[EntryState, int]:
        """How many entries stand where; only states that occur."""
        ...

    async def replay(self, number: int, now: datetime, *, force: bool = False) -> bool:
        """Let an entry be handled again, at once and with all its attempts.

        With ``force`` even if something newer is known. False when there is no
        such entry, it is being handled, it was never readable, or its bytes are
        gone.
        """
        ...

    async def admit(self, number: int, arrival: Arrival) -> Stored | None:
        """Store what parked bytes are found to say after all, and unpark them.

        ``None`` when no such bytes are parked.
        """
        ...

    async def set_aside(self, number: int, now: datetime) -> bool:
        """Park an entry by hand; False when there is none or it is being handled."""
        ...

    async def scrub(self, before: datetime, now: datetime) -> int:
        """Drop the raw bytes of what came before, save what still waits.

        The entries themselves stay: they are the memory of what has taken effect.

        Returns:
            How many lost their bytes.
        """
        ...

    async def expect(
        self, merchant_key: str, expected: Expected, *, tenant: str = ""
    ) -> None:
        """Remember what is to be paid for a link or order; the last word counts."""
        ...

    async def expected(self, merchant_key: str, *, tenant: str = "") -> Expected | None:
        """What :meth:`expect` was told."""
        ...
