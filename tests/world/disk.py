"""A database that outlives processes, and fails as databases do."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from typing import TypeVar

import attrs

from payermax_async.storage.lease_clock import LeaseClock, install
from payermax_async.storage.migrations import migrate
from payermax_async.storage.sql import Plan
from payermax_async.storage.sqlite import drive
from payermax_async.webhooks.inbox import leases
from payermax_async.webhooks.inbox.entries import (
    EntryState,
    InboxError,
    LeaseLostError,
    StoredNotification,
    Verdict,
)
from payermax_async.webhooks.inbox.schema import INBOX
from payermax_async.webhooks.inbox.sql_inbox import SqlInbox
from tests.world.chance import Chance
from tests.world.loop import WorldLoop
from tests.world.trace import Trace

__all__ = ["Disk", "DiskInbox", "Effect"]

T = TypeVar("T")
_READS = {"next_due", "entries", "counts", "expected", "was_handled", "refunded"}
_FAULTS = ("fails", "slow", "answer lost", "half-open", "half-open", "slow")


class LostError(Exception):
    """The connection broke."""

    def __init__(self, *, may_be_done: bool) -> None:
        super().__init__("the connection broke")
        self.may_be_done = may_be_done


@attrs.frozen(kw_only=True)
class Effect:
    """What a handler did, written down for good."""

    kind: str
    """The event's class."""
    merchant_key: str
    """The id of the link, order or refund."""
    number: str
    """Of the payment, or of the refund."""
    amount: str
    currency: str
    in_transaction: bool
    process: str


@attrs.define(kw_only=True, eq=False)
class Disk:
    """The server's side: what it has committed stays."""

    loop: WorldLoop
    chance: Chance
    trace: Trace
    effects: list[Effect] = attrs.field(factory=list[Effect])
    read_only_until: float = -1.0
    _connection: sqlite3.Connection = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._connection = sqlite3.connect(":memory:", isolation_level=None)
        clock = LeaseClock(boot="disk", micros=lambda: int(self.loop.time() * 1e6))
        install(self._connection, clock)
        self.commit(self.steps_of(lambda: migrate(INBOX)))

    def waiting(self) -> list[tuple[object, ...]]:
        """What still waits for its handler."""
        return self._connection.execute(
            "SELECT id, merchant_key, notify_type, due_at, attempts, problem "
            "FROM payermax_inbox WHERE state = 'waiting'"
        ).fetchall()

    def close(self) -> None:
        self._connection.close()

    def steps_of(self, plan: Plan[T]) -> Callable[[], T]:
        """Steps as something that can be committed."""
        return lambda: drive(self._connection, plan())

    def commit(self, work: Callable[[], T]) -> T:
        """Do some work at once and for good, or not at all."""
        effects = len(self.effects)
        self._connection.execute("BEGIN")
        try:
            result = work()
        except BaseException:
            self._connection.execute("ROLLBACK")
            del self.effects[effects:]
            raise
        self._connection.execute("COMMIT")
        return result

    async def transact(self, name: str, place: str, work: Callable[[], T]) -> T:
        """Do some work over a connection that may fail in all ways."""
        writes = name not in _READS
        if writes and self.read_only_until > self.loop.time():
            raise sqlite3.OperationalError("attempt to write a readonly database")
        place = self.chance.next_at(f"{place}/{name}")
        found = self.chance.pick("storage", _FAULTS, place, name)
        if found is None:
            await asyncio.sleep(0.001)
            result = self.commit(work)
            await asyncio.sleep(0)  # committed, and not heard of yet
            return result
        fault, draw = found
        self.trace.note("storage", f"{place}: {fault}", fault=True)
        if fault == "fails":
            raise LostError(may_be_done=False)
        if fault == "slow":
            await asyncio.sleep(draw.choice((0.3, 2.0, 4.9)))
            return self.commit(work)
        if fault == "answer lost":
            self.commit(work)
            raise LostError(may_be_done=True)
        return await self._half_open(draw, place, work)

    async def _half_open(
        self, draw: random.Random, place: str, work: Callable[[], T]
    ) -> T:
        """Nothing is heard any more; what was asked may be done all the same."""
        when = draw.choice((None, 0.0, 3.0, 20.0))
        if when is not None:
            self.loop.start(self._later(when, place, work))
        await asyncio.Event().wait()
        raise AssertionError("nobody sets it")

    async def _later(self, when: float, place: str, work: Callable[[], T]) -> None:
        await asyncio.sleep(when)
        try:
            self.commit(work)
        except (LeaseLostError, StopIteration, RuntimeError, ValueError):
            return
        self.trace.note("storage", f"{place}: committed, and nobody heard")


class Changes:
    """What a handler wants committed with the mark that it is done."""

    def __init__(self) -> None:
        self.effects: list[Effect] = []


class DiskInbox(SqlInbox[Changes]):
    """A process's way to the disk."""

    def __init__(self, disk: Disk, place: str) -> None:
        self._disk = disk
        self._place = place
        self._is_open = False

    @property
    def is_open(self) -> bool:
        return self._is_open

    async def open(self) -> None:
        await asyncio.sleep(0.001)
        self._is_open = True

    async def aclose(self) -> None:
        self._is_open = False

    def work(
        self, entry: StoredNotification, now: datetime
    ) -> AbstractAsyncContextManager[Changes]:
        return self._work(entry, now)

    @asynccontextmanager
    async def _work(
        self, entry: StoredNotification, now: datetime
    ) -> AsyncGenerator[Changes]:
        changes = Changes()
        yield changes
        done = Verdict(state=EntryState.DONE)
        finish = self._disk.steps_of(lambda: leases.finish(entry, done, now))

        def commit() -> None:
            if not finish():
                raise LeaseLostError("another worker may have begun the same entry")
            self._disk.effects.extend(changes.effects)

        await self._disk.transact("work", self._place, commit)

    async def _run(self, plan: Plan[T], *, again: Plan[T] | None = None) -> T:
        if not self._is_open:
            raise InboxError("the inbox is not open")
        name = str(getattr(plan(), "__name__", "steps"))
        try:
            return await self._disk.transact(
                name, self._place, self._disk.steps_of(plan)
            )
        except LostError as lost:
            # As over a server: once more, on a new connection.
            if again is None or not lost.may_be_done:
                again = plan
        return await self._disk.transact(name, self._place, self._disk.steps_of(again))
