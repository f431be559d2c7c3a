"""Orders and refunds as the commands show them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from payermax_async.cli.console import tell

if TYPE_CHECKING:
    from decimal import Decimal

    from payermax_async.core.models.orders import Order
    from payermax_async.core.models.refunds import RefundDetails, SubmittedRefund

__all__ = ["tell_order", "tell_refund", "tell_submitted"]


def _money(amount: Decimal | None, currency: str | None) -> str | None:
    return None if amount is None else f"{amount} {currency or ''}".strip()


def tell_submitted(refund: SubmittedRefund, *, as_json: bool) -> None:
    """Show a refund that PayerMax took on; ``as_json`` for another program."""
    tell(
        refund,
        # Not "refunded": whether the money goes back is told by a notification.
        ("Taken on ", "good"),
        (refund.out_refund_no, "title"),
        facts=(("status", refund.status), ("PayerMax's id", refund.refund_trade_no)),
        as_json=as_json,
    )


def tell_refund(refund: RefundDetails, *, as_json: bool) -> None:
    """Show a refund; ``as_json`` for another program."""
    tell(
        refund,
        (refund.out_refund_no or "", "title"),
        ("  refunded", "good") if refund.is_refunded else ("  not refunded", "care"),
        facts=(
            ("amount", _money(refund.refund_amount, refund.refund_currency)),
            ("status", refund.status),
            ("reason", refund.result_msg),
            ("order", refund.out_trade_no),
            ("ended", refund.refund_finish_time),
            ("PayerMax's id", refund.refund_trade_no),
        ),
        as_json=as_json,
        is_refunded=refund.is_refunded,
    )


def tell_order(order: Order, *, as_json: bool) -> None:
    """Show an order; ``as_json`` for another program."""
    tell(
        order,
        (order.out_trade_no, "title"),
        (f"  {order.status or 'state unknown'}", ""),
        facts=(
            ("amount", _money(order.total_amount, order.currency)),
            ("country", order.country),
            ("reason", order.result_msg or order.result_code),
            ("capture", order.capture_mode),
            ("ended", order.complete_time),
            ("trade token", order.trade_token),
        ),
        as_json=as_json,
    )
