"""One chunk from its taking to its end: its rows through a run of their own."""

from __future__ import annotations

import asyncio
import itertools
import logging
import secrets
from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal

import attrs

from payermax_async.bulk.control import BulkControl
from payermax_async.bulk.create import create_links, fingerprint_of
from payermax_async.bulk.outcomes import DoneState
from payermax_async.bulk.rails import BulkRails
from payermax_async.bulk.run import BulkRun
from payermax_async.client import PayerMaxClient, engine_of
from payermax_async.clock import Clock
from payermax_async.core.errors import PayerMaxError
from payermax_async.core.models.link_request import CreateLink
from payermax_async.fleet import statements
from payermax_async.fleet.cancelled import settle_cancelled
from payermax_async.fleet.chunk_journal import ChunkJournal
from payermax_async.fleet.database import FleetDatabase
from payermax_async.fleet.payloads import readable
from payermax_async.fleet.records import (
    ChunkId,
    ChunkRow,
    FleetBatch,
    FleetStoppingError,
)
from payermax_async.storage.errors import StorageError

__all__ = ["ChunkRunner"]

_LOG = logging.getLogger("payermax_async.fleet")
_PATIENCE = 60.0
"""Seconds of an outage before a chunk is let go of, for others to try later."""
_SPARE = 30.0
"""Seconds that a hold outlives the longest call."""


@attrs.define(kw_only=True)
class ChunkRunner:
    """Works off chunks for one worker, any number of them at once."""

    worker: str
    """Its name."""
    client: PayerMaxClient
    """Open, and open until the last chunk ends."""
    database: FleetDatabase
    """Open as well."""
    clock: Clock
    at_once: int
    """How many creates of a chunk are under way."""
    on_settled: Callable[[], None]
    """Told of each row that was settled."""
    on_done: Callable[[], None]
    """Told when a chunk was worked off."""
    is_stopping: bool = attrs.field(default=False, init=False)
    """Whether nothing new is sent any more."""
    error: str = attrs.field(default="", init=False)
    """What went wrong last."""
    _runs: dict[str, BulkRun] = attrs.field(factory=dict[str, BulkRun], init=False)
    _tasks: set[asyncio.Task[None]] = attrs.field(
        factory=set[asyncio.Task[None]], init=False
    )
    _numbers: itertools.count[int] = attrs.field(
        factory=lambda: itertools.count(1), init=False
    )

    @property
    def busy(self) -> int:
        """How many chunks are under way."""
        return len(self._tasks)

    @property
    def lease(self) -> timedelta:
        """How long rows are held: longer than any call about one."""
        return timedelta(seconds=engine_of(self.client).options.timeout + _SPARE)

    def stop(self) -> None:
        """Send nothing new, at once; what is under way ends."""
        self.is_stopping = True
        for run in self._runs.values():
            run.stop()

    def give_up(self) -> None:
        """Leave what is under way as it is."""
        for task in self._tasks:
            task.cancel()

    def stop_run(self, run: str) -> None:
        """Send nothing new in one run."""
        if (links := self._runs.get(run)) is not None:
            links.stop()

    async def work(self, chunk: ChunkId) -> None:
        """Take what is open of a chunk, and settle it as far as that goes.

        What the database did not do is noted; the rows are taken again later.
        """
        task: asyncio.Task[None] | None = asyncio.current_task()
        if task is None or self.is_stopping:
            return
        # Counted from here on, so that a worker that is to end waits for it.
        self._tasks.add(task)
        try:
            await self._work(chunk)
        except StorageError as error:
            self.note(str(error))
        finally:
            self._tasks.discard(task)
            self.on_done()

    async def _work(self, chunk: ChunkId) -> None:
        batch = await self.database.run(lambda: statements.batch_of(chunk.batch))
        if batch is None:
            return
        # With other keys each row would be unknown to PayerMax, and made once more.
        if batch.fingerprint != fingerprint_of(self.client.config):
            self.note(f"batch {batch.name} is of another merchant or gateway")
            return
        control, _ = await self.told(batch)
        if control.paused:
            return
        # Another at each try: a hold of an earlier one is never taken for this one's.
        run = f"{self.worker}/{chunk}/{next(self._numbers)}.{secrets.token_hex(4)}"
        if batch.cancelled:
            now = self.clock.now()
            first = chunk.number * batch.chunk
            await self.database.run(
                lambda: statements.refuse_planned(
                    batch.number, now, first=first, behind=first + batch.chunk
                )
            )
        rows = await self.database.run(
            lambda: statements.take(chunk, batch, run=run, lease=self.lease)
        )
        if rows:
            await self._settled(chunk, batch, rows, run)
        await self.database.run(lambda: statements.forget_items(chunk, batch.chunk))

    async def _settled(
        self, chunk: ChunkId, batch: FleetBatch, rows: list[ChunkRow], run: str
    ) -> None:
        watch = _Watch(runner=self, chunk=chunk, batch=batch, run=run)
        requests = readable(rows)
        here = [row for row in rows if row.row.planned.key in requests]
        error = ""
        if len(here) < len(rows):
            error = (
                f"{len(rows) - len(here)} stored requests cannot be read here: another "
                "version of this package wrote them"
            )
            self.note(error)
        try:
            if batch.cancelled:
                # Cancelled, a link may be there all the same: then somebody can still
                # pay it.
                watch.settled = await settle_cancelled(
                    self.client, self.database.journal(batch), here, self.lease
                )
            else:
                await self._sent(watch, here, list(requests.values()))
        except FleetStoppingError:
            pass  # what was not begun is as it was
        except PayerMaxError as failure:
            # In the package's own words, which hold nothing of a request.
            error = f"{type(failure).__name__}: {failure}"
            self.note(error)
        finally:
            await watch.let_go(run)
            await self.database.run(
                lambda: statements.finish(
                    chunk, run, settled=watch.settled, error=error
                )
            )

    async def _sent(
        self, watch: _Watch, rows: list[ChunkRow], requests: list[CreateLink]
    ) -> None:
        run = watch.run
        journal = ChunkJournal.of(
            rows,
            self.database.journal(watch.batch),
            look=watch.look,
            let_go=watch.let_go,
            asked_for=watch.asked_for,
            is_stopping=lambda: self.is_stopping or watch.is_told_to_stop,
        )
        async with create_links(
            self.client,
            requests,
            journal=journal,
            at_once=self.at_once,
            rails=BulkRails(outage_patience=_PATIENCE),
            names=lambda: run,
        ) as links:
            self._runs[run] = links
            try:
                if journal.is_stopping():
                    links.stop()
                async for done in links:
                    # In doubt is not settled: the chunk is told of again, later each
                    # time.
                    if done.state is not DoneState.UNKNOWN:
                        watch.settled += 1
                        self.on_settled()
            finally:
                # Counted as told of, and to be tried again after a rest.
                watch.settled = max(0, watch.settled - journal.given_back)
                del self._runs[run]

    async def told(self, batch: FleetBatch) -> tuple[BulkControl, bool]:
        """What is said of a batch, and whether it is cancelled."""
        return await self.database.run(lambda: statements.told(batch.number))

    def note(self, error: str) -> None:
        """Something went wrong, in words without data."""
        self.error = error
        _LOG.warning("worker %s: %s", self.worker, error)


@attrs.define(kw_only=True)
class _Watch:
    """Looks once a second whether a chunk may go on, and holds on to its rows."""

    runner: ChunkRunner
    chunk: ChunkId
    batch: FleetBatch
    run: str
    is_told_to_stop: bool = False
    settled: int = 0
    """How many rows were settled so far."""
    _held: float = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._held = self.runner.clock.monotonic()

    async def look(self) -> BulkControl:
        """Stop where the batch is paused or cancelled, or the worker is to end."""
        control, cancelled = await self.runner.told(self.batch)
        if control.paused or cancelled:
            self.is_told_to_stop = True
            self.runner.stop_run(self.run)
        now, lease = self.runner.clock.monotonic(), self.runner.lease
        # Two may fail before the hold is over.
        if now - self._held >= lease.total_seconds() / 3:
            self._held = now
            await self.runner.database.run(
                lambda: statements.hold_on(self.chunk, self.run, lease)
            )
        return control

    async def asked_for(self) -> Mapping[str, Decimal]:
        """By currency, what the batch asks for already."""
        return await self.runner.database.run(
            lambda: statements.asked_for(self.batch.number, self.run)
        )

    async def let_go(self, run: str) -> None:
        """Let go of the rows, when the run is over."""
        await self.runner.database.run(
            lambda: statements.let_go(self.batch.number, run)
        )
