"""How notifications come to the shop: late, twice, spoilt, in any order, not at all."""

from __future__ import annotations

import asyncio

import attrs

from payermax_async.sandbox.ledger.events import Event as LedgerEvent
from payermax_async.sandbox.notifications.notices import (
    Notice,
    NoticeKind,
    notices_of,
    write_notice,
)
from tests.world.chance import Chance
from tests.world.gateway import Gateway
from tests.world.loop import WorldLoop
from tests.world.must import must
from tests.world.orders import Shop
from tests.world.process import Process
from tests.world.trace import Trace

__all__ = ["Delivery", "Post"]

_AGAIN = (0.0, 5.0, 20.0, 60.0, 60.0, 60.0)
_PATIENCE = 15.0
_FAULTS = (
    *("lost", "late", "late", "doubled", "answer lost"),
    *("truncated", "forged", "swapped", "unsigned"),
)


@attrs.define(kw_only=True, eq=False)
class Delivery:
    """One notice, and whether the shop has acknowledged it."""

    notice: Notice
    place: str
    acknowledged: bool = False
    acknowledged_at: float = 0.0
    never: bool = False
    """Whether PayerMax never sends it; somebody has to ask."""


@attrs.define(kw_only=True, eq=False)
class Post:
    """PayerMax's notifier, and everything between it and the shop's door."""

    loop: WorldLoop
    chance: Chance
    trace: Trace
    shop: Shop = attrs.field(init=False)
    gateway: Gateway = attrs.field(init=False)
    deliveries: list[Delivery] = attrs.field(factory=list[Delivery])
    longest: float = 0.0
    """Seconds that the longest answer took."""

    def take(self, events: tuple[LedgerEvent, ...], *, told: bool = False) -> None:
        """What happened at the gateway is told to the shop, some time.

        Args:
            events: What happened.
            told: Whether it is in any case: nobody asks about a second payment.
        """
        for event in events:
            found = notices_of(
                event,
                payloads=self.gateway.ledger.payloads,
                now=self.gateway.clock.now(),
                kinds=frozenset(NoticeKind),
                default_urls={},
            )
            for notice in found:
                self._add(notice, told)

    def send_again(self, since: float) -> None:
        """Tell once more what was acknowledged since then, as the merchant asks for."""
        for delivery in self.deliveries:
            if delivery.acknowledged and delivery.acknowledged_at >= since:
                delivery.acknowledged = False
                self.loop.start(self._deliver(delivery))

    def tells_of(self, merchant_link_id: str) -> bool:
        """Whether every payment of a link so far is told of."""
        mine = [one for one in self.deliveries if one.notice.key == merchant_link_id]
        return not any(one.never for one in mine)

    def _add(self, notice: Notice, told: bool) -> None:
        place = self.chance.next_at(f"post/{notice.kind.value}/{notice.key}")
        delivery = Delivery(notice=notice, place=place)
        # Of refunds nobody asks, so they are told of.
        if notice.kind is not NoticeKind.REFUND and not told:
            never = self.chance.pick("post", ("never sent",), place, notice.kind.value)
            delivery.never = never is not None
        self.deliveries.append(delivery)
        if delivery.never:
            self.trace.note("post", f"{place} is never sent", fault=True)
        else:
            self.loop.start(self._deliver(delivery))

    async def _deliver(self, delivery: Delivery) -> None:
        for pause in _AGAIN:
            await asyncio.sleep(pause)
            if delivery.acknowledged:
                return
            await self.try_once(delivery)

    async def try_once(self, delivery: Delivery) -> None:
        """One try, with whatever goes wrong on the way."""
        place = self.chance.next_at(delivery.place)
        body = write_notice(delivery.notice, self.gateway.clock.now())
        sign = self.gateway.keys.sign_now(body)
        found = self.chance.pick("post", _FAULTS, place, delivery.notice.kind.value)
        if found is None:
            if await self._at_the_door(place, body, sign):
                self._acknowledge(delivery)
            return
        fault, draw = found
        self.trace.note("post", f"{place}: {fault}", fault=True)
        if fault == "lost":
            return
        if fault == "late":
            await asyncio.sleep(draw.choice((0.5, 3.0, 30.0, 90.0)))
        if fault == "doubled":
            self.loop.start(self._at_the_door(f"{place}'", body, sign))
        if fault == "truncated":
            body = body[:-9]
        if fault == "swapped":
            sign = self.gateway.keys.sign_now(body + b" ")
        if fault == "forged":
            body = body.replace(b'mount":', b'mount": 1')
            sign = self.gateway.keys.stranger.sign_now(body)
        known = await self._at_the_door(place, body, sign, signed=fault != "unsigned")
        if fault in {"truncated", "forged", "swapped", "unsigned"}:
            must(not known, f"{place} was {fault} and is acknowledged")
        elif fault != "answer lost" and known:
            self._acknowledge(delivery)

    def _acknowledge(self, delivery: Delivery) -> None:
        delivery.acknowledged = True
        delivery.acknowledged_at = self.loop.time()

    async def _at_the_door(
        self, place: str, body: bytes, sign: str, *, signed: bool = True
    ) -> bool:
        """Whether the shop acknowledged it."""
        alive = self.shop.alive
        if not alive:
            return False
        process = self.chance.at(f"door/{place}").choice(alive)
        life, answers = process.life, list[int]()
        work = process.run(
            lambda: self._hand_over(process, body, sign if signed else None, answers)
        )
        await process.until_done(work, timeout=60.0)
        if work.done() and not work.cancelled() and (error := work.exception()):
            raise error
        must(
            answers or work.done() or life.is_dead or not process.is_up,
            f"{place} waits for ever",
        )
        self.trace.note("post", f"{place} to {process.name}: {answers or 'no answer'}")
        return answers == [200]

    async def _hand_over(
        self, process: Process, body: bytes, sign: str | None, answers: list[int]
    ) -> None:
        begun = self.loop.time()
        headers = {"content-type": "application/json"}
        if sign is not None:
            headers["sign"] = sign
        reply = await process.mailroom.receiver.handle(headers, body)
        answers.append(reply.status)
        self.longest = max(self.longest, self.loop.time() - begun)
