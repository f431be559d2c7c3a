"""Connections that break around the request, and callers that leave."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence

import attrs
import pytest

from payermax_async.core.errors import (
    InvalidRequestError,
    NoReplyError,
    Outcome,
    OutcomeUnknownError,
)
from payermax_async.pipeline.chain import Attempt, CallNext
from payermax_async.transport.base import HttpRequest, HttpResponse
from tests.faults.gateway import (
    Gateway,
    Scene,
    Turn,
    coded,
    cut_short,
    serve,
    unanswered,
)
from tests.faults.rig import (
    CREATE,
    QUERY,
    SETTLED,
    SHORT,
    BriskClock,
    Rig,
    Stage,
)
from tests.faults.server import (
    Behaviour,
    Wire,
    close_at_once,
    hold,
    reset_at_once,
)
from tests.pipeline.gateway import order

LOST = [*[QUERY] * 4, CREATE]
"""What the gateway sees when the first create never came in whole."""


@attrs.frozen(kw_only=True)
class Row:
    """What the first create meets, and what the gateway is asked in all."""

    name: str
    arrivals: Sequence[Behaviour] = ()
    scenes: Sequence[Scene] = ()
    warm: bool = False
    """Whether a connection is in the pool already."""
    outcome: Outcome | None = Outcome.UNKNOWN
    asked: Sequence[str]
    connections: int = 2
    attempt_timeout: float = 20.0


ROWS = (
    Row(name="B1 accept, FIN", arrivals=[close_at_once], asked=LOST),
    Row(name="B2 accept, RST", arrivals=[reset_at_once], asked=LOST),
    Row(
        name="B3 FIN after half the request",
        scenes=[cut_short(Wire.finish, headers=True)],
        asked=LOST,
    ),
    Row(
        name="B4 RST after half the request",
        scenes=[cut_short(reset_at_once, headers=True)],
        asked=LOST,
    ),
    Row(
        name="B5 done, then FIN", scenes=[unanswered(Wire.finish)], asked=SETTLED[True]
    ),
    Row(
        name="B5 not done, then FIN",
        scenes=[unanswered(Wire.finish, done=False)],
        asked=SETTLED[False],
    ),
    Row(
        name="B6 done, then RST",
        scenes=[unanswered(reset_at_once)],
        asked=SETTLED[True],
    ),
    Row(
        name="B6 not done, then RST",
        scenes=[unanswered(reset_at_once, done=False)],
        asked=SETTLED[False],
    ),
    Row(
        name="B7 done, then silence",
        scenes=[unanswered(hold)],
        asked=SETTLED[True],
        attempt_timeout=SHORT,
    ),
    Row(
        name="B7 not done, then silence",
        scenes=[unanswered(hold, done=False)],
        asked=SETTLED[False],
        attempt_timeout=SHORT,
    ),
    Row(
        name="B8 kept connection, FIN on the first byte",
        scenes=[serve, cut_short(Wire.finish, headers=False)],
        warm=True,
        asked=[QUERY, *LOST],
    ),
    Row(
        name="B9 kept connection, RST on the first byte",
        scenes=[serve, cut_short(reset_at_once, headers=False)],
        warm=True,
        asked=[QUERY, *LOST],
    ),
    Row(
        name="B11 kept connection, done, then FIN",
        scenes=[serve, unanswered(Wire.finish)],
        warm=True,
        asked=[QUERY, *SETTLED[True]],
    ),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
async def test_a_broken_connection_costs_no_link_and_makes_no_second(
    stage: Stage, row: Row
) -> None:
    async with stage.rig(attempt_timeout=row.attempt_timeout) as rig:
        gateway = rig.gateway
        gateway.arrivals.extend(row.arrivals)
        gateway.scenes.extend(row.scenes)
        if row.warm:
            await rig.still_works()
        await rig.create()

        assert rig.first() == (row.outcome, NoReplyError.__name__)
        assert gateway.names == list(row.asked)
        assert gateway.made == 1
        assert gateway.server.connections == row.connections
        await rig.still_works()
        assert gateway.server.connections == row.connections
    _same_fields(gateway)


def _same_fields(gateway: Gateway) -> None:
    """Every create was signed anew and asked for the same."""
    creates = gateway.asked_for(CREATE)
    assert all(asked.data == creates[0].data for asked in creates)
    assert len({asked.sign for asked in creates}) == len(creates)


async def test_an_idle_connection_that_was_closed_is_not_used(stage: Stage) -> None:
    """B10 idle connection closed before reuse"""
    async with stage.rig() as rig:

        async def serve_and_close(turn: Turn) -> None:
            await serve(turn)
            await turn.wire.finish()

        rig.gateway.scenes.append(serve_and_close)
        await rig.still_works()
        await rig.gateway.server.quiet()
        for _ in range(5):  # until this side has heard of it, too
            await asyncio.sleep(0.01)
        await rig.create()

        assert rig.first() == (None, None)
        assert rig.gateway.names == [QUERY, CREATE]
        assert rig.gateway.server.connections == 2


class Gate:
    """A middleware that holds attempts back until it is opened."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.open = asyncio.Event()

    async def __call__(
        self, request: HttpRequest, attempt: Attempt, call_next: CallNext, /
    ) -> HttpResponse:
        self.reached.set()
        await self.open.wait()
        return await call_next(request)


async def cancel(task: asyncio.Task[object]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def ended(rig: Rig) -> tuple[Outcome | None, str | None]:
    """How the last call ended."""
    call = rig.calls()[-1]
    return call.outcome, call.error


async def test_cancelling_before_sending_sends_nothing(stage: Stage) -> None:
    """B12 caller cancels before send"""
    gate = Gate()
    async with stage.rig(middlewares=[gate]) as rig:
        task: asyncio.Task[object] = asyncio.ensure_future(rig.create())
        await gate.reached.wait()
        await cancel(task)

        assert ended(rig) == (Outcome.NOT_SENT, "CancelledError")
        assert rig.gateway.server.connections == 0
        gate.open.set()
        await rig.still_works()


@pytest.mark.parametrize("done", [True, False])
async def test_cancelling_after_sending_leaves_a_case_that_can_be_settled(
    stage: Stage, done: bool
) -> None:
    """B13 caller cancels after send"""
    async with stage.rig() as rig:
        rig.gateway.scenes.append(unanswered(hold, done=done))
        task: asyncio.Task[object] = asyncio.ensure_future(rig.create())
        await rig.gateway.server.received(1)
        await cancel(task)

        assert ended(rig) == (Outcome.UNKNOWN, "CancelledError")
        await rig.still_works()
        assert rig.gateway.server.connections == 2  # the first was not kept
        found = await rig.client.resolve(order())
        assert (found is not None) is done
        assert rig.gateway.made == done


async def test_cancelling_during_a_wait_is_the_end_of_it(stage: Stage) -> None:
    """B14 caller cancels during backoff"""
    clock = BriskClock()
    asleep = asyncio.Event()

    async def never(_seconds: float) -> None:
        asleep.set()
        await asyncio.Event().wait()

    async with stage.rig(clock=clock) as rig:
        rig.gateway.arrivals.append(reset_at_once)
        clock.on_sleep = never
        task: asyncio.Task[object] = asyncio.ensure_future(rig.client.query_link("x"))
        await asleep.wait()
        await cancel(task)
        clock.on_sleep = None

        assert rig.gateway.asked == []
        await rig.still_works()
        assert rig.gateway.names == [QUERY]


async def test_no_id_is_lost_when_one_of_many_fails(stage: Stage) -> None:
    """B16 one of 100 in a TaskGroup fails"""
    keys = [f"order-{number}" for number in range(100)]
    enough = asyncio.Event()

    numbers = itertools.count(1)

    async def some(turn: Turn) -> None:
        number = next(numbers)
        if number < 40:
            await serve(turn)
        elif number == 40:
            await enough.wait()
            await coded("PARAMS_INVALID")(turn)
        else:
            await unanswered(hold, done=number % 2 == 0)(turn)

    async with stage.rig(limit=50) as rig:
        rig.gateway.usual = some

        async def watch() -> None:
            # All that found a free connection, but for the one that fails.
            await rig.gateway.server.received(88)
            enough.set()

        async def create_all() -> None:
            async with asyncio.TaskGroup() as group:
                group.create_task(watch())
                for key in keys:
                    group.create_task(rig.create(key))

        with pytest.raises(ExceptionGroup) as caught:
            await create_all()
        assert [type(error) for error in caught.value.exceptions] == [
            InvalidRequestError
        ]

        rig.gateway.usual = serve
        ends = {call.merchant_key: call.outcome for call in rig.calls()}
        links = rig.gateway.links
        assert sorted(map(str, ends)) == sorted(keys)
        assert set(ends.values()) == {None, *Outcome}
        for key in keys:
            match ends[key]:
                case None:
                    assert key in links
                case Outcome.UNKNOWN:
                    found = await rig.client.resolve(order(key))
                    assert (found is not None) is (key in links)
                case _:
                    assert key not in links


@pytest.mark.parametrize("done", [True, False])
async def test_a_transport_closed_under_a_create_leaves_it_unknown(
    stage: Stage, done: bool
) -> None:
    """B17 session closed in flight"""
    async with stage.rig() as rig:
        rig.gateway.scenes.append(unanswered(hold, done=done))
        task = asyncio.ensure_future(rig.failure(rig.create()))
        await rig.gateway.server.received(1)
        await rig.transport.aclose()
        error = await task

        assert type(error) is OutcomeUnknownError
        assert error.merchant_key == "order-1"
        assert rig.first() == (Outcome.UNKNOWN, NoReplyError.__name__)


async def test_a_client_closed_under_a_create_says_that_it_is_unknown(
    stage: Stage,
) -> None:
    """B17 client closed in flight, without patience"""
    async with stage.rig() as rig:
        rig.gateway.scenes.append(unanswered(hold))
        task = asyncio.ensure_future(rig.failure(rig.create()))
        await rig.gateway.server.received(1)
        await rig.client.aclose(drain=0.0)
        error = await task

        assert type(error) is OutcomeUnknownError
        assert error.merchant_key == "order-1"
        assert ended(rig) == (Outcome.UNKNOWN, "OutcomeUnknownError")
