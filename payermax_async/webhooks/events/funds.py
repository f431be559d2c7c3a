"""Money beside links: subscriptions, payouts, balance, local accounts, bills."""

from __future__ import annotations

from decimal import Decimal

import attrs

from payermax_async.core.models.notice_funds import (
    AccountNotification,
    BalanceNotification,
    BillNotification,
    Direction,
)
from payermax_async.core.models.notice_payouts import PayoutNotification
from payermax_async.core.models.notice_subscriptions import (
    SubscriptionNotification,
    SubscriptionPaymentNotification,
)
from payermax_async.webhooks.events.base import NotifiedEvent

__all__ = [
    "AccountNotified",
    "BalanceChanged",
    "BillNotified",
    "BillPaid",
    "MoneyReceived",
    "PayoutFailed",
    "PayoutNotified",
    "PayoutReturned",
    "PayoutSucceeded",
    "SubscriptionChanged",
    "SubscriptionNotPaid",
    "SubscriptionPaid",
    "SubscriptionPaymentNotified",
]


@attrs.frozen(kw_only=True)
class SubscriptionChanged(NotifiedEvent):
    """A subscription began, changed or ended; PayerMax does not list the states."""

    notification: SubscriptionNotification = attrs.field(repr=False)
    """All that came."""

    @property
    def subscription_request_id(self) -> str:
        """The merchant's own id of the subscription."""
        return self.notification.data.subscription_request_id

    @property
    def subscription_status(self) -> str:
        """Where it stands, in PayerMax's words."""
        return self.notification.data.subscription_plan.subscription_status


@attrs.frozen(kw_only=True)
class SubscriptionPaymentNotified(NotifiedEvent):
    """A period's payment is under way, or has a status this package does not know.

    Register a handler for this class to get every event of a period.
    """

    notification: SubscriptionPaymentNotification = attrs.field(repr=False)
    """All that came."""

    @property
    def subscription_request_id(self) -> str:
        """The merchant's own id of the subscription."""
        return self.notification.data.subscription_request_id

    @property
    def subscription_index(self) -> int:
        """Which period, counted from 1."""
        return self.notification.data.subscription_payment_detail.subscription_index


@attrs.frozen(kw_only=True)
class SubscriptionPaid(SubscriptionPaymentNotified):
    """A period of a subscription was paid."""


@attrs.frozen(kw_only=True)
class SubscriptionNotPaid(SubscriptionPaymentNotified):
    """A period of a subscription was not paid; PayerMax may try again."""


@attrs.frozen(kw_only=True)
class PayoutNotified(NotifiedEvent):
    """A payout is under way, or has a status this package does not know.

    Register a handler for this class to get every event of a payout.
    """

    notification: PayoutNotification = attrs.field(repr=False)
    """All that came."""

    @property
    def out_trade_no(self) -> str:
        """The merchant's own id of the payout."""
        return self.notification.data.out_trade_no

    @property
    def amount(self) -> Decimal:
        """What was to be paid out, in major units."""
        return self.notification.data.trade.amount

    @property
    def currency(self) -> str:
        """ISO 4217 code."""
        return self.notification.data.trade.currency


@attrs.frozen(kw_only=True)
class PayoutSucceeded(PayoutNotified):
    """The money arrived. It may still come back: :class:`PayoutReturned`."""


@attrs.frozen(kw_only=True)
class PayoutFailed(PayoutNotified):
    """The money did not go."""


@attrs.frozen(kw_only=True)
class PayoutReturned(PayoutNotified):
    """The money came back, perhaps days after it had arrived."""


@attrs.frozen(kw_only=True)
class BalanceChanged(NotifiedEvent):
    """Money came to the merchant's balance at PayerMax, or left it.

    ``notification.notify_type`` says how: DEPOSIT, EXCHANGE, WITHDRAW or TRANSFER.
    """

    notification: BalanceNotification = attrs.field(repr=False)
    """All that came."""

    @property
    def direction(self) -> Direction | str:
        """Which way it went."""
        return self.notification.data.direction

    @property
    def amount(self) -> Decimal:
        """How much, in major units."""
        return self.notification.data.amount.value

    @property
    def currency(self) -> str:
        """ISO 4217 code."""
        return self.notification.data.amount.currency


@attrs.frozen(kw_only=True)
class AccountNotified(NotifiedEvent):
    """Money on its way to a local account, or with a status this package does not know.

    Register a handler for this class to get every event of such an account.
    """

    notification: AccountNotification = attrs.field(repr=False)
    """All that came."""

    @property
    def request_no(self) -> str:
        """PayerMax's id of the receipt."""
        return self.notification.data.request_no

    @property
    def amount(self) -> Decimal:
        """How much, in major units."""
        return self.notification.data.payment_detail.trade.amount

    @property
    def currency(self) -> str:
        """ISO 4217 code."""
        return self.notification.data.payment_detail.trade.currency


@attrs.frozen(kw_only=True)
class MoneyReceived(AccountNotified):
    """Money came to a local account of the merchant."""


@attrs.frozen(kw_only=True)
class BillNotified(NotifiedEvent):
    """A bill was not paid, or has a status this package does not know.

    Register a handler for this class to get every event of a bill.
    """

    notification: BillNotification = attrs.field(repr=False)
    """All that came."""

    @property
    def reference_no(self) -> str | None:
        """The merchant's own number of the bill."""
        return self.notification.data.reference_no

    @property
    def out_trade_no(self) -> str:
        """PayerMax's number of the payment."""
        return self.notification.data.out_trade_no

    @property
    def amount(self) -> Decimal:
        """How much, in major units."""
        return self.notification.data.total_amount

    @property
    def currency(self) -> str:
        """ISO 4217 code."""
        return self.notification.data.currency


@attrs.frozen(kw_only=True)
class BillPaid(BillNotified):
    """A bill was paid."""
