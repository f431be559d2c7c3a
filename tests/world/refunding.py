"""How refunds end at the gateway: well, badly, or well and then badly after all."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import attrs

from payermax_async.core.models.refunds import RefundStatus
from payermax_async.sandbox.ledger.events import RefundEnded

if TYPE_CHECKING:
    from tests.world.world import World

__all__ = ["Refunding"]

_SUCCESS, _FAILED = RefundStatus.REFUND_SUCCESS, RefundStatus.REFUND_FAILED
_TAKES = 60.0


@attrs.define(kw_only=True, eq=False)
class Refunding:
    """Ends each refund some time after it was made."""

    world: World
    said: dict[str, list[RefundStatus]] = attrs.field(
        factory=dict[str, list[RefundStatus]]
    )
    """What the gateway said of each refund so far, by its own number."""

    def begin(self, number: str) -> None:
        """One was made."""
        self.said[number] = []
        # Not tied to the trouble: what is under way ends in peace as well.
        self.world.loop.start(self._run(number))

    async def _run(self, number: str) -> None:
        world = self.world
        draw = world.chance.at(f"refunding/{number}")
        if draw.random() < 0.4:
            self._say(number, RefundStatus.REFUND_PENDING)
        await asyncio.sleep(_TAKES if world.setting.reuses_ids else 1.0)
        repository = world.gateway.ledger.repository
        refund = repository.refund(number)
        assert refund is not None
        found = world.chance.pick(
            "gateway", ("refund fails", "refund bounces"), f"refund/{number}", "pending"
        )
        fate = "" if found is None else found[0]
        if fate:
            world.trace.note("gateway", f"{refund.out_refund_no}: {fate}", fault=True)
        self._end(number, _FAILED if fate == "refund fails" else _SUCCESS)
        if fate == "refund bounces":
            # The payer's bank sends the money back.
            await asyncio.sleep(draw.choice((0.0, 10.0, 40.0)))
            self._end(number, _FAILED)

    def _end(self, number: str, status: RefundStatus) -> None:
        repository = self.world.gateway.ledger.repository
        refund = repository.refund(number)
        assert refund is not None
        now = self.world.gateway.clock.now()
        repository.put_refund(attrs.evolve(refund, status=status, finished_at=now))
        self._say(number, status)

    def _say(self, number: str, status: RefundStatus) -> None:
        refund = self.world.gateway.ledger.repository.refund(number)
        assert refund is not None
        self.said[number].append(status)
        self.world.happened((RefundEnded(refund=refund),))
