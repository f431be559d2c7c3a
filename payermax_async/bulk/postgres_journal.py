"""A journal in PostgreSQL, for runs on any number of machines.

Needs the extra ``postgres``: ``pip install 'payermax_async[postgres]'``. This module
can be imported without it; whoever makes a :class:`PostgresJournal` is told.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Iterator
from typing import TypeVar

from payermax_async.bulk import control_statements, statements
from payermax_async.bulk.control import BatchStatus
from payermax_async.bulk.journal_methods import SqlJournal
from payermax_async.bulk.records import JournalError, JournalRow
from payermax_async.bulk.schema import SHARED_JOURNAL
from payermax_async.clock import Clock, SystemClock
from payermax_async.core.errors import ConfigurationError
from payermax_async.storage.group_writer import GroupWriter
from payermax_async.storage.postgres import PostgresDatabase
from payermax_async.storage.postgres_address import PostgresAddress
from payermax_async.storage.sql import Plan, Query, Steps, given

__all__ = ["PostgresJournal", "named"]

T = TypeVar("T")

_NAME = re.compile(r"[A-Za-z0-9._-]{1,100}")


class PostgresJournal(SqlJournal):
    """A journal of one batch among many in a PostgreSQL, for runs on any machines.

    Holds on rows go by the database's clock, never by a machine's. Writes that come
    together share a commit, and each returns after its own. It works behind PgBouncer
    in transaction mode.

    Example:
        >>> journal = PostgresJournal(
        ...     "postgresql://shop@db.internal/shop", batch="november"
        ... )
    """

    def __init__(
        self,
        address: str,
        *,
        batch: str,
        schema: str = "payermax",
        connections: int = 2,
        timeout: float = 10.0,
        clock: Clock | None = None,
    ) -> None:
        """Keep the settings; nothing is opened yet.

        Args:
            address: Of the database, in any form that libpq reads.
            batch: Names the batch among the others in these tables: 1 to 100 ASCII
                letters, digits, dots, ``-`` and ``_``.
            schema: Where the tables stand; made when it is missing.
            connections: How many are held at the most; made when they are needed.
            timeout: Seconds for a write or a question.
            clock: The time of day that is noted for reports; nothing goes by it.

        Raises:
            ConfigurationError: psycopg is not installed, or a setting is wrong. The
                address is not repeated.
        """
        found = PostgresAddress.read(address, application=SHARED_JOURNAL.name)
        # Whoever prints the variables of this frame finds no password in them.
        del address
        if not _NAME.fullmatch(batch):
            raise ConfigurationError(
                "a batch is named with 1 to 100 of A-Z, a-z, 0-9, dots, - and _"
            )
        self._database = PostgresDatabase(
            found,
            SHARED_JOURNAL,
            schema=schema,
            connections=connections,
            handler_connections=1,
            timeout=timeout,
        )
        self._batch_name = batch
        self._clock = clock or SystemClock()
        self._writer = GroupWriter(self._database.run, timeout=timeout)

    @classmethod
    def within(
        cls, database: PostgresDatabase, writer: GroupWriter, *, batch: str, number: int
    ) -> PostgresJournal:
        """The journal of a batch over a database that is open and stays so.

        Args:
            database: With the tables of journals; it is closed by whoever opened it.
            writer: What writes to it go through, those of other batches as well.
            batch: Its name.
            number: What :func:`named` gave for it.
        """
        made = cls.__new__(cls)
        made._database, made._writer = database, writer
        made._batch_name, made._number = batch, number
        made._clock = SystemClock()
        return made

    @property
    def batch_name(self) -> str:
        """Names the batch among the others in these tables."""
        return self._batch_name

    @property
    def is_open(self) -> bool:
        """Whether it can be used."""
        return self._database.is_open

    async def open(self) -> None:
        """Connect, make or check the tables, and find the batch in them.

        Raises:
            JournalError: It is open already.
            StorageError: The database cannot be used, and why.
        """
        if self.is_open:
            raise JournalError("the journal is open already")
        await self._database.open()
        try:
            self._number = await self._database.run(lambda: named(self._batch_name))
        except BaseException:
            await self._database.aclose()
            raise

    async def aclose(self) -> None:
        """Close every connection; a second call does nothing."""
        await self._database.aclose()

    def _write(self, plan: Plan[T]) -> Awaitable[T]:
        return self._writer.write(plan)

    def read(self) -> Iterator[JournalRow]:
        """All rows in their order, through a connection of its own that only reads.

        Raises:
            StorageError: They cannot be read, and why.
        """
        with self._database.reading() as reader:
            batch = reader.read(_number_of(self._batch_name))
            after: tuple[int, str] | None = None
            while rows := reader.read(given(statements.page(after), batch=batch)):
                yield from rows
                last = rows[-1].planned
                after = last.position, last.key

    def status(self) -> BatchStatus:
        """How the batch stands, through a connection of its own that only reads.

        Raises:
            StorageError: It cannot be read, and why.
        """
        with self._database.reading() as reader:
            batch = reader.read(_number_of(self._batch_name))
            return reader.read(given(control_statements.status(), batch=batch))


def named(name: str) -> Steps[int]:
    """The number of a batch in its tables; the first one to ask makes it."""
    while not (number := (yield from _number_of(name))):
        yield Query(
            "INSERT INTO {journal_name} (name) VALUES (:name) ON CONFLICT DO NOTHING",
            {"name": name},
        )
    return number


def _number_of(name: str) -> Steps[int]:
    """The number; 0 where nobody asked for it, of which there are no rows."""
    rows = yield Query(
        "SELECT id FROM {journal_name} WHERE name = :name", {"name": name}
    )
    return int(rows[0][0]) if rows else 0
