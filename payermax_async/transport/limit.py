"""A limit in time for a block of code that waits."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any, Self

__all__ = ["Limit"]


# As asyncio.timeout() does it, which takes two coroutines for it: three of these
# stand around every attempt.
class Limit:
    """Ends what a block waits for with ``TimeoutError``, after a time or when told to.

    Args:
        seconds: After how long; ``None`` for only when told to.
    """

    __slots__ = ("_before", "_handle", "_loop", "_seconds", "_task", "expired", "when")

    def __init__(self, seconds: float | None = None) -> None:
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._handle: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[Any] | None = None
        self._before = 0
        self.expired: bool = False
        """Whether it ended what was waited for, or tried to."""
        self.when: float = 0.0
        """When it runs out, by the loop's clock."""

    def __enter__(self) -> Self:
        task = self._task = asyncio.current_task()
        if task is None:
            raise RuntimeError("only a task can be given a limit")
        self._before = task.cancelling()
        if self._seconds is not None:
            self.when = self._loop.time() + self._seconds
            self._handle = self._loop.call_at(self.when, self.expire)
        return self

    def expire(self) -> None:
        """End it now."""
        if self._task is not None and not self.expired:
            self.expired = True
            self._task.cancel()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        task, self._task = self._task, None
        if self._handle is not None:
            self._handle.cancel()
        if not self.expired or task is None:
            return
        # Cancelled by somebody else as well, it is to end as cancelled.
        alone = task.uncancel() <= self._before
        if alone and isinstance(error, asyncio.CancelledError):
            raise TimeoutError from error
