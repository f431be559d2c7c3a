"""Many links from one source: as many at once as is wanted, each exactly once."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Self

import attrs

from payermax_async.assembly import Engine
from payermax_async.bulk.events import RowInDoubt, RowSettled, RunPaused, RunResumed
from payermax_async.bulk.journal import Journal
from payermax_async.bulk.outage import OutageWatch
from payermax_async.bulk.outcomes import REACH, DoneRow
from payermax_async.bulk.pacing import Pace, Place, RunStoppedError, Turns
from payermax_async.bulk.progress import BulkProgress, ProgressCount
from payermax_async.bulk.rails import Rail, RailTrippedError, RailWatch
from payermax_async.bulk.report import BulkReport
from payermax_async.bulk.rows import PreparedRow, prepared
from payermax_async.bulk.runner import RowRunner
from payermax_async.bulk.source import BulkSource, each_of
from payermax_async.core.models.link_request import LinkDefaults
from payermax_async.pipeline.observe import Event

__all__ = ["BulkRun", "RunPlan", "ended"]

_ASIDE = 1000
"""Rows that wait to be settled at the most; then no more are begun."""
_MOST_UNANSWERED = 20
"""Sends in a row without an answer that make an outage, or twice as many as may be
under way at once."""
_TICK = 1.0
"""Seconds of the event loop between looks at the journal, whatever rows do."""


@attrs.frozen(kw_only=True)
class RunPlan:
    """How a run is to go."""

    name: str
    """Its name."""
    watch: RailWatch
    """Where it stops by itself."""
    at_once: int
    """How many creates are under way."""
    per_second: float | None
    """How many are begun a second; ``None`` for as fast as can be."""
    rows: int | None
    """How many the source holds, if that is known."""
    journal_lost: bool
    """Whether rows may have been sent that the journal knows nothing of."""


class BulkRun:
    """A run under way: yields its rows as each is settled, in any order.

    Made by :func:`create_links`. What stops it early is raised after the rows that
    were settled by then: what the source raised, what the journal said, a refusal that
    every row would get, a rail.
    """

    def __init__(
        self,
        engine: Engine,
        journal: Journal,
        source: BulkSource,
        defaults: LinkDefaults,
        plan: RunPlan,
    ) -> None:
        clock = engine.in_flight.clock
        self._engine = engine
        self._journal = journal
        self._source = source
        self._defaults = defaults
        self._name = plan.name
        self._count = ProgressCount(started=clock.monotonic(), rows=plan.rows)
        self._pace = Pace(
            clock=clock,
            hosts=tuple(engine.retry_loop.hosts.hosts),
            watch=plan.watch,
            outage=OutageWatch(most_unanswered=max(_MOST_UNANSWERED, 2 * plan.at_once)),
            turns=Turns(plan.at_once),
            at_once=plan.at_once,
            per_second=plan.per_second,
            look=self.look,
        )
        self._runner = RowRunner(
            engine=engine,
            journal=journal,
            run=plan.name,
            pace=self._pace,
            # From now on: when the journal was lost, nobody knows.
            lost_until=clock.monotonic() + REACH.total_seconds()
            if plan.journal_lost
            else None,
            on_doubt=self._in_doubt,
        )
        self._seats = asyncio.Semaphore(_ASIDE)
        # Bounded: a slow reader slows the run down, and rows do not pile up.
        self._out: asyncio.Queue[DoneRow | None] = asyncio.Queue(plan.at_once)
        self._rows: dict[asyncio.Task[None], Place] = {}
        self._intake: asyncio.Task[None] | None = None
        self._error: BaseException | None = None
        self._is_complete = False
        self._ended = False
        self._looks = asyncio.Lock()
        self._waited_for = ""

    @property
    def name(self) -> str:
        """Names the run in its journal and its events."""
        return self._name

    @property
    def report(self) -> BulkReport:
        """What the journal knows of all its rows, also after the end of the run."""
        return BulkReport(self._journal.read)

    @property
    def progress(self) -> BulkProgress:
        """How far it is."""
        clock = self._pace.clock
        slots = self._engine.retry_loop.sends.slots
        return self._count.at(
            clock.monotonic(),
            in_doubt=sum(place.is_aside for place in self._rows.values()),
            throttled=slots.wave,
            waits_for=self._pace.waits_for,
        )

    @property
    def rail(self) -> Rail | None:
        """At which rail it stopped; ``None`` as long as it met none."""
        tripped = self._pace.watch.tripped
        return tripped.rail if tripped is not None else None

    def stop(self) -> None:
        """Begin nothing more: what is under way ends, what waits aside is left.

        For signals: the rows that end are yielded still, then iteration is over.
        """
        self._stop(None)

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
        ticker = asyncio.create_task(self._tick())
        try:
            # Waited for, not awaited: a stop cancels it, which is no error here.
            await asyncio.wait({self._intake})
            while self._rows:
                await asyncio.wait(set(self._rows))
            self._is_complete = not (self._pace.is_closed or self._error or self.rail)
            await self._out.put(None)
        finally:
            # Cancelled from outside as well, nothing goes on in the background.
            left = {self._intake, ticker, *self._rows}
            for task in left:
                task.cancel()
            await ended(left)

    async def _take_in(self) -> None:
        try:
            async with aclosing(each_of(self._source)) as items:
                async for position, item in items:
                    row = prepared(item, position, self._defaults)
                    # The turn before the task: of an endless source no more rows are
                    # held than are worked on.
                    await self._pace.turns.acquire()
                    place = Place(self._pace.turns, self._seats)
                    self._count.taken += 1
                    task = asyncio.create_task(self._settle(row, place))
                    self._rows[task] = place
                    task.add_done_callback(self._rows.pop)
        except Exception as error:  # noqa: BLE001 - the application's own; it is raised
            self._error = self._error or error

    async def _settle(self, row: PreparedRow, place: Place) -> None:
        try:
            await self._pace.look_again()
            told = await self._runner.settled(row, place.step_aside)
            self._note(told)
            await self._out.put(told)
            tripped = self._pace.watch.tripped
            if tripped is not None:
                raise tripped
        except RunStoppedError:
            pass  # the row is as it was
        except RailTrippedError as error:
            self._trip(error)
        except Exception as error:  # noqa: BLE001 - raised to whoever iterates
            self._stop(error)
        finally:
            place.leave()

    def _note(self, told: DoneRow) -> None:
        name = "known" if told.known else told.state.value
        self._count.settle(name, self._pace.clock.monotonic())
        self._emit(
            RowSettled(
                run=self.name,
                position=told.position,
                merchant_key=told.merchant_link_id,
                state=told.state,
                known=told.known,
            )
        )

    def _in_doubt(self, row: PreparedRow) -> None:
        """Count a create that got no answer."""
        self._count.doubts += 1
        planned = row.planned
        self._emit(
            RowInDoubt(
                run=self.name, position=planned.position, merchant_key=planned.key
            )
        )

    def _emit(self, event: Event) -> None:
        self._engine.in_flight.observers.emit(event)

    def _trip(self, error: RailTrippedError) -> None:
        if error.rail is not Rail.FIRST:
            self._stop(error)
        elif self._intake is not None:
            # The trial's own rows are settled to the end.
            self._intake.cancel()

    def _stop(self, error: Exception | None) -> None:
        """Begin nothing more: what is under way ends, what waits aside is left."""
        self._error = self._error or error
        self._pace.close()
        if self._intake is not None:
            self._intake.cancel()
        # What waits aside would only ask, and the next run asks as well; what has its
        # turn may have been sent, and its answer is waited for.
        for task, place in self._rows.items():
            if place.is_aside and task is not asyncio.current_task():
                task.cancel()

    async def _tick(self) -> None:
        """Look at the journal while no row does."""
        while True:
            await asyncio.sleep(_TICK)
            try:
                await self.look()
            except Exception as error:  # noqa: BLE001 - raised to whoever iterates
                self._stop(error)
                return

    async def say_over(self, error: BaseException | None) -> None:
        """Say in the journal that it ended, and why."""
        error = error or self._error
        if self._is_complete and error is None:
            words = "finished"
        elif self.rail is not None:
            words = f"stopped at a rail: {self.rail}"
        elif isinstance(error, Exception):
            words = f"stopped by {type(error).__name__}"
        else:
            words = "stopped"
        await self.look(over=words)

    async def look(self, *, over: str = "") -> None:
        """Say in the journal how it goes, and go by what stands there."""
        # One look is enough for all rows that come meanwhile; the last word is always
        # said.
        if self._looks.locked() and not over:
            return
        async with self._looks:
            told = await self._journal.attend(self.name, self.progress, ended=over)
        self._pace.follow(told)
        waits_for, before = self._pace.waits_for, self._waited_for
        self._waited_for = waits_for
        if waits_for and waits_for != before:
            self._emit(RunPaused(run=self.name, why=waits_for))
        elif before and not waits_for:
            self._emit(RunResumed(run=self.name))


async def ended(tasks: set[asyncio.Task[None]]) -> None:
    """Wait until all have ended, even if told to stop waiting; then stop."""
    stopped: asyncio.CancelledError | None = None
    while left := {task for task in tasks if not task.done()}:
        try:
            await asyncio.wait(left)
        except asyncio.CancelledError as error:
            stopped = error
    if stopped is not None:
        raise stopped
