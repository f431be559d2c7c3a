"""What a merchant asked for, and what is known of it on either side."""

from __future__ import annotations

import asyncio
import enum
from collections import Counter
from contextvars import ContextVar

import attrs

from payermax_async.core.errors import ConflictError, Outcome, PayerMaxError
from payermax_async.core.models.common import Received
from payermax_async.core.models.link_request import CreateLink
from payermax_async.core.models.links import LinkDetails
from payermax_async.core.models.refunds import CreateRefund, RefundDetails
from payermax_async.pipeline.observe import CallFinished
from tests.world.loop import Life

__all__ = ["CALL", "TURN", "Call", "Found", "Unresolved", "key_of"]


class Unresolved(enum.Enum):
    """Says that nobody found out yet."""

    YET = "yet"


Found = LinkDetails | RefundDetails | ConflictError | None
"""What can come of resolving."""


def key_of(request: CreateLink | CreateRefund) -> str:
    """The merchant's own id."""
    if isinstance(request, CreateLink):
        return request.merchant_link_id
    return request.out_refund_no


@attrs.define(kw_only=True, eq=False)
class Call:
    """One write."""

    request: CreateLink | CreateRefund
    place: str
    """Its name, the same in each run of the seed."""
    timeout: float
    started: float
    task: asyncio.Task[None] | None = None
    result: Received | None = None
    error: BaseException | None = None
    ended: float | None = None
    checked_at: int = -1
    """The version of the ledger with which it was compared last."""
    told: CallFinished | None = None
    """What hooks were told of its end."""
    crashed: bool = False
    """Whether its process died under it."""
    doubted: bool = False
    """Whether an attempt of it ended without anybody knowing what it did."""
    made: list[str] = attrs.field(factory=list[str])
    """What the ledger made for it; the client cannot see this."""
    found: Found | Unresolved = Unresolved.YET
    """What resolving it found; ``None`` when it was not done."""
    life: Life | None = None
    """In which life of a process it was."""
    closed: str = ""
    """What PayerMax said of the write, after which it is not sent again."""
    may_be_at: str = ""
    """The host that may have done it."""
    sends: Counter[str] = attrs.field(factory=Counter[str])
    """By operation."""

    def sent(self, operation: str) -> None:
        """A request for it went off."""
        self.sends[operation] += 1

    @property
    def key(self) -> str:
        """The merchant's own id."""
        return key_of(self.request)

    @property
    def outcome(self) -> Outcome | None:
        """What the merchant knows; ``None`` while running or when it was done."""
        if self.crashed:
            return Outcome.UNKNOWN
        if isinstance(self.error, PayerMaxError):
            return self.error.outcome
        return None if self.error is None else Outcome.UNKNOWN

    @property
    def is_there(self) -> bool:
        """Whether the merchant knows that something is there."""
        told = self.found is not None and self.found is not Unresolved.YET
        return self.result is not None or told

    @property
    def is_open(self) -> bool:
        """Whether it ended and nobody knows what became of it."""
        return self.outcome is Outcome.UNKNOWN and self.found is Unresolved.YET


TURN: ContextVar[object] = ContextVar("TURN", default=None)
"""One call of the client's, also a question about a call before."""
CALL: ContextVar[Call | None] = ContextVar("CALL", default=None)
"""On whose behalf a request goes its way."""
