"""What PayerMax posts to the merchant, once its signature was verified."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal

import attrs

from payermax_async.core.models.common import DECISIVE, LOCAL, Received, example, wire
from payermax_async.core.models.links import (
    LINK_ID,
    LinkPayment,
    LinkStatus,
    PaidByPayments,
)
from payermax_async.core.models.payments import (
    CapturedOrder,
    CaptureMode,
    Fees,
    PaymentDetail,
    PaymentStatus,
)
from payermax_async.core.models.refunds import RefundStatus
from payermax_async.core.strict_json import JsonValue

__all__ = [
    "LinkNotification",
    "LinkResult",
    "Notification",
    "PaymentNotification",
    "PaymentResult",
    "RefundNotification",
    "RefundResult",
    "UnknownNotification",
]


@attrs.frozen(kw_only=True)
class LinkResult(PaidByPayments, Received):
    """The link a PAYBYLINK notification is about."""

    merchant_link_id: str = attrs.field(
        metadata={**LINK_ID, **example("paybylinktest001")}
    )
    """The merchant's own id of the link."""
    total_amount: Decimal = attrs.field(metadata=example("10000"))
    """What was to be paid, major units. Compare it with your own order."""
    currency: str = attrs.field(metadata=example("IDR"))
    """ISO 4217 code. Compare it with your own order."""
    country: str | None = attrs.field(default=None, metadata=example("ID"))
    """ISO 3166-1 alpha-2 code."""
    link_id: str | None = attrs.field(default=None, metadata=example("mtfbpomjw"))
    """PayerMax's id of the link."""
    link_status: LinkStatus | str | None = attrs.field(
        default=None, metadata=example("ACTIVE")
    )
    """Whether it can be opened; ``ACTIVE`` has been seen on paid links."""
    pay_by_link_info: tuple[LinkPayment, ...] = attrs.field(
        default=(), metadata={**DECISIVE, **example(...)}
    )
    """The payments; :attr:`is_paid` follows from them."""
    link_url: str | None = attrs.field(
        default=None, metadata=example("https://www.payermax.link/mtfbpomjw")
    )
    """The page on which the buyer paid."""
    qr_code_url: str | None = attrs.field(
        default=None,
        metadata=example("https://www.payermax.link/images/mtfbpomjw/qrcode"),
    )
    """Picture of the QR code."""
    expires_at: datetime | None = attrs.field(
        default=None, metadata=example(timedelta(hours=23))
    )
    """When it can no longer be paid."""
    link_description: str | None = attrs.field(
        default=None, repr=False, metadata=example("链接收款衣物鞋帽")
    )
    """The merchant's note."""

    @property
    def state(self) -> str:
        """That of the payment, the first of several; ``NO PAYMENT`` where none came."""
        payments = self.pay_by_link_info
        return payments[0].state if payments else "NO PAYMENT"


@attrs.frozen(kw_only=True)
class PaymentResult(CapturedOrder, Received):
    """The order a PAYMENT notification is about."""

    out_trade_no: str = attrs.field(metadata=example("P2024022711020000001"))
    """The order number."""
    status: PaymentStatus | str = attrs.field(
        metadata={**DECISIVE, **example("SUCCESS")}
    )
    """Where the payment stands; the only field that tells."""
    total_amount: Decimal = attrs.field(metadata=example(Decimal(10000)))
    """What was to be paid, major units. Compare it with your own order."""
    currency: str = attrs.field(metadata=example("IDR"))
    """ISO 4217 code. Compare it with your own order."""
    country: str | None = attrs.field(default=None, metadata=example("ID"))
    """ISO 3166-1 alpha-2 code."""
    trade_token: str | None = attrs.field(
        default=None, metadata=example("T2024022711020000001")
    )
    """PayerMax's trade id."""
    complete_time: datetime | None = attrs.field(
        default=None, metadata=example(timedelta(seconds=-2))
    )
    """When it was over."""
    payment_details: tuple[PaymentDetail, ...] = attrs.field(
        default=(), metadata=example(...)
    )
    """How it was paid."""
    fees: Fees | None = None
    """What it cost the merchant."""
    reference: str | None = attrs.field(default=None, repr=False)
    """The merchant's own value."""
    channel_no: str | None = None
    """Number at the channel."""
    third_channel_no: str | None = None
    """Number at the third party."""
    payment_code: str | None = attrs.field(default=None, repr=False)
    """Virtual account or payment code."""
    cashier_country: str | None = None
    """Country of the cashier page that was used."""
    capture_mode: CaptureMode | str | None = attrs.field(
        default=None, metadata=DECISIVE
    )
    """``MANUAL``: authorised, and paid only once it is captured."""
    authorization_type: str | None = None
    """What kind of authorisation it is, if it is one."""


@attrs.frozen(kw_only=True)
class RefundResult(Received):
    """The refund a REFUND notification is about."""

    out_refund_no: str = attrs.field(metadata=example("R1001"))
    """The merchant's own id of the refund."""
    status: RefundStatus | str = attrs.field(
        metadata={**DECISIVE, **example("REFUND_SUCCESS")}
    )
    """Where it stands."""
    refund_amount: Decimal = attrs.field(metadata=example(Decimal(10000)))
    """How much, major units."""
    refund_currency: str = attrs.field(metadata=example("IDR"))
    """ISO 4217 code."""
    refund_trade_no: str | None = attrs.field(
        default=None, metadata=example("RT2024022711020000001")
    )
    """PayerMax's id of the refund."""
    out_trade_no: str | None = attrs.field(
        default=None, metadata=example("P2024022711020000001")
    )
    """PayerMax's order number."""
    refund_finish_time: datetime | None = attrs.field(
        default=None, metadata=example(timedelta(seconds=-2))
    )
    """When it was over."""

    @property
    def is_refunded(self) -> bool:
        """Whether the money went back."""
        return self.status == RefundStatus.REFUND_SUCCESS


@attrs.frozen(kw_only=True)
class Notification(Received):
    """What every notification has.

    The status inside ``data`` tells what happened; ``code`` and ``msg`` do not.
    """

    notify_type: str
    """What it is about, such as ``PAYBYLINK``; open, new types may come.

    What PayerMax sends without a type, or under that of another, is told by its
    fields: ``RFI``, ``FRAUD``, ``DISPUTE``, ``FRAUD CASE``, ``CAPTURE``, ``CANCEL``.
    """
    code: str | None = None
    """The gateway's code; a failure code when a payment failed."""
    msg: str | None = attrs.field(default=None, repr=False)
    """The gateway's message."""
    key_version: str | None = None
    """Version of the key it was signed with, as PayerMax counts."""
    app_id: str | None = attrs.field(
        default=None, metadata=wire(aliases=("merchantAppId",))
    )
    """The merchant's application."""
    merchant_no: str | None = None
    """The merchant's number."""
    notify_time: datetime | None = None
    """When PayerMax sent it."""
    request_time: datetime | None = None
    """The same, where PayerMax says it so."""
    version: str | None = None
    """Version of the interface, where PayerMax says it."""
    sp_merchant_no: str | None = None
    """The service provider's number, if one is between."""


@attrs.frozen(kw_only=True)
class LinkNotification(Notification):
    """PAYBYLINK: a link was paid."""

    data: LinkResult
    """The link and its payments."""


@attrs.frozen(kw_only=True)
class PaymentNotification(Notification):
    """PAYMENT: an order was paid, authorised, failed or closed."""

    data: PaymentResult
    """The order."""


@attrs.frozen(kw_only=True)
class RefundNotification(Notification):
    """REFUND: a refund succeeded or failed."""

    data: RefundResult
    """The refund."""


@attrs.frozen(kw_only=True)
class UnknownNotification(Notification):
    """Any other type, or one that cannot be read as its own: verified and kept."""

    data: Mapping[str, JsonValue] = attrs.field(
        hash=False, factory=dict[str, JsonValue], repr=False
    )
    """The payload as it came, under the gateway's own names."""
    problem: str = attrs.field(default="", eq=False, metadata=LOCAL)
    """Why it could not be read as its type, if it has one; without any value."""
