"""What a journal does, as steps that each database runs in one transaction."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta

import attrs

from payermax_async.bulk.records import (
    BatchMismatchError,
    BulkBatch,
    JournalRow,
    PlannedRow,
    RowResult,
    RowState,
)
from payermax_async.storage.sql import Query, Row, Steps, from_micros, micros

__all__ = [
    "COLUMNS",
    "HELD",
    "begin",
    "begun_batch",
    "json_text",
    "learned",
    "length",
    "page",
    "read_row",
    "release",
    "renew",
    "sending",
    "settle",
    "stored",
]

COLUMNS = (
    "s.link_key, s.order_number, s.position, s.digest, s.amount, s.currency, "
    "s.own_columns, s.state, s.link_url, s.link_id, s.reason, s.remedy, s.again, "
    "s.stamp, s.hosts, s.expires_at, s.began_at, s.settled_at, s.asked_at, s.ended_at, "
    "s.trade_no, s.payment_problem, s.withdrawn_at"
)
HELD = "held_boot = {boot}, held_from = {clock}, held_until = {clock} + :lease"
_RESULT = (
    "state = :state, link_url = :link_url, link_id = :link_id, reason = :reason, "
    "remedy = :remedy, again = :again, expires_at = :expires_at, settled_at = :now"
)
_PAGE = 1000


def length(lease: timedelta) -> int:
    """Of a lease, as a number of the database's clock."""
    return lease // timedelta(microseconds=1)


def read_row(row: Row) -> JournalRow:
    """What begins with :data:`COLUMNS`."""
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
        withdrawn_at=_moment(row[22]),
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
        "SELECT plan, fingerprint, journal_lost FROM {journal_batch} WHERE id = :batch"
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
    rows = yield Query(
        "INSERT INTO {journal_batch} (id, plan, fingerprint, journal_lost) "
        "VALUES (:batch, :plan, :fingerprint, :lost) "
        "ON CONFLICT (id) DO NOTHING RETURNING id",
        {
            "plan": batch.plan,
            "fingerprint": batch.fingerprint,
            "lost": int(batch.journal_lost),
        },
    )
    known = yield from begun_batch()
    if rows or known is None:
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
        yield Query("UPDATE {journal_batch} SET journal_lost = 1 WHERE id = :batch")
        return batch
    return known


def learned(key: str) -> Steps[RowResult | None]:
    """What exists, found out by somebody who had lost the row by then."""
    rows = yield Query(
        "SELECT state, link_url, link_id, reason, remedy FROM {journal_learned} "
        "WHERE batch = :batch AND link_key = :key ORDER BY id",
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


def stored(key: str, result: RowResult, now: datetime) -> Query:
    """Notes how a row ended, whoever has it, and lets go of it."""
    return Query(
        f"UPDATE {{journal}} SET {_RESULT}, holder = '', held_until = 0 "  # noqa: S608 - constants
        "WHERE batch = :batch AND link_key = :key",
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
    rows = yield Query(
        # Only what is open: a payment may have been told since, or the batch cancelled.
        f"UPDATE {{journal}} SET state = :sending, stamp = :stamp, hosts = :hosts, "  # noqa: S608 - constants
        f"sent_boot = {{boot}}, sent_at = {{clock}}, {HELD} "
        "WHERE batch = :batch AND link_key = :key AND token = :token "
        "AND state IN ('planned', 'sending', 'unknown') RETURNING id",
        {
            "sending": RowState.SENDING.value,
            "stamp": micros(stamp),
            "hosts": " ".join(hosts),
            "lease": length(lease),
            "key": key,
            "token": token,
        },
    )
    # With the row locked, as it is by whoever notes such a thing: looked for before,
    # it could be noted between the look and this. A row that is told as not to be sent
    # gets what was learned when it is claimed anew.
    return bool(rows) and (yield from learned(key)) is None


def settle(key: str, token: int, result: RowResult, *, now: datetime) -> Steps[bool]:
    """Note how a row ended; false if it is somebody else's: then it is only added."""
    values = {**_values(result, now), "key": key, "token": token}
    rows = yield Query(
        f"UPDATE {{journal}} SET {_RESULT}, holder = '', held_until = 0 "  # noqa: S608 - constants
        "WHERE batch = :batch AND link_key = :key AND token = :token "
        "AND state <> 'paid' RETURNING id",
        values,
    )
    if rows:
        return True
    # Somebody was told meanwhile that it was paid: that stays.
    rows = yield Query(
        "UPDATE {journal} SET holder = '', held_until = 0, settled_at = :now, "
        "link_url = CASE :link_url WHEN '' THEN link_url ELSE :link_url END, "
        "link_id = CASE :link_id WHEN '' THEN link_id ELSE :link_id END "
        "WHERE batch = :batch AND link_key = :key AND token = :token "
        "AND state = 'paid' RETURNING id",
        values,
    )
    if rows:
        return True
    # Locks the row: whoever is about to send for it has done so, or sees this.
    yield Query(
        "UPDATE {journal} SET token = token WHERE batch = :batch AND link_key = :key",
        {"key": key},
    )
    yield Query(
        "INSERT INTO {journal_learned} (batch, link_key, token, state, link_url, "
        "link_id, reason, remedy) VALUES (:batch, :key, :token, :state, :link_url, "
        ":link_id, :reason, :remedy)",
        values,
    )
    return False


def renew(key: str, token: int, lease: timedelta) -> Steps[bool]:
    """Hold a row for so long from now on; false if it is somebody else's."""
    rows = yield Query(
        f"UPDATE {{journal}} SET {HELD} "  # noqa: S608 - constants
        "WHERE batch = :batch AND link_key = :key AND token = :token RETURNING id",
        {"lease": length(lease), "key": key, "token": token},
    )
    return bool(rows)


def release(run: str) -> Steps[None]:
    """Let go of all that a run holds. It has ended: nothing of it leaves any more."""
    yield Query(
        # Let out and not answered: whether it was done is not known, so it is asked
        # about.
        "UPDATE {journal} SET holder = '', held_until = 0, state = CASE state "
        "WHEN :sending THEN :unknown ELSE state END "
        "WHERE batch = :batch AND holder = :run",
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
        f"SELECT {COLUMNS} FROM {{journal}} AS s WHERE s.batch = :batch AND "  # noqa: S608 - constants
        "(s.position > :position OR (s.position = :position AND s.link_key > :key)) "
        "ORDER BY s.position, s.link_key LIMIT :most",
        {"position": position, "key": key, "most": _PAGE},
    )
    return [read_row(row) for row in rows]


def json_text(columns: Mapping[str, str]) -> str:
    """Of the merchant's own columns."""
    # As ASCII: a lone surrogate from a file can be stored by no database.
    return json.dumps(dict(columns), ensure_ascii=True, separators=(",", ":"))
