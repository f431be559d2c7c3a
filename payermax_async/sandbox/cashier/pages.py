"""The four pages: a view in, a whole HTML document out."""

from __future__ import annotations

from payermax_async.sandbox.cashier.amounts import format_instant
from payermax_async.sandbox.cashier.layout import (
    Page,
    csrf_field,
    facts,
    icon,
    number,
)
from payermax_async.sandbox.cashier.markup import Html, Node, element, isolated
from payermax_async.sandbox.cashier.payment_form import PaymentForm
from payermax_async.sandbox.cashier.summary import Summary
from payermax_async.sandbox.cashier.view import (
    CheckoutView,
    Form,
    GoneView,
    ResultView,
    ThreeDSView,
)
from payermax_async.sandbox.ledger.payment_methods import ThreeDSDecision

__all__ = ["render_checkout", "render_gone", "render_result", "render_three_ds"]

_TONES = {
    "succeeded": "good",
    "paid": "good",
    "failed": "bad",
    "pending": "wait",
}


def render_checkout(view: CheckoutView) -> str:
    """The page on which a link is paid.

    Args:
        view: What to show. A link whose time is up belongs to :func:`render_gone`.
    """
    page = _page(view)
    return page.render(
        page.texts.say("pay_title", merchant=page.merchant_name),
        Summary(page=page, view=view).render(),
        PaymentForm(page=page, view=view).render(),
        kind="checkout",
        script=view.clock_runs,
    )


def render_three_ds(view: ThreeDSView) -> str:
    """The page on which the bank asks for its one-time code."""
    page = _page(view)
    say = page.texts.say
    rows: list[tuple[str, Node]] = [
        (say("merchant"), isolated(page.merchant_name)),
        (say("amount"), number(page.money(view.amount))),
        (say("card_row"), number(f"{view.brand} •••• {view.last4}")),
    ]
    content = element(
        "section",
        {"class": "panel-card", "aria-labelledby": "title"},
        element("p", {"class": "bank"}, icon("BANK_TRANSFER"), say("tds_bank")),
        element("h1", {"id": "title"}, say("tds_title")),
        element("p", {"class": "note"}, say("tds_intro")),
        facts(rows),
        _code_form(page, view),
    )
    return page.render(say("tds_title"), content, kind="narrow", script=False)


def _code_form(page: Page, view: ThreeDSView) -> Html:
    say = page.texts.say
    hints = "code-problem code-hint" if view.wrong_code else "code-hint"
    return element(
        "form",
        {"method": "post", "action": view.form.action},
        csrf_field(view.form),
        element("label", {"for": "code"}, say("tds_code")),
        element("p", {"class": "problem", "id": "code-problem"}, say("tds_wrong"))
        if view.wrong_code
        else None,
        element(
            "input",
            {
                "type": "text",
                "id": "code",
                "name": "code",
                "class": "code",
                "dir": "ltr",
                "inputmode": "numeric",
                "autocomplete": "one-time-code",
                "maxlength": "12",
                "required": True,
                "aria-invalid": "true" if view.wrong_code else None,
                "aria-describedby": hints,
            },
        ),
        element(
            "p",
            {"class": "note", "id": "code-hint"},
            say("tds_hint", code=view.one_time_code),
        ),
        element(
            "div",
            {"class": "buttons"},
            # The first button is the one that Enter presses.
            _decision(ThreeDSDecision.APPROVE, say("tds_approve"), "primary"),
            _decision(ThreeDSDecision.REFUSE, say("tds_refuse"), "secondary"),
        ),
    )


def _decision(decision: ThreeDSDecision, text: str, kind: str) -> Html:
    return element(
        "button",
        {
            "type": "submit",
            "name": "decision",
            "value": decision.value,
            "class": kind,
            "formnovalidate": decision is ThreeDSDecision.REFUSE,
        },
        text,
    )


def render_result(view: ResultView) -> str:
    """The page that says what became of a payment."""
    page = _page(view)
    say = page.texts.say
    rows: list[tuple[str, Node]] = []
    if view.failure_code:
        rows.append((say("failure"), number(view.failure_code)))
    if view.paid_with:
        rows.append((say("paid_with"), isolated(view.paid_with)))
    if view.at is not None:
        rows.append((say("when"), number(format_instant(view.at))))
    if view.trade_no:
        rows.append((say("trade_no"), number(view.trade_no)))
    rows.append((say("link"), number(view.link_id)))
    buttons: list[Node] = []
    if view.retry_path:
        link = {"class": "primary button", "href": view.retry_path}
        buttons.append(element("a", link, say("retry")))
    if view.close_form is not None:
        buttons.append(_close(view.close_form, say("close")))
    status = view.status.value
    content = [
        _verdict(page, status),
        page.amount(view.amount),
        facts(rows),
        element("div", {"class": "buttons"}, buttons) if buttons else None,
    ]
    return _verdict_page(page, status, content)


def _close(form: Form, text: str) -> Html:
    return element(
        "form",
        {"method": "post", "action": form.action},
        csrf_field(form),
        element("button", {"type": "submit", "class": "secondary"}, text),
    )


def render_gone(view: GoneView) -> str:
    """The page of a link that cannot be paid: expired, withdrawn, paid, unknown."""
    page = _page(view)
    say = page.texts.say
    rows: list[tuple[str, Node]] = []
    if view.at is not None:
        rows.append((say("when"), number(format_instant(view.at))))
    if view.link_id:
        rows.append((say("link"), number(view.link_id)))
    reason = view.reason.value
    content = [
        _verdict(page, reason),
        page.amount(view.amount) if view.amount else None,
        facts(rows) if rows else None,
    ]
    return _verdict_page(page, reason, content)


def _verdict(page: Page, name: str) -> Node:
    return [
        element("p", {"class": f"seal {_TONES.get(name, 'plain')}"}, icon(name)),
        element("h1", {"id": "title"}, page.texts.say(name)),
        element("p", {"class": "note"}, page.texts.say(f"{name}_note")),
    ]


def _verdict_page(page: Page, name: str, content: Node) -> str:
    section = element(
        "section", {"class": "panel-card verdict", "aria-labelledby": "title"}, content
    )
    return page.render(page.texts.say(name), section, kind="narrow", script=False)


def _page(view: CheckoutView | ThreeDSView | ResultView | GoneView) -> Page:
    return Page.of(language=view.language, merchant=view.merchant, assets=view.assets)
