"""Many small writes in one commit, each answered after it.

A commit costs a wait for the disk, and one can hold the rows of all who come meanwhile.
Who comes alone waits for nobody: a group is what came while another write was at it.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import time
from collections import deque
from collections.abc import Awaitable, Iterable, Sequence
from typing import Any, Protocol, TypeVar

import attrs

from payermax_async.storage.deadlines import announced, left
from payermax_async.storage.errors import StorageError
from payermax_async.storage.sql import Plan, Steps

__all__ = ["GroupWriter"]

T = TypeVar("T")
_MOST_WAITING = 1000
_MOST_TOGETHER = 64
_GRACE = 0.5
"""Seconds in which the database's own words about a limit come first."""


class _Run(Protocol):
    def __call__(
        self, plan: Plan[T], *, again: Plan[T] | None = None
    ) -> Awaitable[T]: ...


@attrs.define(kw_only=True, eq=False)
class _Waiting:
    plan: Plan[Any]
    again: Plan[Any]
    end: float
    answer: asyncio.Future[Any]

    @property
    def is_wanted(self) -> bool:
        return not self.answer.done()

    def refuse(self, error: Exception) -> None:
        if self.is_wanted:
            self.answer.set_exception(error)


class GroupWriter:
    """Hands writes to a database, together where several wait.

    A group that fails was not committed; its writes are then done one by one, so that
    each gets its own result or its own error. Who gives up harms nobody: what is not
    begun is left out, what is begun is committed with the others.
    """

    def __init__(
        self,
        run: _Run,
        *,
        timeout: float,
        most_waiting: int = _MOST_WAITING,
        most_together: int = _MOST_TOGETHER,
    ) -> None:
        """Keep the settings.

        Args:
            run: Runs steps in one transaction that is durable when it returns.
            timeout: Seconds for a write, unless its caller gives up earlier.
            most_waiting: How many may wait; who comes then is refused at once.
            most_together: How many are committed together.
        """
        self._run = run
        self._timeout = timeout
        self._most_waiting = most_waiting
        self._most_together = most_together
        self._waiting: deque[_Waiting] = deque()
        self._at_work = False
        self._task: asyncio.Task[None] | None = None

    async def write(self, plan: Plan[T], *, again: Plan[T] | None = None) -> T:
        """Run steps; they are committed when this returns.

        Args:
            plan: Makes the steps; they may be run several times.
            again: Makes them for when nobody knows whether they were committed.

        Raises:
            StorageError: It was not done, or not in time.
        """
        if self._at_work:
            return await self._queued(plan, again or plan)
        self._at_work = True
        try:
            return await self._run(plan, again=again)
        finally:
            self._go_on()

    async def _queued(self, plan: Plan[T], again: Plan[T]) -> T:
        if len(self._waiting) >= self._most_waiting:
            raise StorageError(f"{len(self._waiting)} writes wait for the database")
        seconds = min(self._timeout, left(self._timeout))
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        own = _Waiting(
            plan=plan,
            again=again,
            end=time.monotonic() + seconds,
            answer=answer,
        )
        self._waiting.append(own)
        try:
            async with asyncio.timeout(seconds + _GRACE):
                return await answer
        except TimeoutError:
            pass
        finally:
            # Who has given up does not take a place of those who wait.
            with contextlib.suppress(ValueError):
                self._waiting.remove(own)
        raise StorageError(
            f"no answer within {seconds:.3g} seconds; whether it was stored is not "
            "known"
        )

    def _go_on(self) -> None:
        if not self._waiting:
            self._at_work = False
            return
        # In a context of its own: the limit of whoever was first is not the others'.
        self._task = asyncio.create_task(
            self._work_off(), context=contextvars.Context()
        )

    async def _work_off(self) -> None:
        try:
            while self._waiting:
                await self._group(self._next())
        except BaseException:
            # The loop is being closed: nobody is left without an answer.
            self._refuse(self._waiting, "it was not stored: given up")
            raise
        finally:
            self._at_work = False

    def _next(self) -> list[_Waiting]:
        taken: list[_Waiting] = []
        while self._waiting and len(taken) < self._most_together:
            one = self._waiting.popleft()
            if one.is_wanted:
                taken.append(one)
        return taken

    async def _group(self, group: Sequence[_Waiting]) -> None:
        if not group:
            return
        try:
            answers = await self._within(
                max(one.end for one in group),
                lambda: _all(one.plan for one in group),
                lambda: _all(one.again for one in group),
            )
        except Exception as error:  # noqa: BLE001 - each is told its own
            await self._one_by_one(group, error)
        except BaseException:
            self._refuse(group, "whether it was stored is not known")
            raise
        else:
            for one, answer in zip(group, answers, strict=True):
                if one.is_wanted:
                    one.answer.set_result(answer)

    async def _one_by_one(self, group: Sequence[_Waiting], error: Exception) -> None:
        left_over = deque(group)
        try:
            while left_over:
                one = left_over.popleft()
                if len(group) == 1:
                    one.refuse(error)
                elif time.monotonic() >= one.end:
                    one.refuse(StorageError("it was not stored: no time was left"))
                elif one.is_wanted:
                    # Whether the group was committed may be what nobody knows.
                    await self._group([attrs.evolve(one, plan=one.again)])
        finally:
            self._refuse(left_over, "it was not stored: given up")

    async def _within(self, end: float, plan: Plan[T], again: Plan[T]) -> T:
        seconds = end - time.monotonic()
        with announced(max(0.0, seconds)):
            return await self._run(plan, again=again)

    def _refuse(self, group: Iterable[_Waiting], words: str) -> None:
        for one in group:
            one.refuse(StorageError(words))


def _all(plans: Iterable[Plan[Any]]) -> Steps[list[Any]]:
    answers: list[Any] = []
    for plan in plans:
        answer = yield from plan()  # no comprehension can hold it
        answers.append(answer)
    return answers
