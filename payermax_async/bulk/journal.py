"""Where a run writes down what it does before it does it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Protocol, runtime_checkable

from payermax_async.bulk.control import BatchStatus, BulkControl
from payermax_async.bulk.progress import BulkProgress
from payermax_async.bulk.records import (
    BulkBatch,
    JournalRow,
    PlannedRow,
    RowClaim,
    RowResult,
)

__all__ = ["Journal"]


@runtime_checkable
class Journal(Protocol):
    """Keeps what a run knows of each row; durable when a method returns.

    Every method may raise :class:`~payermax_async.webhooks.StorageError`: then the
    run stops, and sends nothing more.
    """

    @property
    def is_open(self) -> bool:
        """Whether it can be used."""
        ...

    async def open(self) -> None:
        """Make it usable."""
        ...

    async def aclose(self) -> None:
        """Close it; a second call does nothing."""
        ...

    async def begin(self, batch: BulkBatch) -> BulkBatch:
        """Tie it to a batch, or see that it is tied to just this one.

        Returns:
            The batch as it is kept: that a journal was lost is never forgotten.

        Raises:
            BatchMismatchError: It is tied to another plan, merchant or gateway.
        """
        ...

    async def claim(self, row: PlannedRow, *, run: str, lease: timedelta) -> RowClaim:
        """Take a row for a run, and hold it for so long."""
        ...

    async def sending(
        self,
        key: str,
        token: int,
        *,
        stamp: datetime,
        hosts: tuple[str, ...],
        lease: timedelta,
    ) -> bool:
        """Note that a create is about to leave.

        Returns:
            Whether it may: the hold that ``token`` names still stands, and nobody
            found out meanwhile that the link exists.
        """
        ...

    async def settle(self, key: str, token: int, result: RowResult) -> bool:
        """Note how a row ended, and let go of it.

        Returns:
            Whether the hold stood. If not, the result is kept beside the row.
        """
        ...

    async def renew(self, key: str, token: int, lease: timedelta) -> bool:
        """Hold a row for so long from now on; false if somebody else has it."""
        ...

    async def release(self, run: str) -> None:
        """Let go of all rows of a run that has ended."""
        ...

    async def control(
        self,
        *,
        paused: bool | None = None,
        at_once: int | None = None,
        per_second: float | None = None,
        max_amount: Mapping[str, Decimal] | None = None,
    ) -> BulkControl:
        """Tell the runs of the batch, in whatever process, to pause or go on.

        Each looks about once a second. A pause lasts until it is taken back, also for
        runs that begin later.

        Args:
            paused: Whether nothing new may be begun.
            at_once: How many creates may be under way in each run.
            per_second: How many creates each run may begin a second.
                ``None`` leaves a thing as it is; 0 takes it back, so that each run
                goes by what it was given.
            max_amount: By currency, the most that the batch may ask for, in major
                units; 0 takes it back, what is not named stays.

        Returns:
            What they are told from now on.

        Raises:
            ConfigurationError: Nothing can go by a number.
        """
        ...

    async def attend(
        self, run: str, progress: BulkProgress, *, ended: str = ""
    ) -> BulkControl:
        """Note how far a run is, and why it ended; what it is told."""
        ...

    async def committed(self) -> Mapping[str, Decimal]:
        """By currency, the amounts of all links that exist or may exist."""
        ...

    def status(self) -> BatchStatus:
        """How the batch stands; blocks, and may be closed."""
        ...

    def read(self) -> Iterator[JournalRow]:
        """All rows in the order of their positions; blocks, and may be closed."""
        ...
