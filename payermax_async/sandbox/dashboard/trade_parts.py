"""A link's trades and refunds, with the buttons that end them."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from payermax_async.core.models.common import PaymentStatus
from payermax_async.core.models.refunds import RefundStatus
from payermax_async.sandbox.cashier.amounts import format_money
from payermax_async.sandbox.dashboard.components import (
    button,
    facts,
    moment,
    section,
    tag,
)
from payermax_async.sandbox.dashboard.elements import Html, Node, element
from payermax_async.sandbox.dashboard.layout import ROOT, Frame
from payermax_async.sandbox.ledger.records import Refund, Trade

__all__ = ["refunds_section", "trades_section"]

_TRADES = {
    PaymentStatus.SUCCESS: "good",
    PaymentStatus.FAILED: "bad",
    PaymentStatus.PENDING: "wait",
}
_REFUNDS = {
    RefundStatus.REFUND_SUCCESS: "good",
    RefundStatus.REFUND_FAILED: "bad",
}


def trades_section(frame: Frame, trades: Sequence[Trade]) -> Html:
    """The trades, newest first."""
    items = [_trade(frame, trade) for trade in reversed(trades)]
    return section(
        "Trades",
        element("ul", {"class": "items"}, items)
        if items
        else element("p", {"class": "empty"}, "Nobody has opened the link yet."),
    )


def _trade(frame: Frame, trade: Trade) -> Html:
    tone = _TRADES.get(trade.status, "plain")
    return element(
        "li",
        {"class": f"item {tone}"},
        element(
            "p",
            {"class": "line-up"},
            element("b", {}, trade.out_trade_no),
            " ",
            tag(trade.status.value, tone),
            tag("walked away") if trade.left else None,
            tag(trade.result_code) if trade.result_code else None,
        ),
        facts(_trade_facts(frame, trade)),
        _trade_buttons(frame, trade),
    )


def _trade_facts(frame: Frame, trade: Trade) -> list[tuple[str, Node]]:
    payment = trade.payment
    paid_with = None
    if payment is not None:
        card = payment.card
        paid_with = f"{card.org} {card.last4}" if card else payment.method.target_org
    pending = trade.status is PaymentStatus.PENDING
    return [
        ("Paid with", paid_with),
        ("Opened", moment(trade.created_at, frame.now)),
        ("Confirmed", moment(trade.confirmed_at, frame.now)),
        ("Ended", moment(trade.completed_at, frame.now)),
        ("Closes", moment(trade.closes_at, frame.now) if pending else None),
    ]


def _trade_buttons(frame: Frame, trade: Trade) -> Html | None:
    buttons: list[Node] = []
    if trade.status is PaymentStatus.PENDING and not trade.left:
        buttons = [
            button("Let it succeed", name="outcome", value="succeed"),
            button("Let it fail", name="outcome", value="fail"),
        ]
    elif trade.status is PaymentStatus.FAILED and not trade.announced:
        buttons = [button("Close its result page", name="outcome", value="close")]
    if not buttons:
        return None
    action = f"{ROOT}/trades/{quote(trade.out_trade_no)}"
    return frame.form(action, buttons, kind="row-buttons")


def refunds_section(frame: Frame, refunds: Sequence[Refund]) -> Html | None:
    """The refunds, newest first; nothing when there are none."""
    if not refunds:
        return None
    items = [_refund(frame, refund) for refund in reversed(refunds)]
    return section("Refunds", element("ul", {"class": "items"}, items))


def _refund(frame: Frame, refund: Refund) -> Html:
    tone = _REFUNDS.get(refund.status, "wait")
    buttons = None
    if refund.status is RefundStatus.REFUND_PENDING:
        buttons = frame.form(
            f"{ROOT}/refunds/{quote(refund.refund_trade_no)}",
            button("Let it succeed", name="status", value="REFUND_SUCCESS"),
            button("Let it fail", name="status", value="REFUND_FAILED"),
            kind="row-buttons",
        )
    return element(
        "li",
        {"class": f"item {tone}"},
        element(
            "p",
            {"class": "line-up"},
            element("b", {}, refund.out_refund_no),
            " ",
            element("span", {}, format_money(refund.amount, refund.currency, "en")),
            " ",
            tag(refund.status.value, tone),
        ),
        facts(
            [
                ("Order", refund.out_trade_no),
                ("Asked for", moment(refund.created_at, frame.now)),
                ("Due", moment(refund.due_at, frame.now)),
                ("Ended", moment(refund.finished_at, frame.now)),
            ]
        ),
        buttons,
    )
