"""Between attrs models and the gateway's JSON: strict out, tolerant in.

Wire names follow from the models' own: ``total_amount`` becomes ``totalAmount``,
and a field whose name is made otherwise says so itself, see
:func:`~payermax_async.core.models.common.wire`. Out, what is ``None`` is left out.
In, names are matched without regard to case and stray blanks, unknown ones are
kept, and a value of an unexpected shape fails the message only where money or
identity hangs on it.
"""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeVar, Union, cast, get_args, get_origin

import attrs
from cattrs import Converter
from cattrs.gen import make_dict_unstructure_fn, override

from payermax_async.core.addresses import is_page
from payermax_async.core.models.common import Received, Wire, wire_of
from payermax_async.core.money import (
    ExchangeRate,
    format_amount,
    parse_amount,
    parse_rate,
)
from payermax_async.core.strict_json import JsonObject, JsonValue

__all__ = [
    "ShapeError",
    "camel_case",
    "from_wire",
    "read_time",
    "to_wire",
    "wire_name",
    "write_time",
]

ReceivedT = TypeVar("ReceivedT", bound=Received)

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


def camel_case(name: str) -> str:
    """The gateway's usual name of an attribute: ``totalAmount``, ``total_amount``."""
    head, *tail = name.split("_")
    return head + "".join(map(str.capitalize, tail))


def wire_name(attribute: attrs.Attribute[Any]) -> str:
    """The gateway's name of a model's field."""
    return wire_of(attribute).name or camel_case(attribute.name)


def _fold(name: str) -> str:
    # Beyond ASCII, letters that only look or fold alike stay different names.
    return name.strip().lower() if name.isascii() else name


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
    offset = "+00:00" if zone in "Zz" else zone
    try:
        return datetime.fromisoformat(
            f"{day}T{time}{(fraction or '')[:_MICROSECOND_DIGITS]}{offset}"
        )
    except ValueError:
        raise ShapeError("is no RFC 3339 time") from None


def _read_text(value: object, _type: object = str) -> str:
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return format(value, "d" if isinstance(value, int) else "f")
    raise ShapeError("is no text")


def _read_amount(value: object, _type: object = Decimal) -> Decimal:
    if isinstance(value, Decimal) and cast("int", value.as_tuple().exponent) > 0:
        raise ShapeError("is an amount with an exponent")
    try:
        return parse_amount(value)
    except ValueError:
        raise ShapeError("is no amount") from None


def _read_rate(value: object, _type: object = ExchangeRate) -> ExchangeRate:
    try:
        return parse_rate(value)
    except ValueError:
        raise ShapeError("is no rate") from None


def _is_open_enum(hint: Any) -> bool:
    members = get_args(hint) if get_origin(hint) in {Union, types.UnionType} else ()
    return str in members and any(
        isinstance(member, type) and issubclass(member, StrEnum) for member in members
    )


def _open_enum_hook(hint: Any) -> Callable[[object, object], str]:
    kind = next(
        member
        for member in get_args(hint)
        if isinstance(member, type) and issubclass(member, StrEnum)
    )
    known = {member.value: member for member in kind}

    def read(value: object, _type: object) -> str:
        text = _read_text(value)
        # ASCII only: the long s of "ſUCCESS" has S for its capital.
        return known.get(text.strip().upper(), text) if text.isascii() else text

    return read


@attrs.frozen
class _Field:
    attribute: attrs.Attribute[Any]
    names: tuple[str, ...]
    read: Callable[[object], object]

    @property
    def may_be_absent(self) -> bool:
        return self.attribute.default is not attrs.NOTHING

    @property
    def must_be_right(self) -> bool:
        return not self.may_be_absent or bool(self.attribute.metadata.get("decisive"))


def _without_none(hint: Any) -> Any:
    if get_origin(hint) in {Union, types.UnionType}:
        members = [member for member in get_args(hint) if member is not type(None)]
        return members[0] if len(members) == 1 else Union[tuple(members)]  # noqa: UP007
    return hint


def _reader(converter: Converter, hint: Any) -> Callable[[object], object]:
    inner = _without_none(hint)
    if get_origin(inner) is tuple:
        one = _reader(converter, get_args(inner)[0])

        def read_all(value: object) -> tuple[object, ...]:
            # One object where the schema says a list has been seen.
            items = cast("list[object]", value) if isinstance(value, list) else [value]
            found: list[object] = []
            for index, item in enumerate(items):
                try:
                    found.append(one(item))
                except ShapeError as error:
                    raise error.inside(f"[{index}]") from None
            return tuple(found)

        return read_all
    if get_origin(inner) is not None and not _is_open_enum(inner):
        return _read_object
    hook = converter.get_structure_hook(inner)
    return lambda value: hook(value, inner)


def _read_object(value: object) -> JsonObject:
    if not isinstance(value, dict):
        raise ShapeError("is no object")
    return cast("JsonObject", value)


def _received_hook(
    cls: type[Received], converter: Converter
) -> Callable[[object, object], Received]:
    attrs.resolve_types(cls)
    fields = [
        _Field(
            attribute,
            (wire_name(attribute), *wire_of(attribute).aliases),
            _page_reader(read) if attribute.metadata.get("page") else read,
        )
        for attribute in attrs.fields(cls)
        if attribute.name != "extra" and not attribute.metadata.get("local")
        for read in [_reader(converter, attribute.type)]
    ]
    known = {_fold(name) for field in fields for name in field.names}

    def read(value: object, _type: object) -> Received:
        found = _read_object(value)
        values, used = _collect(fields, found)
        extra = {
            name: item
            for name, item in found.items()
            if name not in used and not (item is None and _fold(name) in known)
        }
        return cls(**values, extra=extra)

    return read


def _page_reader(read: Callable[[object], Any]) -> Callable[[object], Any]:
    def read_page(value: object) -> str:
        found = read(value)
        if not is_page(found):
            raise ShapeError("is no http or https address")
        return str(found)

    return read_page


def _collect(
    fields: list[_Field], found: JsonObject
) -> tuple[dict[str, Any], set[str]]:
    """Read the fields; the second result is the names they were read from."""
    folded: dict[str, str] = {}
    for name, item in found.items():
        if item is not None:
            folded.setdefault(_fold(name), name)
    values: dict[str, Any] = {}
    used: set[str] = set()
    for field in fields:
        name = field.attribute.name
        came_as = _find(field.names, found, folded)
        if came_as is None:
            if not field.may_be_absent:
                raise ShapeError("is missing", field.names[0])
            continue
        try:
            values[name] = field.read(found[came_as])
        except ShapeError as error:
            if field.must_be_right:
                raise error.inside(came_as) from None
            continue
        used.add(came_as)
    return values, used


def _find(
    names: tuple[str, ...], found: JsonObject, folded: Mapping[str, str]
) -> str | None:
    """The name a field came under: spelled exactly if it did, or nearly so."""
    for name in names:
        if found.get(name) is not None:
            return name
    return next((folded[_fold(name)] for name in names if _fold(name) in folded), None)


def _make_converter() -> Converter:
    converter = Converter(detailed_validation=False)
    # cattrs turns None into 'None' for text; every scalar has its own hook here.
    converter.register_structure_hook(str, _read_text)
    converter.register_structure_hook(Decimal, _read_amount)
    converter.register_structure_hook(ExchangeRate, _read_rate)
    converter.register_structure_hook(datetime, lambda value, _: read_time(value))
    converter.register_structure_hook_factory(_is_open_enum, _open_enum_hook)

    @converter.register_structure_hook_factory(
        lambda hint: isinstance(hint, type) and issubclass(hint, Received)
    )
    def _received(
        cls: type[Received], converter: Converter
    ) -> Callable[[object, object], Received]:
        return _received_hook(cls, converter)

    converter.register_unstructure_hook(Decimal, format_amount)

    @converter.register_unstructure_hook_factory(attrs.has)
    def _sent(
        cls: type[attrs.AttrsInstance], converter: Converter
    ) -> Callable[[Any], dict[str, Any]]:
        fields = cast("tuple[attrs.Attribute[Any], ...]", attrs.fields(cls))
        # Any: cattrs takes the fields' names beside options of its own.
        forms: dict[str, Any] = {
            field.name: override(
                rename=wire_name(field), unstruct_hook=_writer(wire_of(field))
            )
            for field in fields
        }
        return make_dict_unstructure_fn(cls, converter, **forms)

    return converter


def _text(value: int | None) -> str | None:
    return None if value is None else str(value)


def _as_it_is(value: Decimal | None) -> Decimal | None:
    return value


def _writer(wire: Wire) -> Callable[[Any], object] | None:
    if wire.as_text:
        return _text
    return _as_it_is if wire.as_number else None


_CONVERTER = _make_converter()


def to_wire(request: attrs.AttrsInstance) -> JsonObject:
    """The ``data`` object of a request, without what is ``None``."""
    return cast("JsonObject", _drop_none(_CONVERTER.unstructure(request)))


def _drop_none(value: Any) -> Any:
    if isinstance(value, dict):
        items = cast("dict[str, Any]", value).items()
        return {name: _drop_none(item) for name, item in items if item is not None}
    if isinstance(value, list | tuple):
        return [_drop_none(item) for item in cast("list[Any]", value)]
    return value


def from_wire(
    data: JsonValue | Mapping[str, JsonValue], model: type[ReceivedT]
) -> ReceivedT:
    """Read an object the gateway sent.

    Raises:
        ShapeError: It is no object, lacks what the model cannot do without, or
            holds something in its place that cannot be read.
    """
    return _CONVERTER.structure(data, model)


def fill_in(
    data: JsonObject, model: type[Received], values: Mapping[str, str]
) -> tuple[JsonObject, frozenset[str]]:
    """An object with text for fields of a model that it leaves out or empty.

    Args:
        data: What the gateway sent.
        model: What it is to be read as.
        values: Text by the attribute's name.

    Returns:
        The object, and the names of the attributes that were filled in.
    """
    told = {
        _fold(name): not (item is None or (isinstance(item, str) and not item.strip()))
        for name, item in data.items()
    }
    fields = attrs.fields_dict(cast("type[attrs.AttrsInstance]", model))
    left_out: dict[str, str] = {}
    for attribute in values:
        field = fields[attribute]
        names = (wire_name(field), *wire_of(field).aliases)
        if not any(told.get(_fold(name)) for name in names):
            left_out[attribute] = names[0]
    empty = {_fold(name) for name in left_out.values()}
    kept = {name: item for name, item in data.items() if _fold(name) not in empty}
    filled = {name: values[attribute] for attribute, name in left_out.items()}
    return {**kept, **filled}, frozenset(left_out)
