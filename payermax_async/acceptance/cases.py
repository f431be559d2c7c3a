"""The table of cases: the six calls of a link merchant, and what else will happen.

PayerMax publishes no cases of acceptance for payment links; these follow its pages on
integrating them and on the test environment (https://docs.payermax.com).
"""

from __future__ import annotations

from payermax_async.acceptance import link_cases, notice_cases, refund_cases
from payermax_async.acceptance.walk import AcceptanceCase

__all__ = ["CASES"]

_SETUP, _PAID = ("setup",), ("paid",)

CASES = (
    AcceptanceCase(
        name="setup",
        title="Settings, keys, the way to the gateway, the clock, the webhook",
        needs=(),
        run=link_cases.setup,
    ),
    AcceptanceCase(
        name="create",
        title="Create a link (createPaybylink)",
        needs=_SETUP,
        run=link_cases.create,
    ),
    AcceptanceCase(
        name="query",
        title="Ask about it (queryPaybylink)",
        needs=("create",),
        run=link_cases.query,
    ),
    AcceptanceCase(
        name="expire",
        title="Withdraw a link (expirePaybylink)",
        needs=_SETUP,
        run=link_cases.expire,
    ),
    AcceptanceCase(
        name="paid", title="A link is paid", needs=("create",), run=link_cases.paid
    ),
    AcceptanceCase(
        name="order",
        title="Ask about the order (orderQuery)",
        needs=_PAID,
        run=link_cases.order_query,
    ),
    AcceptanceCase(
        name="notice",
        title="The notification arrives and is acknowledged",
        needs=_PAID,
        run=notice_cases.notice,
    ),
    AcceptanceCase(
        name="repeated",
        title="The same notification comes again",
        needs=("notice",),
        run=notice_cases.repeated,
    ),
    AcceptanceCase(
        name="forged",
        title="A forged notification is refused",
        needs=("expire",),
        run=notice_cases.forged,
    ),
    AcceptanceCase(
        name="failed", title="A payment fails", needs=_SETUP, run=link_cases.failed
    ),
    AcceptanceCase(
        name="pending",
        title="A payment stays under way",
        needs=_SETUP,
        run=link_cases.pending,
    ),
    AcceptanceCase(
        name="refund-fails",
        title="A refund fails (refund)",
        needs=_PAID,
        run=refund_cases.refund_fails,
    ),
    AcceptanceCase(
        name="refund",
        title="A refund succeeds (refund)",
        needs=_PAID,
        run=refund_cases.refund_succeeds,
    ),
    AcceptanceCase(
        name="refund-query",
        title="Ask about the refund (refundQuery)",
        needs=("refund",),
        run=refund_cases.refund_query,
    ),
)
"""In the order in which they are tried: PayerMax takes one refund of an order at a
time, so the one that fails is over before the other."""
