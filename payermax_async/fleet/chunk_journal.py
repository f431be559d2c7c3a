"""The journal of one batch as a worker sees it that has taken a chunk of its rows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal

import attrs

from payermax_async.bulk.control import BatchStatus, BulkControl
from payermax_async.bulk.journal import Journal
from payermax_async.bulk.progress import BulkProgress
from payermax_async.bulk.records import (
    BulkBatch,
    ClaimStanding,
    JournalRow,
    PlannedRow,
    RowClaim,
    RowResult,
    RowState,
)
from payermax_async.fleet.records import ChunkRow, FleetStoppingError

__all__ = ["ChunkJournal"]


@attrs.define(kw_only=True)
class ChunkJournal:
    """Hands out rows that were taken together, each once, and then asks the journal.

    The holds that it hands out are fenced like all others: the journal compares the
    token in the commit that lets a create out.
    """

    inner: Journal
    """Of the batch."""
    rows: dict[str, ChunkRow] = attrs.field(init=False)
    """Those that were taken, by id."""
    look: Callable[[], Awaitable[BulkControl]]
    """Asks what the worker is told about the batch, and holds on to its rows."""
    asked_for: Callable[[], Awaitable[Mapping[str, Decimal]]]
    """By currency, what the batch asks for already, others' chunks included."""
    control_now: BulkControl = attrs.field(factory=BulkControl)
    """What is said of the batch."""
    let_go: Callable[[str], Awaitable[None]]
    """Lets go of what a run holds, and leaves what is ``sending`` as it is."""
    is_stopping: Callable[[], bool]
    """Whether nothing may be sent any more."""
    given_back: int = attrs.field(default=0, init=False)
    """How many rows are to be tried again."""
    _unclaimed: dict[str, ChunkRow] = attrs.field(init=False)

    @classmethod
    def of(
        cls,
        rows: Iterable[ChunkRow],
        inner: Journal,
        *,
        look: Callable[[], Awaitable[BulkControl]],
        let_go: Callable[[str], Awaitable[None]],
        asked_for: Callable[[], Awaitable[Mapping[str, Decimal]]],
        is_stopping: Callable[[], bool],
    ) -> ChunkJournal:
        """The journal as it is seen from a chunk."""
        made = cls(
            inner=inner,
            look=look,
            let_go=let_go,
            asked_for=asked_for,
            is_stopping=is_stopping,
        )
        made.rows = {row.row.planned.key: row for row in rows}
        made._unclaimed = dict(made.rows)
        return made

    @property
    def is_open(self) -> bool:
        """Whether it can be used; whoever made it opens and closes the inner one."""
        return self.inner.is_open

    async def open(self) -> None:
        """It is open."""

    async def aclose(self) -> None:
        """It stays open."""

    async def begin(self, batch: BulkBatch) -> BulkBatch:
        """See :class:`~payermax_async.bulk.Journal`: what it says holds here, too."""
        return await self.inner.begin(batch)

    async def claim(self, row: PlannedRow, *, run: str, lease: timedelta) -> RowClaim:
        """The hold that was taken with the chunk, or another one later on."""
        taken = self.rows[row.key]
        planned = taken.row.planned
        if row.digest != planned.digest:
            # What was stored reads differently here: another version wrote it.
            return RowClaim(standing=ClaimStanding.CHANGED, row=taken.row)
        fresh = self._unclaimed.pop(row.key, None)
        if fresh is None or fresh.learned:
            # Under the position that the batch knows, not the chunk's own.
            return await self.inner.claim(planned, run=run, lease=lease)
        return RowClaim(
            standing=ClaimStanding.OURS,
            row=taken.row,
            token=taken.token,
            sent_ago=taken.sent_ago,
        )

    async def sending(
        self,
        key: str,
        token: int,
        *,
        stamp: datetime,
        hosts: tuple[str, ...],
        lease: timedelta,
    ) -> bool:
        """See :class:`~payermax_async.bulk.Journal`; nothing once it is to stop.

        Raises:
            FleetStoppingError: The worker is told to stop.
        """
        # The last place before a create leaves: whatever went before, nothing leaves a
        # worker that is to end.
        if self.is_stopping():
            raise FleetStoppingError("the worker is told to stop")
        return await self.inner.sending(
            key, token, stamp=stamp, hosts=hosts, lease=lease
        )

    async def settle(self, key: str, token: int, result: RowResult) -> bool:
        """See :class:`~payermax_async.bulk.Journal`.

        What may simply be tried again is planned anew: nobody runs the batch again by
        hand.
        """
        if result.state is RowState.REFUSED and result.again:
            self.given_back += 1
            result = RowResult(state=RowState.PLANNED, reason=result.reason)
        return await self.inner.settle(key, token, result)

    async def renew(self, key: str, token: int, lease: timedelta) -> bool:
        """See :class:`~payermax_async.bulk.Journal`."""
        return await self.inner.renew(key, token, lease)

    async def release(self, run: str) -> None:
        """Let go; what is ``sending`` stays so, for whoever takes it asks first."""
        await self.let_go(run)

    async def control(
        self,
        *,
        paused: bool | None = None,
        at_once: int | None = None,
        per_second: float | None = None,
        max_amount: Mapping[str, Decimal] | None = None,
    ) -> BulkControl:
        """See :class:`~payermax_async.bulk.Journal`."""
        return await self.inner.control(
            paused=paused,
            at_once=at_once,
            per_second=per_second,
            max_amount=max_amount,
        )

    async def attend(
        self,
        run: str,  # noqa: ARG002 - a worker speaks for all its runs
        progress: BulkProgress,  # noqa: ARG002 - the same
        *,
        ended: str = "",
    ) -> BulkControl:
        """Go by what the worker is told; workers speak for themselves elsewhere."""
        if not ended:
            self.control_now = await self.look()
        # Paused is said by ending the run; the pace is the quota's, for all workers.
        return BulkControl(max_amount=self.control_now.max_amount)

    async def committed(self) -> Mapping[str, Decimal]:
        """By currency, what the batch asks for, where it has a limit."""
        if not (await self.look()).max_amount:
            return {}
        return await self.asked_for()

    def status(self) -> BatchStatus:
        """See :class:`~payermax_async.bulk.Journal`."""
        return self.inner.status()

    def read(self) -> Iterator[JournalRow]:
        """See :class:`~payermax_async.bulk.Journal`."""
        return self.inner.read()
