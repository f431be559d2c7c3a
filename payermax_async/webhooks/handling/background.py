"""What runs behind a receiver: its inbox and its worker, from opening to closing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

from payermax_async.core.errors import ClientStateError
from payermax_async.webhooks.handling.worker import Worker
from payermax_async.webhooks.inbox.entries import InboxError
from payermax_async.webhooks.inbox.protocol import Inbox
from payermax_async.webhooks.limits import ReceiverLimits
from payermax_async.webhooks.telling.alerts import Tally
from payermax_async.webhooks.telling.failures import failure_of
from payermax_async.webhooks.time_limit import TimeLimits

__all__ = ["Background"]

ConnectionT = TypeVar("ConnectionT")


class Background(Generic[ConnectionT]):
    """Opens the inbox, unless somebody else did, and works on it until closed."""

    def __init__(
        self,
        inbox: Inbox[ConnectionT],
        new_worker: Callable[[], Worker[ConnectionT]],
        *,
        limits: ReceiverLimits,
        tally: Tally,
    ) -> None:
        self._inbox = inbox
        # One for each opening: a worker that was stopped does not begin again.
        self._new_worker = new_worker
        self._limits = limits
        self._tally = tally
        self._time_limits = TimeLimits()
        self._worker: Worker[ConnectionT] | None = None
        self._task: asyncio.Task[None] | None = None
        self._opened_inbox = False
        self.is_open: bool = False

    async def open(self) -> None:
        """Open the inbox if need be, and begin to handle.

        Raises:
            ClientStateError: It is open already.
            InboxError: The inbox was not open within ``open_timeout``.
            Exception: Whatever the inbox's database raises.
        """
        if self.is_open:
            raise ClientStateError("the receiver is open already")
        self._opened_inbox = not self._inbox.is_open
        if self._opened_inbox:
            await self._open_inbox()
        self.is_open = True
        if self._limits.workers:
            self._worker = self._new_worker()
            self._task = asyncio.create_task(self._worker.run())

    async def aclose(self) -> None:
        """Let running handlers end, for a bounded time; a second call does nothing."""
        if not self.is_open:
            return
        self.is_open = False
        worker, task = self._worker, self._task
        self._worker = self._task = None
        limits, loop = self._limits, asyncio.get_running_loop()
        until = loop.time() + limits.drain
        try:
            if worker is not None and task is not None:
                worker.stop()
                # It may be at a claim: what it is given then is for the drain.
                await asyncio.wait({task}, timeout=limits.drain)
                await worker.drain(max(until - loop.time(), 0.0))
        finally:
            if task is not None:
                task.cancel()
                await asyncio.wait({task}, timeout=limits.store_timeout)
            self._tally.sum_up(early=True)
            # Last: handlers that were cancelled note in it that they were.
            if self._opened_inbox:
                await self._close_inbox()

    async def _open_inbox(self) -> None:
        limit = self._limits.open_timeout
        try:
            await self._time_limits.within(limit, self._inbox.open())
        except TimeoutError as error:
            raise InboxError(
                f"the inbox was not open within {limit:g} s: is its database there?"
            ) from error

    async def _close_inbox(self) -> None:
        try:
            await self._time_limits.within(
                self._limits.open_timeout, self._inbox.aclose()
            )
        except TimeoutError as error:
            # What was acknowledged is stored; nothing hangs on how this ends.
            self._tally.failed(failure_of("the inbox", error, name="aclose"))

    def wake(self) -> None:
        """There is something new; look at once."""
        if self._worker is not None:
            self._worker.wake()

    async def settled(self) -> None:
        """Wait until nothing in the inbox is due and no handler runs."""
        if self._worker is not None:
            self._worker.wake()
            await self._worker.settled()
