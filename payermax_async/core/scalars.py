"""Single values of the gateway's JSON: text, amounts, rates and times."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from typing import Any

from payermax_async.core.money import (
    ExchangeRate,
    SignedAmount,
    parse_amount,
    parse_rate,
    parse_signed,
)

__all__ = [
    "ShapeError",
    "read_amount",
    "read_count",
    "read_flag",
    "read_rate",
    "read_signed",
    "read_text",
    "read_time",
    "write_time",
]

_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}:[0-9]{2}:[0-9]{2})"
    r"(\.[0-9]{1,9})? ?([Zz]|[+-][0-9]{2}:?[0-9]{2})"
)
_MICROSECOND_DIGITS = 7


class ShapeError(ValueError):
    """A value cannot be what its field says. Holds the path, never the value."""

    def __init__(self, reason: str, path: str = "") -> None:
        super().__init__(f"{path}: {reason}" if path else reason)
        self.reason = reason
        self.path = path

    def inside(self, name: str) -> ShapeError:
        """The same error seen from one level further out."""
        dot = "." if self.path and not self.path.startswith("[") else ""
        return ShapeError(self.reason, f"{name}{dot}{self.path}")


def write_time(moment: datetime) -> str:
    """RFC 3339 with milliseconds and a numeric offset, as PayerMax asks for.

    Raises:
        ValueError: The time has no offset.
    """
    if moment.utcoffset() is None:
        raise ValueError("a time sent to PayerMax must carry its offset")
    return moment.isoformat(timespec="milliseconds")


def read_time(value: object) -> datetime:
    """An RFC 3339 time, with or without fraction, with ``Z`` or an offset.

    PayerMax also writes a blank before the offset, as in ``...T00:00:01 +0000``.

    Raises:
        ShapeError: It is none.
    """
    match = _TIME.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ShapeError("is no RFC 3339 time")
    day, time, fraction, zone = match.groups()
    # One spelling for Python, whichever of its releases reads which.
    offset = "+00:00" if zone in "Zz" else zone
    try:
        return datetime.fromisoformat(
            f"{day}T{time}{(fraction or '')[:_MICROSECOND_DIGITS]}{offset}"
        )
    except ValueError:
        raise ShapeError("is no RFC 3339 time") from None


def read_text(value: object, _type: object = str) -> str:
    """Text, or a number as its digits: PayerMax writes some ids either way.

    Raises:
        ShapeError: It is neither.
    """
    if isinstance(value, str):
        return str(value)
    # An id without its quotes is the same id: no reason to lose a reply.
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return format(value, "d" if isinstance(value, int) else "f")
    raise ShapeError("is no text")


def _check_exponent(value: object) -> None:
    # 1E+3 may be a thousand or a value cut on its way: no gateway writes it.
    exponent: Any = value.as_tuple().exponent if isinstance(value, Decimal) else 0
    if isinstance(exponent, int) and exponent > 0:
        raise ShapeError("is an amount with an exponent")


def read_amount(value: object, _type: object = Decimal) -> Decimal:
    """An exact amount, from text or a number.

    Raises:
        ShapeError: It is none.
    """
    _check_exponent(value)
    try:
        return parse_amount(value)
    except ValueError:
        raise ShapeError("is no amount") from None


def read_signed(value: object, _type: object = SignedAmount) -> SignedAmount:
    """Exact money on an account, from text or a number; it may be below zero.

    Raises:
        ShapeError: It is none.
    """
    _check_exponent(value)
    try:
        return parse_signed(value)
    except ValueError:
        raise ShapeError("is no amount") from None


def read_rate(value: object, _type: object = ExchangeRate) -> ExchangeRate:
    """A rate between two currencies.

    Raises:
        ShapeError: It is none.
    """
    try:
        return parse_rate(value)
    except ValueError:
        raise ShapeError("is no rate") from None


def read_count(value: object, _type: object = int) -> int:
    """A whole number from 0 on, from text or a number.

    Raises:
        ShapeError: It is none.
    """
    amount = read_amount(value)
    if amount != amount.to_integral_value():
        raise ShapeError("is no whole number")
    return int(amount)


def read_flag(value: object, _type: object = bool) -> bool:
    """Yes or no, from a truth value or the word for it.

    Raises:
        ShapeError: It is neither.
    """
    if isinstance(value, bool):
        return value
    found = value.strip().lower() if isinstance(value, str) and value.isascii() else ""
    if found not in {"true", "false"}:
        raise ShapeError("is neither true nor false")
    return found == "true"
