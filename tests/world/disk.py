"""A database that outlives processes, and fails as databases do."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import Callable
from typing import TypeVar

import attrs

from payermax_async.storage.lease_clock import LeaseClock, install
from payermax_async.storage.migrations import Component, migrate
from payermax_async.storage.sql import Plan
from payermax_async.storage.sqlite_dialect import drive
from payermax_async.webhooks.inbox.entries import LeaseLostError
from tests.world.chance import Chance
from tests.world.loop import WorldLoop
from tests.world.trace import Trace

__all__ = ["Disk", "Effect", "Snapshot"]

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


@attrs.frozen
class Snapshot:
    """What was committed by some moment."""

    tables: bytes
    effects: int
    """How many there were."""


@attrs.define(kw_only=True, eq=False)
class Disk:
    """The server's side: what it has committed stays, unless it loses that."""

    loop: WorldLoop
    chance: Chance
    trace: Trace
    components: tuple[Component, ...]
    """What it has tables for."""
    effects: list[Effect] = attrs.field(factory=list[Effect])
    read_only_until: float = -1.0
    history: int = 0
    """How often it lost something: what was under way or kept before is void."""
    is_durable: bool = False
    """Whether it keeps what it said that it has; others may lose their last commits."""
    connection: sqlite3.Connection = attrs.field(init=False)
    _starts: int = 0

    def __attrs_post_init__(self) -> None:
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        self.boot()
        for component in self.components:
            self.commit(self.steps_of(lambda one=component: migrate(one)))  # type: ignore[misc]

    def boot(self) -> None:
        """The machine starts: what was under way is void, and leases are."""
        self.history += 1
        begun, self._starts = self.loop.time(), self._starts + 1
        clock = LeaseClock(
            boot=f"start {self._starts}",
            micros=lambda: int((self.loop.time() - begun) * 1e6) + 1,
        )
        install(self.connection, clock)

    def take_effect(self, effect: Effect) -> None:
        """Write down what a handler did."""
        self.effects.append(effect)
        self.loop.is_changed = True

    def snapshot(self) -> Snapshot:
        """What is committed now."""
        return Snapshot(self.connection.serialize(), len(self.effects))

    def restore(self, snapshot: Snapshot) -> None:
        """Lose what was committed since, though its callers were told that it is."""
        self.history += 1
        self.connection.deserialize(snapshot.tables)
        since = self.effects[snapshot.effects :]
        outside = [one for one in since if not one.in_transaction]
        self.effects[snapshot.effects :] = outside

    async def run(
        self, place: str, plan: Plan[T], *, again: Plan[T] | None = None
    ) -> T:
        """Do steps, and do them once more when the connection breaks."""
        name = str(getattr(plan(), "__name__", "steps"))
        try:
            return await self.transact(name, place, self.steps_of(plan))
        except LostError as lost:
            # As over a server: once more, on a new connection.
            if again is None or not lost.may_be_done:
                again = plan
        return await self.transact(name, place, self.steps_of(again))

    def waiting(self) -> list[tuple[object, ...]]:
        """What still waits for its handler."""
        return self.connection.execute(
            "SELECT id, merchant_key, notify_type, due_at, attempts, problem "
            "FROM payermax_inbox WHERE state = 'waiting'"
        ).fetchall()

    def close(self) -> None:
        self.connection.close()

    def steps_of(self, plan: Plan[T]) -> Callable[[], T]:
        """Steps as something that can be committed."""
        return lambda: drive(self.connection, plan())

    def commit(self, work: Callable[[], T]) -> T:
        """Do some work at once and for good, or not at all."""
        effects = len(self.effects)
        self.connection.execute("BEGIN")
        try:
            result = work()
        except BaseException:
            self.connection.execute("ROLLBACK")
            del self.effects[effects:]
            raise
        self.connection.execute("COMMIT")
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
            result = self.commit(work) if writes else work()
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
        history = self.history
        await asyncio.sleep(when)
        if self.history != history:
            return  # the server died with it
        try:
            self.commit(work)
        except (LeaseLostError, StopIteration, RuntimeError, ValueError):
            return
        self.trace.note("storage", f"{place}: committed, and nobody heard")
