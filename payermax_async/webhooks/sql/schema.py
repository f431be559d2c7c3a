"""The tables of an inbox, and how its statements are written for a database."""

from __future__ import annotations

import re

import attrs

from payermax_async.webhooks.entries import InboxError
from payermax_async.webhooks.sql.vocabulary import Query, Steps

__all__ = ["VERSION", "Dialect", "create", "version"]

VERSION = 2
"""Of the tables. A later one brings the statements that lead to it."""

_VERSIONED = "CREATE TABLE IF NOT EXISTS {about} (version INTEGER NOT NULL)"
_TABLES = """
CREATE TABLE IF NOT EXISTS {inbox} (
    id {number},
    unique_key TEXT NOT NULL UNIQUE,
    tenant TEXT NOT NULL,
    key_parts TEXT NOT NULL,
    merchant_key TEXT NOT NULL,
    notify_type TEXT NOT NULL,
    state TEXT NOT NULL,
    source TEXT NOT NULL,
    part INTEGER NOT NULL,
    body {bytes},
    received_at BIGINT NOT NULL,
    deliveries INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    due_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    problem TEXT NOT NULL,
    forced INTEGER NOT NULL,
    subject TEXT NOT NULL,
    rank INTEGER NOT NULL,
    bars TEXT NOT NULL,
    kind TEXT NOT NULL,
    trade TEXT NOT NULL,
    amount TEXT NOT NULL,
    currency TEXT NOT NULL,
    role TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS {prefix}inbox_due
    ON {inbox} (tenant, due_at, id) WHERE state = 'waiting';
CREATE INDEX IF NOT EXISTS {prefix}inbox_merchant_key ON {inbox} (merchant_key);
CREATE INDEX IF NOT EXISTS {prefix}inbox_subject ON {inbox} (subject);
CREATE INDEX IF NOT EXISTS {prefix}inbox_trade ON {inbox} (trade) WHERE trade <> '';
CREATE TABLE IF NOT EXISTS {standing} (
    subject TEXT PRIMARY KEY,
    rank INTEGER NOT NULL,
    holder TEXT NOT NULL,
    held_until BIGINT NOT NULL
);
CREATE TABLE IF NOT EXISTS {names} (
    name TEXT PRIMARY KEY,
    known_as TEXT NOT NULL,
    tied TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS {expected} (
    tenant TEXT NOT NULL,
    merchant_key TEXT NOT NULL,
    amount TEXT NOT NULL,
    currency TEXT NOT NULL,
    PRIMARY KEY (tenant, merchant_key)
)
"""
"""Moments are microseconds since 1970, keys are JSON, amounts are digits."""
_PARAMETER = re.compile(r":([a-z_]+)")


@attrs.frozen(kw_only=True)
class Dialect:
    """What a database wants written in its own way."""

    table: str
    """Stands before the name of each table, such as a schema and a dot."""
    prefix: str
    """Stands before the name of each index."""
    number: str
    """The type of a primary key that counts by itself."""
    bytes: str
    """The type of bytes."""
    lock: str
    """Locks the rows of ``i`` and ``s``, without waiting for locked ones."""
    parameter: str
    """How a parameter is written, with ``\\1`` for its name."""
    _written: dict[str, str] = attrs.field(
        factory=dict[str, str], init=False, eq=False, repr=False
    )

    def write(self, statement: str) -> str:
        """A statement as the database wants it."""
        written = self._written.get(statement)
        if written is None:
            filled = statement.format(
                about=f"{self.table}about",
                inbox=f"{self.table}inbox",
                standing=f"{self.table}standing",
                names=f"{self.table}names",
                expected=f"{self.table}expected",
                prefix=self.prefix,
                number=self.number,
                bytes=self.bytes,
                lock=self.lock,
            )
            written = _PARAMETER.sub(self.parameter, filled)
            self._written[statement] = written
        return written


def create() -> Steps[None]:
    """Make what is missing, and check that the rest is of this version.

    Raises:
        InboxError: The tables were made by a later version of this package.
    """
    yield Query(_VERSIONED)
    found = yield from version()
    if found not in {None, VERSION}:
        raise InboxError(
            f"the inbox has tables of version {found}, this package knows version "
            f"{VERSION}: update it wherever it uses this inbox"
        )
    for table in _TABLES.split(";"):
        yield Query(table)
    if found is None:
        yield Query(
            "INSERT INTO {about} (version) VALUES (:version)", {"version": VERSION}
        )


def version() -> Steps[int | None]:
    """The version of the tables; ``None`` for none."""
    rows = yield Query("SELECT version FROM {about}")
    return int(rows[0][0]) if rows else None
