"""What the shop and its buyers do: links, payments, withdrawals, refunds."""

from __future__ import annotations

import asyncio
import random
from decimal import Decimal
from typing import TYPE_CHECKING

import attrs

from payermax_async.core.errors import ConflictError, Outcome
from payermax_async.core.models.link_parts import UserInfo
from payermax_async.core.models.link_request import CreateLink
from payermax_async.core.models.refunds import CreateRefund
from payermax_async.sandbox.ledger.payment_methods import Method
from payermax_async.sandbox.ledger.payment_methods import PaymentOutcome as Ending
from payermax_async.sandbox.ledger.records import Payment
from payermax_async.sandbox.ledger.refusals import NotPayableError
from payermax_async.webhooks.inbox.entries import Expected
from tests.world.abuse import send_again, tell_older
from tests.world.calls import Call
from tests.world.gateway import OWNER
from tests.world.orders import Order
from tests.world.process import Process

if TYPE_CHECKING:
    from tests.world.world import World

__all__ = ["Deals", "expect"]

_PAYMENT = Payment(method=Method.WALLET, outcome=Ending.SUCCEED)


@attrs.define(kw_only=True, eq=False)
class Deals:
    """One order after the other, each with its own chance."""

    world: World

    async def deal(self, number: int) -> None:
        """One link from its beginning to its refunds."""
        world = self.world
        draw = world.chance.at(f"deal/{number}")
        # At times all come at once, as on the day of a sale.
        await asyncio.sleep(draw.uniform(0.0, 2.0 if world.setting.rush else 90.0))
        order = self.order(number, draw)
        key = order.key
        world.start(self._pay(key, draw.uniform(0.5, 80.0)))
        if not world.setting.looks_up:
            await expect(world, order)
        await self.write(order, draw.choice((1, 1, 2)))
        if draw.random() < 0.2:
            world.start(self._wait(order, draw.choice((5.0, 60.0))))
        if draw.random() < 0.45:
            await self._end_link(order, draw)
        if draw.random() < 0.6:
            await self._give_back(order, draw.choice((1, 1, 2, 3)))

    def order(self, number: int, draw: random.Random) -> Order:
        """Write down what is to be sold, at times wrongly."""
        country, currency = draw.choice((("US", "USD"), ("DE", "EUR")))
        request = CreateLink(
            merchant_link_id=f"order-{number}",
            total_amount=draw.choice(("5", "19.90")),
            currency=currency,
            country=country,
            description="Blue T-shirt",
            user_info=UserInfo(user_id="u-98"),
        )
        right = Expected(request.total_amount, request.currency)
        expected = right
        if self.world.setting.mistaken and draw.random() < 0.4:
            other = "EUR" if currency == "USD" else "USD"
            expected = draw.choice(
                (
                    Expected(right.amount + Decimal("0.30"), currency),
                    Expected(right.amount - Decimal("0.30"), currency),
                    Expected(right.amount, other),
                )
            )
        created_at = self.world.gateway.clock.now()
        order = Order(request=request, created_at=created_at, expected=expected)
        self.world.shop.orders[order.key] = order
        return order

    @property
    def _reuses(self) -> bool:
        return self.world.setting.reuses_ids

    async def process(self) -> Process:
        """A process that is up, once there is one."""
        while not self.world.shop.alive:
            await asyncio.sleep(0.5)
        place = self.world.chance.next_at("process")
        return self.world.chance.at(place).choice(self.world.shop.alive)

    # --- writing ---------------------------------------------------------------------

    async def write(self, order: Order, at_once: int) -> None:
        """Have it made, and made again by the word of the client."""
        place, chance = f"write/{order.key}", self.world.chance
        for _ in range(4):
            process = await self.process()
            calls = [process.desk.write(order, order.request) for _ in range(at_once)]
            for call in calls:
                self._disturb(call)
            for call in calls:
                assert call.task is not None
                await process.until_done(call.task)
            draw = chance.at(chance.next_at(place))
            await send_again(self.world, process, order, f"{place}/unasked")
            if await self._is_known(order, draw.random() < 0.5):
                break
            await asyncio.sleep(draw.choice((0.1, 3.0)))
        if not self._reuses or not isinstance(order.request, CreateLink):
            return
        found = chance.pick("user", ("another amount",), place, "made", weight=0.5)
        if found is not None and order.is_settled:
            self.world.trace.note(
                "buyer", f"another amount for {order.key}", fault=True
            )
            changed = attrs.evolve(order.request, total_amount=Decimal(7))
            process = await self.process()
            call = process.desk.write(order, changed)
            assert call.task is not None
            await process.until_done(call.task)

    async def _is_known(self, order: Order, bare: bool) -> bool:
        """Whether the order exists for all that the merchant knows, or is open."""
        beyond = self.world.setting.beyond
        for _ in range(3):
            if not any(call.is_open for call in order.calls):
                break
            if beyond:
                return True  # "not found" proves nothing yet
            process = await self.process()
            resolving = process.run(
                lambda p=process: p.desk.resolve(order, bare=bare)  # type: ignore[misc]
            )
            self._disturb_task(resolving, f"resolve/{order.key}", "resolve")
            await process.until_done(resolving)
        if any(call.is_open for call in order.calls):
            return True
        if any(call.is_there for call in order.calls):
            return True
        last = order.calls[-1]
        refused = last.outcome in {Outcome.NOT_SENT, Outcome.REJECTED}
        if refused and last.doubted and beyond:
            return True
        again = last.found is None or refused
        return not again or isinstance(last.error, ConflictError)

    def _disturb(self, call: Call) -> None:
        assert call.task is not None
        self._disturb_task(call.task, call.place, "write")

    def _disturb_task(self, task: asyncio.Task[None], place: str, state: str) -> None:
        place = self.world.chance.next_at(place)
        found = self.world.chance.pick(
            "host", ("cancelled task",), place, state, weight=0.3
        )
        if found is not None:
            self.world.loop.start(self._cancel(task, place, found[1].uniform(0, 30)))

    async def _cancel(self, task: asyncio.Task[None], place: str, after: float) -> None:
        await asyncio.sleep(after)
        if not task.done():
            self.world.trace.note("host", f"cancels {place}", fault=True)
            task.cancel()

    async def _wait(self, order: Order, seconds: float) -> None:
        process = await self.process()
        task = process.run(lambda: process.desk.wait(order, seconds))
        self._disturb_task(task, f"wait/{order.key}", "wait")
        await process.until_done(task)

    # --- the end of a link -----------------------------------------------------------

    async def _end_link(self, order: Order, draw: random.Random) -> None:
        await asyncio.sleep(draw.uniform(0.0, 20.0))
        if draw.random() < 0.5:
            # Somebody pays while it is being withdrawn.
            self.world.start(self._pay(order.key, draw.choice((0.0, 0.005, 0.1, 1.0))))
        process = await self.process()
        work = process.run(lambda: process.desk.withdraw(order))
        self._disturb_task(work, f"{order.key}/withdrawal", "withdraw")
        await process.until_done(work)
        if work.done() and not work.cancelled():
            work.result()

    async def _pay(self, key: str, after: float) -> None:
        world = self.world
        await asyncio.sleep(after)
        ledger = world.gateway.ledger
        for link in ledger.repository.links():
            if link.merchant_link_id != key:
                continue
            try:
                done = ledger.pay_link(link.link_id, _PAYMENT)
            except NotPayableError:
                continue
            number = done.value.out_trade_no
            world.trace.note("buyer", f"pays {key} by {number}")
            world.happened(done.events)
            tell_older(world, done.value, link)
            place = f"again/{number}"
            found = world.chance.pick("user", ("pays twice",), place, "paid")
            # Nobody asks about a link of which a payment is handled.
            if found is not None and world.post.tells_of(key):
                # With a page that was open since before.
                await asyncio.sleep(found[1].choice((0.0, 1.0, 20.0)))
                twice = ledger.pay_again(link.link_id, _PAYMENT)
                number = twice.value.out_trade_no
                world.trace.note("buyer", f"pays {key} again by {number}", fault=True)
                world.happened(twice.events, told=True)

    # --- refunds ---------------------------------------------------------------------

    async def _give_back(self, order: Order, parts: int) -> None:
        repository, trade = self.world.gateway.ledger.repository, None
        for _ in range(60):
            link = repository.link_of_merchant(OWNER, order.key)
            trade = link and repository.paid_trade(link.link_id)
            if trade:
                break
            await asyncio.sleep(1.0)
        if not trade:
            return
        draw = self.world.chance.at(f"refund/{order.key}")
        whole, halves = draw.random() < 0.3, draw.random() < 0.3
        if halves:
            parts = 2
        for number in range(1 if whole else parts):
            amount = Decimal(1)
            if whole:
                amount = trade.amount
            elif halves:
                half = Decimal("2.50") if trade.amount == 5 else Decimal("9.95")
                amount = half
            request = CreateRefund(
                out_refund_no=f"{order.key}-back-{number}",
                refund_amount=amount,
                refund_currency=trade.currency,
                out_trade_no=trade.out_trade_no,
            )
            refund = Order(request=request, created_at=self.world.gateway.clock.now())
            self.world.shop.orders[refund.key] = refund
            await self.write(refund, 1)
            # PayerMax takes one refund of a payment at a time.
            await asyncio.sleep(draw.choice((0.0, 2.0, 65.0)))


async def expect(world: World, order: Order) -> None:
    """Tell the inbox what is to be paid, until it knows."""
    expected = order.expected
    assert expected is not None
    while True:
        process = await world.deals.process()
        done: list[bool] = []

        async def tell(process: Process = process, done: list[bool] = done) -> None:
            try:
                await process.mailroom.receiver.expect(
                    order.key, expected.amount, expected.currency
                )
            except Exception:  # noqa: BLE001 - a database raises what it likes
                return
            done.append(True)

        await process.until_done(process.run(tell))
        if done:
            return
        await asyncio.sleep(1.0)
