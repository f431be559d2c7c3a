"""An inbox in a file of its own: nothing to install, nothing to run beside."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from os import PathLike
from typing import TypeVar

from payermax_async.storage.group_writer import GroupWriter
from payermax_async.storage.lease_clock import LeaseClock
from payermax_async.storage.sql import Plan
from payermax_async.storage.sqlite import SqliteDatabase
from payermax_async.storage.sqlite_dialect import drive
from payermax_async.webhooks.inbox import leases, storing
from payermax_async.webhooks.inbox.entries import (
    Arrival,
    EntryState,
    InboxError,
    LeaseLostError,
    Stored,
    StoredNotification,
    Verdict,
)
from payermax_async.webhooks.inbox.schema import INBOX
from payermax_async.webhooks.inbox.sql_inbox import SqlInbox

__all__ = ["SqliteChanges", "SqliteInbox"]

T = TypeVar("T")
Parameters = Sequence[object] | Mapping[str, object]


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

    What :meth:`store` was given is on the disk when it returns. A new file is in WAL
    mode with full synchronisation where Python's SQLite has the fix for a bug of that
    mode (3.51.3, 3.50.7, 3.44.6 and newer), else it has a rollback journal. It is
    readable by its owner alone. All work is done in one thread of its own, so that a
    slow disk never stalls the event loop. The file has to be on a local disk.

    Example:
        >>> async with SqliteInbox("payermax-inbox.sqlite3") as inbox:
        ...     print(await inbox.counts())
    """

    def __init__(
        self,
        path: str | PathLike[str],
        *,
        busy_timeout: float = 10.0,
        read_only: bool = False,
        lease_clock: LeaseClock | None = None,
    ) -> None:
        """Keep the settings; nothing is opened yet.

        Args:
            path: The file, created when it is missing.
            busy_timeout: Seconds to wait for another process to let the file go,
                unless the caller gives up earlier.
            read_only: To look into it: nothing is created, changed or checkpointed.
            lease_clock: What leases go by, for tests that turn time by hand.

        Raises:
            ConfigurationError: The path is empty or ``:memory:``, which no thread
                or process can share; or Python's SQLite is older than 3.35.
        """
        self._database = SqliteDatabase(
            path,
            INBOX,
            busy_timeout=busy_timeout,
            read_only=read_only,
            lease_clock=lease_clock,
        )
        self._writer = GroupWriter(self._run, timeout=busy_timeout)

    @property
    def is_open(self) -> bool:
        """Whether it can be used."""
        return self._database.is_open

    async def open(self) -> None:
        """Open the file, and create or check the tables.

        Raises:
            InboxError: It is open already.
            StorageError: The file cannot be used, or a later or an unreleased version
                made the tables.
        """
        if self.is_open:
            raise InboxError("the inbox is open already")
        await self._database.open()

    async def aclose(self) -> None:
        """Close the file once what was begun is over; a second call does nothing."""
        await self._database.aclose()

    async def store(self, arrival: Arrival) -> Stored:
        """Keep an arrival durably; those that come together share a commit."""
        self._check_open()
        return await self._writer.write(lambda: storing.store(arrival))

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
            # First: of the merchant's statements none may run where another worker took
            # over.
            if not drive(connection, leases.finish(entry, done, now)):
                raise LeaseLostError("another worker may have begun the same entry")
            # Told apart from errors of the inbox's own: this one counts as the
            # handler's.
            try:
                for statement, parameters in changes.statements:
                    connection.execute(statement, parameters)
            except sqlite3.Error as error:
                raise _HandlerError(error) from None

        self._check_open()
        try:
            await self._database.transact(commit)
        except _HandlerError as failed:
            raise failed.error from None

    async def _run(self, plan: Plan[T], *, again: Plan[T] | None = None) -> T:
        self._check_open()
        return await self._database.run(plan, again=again)

    def _check_open(self) -> None:
        if not self.is_open:
            raise InboxError("the inbox is not open: use it within 'async with inbox:'")


class _HandlerError(Exception):
    """A statement of the merchant's failed: its error is the merchant's to read."""

    def __init__(self, error: sqlite3.Error) -> None:
        super().__init__()
        self.error = error
