"""Whether PayerMax answers at all: told how sends ended, it says who may try. Pure."""

from __future__ import annotations

import attrs

__all__ = ["OutageWatch"]

_REST = 15.0
"""Seconds between the rows that try whether it answers again."""


@attrs.define(kw_only=True)
class OutageWatch:
    """Watches the answers of one run; times are seconds of a monotonic clock."""

    most_unanswered: int
    """After so many sends in a row without an answer it is an outage."""
    _streak: int = 0
    _since: float | None = None
    _next_try: float = 0.0

    @property
    def is_on(self) -> bool:
        """Whether there is an outage, as far as is known."""
        return self._since is not None or self._streak >= self.most_unanswered

    def answered(self) -> None:
        """PayerMax answered, whatever it was."""
        self._streak, self._since = 0, None

    def unanswered(self) -> None:
        """A send got no answer, or could not be made."""
        self._streak += 1

    def lasts(self, now: float) -> float:
        """Seconds since it was noticed; 0 without an outage."""
        return 0.0 if self._since is None else now - self._since

    def wait(self, now: float, rest: float) -> float:
        """Seconds before a row may be sent; 0 lets just this one try.

        Args:
            now: The time.
            rest: Seconds for which the client leaves the gateway alone.
        """
        if self._since is None:
            if rest <= 0 and self._streak < self.most_unanswered:
                return 0.0
            self._since, self._next_try = now, now + (rest or _REST)
        left = max(self._next_try - now, rest)
        if left <= 0:
            # One row tries for all: sent together, each would be one more doubt.
            self._next_try = now + _REST
            return 0.0
        return left
