"""What is read of an entry, and how."""

from __future__ import annotations

import json

from payermax_async.storage.sql import Row, from_micros
from payermax_async.webhooks.inbox.entries import EntryState, Source, StoredNotification
from payermax_async.webhooks.inbox.rulings import Role

__all__ = ["COLUMNS", "SELECT", "WAITING", "read_entry"]

COLUMNS = (
    "id",
    "tenant",
    "key_parts",
    "merchant_key",
    "notify_type",
    "state",
    "source",
    "part",
    "body",
    "received_at",
    "deliveries",
    "attempts",
    "due_at",
    "changed_at",
    "problem",
    "forced",
    "subject",
    "role",
    "kind",
    "rank",
    "bars",
)
"""What is read of an entry, in this order."""
SELECT = f"SELECT i.{', i.'.join(COLUMNS)} FROM {{inbox}} AS i"  # noqa: S608 - constants
"""Reads entries; whatever narrows them follows."""
WAITING = EntryState.WAITING.value
"""As a parameter."""


def read_entry(row: Row) -> StoredNotification:
    """An entry from a row of :data:`SELECT`."""
    values = dict(zip(COLUMNS, row, strict=True))
    # For whoever claims; no part of what is told of an entry.
    del values["kind"], values["rank"], values["bars"]
    body = values.pop("body")
    return StoredNotification(
        key=tuple(json.loads(values.pop("key_parts"))),
        state=EntryState(values.pop("state")),
        source=Source(values.pop("source")),
        forced=bool(values.pop("forced")),
        role=Role(values.pop("role")),
        body=None if body is None else bytes(body),
        received_at=from_micros(values.pop("received_at")),
        due_at=from_micros(values.pop("due_at")),
        changed_at=from_micros(values.pop("changed_at")),
        **values,
    )
