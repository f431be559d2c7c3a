"""The content of sample notifications, from the examples in the models' own fields."""

from __future__ import annotations

import types
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Union, cast, get_args, get_origin

import attrs

from payermax_async.core.models.common import Received, wire_name
from payermax_async.core.notice_rows import NoticeType
from payermax_async.core.strict_json import JsonObject, JsonValue

__all__ = [
    "FieldValue",
    "SampleQuirk",
    "data_model",
    "field_names",
    "sample",
    "written",
]

FieldValue = JsonValue | datetime
"""What a field can be given as; amounts are text, ``int`` or ``Decimal``."""

_INSIDE = "__"
"""Stands in a name between a part and its field."""


class SampleQuirk(Enum):
    """A way of writing seen in some of the vendor's samples and not in others."""

    LOWER_CASE_STATUS = "linkStatus is 'active'"
    BLANK_AFTER_CARD_NUMBER = "the masked card number is under 'cardNumber '"
    OLD_CARD_NUMBER = "the masked card number is under 'cardIidentifierNo '"
    AMOUNT_AS_TEXT = "amounts are text, as in links"
    AMOUNT_AS_NUMBER = "amounts are numbers, as in payments and refunds"
    TIME_IN_Z = "times end in Z instead of +00:00"
    TIME_WITHOUT_FRACTION = "times are whole seconds"


Quirks = frozenset[SampleQuirk]


def data_model(row: NoticeType) -> type[Received]:
    """The model of the ``data`` of a type of notification."""
    return cast("type[Received]", _fields(row.reads_as)["data"].type)


def field_names(model: type[Received], within: str = "") -> frozenset[str]:
    """How the fields of a model can be given, those of its parts as ``part__field``.

    Args:
        model: The model.
        within: The part whose fields can be given by their own names, too.
    """
    found: set[str] = set()
    for name, field in _fields(model).items():
        found.add(name)
        part = _part(field)
        if part is not None:
            inner = field_names(part)
            found |= {f"{name}{_INSIDE}{one}" for one in inner}
            found |= inner if name == within else set[str]()
    return frozenset(found)


def sample(
    model: type[Received],
    given: Mapping[str, FieldValue],
    now: datetime,
    quirks: Quirks,
    within: str = "",
) -> JsonObject:
    """An object of a model, made of the examples of its fields.

    Args:
        model: The model.
        given: Values to take instead, by the names of :func:`field_names`; None
            leaves a field out.
        now: What times are reckoned from.
        quirks: Ways of writing.
        within: The part whose fields stand among the given ones by their own names.
    """
    fields = _fields(model)
    content: JsonObject = {}
    for name, field in fields.items():
        value: object = given.get(name, field.metadata.get("example"))
        part = _part(field)
        if value is ... and part is not None:
            inner = {
                key.removeprefix(f"{name}{_INSIDE}"): item
                for key, item in given.items()
                if key.startswith(f"{name}{_INSIDE}")
                or (name == within and key not in fields and _INSIDE not in key)
            }
            made = sample(part, inner, now, quirks)
            value = [made] if get_origin(_bare(field)) is tuple else made
        elif isinstance(value, timedelta):
            value = now + value
        if value is None:
            continue
        if _bare(field) is Decimal:
            value = _amount(value, quirks)
        wire = wire_name(field)
        if wire == "linkStatus" and SampleQuirk.LOWER_CASE_STATUS in quirks:
            value = str(value).lower()
        content[_spelled(wire, quirks)] = written(value, quirks)
    return content


def written(value: object, quirks: Quirks) -> JsonValue:
    """The value as JSON, without what is None, in the chosen ways of writing."""
    if isinstance(value, Mapping):
        pairs = cast("Mapping[str, object]", value).items()
        return {
            _spelled(name, quirks): written(item, quirks)
            for name, item in pairs
            if item is not None
        }
    if isinstance(value, list | tuple):
        return [written(item, quirks) for item in cast("list[object]", value)]
    if isinstance(value, datetime):
        return _time(value, quirks)
    return cast("JsonValue", value)


def _fields(model: type[attrs.AttrsInstance]) -> dict[str, attrs.Attribute[Any]]:
    # Annotations are text in these modules.
    attrs.resolve_types(model)
    return {
        name: field
        for name, field in attrs.fields_dict(model).items()
        if name != "extra" and not field.metadata.get("local")
    }


def _bare(field: attrs.Attribute[Any]) -> Any:
    """The type of a field, where it may be absent that of what stands there."""
    if get_origin(field.type) in {Union, types.UnionType}:
        return next(one for one in get_args(field.type) if one is not type(None))
    return field.type


def _part(field: attrs.Attribute[Any]) -> type[Received] | None:
    kind = _bare(field)
    kind = get_args(kind)[0] if get_origin(kind) is tuple else kind
    is_part = isinstance(kind, type) and issubclass(kind, Received)
    return cast("type[Received]", kind) if is_part else None


def _spelled(name: str, quirks: Quirks) -> str:
    if name == "cardNumber":
        if SampleQuirk.OLD_CARD_NUMBER in quirks:
            return "cardIidentifierNo "
        if SampleQuirk.BLANK_AFTER_CARD_NUMBER in quirks:
            return "cardNumber "
    return name


def _amount(value: object, quirks: Quirks) -> object:
    if isinstance(value, str | int | Decimal):
        if SampleQuirk.AMOUNT_AS_NUMBER in quirks:
            return Decimal(value)
        if SampleQuirk.AMOUNT_AS_TEXT in quirks:
            return format(Decimal(value), "f")
    return value


def _time(moment: datetime, quirks: Quirks) -> str:
    if moment.utcoffset() is None:
        raise ValueError("a time in a notification carries its offset")
    unit = "seconds" if SampleQuirk.TIME_WITHOUT_FRACTION in quirks else "milliseconds"
    if SampleQuirk.TIME_IN_Z in quirks:
        in_utc = moment.astimezone(UTC).replace(tzinfo=None)
        return f"{in_utc.isoformat(timespec=unit)}Z"
    return moment.isoformat(timespec=unit)
