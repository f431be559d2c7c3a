"""How often a link is asked about, and its receiver's inbox looked at."""

from __future__ import annotations

import random
from collections.abc import Callable

import attrs

from payermax_async.core.errors import ConfigurationError

__all__ = ["Polling"]


@attrs.frozen(kw_only=True)
class Polling:
    """How often is asked: soon at first, then ever more rarely.

    Raises:
        ConfigurationError: The numbers have no sensible meaning.
    """

    first: float = 2.0
    """Seconds before the first question."""
    longest: float = 30.0
    """Seconds between two questions at the most."""
    growth: float = 1.5
    """How much longer each pause is than the one before."""
    inbox: float = 0.5
    """Seconds between two looks into the inbox; they cost PayerMax nothing."""
    draw: Callable[[float, float], float] = attrs.field(
        default=random.uniform, repr=False
    )
    """Draws a number evenly between two bounds; pauses vary by a tenth."""

    def __attrs_post_init__(self) -> None:
        if not (0 < self.first <= self.longest and self.growth >= 1 and self.inbox > 0):
            raise ConfigurationError(
                "Polling: 0 < first <= longest, growth at least 1, inbox more than 0"
            )

    def pause(self, asked: int) -> float:
        """Seconds to wait after so many questions."""
        pause = self.first
        for _ in range(asked):
            if pause >= self.longest:
                break
            pause *= self.growth
        pause = min(pause, self.longest)
        return self.draw(0.9 * pause, pause)
