"""What a notification means to a shop: one typed event for each thing it tells."""

from __future__ import annotations

import importlib
from decimal import Decimal
from functools import cache
from typing import Self, cast

import attrs

from payermax_async.core.models.links import LinkPayment
from payermax_async.core.models.notifications import (
    LinkNotification,
    Notification,
    PaymentNotification,
    RefundNotification,
)
from payermax_async.core.notice_rows import State
from payermax_async.core.notices import (
    deadline_of,
    notice_type,
    payload_text,
    state_of,
)

__all__ = [
    "LinkNotPaid",
    "LinkPaid",
    "LinkPaidAgain",
    "NotifiedEvent",
    "PaymentAuthorized",
    "PaymentClosed",
    "PaymentFailed",
    "PaymentPending",
    "PaymentSucceeded",
    "RefundFailed",
    "RefundPending",
    "RefundSucceeded",
    "UnknownEvent",
    "ZeroPayment",
    "event_of",
    "split",
    "told_as",
]


@attrs.frozen(kw_only=True)
class NotifiedEvent:
    """Something PayerMax told. Register a handler for this class to get them all."""

    notification: Notification = attrs.field(repr=False)
    """All that came, narrowed to the one payment the event is about."""

    @classmethod
    def of(cls, notification: Notification) -> Self:
        """The event of a notification that tells it, of at most one payment."""
        return cls(notification=notification)

    @property
    def merchant_key(self) -> str:
        """The id to find it by: of the link, the order, the refund, the case.

        Empty where the type has none, or where it did not come.
        """
        found = self.notification
        return payload_text(found, notice_type(found.notify_type).id_field)

    @property
    def deadline(self) -> str:
        """Until when it has to be answered, as it came; empty where nothing is said.

        PayerMax does not say how it writes the time, nor in which zone it counts.
        """
        return deadline_of(self.notification)


@attrs.frozen(kw_only=True)
class _OfLink(NotifiedEvent):
    notification: LinkNotification = attrs.field(repr=False)
    """All that came, narrowed to the one payment the event is about."""
    payment: LinkPayment
    """The payment."""

    @classmethod
    def of(cls, notification: Notification) -> Self:
        """The event of a notification that tells of one payment."""
        found = cast("LinkNotification", notification)
        return cls(notification=found, payment=found.data.pay_by_link_info[0])

    @property
    def merchant_link_id(self) -> str:
        """The merchant's own id of the link."""
        return self.notification.data.merchant_link_id

    @property
    def out_trade_no(self) -> str | None:
        """PayerMax's number of the payment, for ``query_order`` and ``refund``."""
        return self.payment.out_trade_no

    @property
    def total_amount(self) -> Decimal:
        """What was to be paid, in major units."""
        return self.notification.data.total_amount

    @property
    def currency(self) -> str:
        """ISO 4217 code."""
        return self.notification.data.currency


@attrs.frozen(kw_only=True)
class LinkPaid(_OfLink):
    """A payment of a link succeeded: what a shop waits for.

    The same payment may be told a second time as :class:`PaymentSucceeded`, as
    PayerMax does not say whether it sends one or both. Handle one of the two, or
    tell them apart by ``out_trade_no``.
    """


@attrs.frozen(kw_only=True)
class LinkPaidAgain(_OfLink):
    """Another payment of a link succeeded, after one that took effect already.

    The buyer's money came twice: give one of the payments back, or deliver once
    more. Deliberately no :class:`LinkPaid`, whose handler could not tell it from a
    repetition; the receiver tells it as an alert too, and compares its amount with what
    was expected.
    """


@attrs.frozen(kw_only=True)
class LinkNotPaid(_OfLink):
    """A payment of a link failed, was closed, is under way or only authorised.

    ``payment.status`` and ``payment.is_authorized`` tell which. The link may still be
    paid by another payment; once one has succeeded, this does not come any more.
    """


@attrs.frozen(kw_only=True)
class _OfOrder(NotifiedEvent):
    notification: PaymentNotification = attrs.field(repr=False)
    """All that came."""

    @property
    def out_trade_no(self) -> str:
        """The order number."""
        return self.notification.data.out_trade_no

    @property
    def total_amount(self) -> Decimal:
        """What was to be paid, in major units."""
        return self.notification.data.total_amount

    @property
    def currency(self) -> str:
        """ISO 4217 code."""
        return self.notification.data.currency


@attrs.frozen(kw_only=True)
class PaymentSucceeded(_OfOrder):
    """An order was paid."""


@attrs.frozen(kw_only=True)
class PaymentAuthorized(_OfOrder):
    """An order's amount was set aside, but is not paid before it is captured."""


@attrs.frozen(kw_only=True)
class ZeroPayment(_OfOrder):
    """An order of nothing ended, as when a payment method is bound to a token.

    ``notification.data.status`` tells how. No money moved, so nothing was paid.
    """


@attrs.frozen(kw_only=True)
class PaymentFailed(_OfOrder):
    """An order's payment failed."""


@attrs.frozen(kw_only=True)
class PaymentClosed(_OfOrder):
    """An order was not completed in time."""


@attrs.frozen(kw_only=True)
class PaymentPending(_OfOrder):
    """An order's payment is under way; nothing is decided."""


@attrs.frozen(kw_only=True)
class _OfRefund(NotifiedEvent):
    notification: RefundNotification = attrs.field(repr=False)
    """All that came."""

    @property
    def out_refund_no(self) -> str:
        """The merchant's own id of the refund."""
        return self.notification.data.out_refund_no

    @property
    def out_trade_no(self) -> str | None:
        """PayerMax's number of the payment that is given back."""
        return self.notification.data.out_trade_no

    @property
    def refund_amount(self) -> Decimal:
        """How much, in major units."""
        return self.notification.data.refund_amount

    @property
    def refund_currency(self) -> str:
        """ISO 4217 code."""
        return self.notification.data.refund_currency


@attrs.frozen(kw_only=True)
class RefundSucceeded(_OfRefund):
    """The money went back."""


@attrs.frozen(kw_only=True)
class RefundFailed(_OfRefund):
    """The money did not go back.

    It may come after :class:`RefundSucceeded` of the same refund, days later and never
    before that is dealt with: then what was booked for the refund is to be taken back,
    and the receiver tells of it as an alert too. No payment that succeeded is undone
    by a late notice; of a refund PayerMax says success before the money is there.
    """


@attrs.frozen(kw_only=True)
class RefundPending(_OfRefund):
    """A refund is under way; nothing is decided."""


@attrs.frozen(kw_only=True)
class UnknownEvent(NotifiedEvent):
    """A type or a status this package does not know, or a link without payments.

    Also what cannot be read as its type; ``notification.problem`` says why. The fields
    are under ``notification.data``, as they came.

    It is kept and handed to the catch-all; that nobody wants it is no failure.
    """


def split(notification: Notification) -> tuple[Notification, ...]:
    """The notification once for each payment it tells of, and each of one only.

    A link may hold several payments, and each takes effect on its own.
    """
    if not isinstance(notification, LinkNotification):
        return (notification,)
    payments = notification.data.pay_by_link_info
    if len(payments) < 2:
        return (notification,)
    return tuple(
        attrs.evolve(
            notification, data=attrs.evolve(notification.data, pay_by_link_info=(one,))
        )
        for one in payments
    )


def event_of(notification: Notification) -> NotifiedEvent:
    """What a notification of at most one payment tells; see :func:`split`.

    Only the status inside ``data`` counts, never ``code`` and ``msg``.
    """
    return told_as(state_of(notification), notification)


def told_as(state: State, notification: Notification) -> NotifiedEvent:
    """The event of a state that a notification of at most one payment tells."""
    return _event_class(state.event).of(notification)


@cache
def _event_class(name: str) -> type[NotifiedEvent]:
    # Of the public names each is loaded when the first event of it is told.
    found: type[NotifiedEvent] = getattr(
        importlib.import_module("payermax_async.webhooks"), name
    )
    return found
