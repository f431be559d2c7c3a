"""Payouts: what became of money that was sent out."""

# Written by tests/tables/write_models.py.

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

import attrs

from payermax_async.core.models.common import DECISIVE, Received, example
from payermax_async.core.models.notifications import Notification
from payermax_async.core.money import ExchangeRate

__all__ = [
    "PayoutIdentifier",
    "PayoutNotification",
    "PayoutResult",
    "PayoutSide",
    "PayoutStatus",
    "PayoutTrade",
]


class PayoutStatus(StrEnum):
    """Where a payout stands. One that succeeded may still come back."""

    PENDING = "PENDING"
    """It is under way."""
    SUCCESS = "SUCCESS"
    """The money arrived."""
    FAILED = "FAILED"
    """It did not go."""
    BOUNCEBACK = "BOUNCEBACK"
    """It came back after it had arrived."""


@attrs.frozen(kw_only=True)
class PayoutTrade(Received):
    """What was to be paid out."""

    amount: Decimal = attrs.field(metadata={**DECISIVE, **example("100.00")})
    """Major units."""
    currency: str = attrs.field(metadata=example("USD"))
    """ISO 4217 code."""


@attrs.frozen(kw_only=True)
class PayoutSide(Received):
    """What one side of a payout pays or gets."""

    amount: Decimal | None = attrs.field(default=None, metadata=example("100.00"))
    """Major units."""
    currency: str | None = attrs.field(default=None, metadata=example("USD"))
    """ISO 4217 code."""
    exchange_rate: ExchangeRate | None = attrs.field(
        default=None, metadata=example("1.0000")
    )
    """Between this side and the trade."""
    fee: Decimal | None = attrs.field(default=None, metadata=example("1.00"))
    """What it costs."""
    fee_currency: str | None = attrs.field(default=None, metadata=example("USD"))
    """ISO 4217 code."""
    tax: Decimal | None = attrs.field(default=None, metadata=example("0.10"))
    """Tax on it."""
    tax_currency: str | None = attrs.field(default=None, metadata=example("USD"))
    """ISO 4217 code."""


@attrs.frozen(kw_only=True)
class PayoutIdentifier(Received):
    """A number by which the receiver's side knows it."""

    reference_id: str | None = attrs.field(default=None, metadata=example("REF1"))
    """The number."""


@attrs.frozen(kw_only=True)
class PayoutResult(Received):
    """The payout a notification is about."""

    out_trade_no: str = attrs.field(metadata=example("payout-1001"))
    """The merchant's own id of it."""
    status: PayoutStatus | str = attrs.field(
        metadata={**DECISIVE, **example("SUCCESS")}
    )
    """Where it stands."""
    trade_no: str | None = attrs.field(
        default=None, metadata=example("PO2024022711020000001")
    )
    """PayerMax's id of it."""
    trade: PayoutTrade = attrs.field(metadata={**DECISIVE, **example(...)})
    """What was to be paid out."""
    source: PayoutSide | None = attrs.field(default=None, metadata=example(...))
    """What the merchant pays."""
    destination: PayoutSide | None = attrs.field(default=None, metadata=example(...))
    """What the receiver gets."""
    sub_status: str | None = None
    """More of where it stands, in PayerMax's words."""
    transaction_utc_time: datetime | None = attrs.field(
        default=None, metadata=example(timedelta(seconds=-9))
    )
    """When it was asked for."""
    pay_finish_time: datetime | None = attrs.field(
        default=None, metadata=example(timedelta(seconds=-2))
    )
    """When it was over."""
    funds_freeze_time: datetime | None = None
    """When its money was set aside."""
    funds_return_time: datetime | None = None
    """When its money was given back."""
    bounce_back_time: datetime | None = None
    """When it came back."""
    redeem_code: str | None = attrs.field(default=None, repr=False)
    """With what the receiver collects cash."""
    expiry_time: str | None = None
    """Until when it can be collected."""
    reference: str | None = attrs.field(default=None, repr=False)
    """The merchant's own value."""
    notify_phone: str | None = attrs.field(default=None, repr=False)
    """Whom PayerMax tells."""
    notify_email: str | None = attrs.field(default=None, repr=False)
    """Whom PayerMax tells."""
    response_code: str | None = None
    """Why it failed, as a code."""
    response_msg: str | None = attrs.field(default=None, repr=False)
    """Why it failed, in words."""
    additional_identifier: PayoutIdentifier | None = None
    """A number by which the receiver's side knows it."""


@attrs.frozen(kw_only=True)
class PayoutNotification(Notification):
    """PAYOUT: a payout ended, or came back."""

    data: PayoutResult
    """What it says."""
