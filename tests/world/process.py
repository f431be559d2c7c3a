"""A process of the shop: it starts with nothing in memory, and dies at any await."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from tests.world.calls import Call
from tests.world.desk import Desk
from tests.world.loop import Life
from tests.world.mailroom import Mailroom
from tests.world.orders import Shop
from tests.world.parts import Parts
from tests.world.virtual_time import LoopClock

__all__ = ["Department", "Process"]


class Department(Protocol):
    """What a process does beside its desk and its mailroom."""

    async def open(self) -> None:
        """Begin, and go on where an earlier life was cut off."""
        ...

    async def aclose(self) -> None:
        """End in good order."""
        ...


class Process:
    """One process of the shop, life after life."""

    def __init__(self, shop: Shop, number: int) -> None:
        self.shop = shop
        self.number = number
        self.lives = 0
        self.is_up = False
        self.ahead = 0.0
        self.calls: dict[asyncio.Task[None], Call] = {}

    def start(self) -> None:
        """Begin a life with nothing in memory."""
        shop = self.shop
        self.lives += 1
        self.name = f"shop-{self.number}.{self.lives}"
        self.life = Life(self.name, self._died)
        shop.lives.append(self.life)
        self.clock = LoopClock(shop.loop)
        self.clock.ahead = self.ahead
        self.parts = Parts(
            chance=shop.chance,
            trace=shop.trace,
            merchant=shop.gateway.keys.merchant,
            verifies=self.shop.gateway.keys.verify,
            name=self.name,
        )
        self.calls = {}
        self.desk = Desk(self)
        self.mailroom = Mailroom(self)
        self.departments = [make(self) for make in shop.departments]
        shop.trace.note(self.name, "starts")
        self.main = shop.loop.start(self._run(), self.life)

    def step_clock(self, ahead: float) -> None:
        """Put its time of day wrong."""
        self.ahead = self.clock.ahead = ahead
        self.desk.line.clock_was_set()
        self.shop.trace.note(self.name, f"clock {ahead:+g} s", fault=True)

    def run(self, work: Callable[[], Awaitable[object]]) -> asyncio.Task[None]:
        """Have it do something."""

        async def within() -> None:
            await work()

        return self.shop.loop.start(within(), self.life)

    async def until_done(
        self, work: asyncio.Task[None], *, timeout: float | None = None
    ) -> None:
        """Wait until it did something, or died, or the time is over."""
        gone = self.shop.loop.start(_gone(self.life))
        await asyncio.wait(
            {work, gone}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED
        )
        gone.cancel()

    async def stop(self, drain: float = 20.0) -> None:
        """End in good order."""
        self.is_up = False
        for department in reversed(self.departments):
            await department.aclose()
        await self.mailroom.aclose()
        await self.desk.aclose(drain)

    async def _run(self) -> None:
        await self.desk.open()
        await self.mailroom.open()
        self.is_up = True
        await self.desk.recover()
        for department in self.departments:
            await department.open()

    def _died(self) -> None:
        self.is_up = False
        self.shop.trace.note(self.name, "is dead", fault=True)
        for task, call in self.calls.items():
            if not task.done():
                call.crashed, call.ended = True, self.shop.loop.time()


async def _gone(life: Life) -> None:
    await life.gone.wait()
