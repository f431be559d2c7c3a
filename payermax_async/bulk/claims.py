"""Who gets a row: looked at, locked, looked at again and taken, in one transaction."""

from __future__ import annotations

from datetime import datetime, timedelta

import attrs

from payermax_async.bulk.records import (
    ClaimStanding,
    JournalError,
    JournalRow,
    PlannedRow,
    RowClaim,
    RowResult,
    RowState,
)
from payermax_async.bulk.statements import (
    COLUMNS,
    HELD,
    json_text,
    learned,
    length,
    read_row,
    stored,
)
from payermax_async.storage.sql import Query, Steps, micros

__all__ = ["claim"]


@attrs.frozen(kw_only=True)
class _Claimable:
    """A row as it stands, and who has it."""

    row: JournalRow
    token: int
    seen_by: str
    holder: str
    is_held: bool
    held_for: timedelta
    sent_ago: timedelta | None

    def is_settled(self, row: PlannedRow) -> bool:
        """Whether nothing is left to be done."""
        state, again = self.row.result.state, self.row.result.again
        if state is RowState.REFUSED:
            # Nothing exists for it, so that it may come again, mended.
            return not (again or self.row.planned.digest != row.digest)
        return state.is_settled

    def refused(self, row: PlannedRow, run: str) -> RowClaim | None:
        """What keeps a run from it; ``None`` if it may have it."""
        planned = self.row.planned
        # Twice in one source: the second order must not pass for served by the link of
        # the first.
        if self.seen_by == run and planned.position != row.position:
            return RowClaim(standing=ClaimStanding.REPEATED, row=self.row)
        if planned.digest != row.digest and (
            self.row.result.state is not RowState.REFUSED
        ):
            return RowClaim(standing=ClaimStanding.CHANGED, row=self.row)
        if self.is_held and self.holder != run and not self.is_settled(row):
            return RowClaim(
                standing=ClaimStanding.HELD, row=self.row, held_for=self.held_for
            )
        return None


def claim(
    row: PlannedRow, *, run: str, lease: timedelta, now: datetime
) -> Steps[RowClaim]:
    """Take a row for a run, if it is there to be taken."""
    found = yield from _found(row.key)
    if found is None:
        if (yield from _insert(row, run, lease, now)):
            fresh = JournalRow(planned=row, result=RowResult(state=RowState.PLANNED))
            return RowClaim(standing=ClaimStanding.OURS, row=fresh, token=1)
        found = yield from _found(row.key)  # another run made it just now
        if found is None:
            raise JournalError("the journal lost a row while it was made")
    # Before anything is written: whoever holds it knows by what stands there that it
    # met the id before, and would else take the row from itself for ever.
    if refused := found.refused(row, run):
        return refused
    # Nobody waits for a row that somebody is at: two groups of writes that waited for
    # each other's rows would both have to be taken back.
    locked = yield from _found(row.key, lock=True)
    if locked is None:
        return RowClaim(standing=ClaimStanding.HELD, row=found.row)
    if refused := locked.refused(row, run):
        return refused
    return (yield from _taken(row, locked, run, lease, now))


def _found(key: str, *, lock: bool = False) -> Steps[_Claimable | None]:
    rows = yield Query(
        f"SELECT {COLUMNS}, s.token, s.seen_by, s.holder, {{held}}, "  # noqa: S608 - constants
        "s.held_until - {clock}, s.sent_boot = {boot} AND s.sent_at > 0, "
        "{clock} - s.sent_at FROM {journal} AS s "
        f"WHERE s.batch = :batch AND s.link_key = :key{' {lock_row}' * lock}",
        {"key": key},
    )
    if not rows:
        return None
    token, seen_by, holder, held, left, here, ago = rows[0][-7:]
    return _Claimable(
        row=read_row(rows[0]),
        token=token,
        seen_by=seen_by,
        holder=holder,
        is_held=bool(held),
        held_for=timedelta(microseconds=max(left, 0)),
        sent_ago=timedelta(microseconds=ago) if here else None,
    )


def _taken(
    row: PlannedRow, found: _Claimable, run: str, lease: timedelta, now: datetime
) -> Steps[RowClaim]:
    """What a run gets of a row that nobody else is at."""
    yield Query(
        "UPDATE {journal} SET seen_by = :run, position = :position, "
        "own_columns = :own_columns WHERE batch = :batch AND link_key = :key",
        {
            "run": run,
            "position": row.position,
            "own_columns": json_text(row.columns),
            "key": row.key,
        },
    )
    planned = attrs.evolve(
        found.row.planned, position=row.position, columns=dict(row.columns)
    )
    known = attrs.evolve(found.row, planned=planned)
    if found.is_settled(row):
        return RowClaim(standing=ClaimStanding.SETTLED, row=known)
    # Whoever had lost the row heard that its link exists: it is not made again.
    told = yield from learned(row.key)
    if told is not None:
        yield stored(row.key, told, now)
        known = attrs.evolve(known, result=told)
        return RowClaim(standing=ClaimStanding.SETTLED, row=known)
    refused = known.result.state is RowState.REFUSED
    yield from _take(row, run, lease, planned=refused, now=now)
    if refused:
        result = RowResult(state=RowState.PLANNED)
        known = attrs.evolve(known, planned=row, result=result)
    return RowClaim(
        standing=ClaimStanding.OURS,
        row=known,
        token=found.token + 1,
        sent_ago=found.sent_ago,
    )


def _insert(row: PlannedRow, run: str, lease: timedelta, now: datetime) -> Steps[bool]:
    rows = yield Query(
        "INSERT INTO {journal} (batch, link_key, order_number, position, digest, "
        "amount, currency, own_columns, state, link_url, link_id, reason, remedy, "
        "again, stamp, hosts, sent_boot, sent_at, seen_by, token, holder, held_boot, "
        "held_from, held_until, began_at) "
        "VALUES (:batch, :key, :order_number, :position, :digest, :amount, :currency, "
        ":own_columns, :state, '', '', '', '', 0, 0, '', '', 0, "
        ":run, 1, :run, {boot}, {clock}, {clock} + :lease, :now) "
        "ON CONFLICT DO NOTHING RETURNING id",
        {
            "key": row.key,
            "order_number": row.order,
            "position": row.position,
            "digest": row.digest,
            "amount": row.amount,
            "currency": row.currency,
            "own_columns": json_text(row.columns),
            "state": RowState.PLANNED.value,
            "run": run,
            "lease": length(lease),
            "now": micros(now),
        },
    )
    return bool(rows)


def _take(
    row: PlannedRow, run: str, lease: timedelta, *, planned: bool, now: datetime
) -> Steps[None]:
    yield Query(
        # Higher with every hold: whoever had the row before matches none any more,
        # however late it writes.
        f"UPDATE {{journal}} SET token = token + 1, holder = :run, {HELD} "  # noqa: S608 - constants
        "WHERE batch = :batch AND link_key = :key",
        {"run": run, "lease": length(lease), "key": row.key},
    )
    if planned:
        yield Query(
            "UPDATE {journal} SET state = :state, digest = :digest, amount = :amount, "
            "currency = :currency, reason = '', remedy = '', again = 0, "
            "began_at = :now, settled_at = 0 "
            "WHERE batch = :batch AND link_key = :key",
            {
                "state": RowState.PLANNED.value,
                "digest": row.digest,
                "amount": row.amount,
                "currency": row.currency,
                "now": micros(now),
                "key": row.key,
            },
        )
