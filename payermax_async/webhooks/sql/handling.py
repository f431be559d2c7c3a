"""Hand out what is due, to one worker at a time."""

from __future__ import annotations

import json
from datetime import datetime

import attrs

from payermax_async.webhooks.entries import EntryState, StoredNotification, Verdict
from payermax_async.webhooks.sql.keeping import mark_payment, ranks_of
from payermax_async.webhooks.sql.vocabulary import (
    SELECT,
    WAITING,
    Query,
    Steps,
    from_micros,
    micros,
    read_entry,
)
from payermax_async.webhooks.standing import is_overtaken, payment_subject

__all__ = ["claim", "finish", "next_due", "renew", "was_handled"]


def claim(
    *, tenant: str, holder: str, now: datetime, until: datetime, limit: int
) -> Steps[tuple[StoredNotification, ...]]:
    """Take what is due for one holder."""
    rows = yield Query(
        f"{SELECT} JOIN {{standing}} AS s ON s.subject = i.subject "
        "WHERE i.tenant = :tenant AND i.state = :waiting AND i.due_at <= :now "
        "AND s.held_until <= :now ORDER BY i.due_at, i.id LIMIT :limit {lock}",
        {
            "tenant": tenant,
            "waiting": WAITING,
            "now": micros(now),
            "limit": limit,
        },
    )
    taken: dict[str, StoredNotification] = {}
    for row in rows:
        entry = read_entry(row)
        if entry.subject in taken:
            continue
        limits = {**json.loads(row[-1]), entry.subject: row[-2]}
        known = {} if entry.forced else (yield from ranks_of(limits))
        if is_overtaken(limits, known):
            yield _set(entry.id, Verdict(state=EntryState.SUPERSEDED), now)
            continue
        yield Query(
            "UPDATE {standing} SET holder = :holder, held_until = :until "
            "WHERE subject = :subject",
            {"holder": holder, "until": micros(until), "subject": entry.subject},
        )
        yield Query(
            "UPDATE {inbox} SET attempts = attempts + 1 WHERE id = :id",
            {"id": entry.id},
        )
        taken[entry.subject] = attrs.evolve(
            entry, holder=holder, attempts=entry.attempts + 1
        )
    return tuple(taken.values())


def renew(entry: StoredNotification, until: datetime) -> Steps[bool]:
    """Hold an entry for longer."""
    rows = yield Query(
        "UPDATE {standing} SET held_until = :until "
        "WHERE subject = :subject AND holder = :holder RETURNING rank",
        {"until": micros(until), "subject": entry.subject, "holder": entry.holder},
    )
    return bool(rows)


def finish(entry: StoredNotification, verdict: Verdict, now: datetime) -> Steps[bool]:
    """Let a claimed entry go in its new state."""
    held = yield Query(
        "UPDATE {standing} SET holder = '', held_until = 0 "
        "WHERE subject = :subject AND holder = :holder RETURNING rank",
        {"subject": entry.subject, "holder": entry.holder},
    )
    if not held:
        return False
    yield _set(entry.id, verdict, now)
    if verdict.state is EntryState.DONE:
        yield from mark_payment(entry.tenant, entry.key)
    return True


def was_handled(entry: StoredNotification) -> Steps[bool]:
    """Whether the payment of an entry was handled, under whichever type."""
    subject = payment_subject(entry.tenant, entry.key)
    return subject is not None and bool((yield from ranks_of([subject])))


def _set(number: int, verdict: Verdict, now: datetime) -> Query:
    return Query(
        "UPDATE {inbox} SET state = :state, problem = :problem, due_at = :due_at, "
        "changed_at = :now WHERE id = :id",
        {
            "id": number,
            "state": verdict.state.value,
            "problem": verdict.problem,
            "due_at": micros(verdict.due_at or now),
            "now": micros(now),
        },
    )


def next_due(tenant: str) -> Steps[datetime | None]:
    """When there is next something to claim."""
    rows = yield Query(
        "SELECT MIN(CASE WHEN s.held_until > i.due_at THEN s.held_until "
        "ELSE i.due_at END) FROM {inbox} AS i "
        "JOIN {standing} AS s ON s.subject = i.subject "
        "WHERE i.tenant = :tenant AND i.state = :waiting",
        {"tenant": tenant, "waiting": WAITING},
    )
    return None if rows[0][0] is None else from_micros(rows[0][0])
