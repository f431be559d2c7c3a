"""Amounts in major currency units, as ``Decimal``, by PayerMax's own rules.

PayerMax's decimals are not ISO 4217's: IDR, TWD, PKR and COP take none although
ISO gives them two, and the three-decimal dinars take at most two. The rules are
worded per field in the interface pages of https://docs.payermax.com; where two
pages disagree, the narrower reading is used, which every page accepts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import (
    ROUND_HALF_EVEN,
    Context,
    Decimal,
    Inexact,
    InvalidOperation,
    Overflow,
)
from typing import Any, NewType, cast

__all__ = [
    "AmountInput",
    "ExchangeRate",
    "SignedAmount",
    "decimals_for",
    "fit",
    "format_amount",
    "lenient_amount",
    "parse_amount",
    "parse_rate",
    "parse_signed",
    "rest_of",
    "total",
]

AmountInput = Decimal | int | str
"""What an amount may be given as. Never a float: 0.1 is not a tenth."""

ExchangeRate = NewType("ExchangeRate", Decimal)
"""A rate between two currencies; not an amount, so it may have more decimals."""

SignedAmount = NewType("SignedAmount", Decimal)
"""Money on an account, which may be below zero."""

NO_DECIMALS = frozenset(
    {"IDR", "TWD", "KRW", "VND", "CLP", "PKR", "COP", "JPY", "ISK", "PYG"}
)

# Checked before Decimal() sees the text: Decimal takes "1_000", full-width digits
# and "1e1000000", and turning the last into an integer takes half a minute.
_AMOUNT = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,4})?")
_RATE = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,18})?")
_MAX_TEXT = 24
_MAX_INTEGER_DIGITS = 15
_MAX_DECIMALS = 4
_MAX_RATE_DECIMALS = 18
_CENT_DECIMALS = 2

# Operators round to the digits that the application's own context keeps. This one
# has room for 15 digits before the point and 24 behind it, added up without end, and
# nothing of it is left to a default that the application may have changed.
_EXACT = Context(
    prec=60,
    rounding=ROUND_HALF_EVEN,
    Emin=-999_999,
    Emax=999_999,
    capitals=1,
    clamp=0,
    traps=[Inexact, InvalidOperation, Overflow],
)


def decimals_for(currency: str) -> int:
    """How many decimals PayerMax takes for a currency (ISO 4217 code): 0 or 2.

    Example:
        >>> decimals_for("IDR"), decimals_for("KWD")
        (0, 2)
    """
    return 0 if currency in NO_DECIMALS else _CENT_DECIMALS


def parse_amount(value: object) -> Decimal:
    """Read an amount of major units exactly; costs microseconds for any input.

    Args:
        value: A ``Decimal``, an ``int``, or ASCII text such as ``"19.90"``.

    Returns:
        The same value, zero or positive, at most 15 digits before the point and
        4 behind it.

    Raises:
        ValueError: It is a float, negative, not finite, too long, or spelled in
            any other way. The message does not repeat the value.
    """
    if isinstance(value, str):
        if len(value) > _MAX_TEXT or not _AMOUNT.fullmatch(value):
            raise ValueError(
                "must be digits with at most 4 decimals, such as 19.90, without "
                "sign, exponent, blanks or separators"
            )
        return Decimal(value)
    # True is an int as well, and no amount.
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        hint = " (a float is inexact: use Decimal or text)"
        raise ValueError(
            "must be a Decimal, int or text" + hint * isinstance(value, float)
        )
    if isinstance(value, int):
        if not 0 <= value < 10**_MAX_INTEGER_DIGITS:
            raise ValueError("must be between 0 and 15 digits long")
        return Decimal(value)
    return _checked(value, _MAX_DECIMALS)


def _checked(value: Decimal, decimals: int) -> Decimal:
    """The value, if its size is sane and ``decimals`` are enough to write it."""
    _exponent(value, decimals)
    return value


def _exponent(value: Decimal, decimals: int) -> int:
    """The exponent of a value for which :func:`_checked` holds."""
    if not value.is_finite() or value.is_signed():
        raise ValueError("must be finite and not negative")
    if value.adjusted() >= _MAX_INTEGER_DIGITS:
        raise ValueError("must have at most 15 digits before the point")
    # Of a finite one, it is a number. An annotation, as cast() is a call, and this is
    # asked of every amount several times.
    exponent: Any = value.as_tuple().exponent
    # Zeros at the end, as multiplying leaves them, change nothing; a thousand of
    # them are no amount all the same, and writing them out would take long.
    if exponent < -decimals and (
        exponent < -_MAX_TEXT or _fraction(value)[decimals:].strip("0")
    ):
        raise ValueError(f"must have at most {decimals} decimals")
    return int(exponent)


def _fraction(value: Decimal) -> str:
    return format(value, "f").partition(".")[2]


def parse_rate(value: object) -> ExchangeRate:
    """Read an exchange rate: like an amount, with up to 18 decimals.

    Raises:
        ValueError: It is a float, or spelled in any other way.
    """
    if isinstance(value, str):
        if len(value) > _MAX_TEXT * 2 or not _RATE.fullmatch(value):
            raise ValueError("must be digits with at most 18 decimals")
        return ExchangeRate(Decimal(value))
    if isinstance(value, Decimal):
        return ExchangeRate(_checked(value, _MAX_RATE_DECIMALS))
    return ExchangeRate(parse_amount(value))


def parse_signed(value: object) -> SignedAmount:
    """Read money on an account: like an amount, and below zero with a minus.

    Raises:
        ValueError: It is a float, or spelled in any other way.
    """
    if isinstance(value, str):
        owed, size = value.startswith("-"), parse_amount(value.removeprefix("-"))
    elif isinstance(value, Decimal):
        # Its sign, not a comparison: that raises for what is no number.
        owed, size = value.is_signed(), parse_amount(value.copy_abs())
    else:
        number = cast("int", value)
        owed = isinstance(value, int) and number < 0
        size = parse_amount(-number if owed else value)
    # Nothing owed is nothing: a zero has no sign of its own.
    return SignedAmount(size.copy_negate() if owed and size else size)


def lenient_amount(value: AmountInput) -> Decimal:
    """Read an amount, or hand a bad one through for validation to report."""
    try:
        return parse_amount(value)
    except ValueError:
        return cast("Decimal", value)


def fit(amount: Decimal, currency: str) -> Decimal:
    """The amount with no more decimals than its currency takes.

    Raises:
        ValueError: That would change its value.

    Example:
        >>> fit(Decimal("40000.00"), "IDR")
        Decimal('40000')
    """
    exponent = _exponent(amount, _MAX_TEXT)
    places = decimals_for(currency)
    if -places <= exponent <= 0 and type(amount) is Decimal:
        return amount
    # format, not quantize: it neither rounds nor depends on the decimal context.
    text = format(amount, "f")
    if exponent < -places:
        whole, _, fraction = text.partition(".")
        if fraction[places:].strip("0"):
            plural = "no decimals" if places == 0 else f"at most {places} decimals"
            raise ValueError(f"PayerMax takes {plural} for {currency}")
        text = f"{whole}.{fraction[:places]}" if places else whole
    return Decimal(text)


def format_amount(amount: Decimal) -> str:
    """The amount as plain digits for the wire, never with an exponent.

    Example:
        >>> format_amount(Decimal("4E+4"))
        '40000'
    """
    return format(_checked(amount, _MAX_TEXT), "f")


def total(amounts: Iterable[Decimal]) -> Decimal:
    """The sum, to the last digit whatever the caller's decimal context keeps.

    Example:
        >>> total([Decimal("1000000.01"), Decimal("234568.00")])
        Decimal('1234568.01')
    """
    found = Decimal(0)
    for amount in amounts:
        found = _EXACT.add(found, amount)
    return found


def rest_of(amount: Decimal, taken: Decimal) -> Decimal:
    """What is left of an amount, as exact as :func:`total`; may be negative."""
    return _EXACT.subtract(amount, taken)
