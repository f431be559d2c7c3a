"""What runs are told and say of themselves, as steps in one transaction."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import timedelta
from decimal import Decimal

import attrs

from payermax_async.bulk.control import BatchStatus, BulkControl, RunStatus
from payermax_async.bulk.progress import BulkProgress
from payermax_async.bulk.records import RowState
from payermax_async.bulk.statements import begun_batch
from payermax_async.storage.sql import Query, Row, Steps

__all__ = ["attend", "committed", "control", "status", "told_now"]

_KEPT = 5
"""How many runs that ended are remembered."""
# Doubts count: a rail on money holds where a link may be there to be paid.
_MAY_EXIST = frozenset(
    {
        RowState.CREATED,
        RowState.EXPIRED,
        RowState.PAID,
        RowState.SENDING,
        RowState.UNKNOWN,
    }
)


def control(
    *,
    paused: bool | None,
    at_once: int | None,
    per_second: float | None,
    max_amount: Mapping[str, Decimal] | None,
) -> Steps[BulkControl]:
    """Change what runs are told; ``None`` leaves a thing as it is, 0 takes it back."""
    yield Query(
        # Two processes may be the first: one row is made, and both change it.
        "INSERT INTO {journal_control} (id, paused, at_once, per_second) "
        "VALUES (:batch, 0, 0, 0) ON CONFLICT (id) DO NOTHING"
    )
    yield Query(
        "UPDATE {journal_control} SET paused = COALESCE(:paused, paused), "
        "at_once = COALESCE(:at_once, at_once), "
        "per_second = COALESCE(:per_second, per_second) WHERE id = :batch",
        {
            "paused": None if paused is None else int(paused),
            "at_once": at_once,
            "per_second": per_second,
        },
    )
    if max_amount:
        # After the row was changed, and so is held: no other process is between.
        known = (yield from told_now()).max_amount
        most = {name: at for name, at in {**known, **max_amount}.items() if at}
        yield Query(
            "UPDATE {journal_control} SET max_amount = :most WHERE id = :batch",
            {"most": json.dumps({name: str(most[name]) for name in sorted(most)})},
        )
    return (yield from told_now())


def attend(run: str, progress: BulkProgress, *, ended: str) -> Steps[BulkControl]:
    """Note how a run goes; what it is told."""
    yield Query(
        "INSERT INTO {journal_run} (batch, name, progress, ended, seen_boot, seen_at) "
        "VALUES (:batch, :run, :progress, :ended, {boot}, {clock}) ON CONFLICT (name) "
        "DO UPDATE SET progress = excluded.progress, ended = excluded.ended, "
        "seen_boot = excluded.seen_boot, seen_at = excluded.seen_at",
        {"run": run, "progress": json.dumps(attrs.asdict(progress)), "ended": ended},
    )
    # By the start of the machine first: its clock begins anew with each.
    if ended:
        yield Query(
            "DELETE FROM {journal_run} WHERE batch = :batch AND name NOT IN "
            "(SELECT name FROM {journal_run} WHERE batch = :batch "
            "ORDER BY seen_boot = {boot} DESC, seen_at DESC LIMIT :kept)",
            {"kept": _KEPT},
        )
    return (yield from told_now())


def told_now() -> Steps[BulkControl]:
    """What the runs of the batch are told."""
    rows = yield Query(
        "SELECT paused, at_once, per_second, max_amount FROM {journal_control} "
        "WHERE id = :batch"
    )
    if not rows:
        return BulkControl()
    paused, at_once, per_second, most = rows[0]
    return BulkControl(
        paused=bool(paused),
        at_once=at_once or None,
        per_second=per_second or None,
        max_amount={
            name: Decimal(value) for name, value in json.loads(most or "{}").items()
        },
    )


def committed() -> Steps[dict[str, Decimal]]:
    """By currency, the amounts of all links that exist or may exist."""
    rows = yield Query(
        "SELECT state, currency, amount, count(*) FROM {journal} "
        "WHERE batch = :batch GROUP BY state, currency, amount"
    )
    return _sums(rows)


def _sums(rows: Iterable[Row]) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = {}
    for state, currency, amount, count in rows:
        # Added up here: a database would add text as binary numbers.
        if RowState(state) in _MAY_EXIST and amount:
            sums[currency] = sums.get(currency, Decimal(0)) + Decimal(amount) * count
    return sums


def status() -> Steps[BatchStatus]:
    """How the batch stands; it only reads."""
    batch = yield from begun_batch()
    counts = yield Query(
        "SELECT state, count(*) FROM {journal} WHERE batch = :batch GROUP BY state"
    )
    found = {RowState(state): count for state, count in counts}
    runs = yield Query(
        "SELECT name, progress, ended, seen_boot = {boot}, {clock} - seen_at "
        "FROM {journal_run} WHERE batch = :batch "
        "ORDER BY seen_boot = {boot}, seen_at, name"
    )
    told = yield from told_now()
    return BatchStatus(
        batch=batch,
        control=told,
        counts={state: found[state] for state in RowState if state in found},
        runs=tuple(
            RunStatus(
                run=name,
                progress=BulkProgress(**json.loads(progress)),
                ended=ended,
                seen_ago=timedelta(microseconds=max(ago, 0)) if here else None,
            )
            for name, progress, ended, here, ago in runs
        ),
    )
