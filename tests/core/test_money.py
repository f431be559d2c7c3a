"""Amounts: exact, by PayerMax's decimals, and cheap to refuse."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import (
    Context,
    Decimal,
    FloatOperation,
    Inexact,
    Rounded,
    getcontext,
    localcontext,
)
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payermax_async.core import money
from payermax_async.core.money import (
    AmountInput,
    decimals_for,
    fit,
    format_amount,
    lenient_amount,
    parse_amount,
    parse_rate,
    rest_of,
    total,
)

WITHOUT_DECIMALS = [
    "IDR",
    "TWD",
    "KRW",
    "VND",
    "CLP",
    "PKR",
    "COP",
    "JPY",
    "ISK",
    "PYG",
]
# ISO 4217 gives the dinars and the rial three decimals.
WITH_TWO = ["BHD", "KWD", "JOD", "OMR", "TND", "IQD", "LYD", "USD", "EUR", "SAR"]
CURRENCIES = st.sampled_from(WITHOUT_DECIMALS + WITH_TWO)
AMOUNTS = st.decimals(0, 10**15 - 1, allow_nan=False, allow_infinity=False, places=4)

# None may be refused by looking at what it would be once expanded.
HUGE: list[object] = [
    "1e1000000",
    "9" * 1_000_000,
    "0." + "0" * 1_000_000,
    Decimal("1e1000000"),
    Decimal("1e999999999999999999"),
    Decimal("1e-999999999999999999"),
    Decimal("0e999999999999999999"),
    Decimal("0e-999999999999999999"),
    10**1_000_000,
    -(10**1_000_000),
]
NO_AMOUNTS: list[object] = [
    *HUGE,
    1.5,
    0.0,
    float("nan"),
    True,
    False,
    None,
    b"1",
    [1],
    complex(1),
    "",
    " ",
    " 1",
    "1 ",
    "1\n",
    "+1",
    "-1",
    "1.",
    ".5",
    "1,5",
    "1_000",
    "1 000",
    "0x10",
    "1e3",
    "1E+3",
    "NaN",
    "Infinity",
    "１２",
    "١٢",
    "१२",
    "1.٥",
    "²",
    "1\u200b",
    "1.00000",
    "1" * 16,
    -1,
    10**15,
    Decimal(-1),
    Decimal("-0"),
    Decimal("NaN"),
    Decimal("sNaN"),
    Decimal("Infinity"),
    Decimal("1E+15"),
    Decimal("0.00001"),
    Decimal("1.23456"),
    Decimal("1." + "0" * 100),
    Decimal("NaN123"),
]


@pytest.mark.parametrize("currency", WITHOUT_DECIMALS)
def test_some_currencies_take_no_decimals_whatever_iso_says(currency: str) -> None:
    assert decimals_for(currency) == 0
    assert fit(Decimal("40000.00"), currency) == Decimal(40000)
    with pytest.raises(ValueError, match=f"no decimals for {currency}"):
        fit(Decimal("40000.5"), currency)


@pytest.mark.parametrize("currency", WITH_TWO)
def test_all_others_take_two_even_the_dinars(currency: str) -> None:
    assert decimals_for(currency) == 2
    assert format_amount(fit(Decimal("1.500"), currency)) == "1.50"
    with pytest.raises(ValueError, match=f"at most 2 decimals for {currency}"):
        fit(Decimal("1.505"), currency)


def kinds(values: Iterable[object]) -> list[str]:
    """Names for test cases whose values are too long to be named by."""
    return [type(value).__name__ for value in values]


@pytest.mark.parametrize("value", NO_AMOUNTS, ids=kinds(NO_AMOUNTS))
def test_whatever_is_no_plain_amount_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"^must ") as caught:
        parse_amount(value)
    assert "99999" not in str(caught.value)
    assert len(str(caught.value)) < 120


def test_a_float_is_told_apart_from_other_types() -> None:
    with pytest.raises(ValueError, match="a float is inexact: use Decimal or text"):
        parse_amount(19.9)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("19.90", "19.90"),
        ("0", "0"),
        ("0007", "7"),
        ("999999999999999.9999", "999999999999999.9999"),
        (10**15 - 1, "999999999999999"),
        (0, "0"),
        (Decimal("4E+4"), "40000"),
        (Decimal("1E+14"), "100000000000000"),
        (Decimal("0E+3"), "0"),
        # What multiplying leaves behind: zeros that change nothing.
        (Decimal("19.90") * Decimal("1.0000"), "19.900000"),
        (Decimal("1.50000000"), "1.50000000"),
    ],
)
def test_an_amount_is_read_exactly_and_written_without_exponent(
    value: AmountInput, expected: str
) -> None:
    found = parse_amount(value)
    assert isinstance(found, Decimal)
    assert format_amount(found) == expected


@given(amount=AMOUNTS, currency=CURRENCIES)
def test_what_fits_survives_the_wire_and_what_does_not_is_refused(
    amount: Decimal, currency: str
) -> None:
    places = decimals_for(currency)
    if amount * 10**places % 1:
        with pytest.raises(ValueError, match="decimals for"):
            fit(amount, currency)
        return
    fitted = fit(amount, currency)
    text = format_amount(fitted)
    assert fitted == amount
    assert parse_amount(text) == amount
    assert "E" not in text.upper()
    assert len(text.partition(".")[2]) <= places


@given(amount=AMOUNTS, exponent=st.integers(0, 14), currency=CURRENCIES)
def test_the_decimal_context_has_no_say(
    amount: Decimal, exponent: int, currency: str
) -> None:
    whole = Decimal((0, (4,), exponent))
    numbers = [amount, whole, fit(amount.quantize(Decimal(1)), currency)]

    def everything() -> list[object]:
        found: list[object] = []
        for number in numbers:
            text = format_amount(number)
            found += [text, parse_amount(text), parse_amount(number)]
            found += [parse_rate(text), lenient_amount(number)]
            try:
                found.append(format_amount(fit(number, currency)))
            except ValueError as error:
                found.append(str(error))
        return found

    expected = everything()
    for context in (Context(prec=3), Context(prec=1, Emax=2, Emin=-2, traps=[])):
        with localcontext(context):
            assert everything() == expected


@given(st.one_of(st.text(), st.decimals(), st.integers(), st.floats(), st.binary()))
def test_any_value_is_either_an_amount_or_a_value_error(value: object) -> None:
    try:
        found = parse_amount(value)
    except ValueError:
        return
    assert 0 <= found < 10**15
    assert found == Decimal(cast("str", value))


@pytest.mark.parametrize(
    "amount", [value for value in NO_AMOUNTS if isinstance(value, Decimal)], ids=str
)
def test_what_cannot_be_read_does_not_fit_a_currency(amount: Decimal) -> None:
    with pytest.raises(ValueError, match=r"^must |^PayerMax takes "):
        fit(amount, "USD")


@pytest.mark.parametrize(
    "amount", [value for value in HUGE if isinstance(value, Decimal)], ids=str
)
def test_what_is_huge_is_not_written_out(amount: Decimal) -> None:
    with pytest.raises(ValueError, match=r"^must "):
        format_amount(amount)


def test_no_amount_is_written_with_more_than_24_decimals() -> None:
    assert format_amount(Decimal("1E-24")) == f"0.{'0' * 23}1"
    with pytest.raises(ValueError, match="24 decimals"):
        format_amount(Decimal("1E-25"))


def test_a_bad_amount_is_handed_on_for_validation_to_report() -> None:
    assert lenient_amount("19.90") == Decimal("19.90")
    for value in NO_AMOUNTS:
        assert lenient_amount(cast("str", value)) is value


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1", "1"),
        ("0.000064123456789012", "0.000064123456789012"),
        ("123456789012345.123456789012345678", "123456789012345.123456789012345678"),
        (Decimal("15625.5"), "15625.5"),
        (Decimal("1E+2"), "1E+2"),
        (3, "3"),
    ],
)
def test_a_rate_may_have_eighteen_decimals(value: object, expected: str) -> None:
    assert str(parse_rate(value)) == expected


NO_RATES: list[object] = [
    *HUGE,
    1.5,
    True,
    None,
    [],
    "1e3",
    "1_0",
    "١",
    "-1",
    "0.1234567890123456789",
    Decimal("0.1234567890123456789"),
    Decimal(-1),
    "1" * 16,
]


@pytest.mark.parametrize("value", NO_RATES, ids=kinds(NO_RATES))
def test_no_other_spelling_of_a_rate_is_read(value: object) -> None:
    with pytest.raises(ValueError, match=r"^must "):
        parse_rate(value)


def test_the_set_without_decimals_is_the_published_one() -> None:
    assert sorted(WITHOUT_DECIMALS) == sorted(money.NO_DECIMALS)


# --- sums --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "context",
    [
        Context(prec=1),
        Context(prec=6),
        Context(prec=6, Emin=0, Emax=0),
        Context(prec=1, traps=[Inexact, Rounded, FloatOperation]),
    ],
)
def test_sums_are_exact_in_whatever_context_the_application_computes(
    context: Context,
) -> None:
    with localcontext(context):
        given_back = total([Decimal("1000000.01"), Decimal("234567.87")])
        assert given_back == Decimal("1234567.88")
        assert rest_of(Decimal("1234567.89"), given_back) == Decimal("0.01")
        assert rest_of(Decimal(1), Decimal("1.01")) == Decimal("-0.01")
        assert total([]) == 0
        assert total([Decimal("999999999999999.9999")] * 1000) == Decimal(
            "999999999999999999.9000"
        )
        assert not any(getcontext().flags.values())


def test_a_sum_that_cannot_be_exact_is_refused() -> None:
    with pytest.raises(Inexact):
        total([Decimal("1e50"), Decimal("1e-50")])
