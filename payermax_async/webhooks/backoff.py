"""When a failed handler is tried again: pure, somebody else waits."""

from __future__ import annotations

import random
from collections.abc import Callable

import attrs

from payermax_async.core.errors import ConfigurationError

__all__ = ["HandlerBackoff"]

_MAX_DOUBLINGS = 32


@attrs.frozen(kw_only=True)
class HandlerBackoff:
    """Exponential backoff with jitter, over hours: a shop's database may be down.

    The delay after attempt n is between half and all of
    ``min(cap, base * 2 ** (n - 1))`` seconds. By default the last attempt is
    made about nine hours after the first.

    Raises:
        ConfigurationError: A number has no sensible meaning.

    Example:
        >>> HandlerBackoff(max_attempts=1).next_delay(1) is None
        True
    """

    max_attempts: int | None = 20
    """How often a handler is run at the most; ``None`` for no end."""
    base: float = 1.0
    """Seconds; the longest first delay."""
    cap: float = 3600.0
    """Seconds; no delay is longer."""
    draw: Callable[[float, float], float] = attrs.field(
        default=random.uniform, repr=False
    )
    """Draws a number evenly between two bounds."""

    def __attrs_post_init__(self) -> None:
        if self.max_attempts is not None and self.max_attempts < 1:
            raise ConfigurationError("HandlerBackoff.max_attempts is at least 1")
        if not 0 < self.base <= self.cap < float("inf"):
            raise ConfigurationError(
                "HandlerBackoff.base and cap are seconds, 0 < base <= cap"
            )

    def next_delay(self, attempt: int) -> float | None:
        """Seconds to wait after a failed attempt, or ``None`` to give up.

        Args:
            attempt: Its number, 1 for the first.
        """
        if self.max_attempts is not None and attempt >= self.max_attempts:
            return None
        ceiling = min(
            self.cap, self.base * 2.0 ** min(max(attempt, 1) - 1, _MAX_DOUBLINGS)
        )
        return self.draw(ceiling / 2, ceiling)
