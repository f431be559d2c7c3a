"""Whatever a run meets with, each row's link is made once: the gateway never checks."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from payermax_async.bulk import (
    BulkRails,
    DoneState,
    Journal,
    JournalRow,
    PlannedRow,
    RailTrippedError,
    RowClaim,
    RowResult,
    RowState,
    create_links,
)
from payermax_async.bulk.outcomes import rest
from payermax_async.bulk.records import ClaimStanding
from payermax_async.storage.errors import StorageError
from tests.bulk.kit import Wrapped, made, memory, on_disk, orders, paused, ran, states
from tests.pipeline.gateway import START
from tests.pipeline.merchant import CREATE, HELD_UP, LOST, QUERY, Gateways

C, F = DoneState.CREATED, DoneState.FOUND


async def crashed(gateways: Gateways, journal: Journal, method: str, when: str) -> None:
    """Run until a method of the journal, and leave everything as it is then."""

    async def stop(*_args: Any, **_more: Any) -> None:
        reached.set()
        await asyncio.Future()

    async def nothing(*_args: Any, **_more: Any) -> None:
        raise StorageError("the process is gone")

    reached = asyncio.Event()
    wrapped = Wrapped(journal, before={"release": nothing})
    (wrapped.before if when == "before" else wrapped.after)[method] = stop
    async with gateways.client(timeout=60.0) as client:
        task = asyncio.create_task(
            ran(client, orders(3), cast("Journal", wrapped), at_once=1)
        )
        await reached.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("method", ["claim", "sending", "settle"])
async def test_after_a_crash_at_any_step_each_link_is_made_once(
    method: str, when: str
) -> None:
    gateways = Gateways()
    journal = memory(gateways)
    await crashed(gateways, journal, method, when)
    gateways.seen.clear()
    async with gateways.client(timeout=60.0) as client:
        rows = await ran(client, orders(3), journal)
    assert set(states(rows)) <= {C, F}
    assert set(made(gateways).values()) == {1}
    assert len(made(gateways)) == 3


async def test_nothing_leaves_before_the_journal_has_it() -> None:
    gateways = Gateways()
    journal = memory(gateways)
    seen: list[RowState] = []

    def look(_host: str, operation: str) -> None:
        key = str(len(seen) + 1)
        if operation == CREATE:
            (row,) = (r for r in journal.read() if r.planned.order == f"order-{key}")
            seen.append(row.result.state)
            assert row.stamp is not None
            assert row.hosts

    gateways.before = look
    async with gateways.client(timeout=60.0) as client:
        await ran(client, orders(5), journal, at_once=1)
    assert seen == [RowState.SENDING] * 5


async def test_a_journal_out_of_reach_lets_nothing_out() -> None:
    gateways = Gateways()

    async def gone(*_args: Any, **_more: Any) -> None:
        raise StorageError("the disk did not answer in time")

    journal = Wrapped(memory(gateways), before={"sending": gone})
    async with gateways.client(timeout=60.0) as client:
        with pytest.raises(StorageError, match="did not answer"):
            await ran(client, orders(50), cast("Journal", journal))
    assert gateways.seen == []
    assert journal.calls.count("sending") <= 16  # one a turn, and none again


async def test_what_may_still_arrive_is_only_asked_about() -> None:
    """The row was let out by a process that was stopped before the socket."""
    gateways = Gateways()
    journal = memory(gateways)
    await crashed(gateways, journal, "sending", "after")
    crash = gateways.clock.seconds
    sent: list[float] = []

    def note(_host: str, operation: str) -> None:
        if operation == CREATE:
            sent.append(gateways.clock.seconds)

    gateways.before = note
    gateways.seen.clear()
    async with gateways.client(timeout=60.0) as client:
        rows = await ran(client, orders(1), journal)
    assert states(rows) == [C]
    assert gateways.names()[0] == QUERY
    assert sent[0] - crash >= 250


async def test_a_pause_that_comes_meanwhile_holds_for_it_too() -> None:
    gateways = Gateways()
    journal = memory(gateways)
    await crashed(gateways, journal, "sending", "after")
    crash = gateways.clock.seconds
    sent: list[float] = []

    def note(_host: str, operation: str) -> None:
        if operation == CREATE:
            sent.append(gateways.clock.seconds)

    gateways.before = note
    paused(gateways, journal, 100, 400)
    async with gateways.client(timeout=60.0) as client:
        rows = await ran(client, orders(1), journal)
    assert states(rows) == [C]
    assert sent[0] - crash >= 400


async def test_its_end_comes_meanwhile_and_the_row_stays_in_doubt() -> None:
    gateways = Gateways()
    journal = memory(gateways)
    await crashed(gateways, journal, "sending", "after")
    gateways.seen.clear()
    rails = BulkRails(stop_at=gateways.clock.now() + timedelta(seconds=200))
    async with gateways.client(timeout=60.0) as client:
        with pytest.raises(RailTrippedError, match="or later"):
            await ran(client, orders(1), journal, rails=rails)
        assert CREATE not in gateways.names()
        (row,) = journal.read()
        assert row.result.state is RowState.UNKNOWN
        assert states(await ran(client, orders(1), journal)) == [C]
    assert made(gateways) == {"order-1": 1}


async def test_a_process_that_was_stopped_and_woken_makes_no_second_link() -> None:
    """It sleeps between its last look at the journal and the socket, or before it."""
    gateways = Gateways()
    journal = memory(gateways)
    asleep, awake = asyncio.Event(), asyncio.Event()

    async def sleeps(*_args: Any, **_more: Any) -> None:
        asleep.set()
        await awake.wait()

    slow = Wrapped(journal, before={"sending": sleeps})
    async with (
        gateways.client(timeout=60.0) as one,
        gateways.client(timeout=60.0) as other,
    ):
        stopped = asyncio.create_task(ran(one, orders(1), cast("Journal", slow)))
        await asleep.wait()
        gateways.clock.seconds += 1000
        rows = await ran(other, orders(1), journal)
        awake.set()
        woken = await stopped
    assert states(rows) == [C]
    assert states(woken) == [F]
    assert made(gateways) == {"order-1": 1}


async def test_two_runs_on_one_file_make_each_link_once(tmp_path: Path) -> None:
    gateways = Gateways()
    gateways.first.script[CREATE] = [LOST, HELD_UP] * 3
    file = tmp_path / "november.sqlite3"
    async with (
        gateways.client() as one,
        gateways.client() as other,
    ):
        both = await asyncio.gather(
            ran(one, orders(60), on_disk(file, gateways), at_once=8),
            ran(other, orders(60), on_disk(file, gateways), at_once=8),
        )
    assert set(made(gateways).values()) == {1}
    assert len(made(gateways)) == 60
    for rows in both:
        assert set(states(rows)) <= {C, F}
        assert len(rows) == 60
    links = [{row.merchant_link_id: row.link_url for row in rows} for rows in both]
    assert links[0] == links[1]


async def test_an_outcome_learned_after_the_row_was_lost_is_kept() -> None:
    gateways = Gateways()
    journal = memory(gateways)
    stolen: list[RowClaim] = []

    async def steal(key: str, *_args: Any, **_more: Any) -> None:
        gateways.clock.seconds += 500
        (row,) = journal.read()
        stolen.append(
            await journal.claim(row.planned, run="thief", lease=timedelta(seconds=9))
        )

    slow = Wrapped(journal, before={"settle": steal})
    async with gateways.client(timeout=60.0) as client:
        rows = await ran(client, orders(1), cast("Journal", slow))
        assert states(rows) == [C]
        assert stolen[0].standing is ClaimStanding.OURS
        gateways.seen.clear()
        gateways.clock.seconds += 500
        again = await ran(client, orders(1), journal)
    assert again[0].link_url == rows[0].link_url
    assert gateways.seen == []


@pytest.mark.parametrize("step", [-7200.0, 7200.0])
async def test_a_clock_that_is_set_makes_no_second_link(step: float) -> None:
    """The time of day jumps between the crash and the next run; leases go on."""
    gateways = Gateways()
    journal = memory(gateways)
    await crashed(gateways, journal, "sending", "after")
    crash = gateways.clock.seconds
    plain = gateways.clock.now
    gateways.clock.now = lambda: plain() + timedelta(seconds=step)  # type: ignore[method-assign]
    sent: list[float] = []

    def note(_host: str, operation: str) -> None:
        if operation == CREATE:
            sent.append(gateways.clock.seconds)

    gateways.before = note
    async with gateways.client(timeout=60.0) as client:
        rows = await ran(client, orders(1), journal)
    assert states(rows) == [C]
    assert 250 <= sent[0] - crash < 600


async def test_leaving_while_a_create_is_under_way_loses_nothing() -> None:
    gateways = Gateways()
    journal = memory(gateways)
    gateways.hangs = asyncio.Event()
    async with gateways.client(timeout=60.0) as client:
        async with create_links(client, orders(3), journal=journal):
            await gateways.hangs.wait()
        gateways.hangs = None
        # What hung had arrived all the same.
        gateways.first.make(CREATE, "order-1", ASKED)
        rows = await ran(client, orders(3), journal)
    assert states(rows) == [F, C, C]
    assert set(made(gateways).values()) == {1}


ASKED: Any = {
    "totalAmount": "19.90",
    "currency": "USD",
    "country": "US",
    "description": "Blue T-shirt",
    "goodsDetails": [],
}


def claimed(*, sent_ago: float | None, stamp: float | None) -> RowClaim:
    return RowClaim(
        standing=ClaimStanding.OURS,
        row=JournalRow(
            planned=PlannedRow(key="a", order="a", position=1, digest="d"),
            result=RowResult(state=RowState.SENDING),
            stamp=None if stamp is None else START + timedelta(seconds=stamp),
        ),
        sent_ago=None if sent_ago is None else timedelta(seconds=sent_ago),
    )


@pytest.mark.parametrize(
    ("sent_ago", "stamp", "left"),
    [
        # The clock that nobody sets counts alone, whatever the time of day says.
        (0.0, 0.0, 250),
        (100.0, 7200.0, 150),
        (100.0, -7200.0, 150),
        (300.0, 0.0, 0),
        # After a restart of the machine there is the time stamp, and an end to it.
        (None, 0.0, 250),
        (None, -100.0, 150),
        (None, -300.0, 0),
        (None, 7200.0, 250),
        (None, None, 0),
    ],
)
def test_how_long_a_create_may_still_be_taken(
    sent_ago: float | None, stamp: float | None, left: float
) -> None:
    claim = claimed(sent_ago=sent_ago, stamp=stamp)
    assert rest(claim, START).total_seconds() == left
