"""How notifications come to the shop: late, twice, spoilt, in any order, not at all."""

from __future__ import annotations

import asyncio

import attrs

from payermax_async.sandbox.ledger.records import Event as LedgerEvent
from payermax_async.sandbox.notifications.notices import (
    Notice,
    NoticeKind,
    notices_of,
    write_notice,
)
from tests.world.chance import Chance
from tests.world.gateway import Gateway
from tests.world.loop import WorldLoop
from tests.world.shop import Process, Shop
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

    def take(self, events: tuple[LedgerEvent, ...]) -> None:
        """What happened at the gateway is told to the shop, some time."""
        for event in events:
            found = notices_of(
                event,
                payloads=self.gateway.ledger.payloads,
                now=self.gateway.clock.now(),
                kinds=frozenset(NoticeKind),
                default_urls={},
            )
            for notice in found:
                self._add(notice)

    def _add(self, notice: Notice) -> None:
        place = self.chance.next_at(f"post/{notice.kind.value}/{notice.key}")
        delivery = Delivery(notice=notice, place=place)
        # Of refunds nobody asks, so they are told of.
        if notice.kind is not NoticeKind.REFUND:
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
            delivery.acknowledged |= await self._at_the_door(place, body, sign)
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
            assert not known, f"{place} was {fault} and is acknowledged"
        elif fault != "answer lost":
            delivery.acknowledged |= known

    async def _at_the_door(
        self, place: str, body: bytes, sign: str, *, signed: bool = True
    ) -> bool:
        """Whether the shop acknowledged it."""
        alive = self.shop.alive
        if not alive:
            return False
        process = self.chance.at(f"door/{place}").choice(alive)
        answers: list[int] = []
        work = process.run(
            lambda: self._hand_over(process, body, sign if signed else None, answers)
        )
        await asyncio.wait({work}, timeout=60.0)
        if work.done() and not work.cancelled() and (error := work.exception()):
            raise error
        assert answers or process.life.is_dead or not process.is_up, (
            f"{place} waits for ever"
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
        reply = await process.receiver.handle(headers, body)
        answers.append(reply.status)
        self.longest = max(self.longest, self.loop.time() - begun)
