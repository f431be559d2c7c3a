"""How far a run has come: counted as rows settle, with the time handed in. Pure."""

from __future__ import annotations

from collections import deque

import attrs

__all__ = ["BulkProgress", "ProgressCount"]

_WINDOW = 30.0
"""Seconds of late that the rate is taken from."""
_DOUBTS = "rows in doubt are asked about, which can take minutes"


@attrs.frozen(kw_only=True)
class BulkProgress:
    """How far a run has come."""

    rows: int | None = None
    """How many the source was said to hold."""
    taken: int = 0
    """How many were taken from it so far."""
    known: int = 0
    """Settled before, by the journal: nobody was asked."""
    created: int = 0
    """Links that this run made."""
    found: int = 0
    """Links that PayerMax had already."""
    refused: int = 0
    """Rows for which this run learned that nothing exists."""
    conflicting: int = 0
    """Rows for whose id this run met something else."""
    unknown: int = 0
    """Rows of which this run could not find out."""
    in_doubt: int = 0
    """Rows that wait aside now, to be asked about or for another run."""
    doubts: int = 0
    """How many creates got no answer so far, and were or are asked about."""
    throttled: int = 0
    """How often PayerMax said that it is too much."""
    elapsed: float = 0.0
    """Seconds since the start."""
    rate: float = 0.0
    """Rows that were worked on a second, of late."""
    remaining: float | None = None
    """Seconds to the end at this rate; ``None`` where that cannot be told."""
    waits_for: str = ""
    """Why nothing new is begun now, or nothing ends; empty while it does."""

    @property
    def settled(self) -> int:
        """How many rows are settled for this run."""
        return (
            self.known
            + self.created
            + self.found
            + self.refused
            + self.conflicting
            + self.unknown
        )


@attrs.define(kw_only=True)
class ProgressCount:
    """Counts for one run; times are seconds of a monotonic clock."""

    started: float
    rows: int | None = None
    taken: int = 0
    doubts: int = 0
    counts: dict[str, int] = attrs.field(factory=dict[str, int])
    """By the name of the field of :class:`BulkProgress`."""
    _late: deque[tuple[int, int]] = attrs.field(factory=deque[tuple[int, int]])

    def settle(self, name: str, now: float) -> None:
        """Count a row that is settled for this run."""
        self.counts[name] = self.counts.get(name, 0) + 1
        # Nobody was asked: counted, they would promise an end far too early.
        if name == "known":
            return
        # By the second: as many entries as the window has seconds, however fast it
        # goes.
        second, count = int(now), 0
        if self._late and self._late[-1][0] == second:
            count = self._late.pop()[1]
        self._late.append((second, count + 1))
        self._forget(now)

    def _forget(self, now: float) -> None:
        while self._late and self._late[0][0] < now - _WINDOW:
            self._late.popleft()

    def at(
        self, now: float, *, in_doubt: int, throttled: int, waits_for: str
    ) -> BulkProgress:
        """How far it is now."""
        self._forget(now)
        elapsed = max(now - self.started, 0.0)
        late = sum(count for _, count in self._late)
        # Of less than a second a rate would be any number.
        rate = late / max(min(elapsed, _WINDOW), 1.0)
        told = BulkProgress(
            rows=self.rows,
            taken=self.taken,
            in_doubt=in_doubt,
            doubts=self.doubts,
            throttled=throttled,
            elapsed=elapsed,
            rate=rate,
            waits_for=waits_for,
            **self.counts,
        )
        if self.rows is None:
            return told
        left = max(self.rows - told.settled, 0)
        if 0 < left <= in_doubt:
            # They wait for PayerMax, at no rate.
            return attrs.evolve(told, waits_for=waits_for or _DOUBTS)
        if not rate:
            return told
        return attrs.evolve(told, remaining=left / rate)
