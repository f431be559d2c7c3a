"""How many attempts may be under way, and fewer for a while when asked to slow down."""

from __future__ import annotations

import asyncio
from collections import deque
from types import TracebackType

from payermax_async.clock import Clock

__all__ = ["Slots"]


class Slots:
    """A semaphore whose size shrinks by half when throttled and grows back in time.

    Additive increase, multiplicative decrease, as TCP does it: half as many at
    once, then ``limit / recovery`` more each second until all are back.

    Args:
        limit: How many at once in good times.
        clock: Where the time comes from.
        recovery: Seconds from nothing back to all.
    """

    def __init__(self, limit: int, clock: Clock, *, recovery: float = 60.0) -> None:
        self._limit = limit
        self._clock = clock
        self._recovery = recovery
        self._reduced = float(limit)
        self._since = 0.0
        self._in_use = 0
        self._wave: int = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def limit(self) -> int:
        """How many may be under way now; at least one."""
        if self._reduced >= self._limit:
            return self._limit
        elapsed = self._clock.monotonic() - self._since
        grown = self._reduced + elapsed * self._limit / self._recovery
        return max(1, min(self._limit, int(grown)))

    @property
    def in_use(self) -> int:
        """How many are under way."""
        return self._in_use

    @property
    def wave(self) -> int:
        """How often the limit was halved; note it when a slot is taken."""
        return self._wave

    def slow_down(self, wave: int) -> None:
        """Halve the limit, once for all attempts that were under way together.

        Args:
            wave: What :attr:`wave` was when the refused attempt took its slot.
        """
        if wave != self._wave:
            return  # sent before the last halving, so it says nothing about it
        self._reduced = max(1.0, self.limit / 2)
        self._since = self._clock.monotonic()
        self._wave += 1

    async def __aenter__(self) -> None:
        if not self._waiting and self._in_use < self.limit:
            self._in_use += 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        self._hand_out()  # the limit may have grown since the last slot came back
        try:
            await turn
        except asyncio.CancelledError:
            # The turn may have come in the same moment: pass it on.
            if turn.done() and not turn.cancelled():
                self._give_back()
            elif turn in self._waiting:  # or a slot that came back passed it over
                self._waiting.remove(turn)
            raise

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._give_back()

    def _give_back(self) -> None:
        self._in_use -= 1
        self._hand_out()

    def _hand_out(self) -> None:
        limit = self.limit
        while self._waiting and self._in_use < limit:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                self._in_use += 1
