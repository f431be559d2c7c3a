"""A running batch is paused, paced and stopped, and says how far it is."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest

from payermax_async import ConfigurationError
from payermax_async.bulk import (
    BulkControl,
    DoneState,
    Journal,
    RowInDoubt,
    RowSettled,
    RunPaused,
    RunResumed,
    create_links,
)
from payermax_async.bulk.outage import OutageWatch
from payermax_async.bulk.pacing import Turns
from payermax_async.bulk.progress import BulkProgress, ProgressCount
from payermax_async.hooks import Event
from payermax_async.storage.errors import StorageError
from tests.bulk.kit import Wrapped, made, memory, name, orders, ran, states
from tests.pipeline.merchant import CREATE, LOST, Gateways, coded

C, F, R = DoneState.CREATED, DoneState.FOUND, DoneState.REFUSED


def at_sleep(gateways: Gateways, act: Callable[[int], Awaitable[Any]]) -> None:
    """Have something done at each sleep of the clock, told its number from 1."""
    sleep, count = gateways.clock.sleep, 0

    async def slow(seconds: float) -> None:
        nonlocal count
        count += 1
        await act(count)
        await sleep(seconds)

    gateways.clock.sleep = slow  # type: ignore[method-assign]


def sent_at(gateways: Gateways, step: float = 0.0) -> list[float]:
    """When each create comes; each takes so many seconds."""
    times: list[float] = []

    def note(_host: str, operation: str) -> None:
        if operation == CREATE:
            times.append(gateways.clock.seconds)
            gateways.clock.seconds += step

    gateways.before = note
    return times


# --- pausing ---------------------------------------------------------------------


async def test_what_is_paused_begins_nothing_until_it_is_let_go_on() -> None:
    gateways = Gateways()
    journal, events = memory(gateways), list[Event]()
    async with journal:
        await journal.control(paused=True)

        async def act(number: int) -> None:
            assert gateways.seen == []
            if number == 7:
                await journal.control(paused=False)

        at_sleep(gateways, act)
        async with gateways.client(hooks=(events.append,)) as client:
            rows = await ran(client, orders(9), journal, at_once=1)
    assert states(rows) == [C] * 9
    assert gateways.clock.seconds == pytest.approx(7)
    told = [event for event in events if isinstance(event, RunPaused | RunResumed)]
    assert [type(event) for event in told] == [RunPaused, RunResumed]
    assert isinstance(told[0], RunPaused)
    assert told[0].why == "it is paused"


async def test_a_pause_comes_through_the_journal_within_a_second() -> None:
    gateways = Gateways()
    journal = memory(gateways)
    times = sent_at(gateways, step=0.4)

    async def act(number: int) -> None:
        if number == 3:
            await journal.control(paused=False)

    at_sleep(gateways, act)

    async def pause(*_args: Any, **_more: Any) -> None:
        if len(times) == 5:
            await journal.control(paused=True)

    wrapped = cast("Journal", Wrapped(journal, after={"settle": pause}))
    async with gateways.client() as client:
        rows = await ran(client, orders(20), wrapped, at_once=1)
    assert states(rows) == [C] * 20
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    (stop,) = (number for number, gap in enumerate(gaps, start=1) if gap > 1)
    assert 5 <= stop <= 5 + 3  # creates that came before the next look
    assert len(made(gateways)) == 20


async def test_a_pause_outlasts_the_run_that_met_it() -> None:
    gateways = Gateways()
    journal = memory(gateways)
    async with gateways.client() as client, journal:
        await journal.control(paused=True)

        async def act(number: int) -> None:
            if number == 3:
                run.stop()
            if number == 9:
                await journal.control(paused=False)

        at_sleep(gateways, act)
        async with create_links(client, orders(3), journal=journal) as run:
            assert [done async for done in run] == []
        assert gateways.seen == []
        assert states(await ran(client, orders(3), journal)) == [C] * 3


async def test_rows_in_doubt_are_not_sent_while_it_is_paused() -> None:
    """A run that finds rows of a crashed one waits with them as well."""
    gateways = Gateways()
    journal = memory(gateways)
    gateways.first.script[CREATE] = [LOST]
    gateways.first.script["queryPaybylink"] = [LOST] * 99
    async with gateways.client() as client, journal:
        assert states(await ran(client, orders(1), journal)) == [DoneState.UNKNOWN]
        gateways.first.script.clear()
        gateways.seen.clear()
        await journal.control(paused=True)

        async def act(number: int) -> None:
            assert gateways.seen == []
            if number == 4:
                await journal.control(paused=False)

        at_sleep(gateways, act)
        assert states(await ran(client, orders(1), journal)) == [F]
        assert not journal.status().control.paused  # it did wait so long


# --- pace ------------------------------------------------------------------------


@pytest.mark.parametrize("told", [None, 4.0])
async def test_so_many_creates_are_begun_a_second(told: float | None) -> None:
    gateways = Gateways()
    journal = memory(gateways)
    times = sent_at(gateways)
    async with gateways.client() as client, journal:
        if told is not None:
            await journal.control(per_second=told)
        await ran(client, orders(9), journal, per_second=2.0, at_once=1)
    gap = 1 / (told or 2.0)
    assert times == pytest.approx([gap * number for number in range(9)], abs=0.01)


async def test_a_slow_pace_that_is_quickened_holds_nobody_back() -> None:
    gateways = Gateways()
    journal = memory(gateways)
    times = sent_at(gateways)

    async def act(number: int) -> None:
        if number == 5:
            await journal.control(per_second=10.0)

    at_sleep(gateways, act)
    async with gateways.client() as client:
        await ran(client, orders(9), journal, per_second=0.001, at_once=1)
    assert times[-1] < 8


async def test_known_rows_wait_for_no_pace() -> None:
    gateways = Gateways()
    journal = memory(gateways)
    async with gateways.client() as client:
        await ran(client, orders(50), journal)
        before = gateways.clock.seconds
        rows = await ran(client, orders(51), journal, per_second=0.1)
    assert states(rows) == [F] * 50 + [C]
    assert [row.known for row in rows] == [True] * 50 + [False]
    assert gateways.clock.seconds - before < 1


async def test_as_many_are_under_way_as_the_journal_says() -> None:
    gateways = Gateways()
    journal = memory(gateways)
    now, most = 0, list[int]()

    async def entered(*_args: Any, **_more: Any) -> None:
        nonlocal now
        now += 1
        most.append(now)
        gateways.clock.seconds += 0.4
        if len(most) == 10:
            await journal.control(at_once=6)
        if len(most) == 60:
            await journal.control(at_once=1)
        if len(most) == 90:
            await journal.control(at_once=0)
        for _ in range(5):
            await asyncio.sleep(0)

    async def left(*_args: Any, **_more: Any) -> None:
        nonlocal now
        now -= 1

    wrapped = Wrapped(journal, before={"sending": entered}, after={"settle": left})
    async with gateways.client() as client:
        await ran(client, orders(120), cast("Journal", wrapped), at_once=2)
    assert max(most[:10]) == 2
    assert max(most[20:60]) == 6
    assert max(most[70:90]) == 1
    assert max(most[100:]) == 2


async def test_a_pace_that_nobody_can_go_by_is_refused() -> None:
    gateways = Gateways()
    async with gateways.client() as client:
        for wrong in (0.0, -1.0, float("nan")):
            with pytest.raises(ConfigurationError, match="per_second"):
                await ran(client, orders(1), memory(gateways), per_second=wrong)


async def test_turns_shrink_as_they_come_back_and_grow_at_once() -> None:
    turns = Turns(3)
    for _ in range(3):
        await turns.acquire()
    turns.resize(1)
    for _ in range(2):
        turns.release()
    waiting = asyncio.create_task(turns.acquire())
    await asyncio.sleep(0)
    assert not waiting.done()
    turns.release()
    await asyncio.wait_for(waiting, 1)
    turns.resize(2)
    turns.resize(4)
    for _ in range(3):
        await asyncio.wait_for(turns.acquire(), 1)
    assert turns.limit == 4


# --- stopping --------------------------------------------------------------------


async def test_stopped_it_ends_what_is_under_way_and_begins_nothing() -> None:
    gateways = Gateways()
    journal = memory(gateways)
    async with gateways.client() as client:
        before = asyncio.all_tasks()
        async with create_links(
            client, orders(100), journal=journal, at_once=4, names=name
        ) as run:
            rows = list[DoneState]()
            async for done in run:
                rows.append(done.state)
                run.stop()
        assert asyncio.all_tasks() == before
        assert 1 <= len(rows) <= 12
        assert rows == [C] * len(made(gateways))
        assert journal.status().runs[-1].ended == "stopped"
        again = await ran(client, orders(100), journal)
    assert states(again) == [F] * len(rows) + [C] * (100 - len(rows))


async def test_a_journal_that_fails_while_rows_wait_stops_the_run() -> None:
    gateways = Gateways()
    journal = memory(gateways)
    calls = 0

    async def gone(*_args: Any, **_more: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise StorageError("the disk is gone")

    wrapped = cast("Journal", Wrapped(journal, before={"attend": gone}))
    async with gateways.client() as client, journal:
        await journal.control(paused=True)
        with pytest.raises(StorageError, match="the disk is gone"):
            await ran(client, orders(3), wrapped)
    assert gateways.seen == []


# --- how far it is ---------------------------------------------------------------


async def test_it_counts_what_becomes_of_its_rows() -> None:
    gateways = Gateways(checks=True)
    journal, events = memory(gateways), list[Event]()
    sent_at(gateways, step=2.0)
    async with gateways.client(hooks=(events.append,)) as client:
        await ran(client, orders(3), journal)
        await client.create_link(cast("Any", orders(1, first=4)[0]))
        gateways.first.script[CREATE] = [LOST, coded("PARAMS_INVALID")]
        events.clear()
        start = gateways.clock.seconds
        async with create_links(
            client, orders(9, first=1), journal=journal, rows=12, at_once=1
        ) as run:
            rows = [done async for done in run]
            told = run.progress
    assert (told.known, told.created, told.found) == (3, 4, 1)
    assert (told.refused, told.conflicting, told.unknown) == (1, 0, 0)
    assert (told.taken, told.settled, told.rows) == (9, 9, 12)
    assert (told.doubts, told.in_doubt, told.throttled) == (1, 0, 0)
    assert told.elapsed == pytest.approx(gateways.clock.seconds - start)
    assert told.rate == pytest.approx(6 / told.elapsed)
    assert told.remaining == pytest.approx(3 / told.rate)
    settled = [event for event in events if isinstance(event, RowSettled)]
    assert {(it.position, it.state, it.known) for it in settled} == {
        (row.position, row.state, row.known) for row in rows
    }
    assert [e.merchant_key for e in events if isinstance(e, RowInDoubt)] == ["order-5"]
    assert journal.status().runs[-1].progress == told


def test_the_rate_is_of_late_and_known_rows_are_no_part_of_it() -> None:
    count = ProgressCount(started=100.0, rows=1000)
    for _ in range(500):
        count.settle("known", 100.0)
    assert count.at(101.0, in_doubt=0, throttled=0, waits_for="").remaining is None
    for tenth in range(1000):
        count.settle("created", 100.0 + tenth / 10)
    told = count.at(200.0, in_doubt=0, throttled=3, waits_for="")
    assert told.rate == pytest.approx(10, rel=0.05)
    assert told.remaining == 0
    assert told.throttled == 3
    quiet = count.at(300.0, in_doubt=0, throttled=3, waits_for="it is paused")
    assert (quiet.rate, quiet.remaining, quiet.waits_for) == (0, None, "it is paused")
    assert BulkProgress().settled == 0


def test_rows_that_only_wait_for_an_answer_are_no_second_away() -> None:
    count = ProgressCount(started=100.0, rows=10)
    for _ in range(8):
        count.settle("created", 101.0)
    told = count.at(102.0, in_doubt=1, throttled=0, waits_for="")
    assert told.remaining == pytest.approx(0.5)
    assert told.waits_for == ""
    told = count.at(102.0, in_doubt=2, throttled=0, waits_for="")
    assert (told.remaining, "in doubt" in told.waits_for) == (None, True)
    told = count.at(102.0, in_doubt=2, throttled=0, waits_for="it is paused")
    assert told.waits_for == "it is paused"


async def test_answers_that_are_lost_are_counted_and_not_shouted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    gateways = Gateways()
    gateways.first.script[CREATE] = [LOST] * 5
    caplog.set_level(logging.INFO)
    async with (
        gateways.client() as client,
        create_links(client, orders(9), journal=memory(gateways)) as run,
    ):
        assert states([done async for done in run]) == [C] * 9
    assert run.progress.doubts == 5
    assert [it.message for it in caplog.records if it.levelno > logging.INFO] == []


# --- outages ---------------------------------------------------------------------


def test_an_outage_begins_with_so_many_in_a_row_and_ends_with_an_answer() -> None:
    watch = OutageWatch(most_unanswered=3)
    for _ in range(2):
        watch.unanswered()
    watch.answered()
    for _ in range(2):
        watch.unanswered()
    assert watch.wait(10.0, 0.0) == 0
    watch.unanswered()
    assert watch.wait(10.0, 0.0) == 15
    assert watch.is_on
    assert watch.wait(20.0, 0.0) == 5
    assert watch.lasts(20.0) == 10
    # One tries, the others wait for it.
    assert [watch.wait(25.0, 0.0) for _ in range(3)] == [0, 15, 15]
    watch.answered()
    assert watch.wait(25.0, 0.0) == 0
    assert (watch.is_on, watch.lasts(99.0)) == (False, 0)


def test_while_the_client_lets_the_gateway_rest_nobody_tries() -> None:
    watch = OutageWatch(most_unanswered=99)
    assert watch.wait(0.0, 30.0) == 30
    assert watch.wait(16.0, 14.0) == 14
    assert [watch.wait(30.0, 0.0) for _ in range(2)] == [0, 15]
    assert watch.wait(31.0, 30.0) == 30


def test_nothing_told_is_nothing_changed() -> None:
    assert BulkControl() == BulkControl(paused=False, at_once=None, per_second=None)
