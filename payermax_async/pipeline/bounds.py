"""An end to foreign code, also to code that does not let itself be cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Generic, TypeVar, cast

import attrs

__all__ = ["Bounds"]

T = TypeVar("T")

_GRACE = 1.0
"""Seconds that what was cancelled may take to put its things away."""


@attrs.frozen
class _TaskEnd(Generic[T]):
    value: T | None
    error: BaseException | None


class Bounds:
    """Runs foreign code in tasks of its own, which can be left behind.

    Code that swallows its cancellation is waited for a second, and then no more: it
    may go on, but nobody listens. What cannot be bounded is code that blocks the
    event loop: while it does, no limit can run out.
    """

    def __init__(self) -> None:
        # The loop itself holds tasks only weakly.
        self._left_behind: set[asyncio.Task[Any]] = set()

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of ``work``, or what it raised; cancelling ends it for sure."""
        loop = asyncio.get_running_loop()
        task = loop.create_task(_carried(work))
        ended: asyncio.Future[None] = loop.create_future()

        def wake(_: object) -> None:
            if not ended.done():
                ended.set_result(None)

        task.add_done_callback(wake)
        try:
            # What asyncio.wait() does, for one task and without a limit.
            await ended
        except BaseException as error:
            task.cancel()
            if isinstance(error, asyncio.CancelledError):
                await self._stopped(task)
            raise
        end = task.result()
        try:
            if end.error is not None:
                raise end.error
            return cast("T", end.value)
        finally:
            del end, task  # the error's frames would hold the error

    async def _stopped(self, task: asyncio.Task[Any]) -> None:
        try:
            await asyncio.wait({task}, timeout=_GRACE)
        finally:
            if not task.done():
                self._left_behind.add(task)
                task.add_done_callback(self._left_behind.discard)


async def _carried(work: Coroutine[Any, Any, T]) -> _TaskEnd[T]:
    # As a value: an interrupt that leaves a task would stop the whole event loop,
    # past the caller who may be waiting to handle it.
    try:
        return _TaskEnd(await work, None)
    except BaseException as error:
        task = asyncio.current_task()
        if isinstance(error, asyncio.CancelledError) and task and task.cancelling():
            raise
        return _TaskEnd(None, error)
