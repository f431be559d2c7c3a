"""The one thread that works on a file, and who waits for it.

SQLite has a connection do one thing at a time, and a disk may hang: so that neither
stalls the event loop, all work is handed to a thread, with an end for each piece.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Generic, TypeVar

from payermax_async.storage import sqlite_errors
from payermax_async.storage.errors import StorageError

__all__ = ["FileThread", "Job"]

T = TypeVar("T")

_MOST_WAITING = 1000
"""Calls that wait for the thread: behind a disk that hangs, more would only pile up."""
_CLOSING = 5.0  # seconds
_GRACE = 0.25
"""Seconds after which a thread that should have given up by itself is given up."""


class Job(Generic[T]):
    """What the thread is to do, and until when somebody waits for it."""

    def __init__(self, work: Callable[[Job[T]], T], end: float) -> None:
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


class FileThread:
    """Does one job after the other, none for longer than somebody waits."""

    def __init__(self, path: str) -> None:
        """Begin; the path is for messages."""
        self._path = path
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="payermax-sqlite")
        self._waiting = 0
        self._lock = threading.Lock()
        self._running: Job[Any] | None = None
        self.connection: sqlite3.Connection | None = None
        """What is interrupted when nobody waits any more; set by its opener."""

    async def call(self, job: Job[T]) -> T:
        """Have it done, and wait for it until its end.

        Raises:
            StorageError: It was not done, or not in time.
        """
        if self._waiting >= _MOST_WAITING:
            raise StorageError(f"{self._path}: {self._waiting} calls wait for the disk")
        self._waiting += 1
        loop = asyncio.get_running_loop()
        future = loop.run_in_executor(self._executor, self._run, job)
        future.add_done_callback(self._came_back)
        try:
            async with asyncio.timeout(max(0.0, job.end - time.monotonic()) + _GRACE):
                return await asyncio.shield(future)
        except TimeoutError:
            pass
        except sqlite3.Error as error:
            raise sqlite_errors.told(error, self._path) from None
        finally:
            if not future.done():
                self._give_up(job)
        raise StorageError(f"{self._path}: the disk did not answer in time")

    async def close(self) -> None:
        """Close the connection behind what was begun, and end; waits for a moment."""
        connection, self.connection = self.connection, None
        try:
            if connection is not None:
                loop = asyncio.get_running_loop()
                closing = loop.run_in_executor(self._executor, connection.close)
                await asyncio.wait({closing}, timeout=_CLOSING)
        finally:
            # Without waiting: a thread in a read of a dead disk never comes back.
            self._executor.shutdown(wait=False)

    def _came_back(self, future: asyncio.Future[T]) -> None:
        self._waiting -= 1
        if not future.cancelled():
            future.exception()  # whoever waited for it may have gone

    def _give_up(self, job: Job[T]) -> None:
        """Nobody waits any more: what runs is stopped, what does not never will."""
        with self._lock:
            job.given_up = True
            if self._running is job and self.connection is not None:
                self.connection.interrupt()

    def _run(self, job: Job[T]) -> T:
        with self._lock:
            self._running = job
        try:
            job.check()
            return job.work(job)
        finally:
            with self._lock:
                self._running = None
