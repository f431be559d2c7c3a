"""How far this machine's clock is from the gateway's: pure estimates.

PayerMax refuses requests stamped more than two minutes off. The HTTP ``Date`` of a
reply tells its clock to a second, but is never signed: anything on the way may have
set it, or kept it for long. So only that of a verified reply is looked at, it must
agree with whether PayerMax took the stamp of the request or refused it, it is worth no
more than half the trip allows, and it moves nothing except ``requestTime``. Sending is
given up only after PayerMax itself refused a stamp, for a minute, and never for reads.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache

import attrs

from payermax_async.core.errors import ConfigurationError

__all__ = ["SkewPolicy", "SkewWatch", "read_http_date"]

# The header is cut to whole seconds, so on average it is half a second behind.
_CUT = 0.5
# More disagreement than this between the two local clocks means that one was set,
# or that the machine slept: what was measured before no longer holds.
_STEP = 5.0
_TOLERATED = 120.0
"""Seconds between a stamp and its own clock that PayerMax puts up with."""
_HOLD = 60.0
"""Seconds for which nothing is sent because of a stamp that was refused."""


# All answers of a second have the same one.
@lru_cache(maxsize=16)
def read_http_date(value: str) -> datetime | None:
    """An HTTP date (RFC 9110, 5.6.7) with its offset, or ``None``."""
    try:
        found = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return found if found.utcoffset() is not None else None


@attrs.frozen(kw_only=True)
class SkewPolicy:
    """What to make of a difference between the clocks. Seconds throughout."""

    warn: float = 30.0
    """From here on, tell."""
    correct: float = 100.0
    """From here on, stamp requests with the gateway's time."""
    give_up: float = 900.0
    """From here on, correct nothing: this machine's clock must be set.

    Once PayerMax refused a request for its time, writes are not sent for a minute.
    """
    fresh: float = 600.0
    """How long an estimate holds."""

    def __attrs_post_init__(self) -> None:
        if not 0 < self.warn <= self.correct <= self.give_up or not self.fresh > 0:
            raise ConfigurationError("skew limits must be positive and rising")

    def corrects(self, certain: float) -> bool:
        """Whether a difference is worth correcting for, and not too much for it."""
        return self.correct <= certain < self.give_up


@attrs.frozen(kw_only=True)
class _Estimate:
    offset: float
    certain: float
    error: float
    wall: datetime
    now: float

    def holds(self, wall: datetime, now: float, fresh: float) -> bool:
        stepped = (wall - self.wall).total_seconds() - (now - self.now)
        return abs(stepped) <= _STEP and now - self.now <= fresh


class SkewWatch:
    """Keeps the best recent estimate of one gateway's clock.

    Every method is told both local clocks: the time of day and the monotonic one.
    """

    def __init__(self, policy: SkewPolicy) -> None:
        self._policy = policy
        self._best: _Estimate | None = None
        self._told = 0.0
        self._refused: float | None = None

    def observe(
        self,
        date: datetime,
        *,
        wall: datetime,
        now: float,
        trip: float,
        stamp: datetime,
        refused: bool,
    ) -> None:
        """Learn from the ``Date`` of a verified reply, if it can be true.

        Args:
            date: What the gateway's clock said.
            wall: This machine's time of day when the reply was there.
            now: The monotonic clock at the same moment.
            trip: Seconds from sending the request to having the reply.
            stamp: The request's time.
            refused: Whether the gateway refused the request for its time.
        """
        # How far the stamp was from this date's clock, with the benefit of the doubt.
        off = abs((date - stamp).total_seconds() + _CUT)
        if refused:
            believable = off + trip + 1.0 >= _TOLERATED
            self._refused = now
        else:
            believable = off - trip - 1.0 <= _TOLERATED
            self._refused = None
        if not believable:
            return
        best = self._holding(wall, now)
        offset, error = _offset(date, wall, trip), _error(trip)
        if (
            best is None
            or error <= best.error
            or abs(offset - best.offset) > error + best.error
        ):
            self._best = _estimate(date, wall=wall, now=now, trip=trip)

    def offset(self, wall: datetime, now: float) -> float | None:
        """Seconds by which the gateway's clock is ahead, if that is known."""
        best = self._holding(wall, now)
        return None if best is None else best.offset

    def correction(self, wall: datetime, now: float) -> timedelta:
        """What to add to the time of day to stamp a request; zero when near enough."""
        best = self._holding(wall, now)
        if best is None or not self._policy.corrects(best.certain):
            return timedelta(0)
        return timedelta(seconds=best.offset)

    def correction_once(
        self, date: datetime, *, wall: datetime, trip: float
    ) -> timedelta:
        """What an unsigned ``Date`` may add to the stamp of the one repeat after it."""
        found = _estimate(date, wall=wall, now=0.0, trip=trip)
        corrects = self._policy.corrects(found.certain)
        return timedelta(seconds=found.offset if corrects else 0.0)

    def is_hopeless(self, wall: datetime, now: float) -> bool:
        """Whether a stamp was refused just now, by clocks too far apart to correct."""
        if self._refused is None or now - self._refused > _HOLD:
            return False
        best = self._holding(wall, now)
        return best is not None and best.certain >= self._policy.give_up

    def news(self, wall: datetime, now: float) -> float | None:
        """The offset, if it is large and was not told before."""
        best = self._holding(wall, now)
        if best is None or best.certain < self._policy.warn:
            self._told = 0.0
            return None
        if abs(best.offset - self._told) < self._policy.warn:
            return None
        self._told = best.offset
        return best.offset

    def _holding(self, wall: datetime, now: float) -> _Estimate | None:
        best = self._best
        holds = best is not None and best.holds(wall, now, self._policy.fresh)
        return best if holds else None


def _estimate(date: datetime, *, wall: datetime, now: float, trip: float) -> _Estimate:
    offset = _offset(date, wall, trip)
    return _Estimate(
        offset=offset,
        # The gateway may have looked at its clock at either end of the trip.
        certain=max(0.0, abs(offset) - trip / 2),
        error=_error(trip),
        wall=wall,
        now=now,
    )


def _offset(date: datetime, wall: datetime, trip: float) -> float:
    # Against the middle of the trip.
    return (date - wall).total_seconds() + trip / 2 + _CUT


def _error(trip: float) -> float:
    return trip / 2 + 1.0
