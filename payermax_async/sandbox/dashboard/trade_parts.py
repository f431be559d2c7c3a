"""A link's trades and refunds, with the buttons that end them."""

from __future__ import annotations

from urllib.parse import quote

import attrs

from payermax_async.core.codes.lookup import lookup
from payermax_async.core.models.payments import PaymentStatus
from payermax_async.core.models.refunds import RefundStatus
from payermax_async.sandbox.cashier.amounts import format_money
from payermax_async.sandbox.dashboard.components import Moment, Tag
from payermax_async.sandbox.dashboard.layout import ROOT, Frame
from payermax_async.sandbox.ledger.records import Refund, Trade

__all__ = ["RefundItem", "TradeItem", "refund_item", "trade_item"]

_TRADES = {
    PaymentStatus.SUCCESS: "good",
    PaymentStatus.FAILED: "bad",
    PaymentStatus.PENDING: "wait",
}
_REFUNDS = {
    RefundStatus.REFUND_SUCCESS: "good",
    RefundStatus.REFUND_FAILED: "bad",
}


@attrs.frozen(kw_only=True)
class TradeItem:
    """A trade on its link's page."""

    trade: Trade
    """The record."""
    tone: str
    """The colour of its edge."""
    tags: tuple[Tag, ...]
    """How it stands."""
    paid_with: str
    """Card, wallet or bank."""
    is_paid: bool
    """Whether that paid."""
    reason: str
    """Why it failed, in words."""
    closes: Moment | None
    """When its time is up, while it is pending."""
    path: str
    """Where its buttons lead."""
    buttons: tuple[tuple[str, str], ...]
    """What can be done: the outcome, and what to call it."""


def trade_item(frame: Frame, trade: Trade) -> TradeItem:
    """A trade as its link's page shows it."""
    tone = _TRADES.get(trade.status, "plain")
    tags = [Tag(trade.status.value, tone)]
    if trade.left:
        tags.append(Tag("walked away"))
    if trade.result_code:
        tags.append(Tag(trade.result_code))
    pending = trade.status is PaymentStatus.PENDING
    info = lookup(trade.result_code)
    return TradeItem(
        trade=trade,
        tone=tone,
        tags=tuple(tags),
        paid_with=_paid_with(trade),
        is_paid=trade.status is PaymentStatus.SUCCESS,
        reason=info.meaning if info is not None else "",
        closes=frame.moment(trade.closes_at) if pending else None,
        path=f"{ROOT}/trades/{quote(trade.out_trade_no)}",
        buttons=_buttons(trade),
    )


def _paid_with(trade: Trade) -> str:
    if trade.payment is None:
        return ""
    card = trade.payment.card
    return f"{card.org} {card.last4}" if card else trade.payment.method.target_org


def _buttons(trade: Trade) -> tuple[tuple[str, str], ...]:
    if trade.status is PaymentStatus.PENDING and not trade.left:
        return (("succeed", "Let it succeed"), ("fail", "Let it fail"))
    # Closing it is what lets the merchant hear of the failure.
    if trade.status is PaymentStatus.FAILED and not trade.announced:
        return (("close", "Close its result page"),)
    return ()


@attrs.frozen(kw_only=True)
class RefundItem:
    """A refund on its link's page."""

    refund: Refund
    """The record."""
    tone: str
    """The colour of its edge."""
    tags: tuple[Tag, ...]
    """How it stands."""
    amount: str
    """What goes back."""
    path: str
    """Where its buttons lead."""
    is_pending: bool
    """Whether it can be ended."""


def refund_item(refund: Refund) -> RefundItem:
    """A refund as its link's page shows it."""
    tone = _REFUNDS.get(refund.status, "wait")
    return RefundItem(
        refund=refund,
        tone=tone,
        tags=(Tag(refund.status.value, tone),),
        amount=format_money(refund.amount, refund.currency, "en"),
        path=f"{ROOT}/refunds/{quote(refund.refund_trade_no)}",
        is_pending=refund.status is RefundStatus.REFUND_PENDING,
    )
