"""What is held against a merchant, and has to be answered in time."""

# Written by tests/tables/write_models.py.

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import attrs

from payermax_async.core.models.common import DECISIVE, Received, example
from payermax_async.core.models.disputes import DisputeStatus
from payermax_async.core.models.notifications import Notification

__all__ = [
    "DisputeCase",
    "DisputeNotification",
    "FraudNotification",
    "FraudReport",
    "InformationRequest",
    "RequestedMaterial",
    "RfiNotification",
]


@attrs.frozen(kw_only=True)
class DisputeCase(Received):
    """A dispute, chargeback or complaint about a payment.

    PayerMax does not say how it writes the dates, so they are text as they came.
    """

    case_id: str = attrs.field(metadata=example("C20240227000001"))
    """PayerMax's id of the case, for ``client.disputes.search``."""
    status: DisputeStatus | str = attrs.field(
        metadata={**DECISIVE, **example("DISPUTE_RECEIVED")}
    )
    """Where it stands."""
    amount: Decimal | None = attrs.field(
        default=None, metadata={**DECISIVE, **example("19.90")}
    )
    """How much is disputed, major units of ``currency``."""
    currency: str | None = attrs.field(default=None, metadata=example("USD"))
    """ISO 4217 code."""
    fee: Decimal | None = attrs.field(default=None, metadata=example("15.00"))
    """What the case costs."""
    total_amount: Decimal | None = attrs.field(
        default=None, metadata={**DECISIVE, **example("34.90")}
    )
    """Amount and fee together, as PayerMax reckons them."""
    out_trade_no: str | None = attrs.field(
        default=None, metadata=example("P2024022711020000001")
    )
    """PayerMax's number of the order."""
    trade_token: str | None = attrs.field(
        default=None, metadata=example("T2024022711020000001")
    )
    """PayerMax's trade id."""
    trade_amount: Decimal | None = attrs.field(default=None, metadata=example("19.90"))
    """What was to be paid, major units of ``trade_currency``."""
    trade_currency: str | None = attrs.field(default=None, metadata=example("USD"))
    """ISO 4217 code."""
    origin_trade_amount: Decimal | None = attrs.field(
        default=None, metadata=example("19.90")
    )
    """What was paid, major units of ``origin_trade_currency``."""
    origin_trade_currency: str | None = attrs.field(
        default=None, metadata=example("USD")
    )
    """ISO 4217 code."""
    expiration_date: str | None = attrs.field(
        default=None, metadata=example(timedelta(days=7))
    )
    """Until when it has to be answered."""
    retrieval_date: str | None = attrs.field(
        default=None, metadata=example(timedelta(seconds=-1))
    )
    """When it came up."""
    trade_create_time: str | None = attrs.field(
        default=None, metadata=example(timedelta(days=-30))
    )
    """When the order was made."""
    pay_finish_time: str | None = None
    """When it was paid."""
    reason_code: str | None = attrs.field(default=None, metadata=example("10.4"))
    """Why, as a code of the card scheme or channel."""
    reason_message: str | None = attrs.field(
        default=None, repr=False, metadata=example("Other Fraud")
    )
    """Why, in words."""
    case_result: str | None = None
    """How it was decided, in PayerMax's words."""
    batch_id: str | None = None
    """Id of the batch it came in; an answer to it repeats it."""
    channel_order_no: str | None = attrs.field(
        default=None, metadata=example("CH20240227000001")
    )
    """Number at the channel."""
    payment_method_type: str | None = attrs.field(
        default=None, metadata=example("CARD")
    )
    """How it was paid."""
    target_org: str | None = None
    """Wallet or bank."""
    card_org: str | None = attrs.field(default=None, metadata=example("VISA"))
    """Scheme of the card."""
    trade_country: str | None = attrs.field(default=None, metadata=example("US"))
    """Where it was paid, ISO 3166-1 alpha-2."""
    out_user_id: str | None = attrs.field(
        default=None, repr=False, metadata=example("customer-98")
    )
    """The buyer's id at the merchant."""
    product_desc: str | None = attrs.field(default=None, repr=False)
    """What was sold."""


@attrs.frozen(kw_only=True)
class FraudReport(Received):
    """A payment that its bank or card scheme calls a fraud."""

    out_trade_no: str = attrs.field(metadata=example("P2024022711020000001"))
    """PayerMax's number of the order."""
    merchant_no: str | None = attrs.field(
        default=None, metadata=example("010213834784554")
    )
    """The merchant's number; here, and often not in the envelope."""
    trade_amount: Decimal | None = attrs.field(
        default=None, metadata={**DECISIVE, **example("19.90")}
    )
    """What was paid, major units."""
    trade_currency: str | None = attrs.field(default=None, metadata=example("USD"))
    """ISO 4217 code."""
    trade_create_time: str | None = attrs.field(
        default=None, metadata=example(timedelta(days=-30))
    )
    """When the order was made."""
    receive_date: str | None = attrs.field(
        default=None, metadata=example(timedelta(seconds=-1))
    )
    """When it was reported."""
    out_user_id: str | None = attrs.field(
        default=None, repr=False, metadata=example("customer-98")
    )
    """The buyer's id at the merchant."""


@attrs.frozen(kw_only=True)
class RequestedMaterial(Received):
    """Something that is to be handed in."""

    field_name: str | None = attrs.field(default=None, metadata=example("invoice"))
    """What it is called when it is handed in."""
    field_type: str | None = attrs.field(default=None, metadata=example("FILE"))
    """What kind of thing it is."""


@attrs.frozen(kw_only=True)
class InformationRequest(Received):
    """A request for information, RFI, of PayerMax's risk department.

    PayerMax names neither the states nor how it writes the deadline: text as it came.
    """

    rfi_no: str = attrs.field(metadata=example("RFI20240227000001"))
    """PayerMax's id of the request."""
    status: str | None = attrs.field(
        default=None, metadata={**DECISIVE, **example("WAITING")}
    )
    """Where it stands, in PayerMax's words."""
    expire_time: str | None = attrs.field(
        default=None, metadata=example(timedelta(days=3))
    )
    """Until when it has to be answered."""
    business_type: str | None = attrs.field(default=None, metadata=example("PAYMENT"))
    """What it is about."""
    relate_order_id: tuple[str, ...] = attrs.field(
        default=(), metadata=example(["P2024022711020000001"])
    )
    """Numbers of the orders it is about."""
    material_list: tuple[RequestedMaterial, ...] = attrs.field(
        default=(), metadata=example(...)
    )
    """What is to be handed in."""
    remark: str | None = attrs.field(
        default=None, repr=False, metadata=example("Please hand in the invoice.")
    )
    """What PayerMax wants to know, in words."""


@attrs.frozen(kw_only=True)
class DisputeNotification(Notification):
    """DISPUTE, CHARGEBACK or COMPLAINT: a payment is held against the merchant."""

    data: DisputeCase
    """What it says."""


@attrs.frozen(kw_only=True)
class FraudNotification(Notification):
    """FRAUD: a payment was reported as a fraud."""

    data: FraudReport
    """What it says."""


@attrs.frozen(kw_only=True)
class RfiNotification(Notification):
    """RFI: PayerMax asks for information."""

    data: InformationRequest
    """What it says."""
