"""Orders and refunds as the commands show them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from payermax_async.cli.console import (
    clean,
    output_console,
    plain,
    present,
    print_facts,
    print_json,
)

if TYPE_CHECKING:
    from decimal import Decimal

    from payermax_async.core.models.orders import Order
    from payermax_async.core.models.refunds import RefundDetails, SubmittedRefund

__all__ = ["tell_order", "tell_refund", "tell_submitted"]


def _money(amount: Decimal | None, currency: str | None) -> str | None:
    return None if amount is None else f"{amount} {currency or ''}".strip()


def tell_submitted(refund: SubmittedRefund, *, as_json: bool) -> None:
    """Show a refund that PayerMax took on; ``as_json`` for another program."""
    if as_json:
        print_json(plain(refund))
        return
    console = output_console()
    headline = Text("Taken on ", style="good")
    headline.append(clean(refund.out_refund_no), style="title")
    console.print(headline)
    print_facts(
        console,
        present(
            ("status", refund.status),
            ("PayerMax's id", refund.refund_trade_no),
        ),
    )


def tell_refund(refund: RefundDetails, *, as_json: bool) -> None:
    """Show a refund; ``as_json`` for another program."""
    if as_json:
        found = plain(refund)
        fields = found if isinstance(found, dict) else {}
        print_json({**fields, "is_refunded": refund.is_refunded})
        return
    console = output_console()
    headline = Text(clean(refund.out_refund_no or ""), style="title")
    word = ("refunded", "good") if refund.is_refunded else ("not refunded", "care")
    headline.append("  ").append(*word)
    console.print(headline)
    print_facts(
        console,
        present(
            ("amount", _money(refund.refund_amount, refund.refund_currency)),
            ("status", refund.status),
            ("reason", refund.result_msg),
            ("order", refund.out_trade_no),
            ("ended", refund.refund_finish_time),
            ("PayerMax's id", refund.refund_trade_no),
        ),
    )


def tell_order(order: Order, *, as_json: bool) -> None:
    """Show an order; ``as_json`` for another program."""
    if as_json:
        print_json(plain(order))
        return
    console = output_console()
    headline = Text(clean(order.out_trade_no), style="title")
    headline.append("  ").append(clean(order.status or "state unknown"))
    console.print(headline)
    print_facts(
        console,
        present(
            ("amount", _money(order.total_amount, order.currency)),
            ("country", order.country),
            ("reason", order.result_msg or order.result_code),
            ("capture", order.capture_mode),
            ("ended", order.complete_time),
            ("trade token", order.trade_token),
        ),
    )
