"""Rows of the table of operations: orders on the cashier page, and authorisations."""

from __future__ import annotations

from payermax_async.core.asked import Asked, Told
from payermax_async.core.models.cashier import (
    CancelledAmount,
    CancelOrder,
    CapturedAmount,
    CaptureOrder,
    PlacedOrder,
    PlaceOrder,
)
from payermax_async.core.models.notice_cards import StepStatus
from payermax_async.core.models.orders import Order, QueryOrder
from payermax_async.core.operations.operation import Operation, Replay, Settlement
from payermax_async.core.operations.table import QUERY_ORDER

__all__ = ["CANCEL_ORDER", "CAPTURE_ORDER", "PLACE_ORDER", "ROWS"]

_ORDER_NAMES = ("total_amount", "currency", "capture_mode", "reference")


def _asked_order(request: PlaceOrder) -> Asked:
    return Asked.of(
        request.out_trade_no,
        plain={
            "total_amount": request.total_amount,
            "currency": request.currency,
            "capture_mode": request.capture_mode,
        },
        texts={"reference": request.reference},
    )


def _told_order(found: Order) -> Told:
    # Where the buyer pays may be another country than the one that was asked for.
    return {
        "total_amount": found.total_amount,
        "currency": found.currency or None,
        "capture_mode": found.capture_mode or None,
        "reference": found.reference or None,
    }


def _placed_order(found: Order) -> PlacedOrder:
    # Its page is told by nothing but the answer to the order itself.
    return PlacedOrder(
        out_trade_no=found.out_trade_no,
        trade_token=found.trade_token,
        redirect_url=None,
        status=found.status,
        found=True,
    )


def _same_capture(asked: CaptureOrder, told: CapturedAmount) -> bool:
    return told.amount in {None, asked.amount} and told.currency in {
        None,
        "",
        asked.currency,
    }


PLACE_ORDER = Operation(
    name="orderAndPay",
    version="1.4",
    request=PlaceOrder,
    reply=PlacedOrder,
    replay=Replay.KEYED,
    doubt="The order may exist.",
    keys=("out_trade_no",),
    echoes=("out_trade_no",),
    # An order that nobody can be led to is no answer.
    answers=lambda _, told: told.redirect_url is not None,
    settlement=Settlement[PlaceOrder, PlacedOrder, Order](
        query=QUERY_ORDER,
        ask_about=lambda key: QueryOrder(out_trade_no=key),
        names=_ORDER_NAMES,
        money=("total_amount", "currency"),
        asked=_asked_order,
        told=_told_order,
        reply=_placed_order,
    ),
)
# No query tells of a capture or a cancellation, so neither is ever sent again: what
# became of it, its notification says, by the same request_id.
CAPTURE_ORDER = Operation(
    name="capture",
    version="1.4",
    request=CaptureOrder,
    reply=CapturedAmount,
    replay=Replay.NEVER,
    doubt="The amount may have been drawn.",
    keys=("request_id", "out_trade_no"),
    echoes=("request_id",),
    answers=_same_capture,
    takes=lambda told: told.status != StepStatus.FAILED,
)
CANCEL_ORDER = Operation(
    name="cancel",
    version="1.4",
    request=CancelOrder,
    reply=CancelledAmount,
    replay=Replay.NEVER,
    doubt="The amount may have been released.",
    keys=("request_id", "out_trade_no"),
    echoes=("request_id",),
    takes=lambda told: told.status != StepStatus.FAILED,
)

ROWS = (PLACE_ORDER, CAPTURE_ORDER, CANCEL_ORDER)
