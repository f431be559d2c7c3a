"""How statements are written for SQLite, and run on one connection to it."""

from __future__ import annotations

import sqlite3
from typing import TypeVar, cast

from payermax_async.storage.sql import Dialect, Query, Row, Steps, as_given, plain

__all__ = ["SQLITE", "drive"]

T = TypeVar("T")

SQLITE = Dialect(
    table="payermax_",
    prefix="payermax_",
    number="INTEGER PRIMARY KEY AUTOINCREMENT",
    bytes="BLOB",
    lock="",
    lock_row="",
    clock="payermax_clock()",
    boot="payermax_boot()",
    # The clock never goes back: a lease from later than now is of another start.
    held=(
        "(s.held_boot = payermax_boot() AND s.held_from <= payermax_clock() "
        "AND s.held_until > payermax_clock())"
    ),
    catalogue=(
        "(SELECT substr(name, 10) AS name FROM sqlite_master "
        "WHERE type = 'table' AND substr(name, 1, 9) = 'payermax_') AS catalogue"
    ),
    parameter=r":\1",
)
"""How the statements are written for SQLite; :func:`.lease_clock.install` makes their
clock known."""


def drive(connection: sqlite3.Connection, steps: Steps[T]) -> T:
    """Run steps on an open connection, within whatever transaction it is in."""

    def rows(query: Query) -> list[Row]:
        text = SQLITE.write(query.text)
        found = connection.execute(text, plain(query.parameters)).fetchall()
        return [as_given(row) for row in found]

    try:
        query = next(steps)
        while True:
            query = steps.send(rows(query))
    except StopIteration as ended:
        return cast("T", ended.value)
