"""Amounts and times as a payer reads them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from payermax_async.core.money import decimals_for

__all__ = ["format_instant", "format_money", "group_digits"]


def group_digits(amount: Decimal, currency: str) -> str:
    """The amount with its currency's decimals and grouped thousands.

    Decimals beyond what the currency takes are shown unless they are zeros: a
    page must not round what will be charged.

    Example:
        >>> group_digits(Decimal("40000"), "IDR"), group_digits(Decimal("7.5"), "USD")
        ('40,000', '7.50')
    """
    # Without an exponent, which payers do not read.
    whole, _, fraction = format(amount, "f").partition(".")
    sign = "-" if whole.startswith("-") else ""
    digits = whole.lstrip("-")
    grouped = ""
    while len(digits) > 3:
        grouped = f",{digits[-3:]}{grouped}"
        digits = digits[:-3]
    fraction = fraction.rstrip("0").ljust(decimals_for(currency), "0")
    return f"{sign}{digits}{grouped}" + (f".{fraction}" if fraction else "")


def format_money(amount: Decimal, currency: str, language: str) -> str:
    """The amount and its currency code, in the order the language puts them.

    Digits stay European in Arabic, as in its Gulf and Maghreb locales. The caller
    isolates the text where the page runs from right to left.

    Example:
        >>> format_money(Decimal("40000"), "IDR", "en").split()
        ['IDR', '40,000']
    """
    digits = group_digits(amount, currency)
    pair = (digits, currency) if language == "ar" else (currency, digits)
    return "\u00a0".join(pair)


def format_instant(instant: datetime) -> str:
    """A moment to the minute, in UTC because the payer's zone is unknown."""
    return instant.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
