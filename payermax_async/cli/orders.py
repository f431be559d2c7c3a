"""``payermax orders``: what a payment became, and what it cost."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from payermax_async.cli.failures import Exit
from payermax_async.cli.merchant import Flag, MerchantSource, Seconds, ask
from payermax_async.cli.money_report import tell_order

__all__ = ["app", "query"]

app: App = App(name="orders", help="Query the orders that payments of links became.")


@app.command
def query(
    order: Annotated[str, Parameter(name="ORDER")],
    /,
    *,
    as_json: Annotated[bool, Flag, Parameter(name="--json")] = False,
    timeout: Seconds = 60.0,
    source: MerchantSource | None = None,
) -> int:
    """Ask about an order: its state, and what it cost.

    Args:
        order: PayerMax's order number, which 'links query' shows as the payment.
        as_json: Print JSON for another program.
        timeout: Seconds for the whole call.
        source: Where the merchant's settings are.
    """
    ask(
        (source or MerchantSource()).read(),
        timeout,
        lambda client: client.query_order(order),
        lambda found: tell_order(found, as_json=as_json),
    )
    return Exit.DONE
