"""A worker: takes chunks, says how it is, and tells others of what is left."""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
from collections import deque
from collections.abc import Awaitable, Callable

import attrs

from payermax_async import __version__
from payermax_async.bulk.control import checked_pace
from payermax_async.bulk.create import fingerprint_of
from payermax_async.client import PayerMaxClient
from payermax_async.clock import Clock, SystemClock
from payermax_async.core.errors import ConfigurationError
from payermax_async.fleet import statements, worker_statements
from payermax_async.fleet.chunk_runner import ChunkRunner
from payermax_async.fleet.database import FleetDatabase
from payermax_async.fleet.engine import ChunkEngine
from payermax_async.fleet.worker_statements import WorkerReport
from payermax_async.storage.errors import StorageError

__all__ = ["FleetWorker", "WorkerHealth"]

_LOG = logging.getLogger("payermax_async.fleet")
_WINDOW = 4
"""Chunks of one batch that wait for a worker at the most: so many stand before a batch
that comes later."""
_SWEEP_EVERY = 1.0
_CLEAN_EVERY = 60.0
_REPORT_EVERY = 2.0
_GRACE = 10.0
"""Seconds for what is under way once a worker is to end."""
_RATE_OVER = 30.0
_SILENT = 15.0


@attrs.frozen(kw_only=True)
class WorkerHealth:
    """How a worker is, for whoever starts and stops it."""

    alive: bool
    """Whether its loop turns."""
    ready: bool
    """Whether it takes chunks: it has its database, and is not told to end."""
    settled: int
    """Rows that it settled."""
    rate: float
    """Rows a second, of late."""
    chunks: int
    """Chunks that it is at."""
    error: str
    """What went wrong last."""


class FleetWorker:
    """Makes the links of whatever batches of its merchant there are, until stopped.

    Any number of them may run, on any machines; each has one client. No clock of
    theirs decides anything: holds on rows go by the database's.

    Example:
        >>> worker = FleetWorker(client, "postgresql://shop@db.internal/shop")
        >>> await worker.run()
    """

    def __init__(
        self,
        client: PayerMaxClient,
        address: str,
        *,
        engine_address: str | None = None,
        schema: str = "payermax",
        name: str = "",
        at_once: int = 16,
        chunks: int = 2,
        timeout: float = 10.0,
        grace: float = _GRACE,
        clock: Clock | None = None,
    ) -> None:
        """Keep the settings; nothing is opened yet.

        Args:
            client: Open, and open until :meth:`run` returns.
            address: Of the database, or of a PgBouncer in transaction mode before it.
            engine_address: Of the database itself, where ``address`` is a pooler's.
            schema: Where the tables stand; made when they are missing.
            name: Of the worker, as ``payermax fleet status`` shows it; no two may have
                the same. Made of the machine's name where it is left out.
            at_once: How many creates of a chunk are under way.
            chunks: How many chunks it is at.
            timeout: Seconds for a call of the database.
            grace: Seconds for what is under way once it is to end.
            clock: For its own waits, and for times in reports; no hold goes by it.

        Raises:
            ConfigurationError: The extra ``fleet`` is not installed, or a setting is
                wrong. No address is repeated.
        """
        checked_pace(at_once, None)
        if not 1 <= chunks <= 64:
            raise ConfigurationError("chunks is from 1 to 64")
        self._name = name or f"{socket.gethostname()}.{secrets.token_hex(4)}"
        self._client = client
        self._database = FleetDatabase(address, schema=schema, timeout=timeout)
        self._engine = ChunkEngine(engine_address or address, schema=schema)
        del address, engine_address
        self._clock = clock or SystemClock()
        self._chunks = chunks
        self._grace = grace
        self._settled: int = 0
        self._late: deque[float] = deque()
        self._seen: float | None = None
        """When it last reached its database."""
        self._stopped, self._drained = asyncio.Event(), asyncio.Event()
        self._swept = asyncio.Event()
        self._runner = ChunkRunner(
            worker=self._name,
            client=client,
            database=self._database,
            clock=self._clock,
            at_once=at_once,
            on_settled=self._count,
            on_done=self._swept.set,
        )

    @property
    def name(self) -> str:
        """Its name."""
        return self._name

    @property
    def health(self) -> WorkerHealth:
        """How it is."""
        seen, now = self._seen, self._clock.monotonic()
        return WorkerHealth(
            alive=True,
            # By what was reached, not by what is configured: without its database it
            # may send nothing.
            ready=self._database.is_open
            and not self._runner.is_stopping
            and seen is not None
            and now - seen < _SILENT,
            settled=self._settled,
            rate=self._rate(),
            chunks=self._runner.busy,
            error=self._runner.error,
        )

    def stop(self) -> None:
        """Send nothing new, at once, and end: what is under way gets some seconds.

        What had no answer by then stays ``sending``: whoever takes it asks first.
        """
        self._runner.stop()
        self._stopped.set()

    async def run(self) -> None:
        """Work until it is told to stop, or to drain.

        Raises:
            StorageError: The database could not be used when it began.
            Exception: What went wrong with a part of it that is not to end by itself.
        """
        await self._database.open()
        try:
            await self._engine.open()
            try:
                await self._work()
            finally:
                await self._engine.aclose()
        finally:
            await self._database.aclose()

    async def _work(self) -> None:
        await self._database.run(lambda: worker_statements.begin(self._name))
        await self._report()
        jobs = asyncio.create_task(
            self._engine.run(
                self._runner.work,
                name=self._name,
                fingerprint=fingerprint_of(self._client.config),
                chunks=self._chunks,
            )
        )
        others = [
            asyncio.create_task(self._every(seconds, work))
            for seconds, work in (
                (_SWEEP_EVERY, self._sweep),
                (_CLEAN_EVERY, self._clean),
                (_REPORT_EVERY, self._report),
            )
        ]
        parts = (jobs, *others)
        try:
            await _first_of(
                self._stopped.wait(), self._drained.wait(), _one_ends(*parts)
            )
            if self._drained.is_set() and not self._stopped.is_set():
                # No new chunks; those that it is at end by themselves.
                jobs.cancel()
                await _first_of(self._stopped.wait(), _one_ends(jobs))
        finally:
            broken = [part for part in parts if part.done() and not part.cancelled()]
            if broken:
                self.stop()  # without one of its parts it would only look well
            for task in others:
                task.cancel()
            await self._ended(jobs)
            await asyncio.gather(*others, return_exceptions=True)
        await self._database.run(lambda: worker_statements.leave(self._name))
        for part in broken:
            part.result()

    async def _ended(self, jobs: asyncio.Task[None]) -> None:
        """Let what is under way end, for a while; then leave it as it is."""
        # First: what it still fetched would be dropped, and told of a minute later.
        if not jobs.cancelling():
            jobs.cancel()
        end = self._clock.monotonic() + self._grace
        while self._runner.busy and self._clock.monotonic() < end:
            await self._clock.sleep(0.05)
        # What it leaves stays noted as being sent: whoever takes it asks first.
        self._runner.give_up()
        await asyncio.gather(jobs, return_exceptions=True)

    async def _every(self, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await work()
            except StorageError as error:
                self._runner.note(str(error))
            pause = asyncio.create_task(self._clock.sleep(seconds))
            if work == self._sweep:
                # A chunk that was worked off makes room for the next one at once.
                await _first_of(self._swept.wait(), pause)
            else:
                await pause

    async def _sweep(self) -> None:
        # Before it looks: what is done meanwhile wakes it once more.
        self._swept.clear()
        due = await self._database.run(lambda: statements.sweep(_WINDOW))
        await self._engine.tell(due)

    async def _clean(self) -> None:
        await self._database.run(statements.forget_left)
        await self._engine.sweep()

    async def _report(self) -> None:
        report = WorkerReport(
            name=self._name,
            version=__version__,
            fingerprint=fingerprint_of(self._client.config),
            settled=self._settled,
            rate=self._rate(),
            chunks=self._runner.busy,
            error=self._runner.error,
        )
        wanted = await self._database.run(lambda: worker_statements.attend(report))
        self._seen = self._clock.monotonic()
        if wanted:
            self._drained.set()

    def _count(self) -> None:
        self._settled += 1
        self._late.append(self._clock.monotonic())

    def _rate(self) -> float:
        now = self._clock.monotonic()
        while self._late and self._late[0] < now - _RATE_OVER:
            self._late.popleft()
        return len(self._late) / _RATE_OVER


async def _first_of(*waits: Awaitable[object]) -> None:
    """Wait until one of them ends; what ends them all is cancelled."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _one_ends(*tasks: asyncio.Task[None]) -> None:
    """Wait until one of them ends, however it does."""
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
