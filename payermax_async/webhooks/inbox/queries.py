"""Look at what is kept, set it in motion again, and tidy up."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from payermax_async.core.money import format_amount
from payermax_async.storage.sql import Query, Steps, micros
from payermax_async.webhooks.inbox.columns import SELECT, WAITING, read_entry
from payermax_async.webhooks.inbox.entries import (
    EntryState,
    Expected,
    StoredNotification,
)
from payermax_async.webhooks.inbox.ordering import digest

__all__ = [
    "counts",
    "entries",
    "expect",
    "expected",
    "replay",
    "scrub",
    "set_aside",
]


_BEGINNING = "substr({}, 1, 200) = substr({}, 1, 200)"
"""What the index on ids holds of one: the whole may be longer than any index takes."""


def entries(
    *,
    number: int | None = None,
    state: EntryState | None = None,
    merchant_key: str | None = None,
    tenant: str | None = None,
    after: int = 0,
    limit: int = 100,
) -> Steps[tuple[StoredNotification, ...]]:
    """What is kept, in the order of arrival."""
    wanted = {
        "id": number,
        "state": None if state is None else state.value,
        "merchant_key": merchant_key,
        "tenant": tenant,
    }
    given = {name: value for name, value in wanted.items() if value is not None}
    tests = "".join(f" AND i.{name} = :{name}" for name in given)
    if merchant_key is not None:
        tests += f" AND {_BEGINNING.format('i.merchant_key', ':merchant_key')}"
    rows = yield Query(
        f"{SELECT} WHERE i.id > :after{tests} ORDER BY i.id LIMIT :limit",
        {**given, "after": after, "limit": limit},
    )
    return tuple(read_entry(row) for row in rows)


def counts(tenant: str | None) -> Steps[Mapping[EntryState, int]]:
    """How many entries stand where."""
    test = "" if tenant is None else " WHERE tenant = :tenant"
    rows = yield Query(
        f"SELECT state, COUNT(*) FROM {{inbox}}{test} GROUP BY state",  # noqa: S608 - constants
        {} if tenant is None else {"tenant": tenant},
    )
    return {EntryState(state): number for state, number in rows}


_FREE = (
    "NOT (i.state = :waiting AND EXISTS (SELECT 1 FROM {standing} AS s "
    "WHERE s.subject = i.subject AND {held}))"
)
"""Nobody is handling it. Another entry of its subject being handled is as good a
reason to ask again in a moment."""


def replay(number: int, now: datetime, *, force: bool) -> Steps[bool]:
    """Let an entry wait again, with all its attempts."""
    # Bytes that could not be read have no subject: they are admitted, not replayed.
    rows = yield Query(
        "UPDATE {inbox} AS i SET state = :waiting, attempts = 0, problem = '', "  # noqa: S608 - constants
        "due_at = :now, changed_at = :now, forced = :forced "
        "WHERE i.id = :id AND i.subject <> '' AND i.body IS NOT NULL "
        f"AND {_FREE} RETURNING id",
        {
            "id": number,
            "waiting": WAITING,
            "forced": int(force),
            "now": micros(now),
        },
    )
    return bool(rows)


def set_aside(number: int, now: datetime) -> Steps[bool]:
    """Park an entry by hand."""
    rows = yield Query(
        "UPDATE {inbox} AS i SET state = :parked, problem = 'set aside by hand', "  # noqa: S608 - constants
        f"changed_at = :now WHERE i.id = :id AND {_FREE} "
        "RETURNING id",
        {
            "id": number,
            "parked": EntryState.PARKED.value,
            "waiting": WAITING,
            "now": micros(now),
        },
    )
    return bool(rows)


def scrub(before: datetime, now: datetime) -> Steps[int]:
    """Drop the raw bytes of what came before and waits no longer."""
    # However old: what still waits for its handler is handed out as bytes.
    rows = yield Query(
        "UPDATE {inbox} SET body = NULL, changed_at = :now WHERE body IS NOT NULL "
        "AND received_at < :before AND state <> :waiting RETURNING id",
        {"before": micros(before), "now": micros(now), "waiting": WAITING},
    )
    return len(rows)


def expect(tenant: str, merchant_key: str, amount: Expected) -> Steps[None]:
    """Remember what is to be paid."""
    yield Query(
        "INSERT INTO {expected} (unique_key, tenant, merchant_key, amount, currency) "
        "VALUES (:unique_key, :tenant, :merchant_key, :amount, :currency) "
        "ON CONFLICT (unique_key) DO UPDATE SET "
        "amount = excluded.amount, currency = excluded.currency",
        {
            "unique_key": digest(tenant, merchant_key),
            "tenant": tenant,
            "merchant_key": merchant_key,
            "amount": format_amount(amount.amount),
            "currency": amount.currency,
        },
    )


def expected(tenant: str, merchant_key: str) -> Steps[Expected | None]:
    """What is to be paid."""
    rows = yield Query(
        "SELECT amount, currency FROM {expected} WHERE unique_key = :unique_key",
        {"unique_key": digest(tenant, merchant_key)},
    )
    return Expected(Decimal(rows[0][0]), rows[0][1]) if rows else None
