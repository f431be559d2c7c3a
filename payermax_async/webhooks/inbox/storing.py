"""Keep what came, once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping

import attrs

from payermax_async.storage.sql import Query, Steps, micros
from payermax_async.webhooks.events.base import LinkPaid, NotifiedEvent
from payermax_async.webhooks.inbox import facts
from payermax_async.webhooks.inbox.entries import (
    Arrival,
    EntryState,
    ParkedBody,
    Source,
    Stored,
    as_again,
)
from payermax_async.webhooks.inbox.facts import ranks_of
from payermax_async.webhooks.inbox.ordering import (
    NOTHING_KNOWN,
    Kind,
    Part,
    digest,
    is_superseded,
    parts_of,
)
from payermax_async.webhooks.inbox.rulings import GivenBack, Role, Ruling, rule, same_as

__all__ = ["admit", "park", "store"]


def store(arrival: Arrival, *, handled: bool = False) -> Steps[Stored]:
    """Keep an arrival; with ``handled`` as done already."""
    found = _StoredSoFar()
    merchants = yield from facts.merchants(arrival.notification, arrival.tenant)
    # Some notices name the app alone, or the number alone: what came under one name is
    # looked for under the others.
    readings = [
        parts_of(arrival.notification, tenant=arrival.tenant, merchant=merchant)
        for merchant in merchants
    ]
    every = [part for parts in readings for part in parts]
    # A payment is not to be noted as given back while its refund is found to fail.
    payments: list[str] = []
    for part in every:
        if part.takes_back:
            payments += yield from facts.paid_back_by(part.subject)
    ranks = yield from _lock(every, payments)
    for part, *others in zip(*readings, strict=True):
        if (yield from _is_known(part, others)):
            found.duplicates.append(part.event)
        elif part.is_success:
            yield from _keep_success(part, arrival, handled, found)
        else:
            yield from _keep(part, arrival, handled, ranks, found)
        for subject, rank in part.advances.items():
            if rank > ranks[subject]:
                yield facts.advance(subject, rank)
                ranks[subject] = rank
    return found.stored()


@attrs.define
class _StoredSoFar:
    fresh: list[NotifiedEvent] = attrs.field(factory=list[NotifiedEvent])
    superseded: list[NotifiedEvent] = attrs.field(factory=list[NotifiedEvent])
    mismatched: list[NotifiedEvent] = attrs.field(factory=list[NotifiedEvent])
    unclear: list[NotifiedEvent] = attrs.field(factory=list[NotifiedEvent])
    duplicates: list[NotifiedEvent] = attrs.field(factory=list[NotifiedEvent])

    def stored(self) -> Stored:
        return Stored(
            fresh=tuple(self.fresh),
            superseded=tuple(self.superseded),
            mismatched=tuple(self.mismatched),
            unclear=tuple(self.unclear),
            duplicates=tuple(self.duplicates),
        )


def _lock(parts: Iterable[Part], others: Iterable[str]) -> Steps[dict[str, int]]:
    # Everything at once and in one order everywhere, so that two processes neither
    # miss each other's step nor wait for each other.
    subjects = {subject for part in parts for subject in (part.subject, *part.advances)}
    subjects.update(others)
    ranks: dict[str, int] = {}
    for subject in sorted(subjects):
        # An update that changes nothing: DO NOTHING would neither lock a row that is
        # there nor return it.
        rows = yield Query(
            "INSERT INTO {standing} AS s (subject, rank, holder, held_until) "
            "VALUES (:subject, :rank, '', 0) "
            "ON CONFLICT (subject) DO UPDATE SET rank = s.rank RETURNING rank",
            {"subject": subject, "rank": NOTHING_KNOWN},
        )
        ranks[subject] = rows[0][0]
    return ranks


def _is_known(part: Part, others: Iterable[Part]) -> Steps[bool]:
    """Count one more delivery of what is known, under whichever name of a merchant."""
    for reading in (part, *others):
        if not part.is_success:
            known = yield Query(
                "UPDATE {inbox} SET deliveries = deliveries + 1 "
                "WHERE unique_key = :unique_key RETURNING id",
                {"unique_key": reading.unique},
            )
            if known:
                return True
            continue
        # Not by its key: the same money may have been told of without its number.
        successes = yield from facts.successes(reading.subject)
        same = same_as(
            facts.success(reading),
            successes,
            beside=reading.beside,
            ordinal=reading.ordinal,
        )
        # What came without its number learns it here, so that its refunds are found.
        if same is not None:
            yield Query(
                "UPDATE {inbox} SET deliveries = deliveries + 1, trade = :trade "
                "WHERE id = :id",
                {"id": same.id, "trade": same.trade or reading.trade},
            )
            return True
    return False


def _keep_success(
    part: Part, arrival: Arrival, handled: bool, found: _StoredSoFar
) -> Steps[None]:
    """Insert a success, and say what would become of it by what is known now.

    Unless it is handled already, that is ruled when it is handed out, by whoever
    tells of it: what was not told when a process died is told by the next.
    """
    one = facts.success(part)
    known = yield from facts.successes(part.subject)
    back = yield from facts.refunded(one)
    ruling = rule(one, known, back, at_once=handled)
    state, event, role = EntryState.DONE, part.event, Role.FIRST
    if ruling is Ruling.GIVEN_BACK:
        state, role = EntryState.SUPERSEDED, Role.NONE
        found.superseded.append(event)
    elif ruling in {Ruling.OTHER_AMOUNT, Ruling.AMBIGUOUS}:
        state, role = EntryState.MISMATCHED, Role.NONE
        found.mismatched.append(event)
    else:
        if ruling is Ruling.AGAIN and isinstance(event, LinkPaid):
            event, role = as_again(event), Role.AGAIN
        found.fresh.append(event)
        if back is GivenBack.UNCLEAR:
            found.unclear.append(event)
    if not handled:
        state, role = EntryState.WAITING, Role.NONE
    if part.kind is Kind.LINK and not part.trade:
        # Two of them need not be one.
        part = attrs.evolve(part, unique=digest(part.unique, str(len(known))))
    yield from _insert(_columns(part, arrival, state, role), arrival)


def _keep(
    part: Part,
    arrival: Arrival,
    handled: bool,
    ranks: Mapping[str, int],
    found: _StoredSoFar,
) -> Steps[None]:
    """Insert a part that is no success."""
    # The others are not locked: they only ever move on, and are looked at once more
    # before a handler runs.
    known = {**ranks, **(yield from ranks_of(set(part.bars) - set(ranks)))}
    state = EntryState.DONE if handled else EntryState.WAITING
    if is_superseded(part, known):
        state = EntryState.SUPERSEDED
    inserted = yield from _insert(_columns(part, arrival, state, Role.NONE), arrival)
    if inserted is None:
        found.duplicates.append(part.event)
        return
    (found.superseded if state is EntryState.SUPERSEDED else found.fresh).append(
        part.event
    )
    if part.takes_back:
        # If it had succeeded, it is taken back: what it cancelled is ruled anew.
        yield facts.wake_given_back(part.subject, arrival.received_at)


def _columns(
    part: Part, arrival: Arrival, state: EntryState, role: Role
) -> dict[str, object]:
    return {
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
        "kind": part.kind.value,
        "trade": part.trade,
        "amount": part.amount,
        "currency": part.currency,
        "role": role.value,
    }


def _insert(
    values: Mapping[str, object], arrival: Arrival | ParkedBody
) -> Steps[int | None]:
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
    return rows[0][0] if rows else None


def park(arrival: ParkedBody) -> Steps[int | None]:
    """Keep genuine bytes that cannot be used; the number they got, if they are new."""
    content = hashlib.sha256(arrival.body).hexdigest()
    # The bytes are all that tells it from others: no id could be read out of them.
    unique = digest(arrival.tenant, "parked", content)
    known = yield Query(
        "UPDATE {inbox} SET deliveries = deliveries + 1 "
        "WHERE unique_key = :unique_key RETURNING id",
        {"unique_key": unique},
    )
    if known:
        return None
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
                "kind": Kind.OTHER.value,
                "trade": "",
                "amount": "",
                "currency": "",
                "role": Role.NONE.value,
            },
            arrival,
        )
    )


def admit(number: int, arrival: Arrival) -> Steps[Stored | None]:
    """Store what parked bytes say after all, and mark them as done."""
    # Without a subject: what was set aside by hand had been read, and has one.
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
