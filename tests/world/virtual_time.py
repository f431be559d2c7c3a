"""An event loop on which waiting takes no time, and a clock that reads it."""

from __future__ import annotations

import asyncio
import selectors
from datetime import UTC, datetime, timedelta

__all__ = ["LoopClock", "VirtualLoop"]

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class _Selector(selectors.SelectSelector):
    """Waits for nobody: it puts the time forward instead."""

    def __init__(self) -> None:
        super().__init__()
        self.passed = 0.0

    def select(
        self, timeout: float | None = None
    ) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("everything waits for something that will not happen")
        self.passed += max(timeout, 0.0)
        return []  # nothing comes from outside


class VirtualLoop(asyncio.SelectorEventLoop):
    """Every time-out, delay and deadline happens in order and at once.

    Only for what needs neither threads nor sockets.
    """

    def __init__(self) -> None:
        self._passing = _Selector()
        super().__init__(self._passing)

    def time(self) -> float:
        return self._passing.passed


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
