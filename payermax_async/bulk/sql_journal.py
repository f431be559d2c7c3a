"""Journals over SQLite: in a file that several runs may share, or in memory."""

from __future__ import annotations

import shlex
import sqlite3
import weakref
from collections.abc import Awaitable, Generator, Iterator
from contextlib import closing, contextmanager
from os import PathLike, fspath
from typing import TypeVar

from payermax_async.bulk import control_statements, statements
from payermax_async.bulk.control import BatchStatus
from payermax_async.bulk.journal_methods import SqlJournal
from payermax_async.bulk.records import JournalError, JournalRow
from payermax_async.bulk.schema import JOURNAL
from payermax_async.clock import Clock, SystemClock
from payermax_async.storage import sqlite_file
from payermax_async.storage.errors import StorageError
from payermax_async.storage.group_writer import GroupWriter
from payermax_async.storage.lease_clock import LeaseClock, install, system_lease_clock
from payermax_async.storage.migrations import Migration, checked, migrate, pending
from payermax_async.storage.sql import Plan, Steps, given
from payermax_async.storage.sqlite import SqliteDatabase
from payermax_async.storage.sqlite_dialect import drive
from payermax_async.storage.sqlite_errors import told

__all__ = ["MemoryJournal", "SqliteJournal"]

T = TypeVar("T")


class SqliteJournal(SqlJournal):
    """A journal in a SQLite file of its own, which several runs may share.

    Writes that come together share a commit, and each returns after its own. The file
    is readable by its owner alone and has to be on a local disk.

    Example:
        >>> journal = SqliteJournal("november.sqlite3")
    """

    def __init__(
        self,
        path: str | PathLike[str],
        *,
        busy_timeout: float = 10.0,
        lease_clock: LeaseClock | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Keep the settings; nothing is opened yet.

        Args:
            path: The file, created when it is missing.
            busy_timeout: Seconds for a write.
            lease_clock: What holds go by, for tests that turn time by hand.
            clock: The time of day that is noted for reports.

        Raises:
            ConfigurationError: No file can have the path.
        """
        self._path = fspath(path)
        self._lease_clock = lease_clock or system_lease_clock()
        self._database = SqliteDatabase(
            path,
            JOURNAL,
            busy_timeout=busy_timeout,
            read_only=False,
            lease_clock=self._lease_clock,
        )
        self._busy_timeout = busy_timeout
        self._clock = clock or SystemClock()
        # Rows settle in bursts: writes that wait for the disk share one sync.
        self._writer = GroupWriter(self._database.run, timeout=busy_timeout)

    @property
    def is_open(self) -> bool:
        """Whether it can be used."""
        return self._database.is_open

    async def open(self) -> None:
        """Open the file, and make or check its tables.

        Raises:
            JournalError: It is open already.
            StorageError: The file cannot be used, and why.
        """
        if self.is_open:
            raise JournalError("the journal is open already")
        await self._database.open()

    async def aclose(self) -> None:
        """Close the file once what was begun is over; a second call does nothing."""
        await self._database.aclose()

    def _write(self, plan: Plan[T]) -> Awaitable[T]:
        return self._writer.write(plan)

    def read(self) -> Iterator[JournalRow]:
        """All rows in their order, through a connection of its own that only reads.

        Raises:
            StorageError: The file cannot be read, and why.
        """
        with self._reading() as connection:
            yield from _pages(connection)

    def status(self) -> BatchStatus:
        """How the batch stands, through a connection of its own that only reads.

        Raises:
            StorageError: The file cannot be read, and why.
        """
        with self._reading() as connection:
            return drive(connection, _read(control_statements.status()))

    @contextmanager
    def _reading(self) -> Generator[sqlite3.Connection]:
        try:
            connection = sqlite_file.connect(
                self._path, timeout=self._busy_timeout, read_only=True
            )
            with closing(connection):
                install(connection, self._lease_clock)
                connection.execute("BEGIN")  # one state of it, whoever writes meanwhile
                if todo := drive(connection, pending(JOURNAL)):
                    raise StorageError(f"{self._path}: {_lacks(todo, self._path)}")
                yield connection
        except sqlite3.Error as error:
            raise told(error, self._path) from None


def _lacks(todo: tuple[Migration, ...], path: str) -> str:
    """What keeps a file from being read, in words, and what to do."""
    if len(todo) == len(JOURNAL.migrations):
        return "it is no journal of a batch"
    command = ["payermax", "db", "upgrade", "--component", "journal"]
    whole = shlex.join([*command, "--database", f"sqlite:///{path}"])
    return f"an older version made it; once no run is at it, bring it up: {whole}"


class MemoryJournal(SqlJournal):
    """A journal that is gone with its process: for tests, and for runs without one.

    After a crash nobody knows what was sent. Closing it forgets nothing.

    Example:
        >>> journal = MemoryJournal()
    """

    def __init__(
        self, *, lease_clock: LeaseClock | None = None, clock: Clock | None = None
    ) -> None:
        """Be empty.

        Args:
            lease_clock: What holds go by, for tests that turn time by hand.
            clock: The time of day that is noted for reports.
        """
        self._clock = clock or SystemClock()
        # Reports are read in threads of their own.
        self._connection = sqlite3.connect(
            ":memory:", isolation_level=None, check_same_thread=False
        )
        weakref.finalize(self, self._connection.close)
        install(self._connection, lease_clock or system_lease_clock())
        drive(self._connection, migrate(JOURNAL))
        self._is_open = False

    @property
    def is_open(self) -> bool:
        """Whether it can be used."""
        return self._is_open

    async def open(self) -> None:
        """Make it usable.

        Raises:
            JournalError: It is open already.
        """
        if self._is_open:
            raise JournalError("the journal is open already")
        self._is_open = True

    async def aclose(self) -> None:
        """Close it; a second call does nothing."""
        self._is_open = False

    async def _write(self, plan: Plan[T]) -> T:
        if not self._is_open:
            raise JournalError("the journal is not open")
        self._connection.execute("BEGIN")
        try:
            result = drive(self._connection, plan())
            self._connection.execute("COMMIT")
        except BaseException:
            # The connection is used again: left open, it would carry the next write
            # along.
            self._connection.execute("ROLLBACK")
            raise
        return result

    def read(self) -> Iterator[JournalRow]:
        """All rows in their order."""
        yield from _pages(self._connection)

    def status(self) -> BatchStatus:
        """How the batch stands."""
        return drive(self._connection, _read(control_statements.status()))


def _pages(connection: sqlite3.Connection) -> Iterator[JournalRow]:
    # Page by page: a batch of any size is read in the same memory, and nobody who reads
    # slowly keeps a statement open.
    after: tuple[int, str] | None = None
    while rows := drive(connection, _read(statements.page(after))):
        yield from rows
        last = rows[-1].planned
        after = last.position, last.key


def _read(steps: Steps[T]) -> Steps[T]:
    return checked(JOURNAL, given(steps, batch=1))
