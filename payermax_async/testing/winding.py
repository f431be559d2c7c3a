"""A clock whose waits take no real time."""

from __future__ import annotations

import asyncio
from datetime import datetime

from payermax_async.sandbox.clock import VirtualClock

__all__ = ["WindingClock"]

# Turns of the event loop in which others who are about to wait say so.
_TURNS = 10
# What the virtual clock counts in: it would not move by less, however often asked.
_TICK = 1e-6


class WindingClock:
    """Moves a :class:`VirtualClock` on by what it is asked to sleep.

    A client on this clock repeats and asks again at once, and the gateway that
    shares the virtual clock sees the same time go by. Of several who sleep, those
    who are due first wake first.

    Example:
        >>> client = PayerMaxClient(config, clock=WindingClock(clock))
    """

    def __init__(self, clock: VirtualClock) -> None:
        """Wind ``clock``."""
        self._clock = clock
        self._due: list[float] = []

    def now(self) -> datetime:
        """The virtual clock's time."""
        return self._clock.now()

    def monotonic(self) -> float:
        """The virtual clock's seconds."""
        return self._clock.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Let the virtual clock reach the end of this sleep."""
        due = self.monotonic() + seconds
        self._due.append(due)
        try:
            while self.monotonic() < due:
                for _ in range(_TURNS):
                    await asyncio.sleep(0)
                # Only to the next who is due: the clock is not theirs alone.
                if (left := min(self._due) - self.monotonic()) > 0:
                    await self._clock.advance(max(left, _TICK))
        finally:
            self._due.remove(due)
