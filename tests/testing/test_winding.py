"""Waits on a clock that is wound by those who wait."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payermax_async.clock import Clock
from payermax_async.sandbox.clock import VirtualClock
from payermax_async.testing.winding import WindingClock

START = datetime(2030, 1, 31, 10, tzinfo=UTC)


def test_it_is_a_clock_and_shows_the_time_of_the_one_it_winds() -> None:
    clock = VirtualClock(START)
    winding = WindingClock(clock)
    assert isinstance(winding, Clock)
    assert (winding.now(), winding.monotonic()) == (START, 0.0)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=5))
def test_each_sleep_ends_and_lasts_as_long_as_it_should(lengths: list[float]) -> None:
    async def sleep_all() -> None:
        winding = WindingClock(VirtualClock(START))
        for seconds in lengths:
            before = winding.monotonic()
            await winding.sleep(seconds)
            assert seconds <= winding.monotonic() - before + 1e-6 <= seconds + 3e-6

    asyncio.run(asyncio.wait_for(sleep_all(), 30))


async def test_of_several_who_sleep_the_first_to_be_due_wakes_first() -> None:
    winding = WindingClock(VirtualClock(START))
    woken: list[tuple[float, float]] = []

    async def sleep(seconds: float) -> None:
        await winding.sleep(seconds)
        woken.append((seconds, winding.monotonic()))

    await asyncio.gather(*map(sleep, (30.0, 5.0, 12.5)))
    assert woken == [(5.0, 5.0), (12.5, 12.5), (30.0, 30.0)]


async def test_those_who_wait_for_the_virtual_clock_wake_in_between() -> None:
    clock = VirtualClock(START)
    woken: list[float] = []

    async def wait() -> None:
        await clock.sleep(7)
        woken.append(clock.monotonic())

    waiting = asyncio.create_task(wait())
    await WindingClock(clock).sleep(20)
    await waiting
    assert woken == [7.0]


async def test_a_cancelled_sleep_holds_nobody_up() -> None:
    winding = WindingClock(VirtualClock(START))
    never = asyncio.create_task(winding.sleep(0.5))
    await asyncio.sleep(0)
    never.cancel()
    with pytest.raises(asyncio.CancelledError):
        await never
    await winding.sleep(3)
    assert winding.monotonic() == 3.0
