"""What became of authorised payments and of saved payment methods."""

from __future__ import annotations

from decimal import Decimal

import attrs

from payermax_async.core.models.notice_cards import (
    CaptureNotification,
    TokenNotification,
    VoidNotification,
)
from payermax_async.webhooks.events.base import NotifiedEvent

__all__ = [
    "CaptureFailed",
    "CaptureNotified",
    "CaptureSucceeded",
    "TokenActivated",
    "TokenEnded",
    "TokenNotified",
    "VoidFailed",
    "VoidNotified",
    "VoidSucceeded",
]


@attrs.frozen(kw_only=True)
class CaptureNotified(NotifiedEvent):
    """A capture is under way, or has a status this package does not know.

    Register a handler for this class to get every event of a capture. PayerMax sends
    them under the type of refunds; they are none.
    """

    notification: CaptureNotification = attrs.field(repr=False)
    """All that came."""

    @property
    def request_id(self) -> str | None:
        """The merchant's own id of the capture."""
        return self.notification.data.request_id

    @property
    def out_trade_no(self) -> str | None:
        """PayerMax's number of the payment."""
        return self.notification.data.out_trade_no

    @property
    def amount(self) -> Decimal:
        """How much, in major units."""
        return self.notification.data.amount

    @property
    def currency(self) -> str:
        """ISO 4217 code."""
        return self.notification.data.currency


@attrs.frozen(kw_only=True)
class CaptureSucceeded(CaptureNotified):
    """What was authorised is drawn: now it is paid.

    A capture may draw a part; ``notification.data.is_final`` says whether that is all.
    """


@attrs.frozen(kw_only=True)
class CaptureFailed(CaptureNotified):
    """What was authorised was not drawn: it is not paid."""


@attrs.frozen(kw_only=True)
class VoidNotified(NotifiedEvent):
    """The cancellation of an authorisation is under way, or in an unknown state.

    Register a handler for this class to get every event of one.
    """

    notification: VoidNotification = attrs.field(repr=False)
    """All that came."""

    @property
    def request_id(self) -> str:
        """The merchant's own id of the cancellation."""
        return self.notification.data.request_id

    @property
    def out_trade_no(self) -> str | None:
        """PayerMax's number of the payment."""
        return self.notification.data.out_trade_no


@attrs.frozen(kw_only=True)
class VoidSucceeded(VoidNotified):
    """What was authorised is released: it will not be paid."""


@attrs.frozen(kw_only=True)
class VoidFailed(VoidNotified):
    """What was authorised is still set aside."""


@attrs.frozen(kw_only=True)
class TokenNotified(NotifiedEvent):
    """A saved payment method has a status this package does not know.

    Register a handler for this class to get every event of one. The token is under
    ``notification.data.payment_token_id``: whoever has it can pay with it.
    """

    notification: TokenNotification = attrs.field(repr=False)
    """All that came."""


@attrs.frozen(kw_only=True)
class TokenActivated(TokenNotified):
    """A payment method was saved and can be used."""


@attrs.frozen(kw_only=True)
class TokenEnded(TokenNotified):
    """A saved payment method was removed, or its time is over."""
