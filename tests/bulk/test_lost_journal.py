"""With its journal lost, a batch asks about each row: the gateway checks nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest

from payermax_async import CreateLink, NotSentError
from payermax_async.bulk import (
    BulkRails,
    DoneState,
    Journal,
    RailTrippedError,
    RowState,
)
from payermax_async.core.strict_json import JsonObject
from payermax_async.transport.base import HttpResponse
from tests.bulk.kit import made, memory, orders, paused, ran, states
from tests.pipeline.gateway import order
from tests.pipeline.merchant import CREATE, HELD_UP, LOST, QUERY, Gateways, coded

C, F, X = DoneState.CREATED, DoneState.FOUND, DoneState.CONFLICTING


def sent(gateways: Gateways) -> list[float]:
    """When each create comes."""
    times: list[float] = []

    def note(_host: str, operation: str) -> None:
        if operation == CREATE:
            times.append(gateways.clock.seconds)

    gateways.before = note
    return times


async def lost(gateways: Gateways, count: int) -> Journal:
    """Some rows are made by a run whose journal is gone; a new one."""
    async with gateways.client() as client:
        await ran(client, orders(count), memory(gateways))
    gateways.seen.clear()
    return memory(gateways)


async def test_what_exists_is_found_and_the_rest_is_made_once() -> None:
    gateways = Gateways()
    journal = await lost(gateways, 5)
    times, begun = sent(gateways), gateways.clock.seconds
    async with gateways.client() as client:
        rows = await ran(client, orders(9), journal, journal_lost=True)
    assert states(rows) == [F] * 5 + [C] * 4
    assert set(made(gateways).values()) == {1}
    # One question for each, and no create while one from before could still come.
    assert gateways.names()[:9] == [QUERY] * 9
    assert gateways.names().count(QUERY) <= 9 + 4
    assert times[0] - begun >= 250


async def test_without_saying_so_the_same_would_be_made_twice() -> None:
    """The gateway of these tests checks nothing: the questions alone help."""
    gateways = Gateways()
    journal = await lost(gateways, 2)
    async with gateways.client() as client:
        await ran(client, orders(2), journal)
    assert set(made(gateways).values()) == {2}


async def test_a_create_that_was_on_its_way_all_the_time_is_found() -> None:
    """It left before the journal was lost, and came while this run was asking."""
    gateways = Gateways()
    asked = 0

    def arrive(_host: str, operation: str) -> None:
        nonlocal asked
        asked += operation == QUERY
        if asked == 2 and not gateways.first.made:
            # Held up, it comes after the first question and before the last.
            gateways.first.make(CREATE, "order-1", WIRE)

    gateways.before = arrive
    async with gateways.client() as client:
        rows = await ran(client, orders(1), memory(gateways), journal_lost=True)
    assert states(rows) == [F]
    assert made(gateways) == {"order-1": 1}


WIRE: JsonObject = {
    "totalAmount": "19.90",
    "currency": "USD",
    "country": "US",
    "description": "Blue T-shirt",
    "goodsDetails": [],
}


async def test_later_rows_are_asked_about_once_and_sent() -> None:
    gateways = Gateways()
    journal = memory(gateways)

    def source() -> list[CreateLink]:
        return [order(f"order-{number}") for number in range(40)]

    async with gateways.client() as client:
        rows = await ran(
            client, source(), journal, journal_lost=True, at_once=1, per_second=0.1
        )
    assert states(rows) == [C] * 40
    # From the 26th row on, 250 seconds have passed: one question each.
    late = gateways.names()[-10:]
    assert late == [QUERY, CREATE] * 5
    assert set(made(gateways).values()) == {1}


@pytest.mark.parametrize("answer", [LOST, HELD_UP])
async def test_an_answer_that_is_lost_again_is_settled_as_ever(
    answer: Exception,
) -> None:
    gateways = Gateways()
    gateways.first.script[CREATE] = [answer] * 2
    async with gateways.client() as client:
        rows = await ran(client, orders(4), memory(gateways), journal_lost=True)
    assert set(states(rows)) <= {C, F}
    assert set(made(gateways).values()) == {1}
    assert len(made(gateways)) == 4


async def test_what_was_answered_with_a_strange_code_is_asked_about_for_long() -> None:
    """Such an answer is no doubt of the lost journal's: queries may lag behind it."""
    gateways = Gateways()
    gateways.first.shown_after = 3.0

    def strange(data: JsonObject) -> HttpResponse:
        gateways.first.make(CREATE, str(data["merchantLinkId"]), data)
        return coded("NOBODY_KNOWS_THIS")

    gateways.first.script[CREATE] = [strange]
    async with gateways.client() as client:
        rows = await ran(client, orders(1), memory(gateways), journal_lost=True)
    assert states(rows)[0] in {C, F}
    assert made(gateways) == {"order-1": 1}


async def test_what_exists_and_differs_is_told() -> None:
    gateways = Gateways()
    async with gateways.client() as client:
        await client.create_link(order("order-1", "5.00"))
        (row,) = await ran(client, orders(1), memory(gateways), journal_lost=True)
    assert row.state is X
    assert made(gateways) == {"order-1": 1}


async def test_a_row_that_nobody_answers_about_is_not_sent() -> None:
    gateways = Gateways()
    journal = await lost(gateways, 3)
    gateways.first.script[QUERY] = [NotSentError("refused")] * 9999
    async with gateways.client() as client:
        rows = await ran(client, orders(3), journal, journal_lost=True)
    assert CREATE not in gateways.names()
    assert set(made(gateways).values()) == {1}
    assert set(states(rows)) == {DoneState.UNKNOWN}


async def test_a_later_run_of_the_same_journal_asks_as_well() -> None:
    gateways = Gateways()
    journal = await lost(gateways, 9)
    async with gateways.client() as client:
        rails = BulkRails(first=2)
        await ran(client, orders(9), journal, journal_lost=True, rails=rails)
        rows = await ran(client, orders(9), journal)
    assert states(rows) == [F] * 9
    assert CREATE not in gateways.names()


async def test_a_pause_that_comes_while_rows_wait_is_kept() -> None:
    gateways = Gateways()
    journal, (times, begun) = memory(gateways), (sent(gateways), gateways.clock.seconds)
    paused(gateways, journal, 100, 400)
    async with gateways.client() as client:
        rows = await ran(client, orders(3), journal, journal_lost=True)
    assert states(rows) == [C] * 3
    assert min(times) - begun >= 400
    assert made(gateways) == dict.fromkeys(("order-1", "order-2", "order-3"), 1)


async def test_rows_that_waited_go_no_faster_than_the_run_may() -> None:
    gateways = Gateways()
    times, begun = sent(gateways), gateways.clock.seconds
    async with gateways.client() as client:
        rows = await ran(
            client, orders(8), memory(gateways), journal_lost=True, per_second=0.5
        )
    assert states(rows) == [C] * 8
    # Eight turns, two seconds apart, from when they may go at all.
    assert times[-1] - begun >= 250 + 7 * 2


async def test_its_time_may_be_over_while_rows_wait() -> None:
    gateways = Gateways()
    journal = memory(gateways)
    rails = BulkRails(stop_at=gateways.clock.now() + timedelta(seconds=200))
    async with gateways.client() as client:
        with pytest.raises(RailTrippedError, match="or later"):
            await ran(client, orders(3), journal, journal_lost=True, rails=rails)
        assert CREATE not in gateways.names()
        assert {row.result.state for row in journal.read()} == {RowState.PLANNED}
        assert states(await ran(client, orders(3), journal)) == [C] * 3


async def test_a_trial_of_rows_that_wait_is_settled_to_its_end() -> None:
    gateways = Gateways()
    rails = BulkRails(first=2)
    async with gateways.client() as client:
        rows = await ran(
            client, orders(9), memory(gateways), journal_lost=True, rails=rails
        )
    assert states(rows) == [C] * 2
    assert set(made(gateways).values()) == {1}
