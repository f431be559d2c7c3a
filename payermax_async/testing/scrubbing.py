"""What of an exchange may be written to a file: what is listed, nothing else.

A list of what is secret would miss the next field that PayerMax adds. So a field is
kept only if its name is listed, here or as an id, amount, time or state in the
models of the table of calls, and its value has the shape that belongs to the name:
a person's address in a status field does not get through either.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import get_args, get_type_hints

import attrs

from payermax_async.core.models.common import wire_name
from payermax_async.core.operations.table import OPERATIONS
from payermax_async.core.strict_json import JsonObject, JsonValue

__all__ = ["CONTAINERS", "SHAPES", "STAND_INS", "scrub", "scrub_text"]

_WORD = re.compile(r"[A-Z][A-Z0-9_]{0,63}", re.ASCII)
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}", re.ASCII)
_AMOUNT = re.compile(r"[0-9]{1,20}(\.[0-9]{1,8})?", re.ASCII)
_CODE = re.compile(r"[A-Z]{2,3}", re.ASCII)
_VERSION = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3}){0,2}", re.ASCII)
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?"
    r"(Z|[+-][0-9]{2}:?[0-9]{2})",
    re.ASCII,
)
_STATUS = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,31}", re.ASCII)

SHAPES: Mapping[str, re.Pattern[str]] = {
    "version": _VERSION,
    "keyVersion": _VERSION,
    "requestTime": _TIME,
    "code": _WORD,
    "merchantLinkId": _ID,
    "linkId": _ID,
    "outTradeNo": _ID,
    "outRefundNo": _ID,
    "refundTradeNo": _ID,
    "tradeOrderNo": _ID,
    "totalAmount": _AMOUNT,
    "refundAmount": _AMOUNT,
    "payAmount": _AMOUNT,
    "amount": _AMOUNT,
    "currency": _CODE,
    "refundCurrency": _CODE,
    "payCurrency": _CODE,
    "country": _CODE,
    "cashierCountry": _CODE,
    "language": _STATUS,
    "linkStatus": _STATUS,
    "linkType": _STATUS,
    "status": _STATUS,
    "resultCode": _WORD,
    "paymentMethodType": _WORD,
    "cardOrg": _WORD,
    "cardType": _WORD,
    "expiresAt": _TIME,
    "completeAt": _TIME,
    "completeTime": _TIME,
    "createTime": _TIME,
    "confirmPayTime": _TIME,
    "refundFinishTime": _TIME,
}
"""Fields that are kept, and what their values look like, numbers as plain text."""

TIMES = frozenset(name for name, shape in SHAPES.items() if shape is _TIME)
"""Those of them that are moments."""

CONTAINERS = frozenset(
    {"data", "payByLinkInfo", "paymentDetails", "cardInfo", "fees", "merFee"}
)
"""Objects and arrays that are looked into; of the others nothing is kept."""

STAND_INS: Mapping[str, str] = {
    "msg": "scrubbed",
    "linkUrl": "https://scrubbed.invalid/link",
    "qrCodeUrl": "https://scrubbed.invalid/qr",
}
"""Fields that a reader relies on, and what stands in their place."""


# No message of PayerMax goes this deep, and a file that does cannot be read again.
_MAX_DEPTH = 8


def scrub(
    value: JsonObject, keep: Collection[str] = (), *, depth: int = _MAX_DEPTH
) -> JsonObject:
    """A copy that holds nothing but what is listed.

    Args:
        value: A request or a reply.
        keep: Names of further fields whose text or number is kept as it is. What
            they hold is your responsibility.
        depth: How many levels are looked into.

    Example:
        >>> scrub({"merchantLinkId": "m1", "userInfo": {"email": "a@example.com"}})
        {'merchantLinkId': 'm1'}
    """
    kept: JsonObject = {}
    for name, item in value.items():
        if name in STAND_INS:
            kept[name] = STAND_INS[name]
        elif isinstance(item, dict | list):
            if name in CONTAINERS and depth:
                kept[name] = _inside(item, keep, depth - 1)
        elif _may_stay(name, item, keep):
            kept[name] = item
    return kept


def scrub_text(name: str, value: str) -> str | None:
    """The value if it looks as a field of that name does, else ``None``."""
    return value if SHAPES[name].fullmatch(value) else None


def _inside(
    item: JsonObject | list[JsonValue], keep: Collection[str], depth: int
) -> JsonValue:
    if isinstance(item, dict):
        return scrub(item, keep, depth=depth)
    # Of an array the objects only: a text in it has no name to be judged by.
    return [scrub(part, keep, depth=depth) for part in item if isinstance(part, dict)]


def _shape_in_table(name: str) -> re.Pattern[str] | None:
    """What a field of the table's calls looks like, if its model says enough of it.

    Ids, amounts, times and states are told by the model. Free text is not, nor is
    what a model keeps out of its ``repr``: persons and secrets.
    """
    for operation in OPERATIONS.values():
        ids = {*operation.keys, *operation.echoes}
        for model in (operation.request, operation.reply):
            hints = get_type_hints(model)
            for field in attrs.fields(model):
                # A model hides persons and secrets from its repr: so does a recording.
                if wire_name(field) == name and field.repr:
                    kinds = {hints[field.name], *get_args(hints[field.name])}
                    return _shape_of(kinds, is_id=field.name in ids)
    return None


def _shape_of(kinds: set[object], *, is_id: bool) -> re.Pattern[str] | None:
    if is_id:
        return _ID
    if Decimal in kinds:
        return _AMOUNT
    if datetime in kinds:
        return _TIME
    states = [k for k in kinds if isinstance(k, type) and issubclass(k, StrEnum)]
    return _STATUS if states else None


def _may_stay(name: str, item: JsonValue, keep: Collection[str]) -> bool:
    if name in keep:
        return True
    shape = SHAPES.get(name) or _shape_in_table(name)
    if shape is None or item is None or isinstance(item, bool):
        return False
    text = format(item, "f") if isinstance(item, Decimal) else str(item)
    return shape.fullmatch(text) is not None
