"""A gateway that repeats itself, two processes that are killed, one shop.

Events are delivered by the six-delivery schedule on a virtual clock, shuffled and
doubled, to processes that share one inbox. Each process is killed with SIGKILL at
random moments and started again. The shop's table has no unique constraint: it
would show every effect that happened twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
import json
import random
import signal
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import attrs
import psycopg

from payermax_async.core.strict_json import write_json
from payermax_async.sandbox.notifications.notifier import SCHEDULE
from payermax_async.webhooks.samples import build_notification
from tests.inbox import kit

_AT_ONCE = 32
_READY = b"ready\n"


@attrs.frozen
class Storm:
    """How much happens."""

    events: int
    """Notifications that are acknowledged."""
    kills: int
    """How often a process is killed."""
    seed: int = 4711
    """Of everything that is left to chance."""


@attrs.define
class Report:
    """What happened."""

    posts: int = 0
    """Requests made, repetitions included."""
    kills: int = 0
    """Processes killed."""
    unanswered: int = 0
    """Requests that were under way when their process was killed."""
    given_up: int = 0
    """Events that used up their deliveries; the reconciler would find them."""
    seconds: float = 0
    """From the first request to the last effect."""
    effects: Mapping[str, int] = attrs.field(factory=dict[str, int])
    """How often each event took effect at the shop."""
    expected: frozenset[str] = frozenset()
    """What has to have taken effect."""


def bodies(storm: Storm) -> dict[str, list[bytes]]:
    """What the gateway has to tell, by link: of every third, an older state too."""
    found: dict[str, list[bytes]] = {}
    for number in range(storm.events):
        order = f"o-{number}"
        states = ["SUCCESS", "PENDING", "CLOSE"][: 1 + number % 3]
        found[order] = [
            write_json(
                build_notification(
                    "PAYBYLINK",
                    quirks=(),
                    clock=kit.At(),
                    merchant_link_id=order,
                    out_trade_no=f"T-{number}",
                    status=state,
                )
            )
            for state in states
        ]
    return found


class Process:
    """A receiver in a process of its own."""

    def __init__(self, place: kit.Place) -> None:
        self._arguments = json.dumps([place.kind, place.where, place.schema])
        self._child: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._waiting: dict[int, asyncio.Future[int | None]] = {}
        self._numbers = itertools.count()
        self.alive = asyncio.Event()

    async def start(self) -> None:
        self._child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.inbox.storm_child",
            self._arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=2**20,
        )
        assert self._child.stdout is not None
        line = await self._child.stdout.readline()
        assert line == _READY, "the process did not start"
        self._reading = asyncio.create_task(self._read(self._child.stdout))
        self.alive.set()

    async def _read(self, stream: asyncio.StreamReader) -> None:
        while line := await stream.readline():
            number, status = line.split()
            waiting = self._waiting.pop(int(number), None)
            if waiting is not None:
                waiting.set_result(int(status))
        for waiting in self._waiting.values():
            waiting.set_result(None)
        self._waiting.clear()

    async def post(self, body: bytes) -> int | None:
        """The status of the answer; ``None`` when the process died before it."""
        child = self._child
        if child is None or child.stdin is None or not self.alive.is_set():
            return None
        number = next(self._numbers)
        answer: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        with contextlib.suppress(ConnectionError):
            child.stdin.write(f"{number} ".encode() + body + b"\n")
            await child.stdin.drain()
        return await answer

    async def kill(self) -> None:
        assert self._child is not None
        assert self._reading is not None
        self.alive.clear()
        with contextlib.suppress(ProcessLookupError):
            self._child.send_signal(signal.SIGKILL)
        await self._child.wait()
        await self._reading
        if self._child.stdin is not None:
            self._child.stdin.close()
            with contextlib.suppress(ConnectionError):
                await self._child.stdin.wait_closed()


@asynccontextmanager
async def two_processes(place: kit.Place) -> AsyncGenerator[list[Process]]:
    processes = [Process(place), Process(place)]
    try:
        await asyncio.gather(*(process.start() for process in processes))
        yield processes
    finally:
        for process in processes:
            await process.kill()


class Gateway:
    """Delivers until it is acknowledged or has tried six times, as PayerMax does."""

    def __init__(self, storm: Storm, processes: list[Process], report: Report) -> None:
        self._chance = random.Random(storm.seed)
        self._processes = processes
        self._report = report
        self._queue: list[tuple[float, float, int, str, bytes]] = []
        for order, told in bodies(storm).items():
            for body in told:
                # The same twice: a doubled delivery is no rarer than a lost answer.
                for _ in range(self._chance.choice((1, 1, 2))):
                    self._push(self._chance.uniform(0, 60), 0, order, body)
        self.delivered: set[str] = set()
        self.done = False

    def _push(self, at: float, attempt: int, order: str, body: bytes) -> None:
        heapq.heappush(self._queue, (at, self._chance.random(), attempt, order, body))

    async def deliver(self) -> None:
        while self._queue:
            batch = [
                heapq.heappop(self._queue)
                for _ in range(min(_AT_ONCE, len(self._queue)))
            ]
            self._chance.shuffle(batch)
            await asyncio.gather(*(self._attempt(*one) for one in batch))
        self.done = True

    async def _attempt(
        self, at: float, _: float, attempt: int, order: str, body: bytes
    ) -> None:
        process = self._chance.choice(self._processes)
        if attempt:
            # The shortest gap is half a minute: by then it was started again.
            await process.alive.wait()
        self._report.posts += 1
        status = await process.post(body)
        self._report.unanswered += status is None
        if status == 200:
            if b'"SUCCESS"' in body:
                self.delivered.add(order)
        elif attempt + 1 < len(SCHEDULE):
            gap = SCHEDULE[attempt + 1] - SCHEDULE[attempt]
            self._push(at + gap, attempt + 1, order, body)
        else:
            self._report.given_up += 1


async def run(storm: Storm, place: kit.Place, patience: float) -> Report:
    """Let it storm, then let the processes come to rest.

    Args:
        storm: How much happens.
        place: Where the inbox is.
        patience: Seconds after which a shop that lacks something is called so.
    """
    report = Report()
    await create_shop(place)
    begun = time.monotonic()
    async with two_processes(place) as processes:
        gateway = Gateway(storm, processes, report)
        killing = asyncio.create_task(_kill(storm, processes, gateway, report))
        await gateway.deliver()
        await killing
        report.expected = frozenset(gateway.delivered)
        async with asyncio.timeout(patience):
            while await _at_work(place):
                await asyncio.sleep(0.05)
        report.seconds = time.monotonic() - begun
    report.effects = await effects(place)
    return report


async def _at_work(place: kit.Place) -> bool:
    inbox = place.inbox()
    await inbox.open()
    try:
        return await inbox.next_due("", datetime.now(UTC)) is not None
    finally:
        await inbox.aclose()


async def _kill(
    storm: Storm, processes: list[Process], gateway: Gateway, report: Report
) -> None:
    chance = random.Random(storm.seed + 1)
    while report.kills < storm.kills and not gateway.done:
        await asyncio.sleep(chance.uniform(0.02, 0.4))
        process = chance.choice(processes)
        await process.kill()
        report.kills += 1
        await process.start()


# --- the shop --------------------------------------------------------------------


async def create_shop(place: kit.Place) -> None:
    """Make the inbox's tables and the shop's one beside them."""
    inbox = place.inbox()
    await inbox.open()
    await inbox.aclose()
    await _execute(place, "CREATE TABLE {shop}effects (id TEXT NOT NULL)")


async def effects(place: kit.Place) -> Counter[str]:
    """How often each order was fulfilled."""
    rows = await _execute(place, "SELECT id FROM {shop}effects")
    return Counter(str(row[0]) for row in rows)


async def _execute(place: kit.Place, text: str) -> list[tuple[object, ...]]:
    if place.kind == "sqlite":
        connection = sqlite3.connect(place.where, isolation_level=None, timeout=30)
        try:
            return connection.execute(text.format(shop="shop_")).fetchall()
        finally:
            connection.close()
    async with await psycopg.AsyncConnection.connect(place.where) as other:
        cursor = await other.execute(text.format(shop=f"{place.schema}.").encode())
        return await cursor.fetchall() if cursor.description else []
