"""What shops and PayerMax do besides that a client has to put up with."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import TYPE_CHECKING

import attrs

from payermax_async.core.codec import to_wire
from payermax_async.core.models.link_request import CreateLink
from payermax_async.core.models.payments import PaymentStatus
from payermax_async.sandbox.ledger.records import Link, LinkSettled, Trade
from tests.world.gateway import DEFAULTS, OWNER
from tests.world.orders import Order
from tests.world.process import Process

if TYPE_CHECKING:
    from tests.world.world import World

__all__ = ["send_again", "tell_older", "use_before"]

_LONG_AGO = 7200.0


async def send_again(world: World, process: Process, order: Order, place: str) -> None:
    """Once more by who sent it, without a word of what became of it."""
    last, life = order.calls[-1], process.life
    if not last.is_open or last.request is not order.request:
        return
    found = world.chance.pick("user", ("sends unasked",), place, "in doubt")
    if found is None:
        return
    await asyncio.sleep(found[1].choice((0.0, 2.0)))
    if process.is_up and process.life is life:
        call = process.desk.write(order, order.request)
        assert call.task is not None
        await process.until_done(call.task)


def use_before(world: World, order: Order) -> None:
    """Something exists under the id from long before."""
    if not world.setting.reuses_ids:
        return  # the gateway makes another one then
    gateway, request = world.gateway, order.request
    assert isinstance(request, CreateLink)
    older = attrs.evolve(request, total_amount=Decimal("6.40"))
    order.other_amount = True
    ahead, gateway.clock.ahead = gateway.clock.ahead, -_LONG_AGO
    gateway.ledger.make_before(OWNER, to_wire(older.completed(DEFAULTS)))
    gateway.clock.ahead = ahead
    world.trace.note("gateway", f"{order.key} was used before", fault=True)


def tell_older(world: World, trade: Trade, link: Link) -> None:
    """What was so before the payment succeeded may be told after it."""
    place = f"older/{trade.out_trade_no}"
    found = world.chance.pick("post", ("older state",), place, "paid", weight=2.0)
    if found is None:
        return
    status = found[1].choice((PaymentStatus.PENDING, PaymentStatus.FAILED))
    number = trade.out_trade_no
    if status is PaymentStatus.FAILED:
        number = f"{number[:-1]}x"  # of a try before it
    before = attrs.evolve(trade, status=status, out_trade_no=number, completed_at=None)
    world.trace.note("post", f"{link.merchant_link_id} was {status}", fault=True)
    world.post.take((LinkSettled(link=link, trade=before),), told=True)
