"""Steps in a SQLite file: each call one transaction, in a thread of the file's own."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from os import PathLike, fspath
from typing import Any, Generic, TypeVar, cast

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
from payermax_async.storage.sql import (
    Dialect,
    Plan,
    Query,
    Row,
    Steps,
    as_given,
    plain,
)

__all__ = ["SQLITE", "SqliteDatabase", "drive"]

T = TypeVar("T")

# RETURNING came with it: https://www.sqlite.org/lang_returning.html
_OLDEST = (3, 35, 0)
_MOST_WAITING = 1000
"""Calls that wait for the thread: behind a disk that hangs, more would only pile up."""
_CLOSING = 5.0  # seconds
_GRACE = 0.25
"""Seconds after which a thread that should have given up by itself is given up."""

SQLITE = Dialect(
    table="payermax_",
    prefix="payermax_",
    number="INTEGER PRIMARY KEY AUTOINCREMENT",
    bytes="BLOB",
    lock="",
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
        self._thread: ThreadPoolExecutor | None = None
        self._connection: sqlite3.Connection | None = None
        self._identity = (0, 0)
        self._waiting = 0
        self._lock = threading.Lock()
        self._running: _Job[Any] | None = None

    @property
    def is_open(self) -> bool:
        """Whether it can be used."""
        return self._connection is not None

    async def open(self) -> None:
        """Open the file, and check the tables; make them where they are missing.

        Raises:
            StorageError: It cannot be used, and why.
        """
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="payermax-sqlite")
        try:
            self._connection = await self._call(_Job(self._connect, self._end()))
        except BaseException:
            self._thread.shutdown(wait=False)
            self._thread = None
            raise

    async def aclose(self) -> None:
        """Close the file once what was begun is over; a second call does nothing."""
        connection, self._connection = self._connection, None
        thread, self._thread = self._thread, None
        if thread is None or connection is None:
            return
        closing = asyncio.get_running_loop().run_in_executor(thread, connection.close)
        try:
            await asyncio.wait({closing}, timeout=_CLOSING)
        finally:
            thread.shutdown(wait=False)

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
            raise sqlite_file.told(error, self._path) from None

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
        connection = self._connection
        if connection is None:
            raise StorageError(f"{self._path}: it is not open")
        end = self._end()

        def transaction(job: _Job[T]) -> T:
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

        return await self._call(_Job(transaction, end))

    def _end(self) -> float:
        return time.monotonic() + min(self._busy_timeout, left(self._busy_timeout))

    def _still_there(self) -> None:
        if sqlite_file.identity(self._path) != self._identity:
            raise StorageError(
                f"{self._path}: another file stands in its place while it is in use; "
                "what is told to it is not kept: start again, with the file that holds "
                "what came so far"
            )

    async def _call(self, job: _Job[T]) -> T:
        thread = self._thread
        if thread is None:
            raise StorageError(f"{self._path}: it is not open")
        if self._waiting >= _MOST_WAITING:
            raise StorageError(f"{self._path}: {self._waiting} calls wait for the disk")
        self._waiting += 1
        future = asyncio.get_running_loop().run_in_executor(thread, self._run, job)
        future.add_done_callback(self._came_back)
        try:
            async with asyncio.timeout(max(0.0, job.end - time.monotonic()) + _GRACE):
                return await asyncio.shield(future)
        except TimeoutError:
            pass
        except sqlite3.Error as error:
            raise sqlite_file.told(error, self._path) from None
        finally:
            if not future.done():
                self._give_up(job)
        raise StorageError(f"{self._path}: the disk did not answer in time")

    def _came_back(self, future: asyncio.Future[T]) -> None:
        self._waiting -= 1
        if not future.cancelled():
            future.exception()  # whoever waited for it may have gone

    def _give_up(self, job: _Job[T]) -> None:
        """Nobody waits any more: what runs is stopped, what does not never will."""
        with self._lock:
            job.given_up = True
            if self._running is job and self._connection is not None:
                self._connection.interrupt()

    def _run(self, job: _Job[T]) -> T:
        with self._lock:
            self._running = job
        try:
            job.check()
            return job.work(job)
        finally:
            with self._lock:
                self._running = None

    def _connect(self, job: _Job[sqlite3.Connection]) -> sqlite3.Connection:
        patience = max(0.001, job.end - time.monotonic())
        connection = sqlite_file.connect(
            self._path, timeout=patience, read_only=self._read_only
        )
        try:
            install(connection, self._lease_clock)
            if self._read_only:
                self._check_tables(connection)
            else:
                sqlite_file.enter_mode(connection, self._path, patience=patience)
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


class _Job(Generic[T]):
    """What the thread is to do, and until when somebody waits for it."""

    def __init__(self, work: Callable[[_Job[T]], T], end: float) -> None:
        self.work = work
        self.end = end
        self.given_up = False

    def check(self) -> None:
        """Go on only if somebody waits.

        Raises:
            StorageError: Nobody does.
        """
        if self.given_up or time.monotonic() > self.end + _GRACE:
            raise StorageError("nobody waits for it any more; it was not stored")
