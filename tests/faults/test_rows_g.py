"""Lagging queries, wrong dates, unheard-of codes, foreign parts, ids used again."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from payermax_async.core.errors import (
    ConflictError,
    NotSentError,
    Outcome,
    OutcomeUnknownError,
    PayerMaxError,
)
from payermax_async.pipeline.chain import Attempt, CallNext, Middleware
from payermax_async.transport.base import HttpRequest, HttpResponse
from tests.faults.gateway import Turn, coded, serve, spoken, unanswered
from tests.faults.rig import CREATE, QUERY, SETTLED, Stage
from tests.faults.server import Wire, reply
from tests.pipeline.gateway import order

UNHEARD = ("GATEWAY_TIMEOUT", "504", "FAIL", "-1", "Success", "\N{SNOWMAN}")
MINUTES = (-60 * 24, -20, -15, -3, 3, 20, 60 * 24)


@pytest.mark.parametrize("minutes", MINUTES)
@pytest.mark.parametrize("done", [True, False])
async def test_a_proxys_page_with_a_wrong_date_stops_nothing(
    stage: Stage, minutes: int, done: bool
) -> None:
    """G1 502 whose Date is off"""

    async def page(turn: Turn) -> None:
        asked = await turn.read()
        turn.gateway.carry_out(asked, keep=done)
        turn.gateway.ahead = timedelta(minutes=minutes)
        date = turn.gateway.answer().date
        turn.gateway.ahead = timedelta(0)
        headers = (f"Date: {date}", "Content-Type: text/html")
        page = reply(b"<html>", status="502 Bad Gateway", headers=headers)
        await turn.wire.send(page)

    async with stage.rig() as rig:
        rig.gateway.scenes.append(page)
        await rig.create()

        assert rig.gateway.names == SETTLED[done]
        assert rig.gateway.made == 1
        await rig.still_works()


@pytest.mark.parametrize("code", UNHEARD)
@pytest.mark.parametrize("done", [True, False])
async def test_an_unsigned_code_nobody_published_settles_nothing(
    stage: Stage, code: str, done: bool
) -> None:
    """G2 unsigned, not in the catalogue"""
    async with stage.rig() as rig:
        rig.gateway.scenes.append(coded(code, done=done, signed=False))
        await rig.create()

        assert rig.first() == (Outcome.UNKNOWN, rig.first()[1])
        assert rig.gateway.names == SETTLED[done]
        assert rig.gateway.made == 1


@pytest.mark.parametrize("lag", [0.5, 4.0, 19.5])
async def test_a_lag_within_the_waits_makes_no_second_link(
    stage: Stage, lag: float
) -> None:
    """G3 queries lag"""
    async with stage.rig() as rig:
        rig.gateway.lag = lag
        rig.gateway.scenes.append(unanswered(Wire.finish))
        await rig.create()

        assert rig.gateway.made == 1
        assert rig.gateway.names.count(CREATE) == 1
        assert rig.gateway.names.count(QUERY) >= 2


class Part:
    """A middleware that sends, and then does something of its own, once."""

    def __init__(self, end: str) -> None:
        self.end = end
        self.used = False

    async def __call__(
        self, request: HttpRequest, attempt: Attempt, call_next: CallNext, /
    ) -> HttpResponse:
        answer = await call_next(request)
        if self.used:
            return answer
        self.used = True
        if self.end == "denies":
            raise NotSentError("nothing left, I swear")
        if self.end == "dislikes":
            raise PayerMaxError("not to my taste")
        if self.end == "breaks":
            raise ConnectionError("the tenant's database is away")
        if self.end == "hangs":
            await asyncio.Event().wait()
        return HttpResponse(status=200, body=b'{"code":"PARAMS_INVALID","msg":"no"}')


@pytest.mark.parametrize("end", ["denies", "dislikes", "breaks", "hangs", "lies"])
async def test_a_part_that_fails_after_the_send_leaves_one_link(
    stage: Stage, end: str
) -> None:
    """G4 a middleware after the answer"""
    part: Middleware = Part(end)
    async with stage.rig(middlewares=[part], attempt_timeout=0.75) as rig:
        doubt: OutcomeUnknownError | None = None
        try:
            await rig.create()
        except OutcomeUnknownError as error:
            doubt = error
        if doubt is not None:
            assert doubt.merchant_key == "order-1"
            assert await rig.client.resolve(doubt) is not None

        assert rig.gateway.made == 1
        assert rig.gateway.names.count(CREATE) == 1
        await rig.still_works()


async def test_an_id_in_doubt_that_is_created_again_is_asked_about_first(
    stage: Stage,
) -> None:
    """G5 the same id again, after a doubt"""
    async with stage.rig(max_attempts=1) as rig:
        garbage = spoken(lambda _: b"garbage\r\n\r\n", Wire.finish)
        rig.gateway.scenes.extend([garbage] * 6)
        error = await rig.failure(rig.create())
        assert error.outcome is Outcome.UNKNOWN
        rig.gateway.scenes.clear()
        rig.clock.seconds += 60.0
        link = await rig.create()

        assert link.merchant_link_id == "order-1"
        assert rig.gateway.made == 1
        assert rig.gateway.names.count(CREATE) == 1


@pytest.mark.parametrize(("amount", "differs"), [("19.90", False), ("25.00", True)])
async def test_an_id_used_before_tells_a_repetition_from_a_change(
    stage: Stage, amount: str, differs: bool
) -> None:
    """G6 the same id again, the same amount or another"""
    async with stage.rig() as rig:
        rig.gateway.usual = serve
        first = await rig.create()
        again = rig.client.create_link(order(amount=amount))
        if differs:
            error = await rig.failure(again)
            assert isinstance(error, ConflictError)
            assert error.differences == ("total_amount",)
        else:
            assert (await again).link_url == first.link_url

        assert rig.gateway.made == 1
