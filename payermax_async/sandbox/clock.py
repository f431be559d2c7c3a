"""A clock that stands still until it is told to go on."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import os
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import UTC, datetime, timedelta

from payermax_async.core.durations import read_duration
from payermax_async.core.errors import ConfigurationError

__all__ = ["ClockHold", "VirtualClock"]

# Far enough from the end of the calendar for everything that is due later.
_END = datetime(9900, 1, 1, tzinfo=UTC)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# More than a test takes: while its clock is stopped, the machine's goes on.
_TURNED = timedelta(minutes=5)

# Rounds of the event loop in which a task that was woken, and those it wakes in
# turn, come to their next wait.
_ROUNDS = 25


class VirtualClock:
    """A :class:`~payermax_async.clock.Clock` turned by hand.

    Example:
        >>> clock = VirtualClock(datetime(2030, 1, 1, tzinfo=UTC))
        >>> await clock.advance("12h")
        >>> clock.now().hour
        12
    """

    def __init__(self, start: datetime | None = None) -> None:
        """Stand at ``start``; at the present when left out.

        One that stands at the present goes along when a test turns the clock of its
        process (freezegun, time-machine), also after the fixtures were made.

        Raises:
            ConfigurationError: ``start`` has no time zone, or is at the end of the
                calendar.
        """
        self._present = None if start else _Present()
        self._start = _checked(start or datetime.now(UTC))
        self._passed = timedelta(0)
        self._sleepers: list[tuple[timedelta, int, asyncio.Future[None]]] = []
        self._order = itertools.count()
        self._held = 0
        self._released: asyncio.Event | None = None

    def now(self) -> datetime:
        """The time it stands at, in UTC."""
        if self._present is not None:
            self._start = _checked(self._start + self._present.turned())
        return self._start + self._passed

    def monotonic(self) -> float:
        """Seconds since the start."""
        return self._passed.total_seconds()

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock was moved on so far; no time returns at once."""
        if seconds <= 0:
            # Others get a turn all the same, as with a real clock.
            await asyncio.sleep(0)
            return
        woken = asyncio.get_running_loop().create_future()
        due = self._passed + timedelta(seconds=seconds)
        # The order breaks ties: who went to sleep first wakes first, in every run.
        heapq.heappush(self._sleepers, (due, next(self._order), woken))
        try:
            await woken
        finally:
            # Who was cancelled stays in the heap; advance() passes over it.
            woken.cancel()

    @property
    def sleeping(self) -> int:
        """How many are waiting for time to pass."""
        return sum(not woken.done() for _, _, woken in self._sleepers)

    @contextmanager
    def hold(self) -> Generator[None]:
        """Let no time pass while something of no length happens.

        :meth:`advance` waits for the end of it, so that what takes real time, such
        as a request over a socket, takes none of this clock's.
        """
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1
            if not self._held and self._released is not None:
                self._released.set()

    def set(self, moment: datetime) -> None:
        """Step the time of day, as an administrator does; nobody is woken.

        :meth:`monotonic` does not step, so every wait lasts as long as before.

        Raises:
            ConfigurationError: ``moment`` has no time zone, or is at the end of the
                calendar.
        """
        self._present = None
        self._start = _checked(moment) - self._passed

    async def advance(self, by: float | timedelta | str) -> None:
        """Move on, and wake everyone who is due, in order and at their own time.

        Args:
            by: Seconds, a ``timedelta``, or text such as ``12h``.

        Raises:
            ConfigurationError: The text is no duration, or time would go back, or
                beyond the calendar.
        """
        if isinstance(by, str):
            by = read_duration(by)
        step = by if isinstance(by, timedelta) else timedelta(seconds=by)
        if step < timedelta(0):
            raise ConfigurationError("time does not go back: advance by zero or more")
        if step > _END - self.now():
            raise ConfigurationError(f"the clock ends with the year {_END.year - 1}")
        target = self._passed + step
        await self._settle()
        while self._sleepers and self._sleepers[0][0] <= target:
            due, _, woken = heapq.heappop(self._sleepers)
            if not woken.done():
                # A sleeper woken before may have moved the clock on itself.
                self._passed = max(self._passed, due)
                woken.set_result(None)
                await self._settle()
        self._passed = max(self._passed, target)
        await self._settle()

    async def _settle(self) -> None:
        for _ in range(_ROUNDS):
            await asyncio.sleep(0)
            while self._held:
                self._released = asyncio.Event()
                await self._released.wait()


def _checked(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ConfigurationError("a clock's time must carry its time zone")
    # Compared with their offsets: near the end, converting to UTC may overflow.
    if moment >= _END:
        raise ConfigurationError(f"the clock ends with the year {_END.year - 1}")
    return moment.astimezone(UTC)


class _Present:
    """Notices that somebody turned the clock of this process."""

    def __init__(self) -> None:
        self._seen = self._offset()

    def turned(self) -> timedelta:
        """How far it was turned since this was asked last."""
        offset = self._offset()
        by = offset - self._seen
        if abs(by) < _TURNED:
            return timedelta(0)
        self._seen = offset
        return by

    @staticmethod
    def _offset() -> timedelta:
        # The operating system's count goes on while a test stops every clock of time.
        return datetime.now(UTC) - _EPOCH - timedelta(seconds=os.times().elapsed)


class ClockHold:
    """One worker's hold on a clock, taken and given back any number of times."""

    def __init__(self, hold: Callable[[], AbstractContextManager[None]]) -> None:
        self._hold = hold
        self._stack: ExitStack | None = None

    def start(self) -> None:
        """Hold the clock, unless it is held already."""
        if self._stack is None:
            self._stack = ExitStack()
            self._stack.enter_context(self._hold())

    def stop(self) -> None:
        """Let it go, unless it is free already."""
        if self._stack is not None:
            self._stack.close()
            self._stack = None
