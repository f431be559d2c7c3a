"""The form on which a link is paid: how, and how it shall end."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from payermax_async.sandbox.cashier.forms import MANUAL_CARD
from payermax_async.sandbox.cashier.layout import (
    Page,
    csrf_field,
    icon,
)
from payermax_async.sandbox.cashier.markup import Html, Node, element
from payermax_async.sandbox.cashier.view import CheckoutView
from payermax_async.sandbox.ledger.payment_methods import (
    FAILURE_CODES,
    TEST_CARDS,
    Card,
    Method,
    Outcome,
)

__all__ = ["PaymentForm"]

_CARD_FIELDS: dict[str, dict[str, str | bool | None]] = {
    "card_number": {
        "autocomplete": "off",
        "inputmode": "numeric",
        "maxlength": "23",
        "placeholder": "4444 3333 2222 1111",
    },
    "card_name": {"autocomplete": "off", "maxlength": "128"},
    "card_expiry": {
        "autocomplete": "off",
        "inputmode": "numeric",
        "maxlength": "7",
        "placeholder": "MM/YY",
    },
    "card_cvv": {"autocomplete": "off", "inputmode": "numeric", "maxlength": "4"},
}
# What a person typed of a card is not sent back to the browser.
_NOT_ECHOED = frozenset({"card_number", "card_cvv"})

# Where a complaint about a field leads: the element that can mend it.
_TARGETS = {
    "method": "method-CARD",
    "card": "card-visa",
    "outcome": "outcome-succeed",
    "failure_code": "failure_code",
    **{name: name for name in _CARD_FIELDS},
}


@attrs.frozen(kw_only=True)
class PaymentForm:
    """The form of one checkout, part by part."""

    page: Page
    """The frame, for its language."""

    view: CheckoutView
    """What to show."""

    def render(self) -> Html:
        """How to pay, the sandbox's controls, and the button."""
        say = self.page.texts.say
        return element(
            "form",
            {"id": "pay", "method": "post", "action": self.view.form.action},
            csrf_field(self.view.form),
            self._problems(),
            self._methods(),
            self._controls(),
            element(
                "div",
                {"class": "actions"},
                element(
                    "button",
                    {"type": "submit", "class": "primary", "data-needs-time": True},
                    say("pay", amount=self.page.money(self.view.amount)),
                ),
            ),
        )

    def _problems(self) -> Html | None:
        say = self.page.texts.say
        known = [name for name in self.view.problems if name in _TARGETS]
        if not known:
            return None
        return element(
            "div",
            {"class": "problems", "role": "alert"},
            element("h2", {}, say("problems")),
            element(
                "ul",
                {},
                [
                    element(
                        "li",
                        {},
                        element(
                            "a", {"href": f"#{_TARGETS[name]}"}, say(f"problem_{name}")
                        ),
                    )
                    for name in known
                ],
            ),
        )

    def _posted(self) -> Mapping[str, str]:
        return dict(self.view.posted)

    def _radio(self, field: str, value: str, first: str) -> Html:
        return element(
            "input",
            {
                "type": "radio",
                "name": field,
                "id": f"{field}-{value}",
                "value": value,
                "checked": self._posted().get(field, first) == value,
            },
        )

    def _methods(self) -> Html:
        say = self.page.texts.say
        return element(
            "fieldset",
            {"class": "methods"},
            element("legend", {}, say("method")),
            [self._one_method(method) for method in Method],
        )

    def _one_method(self, method: Method) -> Html:
        say = self.page.texts.say
        code = method.value
        panel: Node = self._cards()
        if method is not Method.CARD:
            panel = element("p", {}, say(f"panel_{code}", org=method.target_org))
        return element(
            "div",
            {"class": "method"},
            self._radio("method", code, Method.CARD.value),
            element(
                "label",
                {"for": f"method-{code}"},
                icon(code),
                element(
                    "span",
                    {},
                    element("b", {}, say(f"method_{code}")),
                    " ",
                    element("small", {}, say(f"note_{code}")),
                ),
            ),
            element("div", {"class": "panel"}, panel),
        )

    def _cards(self) -> Node:
        say = self.page.texts.say
        return [
            element(
                "fieldset",
                {"class": "cards"},
                element("legend", {"class": "unseen"}, say("test_card")),
                [self._one_card(card) for card in TEST_CARDS],
                self._tile(MANUAL_CARD, element("b", {}, say("manual"))),
            ),
            element(
                "div",
                {"class": "manual"},
                element("p", {"class": "note"}, say("manual_note")),
                [self._card_field(name) for name in _CARD_FIELDS],
            ),
        ]

    def _one_card(self, card: Card) -> Html:
        dots = element("span", {"aria-hidden": "true"}, "•••• ")
        ending = element(
            "span", {"class": "unseen"}, f" {self.page.texts.say('ending')} "
        )
        digits = element("span", {"class": "digits", "dir": "ltr"}, dots, card.last4)
        return self._tile(card.id, element("b", {}, card.brand), ending, digits)

    def _tile(self, card_id: str, *content: Node) -> Html:
        return element(
            "label",
            {"class": f"tile card-{card_id}"},
            self._radio("card", card_id, TEST_CARDS[0].id),
            element("span", {"class": "face"}, content),
        )

    def _card_field(self, name: str) -> Html:
        say = self.page.texts.say
        wrong = name in self.view.problems
        typed = None if name in _NOT_ECHOED else self._posted().get(name)
        return element(
            "div",
            {"class": f"field {name}"},
            element("label", {"for": name}, say(name)),
            element(
                "input",
                {
                    "type": "text",
                    "id": name,
                    "name": name,
                    "dir": "auto" if name == "card_name" else "ltr",
                    "value": typed,
                    "aria-invalid": "true" if wrong else None,
                    "aria-describedby": f"{name}-problem" if wrong else None,
                    **_CARD_FIELDS[name],
                },
            ),
            element(
                "p",
                {"id": f"{name}-problem", "class": "problem"},
                say(f"problem_{name}"),
            )
            if wrong
            else None,
        )

    def _controls(self) -> Html:
        say = self.page.texts.say
        three_ds = "three_ds" in self._posted()
        return element(
            "fieldset",
            {"class": "controls"},
            element("legend", {}, say("controls")),
            element("p", {"class": "note"}, say("controls_note")),
            element(
                "div",
                {
                    "class": "outcomes",
                    "role": "radiogroup",
                    "aria-label": say("outcome"),
                },
                [self._one_outcome(outcome) for outcome in Outcome],
            ),
            self._failure_codes(),
            element(
                "label",
                {"class": "check"},
                element(
                    "input",
                    {
                        "type": "checkbox",
                        "name": "three_ds",
                        "value": "1",
                        "checked": three_ds,
                    },
                ),
                element("span", {}, say("three_ds")),
            ),
        )

    def _one_outcome(self, outcome: Outcome) -> Html:
        say = self.page.texts.say
        value = outcome.value
        return element(
            "label",
            {"class": "tile"},
            self._radio("outcome", value, Outcome.SUCCEED.value),
            element(
                "span",
                {"class": "face"},
                element("b", {}, say(f"outcome_{value}")),
                " ",
                element("small", {}, say(f"about_{value}")),
            ),
        )

    def _failure_codes(self) -> Html:
        chosen = self._posted().get("failure_code", FAILURE_CODES[0])
        return element(
            "div",
            {"class": "field failure"},
            element(
                "label", {"for": "failure_code"}, self.page.texts.say("failure_code")
            ),
            element(
                "select",
                {"id": "failure_code", "name": "failure_code", "dir": "ltr"},
                [
                    element("option", {"value": code, "selected": code == chosen}, code)
                    for code in FAILURE_CODES
                ],
            ),
        )
