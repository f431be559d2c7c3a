"""What is held against a merchant: disputes, frauds, requests for information."""

from __future__ import annotations

from decimal import Decimal

import attrs

from payermax_async.core.models.disputes import DisputeStatus
from payermax_async.core.models.notice_cases import (
    DisputeNotification,
    FraudNotification,
    RfiNotification,
)
from payermax_async.webhooks.events.base import NotifiedEvent

__all__ = [
    "DisputeEnded",
    "DisputeInquiry",
    "DisputeNotified",
    "DisputeOpened",
    "FraudReported",
    "InformationRequested",
]


@attrs.frozen(kw_only=True)
class DisputeNotified(NotifiedEvent):
    """A case of a payment: dispute, chargeback, complaint or fraud.

    ``notification.notify_type`` says which. Register a handler for this class to get
    all of them, also those whose status this package does not know.
    """

    notification: DisputeNotification = attrs.field(repr=False)
    """All that came."""

    @property
    def case_id(self) -> str:
        """PayerMax's id of the case, for ``client.disputes.search``."""
        return self.notification.data.case_id

    @property
    def status(self) -> DisputeStatus | str:
        """Where it stands."""
        return self.notification.data.status

    @property
    def out_trade_no(self) -> str | None:
        """PayerMax's number of the payment."""
        return self.notification.data.out_trade_no

    @property
    def amount(self) -> Decimal | None:
        """How much is disputed, in major units."""
        return self.notification.data.amount

    @property
    def currency(self) -> str | None:
        """ISO 4217 code."""
        return self.notification.data.currency


@attrs.frozen(kw_only=True)
class DisputeInquiry(DisputeNotified):
    """Something is asked about a payment; no money is held back yet."""


@attrs.frozen(kw_only=True)
class DisputeOpened(DisputeNotified):
    """A payment is disputed, and its money held back.

    Answer before :attr:`deadline`: a case that nobody answers is lost. A new round of
    the same case has a deadline of its own, and is told as this once more.
    """


@attrs.frozen(kw_only=True)
class DisputeEnded(DisputeNotified):
    """A case is over: decided, closed or taken back.

    ``notification.data.case_result`` says how it was decided.
    """


@attrs.frozen(kw_only=True)
class FraudReported(NotifiedEvent):
    """The bank or scheme of a payment calls it a fraud.

    Stop a delivery that is not made yet; a chargeback usually follows. The same payment
    may be reported more than once.
    """

    notification: FraudNotification = attrs.field(repr=False)
    """All that came."""

    @property
    def out_trade_no(self) -> str:
        """PayerMax's number of the payment."""
        return self.notification.data.out_trade_no


@attrs.frozen(kw_only=True)
class InformationRequested(NotifiedEvent):
    """PayerMax's risk department wants to know something, or says what became of that.

    Answer before :attr:`deadline`: an account of which nobody answers may be closed.
    ``notification.data`` says what is to be handed in, and where the request stands.
    """

    notification: RfiNotification = attrs.field(repr=False)
    """All that came."""

    @property
    def rfi_no(self) -> str:
        """PayerMax's id of the request."""
        return self.notification.data.rfi_no

    @property
    def out_trade_nos(self) -> tuple[str, ...]:
        """Numbers of the payments it is about."""
        return self.notification.data.relate_order_id
