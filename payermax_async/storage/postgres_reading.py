"""Reading from PostgreSQL in code that blocks: one state of the tables, in time."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import TypeVar, cast

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow

from payermax_async.storage.errors import StorageError
from payermax_async.storage.migrations import Component, checked, pending
from payermax_async.storage.pooling import sever
from payermax_async.storage.postgres_address import PostgresAddress
from payermax_async.storage.postgres_words import words_of
from payermax_async.storage.sql import Dialect, Query, Row, Steps, as_given, plain

__all__ = ["StateReader", "reading"]

T = TypeVar("T")

_BEGIN = (
    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; "
    "SET LOCAL statement_timeout = {0}; SET LOCAL lock_timeout = {0}"
)


class StateReader:
    """Runs steps that only read, one after the other, on one state of the tables."""

    def __init__(
        self,
        connection: Connection[TupleRow],
        component: Component,
        dialect: Dialect,
        seconds: float,
    ) -> None:
        self._connection = connection
        self._component = component
        self._dialect = dialect
        self._seconds = seconds

    def check(self) -> None:
        """See that the tables are there, in a form that this code may read.

        Raises:
            StorageError: They are not.
        """
        if self._drive(pending(self._component)):
            raise StorageError(
                f"there is no {self._component.name}, or an older version's: open it "
                "once, or run payermax db upgrade"
            )

    def read(self, steps: Steps[T]) -> T:
        """Run steps."""
        return self._drive(checked(self._component, steps))

    def _drive(self, steps: Steps[T]) -> T:
        try:
            query = next(steps)
            while True:
                query = steps.send(self._rows(query))
        except StopIteration as ended:
            return cast("T", ended.value)

    def _rows(self, query: Query) -> list[Row]:
        text = self._dialect.write(query.text).encode()
        with _in_time(self._connection, self._seconds):
            cursor = self._connection.execute(text, plain(query.parameters) or None)
            return [as_given(row) for row in cursor.fetchall()]


@contextmanager
def _in_time(connection: Connection[TupleRow], seconds: float) -> Generator[None]:
    """End a wait from outside: a server that is gone says nothing, and libpq waits."""
    alarm = threading.Timer(seconds, sever, (connection,))
    alarm.daemon = True
    alarm.start()
    try:
        yield
    finally:
        alarm.cancel()


@contextmanager
def reading(
    address: PostgresAddress,
    component: Component,
    dialect: Dialect,
    *,
    schema: str,
    seconds: float,
) -> Generator[StateReader]:
    """A connection of its own that only reads; each wait on it ends in time.

    Raises:
        StorageError: The tables cannot be read, and why.
    """
    try:
        with Connection[TupleRow].connect(
            address.conninfo, autocommit=True, prepare_threshold=None
        ) as connection:
            reader = StateReader(connection, component, dialect, seconds)
            limit = max(1, round(seconds * 1000))
            with _in_time(connection, seconds):
                connection.execute(_BEGIN.format(limit).encode())
            reader.check()
            yield reader
            with _in_time(connection, seconds):
                connection.execute(b"COMMIT")
        return
    except psycopg.Error as error:
        problem = words_of(error, address, schema)
    # Outside, so that the driver's error and its frames do not travel along.
    raise StorageError(f"the {component.name} in PostgreSQL: {problem}")
