"""Ways of writing answers in which PayerMax's own samples differ from each other.

Each is off unless chosen. A client that reads all of them reads whatever the gateway
turns out to write.
"""

from __future__ import annotations

import enum
from collections.abc import Set as AbstractSet
from decimal import Decimal, InvalidOperation

from payermax_async.core.strict_json import JsonObject, JsonValue

__all__ = ["Quirk", "respelled"]


class Quirk(enum.Enum):
    """One way of writing; the value is its name in scenario files."""

    AMOUNTS_AS_TEXT = "amounts-as-text"
    """Amounts of orders and refunds are text, like those of links."""
    AMOUNTS_AS_NUMBERS = "amounts-as-numbers"
    """Amounts of links are JSON numbers, like those of orders."""
    LOWER_CASE_STATUS = "lower-case-status"
    """``linkStatus`` is ``active``, as in the sample of a notification."""
    BLANK_AFTER_CARD_NUMBER = "blank-after-card-number"
    """The masked card number stands under ``"cardNumber "``."""
    OLD_CARD_NUMBER = "old-card-number"
    """It stands under ``"cardIidentifierNo "``, as in older samples."""
    GOODS_AS_OBJECT = "goods-as-object"
    """``goodsDetails`` of a link query is one object and no list."""
    EXPIRY_SAYS_ACTIVE = "expiry-says-active"
    """The reply to a withdrawal says ``ACTIVE``, as both of its samples do."""
    REFUND_AMOUNT_AS_TOTAL = "refund-amount-as-total"
    """The reply to a refund query has ``totalAmount`` for ``refundAmount``."""
    EVERY_FIELD = "every-field"
    """Every optional field of payments is there, also those of other products."""
    TIMES_WITHOUT_FRACTION = "times-without-fraction"
    """Times are whole seconds, such as ``2030-01-31T10:00:00Z``."""
    TIMES_WITH_OFFSET = "times-with-offset"
    """Times end in ``+00:00`` and not in ``Z``."""


_AMOUNTS = frozenset({"totalAmount", "refundAmount", "payAmount", "price"})
_TIMES = frozenset(
    {
        "completeAt",
        "completeTime",
        "confirmPayTime",
        "createTime",
        "expiresAt",
        "refundFinishTime",
    }
)


def respelled(data: JsonObject, quirks: AbstractSet[Quirk]) -> JsonObject:
    """The same ``data`` of a reply or notification, written in other ways.

    Args:
        data: As the sandbox writes it by itself.
        quirks: The ways to use. With both about amounts, all become text.
    """
    return {
        _name(name, quirks): _value(name, value, quirks) for name, value in data.items()
    }


def _name(name: str, quirks: AbstractSet[Quirk]) -> str:
    if name == "cardNumber":
        if Quirk.OLD_CARD_NUMBER in quirks:
            return "cardIidentifierNo "
        if Quirk.BLANK_AFTER_CARD_NUMBER in quirks:
            return "cardNumber "
    return name


def _value(name: str, value: JsonValue, quirks: AbstractSet[Quirk]) -> JsonValue:
    if isinstance(value, dict):
        return respelled(value, quirks)
    if isinstance(value, list):
        items = [_value("", item, quirks) for item in value]
        if name == "goodsDetails" and Quirk.GOODS_AS_OBJECT in quirks and items:
            return items[0]
        return items
    if name in _AMOUNTS:
        return _amount(value, quirks)
    if not isinstance(value, str):
        return value
    if name == "linkStatus" and Quirk.LOWER_CASE_STATUS in quirks:
        return value.lower()
    return _time(value, quirks) if name in _TIMES else value


def _amount(value: JsonValue, quirks: AbstractSet[Quirk]) -> JsonValue:
    if Quirk.AMOUNTS_AS_TEXT in quirks:
        if isinstance(value, int | Decimal):
            return format(Decimal(value), "f")
        return value
    if Quirk.AMOUNTS_AS_NUMBERS in quirks and isinstance(value, str):
        try:
            return Decimal(value)
        except InvalidOperation:
            return value
    return value


def _time(value: str, quirks: AbstractSet[Quirk]) -> str:
    # Before the offset, which takes the place of the Z that this puts back.
    if Quirk.TIMES_WITHOUT_FRACTION in quirks:
        value = value.partition(".")[0] + "Z"
    if Quirk.TIMES_WITH_OFFSET in quirks:
        value = value.removesuffix("Z") + "+00:00"
    return value
