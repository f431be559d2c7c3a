"""Who takes part besides the client: who pays, and who sees notifications."""

from __future__ import annotations

import enum
from typing import Protocol

import attrs

from payermax_async.acceptance.evidence import NoticeSeen
from payermax_async.doctor.findings import Finding

__all__ = ["BuyerAsked", "LinkPayer", "PaymentEnd", "Witness"]


class PaymentEnd(enum.StrEnum):
    """How a payment is to end."""

    SUCCESS = "success"
    FAILED = "failed"
    PENDING = "pending"


@attrs.frozen(kw_only=True)
class BuyerAsked:
    """A link that is to be paid."""

    url: str = attrs.field(repr=False)
    """Its page."""
    amount: str
    """What the page asks for, with the currency."""
    end: PaymentEnd
    """How the payment is to end."""


class LinkPayer(Protocol):
    """Pays, or has somebody pay."""

    async def pay(self, asked: BuyerAsked) -> None:
        """Pay, or tell somebody to; returns at once.

        Raises:
            PayerMaxError: It cannot be paid.
        """
        ...

    async def end_refund(self, refund_trade_no: str) -> None:
        """Hasten the end of a refund, where that can be done."""
        ...


class Witness(Protocol):
    """Sees what becomes of notifications."""

    @property
    def name(self) -> str:
        """Who it is, and what that proves: goes into the evidence."""
        ...

    async def saw(self, kind: str, number: str) -> tuple[NoticeSeen, Finding] | None:
        """The last notification of a type about a link, order or refund.

        Returns:
            It, and whether it was dealt with as PayerMax wants; ``None`` so far.
        """
        ...

    async def repeat(self, kind: str, number: str) -> tuple[NoticeSeen, Finding] | None:
        """Have it come once more.

        Returns:
            What became of it; ``None`` where nobody can have it repeated.
        """
        ...
