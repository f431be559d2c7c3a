"""Authorised payments and saved payment methods: what became of them."""

# Written by tests/tables/write_models.py.

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

import attrs

from payermax_async.core.models.common import DECISIVE, Received, example, wire
from payermax_async.core.models.notifications import Notification

__all__ = [
    "CaptureNotification",
    "CaptureResult",
    "StepStatus",
    "TokenNotification",
    "TokenResult",
    "TokenStatus",
    "VoidNotification",
    "VoidResult",
]


class StepStatus(StrEnum):
    """How a capture, or the cancellation of an authorisation, ended."""

    SUCCESS = "SUCCESS"
    """It was done."""
    FAILED = "FAILED"
    """It was not done."""
    PENDING = "PENDING"
    """It is under way."""


@attrs.frozen(kw_only=True)
class CaptureResult(Received):
    """The capture of an authorised payment: what was set aside is drawn."""

    capture_no: str = attrs.field(metadata=example("CP2024022711020000001"))
    """PayerMax's id of the capture."""
    request_id: str | None = attrs.field(default=None, metadata=example("capture-1001"))
    """The merchant's own id of the capture."""
    out_trade_no: str | None = attrs.field(
        default=None, metadata=example("P2024022711020000001")
    )
    """PayerMax's number of the order."""
    amount: Decimal = attrs.field(metadata={**DECISIVE, **example("19.90")})
    """How much is drawn, major units."""
    currency: str = attrs.field(metadata=example("USD"))
    """ISO 4217 code."""
    status: StepStatus | str = attrs.field(metadata={**DECISIVE, **example("SUCCESS")})
    """How it ended."""
    is_final: bool | None = attrs.field(
        default=None, metadata={**DECISIVE, **example("true")}
    )
    """Whether nothing of the authorisation is left."""
    created_time: datetime | None = attrs.field(
        default=None, metadata=example(timedelta(seconds=-9))
    )
    """When it was asked for."""
    succeeded_time: datetime | None = attrs.field(
        default=None, metadata=example(timedelta(seconds=-2))
    )
    """When it was done."""
    failed_time: datetime | None = None
    """When it failed."""
    error_code: str | None = None
    """Why it failed, as a code."""
    error_msg: str | None = attrs.field(default=None, repr=False)
    """Why it failed, in words."""


@attrs.frozen(kw_only=True)
class VoidResult(Received):
    """The cancellation of an authorisation: what was set aside is released."""

    request_id: str = attrs.field(metadata=example("void-1001"))
    """The merchant's own id of the cancellation."""
    cancel_no: str | None = attrs.field(
        default=None, metadata=example("V2024022711020000001")
    )
    """PayerMax's id of the cancellation."""
    out_trade_no: str | None = attrs.field(
        default=None, metadata=example("P2024022711020000001")
    )
    """PayerMax's number of the order."""
    status: StepStatus | str = attrs.field(metadata={**DECISIVE, **example("SUCCESS")})
    """How it ended."""
    created_time: datetime | None = attrs.field(
        default=None, metadata=example(timedelta(seconds=-9))
    )
    """When it was asked for."""
    succeeded_time: datetime | None = attrs.field(
        default=None, metadata=example(timedelta(seconds=-2))
    )
    """When it was done."""
    failed_time: datetime | None = None
    """When it failed."""
    error_code: str | None = None
    """Why it failed, as a code."""
    error_msg: str | None = attrs.field(default=None, repr=False)
    """Why it failed, in words."""


class TokenStatus(StrEnum):
    """Whether a saved payment method can be used."""

    ACTIVATED = "ACTIVATED"
    """It can."""
    EXPIRED = "EXPIRED"
    """Its time is over."""
    DELETED = "DELETED"
    """It was removed."""


@attrs.frozen(kw_only=True)
class TokenResult(Received):
    """A payment method that was saved, removed, or is over."""

    payment_token_id: str = attrs.field(
        repr=False,
        metadata={**wire(name="paymentTokenID"), **example("PMTOKEN20240227000001")},
    )
    """The token that stands for it."""
    payment_token_status: TokenStatus | str = attrs.field(
        metadata={**DECISIVE, **example("Activated")}
    )
    """Whether it can be used."""
    status: StepStatus | str | None = attrs.field(
        default=None, metadata={**DECISIVE, **example("SUCCESS")}
    )
    """Whether what was asked for was done."""
    request_id: str | None = attrs.field(default=None, metadata=example("token-1001"))
    """The merchant's own id of the request."""
    user_id: str | None = attrs.field(
        default=None, repr=False, metadata=example("customer-98")
    )
    """The buyer's id at the merchant."""
    token_scope: str | None = attrs.field(default=None, metadata=example("tokenAcq"))
    """What it is for."""
    payment_token_expiry: str | None = attrs.field(
        default=None, metadata=example("2031-12")
    )
    """Until when it can be used."""
    payment_method_type: str | None = attrs.field(
        default=None, metadata=example("CARD")
    )
    """What it is."""
    target_org: str | None = None
    """Wallet or bank."""
    brand: str | None = attrs.field(default=None, metadata=example("VISA"))
    """Scheme of the card."""
    card_number: str | None = attrs.field(
        default=None,
        repr=False,
        metadata={**wire(name="cardInfo"), **example("411111****1111")},
    )
    """The masked number of the card."""
    if_cvv: str | None = attrs.field(
        default=None, metadata={**wire(name="ifCVV"), **example("N")}
    )
    """Whether the card's code is asked for."""
    account_display: str | None = attrs.field(default=None, repr=False)
    """The masked account of a wallet."""
    out_trade_no: str | None = attrs.field(
        default=None, metadata=example("P2024022711020000001")
    )
    """PayerMax's number of the order it was saved with."""
    country: str | None = attrs.field(default=None, metadata=example("US"))
    """ISO 3166-1 alpha-2 code."""
    support_mit: bool | None = attrs.field(
        default=None, metadata={**wire(name="supportMIT"), **example(True)}
    )
    """Whether the merchant may use it without the buyer."""
    referral_code: str | None = attrs.field(default=None, repr=False)
    """Code of whoever referred the buyer."""


@attrs.frozen(kw_only=True)
class CaptureNotification(Notification):
    """CAPTURE: what was authorised is drawn. It comes as ``REFUND``, and is none."""

    data: CaptureResult
    """What it says."""


@attrs.frozen(kw_only=True)
class VoidNotification(Notification):
    """CANCEL: an authorisation is released. It comes as ``REFUND``, and is none."""

    data: VoidResult
    """What it says."""


@attrs.frozen(kw_only=True)
class TokenNotification(Notification):
    """TOKENIZATION: a payment method was saved or removed."""

    data: TokenResult
    """What it says."""
