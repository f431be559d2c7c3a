"""How models of replies and notifications are read: tolerantly, but for money and ids.

Names are matched without regard to case and stray blanks, unknown ones are kept, and a
value of an unexpected shape fails the message only where money or identity hangs on it.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, NamedTuple, Union, cast, get_args, get_origin

import attrs
from cattrs import Converter

from payermax_async.core.addresses import is_page
from payermax_async.core.models.common import Received, fold_name, wire_name, wire_of
from payermax_async.core.scalars import ShapeError, read_text
from payermax_async.core.strict_json import JsonObject

__all__ = ["is_open_enum", "open_enum_hook", "received_hook"]


def is_open_enum(hint: Any) -> bool:
    """Whether a field holds one of known words, or any other text."""
    members = get_args(hint) if get_origin(hint) in {Union, types.UnionType} else ()
    return str in members and any(
        isinstance(member, type) and issubclass(member, StrEnum) for member in members
    )


def open_enum_hook(hint: Any) -> Callable[[object, object], str]:
    """How such a field is read: PayerMax may add a word on any day."""
    kind = next(
        member
        for member in get_args(hint)
        if isinstance(member, type) and issubclass(member, StrEnum)
    )
    known = {member.value: member for member in kind}

    def read(value: object, _type: object) -> str:
        text = read_text(value)
        # ASCII only: the long s of "ſUCCESS" has S for its capital.
        return known.get(text.strip().upper(), text) if text.isascii() else text

    return read


class _Field(NamedTuple):
    attribute: str
    names: tuple[str, ...]
    folded: tuple[str, ...]
    read: Callable[[object], object]
    may_be_absent: bool
    must_be_right: bool


def _field(converter: Converter, attribute: attrs.Attribute[Any]) -> _Field:
    names = (wire_name(attribute), *wire_of(attribute).aliases)
    read = _reader(converter, attribute.type)
    may_be_absent = attribute.default is not attrs.NOTHING
    return _Field(
        attribute.name,
        names,
        tuple(map(fold_name, names)),
        _page_reader(read) if attribute.metadata.get("page") else read,
        may_be_absent,
        not may_be_absent or bool(attribute.metadata.get("decisive")),
    )


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
    if get_origin(inner) is not None and not is_open_enum(inner):
        return _read_object
    # Looked up once a class; converting is on the way of every reply.
    hook = converter.get_structure_hook(inner)
    return lambda value: hook(value, inner)


def _read_object(value: object) -> JsonObject:
    if not isinstance(value, dict):
        raise ShapeError("is no object")
    return cast("JsonObject", value)


def received_hook(
    cls: type[Received], converter: Converter
) -> Callable[[object, object], Received]:
    """How a model is read, worked out once a class."""
    # Annotations are text in these modules; the hooks need the types.
    attrs.resolve_types(cls)
    fields = [
        _field(converter, attribute)
        for attribute in attrs.fields(cls)
        if attribute.name != "extra" and not attribute.metadata.get("local")
    ]
    known = frozenset(name for field in fields for name in field.folded)
    exact = frozenset(name for field in fields for name in field.names)
    # Where no two names differ in case alone, an answer of exact names needs no other
    # look.
    clear = len(known) == len(exact)

    def read(value: object, _type: object) -> Received:
        found = _read_object(value)
        folded = {} if clear and found.keys() <= exact else _folded(found)
        values, used = _collect(fields, found, folded)
        if len(used) == len(found):
            return cls(**values, extra={})
        extra = {
            name: item
            # Null under a known name says nothing. All else that was not read is the
            # merchant's to see.
            for name, item in found.items()
            if name not in used and not (item is None and fold_name(name) in known)
        }
        return cls(**values, extra=extra)

    return read


def _folded(found: JsonObject) -> dict[str, str]:
    """The names that came, by what their spellings have in common."""
    folded: dict[str, str] = {}
    for name, item in found.items():
        if item is not None:
            # Of names that differ in case alone, the first counts.
            folded.setdefault(fold_name(name), name)
    return folded


def _page_reader(read: Callable[[object], Any]) -> Callable[[object], Any]:
    def read_page(value: object) -> str:
        found = read(value)
        if not is_page(found):
            raise ShapeError("is no http or https address")
        return str(found)

    return read_page


def _collect(
    fields: list[_Field], found: JsonObject, folded: Mapping[str, str]
) -> tuple[dict[str, Any], set[str]]:
    """Read the fields; the second result is the names they were read from."""
    values: dict[str, Any] = {}
    used: set[str] = set()
    for name, names, spelled, read, may_be_absent, must_be_right in fields:
        # Most came under their exact name, or did not come at all.
        came_as = names[0]
        item = found.get(came_as)
        if item is None:
            alike = folded or len(names) > 1
            near = _find(names, spelled, found, folded) if alike else None
            if near is None:
                # Worse than no reply is one without its id or its money.
                if not may_be_absent:
                    raise ShapeError("is missing", came_as)
                continue
            came_as, item = near, found[near]
        try:
            values[name] = read(item)
        except ShapeError as error:
            if must_be_right:
                raise error.inside(came_as) from None
            continue
        # Not used, so the value goes to ``extra`` and is not lost.
        used.add(came_as)
    return values, used


def _find(
    names: tuple[str, ...],
    spelled: tuple[str, ...],
    found: JsonObject,
    folded: Mapping[str, str],
) -> str | None:
    """The name a field came under: spelled exactly if it did, or nearly so."""
    # The exact name first: a twin in another case must not stand in for it.
    for name in names:
        if found.get(name) is not None:
            return name
    return next((folded[name] for name in spelled if name in folded), None)
