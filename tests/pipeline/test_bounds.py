"""A limit ends what it is for, and nothing else, as asyncio's own does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from payermax_async.pipeline.bounds import Bounds
from payermax_async.transport.limit import Limit


async def forever() -> None:
    await asyncio.get_running_loop().create_future()


async def test_what_takes_too_long_is_ended() -> None:
    with pytest.raises(TimeoutError), Limit(0.0):
        await forever()
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_what_ends_in_time_is_left_alone() -> None:
    with Limit(60.0) as limit:
        await asyncio.sleep(0)
    limit.expire()
    await asyncio.sleep(0)


async def test_it_ends_when_told_to_and_only_once() -> None:
    limit = Limit()
    asyncio.get_running_loop().call_soon(limit.expire)
    asyncio.get_running_loop().call_soon(limit.expire)
    with pytest.raises(TimeoutError), limit:
        await forever()
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_an_error_of_the_block_passes() -> None:
    with pytest.raises(KeyError), Limit(60.0):
        raise KeyError


def both(limit: Limit, task: asyncio.Task[None]) -> list[Callable[[], object]]:
    return [limit.expire, task.cancel]


@pytest.mark.parametrize("turned", [False, True])
async def test_who_is_cancelled_as_well_ends_as_cancelled(turned: bool) -> None:
    async def limited() -> None:
        with limit:
            await forever()

    limit = Limit()
    task = asyncio.create_task(limited())
    await asyncio.sleep(0)
    for end in reversed(both(limit, task)) if turned else both(limit, task):
        end()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert task.cancelled()


async def test_a_cancellation_from_outside_passes() -> None:
    async def limited(limit: AbstractContextManager[object]) -> None:
        with limit:
            await forever()

    task = asyncio.create_task(limited(Limit(60.0)))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize(("outer", "inner"), [(60.0, 0.0), (0.0, 60.0)])
async def test_of_two_the_one_that_ran_out_says_so(outer: float, inner: float) -> None:
    with pytest.raises(TimeoutError), Limit(outer), Limit(inner):
        await forever()


async def test_work_that_ends_just_as_its_caller_is_cancelled_disturbs_nobody() -> None:
    async def work() -> None:
        caller.cancel()

    async def call() -> None:
        await Bounds().run(work())

    caught: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(
        lambda _, told: caught.append(told)
    )
    caller = asyncio.create_task(call())
    with pytest.raises(asyncio.CancelledError):
        await caller
    await asyncio.sleep(0)
    assert caught == []
