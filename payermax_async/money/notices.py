"""What a kept notification tells of money: a payment or a refund."""

from __future__ import annotations

from typing import Final

from payermax_async.core.errors import PayerMaxError
from payermax_async.core.models.refunds import RefundStatus
from payermax_async.money.proposals import MadeRefund, PaymentFact, RefundFate
from payermax_async.webhooks import (
    LinkPaid,
    LinkPaidAgain,
    NotifiedEvent,
    PaymentSucceeded,
    RefundFailed,
    RefundPending,
    RefundSucceeded,
)
from payermax_async.webhooks.inbox.entries import EntryState, StoredNotification
from payermax_async.webhooks.inbox.rulings import Role

__all__ = ["FATES", "event_of", "is_ours", "may_be_money", "payment_of", "refund_of"]

_OF_MONEY: Final = frozenset({"PAYBYLINK", "PAYMENT", "REFUND"})
FATES: Final = {
    RefundStatus.REFUND_SUCCESS.value: RefundFate.DONE,
    RefundStatus.REFUND_FAILED.value: RefundFate.FAILED,
    RefundStatus.REFUND_PENDING.value: RefundFate.UNDER_WAY,
}
"""What the gateway's words for a refund mean."""


def may_be_money(entry: StoredNotification) -> bool:
    """Whether it may tell of a payment or a refund."""
    # What could not be read may be anything; of the rest the type is known.
    return entry.is_raw or entry.notify_type in _OF_MONEY


def event_of(entry: StoredNotification) -> NotifiedEvent | None:
    """What it tells of a payment or a refund; ``None`` of others, and of the unread."""
    if entry.is_raw or entry.notify_type not in _OF_MONEY or entry.body is None:
        return None
    try:
        return entry.event()
    except PayerMaxError:
        return None  # counted: what it says is not looked at


def is_ours(event: NotifiedEvent, merchant_no: str | None) -> bool:
    """Whether it names no other merchant."""
    found = event.notification.merchant_no
    return merchant_no is None or found is None or found == merchant_no


def payment_of(entry: StoredNotification, event: NotifiedEvent) -> PaymentFact | None:
    """The successful payment that it tells of, if it does."""
    is_odd = entry.state is EntryState.MISMATCHED
    if isinstance(event, LinkPaid | LinkPaidAgain):
        return PaymentFact(
            trade_no=event.out_trade_no or "",
            merchant_link_id=event.merchant_link_id,
            amount=event.total_amount,
            currency=event.currency,
            completed_at=event.payment.complete_at,
            # Of the link: each order has a first payment of its own.
            took_effect=entry.role is Role.FIRST,
            is_odd=is_odd,
        )
    if isinstance(event, PaymentSucceeded):
        return PaymentFact(
            trade_no=event.out_trade_no,
            amount=event.total_amount,
            currency=event.currency,
            completed_at=event.notification.data.complete_time,
            is_odd=is_odd,
        )
    return None


def refund_of(event: NotifiedEvent) -> MadeRefund | None:
    """The refund that it tells of, if it does."""
    if not isinstance(event, RefundSucceeded | RefundFailed | RefundPending):
        return None
    return MadeRefund(
        trade_no=event.out_trade_no or "",
        out_refund_no=event.out_refund_no,
        amount=event.refund_amount,
        currency=event.refund_currency,
        fate=FATES.get(str(event.notification.data.status), RefundFate.UNKNOWN),
    )
