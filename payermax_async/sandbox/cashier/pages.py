"""The four pages: a view in, a whole HTML document out."""

from __future__ import annotations

from payermax_async.sandbox.cashier.markup import render
from payermax_async.sandbox.cashier.view import (
    CheckoutView,
    GoneView,
    ResultView,
    ThreeDSView,
)

__all__ = ["render_checkout", "render_gone", "render_result", "render_three_ds"]


def render_checkout(view: CheckoutView) -> str:
    """The page on which a link is paid.

    Args:
        view: What to show. A link whose time is up belongs to :func:`render_gone`.
    """
    return render("cashier/checkout.html", view)


def render_three_ds(view: ThreeDSView) -> str:
    """The page on which the bank asks for its one-time code."""
    return render("cashier/three_ds.html", view)


def render_result(view: ResultView) -> str:
    """The page that says what became of a payment."""
    return render("cashier/result.html", view)


def render_gone(view: GoneView) -> str:
    """The page of a link that cannot be paid: expired, withdrawn, paid, unknown."""
    return render("cashier/gone.html", view)
