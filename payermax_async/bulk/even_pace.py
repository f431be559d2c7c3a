"""Many questions, so many at once, begun evenly."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from payermax_async.clock import Clock

__all__ = ["each_at_pace"]


async def each_at_pace(
    keys: Sequence[str],
    work: Callable[[str], Awaitable[None]],
    *,
    per_second: float,
    at_once: int,
    clock: Clock,
) -> None:
    """Do something for each link, so many at once, begun evenly.

    Raises:
        Exception: The first thing that one of them raises; the others end early.
    """
    # One iterator for all who work: each link is taken by just one of them.
    waiting, due = iter(keys), clock.monotonic()

    async def worker() -> None:
        nonlocal due
        for key in waiting:
            now = clock.monotonic()
            # Its turn is taken before it waits, so that nobody else waits for the same.
            wait, due = due - now, max(due, now) + 1 / per_second
            if wait > 0:
                await clock.sleep(wait)
            await work(key)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(at_once, len(keys))):
                group.create_task(worker())
    except BaseExceptionGroup as errors:
        # Callers catch errors, not groups of them: the others say the same.
        raise errors.exceptions[0] from None
