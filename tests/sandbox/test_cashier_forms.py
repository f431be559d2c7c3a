from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payermax_async.core.errors import ValidationError
from payermax_async.sandbox.cashier.forms import read_payment_choice
from payermax_async.sandbox.ledger.payment_methods import (
    FAILURE_CODES,
    TEST_CARDS,
    Card,
    Method,
    PaymentOutcome,
    brand_of,
)

TODAY = date(2026, 7, 21)
MANUAL = {
    "method": "CARD",
    "card": "manual",
    "outcome": "succeed",
    "card_number": "4000 0000 0000 0002",
    "card_name": " Olivia Taylor ",
    "card_expiry": "07/26",
    "card_cvv": "123",
}


def refused(form: dict[str, str]) -> list[str]:
    with pytest.raises(ValidationError) as caught:
        read_payment_choice(form, today=TODAY)
    return [problem.path for problem in caught.value.problems]


@pytest.mark.parametrize("card", TEST_CARDS, ids=[card.id for card in TEST_CARDS])
def test_a_test_card_is_taken_as_it_is_even_once_it_has_expired(
    card: Card,
) -> None:
    form = {"method": "CARD", "card": card.id, "outcome": "succeed"}
    choice = read_payment_choice(form, today=date(2099, 1, 1))
    assert choice.card is card
    assert not choice.three_ds
    assert choice.failure_code == ""


@pytest.mark.parametrize("card", TEST_CARDS, ids=[card.id for card in TEST_CARDS])
def test_a_test_card_that_is_typed_never_expires_either(card: Card) -> None:
    typed = MANUAL | {"card_number": card.number, "card_expiry": card.expiry}
    choice = read_payment_choice(typed, today=date(2099, 1, 1))
    assert choice.card is not None
    assert choice.card.number == card.number
    # Another date than the one that PayerMax printed is a date like any.
    with pytest.raises(ValidationError, match="card_expiry"):
        read_payment_choice(typed | {"card_expiry": "01/25"}, today=TODAY)


def test_a_typed_card_is_cleaned_recognised_and_loses_its_check_value() -> None:
    card = read_payment_choice(MANUAL, today=TODAY).card
    assert card is not None
    assert (card.id, card.brand, card.last4) == ("manual", "Visa", "0002")
    assert (card.number, card.holder) == ("4000000000000002", "Olivia Taylor")
    assert (card.expiry, card.cvv) == ("07/26", "")
    assert "4000000000000002" not in repr(card)
    assert "Olivia" not in repr(card)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("method", "CASH"),
        ("method", ""),
        ("outcome", "SUCCEED"),
        ("card", "amex"),
        ("card", ""),
        ("card_number", ""),
        ("card_number", "4000000000000003"),
        ("card_number", "41111"),
        ("card_number", "4" * 20),
        ("card_number", "٤٠٠٠٠٠٠٠٠٠٠٠٠٠٠٢"),
        ("card_name", "  "),
        ("card_name", "x" * 129),
        ("card_expiry", "06/26"),
        ("card_expiry", "13/30"),
        ("card_expiry", "00/30"),
        ("card_expiry", "7/30"),
        ("card_expiry", "2030-07"),
        ("card_cvv", "12"),
        ("card_cvv", "12a"),
        ("card_cvv", "12345"),
    ],
)
def test_a_wrong_field_is_named_and_not_quoted(field: str, value: str) -> None:
    form = MANUAL | {field: value}
    assert refused(form) == [field]
    with pytest.raises(ValidationError) as caught:
        read_payment_choice(form, today=TODAY)
    assert not value.strip() or value not in str(caught.value)


def test_all_wrong_fields_are_named_at_once() -> None:
    assert refused({}) == ["method", "outcome"]
    assert refused({"method": "CARD", "card": "manual", "outcome": "fail"}) == [
        "card_number",
        "card_name",
        "card_expiry",
        "card_cvv",
    ]


@pytest.mark.parametrize(
    ("posted", "code"), [("", FAILURE_CODES[0]), ("CVV_INVALID", "CVV_INVALID")]
)
def test_a_failure_has_the_chosen_code(posted: str, code: str) -> None:
    form = {"method": "WALLET", "outcome": "fail", "failure_code": posted}
    assert read_payment_choice(form, today=TODAY).failure_code == code
    assert refused(form | {"failure_code": "APPLY_SUCCESS"}) == ["failure_code"]


@pytest.mark.parametrize("method", [Method.WALLET, Method.BANK_TRANSFER])
def test_only_a_card_asks_for_three_d_secure(method: Method) -> None:
    form = {"method": method.value, "outcome": "pending", "three_ds": "1"}
    choice = read_payment_choice(form, today=TODAY)
    assert (choice.card, choice.three_ds) == (None, False)
    assert choice.method.target_org
    form = {"method": "CARD", "card": "visa", "outcome": "succeed", "three_ds": "1"}
    assert read_payment_choice(form, today=TODAY).three_ds
    assert Method.CARD.target_org == ""


@given(
    st.dictionaries(
        st.sampled_from([*MANUAL, "failure_code", "three_ds"]),
        st.text(max_size=30) | st.sampled_from([*MANUAL.values(), "fail", "visa"]),
    )
)
def test_whatever_is_posted_is_a_choice_or_a_named_problem(
    form: dict[str, str],
) -> None:
    problems: set[str] = set()
    choice = None
    try:
        choice = read_payment_choice(form, today=TODAY)
    except ValidationError as error:
        problems = {problem.path for problem in error.problems}
    if choice is None:
        assert problems
        assert problems <= {*MANUAL, "failure_code"}
    else:
        assert choice.outcome in PaymentOutcome
        assert (choice.card is not None) == (choice.method is Method.CARD)


@pytest.mark.parametrize(
    ("number", "brand"),
    [
        ("4000000000000002", "Visa"),
        ("5105105105105100", "Mastercard"),
        ("2223000048400011", "Mastercard"),
        ("3530111333300000", "JCB"),
        ("38520000023237", "Diners"),
        ("6011111111111117", "Discover"),
        ("5297412542005689", "mada"),
        ("9999999999999995", "Card"),
    ],
)
def test_a_number_shows_its_brand(number: str, brand: str) -> None:
    assert brand_of(number) == brand
