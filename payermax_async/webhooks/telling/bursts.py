"""Which lines of a log are written, and which are only counted: pure."""

from __future__ import annotations

import attrs

__all__ = ["Bursts"]


@attrs.define
class _Window:
    began: float
    told: int = 0
    more: int = 0


class Bursts:
    """Lets the first few of a kind through in a time, and counts the rest.

    A database that is down fails every handler: a thousand lines hide the one that
    is different. The number of kinds is the caller's to bound.

    Args:
        most: How many of a kind are told in one window.
        window: Seconds.
    """

    def __init__(self, *, most: int = 5, window: float = 60.0) -> None:
        self._most = most
        self._window = window
        self._windows: dict[str, _Window] = {}

    def admit(self, kind: str, now: float) -> bool:
        """Whether one more of a kind is told; otherwise it is counted."""
        window = self._windows.setdefault(kind, _Window(now))
        if window.told < self._most:
            window.told += 1
            return True
        window.more += 1
        return False

    def over(self, now: float, *, early: bool = False) -> list[tuple[str, int]]:
        """Kinds whose window is over, and how many of each were not told.

        Args:
            now: Seconds of a clock that never steps.
            early: Those that are not over yet as well: there will be no later time.
        """
        ended = [
            kind
            for kind, window in self._windows.items()
            if early or now - window.began >= self._window
        ]
        counts = [(kind, self._windows.pop(kind).more) for kind in ended]
        return [(kind, more) for kind, more in counts if more]
