"""What an SQL inbox says to its database, without saying it.

A step yields statements and is sent their rows, so that one text of the rules
serves SQLite in a thread and PostgreSQL on the loop. Parameters are written
``:name``, tables ``{inbox}``, ``{standing}``, ``{names}``, ``{expected}`` and
``{about}``, the
clause that locks claimed rows ``{lock}``. The steps of one call are one transaction.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias, TypeVar

from payermax_async.webhooks.entries import EntryState, Source, StoredNotification
from payermax_async.webhooks.rulings import Role

__all__ = [
    "COLUMNS",
    "SELECT",
    "WAITING",
    "Query",
    "Row",
    "Steps",
    "from_micros",
    "micros",
    "read_entry",
]

T = TypeVar("T")


class Query(NamedTuple):
    """A statement and its parameters."""

    text: str
    parameters: Mapping[str, object] = MappingProxyType({})


Row: TypeAlias = tuple[Any, ...]
"""What the database returns is of the types in the schema, which no checker reads."""
Steps: TypeAlias = Generator[Query, list[Row], T]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
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
    "rank",
    "bars",
)
"""What is read of an entry, in this order."""
SELECT = f"SELECT i.{', i.'.join(COLUMNS)} FROM {{inbox}} AS i"  # noqa: S608 - constants
"""Reads entries; whatever narrows them follows."""
WAITING = EntryState.WAITING.value
"""As a parameter."""


def micros(moment: datetime) -> int:
    """Microseconds since 1970, exactly."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def from_micros(number: int) -> datetime:
    """The moment, in UTC."""
    return _EPOCH + timedelta(microseconds=number)


def read_entry(row: Row) -> StoredNotification:
    """An entry from a row of :data:`SELECT`."""
    values = dict(zip(COLUMNS, row, strict=True))
    del values["rank"], values["bars"]
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
