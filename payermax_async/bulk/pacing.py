"""How many rows are under way, and when the next one may be sent."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

import attrs

from payermax_async.bulk.control import BulkControl
from payermax_async.bulk.outage import OutageWatch
from payermax_async.bulk.rails import Rail, RailTrippedError, RailWatch
from payermax_async.bulk.records import PlannedRow
from payermax_async.clock import Clock

__all__ = ["Pace", "Place", "Resting", "RunStoppedError", "Turns"]

_LOOK_EVERY = 1.0
"""Seconds between looks at what the journal says, and at most between those at it while
nothing may be sent."""
PAUSED = "it is paused"
OUTAGE = "PayerMax does not answer"


class RunStoppedError(Exception):
    """The run begins nothing more."""


class Turns:
    """A semaphore whose size can be changed while it is in use."""

    def __init__(self, limit: int) -> None:
        self._free = asyncio.Semaphore(limit)
        self._limit = limit
        self._owed = 0
        """How many are to be kept when they come back."""

    @property
    def limit(self) -> int:
        """How many there are."""
        return self._limit

    def resize(self, limit: int) -> None:
        """Have so many: more at once, fewer as they come back."""
        # What is out cannot be taken away: it is owed, and kept when it comes back.
        self._owed -= limit - self._limit
        self._limit = limit
        while self._owed < 0:
            self._owed += 1
            self._free.release()

    async def acquire(self) -> None:
        """Wait for one."""
        await self._free.acquire()

    def release(self) -> None:
        """Give one back."""
        if self._owed > 0:
            self._owed -= 1
        else:
            self._free.release()


class Seats(Protocol):
    """What a row holds while it is worked on."""

    async def acquire(self) -> object:
        """Wait for one."""
        ...

    def release(self) -> None:
        """Give it back."""
        ...


class Place:
    """A row's place in the run: its turn, or a seat aside while it waits."""

    def __init__(self, turns: Turns, seats: Seats) -> None:
        self._held: Seats = turns
        self._seats = seats
        self.is_aside: bool = False

    async def step_aside(self) -> None:
        """Let another row have the turn; wait while too many are aside already."""
        if not self.is_aside:
            # The seat first: were the turn given up before it, rows would pile up aside
            # without an end.
            await self._seats.acquire()
            self._held.release()
            self._held, self.is_aside = self._seats, True

    def leave(self) -> None:
        """Give back what is held."""
        self._held.release()
        self.is_aside = False


class Resting(Protocol):
    """A host, as far as it may be left alone."""

    @property
    def wait(self) -> float:
        """Seconds until it may be tried again."""
        ...


@attrs.define(kw_only=True)
class Pace:
    """Lets rows go: not while paused, not too fast, not into an outage."""

    clock: Clock
    hosts: tuple[Resting, ...]
    """Those that the client may send to."""
    watch: RailWatch
    outage: OutageWatch
    turns: Turns
    at_once: int
    """As the run was given it."""
    per_second: float | None
    """As the run was given it; ``None`` for as fast as can be."""
    look: Callable[[], Awaitable[None]]
    """Reads the journal, and calls :meth:`follow`."""
    told: BulkControl = attrs.field(factory=BulkControl)
    """What the journal says."""
    is_closed: bool = attrs.field(default=False, init=False)
    """Whether nothing more is begun."""
    _looked: float = attrs.field(init=False)
    _next: float = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._looked = self._next = self.clock.monotonic()

    def close(self) -> None:
        """Begin nothing more."""
        self.is_closed = True

    def follow(self, control: BulkControl) -> None:
        """Go by what the journal says."""
        self.told = control
        self.watch.most = control.max_amount
        self.turns.resize(control.at_once or self.at_once)
        rate = self._rate
        if rate is not None:
            # What was to wait for a slow rate need not, at a fast one.
            self._next = min(self._next, self.clock.monotonic() + 1 / rate)

    @property
    def _rate(self) -> float | None:
        return self.told.per_second or self.per_second

    @property
    def is_out_of_reach(self) -> bool:
        """Whether nothing can be sent now, whichever row it is for."""
        return self.outage.is_on or self._rest > 0

    @property
    def _rest(self) -> float:
        # One host that may be tried is enough.
        return min(host.wait for host in self.hosts)

    @property
    def waits_for(self) -> str:
        """Why nothing new is begun; empty while it is."""
        if self.told.paused:
            return PAUSED
        return OUTAGE if self.outage.is_on else ""

    async def let_go(self, row: PlannedRow, *, counts: bool) -> None:
        """Wait until a row may be sent.

        Args:
            row: Which.
            counts: Whether nothing of it was ever sent: the amount of any other row
                counts already.

        Raises:
            RailTrippedError: The run stops; the row is not to be sent.
            RunStoppedError: It was stopped.
        """
        await self._turn(counts=counts)
        self.watch.begin(row, counts=counts)

    async def let_go_on(self, *, counts: bool) -> None:
        """Wait until a row may be sent that was let go, and then waited long.

        Args:
            counts: Whether nothing of it was ever sent.

        Raises:
            RailTrippedError: The run stops; the row is not to be sent.
            RunStoppedError: It was stopped.
        """
        await self._turn(counts=counts, ends_trial=False)

    async def _turn(self, *, counts: bool, ends_trial: bool = True) -> None:
        while True:
            await self.look_again()
            if self.is_closed:
                raise RunStoppedError
            try:
                self.watch.look(self.clock.now())
            except RailTrippedError as error:
                # The trial's own rows are settled to the end.
                if ends_trial or error.rail is not Rail.FIRST:
                    raise
            wait = self._wait(counts=counts)
            if wait <= 0:
                return
            # In short naps: a stop or another rate is heeded while it waits.
            await self.clock.sleep(min(wait, _LOOK_EVERY))

    def _wait(self, *, counts: bool) -> float:
        if self.told.paused:
            return _LOOK_EVERY
        now, rate = self.clock.monotonic(), self._rate
        if counts and rate is not None and self._next > now:
            return self._next - now
        wait = self.outage.wait(now, self._rest)
        if wait > 0:
            if self.outage.lasts(now) >= self.watch.rails.outage_patience:
                lasts = self.outage.lasts(now)
                self.watch.trip(
                    Rail.OUTAGE, f"PayerMax gave no answer for {lasts:.0f} s"
                )
            return wait
        if counts and rate is not None:
            # From now on where it fell behind: what was missed is not made up for in a
            # burst.
            self._next = max(now, self._next) + 1 / rate
        return 0.0

    async def look_again(self) -> None:
        """Look at the journal, if the last look is a second old."""
        now = self.clock.monotonic()
        if now - self._looked >= _LOOK_EVERY:
            # Noted before the look: rows that come during it need none of their own.
            self._looked = now
            await self.look()
