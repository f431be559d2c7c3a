"""``payermax refunds``: give money back, and ask what became of it."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Group, Parameter

from payermax_async.cli.failures import Exit, in_options
from payermax_async.cli.merchant import Flag, MerchantSource, Seconds, ask
from payermax_async.cli.money_report import tell_refund, tell_submitted
from payermax_async.core.errors import OutcomeUnknownError, ValidationError

__all__ = ["app", "create", "query"]

app: App = App(name="refunds", help="Create and query refunds.")

_REFUND = Group("Refund", sort_key=1)
_OPTIONS = {
    "out_refund_no": "--id",
    "out_trade_no": "--order",
    "trade_token": "--trade-token",
    "refund_amount": "--amount",
    "refund_currency": "--currency",
    "comments": "--comments",
    "refund_notify_url": "--notify-url",
}
"""How the fields of a request are called on the command line."""

_Json = Annotated[bool, Flag, Parameter(name="--json")]


@app.command
def create(
    *,
    refund_id: Annotated[str, Parameter(name="--id", group=_REFUND)],
    amount: Annotated[str, Parameter(group=_REFUND)],
    currency: Annotated[str, Parameter(group=_REFUND)],
    order: Annotated[str | None, Parameter(group=_REFUND)] = None,
    trade_token: Annotated[str | None, Parameter(group=_REFUND)] = None,
    comments: Annotated[str | None, Parameter(group=_REFUND)] = None,
    notify_url: Annotated[str | None, Parameter(group=_REFUND)] = None,
    as_json: _Json = False,
    timeout: Seconds = 60.0,
    source: MerchantSource | None = None,
) -> int:
    """Give money back, whole or in part, once, whatever happens on the way.

    When no answer came, PayerMax is asked whether the refund exists before anything
    is sent again. How it ends comes as a notification.

    Args:
        refund_id: Your own id of the refund, never used twice.
        amount: How much, in major units, such as 19.90.
        currency: The order's currency, an ISO 4217 code such as USD.
        order: PayerMax's order number, which 'links query' shows as the payment.
        trade_token: PayerMax's trade id, in place of the order number.
        comments: Why.
        notify_url: Where the notification goes; the settings' when left out.
        as_json: Print JSON for another program.
        timeout: Seconds for the whole call.
        source: Where the merchant's settings are.
    """
    from payermax_async.core.models.refunds import CreateRefund

    try:
        request = CreateRefund(
            out_refund_no=refund_id,
            refund_amount=amount,
            refund_currency=currency,
            out_trade_no=order,
            trade_token=trade_token,
            comments=comments,
            refund_notify_url=notify_url,
        )
        ask(
            (source or MerchantSource()).read(),
            timeout,
            # Made by the id that was given: the same command again asks, and pays once.
            lambda client: client.refund(request),
            lambda refund: tell_submitted(refund, as_json=as_json),
        )
    except ValidationError as error:
        raise in_options(error, _OPTIONS) from None
    # The second Ctrl-C: whoever is in a hurry shall still learn what may be.
    except KeyboardInterrupt:
        raise OutcomeUnknownError(
            "interrupted before PayerMax answered",
            operation="refund",
            merchant_key=refund_id,
        ) from None
    return Exit.DONE


@app.command
def query(
    refund_id: Annotated[str, Parameter(name="ID")],
    /,
    *,
    as_json: _Json = False,
    timeout: Seconds = 60.0,
    source: MerchantSource | None = None,
) -> int:
    """Ask about a refund: whether the money went back.

    Args:
        refund_id: Your own id of the refund.
        as_json: Print JSON for another program.
        timeout: Seconds for the whole call.
        source: Where the merchant's settings are.
    """
    ask(
        (source or MerchantSource()).read(),
        timeout,
        lambda client: client.query_refund(refund_id),
        lambda refund: tell_refund(refund, as_json=as_json),
    )
    return Exit.DONE
