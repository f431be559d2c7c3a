"""Refunds: ask for one, and learn what became of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

import attrs

from payermax_async.core.checks import amount, amount_problem, currency, key, text
from payermax_async.core.errors import Problem
from payermax_async.core.models.common import (
    DECISIVE,
    NO_NOTIFY_URL,
    QueryReply,
    Sent,
    WriteReply,
    rule,
    url_or_none,
    wire,
)
from payermax_async.core.models.link_request import LinkDefaults
from payermax_async.core.money import fit, lenient_amount

__all__ = [
    "CreateRefund",
    "QueryRefund",
    "RefundDetails",
    "RefundStatus",
    "SubmittedRefund",
]


class RefundStatus(StrEnum):
    """Where a refund stands."""

    REFUND_PENDING = "REFUND_PENDING"
    REFUND_SUCCESS = "REFUND_SUCCESS"
    REFUND_FAILED = "REFUND_FAILED"


@attrs.frozen(kw_only=True)
class CreateRefund(Sent):
    """A refund to be made, whole or in part.

    Raises:
        ValidationError: With every broken rule at once.
    """

    out_refund_no: str = attrs.field(metadata=rule(key()))
    """The merchant's own id of the refund, 1 to 64 characters, never used twice."""
    refund_amount: Decimal = attrs.field(
        converter=lenient_amount, metadata=rule(amount) | wire(as_number=True)
    )
    """How much, in major units; given as ``Decimal``, ``int`` or text."""
    refund_currency: str = attrs.field(metadata=rule(currency()))
    """The order's currency, ISO 4217 code."""
    out_trade_no: str | None = attrs.field(default=None, metadata=rule(key()))
    """PayerMax's order number; this or ``trade_token``."""
    trade_token: str | None = attrs.field(default=None, metadata=rule(key()))
    """PayerMax's trade id; this or ``out_trade_no``."""
    comments: str | None = attrs.field(
        default=None, repr=False, metadata=rule(text(512, one_line=False))
    )
    """Why, up to 512 characters."""
    refund_notify_url: str | None = attrs.field(
        default=None, metadata=rule(url_or_none())
    )
    """Where the notification goes; from the configuration when left out. With
    :data:`NO_NOTIFY_URL` it is not said, and the dashboard's setting counts."""

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        # Zeros beyond the currency's decimals change nothing, and may be refused.
        fitted = fit(self.refund_amount, self.refund_currency)
        object.__setattr__(self, "refund_amount", fitted)

    def completed(self, defaults: LinkDefaults) -> CreateRefund:
        """The request as it is sent: with the address that the notification goes to."""
        found = (
            self.refund_notify_url or defaults.refund_notify_url or defaults.notify_url
        )
        # Left out, the dashboard's setting counts: there is no value that says so.
        address = None if found == NO_NOTIFY_URL else found
        return attrs.evolve(self, refund_notify_url=address)

    def problems_across(self) -> Iterator[Problem]:
        """Problems between fields."""
        problem = amount_problem(self.refund_amount, self.refund_currency, zero=False)
        if problem:
            yield Problem("refund_amount", problem)
        if self.out_trade_no is None and self.trade_token is None:
            yield Problem("out_trade_no", "is required, unless trade_token is given")


@attrs.frozen(kw_only=True)
class QueryRefund(Sent):
    """Ask about a refund by the merchant's number or by PayerMax's."""

    out_refund_no: str | None = attrs.field(default=None, metadata=rule(key()))
    """The merchant's own id of the refund."""
    refund_trade_no: str | None = attrs.field(default=None, metadata=rule(key()))
    """PayerMax's id of the refund."""

    def problems_across(self) -> Iterator[Problem]:
        """Problems between fields."""
        if self.out_refund_no is None and self.refund_trade_no is None:
            yield Problem(
                "out_refund_no", "is required, unless refund_trade_no is given"
            )


@attrs.frozen(kw_only=True)
class SubmittedRefund(WriteReply):
    """A refund that PayerMax took on. Pending, not yet successful."""

    out_refund_no: str
    """The merchant's own id of the refund."""
    status: RefundStatus | str | None = attrs.field(default=None, metadata=DECISIVE)
    """``REFUND_PENDING`` or ``REFUND_FAILED``."""
    refund_trade_no: str | None = None
    """PayerMax's id of the refund."""
    trade_order_no: str | None = None
    """PayerMax's number of the order."""


@attrs.frozen(kw_only=True)
class RefundDetails(QueryReply):
    """A refund as PayerMax knows it."""

    status: RefundStatus | str = attrs.field(metadata=DECISIVE)
    """Where it stands."""
    out_refund_no: str | None = attrs.field(default=None, metadata=DECISIVE)
    """The merchant's own id of the refund."""
    refund_trade_no: str | None = attrs.field(default=None, metadata=DECISIVE)
    """PayerMax's id of the refund."""
    out_trade_no: str | None = attrs.field(default=None, metadata=DECISIVE)
    """PayerMax's order number."""
    refund_amount: Decimal | None = attrs.field(
        # The vendor's own sample of this reply has the other name.
        default=None,
        metadata={**DECISIVE, **wire(aliases=("totalAmount",))},
    )
    """How much, major units."""
    refund_currency: str | None = None
    """ISO 4217 code."""
    result_msg: str | None = attrs.field(default=None, repr=False)
    """Why it failed, in words."""
    refund_finish_time: datetime | None = None
    """When it was over."""

    @property
    def is_refunded(self) -> bool:
        """Whether the money went back."""
        return self.status == RefundStatus.REFUND_SUCCESS
