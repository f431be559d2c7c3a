"""How far this machine's clock is from the gateway's: pure estimates.

PayerMax refuses requests stamped more than two minutes off. The HTTP ``Date`` of a
reply tells its clock to a second. It is not signed, but TLS protects it, and it
moves nothing except ``requestTime``.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

import attrs

from payermax_async.core.errors import ConfigurationError

__all__ = ["SkewPolicy", "SkewWatch", "read_http_date"]

# The header is cut to whole seconds, so on average it is half a second behind.
_CUT = 0.5
# More disagreement than this between the two local clocks means that one was set,
# or that the machine slept: what was measured before no longer holds.
_STEP = 5.0


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
    """From here on, send nothing: this machine's clock must be set."""
    fresh: float = 600.0
    """How long an estimate holds."""

    def __attrs_post_init__(self) -> None:
        if not 0 < self.warn <= self.correct <= self.give_up or not self.fresh > 0:
            raise ConfigurationError("skew limits must be positive and rising")


@attrs.frozen(kw_only=True)
class _Estimate:
    offset: float
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

    def observe(
        self, date: datetime, *, wall: datetime, now: float, trip: float
    ) -> None:
        """Learn from the ``Date`` of a reply.

        Args:
            date: What the gateway's clock said.
            wall: This machine's time of day when the reply was there.
            now: The monotonic clock at the same moment.
            trip: Seconds from sending the request to having the reply.
        """
        middle = wall - timedelta(seconds=trip / 2)
        found = _Estimate(
            offset=(date - middle).total_seconds() + _CUT,
            error=trip / 2 + 1.0,
            wall=wall,
            now=now,
        )
        best = self._best
        if (
            best is None
            or not best.holds(wall, now, self._policy.fresh)
            or found.error <= best.error
            or abs(found.offset - best.offset) > found.error + best.error
        ):
            self._best = found

    def offset(self, wall: datetime, now: float) -> float | None:
        """Seconds by which the gateway's clock is ahead, if that is known."""
        best = self._best
        if best is None or not best.holds(wall, now, self._policy.fresh):
            return None
        return best.offset

    def correction(self, wall: datetime, now: float) -> timedelta:
        """What to add to the time of day to stamp a request; zero when near enough."""
        offset = self.offset(wall, now)
        if offset is None or abs(offset) < self._policy.correct:
            return timedelta(0)
        return timedelta(seconds=offset)

    def is_hopeless(self, wall: datetime, now: float) -> bool:
        """Whether the clocks are too far apart to be corrected."""
        offset = self.offset(wall, now)
        return offset is not None and abs(offset) >= self._policy.give_up

    def news(self, wall: datetime, now: float) -> float | None:
        """The offset, if it is large and was not told before."""
        offset = self.offset(wall, now)
        if offset is None or abs(offset) < self._policy.warn:
            self._told = 0.0
            return None
        if abs(offset - self._told) < self._policy.warn:
            return None
        self._told = offset
        return offset
