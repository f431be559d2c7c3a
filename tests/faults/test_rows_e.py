"""Clocks that are wrong, set back, slow or in another place."""

from __future__ import annotations

import asyncio
import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import attrs
import pytest

from payermax_async.core.errors import ApiError, ClockSkewError, Outcome
from payermax_async.core.scalars import read_time
from payermax_async.pipeline.observe import SkewMeasured
from tests.faults.gateway import Turn, coded, serve
from tests.faults.rig import CREATE, QUERY, SETTLED, BriskClock, Stage
from tests.faults.server import reset_at_once
from tests.pipeline.gateway import order

_TIMESTAMP = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}[+-][0-9]{2}:[0-9]{2}",
    re.ASCII,
)


class SetClock(BriskClock):
    """A clock whose time of day somebody can set, in any zone."""

    def __init__(self) -> None:
        super().__init__()
        self.off = timedelta(0)
        self.zone: ZoneInfo | None = None

    def now(self) -> datetime:
        moment = super().now() + self.off
        return moment.astimezone(self.zone) if self.zone else moment


@attrs.frozen(kw_only=True)
class Row:
    """How far the gateway's clock is ahead, and what becomes of a create."""

    name: str
    minutes: float
    told: bool = False
    """Whether an earlier answer told the gateway's time."""


CORRECTED = (
    Row(name="E1 clock 10 minutes slow", minutes=10),
    Row(name="E1 clock 10 minutes slow, known", minutes=10, told=True),
    Row(name="E2 clock 10 minutes fast", minutes=-10),
    Row(name="E2 clock 10 minutes fast, known", minutes=-10, told=True),
)


@pytest.mark.parametrize("row", CORRECTED, ids=lambda row: row.name)
async def test_a_wrong_clock_is_corrected_by_the_gateways(
    stage: Stage, row: Row
) -> None:
    async with stage.rig() as rig:
        rig.gateway.ahead = timedelta(minutes=row.minutes)
        if row.told:
            error = await rig.failure(rig.client.query_link("nothing"))
            assert isinstance(error, ApiError)
        await rig.create()

        creates = rig.gateway.asked_for(CREATE)
        ages = [rig.gateway.now() - read_time(asked.time) for asked in creates]
        assert [abs(age) > timedelta(minutes=2) for age in ages] == (
            [False] if row.told else [True, False]
        )
        assert all(asked.data == creates[0].data for asked in creates)
        assert len({asked.sign for asked in creates}) == len(creates)
        assert rig.gateway.made == 1
        measured = [e for e in rig.events if isinstance(e, SkewMeasured)]
        assert [event.corrected for event in measured] == [True]


@pytest.mark.parametrize("minutes", [20, -20, 60 * 24 * 365])
async def test_a_hopeless_clock_sends_nothing_more(stage: Stage, minutes: int) -> None:
    """E1 and E2, beyond correction"""
    async with stage.rig() as rig:
        rig.gateway.ahead = timedelta(minutes=minutes)
        error = await rig.failure(rig.create())

        assert type(error) is ClockSkewError
        assert error.outcome is Outcome.REJECTED, "it did leave, and was refused"
        assert rig.gateway.names == [CREATE]
        error = await rig.failure(rig.create())
        assert type(error) is ClockSkewError
        assert error.outcome is Outcome.NOT_SENT
        assert rig.gateway.names == [CREATE]


async def test_a_clock_that_is_set_back_moves_no_deadline(stage: Stage) -> None:
    """E3 clock steps back 1 h during backoff"""
    clock = SetClock()

    async def set_back(_seconds: float) -> None:
        clock.off = -timedelta(hours=1)
        rig.gateway.ahead = timedelta(hours=1)

    clock.on_sleep = set_back
    async with stage.rig(clock=clock, timeout=60.0) as rig:
        rig.gateway.arrivals.extend([reset_at_once] * 20)
        error = await rig.failure(rig.client.query_link("order-1"))

        assert error.elapsed is not None
        assert 0 < error.elapsed == clock.seconds < 60
        assert len(rig.attempts()) == 5


async def test_a_clock_that_is_set_back_and_forth_loses_no_link(stage: Stage) -> None:
    """E3 clock steps back 1 h while a create is in doubt"""
    clock = SetClock()

    async def sway(_seconds: float) -> None:
        clock.off = timedelta(0) if clock.off else timedelta(minutes=-14)
        rig.gateway.ahead = -clock.off

    clock.on_sleep = sway
    async with stage.rig(clock=clock) as rig:
        rig.gateway.lag = 3.0
        rig.gateway.scenes.append(coded("SYSTEM_ERROR", done=True))
        await rig.create()

        assert rig.gateway.made == 1
        assert rig.gateway.names.count(CREATE) == 1


async def test_no_request_grows_old_in_a_queue(stage: Stage) -> None:
    """E4 many links queued, 20 a second allowed"""
    clock = BriskClock()
    ages: list[timedelta] = []

    async def slowly(turn: Turn) -> None:
        clock.seconds += 0.05
        await serve(turn)
        asked = turn.gateway.asked[-1]
        ages.append(clock.now() - read_time(asked.time))

    async with stage.rig(clock=clock, limit=8, timeout=3600.0) as rig:
        rig.gateway.usual = slowly
        async with asyncio.TaskGroup() as group:
            for number in range(300):
                group.create_task(rig.create(f"order-{number}"))

        assert rig.gateway.made == 300
        assert clock.seconds > 14
        assert max(ages) < timedelta(seconds=10)
        assert timedelta(0) <= min(ages)


async def test_a_request_that_came_late_is_stamped_anew_once(stage: Stage) -> None:
    """E5 REQ_TIME_OVER_TIME"""
    async with stage.rig() as rig:
        rig.gateway.scenes.append(coded("REQ_TIME_OVER_TIME"))
        await rig.create()

        first, second = rig.gateway.asked_for(CREATE)
        assert first.data == second.data
        assert first.sign != second.sign
        assert first.time < second.time


async def test_stamping_anew_is_not_repeated(stage: Stage) -> None:
    """E5 REQ_TIME_OVER_TIME, again"""
    async with stage.rig() as rig:
        rig.gateway.scenes.extend([coded("REQ_TIME_OVER_TIME")] * 5)
        error = await rig.failure(rig.create())

        assert isinstance(error, ApiError)
        assert error.outcome is Outcome.REJECTED
        assert rig.gateway.names == [CREATE, CREATE]


async def test_late_while_in_doubt_is_no_refusal(stage: Stage) -> None:
    """E5 REQ_TIME_OVER_TIME for the question after a doubt"""
    async with stage.rig() as rig:
        rig.gateway.scenes.append(coded("SYSTEM_ERROR", done=True))
        rig.gateway.scenes.append(coded("REQ_TIME_OVER_TIME"))
        await rig.create()

        assert rig.gateway.names == [*SETTLED[True], QUERY]
        assert rig.gateway.made == 1


ZONES = (
    ("Europe/Berlin", "2026-10-25T00:30:00+00:00"),  # the hour that comes twice
    ("Europe/Berlin", "2026-03-29T01:00:00+00:00"),  # the hour that is left out
    ("Asia/Kathmandu", "2028-02-29T23:59:59.999999+00:00"),
    ("America/St_Johns", "2028-02-29T00:00:00+00:00"),
    ("Asia/Riyadh", "2026-12-31T21:00:00+00:00"),
)


@pytest.mark.parametrize(("zone", "moment"), ZONES)
async def test_the_time_stamp_is_the_same_everywhere(
    stage: Stage, zone: str, moment: str
) -> None:
    """E7 local zone with DST, leap day"""
    clock = SetClock()
    clock.off = datetime.fromisoformat(moment) - clock.now()
    clock.zone = ZoneInfo(zone)
    async with stage.rig(clock=clock) as rig:
        await rig.client.create_link(order())

        (asked,) = rig.gateway.asked
        assert _TIMESTAMP.fullmatch(asked.time)
        late = clock.now() - read_time(asked.time)
        assert timedelta(0) <= late < timedelta(milliseconds=1)
