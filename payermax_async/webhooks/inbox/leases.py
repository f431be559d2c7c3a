"""Hand out what is due, to one worker at a time."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import attrs

from payermax_async.storage.sql import Query, Steps, from_micros, micros
from payermax_async.webhooks.inbox import facts
from payermax_async.webhooks.inbox.columns import SELECT, WAITING, read_entry
from payermax_async.webhooks.inbox.entries import (
    EntryState,
    StoredNotification,
    Verdict,
)
from payermax_async.webhooks.inbox.facts import ranks_of
from payermax_async.webhooks.inbox.ordering import (
    ENDED,
    SUCCEEDED,
    Kind,
    is_overtaken,
)
from payermax_async.webhooks.inbox.rulings import (
    GivenBack,
    Role,
    Ruling,
    Success,
    ahead_of,
    reverse,
    rule,
)

__all__ = ["claim", "finish", "next_due", "refunded", "renew", "was_handled"]

_HELD = "held_boot = {boot}, held_from = {clock}, held_until = {clock} + :lease"
"""On the database's clock: each process has one of its own, and they disagree."""


def _length(lease: timedelta) -> int:
    return lease // timedelta(microseconds=1)


def claim(
    *, tenant: str, holder: str, now: datetime, lease: timedelta, limit: int
) -> Steps[tuple[StoredNotification, ...]]:
    """Take what is due for one holder."""
    rows = yield Query(
        f"{SELECT} JOIN {{standing}} AS s ON s.subject = i.subject "
        "WHERE i.tenant = :tenant AND i.state = :waiting AND i.due_at <= :now "
        "AND NOT {held} ORDER BY i.due_at, i.id LIMIT :limit {lock}",
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
        # One event of a subject at a time: how this one ends may decide about the next.
        if entry.subject in taken:
            continue
        kind, rank, bars = row[-3:]
        ruled = yield from _ruled(entry, Kind(kind), rank, json.loads(bars))
        if ruled is None:
            continue
        if ruled.ruling is Ruling.OVERTAKEN:
            # No handler will run, so nobody needs to hold it.
            yield _set(ruled, Verdict(state=EntryState.SUPERSEDED), now)
            continue
        entry = ruled
        yield Query(
            f"UPDATE {{standing}} SET holder = :holder, {_HELD} "  # noqa: S608 - constants
            "WHERE subject = :subject",
            {"holder": holder, "lease": _length(lease), "subject": entry.subject},
        )
        # Counted before it is handled: a handler that kills its process would otherwise
        # be handed the same entry for ever.
        yield Query(
            "UPDATE {inbox} SET attempts = attempts + 1, role = :role WHERE id = :id",
            {"id": entry.id, "role": entry.role.value},
        )
        taken[entry.subject] = attrs.evolve(
            entry, holder=holder, attempts=entry.attempts + 1
        )
    return tuple(taken.values())


def _ruled(
    entry: StoredNotification, kind: Kind, rank: int, bars: Mapping[str, int]
) -> Steps[StoredNotification | None]:
    """The entry with what is to become of it; None when another one comes first."""
    # Ruled now, though it was when it came: more may be known of its money since.
    if rank == SUCCEEDED:
        return (yield from _success(entry))
    if kind is Kind.REFUND and rank == ENDED:
        known = yield from facts.successes(entry.subject)
        ruling = reverse(entry.id, known, forced=entry.forced)
        if ruling is Ruling.WAIT:
            yield _put_off(entry, known)
            return None
        return attrs.evolve(entry, ruling=ruling)
    ranks = {} if entry.forced else (yield from ranks_of(bars))
    overtaken = is_overtaken(bars, ranks)
    return attrs.evolve(entry, ruling=Ruling.OVERTAKEN) if overtaken else entry


def _success(entry: StoredNotification) -> Steps[StoredNotification | None]:
    known = yield from facts.successes(entry.subject)
    own = next(one for one in known if one.id == entry.id)
    others = [one for one in known if one.id != entry.id]
    if not entry.forced and (yield from facts.is_reversed(own)):
        return attrs.evolve(entry, ruling=Ruling.OVERTAKEN)
    back = yield from facts.refunded(own)
    ruling = rule(own, others, back, forced=entry.forced)
    if ruling is Ruling.WAIT:
        yield _put_off(entry, ahead_of(own, others))
        return None
    roles = {Ruling.EFFECT: Role.FIRST, Ruling.AGAIN: Role.AGAIN}
    return attrs.evolve(
        entry,
        ruling=ruling,
        refunded=back,
        role=roles.get(ruling, Role.NONE),
        role_before=entry.role,
    )


def _put_off(entry: StoredNotification, ahead: Sequence[Success]) -> Query:
    """Behind those it waits for, in the order in which :func:`claim` looks."""
    due = max(
        micros(one.due_at) + (one.id > entry.id)
        for one in ahead
        if one.is_waiting and one.due_at is not None
    )
    return Query(
        "UPDATE {inbox} SET due_at = :due_at WHERE id = :id",
        {"id": entry.id, "due_at": due},
    )


def renew(entry: StoredNotification, lease: timedelta) -> Steps[bool]:
    """Hold an entry for so long from now on."""
    # By its holder, not by time: a lease that ran out is good as long as nobody else
    # took over.
    rows = yield Query(
        f"UPDATE {{standing}} SET {_HELD} "  # noqa: S608 - constants
        "WHERE subject = :subject AND holder = :holder RETURNING rank",
        {"lease": _length(lease), "subject": entry.subject, "holder": entry.holder},
    )
    return bool(rows)


def finish(entry: StoredNotification, verdict: Verdict, now: datetime) -> Steps[bool]:
    """Let a claimed entry go in its new state."""
    # Asked and given up in one statement: of two who believe they hold it one ends it.
    held = yield Query(
        "UPDATE {standing} SET holder = '', held_until = 0 "
        "WHERE subject = :subject AND holder = :holder RETURNING rank",
        {"subject": entry.subject, "holder": entry.holder},
    )
    if not held:
        return False
    if (
        entry.ruling is Ruling.GIVEN_BACK
        and (yield from refunded(entry)) is not GivenBack.ALL
    ):
        # The refund was found to have failed since it was claimed.
        verdict = Verdict(state=EntryState.WAITING)
        yield Query("UPDATE {inbox} SET attempts = 0 WHERE id = :id", {"id": entry.id})
    yield _set(entry, verdict, now)
    return True


def refunded(entry: StoredNotification) -> Steps[GivenBack]:
    """How much of the payment of an entry was refunded; nothing of what is none."""
    known = yield from facts.successes(entry.subject)
    own = [one for one in known if one.id == entry.id]
    return (yield from facts.refunded(own[0])) if own else GivenBack.NOT_ALL


def was_handled(entry: StoredNotification) -> Steps[bool]:
    """Whether the payment of an entry was handled, under whichever type."""
    # A refund has the trade of its payment, and says nothing about its handling.
    rows = yield Query(
        "SELECT 1 FROM {inbox} AS i JOIN {inbox} AS o ON o.trade = i.trade "
        "WHERE i.id = :id AND i.trade <> '' AND o.state = :done "
        "AND o.rank = :succeeded AND o.kind <> :refund",
        {
            "id": entry.id,
            "done": EntryState.DONE.value,
            "succeeded": SUCCEEDED,
            "refund": Kind.REFUND.value,
        },
    )
    return bool(rows)


_WITHOUT_EFFECT = frozenset({EntryState.MISMATCHED, EntryState.SUPERSEDED})


def _set(entry: StoredNotification, verdict: Verdict, now: datetime) -> Query:
    role = entry.role
    if verdict.untouched:
        role = entry.role_before
    if verdict.state in _WITHOUT_EFFECT:
        role = Role.NONE
    return Query(
        "UPDATE {inbox} SET state = :state, problem = :problem, due_at = :due_at, "
        "changed_at = :now, role = :role WHERE id = :id",
        {
            "id": entry.id,
            "role": role.value,
            "state": verdict.state.value,
            "problem": verdict.problem,
            "due_at": micros(verdict.due_at or now),
            "now": micros(now),
        },
    )


def next_due(tenant: str, now: datetime) -> Steps[datetime | None]:
    """When there is next something to claim, on the caller's clock."""
    # The caller's clock plus what is left of a lease on the database's: moments of two
    # clocks are never compared.
    rows = yield Query(
        "SELECT MIN(CASE WHEN {held} AND :now + s.held_until - {clock} > i.due_at "
        "THEN :now + s.held_until - {clock} ELSE i.due_at END) FROM {inbox} AS i "
        "JOIN {standing} AS s ON s.subject = i.subject "
        "WHERE i.tenant = :tenant AND i.state = :waiting",
        {"tenant": tenant, "waiting": WAITING, "now": micros(now)},
    )
    return None if rows[0][0] is None else from_micros(rows[0][0])
