"""Orders: what a payment became, and what it cost."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import attrs

from payermax_async.core.checks import key
from payermax_async.core.models.common import DECISIVE, QueryReply, Sent, rule
from payermax_async.core.models.payments import (
    CapturedOrder,
    CaptureMode,
    Fees,
    PaymentDetail,
    PaymentStatus,
)

__all__ = ["Order", "QueryOrder"]


@attrs.frozen(kw_only=True)
class QueryOrder(Sent):
    """Ask about an order by PayerMax's order number."""

    out_trade_no: str = attrs.field(metadata=rule(key()))
    """From the notification or from :class:`LinkDetails`."""


@attrs.frozen(kw_only=True)
class Order(CapturedOrder, QueryReply):
    """An order as PayerMax knows it."""

    out_trade_no: str
    """The order number."""
    total_amount: Decimal
    """What was to be paid, major units."""
    currency: str
    """ISO 4217 code."""
    status: PaymentStatus | str | None = attrs.field(default=None, metadata=DECISIVE)
    """Where the payment stands; the only field that tells."""
    country: str | None = None
    """Where the buyer pays, ISO 3166-1 alpha-2."""
    trade_token: str | None = None
    """PayerMax's trade id."""
    reference: str | None = attrs.field(default=None, repr=False)
    """The merchant's own value; cannot be set through payment links."""
    channel_no: str | None = None
    """Number at the channel."""
    third_channel_no: str | None = None
    """Number at the third party."""
    payment_code: str | None = attrs.field(default=None, repr=False)
    """Virtual account or payment code."""
    result_code: str | None = None
    """Why it failed, as a code."""
    result_msg: str | None = attrs.field(default=None, repr=False)
    """Why it failed, in words; empty otherwise."""
    payment_details: tuple[PaymentDetail, ...] = ()
    """How it was paid."""
    fees: Fees | None = None
    """What it cost the merchant."""
    create_time: datetime | None = None
    """When the order was made."""
    confirm_pay_time: datetime | None = None
    """When the buyer confirmed."""
    complete_time: datetime | None = None
    """When it was over."""
    cashier_country: str | None = None
    """Country of the cashier page that was used."""
    capture_mode: CaptureMode | str | None = attrs.field(
        default=None, metadata=DECISIVE
    )
    """``MANUAL``: authorised, and paid only once it is captured."""
    authorization_type: str | None = None
    """What kind of authorisation it is, if it is one."""
