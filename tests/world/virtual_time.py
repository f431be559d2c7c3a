"""An event loop on which waiting takes no time, and a clock that reads it."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections import deque
from collections.abc import Callable
from contextvars import Context
from datetime import UTC, datetime, timedelta
from typing import TypeVarTuple, Unpack

__all__ = ["LoopClock", "VirtualLoop"]

Given = TypeVarTuple("Given")
START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


_PRUNE = 200
"""Timers, from how many on cancelled ones are thrown out before their time."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """Every time-out, delay and deadline happens in order and at once.

    Only for what needs neither threads nor sockets: nothing comes from outside, so it
    waits for nobody and puts the time forward instead. It runs what is ready as
    asyncio does, without what asyncio needs for the rest.
    """

    def __init__(self) -> None:
        self._passed = 0.0
        self._due = deque[asyncio.Handle]()
        self._timers = list[tuple[float, int, asyncio.TimerHandle]]()
        self._count, self._cancelled = itertools.count(), 0
        super().__init__()

    def time(self) -> float:
        return self._passed

    def call_soon(
        self,
        callback: Callable[[Unpack[Given]], object],
        *args: *Given,
        context: Context | None = None,
    ) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        self._due.append(handle)
        return handle

    call_soon_threadsafe = call_soon
    """There are no other threads; of asyncio, what ends generators asks for it."""

    def call_at(
        self,
        when: float,
        callback: Callable[[Unpack[Given]], object],
        *args: *Given,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        heapq.heappush(self._timers, (when, next(self._count), handle))
        return handle

    def _timer_handle_cancelled(self, _: asyncio.TimerHandle) -> None:
        """Asked for by asyncio's handles."""
        self._cancelled += 1

    def run_one(self, handle: asyncio.Handle) -> None:
        """Run a callback that is due."""
        handle._run()

    def _run_once(self) -> None:
        """Asked for by asyncio, again and again."""
        due, timers = self._due, self._timers
        if self._cancelled > _PRUNE and self._cancelled > len(timers) / 2:
            timers[:] = [one for one in timers if not one[2].cancelled()]
            heapq.heapify(timers)
            self._cancelled = 0
        while timers and timers[0][2].cancelled():
            heapq.heappop(timers)
            self._cancelled -= 1
        if not due and not self._stopping:  # type: ignore[attr-defined]
            if not timers:
                raise RuntimeError(
                    "everything waits for something that will not happen"
                )
            self._passed = max(self._passed, timers[0][0])
        while timers and timers[0][0] <= self._passed:
            due.append(heapq.heappop(timers)[2])
        for _ in range(len(due)):
            handle = due.popleft()
            if not handle.cancelled():
                self.run_one(handle)

    def close(self) -> None:
        self._due.clear()
        self._timers.clear()
        super().close()


class LoopClock:
    """A :class:`~payermax_async.clock.Clock` over the loop's own time.

    Attributes:
        ahead: Seconds by which the time of day is wrong.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.ahead = 0.0

    def now(self) -> datetime:
        return START + timedelta(seconds=self._loop.time() + self.ahead)

    def monotonic(self) -> float:
        return self._loop.time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
