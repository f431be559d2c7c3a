"""What workers say of themselves and are told, as steps in one transaction."""

from __future__ import annotations

from datetime import timedelta

import attrs

from payermax_async.fleet.records import FleetStatus, StuckChunk, WorkerStatus
from payermax_async.storage.sql import Query, Steps

__all__ = ["WorkerReport", "attend", "begin", "drain", "leave", "status"]

_STUCK_AFTER = 3
_FORGOTTEN = timedelta(days=1) // timedelta(microseconds=1)


@attrs.frozen(kw_only=True)
class WorkerReport:
    """What a worker says of itself."""

    name: str
    """Its name."""
    version: str
    """Of this package."""
    fingerprint: str
    """Whose links it makes."""
    settled: int
    """How many rows it settled."""
    rate: float
    """Rows a second, of late."""
    chunks: int
    """How many chunks it is at."""
    error: str
    """What went wrong last."""


def begin(name: str) -> Steps[None]:
    """A worker begins: what one of its name was told, which is gone, is not for it."""
    yield Query("DELETE FROM {fleet_worker} WHERE name = :name", {"name": name})


def attend(report: WorkerReport) -> Steps[str]:
    """Note how a worker is; what it is told, empty for nothing."""
    rows = yield Query(
        "INSERT INTO {fleet_worker} (name, version, fingerprint, began_at, seen_at, "
        "settled, rate, chunks, error, wanted) VALUES (:name, :version, :fingerprint, "
        "{clock}, {clock}, :settled, :rate, :chunks, :error, '') "
        "ON CONFLICT (name) DO UPDATE SET seen_at = excluded.seen_at, "
        "settled = :settled, rate = :rate, chunks = :chunks, error = :error "
        "RETURNING wanted",
        attrs.asdict(report),
    )
    return str(rows[0][0])


def leave(name: str) -> Steps[None]:
    """A worker ended well. Those that were killed long ago are forgotten with it."""
    yield Query(
        "DELETE FROM {fleet_worker} WHERE name = :name OR seen_at < {clock} - :kept",
        {"name": name, "kept": _FORGOTTEN},
    )


def drain(name: str) -> Steps[int]:
    """Tell a worker, or all with an empty name, to end; how many were told."""
    rows = yield Query(
        "UPDATE {fleet_worker} SET wanted = 'drain' "
        "WHERE :name = '' OR name = :name RETURNING name",
        {"name": name},
    )
    return len(rows)


def status() -> Steps[FleetStatus]:
    """How the fleet is; it only reads."""
    workers = yield Query(
        "SELECT name, version, {clock} - seen_at, settled, rate, chunks, error, wanted "
        "FROM {fleet_worker} ORDER BY name"
    )
    stuck = yield Query(
        "SELECT b.name, r.number, r.tries, r.error FROM {fleet_range} AS r "
        "JOIN {fleet_batch} AS b ON b.batch = r.batch WHERE r.tries >= :tries "
        "ORDER BY b.name, r.number LIMIT 100",
        {"tries": _STUCK_AFTER},
    )
    left = yield Query(
        "SELECT count(*) FROM {journal} AS s JOIN {fleet_batch} AS b "
        "ON b.batch = s.batch LEFT JOIN {journal_control} AS c ON c.id = b.batch "
        "WHERE s.state IN ('planned', 'sending', 'unknown') "
        "AND COALESCE(c.paused, 0) = 0"
    )
    return FleetStatus(
        workers=tuple(
            WorkerStatus(
                name=name,
                version=version,
                seen_ago=timedelta(microseconds=max(ago, 0)),
                settled=settled,
                rate=rate,
                chunks=chunks,
                error=error,
                wanted=wanted,
            )
            for name, version, ago, settled, rate, chunks, error, wanted in workers
        ),
        stuck=tuple(
            StuckChunk(batch=batch, number=number, tries=tries, error=error)
            for batch, number, tries, error in stuck
        ),
        open_rows=left[0][0],
        oldest_notice=(yield from _oldest_notice()),
    )


def _oldest_notice() -> Steps[timedelta | None]:
    """How long the oldest notification waits, where the inbox is in the same schema."""
    tables = yield Query("SELECT name FROM {catalogue} WHERE name = 'inbox'")
    if not tables:
        return None
    rows = yield Query(
        "SELECT {clock} - min(received_at) FROM {inbox} WHERE state = 'waiting'"
    )
    age = rows[0][0]
    return None if age is None else timedelta(microseconds=max(age, 0))
