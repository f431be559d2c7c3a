"""All calls under way of one client, and whether new ones may start."""

from __future__ import annotations

import asyncio
from typing import Protocol

import attrs

from payermax_async.clock import Clock
from payermax_async.core.errors import ClientStateError
from payermax_async.pipeline.budget import RetryBudget
from payermax_async.pipeline.observe import Observers

__all__ = ["CanBeCut", "InFlight"]


class CanBeCut(Protocol):
    """A call under way, as far as it can be ended from outside."""

    def cut(self) -> None:
        """End it now."""
        ...


@attrs.define(eq=False)
class InFlight:
    """All calls under way of one client, and whether new ones may start."""

    clock: Clock
    observers: Observers
    budget: RetryBudget = attrs.field(factory=RetryBudget)
    # By age: they are cut off in the same order in each run of a test.
    _active: dict[CanBeCut, None] = attrs.field(
        factory=dict["CanBeCut", None], init=False
    )
    _loop: asyncio.AbstractEventLoop | None = attrs.field(default=None, init=False)
    _closed: bool = attrs.field(default=False, init=False)
    _idle: asyncio.Event = attrs.field(factory=asyncio.Event, init=False)

    def open(self) -> None:
        """Bind to the running event loop.

        Raises:
            ClientStateError: Open already, or closed.
        """
        if self._closed:
            raise ClientStateError("the client was closed; make a new one")
        if self._loop is not None:
            raise ClientStateError("the client is open already")
        self._loop = asyncio.get_running_loop()

    def reopen(self) -> None:
        """Take :meth:`open` back: the transport could not be opened."""
        self._loop = None

    def check(self) -> None:
        """Raise unless a call may start here and now.

        Raises:
            ClientStateError: Not open, closed, or another loop's.
        """
        if self._closed:
            raise ClientStateError("the client is closed")
        if self._loop is None:
            raise ClientStateError(
                "the client is not open: use 'async with PayerMaxClient(...)'"
            )
        if self._loop is not asyncio.get_running_loop():
            raise ClientStateError(
                "the client belongs to another event loop: make one per loop"
            )

    def enter(self, execution: CanBeCut) -> None:
        """A call starts."""
        self.check()
        self.budget.call_started()
        self._active[execution] = None

    def leave(self, execution: CanBeCut) -> None:
        """A call ended."""
        self._active.pop(execution, None)
        if not self._active:
            self._idle.set()

    def refuse(self) -> bool:
        """Take no new calls from now on; false when that was so already."""
        first = not self._closed
        self._closed = True
        return first

    async def drain(self, seconds: float) -> None:
        """Wait so long for the calls under way, then cut off the rest."""
        if not self._active:
            return
        self._idle.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._idle.wait()
        except TimeoutError:
            self._cut()
            # They still tell their callers; nothing of theirs can hang.
            await self._idle.wait()
        except asyncio.CancelledError:
            self._cut()
            raise

    def _cut(self) -> None:
        for execution in tuple(self._active):
            execution.cut()
