"""Examples that drawing found once, as they would be found again only by luck.

An answer to somebody else, genuine and late, carries the hour at which it was made.
A client that took it for the gateway's present called its own clock wrong by as much
and sent nothing more, not even the question that would have settled a doubt.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import attrs
import pytest

from payermax_async.sandbox.ledger.policy import Duplicates
from tests.model.agreement import check, check_nothing_lost, settle
from tests.model.keys import stand_in_keys
from tests.model.network import Fate, Kind
from tests.model.test_outliving import REQUEST
from tests.model.virtual_time import VirtualLoop
from tests.model.world import Call, Reach, World


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        yield runner


async def _one_after_the_other(world: World, old: float, fates: list[Fate]) -> Call:
    """Create a link, and ``old`` seconds later another that meets ``fates``."""
    await world.client.open()
    first = world.start(REQUEST, [])
    assert first.task is not None
    await first.task
    await asyncio.sleep(old)
    later = attrs.evolve(REQUEST, merchant_link_id="order-2")
    call = world.start(later, fates, timeout=600.0)
    assert call.task is not None
    await asyncio.wait([call.task])
    world.heal()
    await world.network.arrived()
    await settle(world)
    check(world)
    check_nothing_lost(world)
    return call


async def _works(world: World) -> None:
    """The next call is sent and done, whatever the client thinks of the clocks."""
    request = attrs.evolve(REQUEST, merchant_link_id="order-3")
    call = world.start(request, [])
    assert call.task is not None
    await call.task
    assert call.result is not None, call.error
    await world.client.query_link("order-3")
    await world.client.aclose()
    await world.network.settled()


@pytest.mark.parametrize("old", [924.0, 1200.0, 1236.0, 1277.0])
@pytest.mark.parametrize("trip", [0.02, 5.5])
def test_the_hour_of_somebody_elses_answer_stops_nobody(
    runner: asyncio.Runner, old: float, trip: float
) -> None:
    world = World(
        loop=runner.get_loop(),
        keys=stand_in_keys(),
        duplicates=Duplicates.SECOND,
        reach=Reach.WITHIN_WAITS,
    )
    foreign = Fate(kind=Kind.FOREIGN, there=0.01, back=trip - 0.01)
    call = runner.run(_one_after_the_other(world, old, [foreign]))
    assert call.result is not None or call.found is not None
    runner.run(_works(world))
    assert len(world.ledger.book.links()) == 3


def test_nor_does_it_when_every_question_meets_one(runner: asyncio.Runner) -> None:
    world = World(
        loop=runner.get_loop(),
        keys=stand_in_keys(),
        duplicates=Duplicates.SECOND,
        reach=Reach.WITHIN_WAITS,
    )
    foreign = Fate(kind=Kind.FOREIGN, there=0.5, back=5.0)
    call = runner.run(_one_after_the_other(world, 1200.0, [foreign] * 6))
    assert call.result is not None or call.found is not None
    runner.run(_works(world))
    assert len(world.ledger.book.links()) == 3
