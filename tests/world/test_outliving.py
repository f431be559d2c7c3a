"""How late a request may be before a second link can come of it, to the second.

No client can tell a request that is lost from one that is late. Once it has asked
often enough it must send again, and a gateway that does not check for duplicates
then makes what it is asked for. What helps is to wait for longer than anything can
be late: on the way a request dies two minutes after its stamp.
"""

from __future__ import annotations

import asyncio

import attrs
import pytest

from payermax_async.core.models.link_parts import UserInfo
from payermax_async.core.models.link_request import CreateLink
from payermax_async.sandbox.ledger.policy import Duplicates
from tests.world.calls import Call
from tests.world.chance import Chance
from tests.world.gateway import HOSTS
from tests.world.keys import stand_in_keys
from tests.world.loop import WorldLoop
from tests.world.network import Fate, Kind
from tests.world.orders import Order
from tests.world.process import Process
from tests.world.settings import Setting
from tests.world.world import World

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


async def _create(world: World, fate: Fate) -> Call:
    process = Process(world.shop, 1)
    world.shop.processes.append(process)
    process.start()
    await asyncio.sleep(0.5)
    world.gateway.script.append(fate)
    order = Order(request=REQUEST, created_at=world.gateway.clock.now())
    call = process.desk.write(order, REQUEST, timeout=600.0)
    assert call.task is not None
    await asyncio.wait([call.task])
    await world.gateway.network.arrived()
    await process.run(process.stop)
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
    duplicates: Duplicates,
    waits: tuple[float, ...],
    late: float,
    lag: float,
    links: int,
) -> None:
    chance = Chance(0, only=())
    setting = attrs.evolve(
        Setting.drawn(chance),
        duplicates=duplicates,
        settle_waits=waits,
        failover=False,
        sign_failures=True,
    )
    with asyncio.Runner(loop_factory=WorldLoop) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, WorldLoop)
        world = World(loop, chance, setting, keys=stand_in_keys())
        world.gateway.ledger.lags = dict.fromkeys(HOSTS, lag)
        call = runner.run(_create(world, Fate(kind=Kind.BROKEN, there=late)))
        world.close()
    made = world.gateway.ledger.repository.links()
    assert len(made) == links
    assert {link.merchant_link_id for link in made} == {"order-1"}
    # Without the check a client that still sees nothing keeps on sending; with it,
    # it learns of the first link and only waits to see it.
    assert call.result is not None or (call.is_open and lag > 20)
