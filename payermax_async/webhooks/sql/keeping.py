"""Keep what came, once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping

from payermax_async.webhooks.entries import (
    Arrival,
    EntryState,
    ParkedBody,
    Source,
    Stored,
)
from payermax_async.webhooks.events import NotifiedEvent
from payermax_async.webhooks.sql.vocabulary import Query, Steps, micros
from payermax_async.webhooks.standing import (
    NOTHING_KNOWN,
    Part,
    digest,
    is_superseded,
    parts_of,
    payment_subject,
)

__all__ = ["admit", "mark_payment", "park", "ranks_of", "store"]


def store(arrival: Arrival, *, handled: bool = False) -> Steps[Stored]:
    """Keep an arrival; with ``handled`` as done already."""
    fresh: list[NotifiedEvent] = []
    superseded: list[NotifiedEvent] = []
    duplicates: list[NotifiedEvent] = []
    for part in parts_of(arrival.notification, tenant=arrival.tenant):
        known = yield Query(
            "UPDATE {inbox} SET deliveries = deliveries + 1 "
            "WHERE unique_key = :unique_key RETURNING id",
            {"unique_key": part.unique},
        )
        state = None if known else (yield from _keep(part, arrival, handled))
        if state is None:
            duplicates.append(part.event)
        elif state is EntryState.SUPERSEDED:
            superseded.append(part.event)
        else:
            fresh.append(part.event)
    return Stored(
        fresh=tuple(fresh),
        superseded=tuple(superseded),
        duplicates=tuple(duplicates),
    )


def _keep(part: Part, arrival: Arrival, handled: bool) -> Steps[EntryState | None]:
    """Insert a part; None when another process was faster."""
    # Locks what the part moves, in one order everywhere, so that two processes
    # neither miss each other's step nor wait for each other.
    ranks: dict[str, int] = {}
    for subject in sorted(part.advances):
        rows = yield Query(
            "INSERT INTO {standing} AS s (subject, rank, holder, held_until) "
            "VALUES (:subject, :rank, '', 0) "
            "ON CONFLICT (subject) DO UPDATE SET rank = s.rank RETURNING rank",
            {"subject": subject, "rank": NOTHING_KNOWN},
        )
        ranks[subject] = rows[0][0]
    ranks |= yield from ranks_of(part.bars)
    state = EntryState.DONE if handled else EntryState.WAITING
    if is_superseded(part, ranks):
        state = EntryState.SUPERSEDED
    inserted = yield from _insert(
        {
            "unique_key": part.unique,
            "key_parts": json.dumps(part.key),
            "merchant_key": part.event.merchant_key,
            "notify_type": arrival.notification.notify_type,
            "state": state.value,
            "source": arrival.source.value,
            "part": part.index,
            "subject": part.subject,
            "rank": part.rank,
            "bars": json.dumps(dict(part.bars)),
            "problem": "",
        },
        arrival,
    )
    if not inserted:
        return None
    for subject, rank in part.advances.items():
        if rank > ranks[subject]:
            yield Query(
                "UPDATE {standing} SET rank = :rank WHERE subject = :subject",
                {"subject": subject, "rank": rank},
            )
    if state is EntryState.DONE:
        yield from mark_payment(arrival.tenant, part.key)
    return state


def mark_payment(tenant: str, key: tuple[str, ...]) -> Steps[None]:
    """Remember that a payment was handled, if the key is of one."""
    subject = payment_subject(tenant, key)
    if subject is not None:
        yield Query(
            "INSERT INTO {standing} (subject, rank, holder, held_until) "
            "VALUES (:subject, 0, '', 0) ON CONFLICT (subject) DO NOTHING",
            {"subject": subject},
        )


def _insert(values: Mapping[str, object], arrival: Arrival | ParkedBody) -> Steps[bool]:
    at = micros(arrival.received_at)
    row = {
        **values,
        "tenant": arrival.tenant,
        "body": arrival.body,
        "received_at": at,
        "due_at": at,
        "changed_at": at,
    }
    names = ", ".join(row)
    marks = ", ".join(f":{name}" for name in row)
    rows = yield Query(
        f"INSERT INTO {{inbox}} ({names}, deliveries, attempts, forced) "  # noqa: S608 - names of columns
        f"VALUES ({marks}, 1, 0, 0) ON CONFLICT (unique_key) DO NOTHING RETURNING id",
        row,
    )
    return bool(rows)


def ranks_of(subjects: Iterable[str]) -> Steps[dict[str, int]]:
    """How far subjects have moved; those nothing is known of are left out."""
    found: dict[str, int] = {}
    for subject in subjects:
        rows = yield Query(
            "SELECT rank FROM {standing} WHERE subject = :subject",
            {"subject": subject},
        )
        if rows:
            found[subject] = rows[0][0]
    return found


def park(arrival: ParkedBody) -> Steps[bool]:
    """Keep genuine bytes that cannot be used."""
    content = hashlib.sha256(arrival.body).hexdigest()
    unique = digest(arrival.tenant, "parked", content)
    known = yield Query(
        "UPDATE {inbox} SET deliveries = deliveries + 1 "
        "WHERE unique_key = :unique_key RETURNING id",
        {"unique_key": unique},
    )
    if known:
        return False
    return (
        yield from _insert(
            {
                "unique_key": unique,
                "key_parts": json.dumps(["", "", f"sha256:{content}"]),
                "merchant_key": "",
                "notify_type": "",
                "state": EntryState.PARKED.value,
                "source": Source.NOTICE.value,
                "part": 0,
                "subject": "",
                "rank": NOTHING_KNOWN,
                "bars": "{}",
                "problem": arrival.problem,
            },
            arrival,
        )
    )


def admit(number: int, arrival: Arrival) -> Steps[Stored | None]:
    """Store what parked bytes say after all, and mark them as done."""
    rows = yield Query(
        "UPDATE {inbox} SET state = :done, problem = '', changed_at = :now "
        "WHERE id = :id AND state = :parked AND subject = '' RETURNING id",
        {
            "id": number,
            "done": EntryState.DONE.value,
            "parked": EntryState.PARKED.value,
            "now": micros(arrival.received_at),
        },
    )
    return (yield from store(arrival)) if rows else None
