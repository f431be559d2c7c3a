"""Payment links that exist: query them, withdraw them, see who paid.

Fields are those of the PayByLink interfaces at https://docs.payermax.com
(acquiring, PayByLink); amounts are major units.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

import attrs

from payermax_async.core.checks import key
from payermax_async.core.models.common import (
    DECISIVE,
    PAGE,
    QueryReply,
    Received,
    Sent,
    WriteReply,
    example,
    rule,
    wire,
)
from payermax_async.core.models.payments import (
    Captured,
    CaptureMode,
    PaymentDetail,
    PaymentStatus,
)

__all__ = [
    "LINK_ID",
    "CreatedLink",
    "ExpireLink",
    "ExpiredLink",
    "GoodsDetail",
    "LinkDetails",
    "LinkPayment",
    "LinkStatus",
    "PaidByPayments",
    "Payer",
    "QueryLink",
]


# Seen in the vendor's own example of a withdrawal.
LINK_ID = wire(aliases=("merchantLinkNo",))


class LinkStatus(StrEnum):
    """Whether a link can still be opened. It does not tell whether it was paid."""

    ACTIVE = "ACTIVE"
    EXPIRED = "EXPIRED"


@attrs.frozen(kw_only=True)
class QueryLink(Sent):
    """Ask about a link by the merchant's id."""

    merchant_link_id: str = attrs.field(metadata=rule(key()))
    """The merchant's own id of the link."""


@attrs.frozen(kw_only=True)
class ExpireLink(Sent):
    """Withdraw a link by the merchant's id."""

    merchant_link_id: str = attrs.field(metadata=rule(key()))
    """The merchant's own id of the link."""


@attrs.frozen(kw_only=True)
class CreatedLink(WriteReply):
    """A link that exists now. Persist it before handing out ``link_url``."""

    merchant_link_id: str = attrs.field(metadata=LINK_ID)
    """The merchant's own id of the link."""
    link_url: str = attrs.field(metadata=PAGE)
    """The page on which the buyer pays: http or https, any host."""
    link_id: str | None = None
    """PayerMax's id of the link."""
    link_status: LinkStatus | str | None = None
    """Whether it can be opened."""
    qr_code_url: str | None = attrs.field(default=None, metadata=PAGE)
    """Picture of the QR code; ``None`` when its address is none."""
    expires_at: datetime | None = None
    """When it can no longer be paid."""


@attrs.frozen(kw_only=True)
class ExpiredLink(Received):
    """The answer to a withdrawal.

    PayerMax's own samples show ``ACTIVE`` here: query to see the state.
    """

    merchant_link_id: str = attrs.field(metadata=LINK_ID)
    """The merchant's own id of the link."""
    link_id: str | None = None
    """PayerMax's id of the link."""
    link_status: LinkStatus | str | None = None
    """As PayerMax says; not proof of withdrawal."""
    link_url: str | None = attrs.field(default=None, metadata=PAGE)
    """The page on which the buyer paid."""
    qr_code_url: str | None = attrs.field(default=None, metadata=PAGE)
    """Picture of the QR code; ``None`` when its address is none."""
    expires_at: datetime | None = None
    """When it stops, or stopped."""


@attrs.frozen(kw_only=True)
class Payer(Received):
    """The buyer as PayerMax repeats it."""

    user_id: str | None = attrs.field(default=None, repr=False)
    """The buyer's id at the merchant."""
    user_name: str | None = attrs.field(default=None, repr=False)
    """The buyer's name."""


@attrs.frozen(kw_only=True)
class LinkPayment(Captured, Received):
    """One attempt to pay a link."""

    out_trade_no: str | None = attrs.field(
        default=None, metadata=example("P2024022711020000001")
    )
    """PayerMax's order number, for ``query_order`` and ``refund``."""
    status: PaymentStatus | str | None = attrs.field(
        default=None, metadata={**DECISIVE, **example("SUCCESS")}
    )
    """Where it stands."""
    complete_at: datetime | None = attrs.field(
        default=None, metadata=example(timedelta(seconds=-2))
    )
    """When it was paid."""
    user_info: Payer | None = None
    """Who paid."""
    payment_details: tuple[PaymentDetail, ...] = attrs.field(
        default=(), metadata=example(...)
    )
    """How it was paid."""
    capture_mode: CaptureMode | str | None = attrs.field(
        default=None, metadata=DECISIVE
    )
    """``MANUAL``: authorised, and paid only once it is captured."""
    authorization_type: str | None = None
    """What kind of authorisation it is, if it is one."""


@attrs.frozen(kw_only=True)
class GoodsDetail(Received):
    """Goods as PayerMax repeats them."""

    goods_id: str | None = None
    """Seen in samples, not documented."""
    goods_name: str | None = attrs.field(default=None, repr=False)
    """Name."""
    goods_description: str | None = attrs.field(default=None, repr=False)
    """Description."""
    quantity: str | None = None
    """How many."""
    price: Decimal | None = None
    """Price of one, major units."""
    goods_currency: str | None = None
    """ISO 4217 code."""
    show_url: str | None = None
    """Page or picture."""


class PaidByPayments:
    """A link is paid when one of its payments is; its status does not tell."""

    __slots__ = ()

    pay_by_link_info: tuple[LinkPayment, ...]

    @property
    def is_paid(self) -> bool:
        """Whether a payment of this link succeeded."""
        return self.successful_payment is not None

    @property
    def successful_payment(self) -> LinkPayment | None:
        """The payment that succeeded, if one did."""
        # Never by the link's status: PayerMax answers ACTIVE for paid links too.
        paid = (payment for payment in self.pay_by_link_info if payment.is_paid)
        return next(paid, None)


@attrs.frozen(kw_only=True)
class LinkDetails(PaidByPayments, QueryReply):
    """A link and its payments, as PayerMax knows them."""

    merchant_link_id: str = attrs.field(metadata=LINK_ID)
    """The merchant's own id of the link."""
    total_amount: Decimal
    """What is to be paid, major units."""
    currency: str
    """ISO 4217 code."""
    country: str | None = None
    """ISO 3166-1 alpha-2 code."""
    link_status: LinkStatus | str | None = None
    """Whether it can be opened. Not whether it was paid: see ``is_paid``."""
    pay_by_link_info: tuple[LinkPayment, ...] = attrs.field(
        default=(), metadata=DECISIVE
    )
    """The attempts to pay it; empty while nobody opened it."""
    link_id: str | None = None
    """PayerMax's id of the link."""
    link_url: str | None = attrs.field(default=None, metadata=PAGE)
    """The page on which the buyer pays: http or https, any host."""
    qr_code_url: str | None = attrs.field(default=None, metadata=PAGE)
    """Picture of the QR code; ``None`` when its address is none."""
    expires_at: datetime | None = None
    """When it can no longer be paid."""
    description: str | None = attrs.field(default=None, repr=False)
    """What the buyer reads."""
    link_description: str | None = attrs.field(default=None, repr=False)
    """The merchant's note."""
    goods_details: tuple[GoodsDetail, ...] = ()
    """What is sold."""
