"""What decides when an attempt may start: the pace of a client, or of several."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol, runtime_checkable

__all__ = ["Limiter"]


@runtime_checkable
class Limiter(Protocol):
    """Entered for each attempt, before its time is stamped, and left when it ended.

    Waiting for it is part of the attempt's time: one that lets nobody in ends
    attempts with ``NotSentError``. What it raises on the way in leaves the request
    unsent.
    """

    @property
    def wave(self) -> int:
        """How often the pace was cut so far; noted when an attempt gets its turn."""
        ...

    def slow_down(self, wave: int) -> None:
        """PayerMax said that it is too much.

        Args:
            wave: What :attr:`wave` was when the refused attempt got its turn: those
                under way together are told the same, and one cut is enough.
        """
        ...

    async def __aenter__(self) -> object:
        """Wait for a turn; cancelled, give it up."""
        ...

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> bool | None:
        """Give the turn back."""
        ...
