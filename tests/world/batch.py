"""A batch of links that several runs make at once, over one journal."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, TypeVar

import attrs

from payermax_async.bulk import DoneRow, JournalError, MemoryJournal, create_links
from payermax_async.clock import Clock
from payermax_async.core.errors import PayerMaxError
from payermax_async.core.models.link_parts import UserInfo
from payermax_async.core.models.link_request import CreateLink
from payermax_async.storage.errors import StorageError
from payermax_async.storage.sql import Plan
from tests.world.batch_agrees import check_leaving, check_row
from tests.world.calls import Call
from tests.world.disk import Disk, LostError
from tests.world.loop import PROCESS

if TYPE_CHECKING:
    from tests.world.process import Process
    from tests.world.world import World

__all__ = ["Batch", "Clerk", "DiskJournal"]

T = TypeVar("T")
_JOURNAL_TIMEOUT = 10.0
_TRIES = 8
_PATIENCE = 100.0
"""Seconds after which a run is left whose source does not go on."""


class DiskJournal(MemoryJournal):
    """A process's way to the journal: what fails raises, and what hangs does."""

    def __init__(self, disk: Disk, place: str, clock: Clock) -> None:
        self._disk, self._place, self._clock = disk, place, clock
        self._connection = disk.connection
        self._is_open = False

    async def _write(self, plan: Plan[T]) -> T:
        if not self._is_open:
            raise JournalError("the journal is not open")
        name = str(getattr(plan(), "__name__", "steps"))
        try:
            async with asyncio.timeout(_JOURNAL_TIMEOUT):
                steps = self._disk.steps_of(plan)
                return await self._disk.transact(name, self._place, steps)
        except (LostError, TimeoutError, sqlite3.Error) as error:
            raise StorageError("the journal does not answer") from error


class Batch:
    """What is to be made, and what was told of it; it outlives processes."""

    def __init__(self, world: World) -> None:
        self.world = world
        draw = world.chance.at("batch")
        # Some tables name an order twice.
        numbers = [*range(world.setting.rows), *([0] if draw.random() < 0.3 else [])]
        self.requests = [_request(number) for number in numbers]
        self.rows = {
            one.merchant_link_id: Call(
                request=one, place=one.merchant_link_id, timeout=60.0, started=0.0
            )
            for one in self.requests
        }
        self.told: Counter[str] = Counter()
        self.served: Counter[tuple[str, str]] = Counter()
        """By run and id: of how many rows it told that their link is there."""
        self.sent_to: defaultdict[str, set[str]] = defaultdict(set)
        """By id: the hosts that it left for, and that may have it."""
        self.refused: dict[str, int] = {}
        """Rows of which a run said that nothing exists, by what was sent until then."""
        self.at_once = draw.choice((1, 2, 16))

    @property
    def disk(self) -> Disk:
        """The journal's."""
        return self.world.shop.disks["journal"]

    def row_of(self, body: bytes) -> Call | None:
        """The row that a request is about."""
        if b'"row-' not in body:
            return None
        number = body.partition(b'"row-')[2].partition(b'"')[0]
        return self.rows.get(f"row-{number.decode()}")

    def leaves(self, row: Call, operation: str, host: str, gets_out: bool) -> None:
        """A request for a row is about to leave."""
        life = PROCESS.get()
        if operation == "createPaybylink" and life is not None:
            check_leaving(self, row, life.name, host, gets_out=gets_out)

    def refuses(self, body: bytes, host: str) -> None:
        """A host answered for certain that it did not make what a row asked for."""
        row = self.row_of(body)
        if row is not None:
            self.sent_to[row.key].discard(host)

    def clerk(self, process: Process) -> Clerk:
        """Whoever works on it in one life of a process."""
        return Clerk(batch=self, process=process)


def _request(number: int) -> CreateLink:
    return CreateLink(
        merchant_link_id=f"row-{number}",
        total_amount="7.50",
        currency="USD",
        country="US",
        description="Blue T-shirt",
        user_info=UserInfo(user_id="u-98"),
    )


@attrs.define(kw_only=True, eq=False)
class Clerk:
    """A department: has the batch made, and again what a run left."""

    batch: Batch
    process: Process
    _working: list[asyncio.Task[None]] = attrs.field(factory=list[asyncio.Task[None]])

    async def open(self) -> None:
        """Begin, or go on where an earlier life was cut off."""
        for number in range(self.batch.world.setting.runs):
            self._working.append(asyncio.create_task(self._work(number)))

    async def aclose(self) -> None:
        """Leave what is not done."""
        for task in self._working:
            task.cancel()
        if self._working:
            await asyncio.wait(self._working)

    async def _work(self, number: int) -> None:
        world = self.batch.world
        draw = world.chance.at(f"{self.process.name}/batch/{number}")
        await asyncio.sleep(draw.uniform(0.0, 30.0))
        for _ in range(_TRIES):
            run = asyncio.create_task(self.run_once())
            place = world.chance.next_at(f"{self.process.name}/batch")
            found = world.chance.pick("host", ("cancelled task",), place, "batch")
            if found is not None:
                world.loop.call_later(found[1].uniform(0.0, 40.0), run.cancel)
            try:
                await asyncio.wait({run})
            finally:
                run.cancel()
            if not run.cancelled() and run.result():
                return
            await asyncio.sleep(draw.choice((0.5, 10.0)))

    async def run_once(self) -> bool:
        """Run it once; whether it came to its end with nothing left to be done."""
        name = self.batch.world.chance.next_at(f"{self.process.name}/run")
        trace = self.batch.world.trace
        trace.note(self.process.name, f"batch {name} begins")
        states: Counter[str] = Counter()
        try:
            async with asyncio.timeout(None) as patience:
                await self._run(name, states, patience)
        except (PayerMaxError, TimeoutError, RuntimeError) as error:
            trace.note(self.process.name, f"batch {name}: {type(error).__name__}")
            return False
        told = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
        trace.note(self.process.name, f"batch {name} ends: {told or 'nothing'}")
        return (
            sum(states.values()) == len(self.batch.requests) and not states["unknown"]
        )

    async def _run(
        self, name: str, states: Counter[str], patience: asyncio.Timeout
    ) -> None:
        world, loop = self.batch.world, self.batch.world.loop
        early = world.chance.pick(
            "user", ("leaves a batch",), f"{name}/leave", "batch", weight=0.5
        )
        leaves_after = early[1].choice((0, 1, 3)) if early is not None else None
        async with create_links(
            self.process.desk.client,
            self._source(),
            journal=DiskJournal(
                self.batch.disk, f"{self.process.name}/journal", self.process.clock
            ),
            at_once=self.batch.at_once,
            names=lambda: name,
        ) as run:
            if not world.chance.calm:
                patience.reschedule(loop.time() + _PATIENCE)
            if leaves_after == 0:
                return
            async for done in run:
                self._told(done, name)
                states[done.state.value] += 1
                if leaves_after is not None and sum(states.values()) >= leaves_after:
                    return

    def _told(self, done: DoneRow, name: str) -> None:
        world = self.batch.world
        world.trace.note(
            self.process.name,
            f"batch {name}: {done.merchant_link_id} {done.state} {done.reason}".strip(),
        )
        check_row(self.batch, done, name)
        world.loop.is_changed = True

    async def _source(self) -> AsyncGenerator[CreateLink]:
        for request in self.batch.requests:
            await self.process.parts.around("source", "raises", "hangs")
            yield request
