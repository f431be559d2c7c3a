"""The page behind a payment link: values in, HTML out.

Nothing here waits, reads a clock or knows a web server. A server builds a view,
calls one of the four renderers, and sends the text as ``text/html; charset=utf-8``
with :data:`CONTENT_SECURITY_POLICY` as its ``Content-Security-Policy``. It serves
each of :data:`ASSET_NAMES` under the view's ``assets`` path with
:func:`read_asset`, and reads what comes back with :func:`read_payment_choice`.

Example:
    >>> from payermax_async.sandbox.cashier import GoneReason, GoneView, render_gone
    >>> "No such link" in render_gone(GoneView(reason=GoneReason.UNKNOWN))
    True
"""

from __future__ import annotations

from payermax_async.sandbox.cashier.assets import (
    ASSET_NAMES,
    CONTENT_SECURITY_POLICY,
    Asset,
    read_asset,
)
from payermax_async.sandbox.cashier.forms import PaymentChoice, read_payment_choice
from payermax_async.sandbox.cashier.pages import (
    render_checkout,
    render_gone,
    render_result,
    render_three_ds,
)
from payermax_async.sandbox.cashier.parts import Form, Goods, Merchant, Money
from payermax_async.sandbox.cashier.view import (
    CheckoutView,
    GoneReason,
    GoneView,
    ResultStatus,
    ResultView,
    ThreeDSView,
)
from payermax_async.sandbox.ledger.payment_methods import (
    FAILURE_CODES,
    TEST_CARDS,
    Card,
    Method,
    PaymentOutcome,
    ThreeDSDecision,
)

__all__ = [
    "ASSET_NAMES",
    "CONTENT_SECURITY_POLICY",
    "FAILURE_CODES",
    "TEST_CARDS",
    "Asset",
    "Card",
    "CheckoutView",
    "Form",
    "GoneReason",
    "GoneView",
    "Goods",
    "Merchant",
    "Method",
    "Money",
    "PaymentChoice",
    "PaymentOutcome",
    "ResultStatus",
    "ResultView",
    "ThreeDSDecision",
    "ThreeDSView",
    "read_asset",
    "read_payment_choice",
    "render_checkout",
    "render_gone",
    "render_result",
    "render_three_ds",
]
