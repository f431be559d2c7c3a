"""Wait for somebody else's code, but no longer than so long, whatever it does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeVar

from payermax_async.core.errors import PayerMaxError
from payermax_async.storage.deadlines import announced

__all__ = ["BrokenOffError", "TimeLimits"]

T = TypeVar("T")

# Seconds to close what it holds: a part that was cancelled gets that long to end.
_TO_END = 1.0


class BrokenOffError(PayerMaxError):
    """Somebody else's code ended in a way that is a fault of its own.

    It was cancelled from within, which nobody here asked for, or raised what only
    whoever waits for it may raise; that is the cause then.
    """


class TimeLimits:
    """Holds waits to their limits.

    ``asyncio.timeout`` alone waits for ever for code that catches its cancellation
    and goes on, and takes a cancellation that the code raises for its caller's own.
    """

    def __init__(self, *, to_end: float | None = None) -> None:
        """Begin with nothing.

        Args:
            to_end: Seconds that are waited for what is cancelled to close what it
                holds; one when left out. None of them where somebody waits for an
                answer: it ends by itself then.
        """
        self._to_end = to_end
        # The event loop does not keep tasks alive.
        self._left: set[asyncio.Task[Any]] = set()

    @property
    def left(self) -> int:
        """How many parts were left to themselves and still run."""
        return len(self._left)

    async def within(self, seconds: float, work: Awaitable[T]) -> T:
        """The result of some work.

        Args:
            seconds: How long it may take.
            work: Run in a task of its own.

        Raises:
            TimeoutError: It took longer; it was cancelled, and if it does not heed
                that, it runs on unheard.
            BrokenOffError: It was cancelled, though not from here, or raised what
                is no ``Exception``.
            Exception: Whatever else the work raises.
        """
        with announced(seconds):  # an inbox waits for its database no longer
            task = asyncio.ensure_future(_as_coroutine(work))
        try:
            done, _ = await asyncio.wait({task}, timeout=seconds)
            if not done:
                raise TimeoutError(f"not done in {seconds:g} s")
        except BaseException:
            # Out of time, or cancelled here: either way nobody waits any more.
            await self.end(task)
            raise
        if task.cancelled():
            raise BrokenOffError("cancelled from within")
        error = task.exception()
        if error is not None and not isinstance(error, Exception):
            # Whoever handles failures catches Exception, and would be ended by it.
            raise BrokenOffError("raised what is no Exception") from error
        return task.result()

    async def end(self, task: asyncio.Task[Any]) -> None:
        """Cancel a task, and leave it to itself if it is not done by then.

        Args:
            task: Whatever it returns or raises is unheard.
        """
        seconds = _TO_END if self._to_end is None else self._to_end
        self._left.add(task)
        task.add_done_callback(self._forget)
        task.cancel()
        await asyncio.wait({task}, timeout=seconds)

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._left.discard(task)
        # Asked for, so that the event loop does not complain that nobody did.
        if not task.cancelled():
            task.exception()


async def _as_coroutine(work: Awaitable[T]) -> T:
    return await work
