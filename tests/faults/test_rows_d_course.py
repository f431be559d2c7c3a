"""Doubtful answers and what follows: waits, questions, duplicates, conflicts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import pytest

from payermax_async.core.errors import (
    ApiError,
    ConflictError,
    Outcome,
    OutcomeUnknownError,
)
from tests.faults.gateway import Gateway, Scene, Turn, coded, serve, spoken, unanswered
from tests.faults.rig import CREATE, QUERY, SETTLED, BriskClock, Stage
from tests.faults.server import Wire, reply
from tests.pipeline.gateway import order


def turned_away(status: str, retry_after: str) -> Scene:
    """Something before the gateway answers, though it was done."""
    header = f"Retry-After: {retry_after}"
    return spoken(lambda _: reply(b"<html>", status=status, headers=[header]))


# What the header asks for, and the seconds until the gateway is asked again.
RETRY_AFTER: Sequence[tuple[str, float, float]] = (
    ("3", 3.0, 8.0),
    ("-1", 0.0, 5.0),
    ("abc", 0.0, 5.0),
    ("1.5", 0.0, 5.0),
    ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0, 5.0),
    ("Sun, 01 Mar 2026 12:00:09 GMT", 9.0, 14.0),
)


@pytest.mark.parametrize(("header", "least", "most"), RETRY_AFTER)
@pytest.mark.parametrize("status", ["429 Slow", "503 Sorry"])
async def test_the_gateway_is_left_alone_as_long_as_it_asks(
    stage: Stage, status: str, header: str, least: float, most: float
) -> None:
    """D4 and D5 Retry-After"""
    async with stage.rig() as rig:
        rig.gateway.scenes.append(turned_away(status, header))
        await rig.create()

        assert rig.gateway.names == SETTLED[True]
        assert least < rig.clock.seconds <= most


@pytest.mark.parametrize("header", ["61", "1000000000", "9" * 400, "9" * 5000])
async def test_a_wait_beyond_all_patience_is_not_begun(
    stage: Stage, header: str
) -> None:
    """D5 Retry-After of 1e9, or thousands of digits"""
    async with stage.rig() as rig:
        rig.gateway.scenes.append(turned_away("503 Sorry", header))
        task = rig.client.create_link(order())
        if len(header) > 9:  # no number that means anything
            await task
            assert rig.clock.seconds <= 5.0
        else:
            error = await rig.failure(task)
            assert type(error) is OutcomeUnknownError
            assert error.retry_after == float(header)
            assert rig.gateway.names == [CREATE]
            assert rig.clock.seconds == 0.0
        found = await rig.client.resolve(order())
        assert found is not None


async def test_being_throttled_halves_the_pace_for_a_minute(stage: Stage) -> None:
    """D19 backs off, and recovers"""
    clock = BriskClock()
    async with stage.rig(clock=clock, limit=8) as rig:
        gateway = rig.gateway
        gateway.scenes.append(coded("TOO_MANY_REQUEST", done=True))
        await rig.create()

        assert await _at_once(gateway, rig.client.query_link) == 4
        clock.seconds += 60
        assert await _at_once(gateway, rig.client.query_link) == 8


async def _at_once(gateway: Gateway, ask: Callable[[str], object]) -> int:
    """How many of many questions come in before one is answered."""
    gate, waiting, most = asyncio.Event(), 0, 0

    async def behind_the_gate(turn: Turn) -> None:
        nonlocal waiting, most
        waiting += 1
        most = max(most, waiting)
        await gate.wait()
        waiting -= 1
        await serve(turn)

    async def one() -> None:
        found = ask("order-1")
        assert asyncio.iscoroutine(found)
        await found

    gateway.usual = behind_the_gate
    async with asyncio.TaskGroup() as group:
        for _ in range(12):
            group.create_task(one())
        for _ in range(20):  # all that are let go have come in by then
            await asyncio.sleep(0.01)
        gate.set()
    gateway.usual = serve
    return most


async def test_a_duplicate_of_its_own_is_no_error_to_the_caller(stage: Stage) -> None:
    """D20 ORDER_REPEAT after an own attempt that was hidden from queries"""
    async with stage.rig() as rig:
        rig.gateway.scenes.append(unanswered(Wire.finish))
        rig.gateway.lag = 20.0  # as long as all the questions take
        rig.gateway.scenes.extend([serve] * 3)
        rig.gateway.scenes.append(coded("ORDER_NOT_EXIST"))
        await rig.create()

        assert rig.gateway.names == [*SETTLED[False], QUERY]
        assert rig.gateway.made == 1
        codes = [event.code for event in rig.attempts()]
        assert codes == [None, *["ORDER_NOT_EXIST"] * 4, "ORDER_REPEAT", None]


async def test_something_else_under_the_id_is_never_returned(stage: Stage) -> None:
    """D21 ORDER_REPEAT, other amount on file"""
    async with stage.rig() as rig:
        rig.gateway.put(order(amount="1.00"))
        error = await rig.failure(rig.client.create_link(order(amount="2.00")))

        assert type(error) is ConflictError
        assert error.differences == ("total_amount",)
        assert error.outcome is Outcome.REJECTED
        assert rig.gateway.names == [CREATE, QUERY]


async def test_something_else_under_the_id_is_found_out_by_asking(
    stage: Stage,
) -> None:
    """D21 other amount on file, and the refusal lost"""
    async with stage.rig() as rig:
        rig.gateway.put(order(amount="1.00"))
        rig.gateway.scenes.append(unanswered(Wire.finish))
        error = await rig.failure(rig.client.create_link(order(amount="2.00")))

        assert type(error) is ConflictError
        assert error.differences == ("total_amount",)
        assert rig.gateway.names == SETTLED[True]


async def test_a_link_that_queries_show_late_is_waited_for(stage: Stage) -> None:
    """D24 query says not found for 3 s"""
    async with stage.rig() as rig:
        rig.gateway.lag = 3.0
        rig.gateway.scenes.append(unanswered(Wire.finish))
        await rig.create()

        assert rig.gateway.names == [CREATE, QUERY, QUERY, QUERY]
        assert rig.gateway.made == 1


@pytest.mark.parametrize("code", ["PROCESSING_2", "NEW_IN_2031", "504"])
@pytest.mark.parametrize("lag", [0.0, 19.5])
async def test_a_signed_code_that_nobody_knows_is_success_when_it_was_done(
    stage: Stage, code: str, lag: float
) -> None:
    """D17 signed, unknown code"""
    async with stage.rig() as rig:
        rig.gateway.lag = lag
        rig.gateway.scenes.append(coded(code, done=True))
        link = await rig.create()

        assert link.found
        assert rig.first() == (Outcome.UNKNOWN, ApiError.__name__)
        assert rig.gateway.names.count(CREATE) == rig.gateway.made == 1


@pytest.mark.parametrize("code", ["PROCESSING_2", "NEW_IN_2031", "504"])
async def test_a_signed_code_that_nobody_knows_is_a_refusal_when_nothing_came_of_it(
    stage: Stage, code: str
) -> None:
    """D17 signed, unknown code"""
    async with stage.rig() as rig:
        rig.gateway.scenes.append(coded(code))
        error = await rig.failure(rig.create())

        assert type(error) is ApiError
        assert (error.outcome, error.attempts) == (Outcome.REJECTED, 1)
        assert (error.code, error.verified) == (code, True)
        assert "was refused with" in str(error)
        # Never sent again by itself; the merchant may.
        assert rig.gateway.names == [CREATE, *[QUERY] * 4]
        assert rig.clock.slept == [1.0, 4.0, 15.0]
        assert not (await rig.create()).found
        await rig.still_works()


async def test_a_signed_code_that_nobody_knows_ends_no_doubt(stage: Stage) -> None:
    """D17 signed, unknown code, after a lost answer"""
    async with stage.rig() as rig:
        rig.gateway.scenes.append(unanswered(Wire.finish, done=False))
        rig.gateway.scenes.extend([serve] * 4)
        rig.gateway.scenes.append(coded("NEW_IN_2031"))
        error = await rig.failure(rig.create())

        assert type(error) is OutcomeUnknownError
        assert "NEW_IN_2031" in error.reason
        assert rig.gateway.names == [*SETTLED[False], *[QUERY] * 4]


async def test_a_signed_code_that_nobody_knows_answers_a_question(
    stage: Stage,
) -> None:
    """D17 signed, unknown code"""
    async with stage.rig() as rig:
        rig.gateway.scenes.append(coded("NEW_IN_2031"))
        error = await rig.failure(rig.client.query_link("order-1"))

        assert type(error) is ApiError
        assert error.outcome is Outcome.REJECTED
        assert rig.gateway.names == [QUERY]
