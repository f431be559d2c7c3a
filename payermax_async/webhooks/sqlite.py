"""An inbox in a file of its own: nothing to install, nothing to run beside."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from os import PathLike, fspath
from typing import TypeVar, cast

from payermax_async.core.errors import ConfigurationError
from payermax_async.webhooks.entries import (
    EntryState,
    InboxError,
    LeaseLostError,
    StoredNotification,
    Verdict,
)
from payermax_async.webhooks.sql import handling, schema
from payermax_async.webhooks.sql.base import SqlInbox
from payermax_async.webhooks.sql.vocabulary import Query, Steps

__all__ = ["SQLITE", "SqliteChanges", "SqliteInbox", "drive"]

T = TypeVar("T")
Parameters = Sequence[object] | Mapping[str, object]

# The rest of an extended result code says in which way a file is busy.
_PRIMARY_CODE = 0xFF
_BUSY_PAUSE = 0.01  # seconds

# RETURNING came with it: https://www.sqlite.org/lang_returning.html
_OLDEST = (3, 35, 0)
_CLOSED = "the inbox is not open: use it within 'async with inbox:'"

SQLITE = schema.Dialect(
    table="payermax_",
    prefix="payermax_",
    number="INTEGER PRIMARY KEY AUTOINCREMENT",
    bytes="BLOB",
    lock="",
    parameter=r":\1",
)
"""How the statements are written for SQLite."""


class SqliteChanges:
    """Changes to the inbox's own file, made together with the mark that it is done.

    They are collected while the handler runs and carried out in one transaction
    when it returns: the file is locked for that moment only. If a statement
    fails, none was carried out and the handler is tried again later.
    """

    def __init__(self) -> None:
        self.statements: list[tuple[str, Parameters]] = []

    def execute(self, statement: str, parameters: Parameters = ()) -> None:
        """Add a statement, with its parameters in sqlite3's way.

        Example:
            >>> changes.execute("UPDATE orders SET paid = 1 WHERE id = ?", ["o-1"])
        """
        self.statements.append((statement, parameters))


class SqliteInbox(SqlInbox[SqliteChanges]):
    """Keeps notifications in a SQLite file, which several processes may share.

    What :meth:`store` was given is on the disk when it returns: the file is in
    WAL mode with full synchronisation. All work is done in one thread of its own,
    so that a slow disk never stalls the event loop. Keep the file on a local disk;
    https://www.sqlite.org/wal.html says why no network file system will do.

    Example:
        >>> async with SqliteInbox("payermax-inbox.sqlite3") as inbox:
        ...     print(await inbox.counts())
    """

    def __init__(
        self, path: str | PathLike[str], *, busy_timeout: float = 10.0
    ) -> None:
        """Keep the settings; nothing is opened yet.

        Args:
            path: The file, created when it is missing.
            busy_timeout: Seconds to wait for another process to let the file go.

        Raises:
            ConfigurationError: The path is empty or ``:memory:``, which no thread
                or process can share; or Python's SQLite is older than 3.35.
        """
        self._path = fspath(path)
        if self._path in {"", ":memory:"}:
            raise ConfigurationError("give SqliteInbox a file, or use MemoryInbox")
        if sqlite3.sqlite_version_info < _OLDEST:
            raise ConfigurationError(
                f"SqliteInbox needs SQLite 3.35, this is {sqlite3.sqlite_version}"
            )
        self._busy_timeout = busy_timeout
        self._thread: ThreadPoolExecutor | None = None
        self._connection: sqlite3.Connection | None = None

    @property
    def is_open(self) -> bool:
        """Whether it can be used."""
        return self._connection is not None

    async def open(self) -> None:
        """Open the file, and create or check the tables.

        Raises:
            InboxError: It is open already, or a later version made the tables.
            sqlite3.Error: The file cannot be used.
        """
        if self._thread is not None:
            raise InboxError("the inbox is open already")
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="payermax-inbox")
        try:
            self._connection = await self._call(self._connect)
        except BaseException:
            self._thread.shutdown()
            self._thread = None
            raise

    async def aclose(self) -> None:
        """Close the file once what was begun is over; a second call does nothing."""
        connection, self._connection = self._connection, None
        thread, self._thread = self._thread, None
        if thread is not None and connection is not None:
            try:
                await asyncio.get_running_loop().run_in_executor(
                    thread, connection.close
                )
            finally:
                thread.shutdown()

    def work(
        self, entry: StoredNotification, now: datetime
    ) -> AbstractAsyncContextManager[SqliteChanges]:
        """Collect changes, and make them together with the mark that it is done."""
        return self._work(entry, now)

    @asynccontextmanager
    async def _work(
        self, entry: StoredNotification, now: datetime
    ) -> AsyncGenerator[SqliteChanges]:
        changes = SqliteChanges()
        yield changes
        done = Verdict(state=EntryState.DONE)

        def commit(connection: sqlite3.Connection) -> None:
            if not drive(connection, handling.finish(entry, done, now)):
                raise LeaseLostError("another worker may have begun the same entry")
            for statement, parameters in changes.statements:
                connection.execute(statement, parameters)

        await self._transact(commit)

    async def _run(self, steps: Steps[T]) -> T:
        return await self._transact(lambda connection: drive(connection, steps))

    async def _transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        connection = self._connection
        if connection is None:
            raise InboxError(_CLOSED)

        def transaction() -> T:
            # Taken at once: a read that turns into a write could not wait.
            connection.execute("BEGIN IMMEDIATE")
            try:
                result = work(connection)
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            return result

        return await self._call(transaction)

    async def _call(self, work: Callable[[], T]) -> T:
        thread = self._thread
        if thread is None:
            raise InboxError(_CLOSED)
        return await asyncio.get_running_loop().run_in_executor(thread, work)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path,
            timeout=self._busy_timeout,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            self._enter_wal(connection)
            # In WAL mode, NORMAL could lose a committed notification at power loss.
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("BEGIN IMMEDIATE")
            drive(connection, schema.create())
            connection.execute("COMMIT")
        except BaseException:
            connection.close()
            raise
        return connection

    def _enter_wal(self, connection: sqlite3.Connection) -> None:
        # While another process sets the same new file up, SQLite refuses this one
        # statement at once, without the wait that its time-out promises.
        deadline = time.monotonic() + self._busy_timeout
        while True:
            try:
                connection.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as error:
                busy = error.sqlite_errorcode & _PRIMARY_CODE == sqlite3.SQLITE_BUSY
                if not busy or time.monotonic() >= deadline:
                    raise
                time.sleep(_BUSY_PAUSE)
            else:
                return


def drive(connection: sqlite3.Connection, steps: Steps[T]) -> T:
    """Run steps on an open connection, within whatever transaction it is in."""

    def rows(query: Query) -> list[tuple[object, ...]]:
        text = SQLITE.write(query.text)
        return connection.execute(text, dict(query.parameters)).fetchall()

    try:
        query = next(steps)
        while True:
            query = steps.send(rows(query))
    except StopIteration as ended:
        return cast("T", ended.value)
