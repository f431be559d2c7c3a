"""What the payer posted: checked, and turned into a choice."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from enum import Enum
from typing import TypeVar

import attrs

from payermax_async.core.errors import Problem, ValidationError
from payermax_async.sandbox.ledger.payment_methods import (
    FAILURE_CODES,
    TEST_CARDS_BY_ID,
    Card,
    Method,
    PaymentOutcome,
    brand_of,
)

__all__ = ["MANUAL_CARD", "PaymentChoice", "read_payment_choice"]

MANUAL_CARD = "manual"
"""The value of ``card`` that stands for the card typed into the form."""

_NUMBER = re.compile(r"[0-9]{12,19}")
_EXPIRY = re.compile(r"(0[1-9]|1[0-2]) ?/? ?([0-9]{2})")
_CVV = re.compile(r"[0-9]{3,4}")
_MAX_NAME = 128

Choice = TypeVar("Choice", bound=Enum)


@attrs.frozen(kw_only=True)
class PaymentChoice:
    """How the payer wants to pay, and how the sandbox shall let it end."""

    method: Method
    """The way to pay."""

    card: Card | None
    """The card, if that is the method."""

    outcome: PaymentOutcome
    """How it shall end."""

    failure_code: str
    """The code of a payment that shall fail, else empty."""

    three_ds: bool
    """Whether to ask for the one-time code first; never for other than cards."""


def read_payment_choice(form: Mapping[str, str], *, today: date) -> PaymentChoice:
    """Check the posted checkout form.

    The fields are ``method``, ``card`` (a test card's id or ``manual``),
    ``card_number``, ``card_name``, ``card_expiry``, ``card_cvv``, ``outcome``,
    ``failure_code`` and ``three_ds``. The anti-forgery token is the server's to
    check. Only formats are checked, as PayerMax's test environment does.

    Args:
        form: The fields; of a repeated field the server passes the first.
        today: The day a typed card must not have expired before.

    Raises:
        ValidationError: Some fields are wrong. Each problem's path is the name of
            its field; no message repeats what was typed.
    """
    problems: list[Problem] = []
    method = _pick(Method, form, "method", problems)
    outcome = _pick(PaymentOutcome, form, "outcome", problems)
    card = None
    if method is Method.CARD:
        card = _read_card(form, today, problems)
    failure_code = ""
    if outcome is PaymentOutcome.FAIL:
        failure_code = form.get("failure_code") or FAILURE_CODES[0]
        if failure_code not in FAILURE_CODES:
            problems.append(Problem("failure_code", "is not one that is offered"))
    if problems or method is None or outcome is None:
        raise ValidationError(tuple(problems), subject="payment form")
    return PaymentChoice(
        method=method,
        card=card,
        outcome=outcome,
        failure_code=failure_code,
        # The box may be ticked while a wallet is chosen: scripts may be off.
        three_ds=card is not None and "three_ds" in form,
    )


def _pick(
    kind: type[Choice], form: Mapping[str, str], field: str, problems: list[Problem]
) -> Choice | None:
    try:
        return kind(form.get(field))
    except ValueError:
        problems.append(Problem(field, "is not one that is offered"))
        return None


def _read_card(
    form: Mapping[str, str], today: date, problems: list[Problem]
) -> Card | None:
    chosen = form.get("card", "")
    if chosen != MANUAL_CARD:
        card = TEST_CARDS_BY_ID.get(chosen)
        if card is None:
            problems.append(Problem("card", "is not one that is offered"))
        return card
    # As people copy them from a card.
    number = re.sub("[ -]", "", form.get("card_number", ""))
    holder = form.get("card_name", "").strip()
    expiry = _EXPIRY.fullmatch(form.get("card_expiry", "").strip())
    is_test = any(number == card.number for card in TEST_CARDS_BY_ID.values())
    if not is_test and not (_NUMBER.fullmatch(number) and _luhn(number)):
        problems.append(Problem("card_number", "must be 12 to 19 digits that add up"))
    if not 0 < len(holder) <= _MAX_NAME:
        problems.append(Problem("card_name", "must have 1 to 128 characters"))
    # A card is good to the end of its month.
    in_past = expiry is not None and _month(expiry) < (today.year, today.month)
    # A test card stays good, whatever PayerMax printed on it.
    if expiry is None or (in_past and (number, expiry[0]) not in _TEST_DATES):
        problems.append(Problem("card_expiry", "must be MM/YY and not in the past"))
    if not _CVV.fullmatch(form.get("card_cvv", "").strip()):
        problems.append(Problem("card_cvv", "must be 3 or 4 digits"))
    if problems or expiry is None:
        return None
    brand = brand_of(number)
    return Card(
        id=MANUAL_CARD,
        brand=brand,
        org=brand.upper(),
        number=number,
        holder=holder,
        expiry=f"{expiry[1]}/{expiry[2]}",
    )


_TEST_DATES = {(card.number, card.expiry) for card in TEST_CARDS_BY_ID.values()}


def _month(expiry: re.Match[str]) -> tuple[int, int]:
    return 2000 + int(expiry[2]), int(expiry[1])


def _luhn(number: str) -> bool:
    """The check digit of ISO/IEC 7812-1, annex B."""
    total = 0
    for place, digit in enumerate(reversed(number)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 * (value > 9)
    return total % 10 == 0
