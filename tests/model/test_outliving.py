"""How late a request may be before a second link can come of it, to the second.

No client can tell a request that is lost from one that is late. Once it has asked
often enough it must send again, and a gateway that does not check for duplicates
then makes what it is asked for. What helps is to wait for longer than anything can
be late: on the way a request dies two minutes after its stamp.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from payermax_async.core.models.link_request import CreateLink, UserInfo
from payermax_async.sandbox.ledger.policy import Duplicates
from tests.model.keys import stand_in_keys
from tests.model.network import Fate, Kind
from tests.model.virtual_time import VirtualLoop
from tests.model.world import Call, Reach, World

DEFAULT = (1.0, 4.0, 15.0)
PATIENT = (*DEFAULT, 60.0, 60.0)
REQUEST = CreateLink(
    merchant_link_id="order-1",
    total_amount="19.90",
    currency="USD",
    country="US",
    description="Blue T-shirt",
    user_info=UserInfo(user_id="u-98"),
)


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        yield runner


async def _create(world: World, fate: Fate) -> Call:
    await world.client.open()
    call = world.start(REQUEST, [fate], timeout=600)
    assert call.task is not None
    await asyncio.wait([call.task])
    await world.network.arrived()
    await world.client.aclose()
    await world.network.settled()
    return call


@pytest.mark.parametrize(
    ("duplicates", "waits", "late", "lag", "links"),
    [
        (Duplicates.REPEAT, DEFAULT, 19.9, 0.0, 1),
        (Duplicates.REPEAT, DEFAULT, 0.0, 60.0, 1),
        (Duplicates.REPEAT, DEFAULT, 100.0, 90.0, 1),
        (Duplicates.SAME, DEFAULT, 100.0, 90.0, 1),
        (Duplicates.SECOND, DEFAULT, 19.9, 0.0, 1),
        (Duplicates.SECOND, DEFAULT, 0.0, 19.9, 1),
        (Duplicates.SECOND, DEFAULT, 10.0, 9.9, 1),
        (Duplicates.SECOND, DEFAULT, 21.0, 0.0, 2),
        (Duplicates.SECOND, DEFAULT, 0.0, 21.0, 2),
        (Duplicates.SECOND, DEFAULT, 10.0, 11.0, 2),
        (Duplicates.SECOND, PATIENT, 21.0, 0.0, 1),
        (Duplicates.SECOND, PATIENT, 119.0, 15.0, 1),
        (Duplicates.SECOND, PATIENT, 121.0, 0.0, 1),
        (Duplicates.SECOND, PATIENT, 500.0, 0.0, 1),
    ],
)
def test_a_second_link_needs_no_check_and_a_request_later_than_all_waits(
    runner: asyncio.Runner,
    duplicates: Duplicates,
    waits: tuple[float, ...],
    late: float,
    lag: float,
    links: int,
) -> None:
    world = World(
        loop=runner.get_loop(),
        keys=stand_in_keys(),
        duplicates=duplicates,
        reach=Reach.ANY,
        settle_waits=waits,
    )
    world.ledger.lag = lag
    call = runner.run(_create(world, Fate(kind=Kind.BROKEN, there=late)))
    made = world.ledger.book.links()
    assert len(made) == links
    assert {link.merchant_link_id for link in made} == {"order-1"}
    # Without the check a client that still sees nothing keeps on sending; with it,
    # it learns of the first link and only waits to see it.
    assert call.result is not None or (call.is_open and lag > 20)
