"""What replies and notifications say of a payment: how, with which card and fees."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Any

import attrs

from payermax_async.core.models.common import Received, example, wire
from payermax_async.core.money import ExchangeRate

__all__ = [
    "CaptureMode",
    "Captured",
    "CapturedOrder",
    "CardInfo",
    "Fees",
    "MerchantFee",
    "PaymentDetail",
    "PaymentStatus",
    "ThreeDsResult",
]


class PaymentStatus(StrEnum):
    """Where a payment stands. Links say ``CLOSE``, orders say ``CLOSED``."""

    PENDING = "PENDING"
    SUCCESS = "SUCCESS"
    FAILED = "FAILED"
    CLOSED = "CLOSED"
    CLOSE = "CLOSE"


class CaptureMode(StrEnum):
    """How an authorised amount is drawn; other modes may come."""

    MANUAL = "MANUAL"
    """Only once the merchant asks for it: until then nothing is paid."""


class Captured:
    """Paid is what succeeded and was more than authorised."""

    __slots__ = ()

    # Of a ``PaymentStatus | str``, or none where a model may lack it.
    status: Any
    capture_mode: CaptureMode | str | None
    authorization_type: str | None

    @property
    def state(self) -> str:
        """The status; ``AUTHORIZED`` for a success that is none before its capture."""
        return _state(self)

    @property
    def is_authorized(self) -> bool:
        """Whether the amount is set aside for the merchant, but not drawn.

        Whether it was drawn since is told by the result of the capture.
        """
        # Where the mode is left out, the kind of an authorisation tells as much.
        by_hand = self.capture_mode == CaptureMode.MANUAL or (
            self.capture_mode is None and self.authorization_type is not None
        )
        return bool(self.status == PaymentStatus.SUCCESS) and by_hand

    @property
    def is_paid(self) -> bool:
        """Whether it succeeded, and not as an authorisation only."""
        return bool(self.status == PaymentStatus.SUCCESS) and not self.is_authorized


def _state(payment: Captured) -> str:
    return "AUTHORIZED" if payment.is_authorized else str(payment.status or "")


class CapturedOrder(Captured):
    """An order of nothing, which binds a payment method, is not paid either."""

    __slots__ = ()

    total_amount: Decimal

    @property
    def state(self) -> str:
        """The status; ``AUTHORIZED``; or ``ZERO`` for an order of nothing."""
        return "ZERO" if self.total_amount == 0 else _state(self)

    @property
    def is_paid(self) -> bool:
        """Whether money was paid: not only authorised, and more than nothing."""
        # Binding a card is a successful order of nothing: no goods for that.
        paid = bool(self.status == PaymentStatus.SUCCESS) and not self.is_authorized
        return paid and self.total_amount > 0


@attrs.frozen(kw_only=True)
class ThreeDsResult(Received):
    """What 3-D Secure found, for card payments."""

    three_ds_version: str | None = attrs.field(
        default=None, metadata=wire(name="threeDSVersion")
    )
    """Protocol version, such as ``2.2.0``."""
    enrolled: str | None = None
    """Whether the card takes part: Y, N, U or B."""
    authentication_status: str | None = None
    """How it went: Y, N, U, A or R."""
    eci: str | None = None
    """Electronic commerce indicator: 02/05 full, 01/06 attempted, 00/07 none."""
    ds_transaction_id: str | None = attrs.field(default=None, repr=False)
    """Id given by the directory server."""
    cavv: str | None = attrs.field(default=None, repr=False)
    """Cardholder authentication value."""
    xid: str | None = attrs.field(default=None, repr=False)
    """Transaction id of 3-D Secure 1."""


@attrs.frozen(kw_only=True)
class CardInfo(Received):
    """A card as PayerMax shows it: masked. Person and number stay out of ``repr``."""

    card_org: str | None = attrs.field(default=None, metadata=example("VISA"))
    """Scheme, such as VISA or MADA."""
    country: str | None = attrs.field(default=None, metadata=example("ID"))
    """Issuing country, ISO 3166-1 alpha-2."""
    card_type: str | None = attrs.field(default=None, metadata=example("CREDIT"))
    """DEBIT, CREDIT and so on."""
    total_card_org: tuple[str, ...] = ()
    """All schemes of a co-badged card."""
    type: str | None = None
    """``PAN`` for the card itself, ``NETWORK_TOKEN`` for a token."""
    source: str | None = None
    """Where it came from: CARD, APPLEPAY, GOOGLEPAY_PAN and so on."""
    card_bin_no: str | None = attrs.field(default=None, repr=False)
    """First digits of the card."""
    card_number: str | None = attrs.field(
        default=None, repr=False, metadata=example("411111****1111")
    )
    """Masked number (newer name)."""
    card_identifier_no: str | None = attrs.field(
        default=None, repr=False, metadata=wire(aliases=("cardIidentifierNo",))
    )
    """Masked number (older name); see :attr:`masked_number`."""
    card_holder_name: str | None = attrs.field(default=None, repr=False)
    """Masked name of the holder."""
    card_identifier_name: str | None = attrs.field(default=None, repr=False)
    """Masked name of the holder (older name)."""
    card_last4: str | None = attrs.field(default=None, repr=False)
    """Last four digits."""
    card_expiration_year: str | None = attrs.field(default=None, repr=False)
    """Two digits."""
    card_expiration_month: str | None = attrs.field(default=None, repr=False)
    """Two digits."""
    payment_token_id: str | None = attrs.field(
        default=None, repr=False, metadata=wire(name="paymentTokenID")
    )
    """Token of the saved card (older place)."""
    three_ds_result: ThreeDsResult | None = attrs.field(
        default=None, metadata=wire(name="threeDSResult")
    )
    """What 3-D Secure found."""
    avs_result: str | None = None
    """What the address check found."""

    @property
    def masked_number(self) -> str | None:
        """The masked card number under whichever name it came."""
        return self.card_number or self.card_identifier_no


@attrs.frozen(kw_only=True)
class PaymentDetail(Received):
    """How something was paid."""

    payment_method_type: str | None = attrs.field(
        default=None, metadata=example("CARD")
    )
    """CARD, WALLET and so on."""
    payment_method: str | None = None
    """Seen in samples, not documented."""
    target_org: str | None = attrs.field(default=None, metadata=example(""))
    """Wallet or bank; empty or ``*`` for cards."""
    card_info: CardInfo | None = attrs.field(default=None, metadata=example(...))
    """The card, for card payments."""
    pay_amount: Decimal | None = None
    """What the payer was charged, in major units of ``pay_currency``."""
    pay_currency: str | None = None
    """ISO 4217 code."""
    exchange_rate: ExchangeRate | None = None
    """From the order's currency to the payer's."""
    payment_token_id: str | None = attrs.field(
        default=None, repr=False, metadata=wire(name="paymentTokenID")
    )
    """Token of the saved payment method."""


@attrs.frozen(kw_only=True)
class MerchantFee(Received):
    """A fee that the merchant pays."""

    amount: Decimal | None = None
    """Major units."""
    currency: str | None = None
    """ISO 4217 code."""
    url: str | None = attrs.field(default=None, repr=False)
    """Where PayerMax shows the details."""


@attrs.frozen(kw_only=True)
class Fees(Received):
    """The fees of an order; there once it is paid."""

    mer_fee: tuple[MerchantFee, ...] = ()
    """One as documented; a list has been seen."""
