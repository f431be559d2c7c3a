"""Many links from one source: as many at once as is wanted, each exactly once."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Callable,
    Iterable,
)
from contextlib import aclosing, asynccontextmanager
from typing import Self, cast

from payermax_async.bulk.journal import Journal
from payermax_async.bulk.outcomes import DoneRow
from payermax_async.bulk.records import BulkBatch, JournalError
from payermax_async.bulk.report import BulkReport
from payermax_async.bulk.rows import BulkItem, PreparedRow, prepared
from payermax_async.bulk.runner import RowRunner
from payermax_async.client import PayerMaxClient, engine_of
from payermax_async.config import MerchantConfig
from payermax_async.core.errors import ConfigurationError
from payermax_async.core.models.link_request import LinkDefaults
from payermax_async.pipeline.bounds import Bounds
from payermax_async.storage.errors import StorageError

__all__ = ["BulkRun", "BulkSource", "create_links"]

BulkSource = Iterable[BulkItem] | AsyncIterable[BulkItem]
"""Where rows come from, one after the other; never all of them are held."""

_ASIDE = 1000
"""Rows that wait to be settled at the most; then no more are begun."""
_NAME_BYTES = 8
_END = object()


class _Place:
    """A row's place in the run: its turn, or a seat aside while it waits."""

    def __init__(self, turns: asyncio.Semaphore, seats: asyncio.Semaphore) -> None:
        self._held, self._seats = turns, seats
        self.is_aside = False

    async def step_aside(self) -> None:
        """Let another row have the turn; wait while too many are aside already."""
        if not self.is_aside:
            await self._seats.acquire()
            self._held.release()
            self._held, self.is_aside = self._seats, True

    def leave(self) -> None:
        """Give back what is held."""
        self._held.release()


class BulkRun:
    """A run under way: yields its rows as each is settled, in any order.

    Made by :func:`create_links`. What stops it early is raised after the rows that
    were settled by then: what the source raised, what the journal said, a refusal that
    every row would get.
    """

    def __init__(
        self,
        runner: RowRunner,
        source: BulkSource,
        defaults: LinkDefaults,
        *,
        at_once: int,
    ) -> None:
        self._runner = runner
        self._source = source
        self._defaults = defaults
        self._turns = asyncio.Semaphore(at_once)
        self._seats = asyncio.Semaphore(_ASIDE)
        self._out: asyncio.Queue[DoneRow | None] = asyncio.Queue(at_once)
        self._rows: dict[asyncio.Task[None], _Place] = {}
        self._intake: asyncio.Task[None] | None = None
        self._error: BaseException | None = None
        self._ended = False

    @property
    def report(self) -> BulkReport:
        """What the journal knows of all its rows, also after the end of the run."""
        return BulkReport(self._runner.journal.read)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> DoneRow:
        row = None if self._ended else await self._out.get()
        if row is not None:
            return row
        self._ended = True
        self.raise_error()
        raise StopAsyncIteration

    def raise_error(self) -> None:
        """Raise what ended the run, once."""
        error, self._error = self._error, None
        if error is not None:
            raise error

    async def work(self) -> None:
        """Take rows from the source until it ends, and settle them."""
        self._intake = asyncio.create_task(self._take_in())
        try:
            await asyncio.wait({self._intake})
            while self._rows:
                await asyncio.wait(set(self._rows))
            await self._out.put(None)
        finally:
            left = {self._intake, *self._rows}
            for task in left:
                task.cancel()
            await _ended(left)

    async def _take_in(self) -> None:
        try:
            async with aclosing(_each(self._source)) as items:
                async for position, item in items:
                    row = prepared(item, position, self._defaults)
                    await self._turns.acquire()
                    place = _Place(self._turns, self._seats)
                    task = asyncio.create_task(self._settle(row, place))
                    self._rows[task] = place
                    task.add_done_callback(self._rows.pop)
        except Exception as error:  # noqa: BLE001 - the application's own; it is raised
            self._error = self._error or error

    async def _settle(self, row: PreparedRow, place: _Place) -> None:
        try:
            await self._out.put(await self._runner.settled(row, place.step_aside))
        except Exception as error:  # noqa: BLE001 - raised to whoever iterates
            self._stop(error)
        finally:
            place.leave()

    def _stop(self, error: Exception) -> None:
        """Begin nothing more: what is under way ends, what waits aside is left."""
        self._error = self._error or error
        if self._intake is not None:
            self._intake.cancel()
        for task, place in self._rows.items():
            if place.is_aside and task is not asyncio.current_task():
                task.cancel()


@asynccontextmanager
async def create_links(
    client: PayerMaxClient,
    orders: BulkSource,
    *,
    journal: Journal,
    at_once: int = 16,
    plan: str = "",
    names: Callable[[], str] = lambda: secrets.token_hex(_NAME_BYTES),
) -> AsyncGenerator[BulkRun]:
    """Create the link of every order exactly once, however often it is run.

    The journal notes each row before its create leaves. Run again with the same
    journal and source, what exists is found, what is in doubt is asked about first,
    and what was not begun is done. Leaving the block early stops the run; nothing goes
    on in the background.

    Args:
        client: Open, and open until the block ends.
        orders: Requests or rows, also from an async iterable; taken one by one as
            there is room. Ids must not repeat.
        journal: Opened and closed here unless it is open already. One per batch.
        at_once: How many creates are under way; what waits to be settled is not
            counted. The client's own limits hold, too.
        plan: Hash or name of the plan the rows come from: going on with another one
            is refused.
        names: Makes a name for the run that no other has.

    Yields:
        The run: ``async for done in run``.

    Raises:
        BatchMismatchError: The journal belongs to another plan, merchant or gateway.
        ConfigurationError: ``at_once`` is less than 1.
        StorageError: The journal cannot be used; nothing is sent without it.

    Example:
        >>> async with create_links(client, orders, journal=journal) as run:
        ...     async for done in run:
        ...         print(done.merchant_link_id, done.state, done.link_url)
    """
    if at_once < 1:
        raise ConfigurationError("at_once must be at least 1")
    engine = engine_of(client)
    engine.in_flight.check()
    async with _opened(journal):
        await journal.begin(
            BulkBatch(plan=plan, fingerprint=_fingerprint(client.config))
        )
        runner = RowRunner(engine=engine, journal=journal, run=names())
        run = BulkRun(runner, orders, client.config.defaults, at_once=at_once)
        working = asyncio.create_task(run.work())
        try:
            yield run
        except BaseException as error:
            await _finished(working, runner, error)
            raise
        await _finished(working, runner, None)
        run.raise_error()


async def _finished(
    working: asyncio.Task[None], runner: RowRunner, error: BaseException | None
) -> None:
    """End the run, then let go of its rows."""
    working.cancel()
    await _ended({working})
    try:
        await runner.journal.release(runner.run)
    except (JournalError, StorageError) as failure:
        if error is None:
            raise
        error.add_note(f"the run's rows stay held for a while: {failure}")


@asynccontextmanager
async def _opened(journal: Journal) -> AsyncGenerator[None]:
    if journal.is_open:
        yield
        return
    await journal.open()
    try:
        yield
    finally:
        await journal.aclose()


async def _ended(tasks: set[asyncio.Task[None]]) -> None:
    """Wait until all have ended, even if told to stop waiting; then stop."""
    stopped: asyncio.CancelledError | None = None
    while left := {task for task in tasks if not task.done()}:
        try:
            await asyncio.wait(left)
        except asyncio.CancelledError as error:
            stopped = error
    if stopped is not None:
        raise stopped


async def _each(source: BulkSource) -> AsyncGenerator[tuple[int, object]]:
    if not isinstance(source, AsyncIterable):
        for numbered in enumerate(cast("Iterable[object]", source), start=1):
            yield numbered
        return
    # In tasks of their own: a source that does not let itself be cancelled keeps
    # nobody from leaving.
    bounds, position = Bounds(), 0
    items = aiter(cast("AsyncIterable[object]", source))
    try:
        while (item := await bounds.run(_next(items))) is not _END:
            position += 1
            yield position, item
    finally:
        if isinstance(items, AsyncGenerator):
            await bounds.run(_closed(cast("AsyncGenerator[object]", items)))


async def _next(items: AsyncIterator[object]) -> object:
    return await anext(items, _END)


async def _closed(items: AsyncGenerator[object]) -> None:
    await items.aclose()


def _fingerprint(config: MerchantConfig) -> str:
    provider = f" by {config.sp_merchant_no}" if config.sp_merchant_no else ""
    return (
        f"merchant {config.merchant_no}{provider}, app {config.app_id}, at "
        f"{config.environment.base_url}"
    )
