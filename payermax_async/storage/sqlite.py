"""Steps in a SQLite file: each call one transaction, in a thread of the file's own."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import Callable
from os import PathLike, fspath
from typing import TypeVar

from payermax_async.core.errors import ConfigurationError
from payermax_async.storage import sqlite_file
from payermax_async.storage.deadlines import left
from payermax_async.storage.errors import StorageError
from payermax_async.storage.lease_clock import (
    LeaseClock,
    install,
    system_lease_clock,
)
from payermax_async.storage.migrations import (
    Component,
    Standing,
    least_reader,
    migrate,
    outgrown,
    pending,
    script,
    standing,
)
from payermax_async.storage.sql import Plan
from payermax_async.storage.sqlite_dialect import SQLITE, drive
from payermax_async.storage.sqlite_errors import told
from payermax_async.storage.sqlite_mode import enter_mode
from payermax_async.storage.sqlite_thread import FileThread, Job

__all__ = ["SqliteDatabase"]

T = TypeVar("T")

# RETURNING came with it: https://www.sqlite.org/lang_returning.html
_OLDEST = (3, 35, 0)


class SqliteDatabase:
    """One component's tables in a file, which several processes may share."""

    def __init__(
        self,
        path: str | PathLike[str],
        component: Component,
        *,
        busy_timeout: float,
        read_only: bool,
        lease_clock: LeaseClock | None = None,
    ) -> None:
        """Keep the settings; nothing is opened yet.

        Args:
            path: The file, created when it is missing.
            component: Whose tables they are.
            busy_timeout: Seconds for a call, unless its caller gives up earlier.
            read_only: Nothing is made and nothing written.
            lease_clock: The machine's own where it is left out.

        Raises:
            ConfigurationError: No file can have the path, or Python's SQLite is
                older than 3.35.
        """
        self._path = fspath(path)
        if self._path in {"", ":memory:"}:
            raise ConfigurationError(
                f"give the {component.name} a file, or use MemoryInbox in tests"
            )
        if "\0" in self._path:
            raise ConfigurationError("a path holds no character U+0000")
        if sqlite3.sqlite_version_info < _OLDEST:
            raise ConfigurationError(
                f"this needs SQLite 3.35, Python's is {sqlite3.sqlite_version}"
            )
        if not 0 < busy_timeout < float("inf"):
            raise ConfigurationError("busy_timeout is more than 0 seconds, and an end")
        self._component = component
        self._busy_timeout = busy_timeout
        self._read_only = read_only
        self._lease_clock = lease_clock or system_lease_clock()
        self._thread: FileThread | None = None
        self._identity = (0, 0)

    @property
    def component(self) -> Component:
        """Whose tables they are."""
        return self._component

    @property
    def is_open(self) -> bool:
        """Whether it can be used."""
        return self._thread is not None

    async def open(self) -> None:
        """Open the file, and check the tables; make them where they are missing.

        Raises:
            StorageError: It cannot be used, and why.
        """
        thread = FileThread(self._path)
        try:
            thread.connection = await thread.call(Job(self._connect, self._end()))
        except BaseException:
            await thread.close()
            raise
        self._thread = thread

    async def aclose(self) -> None:
        """Close the file once what was begun is over; a second call does nothing."""
        thread, self._thread = self._thread, None
        if thread is not None:
            await thread.close()

    async def standing(self) -> Standing:
        """Which version the tables have; opens the file by itself, changes nothing.

        Raises:
            StorageError: It cannot be looked at.
        """

        def look() -> Standing:
            connection = sqlite_file.connect(
                self._path, timeout=self._busy_timeout, read_only=True
            )
            with contextlib.closing(connection):
                return drive(connection, standing(self._component))

        try:
            return await asyncio.to_thread(look)
        except sqlite3.Error as error:
            raise told(error, self._path) from None

    def script(self, now: Standing) -> str:
        """What is to be done to the tables, for SQLite's own shell."""
        return script(self._component, now, SQLITE)

    async def run(self, plan: Plan[T], *, again: Plan[T] | None = None) -> T:  # noqa: ARG002 - a commit to a file has an end that is known
        """Run steps in one transaction that is durable when this returns.

        Raises:
            StorageError: It was not done, or not in time.
        """
        return await self.transact(lambda connection: drive(connection, plan()))

    async def transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run work in one transaction that is durable when this returns.

        Raises:
            StorageError: It was not done, or not in time.
        """
        thread = self._thread
        if thread is None or (connection := thread.connection) is None:
            raise StorageError(f"{self._path}: it is not open")
        end = self._end()

        def transaction(job: Job[T]) -> T:
            self._still_there()
            waits = max(1, round((end - time.monotonic()) * 1000))
            connection.execute(f"PRAGMA busy_timeout = {waits}")
            # Taken at once: a read that turns into a write could not wait.
            connection.execute("BEGIN" if self._read_only else "BEGIN IMMEDIATE")
            try:
                self._check_version(connection)
                result = work(connection)
                job.check()
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            # A file that is deleted keeps what is written until it is closed.
            self._still_there()
            return result

        return await thread.call(Job(transaction, end))

    def _end(self) -> float:
        return time.monotonic() + min(self._busy_timeout, left(self._busy_timeout))

    def _still_there(self) -> None:
        if sqlite_file.identity(self._path) != self._identity:
            raise StorageError(
                f"{self._path}: another file stands in its place while it is in use; "
                "what is told to it is not kept: start again, with the file that holds "
                "what came so far"
            )

    def _connect(self, job: Job[sqlite3.Connection]) -> sqlite3.Connection:
        patience = max(0.001, job.end - time.monotonic())
        connection = sqlite_file.connect(
            self._path, timeout=patience, read_only=self._read_only
        )
        try:
            install(connection, self._lease_clock)
            if self._read_only:
                self._check_tables(connection)
            else:
                enter_mode(connection, self._path, patience=patience)
                connection.execute("BEGIN IMMEDIATE")
                drive(connection, migrate(self._component))
                connection.execute("COMMIT")
            self._identity = sqlite_file.identity(self._path)
        except BaseException:
            connection.close()
            raise
        return connection

    def _check_version(self, connection: sqlite3.Connection) -> None:
        # Newer code may have changed the tables since they were opened.
        text = SQLITE.write(least_reader(self._component))
        if refused := outgrown(self._component, connection.execute(text)):
            raise StorageError(f"{self._path}: {refused}")

    def _check_tables(self, connection: sqlite3.Connection) -> None:
        connection.execute("BEGIN")
        if drive(connection, pending(self._component)):
            raise StorageError(
                f"{self._path}: the tables of the {self._component.name} are missing "
                "or older than this package: run payermax db upgrade, or open it for "
                "writing once"
            )
        connection.execute("COMMIT")
