"""Whether and when to try again: pure decisions, somebody else waits."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import attrs

from payermax_async.core.errors import (
    ClientStateError,
    ClockSkewError,
    ConfigurationError,
    PayerMaxError,
    ThrottledError,
    TlsError,
    ValidationError,
)

__all__ = ["RetryPolicy"]

_NEVER_AGAIN = (
    ClientStateError,
    ClockSkewError,
    ConfigurationError,
    TlsError,
    ValidationError,
)
_MAX_DOUBLINGS = 32


def _positive(_: object, field: attrs.Attribute[Any], value: float) -> None:
    if not 0 < value < float("inf"):
        raise ConfigurationError(f"RetryPolicy.{field.name} must be more than zero")


@attrs.frozen(kw_only=True)
class RetryPolicy:
    """Exponential backoff with full jitter.

    The delay before attempt n+1 is drawn evenly between 0 and
    ``min(cap, base * 2 ** (n - 1))``, so that clients that failed together do
    not come back together. It decides pace, not permission: whether a request
    may be repeated at all follows from the operation and the outcome.

    Example:
        >>> RetryPolicy(max_attempts=1).next_delay(PayerMaxError("x"), 1) is None
        True
    """

    max_attempts: int = attrs.field(default=5, validator=_positive)
    """How often a request is sent at the most, the first time included."""
    base: float = attrs.field(default=0.1, validator=_positive)
    """Seconds; the upper bound of the first delay."""
    throttled_base: float = attrs.field(default=1.0, validator=_positive)
    """Seconds; the same when the gateway says that it is too much."""
    cap: float = attrs.field(default=5.0, validator=_positive)
    """Seconds; no drawn delay is longer."""
    max_retry_after: float = attrs.field(default=60.0, validator=_positive)
    """Seconds; asked to wait longer than this, the call fails at once."""
    draw: Callable[[float, float], float] = attrs.field(
        default=random.uniform, repr=False
    )
    """Draws a number evenly between two bounds."""

    def next_delay(self, error: PayerMaxError, attempt: int) -> float | None:
        """Seconds to wait before the next attempt, or ``None`` to give up.

        Args:
            error: What ended the last attempt.
            attempt: Its number, 1 for the first.
        """
        return None if attempt >= self._most(error) else self.pace(error, attempt)

    def pace(self, error: PayerMaxError, attempt: int) -> float | None:
        """The same without a limit of attempts, where something else limits them."""
        if isinstance(error, _NEVER_AGAIN):
            return None
        asked = error.retry_after
        # Written so that NaN, of a middleware's own error, is too long as well.
        if asked is not None and not asked <= self.max_retry_after:
            return None
        slow = isinstance(error, ThrottledError) or asked is not None
        base = self.throttled_base if slow else self.base
        ceiling = min(self.cap, base * 2 ** min(attempt - 1, _MAX_DOUBLINGS))
        # Written so that NaN, of a merchant's own draw, becomes the longest.
        drawn = self.draw(0.0, ceiling)
        delay = max(drawn, 0.0) if drawn <= ceiling else ceiling
        # What the gateway asks for is a floor: jitter adds to it, never shortens.
        return delay if asked is None else asked + delay

    def _most(self, error: PayerMaxError) -> int:
        if error.most_attempts is None:
            return self.max_attempts
        return min(self.max_attempts, error.most_attempts)
