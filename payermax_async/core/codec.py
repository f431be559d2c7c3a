"""Between attrs models and the gateway's JSON: strict out, tolerant in.

Wire names follow from the models' own: ``total_amount`` becomes ``totalAmount``,
and a field whose name is made otherwise says so itself, see
:func:`~payermax_async.core.models.common.wire`. Out, what is ``None`` is left out.
In, names are matched without regard to case and stray blanks, unknown ones are
kept, and a value of an unexpected shape fails the message only where money or
identity hangs on it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from functools import cache
from json.encoder import encode_basestring
from typing import Any, NamedTuple, TypeVar, cast

import attrs
from cattrs import Converter

from payermax_async.core.models.common import (
    USUAL,
    Received,
    Wire,
    fold_name,
    wire_name,
    wire_of,
)
from payermax_async.core.money import ExchangeRate, SignedAmount, format_amount
from payermax_async.core.received import is_open_enum, open_enum_hook, received_hook
from payermax_async.core.scalars import (
    read_amount,
    read_count,
    read_flag,
    read_rate,
    read_signed,
    read_text,
    read_time,
)
from payermax_async.core.strict_json import JsonObject, JsonValue, Written

__all__ = ["fill_in", "from_wire", "to_wire", "write_wire"]

ReceivedT = TypeVar("ReceivedT", bound=Received)


def _make_converter() -> Converter:
    # Its detailed errors quote the values, and those are people, cards and money.
    converter = Converter(detailed_validation=False)
    # cattrs turns None into 'None' for text; every scalar has its own hook here.
    converter.register_structure_hook(str, read_text)
    converter.register_structure_hook(Decimal, read_amount)
    # Its own hooks take "false" for true, and cut 3.7 down to 3.
    converter.register_structure_hook(bool, read_flag)
    converter.register_structure_hook(int, read_count)
    converter.register_structure_hook(ExchangeRate, read_rate)
    converter.register_structure_hook(SignedAmount, read_signed)
    converter.register_structure_hook(datetime, lambda value, _: read_time(value))
    converter.register_structure_hook_factory(is_open_enum, open_enum_hook)

    @converter.register_structure_hook_factory(
        lambda hint: isinstance(hint, type) and issubclass(hint, Received)
    )
    def _received(
        cls: type[Received], converter: Converter
    ) -> Callable[[object, object], Received]:
        return received_hook(cls, converter)

    return converter


# One for all clients: it holds no state but the hooks it worked out.
_CONVERTER = _make_converter()


class _SentField(NamedTuple):
    attribute: str
    name: str
    head: str
    wire: Wire


@cache
def _sent_fields(kind: type[attrs.AttrsInstance]) -> tuple[_SentField, ...]:
    # Worked out once: it is asked of every model of every request.
    fields = cast("tuple[attrs.Attribute[Any], ...]", attrs.fields(kind))
    return tuple(
        _SentField(
            each.name,
            wire_name(each),
            f"{Written.of(wire_name(each)).text}:",
            wire_of(each),
        )
        for each in fields
    )


def to_wire(request: attrs.AttrsInstance) -> JsonObject:
    """The ``data`` object of a request, without what is ``None``."""
    found: JsonObject = {}
    for attribute, name, _, wire in _sent_fields(type(request)):
        value = getattr(request, attribute)
        # Left out, not null: that is a value to some parsers.
        if value is not None:
            found[name] = _told(value, wire)
    return found


def write_wire(request: attrs.AttrsInstance) -> Written:
    """What :func:`to_wire` gives, written at once.

    Raises:
        TypeError: As for :func:`~payermax_async.core.strict_json.write_json`.
        JsonError: As for it.
    """
    text = _text_of(request)
    # Looked for once in all of it: only text with NUL in it, or with this very text,
    # has to be looked at again.
    return Written.of(to_wire(request)) if "\\u0000" in text else Written(text)


def _text_of(model: attrs.AttrsInstance) -> str:
    parts: list[str] = []
    for attribute, _, head, wire in _sent_fields(type(model)):
        value = getattr(model, attribute)
        if value is None:
            continue
        if isinstance(value, str):
            parts.append(head + encode_basestring(value))
        elif wire is not USUAL:
            parts.append(head + Written.of(_told(value, wire)).text)
        elif isinstance(value, Decimal):
            parts.append(f'{head}"{format_amount(value)}"')
        elif _is_model(value):
            parts.append(head + _text_of(value))
        elif (models := _models_in(value)) is not None:
            parts.append(f"{head}[{','.join(map(_text_of, models))}]")
        else:
            parts.append(head + Written.of(_told(value)).text)
    return f"{{{','.join(parts)}}}"


def _models_in(value: object) -> tuple[attrs.AttrsInstance, ...] | None:
    if not isinstance(value, tuple):
        return None
    models = cast("tuple[attrs.AttrsInstance, ...]", value)
    return models if all(map(_is_model, models)) else None


def _is_model(value: object) -> bool:
    return hasattr(value, "__attrs_attrs__")


def _told(value: Any, wire: Wire = USUAL) -> Any:
    if isinstance(value, str):
        return value
    if wire.as_text:
        return str(value)
    if isinstance(value, Decimal):
        # Refunds take their amount as a JSON number; write_json writes it exactly. All
        # else is text, PayerMax's usual way: a float on its side would round it.
        return value if wire.as_number else format_amount(value)
    if _is_model(value):
        return to_wire(value)
    if isinstance(value, (list, tuple)):
        return [_told(item) for item in cast("list[Any]", value)]
    if isinstance(value, dict):
        items = cast("dict[str, Any]", value).items()
        return {name: _told(item) for name, item in items if item is not None}
    return value


def from_wire(
    data: JsonValue | Mapping[str, JsonValue], model: type[ReceivedT]
) -> ReceivedT:
    """Read an object the gateway sent.

    Raises:
        ShapeError: It is no object, lacks what the model cannot do without, or
            holds something in its place that cannot be read.
    """
    return cast("ReceivedT", _reader_of(cast("Any", model))(data, model))


# Asked once a model: the converter looks up its own answer in several steps.
@cache
def _reader_of(model: Any) -> Callable[[object, object], Received]:
    return _CONVERTER.get_structure_hook(model)


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
    # An empty text says as little as a missing field.
    told = {
        fold_name(name): not (
            item is None or (isinstance(item, str) and not item.strip())
        )
        for name, item in data.items()
    }
    fields = attrs.fields_dict(cast("type[attrs.AttrsInstance]", model))
    left_out: dict[str, str] = {}
    for attribute in values:
        field = fields[attribute]
        names = (wire_name(field), *wire_of(field).aliases)
        if not any(told.get(fold_name(name)) for name in names):
            left_out[attribute] = names[0]
    # The gateway's own empty field must not stand beside the filled-in one.
    empty = {fold_name(name) for name in left_out.values()}
    kept = {name: item for name, item in data.items() if fold_name(name) not in empty}
    filled = {name: values[attribute] for attribute, name in left_out.items()}
    return {**kept, **filled}, frozenset(left_out)
