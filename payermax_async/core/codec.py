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
from typing import Any, TypeVar, cast

import attrs
from cattrs import Converter
from cattrs.gen import make_dict_unstructure_fn, override

from payermax_async.core.models.common import (
    Received,
    Wire,
    fold_name,
    wire_name,
    wire_of,
)
from payermax_async.core.money import ExchangeRate, format_amount
from payermax_async.core.received import is_open_enum, open_enum_hook, received_hook
from payermax_async.core.scalars import (
    read_amount,
    read_rate,
    read_text,
    read_time,
)
from payermax_async.core.strict_json import JsonObject, JsonValue

__all__ = ["fill_in", "from_wire", "to_wire"]

ReceivedT = TypeVar("ReceivedT", bound=Received)


def _make_converter() -> Converter:
    # Its detailed errors quote the values, and those are people, cards and money.
    converter = Converter(detailed_validation=False)
    # cattrs turns None into 'None' for text; every scalar has its own hook here.
    converter.register_structure_hook(str, read_text)
    converter.register_structure_hook(Decimal, read_amount)
    converter.register_structure_hook(ExchangeRate, read_rate)
    converter.register_structure_hook(datetime, lambda value, _: read_time(value))
    converter.register_structure_hook_factory(is_open_enum, open_enum_hook)

    @converter.register_structure_hook_factory(
        lambda hint: isinstance(hint, type) and issubclass(hint, Received)
    )
    def _received(
        cls: type[Received], converter: Converter
    ) -> Callable[[object, object], Received]:
        return received_hook(cls, converter)

    # Amounts as text, PayerMax's usual way: a float on its side would round them.
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


# Refunds take their amount as a JSON number; write_json writes it exactly.
def _as_it_is(value: Decimal | None) -> Decimal | None:
    return value


def _writer(wire: Wire) -> Callable[[Any], object] | None:
    if wire.as_text:
        return _text
    return _as_it_is if wire.as_number else None


# One for all clients: it holds no state but the hooks it worked out.
_CONVERTER = _make_converter()


def to_wire(request: attrs.AttrsInstance) -> JsonObject:
    """The ``data`` object of a request, without what is ``None``."""
    return cast("JsonObject", _drop_none(_CONVERTER.unstructure(request)))


def _drop_none(value: Any) -> Any:
    # Left out, not null: that is a value to some parsers.
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
