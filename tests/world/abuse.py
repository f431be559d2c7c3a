"""What shops and PayerMax do besides that a client has to put up with."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import attrs

from payermax_async.core.models.payments import PaymentStatus
from payermax_async.sandbox.ledger.events import LinkSettled
from payermax_async.sandbox.ledger.records import Link, Trade
from tests.world.orders import Order
from tests.world.process import Process

if TYPE_CHECKING:
    from tests.world.world import World

__all__ = ["send_again", "tell_older"]


async def send_again(world: World, process: Process, order: Order, place: str) -> None:
    """Once more by the client that sent it, without a word of what became of it.

    Only where that client knows of it: that it may have been done, or that it was.
    What another process sent, or an earlier life, it cannot know of.
    """
    last, life = order.calls[-1], process.life
    knows = last.result is not None or (last.is_open and not last.crashed)
    if not knows or last.life is not life:
        return
    state = "in doubt" if last.is_open else "done"
    found = world.chance.pick("user", ("sends unasked",), place, state)
    if found is None:
        return
    await asyncio.sleep(found[1].choice((0.0, 2.0)))
    if process.is_up and process.life is life:
        world.trace.note("shop", f"sends {order.key} again, unasked", fault=True)
        call = process.desk.write(order, order.request)
        assert call.task is not None
        await process.until_done(call.task)


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
