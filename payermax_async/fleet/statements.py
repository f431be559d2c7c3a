"""What a fleet does in its tables, as steps that run in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from payermax_async.bulk.control import BulkControl
from payermax_async.bulk.control_statements import told_now
from payermax_async.bulk.records import PlannedRow, RowResult, RowState
from payermax_async.bulk.statements import COLUMNS, HELD, json_text, length, read_row
from payermax_async.core.errors import ConfigurationError
from payermax_async.fleet.records import (
    ChunkId,
    ChunkRow,
    DueChunk,
    EnqueuedRows,
    FleetBatch,
)
from payermax_async.storage.sql import Query, Steps, coded, given, micros

__all__ = [
    "Enqueuable",
    "asked_for",
    "batch_of",
    "cancel",
    "enqueue",
    "finish",
    "forget_items",
    "forget_left",
    "hold_on",
    "let_go",
    "refuse_planned",
    "register",
    "reserve",
    "sweep",
    "take",
    "told",
]

Enqueuable = tuple[PlannedRow, str, RowResult]
"""A row, its request as text, and how it stands from the start."""

_SWEEPING = 7_269_377_414
"""Any number will do, as long as all processes take the same."""
_TOLD_FOR = timedelta(minutes=1)
"""After this long a chunk that nobody took is told of again: the job was lost."""
_FIRST_REST = timedelta(seconds=5)
_LONGEST_REST = timedelta(minutes=15)
_DOUBLINGS = 8
_REFUSED_AT_ONCE = 1000


# --- batches -------------------------------------------------------------------------


def register(batch: FleetBatch) -> Steps[FleetBatch]:
    """Make a batch known, or see that it is the one that is.

    Raises:
        ConfigurationError: It is another merchant's.
    """
    yield Query(
        "INSERT INTO {fleet_batch} (batch, name, fingerprint, priority, chunk, "
        "next_position, cancelled) VALUES (:number, :name, :fingerprint, :priority, "
        ":chunk, 1, 0) ON CONFLICT (batch) DO UPDATE SET priority = :priority",
        {
            "number": batch.number,
            "name": batch.name,
            "fingerprint": batch.fingerprint,
            "priority": batch.priority,
            "chunk": batch.chunk,
        },
    )
    # Whoever asks may be another merchant under the same name: what stands there
    # counts.
    found = yield from batch_of(batch.number)
    if found is None or found.fingerprint != batch.fingerprint:
        raise ConfigurationError(
            f"the batch {batch.name} is of {found.fingerprint if found else 'nobody'}, "
            f"not of {batch.fingerprint}: take another name"
        )
    return found


def batch_of(number: int) -> Steps[FleetBatch | None]:
    """A batch by its number."""
    rows = yield Query(
        "SELECT batch, name, fingerprint, priority, chunk, cancelled "
        "FROM {fleet_batch} WHERE batch = :number",
        {"number": number},
    )
    if not rows:
        return None
    number, name, fingerprint, priority, chunk, cancelled = rows[0]
    return FleetBatch(
        number=number,
        name=name,
        fingerprint=fingerprint,
        priority=priority,
        chunk=chunk,
        cancelled=bool(cancelled),
    )


def reserve(batch: int, count: int) -> Steps[int]:
    """Take positions; the first of them. Those that are not used stay empty."""
    rows = yield Query(
        "UPDATE {fleet_batch} SET next_position = next_position + :count "
        "WHERE batch = :batch AND cancelled = 0 RETURNING next_position - :count",
        {"batch": batch, "count": count},
    )
    if not rows:
        raise ConfigurationError("the batch was cancelled: it takes nothing more")
    return int(rows[0][0])


def enqueue(batch: int, rows: Sequence[Enqueuable]) -> Steps[EnqueuedRows]:
    """Put rows down, each id once; what is there already stays as it is."""
    # An id that comes again is held against its first row, like one that is there.
    first: dict[str, Enqueuable] = {}
    for row in rows:
        first.setdefault(row[0].key, row)
    once = list(first.values())
    added = yield Query(
        "INSERT INTO {journal} (batch, link_key, order_number, position, digest, "
        "amount, currency, own_columns, state, link_url, link_id, reason, remedy, "
        "again, stamp, hosts, sent_boot, sent_at, seen_by, token, holder, held_boot, "
        "held_from, held_until) "
        "SELECT :batch, k, o, p, d, a, c, w, s, '', '', r, m, 0, 0, '', '', 0, '', 0, "
        "'', '', 0, 0 FROM unnest(CAST(:keys AS TEXT[]), CAST(:orders AS TEXT[]), "
        "CAST(:positions AS BIGINT[]), CAST(:digests AS TEXT[]), "
        "CAST(:amounts AS TEXT[]), CAST(:currencies AS TEXT[]), "
        "CAST(:own AS TEXT[]), CAST(:states AS TEXT[]), CAST(:reasons AS TEXT[]), "
        "CAST(:remedies AS TEXT[])) AS given (k, o, p, d, a, c, w, s, r, m) "
        # Made in one order: two who enqueue the same rows do not wait for each other.
        "ORDER BY k ON CONFLICT (batch, link_key) DO NOTHING RETURNING link_key, state",
        {
            "batch": batch,
            "keys": [coded(planned.key) for planned, _, _ in once],
            "orders": [coded(planned.order) for planned, _, _ in once],
            "positions": [planned.position for planned, _, _ in once],
            "digests": [planned.digest for planned, _, _ in once],
            "amounts": [planned.amount for planned, _, _ in once],
            "currencies": [planned.currency for planned, _, _ in once],
            "own": [coded(json_text(planned.columns)) for planned, _, _ in once],
            "states": [result.state.value for _, _, result in once],
            "reasons": [coded(result.reason) for _, _, result in once],
            "remedies": [coded(result.remedy) for _, _, result in once],
        },
    )
    states: dict[str, str] = dict(added)
    new = [row for row in once if states.get(row[0].key) == RowState.PLANNED.value]
    left = [
        row for row in rows if row[0].key not in states or row is not first[row[0].key]
    ]
    mended, conflicting = yield from _there_already(batch, left)
    yield Query(
        "INSERT INTO {fleet_order} (batch, link_key, item) SELECT :batch, k, i "
        "FROM unnest(CAST(:keys AS TEXT[]), CAST(:items AS TEXT[])) AS given (k, i) "
        "ON CONFLICT (batch, link_key) DO UPDATE SET item = excluded.item",
        {
            "batch": batch,
            "keys": [coded(planned.key) for planned, _, _ in (*new, *mended)],
            "items": [coded(item) for _, item, _ in (*new, *mended)],
        },
    )
    return EnqueuedRows(
        new=len(new) + len(mended),
        known=len(left) - len(mended) - len(conflicting),
        refused=len(added) - len(new),
        conflicting=tuple(conflicting),
    )


def _there_already(
    batch: int, rows: Sequence[Enqueuable]
) -> Steps[tuple[list[Enqueuable], list[str]]]:
    """Of rows whose ids are taken: those mended now, and those that differ."""
    if not rows:
        return [], []
    found = yield Query(
        "SELECT link_key, digest, state, again FROM {journal} "
        # Locked in one order, for the same reason.
        "WHERE batch = :batch AND link_key = ANY(CAST(:keys AS TEXT[])) "
        "ORDER BY link_key FOR UPDATE",
        {"batch": batch, "keys": [coded(planned.key) for planned, _, _ in rows]},
    )
    standing = {key: (digest, state, again) for key, digest, state, again in found}
    mended: list[Enqueuable] = []
    conflicting: list[str] = []
    for row in rows:
        planned, item, _ = row
        digest, state, again = standing[planned.key]
        is_other = digest != planned.digest
        # Nothing exists for a refused one, so that it may come again.
        if item and state == RowState.REFUSED.value and (is_other or again):
            yield Query(
                "UPDATE {journal} SET state = 'planned', digest = :digest, "
                "amount = :amount, currency = :currency, position = :position, "
                "reason = '', remedy = '', again = 0, settled_at = 0 "
                "WHERE batch = :batch AND link_key = :key",
                {
                    "batch": batch,
                    "key": planned.key,
                    "digest": planned.digest,
                    "amount": planned.amount,
                    "currency": planned.currency,
                    "position": planned.position,
                },
            )
            standing[planned.key] = planned.digest, RowState.PLANNED.value, 0
            mended.append(row)
        elif is_other:
            conflicting.append(planned.key)
    return mended, conflicting


def cancel(batch: int) -> Steps[None]:
    """Send nothing more of a batch: its rows are refused after this."""
    yield Query(
        "UPDATE {fleet_batch} SET cancelled = 1 WHERE batch = :batch", {"batch": batch}
    )


def refuse_planned(
    batch: int, now: datetime, *, first: int = 0, behind: int = 2**62
) -> Steps[int]:
    """Refuse some rows of a cancelled batch of which nothing left; how many it were.

    Those that a worker holds as well: with its hold gone, it lets nothing out.

    Args:
        batch: Which.
        now: The time, for reports.
        first: The first position.
        behind: The position behind the last one.
    """
    # Some at a time: a batch of any size is refused in transactions that end in time.
    rows = yield Query(
        "SELECT s.id, s.link_key FROM {journal} AS s WHERE s.batch = :batch "
        "AND s.position >= :first AND s.position < :behind AND s.state = 'planned' "
        "ORDER BY s.position LIMIT :most FOR UPDATE OF s",
        {"batch": batch, "first": first, "behind": behind, "most": _REFUSED_AT_ONCE},
    )
    if not rows:
        return 0
    yield Query(
        "UPDATE {journal} SET state = 'refused', settled_at = :now, "
        "token = token + 1, holder = '', held_until = 0, "
        "reason = 'the batch was cancelled before anything was sent for it' "
        "WHERE id = ANY(CAST(:ids AS BIGINT[]))",
        {"now": micros(now), "ids": [number for number, _ in rows]},
    )
    # It is about people, and nobody needs it any more.
    yield Query(
        "DELETE FROM {fleet_order} "
        "WHERE batch = :batch AND link_key = ANY(CAST(:keys AS TEXT[]))",
        {"batch": batch, "keys": [coded(key) for _, key in rows]},
    )
    return len(rows)


# --- chunks --------------------------------------------------------------------------


def sweep(window: int) -> Steps[list[DueChunk]]:
    """Ranges with rows that are open and that nobody holds: somebody has to be told.

    Of each batch at most ``window`` are told of at a time, so that a long one does not
    stand before a short one. Who finds another one sweeping leaves it to that one.
    """
    free = yield Query("SELECT pg_try_advisory_xact_lock(:lock)", {"lock": _SWEEPING})
    # Two sweeps would tell of the same chunks; one that is late finds what is left.
    if not free[0][0]:
        return []
    batches = yield Query(
        "SELECT b.batch, b.priority, b.chunk, b.fingerprint, "
        "(SELECT count(*) FROM {fleet_range} AS r "
        "WHERE r.batch = b.batch AND r.state = 'told' AND r.due > {clock}) "
        "FROM {fleet_batch} AS b LEFT JOIN {journal_control} AS c ON c.id = b.batch "
        "WHERE COALESCE(c.paused, 0) = 0 AND EXISTS (SELECT 1 FROM {journal} AS s "
        "WHERE s.batch = b.batch AND s.state IN ('planned', 'sending', 'unknown')) "
        "ORDER BY b.priority DESC, b.batch"
    )
    due: list[DueChunk] = []
    for batch, priority, chunk, fingerprint, waiting in batches:
        # Already enough of it is told of: more would stand before a batch that comes
        # later.
        if waiting >= window:
            continue
        # The limit within: what is sorted is never a whole batch.
        numbers = yield Query(
            "SELECT DISTINCT number FROM (SELECT s.position / :chunk AS number "
            "FROM {journal} AS s LEFT JOIN {fleet_range} AS r "
            "ON r.batch = s.batch AND r.number = s.position / :chunk "
            "WHERE s.batch = :batch AND s.state IN ('planned', 'sending', 'unknown') "
            "AND NOT {held} AND (r.number IS NULL OR r.due <= {clock}) "
            "ORDER BY s.position LIMIT :rows) AS first ORDER BY number LIMIT :most",
            {
                "batch": batch,
                "chunk": chunk,
                "rows": (window - waiting) * chunk,
                "most": window - waiting,
            },
        )
        for (number,) in numbers:
            yield Query(
                "INSERT INTO {fleet_range} (batch, number, state, holder, due, tries, "
                "error) VALUES (:batch, :number, 'told', '', {clock} + :lease, 0, '') "
                "ON CONFLICT (batch, number) DO UPDATE SET state = 'told', "
                "holder = '', due = excluded.due",
                {"batch": batch, "number": number, "lease": length(_TOLD_FOR)},
            )
            due.append(
                DueChunk(
                    chunk=ChunkId(batch, number),
                    priority=priority,
                    fingerprint=fingerprint,
                )
            )
    return due


def take(
    chunk: ChunkId, batch: FleetBatch, *, run: str, lease: timedelta
) -> Steps[list[ChunkRow]]:
    """Hold those rows of a chunk that are open, and that nobody holds or locks."""
    rows = yield Query(
        f"SELECT {COLUMNS}, s.id, s.token, s.sent_at > 0, {{clock}} - s.sent_at, "  # noqa: S608 - constants
        "EXISTS (SELECT 1 FROM {journal_learned} AS l WHERE l.batch = s.batch "
        "AND l.link_key = s.link_key), o.item FROM {journal} AS s "
        "JOIN {fleet_order} AS o ON o.batch = s.batch AND o.link_key = s.link_key "
        "WHERE s.batch = :batch AND s.position >= :first AND s.position < :behind "
        "AND s.state IN ('planned', 'sending', 'unknown') "
        # Its own, too: a commit may have been done whose answer was lost.
        "AND (NOT {held} OR s.holder = :run) "
        "AND (:cancelled = 0 OR s.state <> 'planned') ORDER BY s.position {lock_row}",
        {
            "batch": chunk.batch,
            "first": chunk.number * batch.chunk,
            "behind": (chunk.number + 1) * batch.chunk,
            "cancelled": int(batch.cancelled),
            "run": run,
        },
    )
    if not rows:
        return []
    yield Query(
        "UPDATE {journal} SET token = token + 1, seen_by = :run, holder = :run, "  # noqa: S608 - constants
        f"{HELD} WHERE id = ANY(CAST(:ids AS BIGINT[]))",
        {"run": run, "lease": length(lease), "ids": [row[-6] for row in rows]},
    )
    yield Query(
        "INSERT INTO {fleet_range} (batch, number, state, holder, due, tries, error) "
        "VALUES (:batch, :number, 'taken', :run, {clock} + :lease, 0, '') "
        "ON CONFLICT (batch, number) DO UPDATE SET state = 'taken', holder = :run, "
        "due = excluded.due",
        {
            "batch": chunk.batch,
            "number": chunk.number,
            "run": run,
            "lease": length(lease),
        },
    )
    return [
        ChunkRow(
            row=read_row(row),
            # The hold that was just taken: whoever had the row before has a lower one.
            token=row[-5] + 1,
            sent_ago=timedelta(microseconds=row[-3]) if row[-4] else None,
            learned=row[-2],
            item=row[-1],
        )
        for row in rows
    ]


def hold_on(chunk: ChunkId, run: str, lease: timedelta) -> Steps[None]:
    """Hold the rows of a chunk that wait for their turn for so long from now on."""
    yield Query(
        f"UPDATE {{journal}} SET {HELD} WHERE batch = :batch AND holder = :run "  # noqa: S608 - constants
        # What is being sent holds itself by its own writes, and is not to be kept from
        # others longer than that.
        "AND state = 'planned'",
        {"batch": chunk.batch, "run": run, "lease": length(lease)},
    )
    yield Query(
        "UPDATE {fleet_range} SET due = {clock} + :lease "
        "WHERE batch = :batch AND number = :number AND holder = :run",
        {
            "batch": chunk.batch,
            "number": chunk.number,
            "run": run,
            "lease": length(lease),
        },
    )


def let_go(batch: int, run: str) -> Steps[None]:
    """Hold nothing more; what is ``sending`` stays so.

    Whoever takes it only asks, until nothing that was let out can be taken any more.
    """
    yield Query(
        "UPDATE {journal} SET holder = '', held_until = 0 "
        "WHERE batch = :batch AND holder = :run",
        {"batch": batch, "run": run},
    )


def finish(chunk: ChunkId, run: str, *, settled: int, error: str) -> Steps[None]:
    """A worker is done with a chunk: how soon it may be told of again.

    With nothing settled each time takes twice as long, so that what cannot be found
    out is not asked about without end.
    """
    yield Query(
        "UPDATE {fleet_range} SET state = 'rests', holder = '', error = :error, "
        "tries = CASE WHEN :settled > 0 THEN 0 ELSE tries + 1 END, "
        "due = CASE WHEN :settled > 0 AND :error = '' THEN 0 ELSE {clock} + "
        "CAST(LEAST(:longest, :shortest * power(2, LEAST(tries, :doublings))) "
        "AS BIGINT) END WHERE batch = :batch AND number = :number AND holder = :run",
        {
            "batch": chunk.batch,
            "number": chunk.number,
            "run": run,
            "settled": settled,
            "error": error,
            "longest": length(_LONGEST_REST),
            "shortest": length(_FIRST_REST),
            "doublings": _DOUBLINGS,
        },
    )


def forget_items(chunk: ChunkId, size: int) -> Steps[None]:
    """Delete what was enqueued for rows that are settled: it is about people."""
    values = {
        "batch": chunk.batch,
        "number": chunk.number,
        "first": chunk.number * size,
        "behind": (chunk.number + 1) * size,
    }
    yield Query(
        "DELETE FROM {fleet_order} AS o USING {journal} AS s WHERE s.batch = :batch "
        "AND s.position >= :first AND s.position < :behind AND o.batch = s.batch "
        "AND o.link_key = s.link_key "
        "AND s.state NOT IN ('planned', 'sending', 'unknown')",
        values,
    )
    yield Query(
        "DELETE FROM {fleet_range} WHERE batch = :batch AND number = :number "
        "AND NOT EXISTS (SELECT 1 FROM {journal} AS s "
        "WHERE s.batch = :batch AND s.position >= :first AND s.position < :behind "
        "AND s.state IN ('planned', 'sending', 'unknown'))",
        values,
    )


def forget_left() -> Steps[None]:
    """The same for chunks whose worker was killed between their last row and that."""
    rows = yield Query(
        "SELECT r.batch, r.number, b.chunk FROM {fleet_range} AS r "
        "JOIN {fleet_batch} AS b ON b.batch = r.batch WHERE r.due <= {clock} "
        "AND NOT EXISTS (SELECT 1 FROM {journal} AS s WHERE s.batch = r.batch "
        "AND s.position >= r.number * b.chunk "
        "AND s.position < (r.number + 1) * b.chunk "
        "AND s.state IN ('planned', 'sending', 'unknown')) LIMIT 100"
    )
    for batch, number, size in rows:
        yield from forget_items(ChunkId(batch, number), size)


def told(batch: int) -> Steps[tuple[BulkControl, bool]]:
    """What is said of a batch, and whether it is cancelled."""
    control = yield from given(told_now(), batch=batch)
    rows = yield Query(
        "SELECT cancelled FROM {fleet_batch} WHERE batch = :batch", {"batch": batch}
    )
    return control, not rows or bool(rows[0][0])


def asked_for(batch: int, run: str) -> Steps[dict[str, Decimal]]:
    """By currency, what a batch asks for already, as a run has to see it.

    What others hold and have not begun counts as if it were sent: two chunks at once
    may both stop before the limit, never behind it.
    """
    rows = yield Query(
        "SELECT s.currency, s.amount, count(*) FROM {journal} AS s "
        "WHERE s.batch = :batch AND s.amount <> '' AND (s.state IN ('created', "
        "'expired', 'paid', 'sending', 'unknown') "
        "OR (s.state = 'planned' AND {held} AND s.holder <> :run)) "
        "GROUP BY s.currency, s.amount",
        {"batch": batch, "run": run},
    )
    sums: dict[str, Decimal] = {}
    for currency, amount, count in rows:
        sums[currency] = sums.get(currency, Decimal(0)) + Decimal(amount) * count
    return sums
