"""Lets a ledger's time-outs happen on time and not only when somebody asks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from payermax_async.clock import Clock
from payermax_async.sandbox.ledger.events import Event
from payermax_async.sandbox.ledger.ledger import Ledger

__all__ = ["Scheduler"]


class Scheduler:
    """Sleeps until the next trade or refund is due, and settles it."""

    def __init__(
        self,
        ledger: Ledger,
        *,
        clock: Clock,
        on_events: Callable[[tuple[Event, ...]], None],
    ) -> None:
        """Watch over ``ledger`` and tell ``on_events`` what fell due."""
        self._ledger = ledger
        self._clock = clock
        self._on_events = on_events
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin. Needs a running event loop."""
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    def look_again(self) -> None:
        """Something new may be due earlier than what is waited for."""
        self._changed.set()

    async def aclose(self) -> None:
        """Stop."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            self._on_events(self._ledger.settle())
            # Cleared before looking: what is put in meanwhile sets it again.
            self._changed.clear()
            due = self._ledger.next_due()
            if due is None:
                await self._changed.wait()
            else:
                await self._sleep((due - self._clock.now()).total_seconds())

    async def _sleep(self, seconds: float) -> None:
        waits: set[asyncio.Task[object]] = {
            asyncio.create_task(self._clock.sleep(seconds)),
            asyncio.create_task(self._changed.wait()),
        }
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            # Waited for, or closing would leave them behind in the loop.
            await asyncio.gather(*waits, return_exceptions=True)
