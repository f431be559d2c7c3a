"""Steps for when it cannot be told whether the same ones were committed before.

The connection was lost while the server committed. Each of these finds by its key what
the lost transaction did, and answers as that would have; else it does it now.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime

import attrs

from payermax_async.storage.sql import Query, Steps, micros
from payermax_async.webhooks.events.base import LinkPaid, NotifiedEvent
from payermax_async.webhooks.inbox import leases, storing
from payermax_async.webhooks.inbox.entries import (
    Arrival,
    EntryState,
    ParkedBody,
    Stored,
    StoredNotification,
    Verdict,
    as_again,
)
from payermax_async.webhooks.inbox.ordering import digest, parts_of
from payermax_async.webhooks.inbox.rulings import Role

__all__ = ["admit", "claim", "finish", "is_done", "park", "store"]


def store(arrival: Arrival, *, handled: bool = False) -> Steps[Stored]:
    """Keep an arrival; what the lost transaction kept is fresh, not known already."""
    # First, as this waits for the lost transaction if the server is still at it.
    stored = yield from storing.store(arrival, handled=handled)
    if not stored.duplicates:
        return stored
    made = yield from _made(arrival)
    fresh, superseded, mismatched = (
        [*stored.fresh],
        [*stored.superseded],
        [*stored.mismatched],
    )
    duplicates: list[NotifiedEvent] = []
    for part in parts_of(arrival.notification, tenant=arrival.tenant):
        event = part.event
        if event not in stored.duplicates:
            continue
        state, role = made.get(part.index, (None, Role.NONE))
        if state is None:
            duplicates.append(event)
        elif state is EntryState.SUPERSEDED:
            superseded.append(event)
        elif state is EntryState.MISMATCHED:
            mismatched.append(event)
        elif role is Role.AGAIN and isinstance(event, LinkPaid):
            fresh.append(as_again(event))
        else:
            fresh.append(event)
    return attrs.evolve(
        stored,
        fresh=tuple(fresh),
        superseded=tuple(superseded),
        mismatched=tuple(mismatched),
        duplicates=tuple(duplicates),
    )


def _made(arrival: Arrival) -> Steps[dict[int, tuple[EntryState | None, Role]]]:
    """What this very arrival made, by its part; each was counted once too often."""
    found: dict[int, tuple[EntryState | None, Role]] = {}
    # Its moment and its bytes tell this arrival from an earlier one of the same event.
    parts = parts_of(arrival.notification, tenant=arrival.tenant)
    for key in sorted({part.event.merchant_key for part in parts}):
        rows = yield Query(
            "UPDATE {inbox} SET deliveries = deliveries - 1 WHERE tenant = :tenant "
            "AND substr(merchant_key, 1, 200) = substr(:merchant_key, 1, 200) "
            "AND merchant_key = :merchant_key AND received_at = :at AND body = :body "
            "RETURNING part, state, role",
            {
                "tenant": arrival.tenant,
                "merchant_key": key,
                "at": micros(arrival.received_at),
                "body": arrival.body,
            },
        )
        found |= {part: (EntryState(state), Role(role)) for part, state, role in rows}
    return found


def park(arrival: ParkedBody) -> Steps[int | None]:
    """Keep genuine bytes that cannot be used."""
    made = yield from storing.park(arrival)
    if made is not None:
        return made
    # What the lost transaction parked was counted as a repetition just now.
    content = hashlib.sha256(arrival.body).hexdigest()
    rows = yield Query(
        "UPDATE {inbox} SET deliveries = deliveries - 1 "
        "WHERE unique_key = :unique_key AND received_at = :at RETURNING id",
        {
            "unique_key": digest(arrival.tenant, "parked", content),
            "at": micros(arrival.received_at),
        },
    )
    return rows[0][0] if rows else None


def admit(number: int, arrival: Arrival) -> Steps[Stored | None]:
    """Store what parked bytes say after all, and mark them as done."""
    rows = yield Query(
        "SELECT id FROM {inbox} WHERE id = :id AND state = :done AND changed_at = :now "
        "AND subject = ''",
        {
            "id": number,
            "done": EntryState.DONE.value,
            "now": micros(arrival.received_at),
        },
    )
    # The lost transaction was committed: what it stored is told as if it were new.
    if rows:
        return (yield from store(arrival))
    return (yield from storing.admit(number, arrival))


def claim(
    afresh: Callable[[], Steps[tuple[StoredNotification, ...]]], *, holder: str
) -> Steps[tuple[StoredNotification, ...]]:
    """Take what is due: what the lost transaction took, nobody works on."""
    yield Query(
        "UPDATE {standing} SET holder = '', held_until = 0 WHERE holder = :holder",
        {"holder": holder},
    )
    return (yield from afresh())


def finish(entry: StoredNotification, verdict: Verdict, now: datetime) -> Steps[bool]:
    """Let a claimed entry go in its new state."""
    if (yield from leases.finish(entry, verdict, now)):
        return True
    return (yield from _is(entry, verdict.state, now))


def is_done(entry: StoredNotification, now: datetime) -> Steps[bool]:
    """Whether the transaction of a handler was committed."""
    return (yield from _is(entry, EntryState.DONE, now))


def _is(entry: StoredNotification, state: EntryState, now: datetime) -> Steps[bool]:
    rows = yield Query(
        "SELECT id FROM {inbox} "
        "WHERE id = :id AND state = :state AND changed_at = :now",
        {"id": entry.id, "state": state.value, "now": micros(now)},
    )
    return bool(rows)
