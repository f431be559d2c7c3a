"""What happened, line by line, in words."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

__all__ = ["Trace"]


class Trace:
    """All that happened in one run; the same for the same seed, byte by byte."""

    def __init__(self, time: Callable[[], float]) -> None:
        self._time = time
        self.lines: list[str] = []
        self.is_over = False

    def note(self, who: str, what: str, *, fault: bool = False) -> None:
        """Something happened."""
        if not self.is_over:
            mark = "!" if fault else " "
            self.lines.append(f"{self._time():9.3f} {mark} {who:<9} {what}")

    @property
    def digest(self) -> str:
        """Tells two runs apart."""
        return hashlib.sha256("\n".join(self.lines).encode()).hexdigest()
