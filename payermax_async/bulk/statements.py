"""What a journal does, as steps that each database runs in one transaction."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta

import attrs

from payermax_async.bulk.records import (
    BatchMismatchError,
    BulkBatch,
    ClaimStanding,
    JournalRow,
    PlannedRow,
    RowClaim,
    RowResult,
    RowState,
)
from payermax_async.storage.sql import Query, Row, Steps, from_micros, micros

__all__ = [
    "begin",
    "begun_batch",
    "claim",
    "page",
    "release",
    "renew",
    "sending",
    "settle",
]

_COLUMNS = (
    "s.link_key, s.order_number, s.position, s.digest, s.amount, s.currency, "
    "s.own_columns, s.state, s.link_url, s.link_id, s.reason, s.remedy, s.again, "
    "s.stamp, s.hosts, s.expires_at, s.began_at, s.settled_at, s.asked_at, s.ended_at, "
    "s.trade_no, s.payment_problem"
)
_HELD = "held_boot = {boot}, held_from = {clock}, held_until = {clock} + :lease"
_RESULT = (
    "state = :state, link_url = :link_url, link_id = :link_id, reason = :reason, "
    "remedy = :remedy, again = :again, expires_at = :expires_at, settled_at = :now"
)
_PAGE = 1000


def _length(lease: timedelta) -> int:
    return lease // timedelta(microseconds=1)


def _read(row: Row) -> JournalRow:
    return JournalRow(
        planned=PlannedRow(
            key=row[0],
            order=row[1],
            position=row[2],
            digest=row[3],
            amount=row[4],
            currency=row[5],
            columns=json.loads(row[6]),
        ),
        result=RowResult(
            state=RowState(row[7]),
            link_url=row[8],
            link_id=row[9],
            reason=row[10],
            remedy=row[11],
            again=bool(row[12]),
            expires_at=_moment(row[15]),
        ),
        stamp=_moment(row[13]),
        hosts=tuple(row[14].split()),
        began_at=_moment(row[16]),
        settled_at=_moment(row[17]),
        asked_at=_moment(row[18]),
        ended_at=_moment(row[19]),
        trade_no=row[20],
        payment_problem=row[21],
    )


def _moment(number: int) -> datetime | None:
    return from_micros(number) if number else None


def _values(result: RowResult, now: datetime) -> Mapping[str, object]:
    return {
        **attrs.asdict(result),
        "state": result.state.value,
        "again": int(result.again),
        "expires_at": micros(result.expires_at) if result.expires_at else 0,
        # What was given back is as if it had not begun.
        "now": 0 if result.state is RowState.PLANNED else micros(now),
    }


def begun_batch() -> Steps[BulkBatch | None]:
    """What the journal is tied to, if it was begun."""
    rows = yield Query(
        "SELECT plan, fingerprint, journal_lost FROM {journal_batch} WHERE id = 1"
    )
    if not rows:
        return None
    plan, fingerprint, journal_lost = rows[0]
    return BulkBatch(
        plan=plan, fingerprint=fingerprint, journal_lost=bool(journal_lost)
    )


def begin(batch: BulkBatch) -> Steps[BulkBatch]:
    """Tie a new journal to a batch, or see that it is the one it was tied to.

    Returns:
        The batch as it is kept: that a journal was lost is never forgotten.

    Raises:
        BatchMismatchError: It is tied to another one.
    """
    known = yield from begun_batch()
    if known is None:
        yield Query(
            "INSERT INTO {journal_batch} (id, plan, fingerprint, journal_lost) "
            "VALUES (1, :plan, :fingerprint, :lost)",
            {
                "plan": batch.plan,
                "fingerprint": batch.fingerprint,
                "lost": int(batch.journal_lost),
            },
        )
        return batch
    plan, fingerprint = known.plan, known.fingerprint
    # With the keys of another merchant every question is answered by "no such link",
    # and each would be made once more.
    if fingerprint != batch.fingerprint:
        raise BatchMismatchError(
            f"this journal is of {fingerprint}, and this run is of "
            f"{batch.fingerprint}: use another journal"
        )
    if plan != batch.plan:
        raise BatchMismatchError(
            f"this journal is of the plan {plan or '(none)'}, and this run is of "
            f"{batch.plan or '(none)'}: go on with the plan as it was, or use another "
            "journal"
        )
    # Only ever set: what a lost journal sent stays unknown, however many runs later.
    if batch.journal_lost and not known.journal_lost:
        yield Query("UPDATE {journal_batch} SET journal_lost = 1")
        return batch
    return known


def claim(
    row: PlannedRow, *, run: str, lease: timedelta, now: datetime
) -> Steps[RowClaim]:
    """Take a row for a run, if it is there to be taken."""
    rows = yield Query(
        f"SELECT {_COLUMNS}, s.token, s.seen_by, s.holder, {{held}}, "  # noqa: S608 - constants
        "s.held_until - {clock}, s.sent_boot = {boot} AND s.sent_at > 0, "
        "{clock} - s.sent_at FROM {journal} AS s WHERE s.link_key = :key",
        {"key": row.key},
    )
    if not rows:
        yield from _insert(row, run, lease, now)
        fresh = JournalRow(planned=row, result=RowResult(state=RowState.PLANNED))
        return RowClaim(standing=ClaimStanding.OURS, row=fresh, token=1)
    known = _read(rows[0])
    token, seen_by, holder, held, left, here, ago = rows[0][-7:]
    # Twice in one source: the second order must not pass for served by the link of the
    # first.
    if seen_by == run and known.planned.position != row.position:
        return RowClaim(standing=ClaimStanding.REPEATED, row=known)
    state, refused = known.result.state, known.result.state is RowState.REFUSED
    # Nothing exists for a refused one, so that it may come again, mended.
    changed = known.planned.digest != row.digest
    if changed and not refused:
        return RowClaim(standing=ClaimStanding.CHANGED, row=known)
    settled = state.is_settled and not (refused and (changed or known.result.again))
    # Before anything is written: whoever holds it knows by these that it met the id
    # before, and would else take the row from itself for ever.
    if held and holder != run and not settled:
        held_for = timedelta(microseconds=max(left, 0))
        return RowClaim(standing=ClaimStanding.HELD, row=known, held_for=held_for)
    yield Query(
        "UPDATE {journal} SET seen_by = :run, position = :position, "
        "own_columns = :own_columns WHERE link_key = :key",
        {
            "run": run,
            "position": row.position,
            "own_columns": _json(row.columns),
            "key": row.key,
        },
    )
    known = attrs.evolve(
        known,
        planned=attrs.evolve(
            known.planned, position=row.position, columns=dict(row.columns)
        ),
    )
    if settled:
        return RowClaim(standing=ClaimStanding.SETTLED, row=known)
    # Whoever had lost the row heard that its link exists: it is not made again.
    learned = yield from _learned(row.key)
    if learned is not None:
        yield _store(row.key, learned, now)
        known = attrs.evolve(known, result=learned)
        return RowClaim(standing=ClaimStanding.SETTLED, row=known)
    yield from _take(row, run, lease, planned=refused, now=now)
    if refused:
        result = RowResult(state=RowState.PLANNED)
        known = attrs.evolve(known, planned=row, result=result)
    return RowClaim(
        standing=ClaimStanding.OURS,
        row=known,
        token=token + 1,
        sent_ago=timedelta(microseconds=ago) if here else None,
    )


def _insert(row: PlannedRow, run: str, lease: timedelta, now: datetime) -> Steps[None]:
    yield Query(
        "INSERT INTO {journal} (link_key, order_number, position, digest, amount, "
        "currency, own_columns, state, link_url, link_id, reason, remedy, again, "
        "stamp, hosts, sent_boot, sent_at, seen_by, token, holder, held_boot, "
        "held_from, held_until, began_at) "
        "VALUES (:key, :order_number, :position, :digest, :amount, :currency, "
        ":own_columns, :state, '', '', '', '', 0, 0, '', '', 0, "
        ":run, 1, :run, {boot}, {clock}, {clock} + :lease, :now)",
        {
            "key": row.key,
            "order_number": row.order,
            "position": row.position,
            "digest": row.digest,
            "amount": row.amount,
            "currency": row.currency,
            "own_columns": _json(row.columns),
            "state": RowState.PLANNED.value,
            "run": run,
            "lease": _length(lease),
            "now": micros(now),
        },
    )


def _take(
    row: PlannedRow, run: str, lease: timedelta, *, planned: bool, now: datetime
) -> Steps[None]:
    yield Query(
        # Higher with every hold: whoever had the row before matches none any more,
        # however late it writes.
        f"UPDATE {{journal}} SET token = token + 1, holder = :run, {_HELD} "  # noqa: S608 - constants
        "WHERE link_key = :key",
        {"run": run, "lease": _length(lease), "key": row.key},
    )
    if planned:
        yield Query(
            "UPDATE {journal} SET state = :state, digest = :digest, amount = :amount, "
            "currency = :currency, reason = '', remedy = '', again = 0, "
            "began_at = :now, settled_at = 0 "
            "WHERE link_key = :key",
            {
                "state": RowState.PLANNED.value,
                "digest": row.digest,
                "amount": row.amount,
                "currency": row.currency,
                "now": micros(now),
                "key": row.key,
            },
        )


def _learned(key: str) -> Steps[RowResult | None]:
    """What exists, found out by somebody who had lost the row by then."""
    rows = yield Query(
        "SELECT state, link_url, link_id, reason, remedy FROM {journal_learned} "
        "WHERE link_key = :key ORDER BY id",
        {"key": key},
    )
    for state, url, link_id, reason, remedy in rows:
        if RowState(state).exists:
            return RowResult(
                state=RowState(state),
                link_url=url,
                link_id=link_id,
                reason=reason,
                remedy=remedy,
            )
    return None


def _store(key: str, result: RowResult, now: datetime) -> Query:
    return Query(
        f"UPDATE {{journal}} SET {_RESULT}, holder = '', held_until = 0 "  # noqa: S608 - constants
        "WHERE link_key = :key",
        {**_values(result, now), "key": key},
    )


def sending(
    key: str,
    token: int,
    *,
    stamp: datetime,
    hosts: tuple[str, ...],
    lease: timedelta,
) -> Steps[bool]:
    """Note that a create is about to leave; false if it may not."""
    # In the transaction that lets it out: between two of them a payment could be told.
    if (yield from _learned(key)) is not None:
        return False
    rows = yield Query(
        f"UPDATE {{journal}} SET state = :sending, stamp = :stamp, hosts = :hosts, "  # noqa: S608 - constants
        f"sent_boot = {{boot}}, sent_at = {{clock}}, {_HELD} "
        "WHERE link_key = :key AND token = :token RETURNING id",
        {
            "sending": RowState.SENDING.value,
            "stamp": micros(stamp),
            "hosts": " ".join(hosts),
            "lease": _length(lease),
            "key": key,
            "token": token,
        },
    )
    return bool(rows)


def settle(key: str, token: int, result: RowResult, *, now: datetime) -> Steps[bool]:
    """Note how a row ended; false if it is somebody else's: then it is only added."""
    values = {**_values(result, now), "key": key, "token": token}
    rows = yield Query(
        f"UPDATE {{journal}} SET {_RESULT}, holder = '', held_until = 0 "  # noqa: S608 - constants
        "WHERE link_key = :key AND token = :token AND state <> 'paid' RETURNING id",
        values,
    )
    if rows:
        return True
    # Somebody was told meanwhile that it was paid: that stays.
    rows = yield Query(
        "UPDATE {journal} SET holder = '', held_until = 0, settled_at = :now, "
        "link_url = CASE :link_url WHEN '' THEN link_url ELSE :link_url END, "
        "link_id = CASE :link_id WHEN '' THEN link_id ELSE :link_id END "
        "WHERE link_key = :key AND token = :token AND state = 'paid' RETURNING id",
        values,
    )
    if rows:
        return True
    yield Query(
        "INSERT INTO {journal_learned} (link_key, token, state, link_url, link_id, "
        "reason, remedy) VALUES (:key, :token, :state, :link_url, :link_id, :reason, "
        ":remedy)",
        values,
    )
    return False


def renew(key: str, token: int, lease: timedelta) -> Steps[bool]:
    """Hold a row for so long from now on; false if it is somebody else's."""
    rows = yield Query(
        f"UPDATE {{journal}} SET {_HELD} "  # noqa: S608 - constants
        "WHERE link_key = :key AND token = :token RETURNING id",
        {"lease": _length(lease), "key": key, "token": token},
    )
    return bool(rows)


def release(run: str) -> Steps[None]:
    """Let go of all that a run holds. It has ended: nothing of it leaves any more."""
    yield Query(
        # Let out and not answered: whether it was done is not known, so it is asked
        # about.
        "UPDATE {journal} SET holder = '', held_until = 0, state = CASE state "
        "WHEN :sending THEN :unknown ELSE state END WHERE holder = :run",
        {
            "sending": RowState.SENDING.value,
            "unknown": RowState.UNKNOWN.value,
            "run": run,
        },
    )


def page(after: tuple[int, str] | None) -> Steps[list[JournalRow]]:
    """The next rows by position and id; an empty list at the end."""
    # After the last one's own place, not by a count: rows that come in shift nothing.
    position, key = after or (-1, "")
    rows = yield Query(
        f"SELECT {_COLUMNS} FROM {{journal}} AS s WHERE s.position > :position "  # noqa: S608 - constants
        "OR (s.position = :position AND s.link_key > :key) "
        "ORDER BY s.position, s.link_key LIMIT :most",
        {"position": position, "key": key, "most": _PAGE},
    )
    return [_read(row) for row in rows]


def _json(columns: Mapping[str, str]) -> str:
    # As ASCII: a lone surrogate from a file can be stored by no database.
    return json.dumps(dict(columns), ensure_ascii=True, separators=(",", ":"))
