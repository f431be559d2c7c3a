"""When to leave an ailing gateway alone: pure state, the clock handed in."""

from __future__ import annotations

import enum
from collections import deque

import attrs

from payermax_async.core.errors import ConfigurationError

__all__ = ["Admission", "Breaker", "BreakerPolicy", "BreakerState"]


class BreakerState(enum.Enum):
    """Whether requests go to a host."""

    CLOSED = "closed"
    """They do."""
    OPEN = "open"
    """They do not, for a while."""
    HALF_OPEN = "half open"
    """One query finds out whether they can again."""


class Admission(enum.Enum):
    """What may be done now."""

    GO = "go"
    """Send."""
    PROBE = "probe"
    """Send one query first; nothing else until it was answered."""
    NO = "no"
    """Send nothing."""


@attrs.frozen(kw_only=True)
class BreakerPolicy:
    """When a breaker opens and for how long."""

    window: float = 60.0
    """Seconds that count."""
    min_calls: int = 10
    """Fewer attempts than this in the window prove nothing."""
    failure_ratio: float = 0.5
    """This share of failures opens it."""
    open_for: float = 30.0
    """Seconds until a query may try again."""

    def __attrs_post_init__(self) -> None:
        if not (self.window > 0 and self.open_for > 0 and self.min_calls >= 1):
            raise ConfigurationError("a breaker's times and counts must be positive")
        if not 0 < self.failure_ratio <= 1:
            raise ConfigurationError("failure_ratio must be above 0 and at most 1")


@attrs.define
class _Stretch:
    """What came within a small part of the window, counted together."""

    begun: float
    calls: int = 0
    failures: int = 0


_PARTS = 256
"""Into how many parts a window falls at the most, however many calls it holds."""


class Breaker:
    """Counts failures of one host over a sliding window.

    Only what the host did counts: no answer, an unreadable one, or its own
    system error. A refusal of a request is a sign of health. Times are seconds
    of a monotonic clock, given with every call.
    """

    def __init__(self, policy: BreakerPolicy) -> None:
        self._policy = policy
        self._stretches: deque[_Stretch] = deque()
        self._calls = 0
        self._failures = 0
        self._opened: float | None = None
        self._probing = False

    def state(self, now: float) -> BreakerState:
        """Whether requests go through at ``now``."""
        if self._opened is None:
            return BreakerState.CLOSED
        if now - self._opened < self._policy.open_for:
            return BreakerState.OPEN
        return BreakerState.HALF_OPEN

    def admit(self, now: float) -> Admission:
        """What may be sent at ``now``. After ``PROBE``, report its result."""
        state = self.state(now)
        if state is BreakerState.CLOSED:
            return Admission.GO
        if state is BreakerState.OPEN or self._probing:
            return Admission.NO
        self._probing = True
        return Admission.PROBE

    def wait(self, now: float) -> float:
        """Seconds until a query may try the host again."""
        if self._opened is None:
            return 0.0
        return max(0.0, self._opened + self._policy.open_for - now)

    def succeeded(self, now: float, *, probe: bool = False) -> None:
        """The host answered; ``probe`` if it was the query admitted as such."""
        if self._opened is not None:
            if not probe:
                return  # a late answer to something sent before it opened
            self._opened, self._probing = None, False
            self._stretches.clear()
            self._calls = self._failures = 0
        self._count(now, failed=False)

    def failed(self, now: float, *, probe: bool = False) -> None:
        """The host did not answer, or answered that it is unwell."""
        if self._opened is not None:
            if probe:
                self._opened, self._probing = now, False
            return
        self._count(now, failed=True)
        enough = self._calls >= self._policy.min_calls
        if enough and self._failures >= self._policy.failure_ratio * self._calls:
            self._opened = now

    def abandoned(self) -> None:
        """The probe ended without saying anything about the host."""
        self._probing = False

    def _count(self, now: float, *, failed: bool) -> None:
        window, stretches = self._policy.window, self._stretches
        if not stretches or now - stretches[-1].begun > window / _PARTS:
            stretches.append(_Stretch(begun=now))
        stretches[-1].calls += 1
        stretches[-1].failures += failed
        self._calls += 1
        self._failures += failed
        while stretches and now - stretches[0].begun > window:
            gone = stretches.popleft()
            self._calls -= gone.calls
            self._failures -= gone.failures
