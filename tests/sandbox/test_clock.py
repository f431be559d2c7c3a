from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone, tzinfo
from types import SimpleNamespace

import pytest

from payermax_async.clock import Clock
from payermax_async.core.errors import ConfigurationError
from payermax_async.sandbox.clock import ClockHold, VirtualClock

from .kit import START


def test_it_is_a_clock_that_stands_still() -> None:
    clock = VirtualClock(START.astimezone(timezone(timedelta(hours=8))))
    assert isinstance(clock, Clock)
    assert clock.now() == clock.now() == START
    assert clock.now().utcoffset() == timedelta(0)


def test_a_start_without_a_zone_is_refused() -> None:
    with pytest.raises(ConfigurationError):
        VirtualClock(datetime(2030, 1, 1))  # noqa: DTZ001


async def test_sleepers_wake_in_order_each_at_its_own_time() -> None:
    clock = VirtualClock(START)
    woken: list[tuple[str, float]] = []

    async def sleeper(name: str, *naps: float) -> None:
        for nap in naps:
            await clock.sleep(nap)
            woken.append((name, clock.monotonic()))

    async with asyncio.TaskGroup() as group:
        group.create_task(sleeper("late", 100))
        group.create_task(sleeper("often", 30, 30, 30))
        await clock.advance("2m")
    assert woken == [("often", 30), ("often", 60), ("often", 90), ("late", 100)]
    assert clock.now() == START + timedelta(minutes=2)


async def test_a_cancelled_sleeper_is_forgotten() -> None:
    clock = VirtualClock(START)
    task = asyncio.create_task(clock.sleep(10))
    await clock.advance(1)
    assert clock.sleeping == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert clock.sleeping == 0
    await clock.advance(20)


async def test_no_time_to_wait_is_no_wait() -> None:
    await VirtualClock(START).sleep(0)
    await VirtualClock(START).sleep(-1)


async def test_time_waits_for_whoever_holds_it() -> None:
    clock = VirtualClock(START)
    gate, seen = asyncio.Event(), list[float]()

    async def worker() -> None:
        await clock.sleep(10)
        with clock.hold():
            await gate.wait()
            seen.append(clock.monotonic())

    async with asyncio.TaskGroup() as group:
        group.create_task(worker())
        moving = group.create_task(clock.advance(60))
        for _ in range(100):
            await asyncio.sleep(0)
        assert (clock.monotonic(), moving.done()) == (10, False)
        gate.set()
    assert seen == [10]
    assert clock.monotonic() == 60


async def test_time_does_not_go_back() -> None:
    with pytest.raises(ConfigurationError):
        await VirtualClock(START).advance(-1)


async def test_stepping_the_time_of_day_wakes_nobody_and_shortens_no_wait() -> None:
    clock = VirtualClock(START)
    woken = asyncio.Event()

    async def sleeper() -> None:
        await clock.sleep(10)
        woken.set()

    async with asyncio.TaskGroup() as group:
        group.create_task(sleeper())
        await clock.advance(4)
        for moment in (START - timedelta(days=1), START + timedelta(days=1)):
            clock.set(moment)
            assert (clock.now(), clock.monotonic()) == (moment, 4)
        await clock.advance(5)
        assert not woken.is_set()
        await clock.advance(1)
        assert woken.is_set()
    with pytest.raises(ConfigurationError):
        clock.set(datetime(2030, 1, 1))  # noqa: DTZ001


async def test_the_clock_stops_before_the_calendar_ends() -> None:
    clock = VirtualClock(START)
    end = datetime.max.replace(tzinfo=timezone(timedelta(hours=-8)))
    with pytest.raises(ConfigurationError, match="ends with the year"):
        VirtualClock(end)
    with pytest.raises(ConfigurationError, match="ends with the year"):
        clock.set(end)
    with pytest.raises(ConfigurationError, match="ends with the year"):
        await clock.advance("9999999d")
    assert clock.now() == START


def test_one_at_the_present_goes_along_with_the_turned_clock_of_its_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    turned = timedelta(0)

    class Turned(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return START + turned

    module = "payermax_async.sandbox.clock"
    stopped = SimpleNamespace(times=lambda: SimpleNamespace(elapsed=0.0))
    monkeypatch.setattr(f"{module}.datetime", Turned)
    monkeypatch.setattr(f"{module}.os", stopped)
    clock, other = VirtualClock(), VirtualClock(START)
    turned = timedelta(minutes=4)  # as long as a test may take
    assert clock.now() == START
    for days in (-3650, 3650):
        turned = timedelta(days=days)
        assert (clock.now(), clock.now()) == (START + turned, START + turned)
    clock.set(START)
    turned = timedelta(0)
    assert (clock.now(), other.now()) == (START, START)
    assert clock.monotonic() == 0


def test_a_worker_holds_time_once_however_often_it_says_so() -> None:
    steps: list[str] = []

    @contextmanager
    def hold() -> Generator[None]:
        steps.append("held")
        yield
        steps.append("let go")

    work = ClockHold(hold)
    work.stop()
    for _ in range(2):
        work.start()
        work.start()
        assert steps == ["held"]
        work.stop()
        work.stop()
        assert steps == ["held", "let go"]
        steps.clear()
