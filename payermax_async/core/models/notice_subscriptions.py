"""Subscriptions: whether they run, and what each period brought."""

# Written by tests/tables/write_models.py.

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import attrs

from payermax_async.core.models.common import DECISIVE, Received, example
from payermax_async.core.models.notifications import Notification
from payermax_async.core.models.payments import CardInfo, PaymentStatus

__all__ = [
    "LastPayment",
    "PeriodAmount",
    "SubscriptionNotification",
    "SubscriptionPaymentNotification",
    "SubscriptionPaymentResult",
    "SubscriptionPeriod",
    "SubscriptionPlan",
    "SubscriptionResult",
    "SubscriptionState",
]


@attrs.frozen(kw_only=True)
class SubscriptionState(Received):
    """A subscription and whether it runs."""

    subscription_no: str | None = attrs.field(
        default=None, metadata=example("S2024022711020000001")
    )
    """PayerMax's id of it."""
    subscription_status: str = attrs.field(metadata={**DECISIVE, **example("ACTIVE")})
    """Where it stands, in PayerMax's words."""


@attrs.frozen(kw_only=True)
class SubscriptionResult(Received):
    """The subscription that changed."""

    subscription_request_id: str = attrs.field(metadata=example("sub-1001"))
    """The merchant's own id of it."""
    user_id: str | None = attrs.field(
        default=None, repr=False, metadata=example("customer-98")
    )
    """The buyer's id at the merchant."""
    subscription_plan: SubscriptionState = attrs.field(
        metadata={**DECISIVE, **example(...)}
    )
    """The subscription."""


@attrs.frozen(kw_only=True)
class SubscriptionPlan(Received):
    """The subscription that is paid for."""

    subscription_no: str | None = attrs.field(
        default=None, metadata=example("S2024022711020000001")
    )
    """PayerMax's id of it."""


@attrs.frozen(kw_only=True)
class PeriodAmount(Received):
    """What a period costs."""

    amount: Decimal | None = attrs.field(
        default=None, metadata={**DECISIVE, **example(Decimal("9.90"))}
    )
    """Major units."""
    currency: str | None = attrs.field(default=None, metadata=example("USD"))
    """ISO 4217 code."""


@attrs.frozen(kw_only=True)
class LastPayment(Received):
    """The last attempt to collect it."""

    last_payment_status: str | None = attrs.field(
        default=None, metadata=example("SUCCESS")
    )
    """How it ended."""
    pay_time: datetime | None = attrs.field(
        default=None, metadata=example(timedelta(seconds=-2))
    )
    """When it was made."""
    trade_token: str | None = attrs.field(
        default=None, metadata=example("T2024022711020000001")
    )
    """PayerMax's trade id."""
    error_code: str | None = None
    """Why it failed, as a code."""
    error_msg: str | None = attrs.field(default=None, repr=False)
    """Why it failed, in words."""


@attrs.frozen(kw_only=True)
class SubscriptionPeriod(Received):
    """One period of a subscription."""

    subscription_index: int = attrs.field(metadata={**DECISIVE, **example(1)})
    """Which one, counted from 1."""
    payment_status: PaymentStatus | str = attrs.field(
        metadata={**DECISIVE, **example("SUCCESS")}
    )
    """Whether it is paid."""
    pay_amount: PeriodAmount | None = attrs.field(
        default=None, metadata={**DECISIVE, **example(...)}
    )
    """What it costs."""
    period_start_time: datetime | None = attrs.field(
        default=None, metadata=example(timedelta(days=-1))
    )
    """When it begins."""
    period_end_time: datetime | None = attrs.field(
        default=None, metadata=example(timedelta(days=29))
    )
    """When it ends."""
    payment_method_type: str | None = attrs.field(
        default=None, metadata=example("CARD")
    )
    """How it is paid."""
    card_org: str | None = attrs.field(default=None, metadata=example("VISA"))
    """Scheme of the card."""
    last_payment_info: LastPayment | None = attrs.field(
        default=None, metadata=example(...)
    )
    """The last attempt to collect it."""
    card_info: CardInfo | None = attrs.field(default=None, metadata=example(...))
    """The card."""


@attrs.frozen(kw_only=True)
class SubscriptionPaymentResult(Received):
    """The period of a subscription that was or was not paid."""

    subscription_request_id: str = attrs.field(metadata=example("sub-1001"))
    """The merchant's own id of the subscription."""
    user_id: str | None = attrs.field(
        default=None, repr=False, metadata=example("customer-98")
    )
    """The buyer's id at the merchant."""
    subscription_plan: SubscriptionPlan | None = attrs.field(
        default=None, metadata=example(...)
    )
    """The subscription."""
    subscription_payment_detail: SubscriptionPeriod = attrs.field(
        metadata={**DECISIVE, **example(...)}
    )
    """The period."""


@attrs.frozen(kw_only=True)
class SubscriptionNotification(Notification):
    """SUBSCRIPTION: a subscription began, changed or ended."""

    data: SubscriptionResult
    """What it says."""


@attrs.frozen(kw_only=True)
class SubscriptionPaymentNotification(Notification):
    """SUBSCRIPTION_PAYMENT: a period was paid, or was not."""

    data: SubscriptionPaymentResult
    """What it says."""
