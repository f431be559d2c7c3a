"""JSON bytes in and out, with nothing left to interpretation.

Two parsers that read the same signed bytes differently are how forgeries pass
checks, so what RFC 8259 leaves open is refused here: repeated names, NaN,
trailing bytes, deep nesting, byte order marks, lone surrogates and NUL.
Numbers become ``int`` or ``Decimal``; no float is ever made.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from json.encoder import encode_basestring
from typing import Self, Union, cast

import attrs

__all__ = ["JsonError", "JsonObject", "JsonValue", "Written", "read_json", "write_json"]

JsonValue = Union[  # noqa: UP007 - a recursive alias needs the _quoted form
    str, int, Decimal, bool, None, list["JsonValue"], dict[str, "JsonValue"]
]
JsonObject = dict[str, JsonValue]

_MAX_DEPTH = 32
# What is written may hold what was read a few levels further in: the envelope
# around a payload. The limit is there to refuse a structure that holds itself.
_MAX_DEPTH_OUT = 2 * _MAX_DEPTH
_MAX_NUMBER_TEXT = 64
_MAX_NUMBER_BITS = 4 * _MAX_NUMBER_TEXT
# Strings are matched whole, so that a bracket inside one does not count.
_TOKENS = re.compile(r'"(?:[^"\\]|\\.)*"?|[\[\]{}]', re.DOTALL)


class JsonError(ValueError):
    """The bytes are no JSON this package accepts. Quotes nothing of them."""


def _integer(text: str) -> int:
    if len(text) > _MAX_NUMBER_TEXT:
        raise JsonError("a number is too long")
    return int(text)


def _decimal(text: str) -> Decimal:
    if len(text) > _MAX_NUMBER_TEXT:
        raise JsonError("a number is too long")
    try:
        number = Decimal(text)
    except ArithmeticError:
        raise JsonError("a number is out of range") from None
    _plain(number)
    return number


def _plain(number: Decimal) -> str:
    # The exponent is looked at first: "1e999999" would become a million digits.
    # Not finite: where the decimal context traps nothing, "1e" and 20 nines is NaN.
    if number.is_finite() and abs(number.adjusted()) <= _MAX_NUMBER_TEXT:
        text = format(number, "f")
        if len(text) <= _MAX_NUMBER_TEXT:
            return text
    raise JsonError("a number is out of range")


def _constant(_name: str) -> JsonValue:
    raise JsonError("NaN and Infinity are no JSON")


# Which of two values counts is up to each parser; a forger would use the difference.
def _unique(pairs: list[tuple[str, JsonValue]]) -> JsonObject:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise JsonError("a name appears twice in one object")
    return found


# Made once: one takes longer to make than a reply takes to be read.
_DECODER = json.JSONDecoder(
    parse_float=_decimal,
    parse_int=_integer,
    parse_constant=_constant,
    object_pairs_hook=_unique,
)


def _check_depth(text: str) -> None:
    if text.count("[") + text.count("{") <= _MAX_DEPTH:
        return
    depth = 0
    for token in _TOKENS.finditer(text):
        mark = token.group()
        if mark in "[{":
            depth += 1
            if depth > _MAX_DEPTH:
                raise JsonError(f"nested deeper than {_MAX_DEPTH} levels")
        elif mark in "]}":
            depth -= 1


def _check_text(value: JsonValue) -> None:
    if isinstance(value, str):
        if "\0" in value or not _is_scalar(value):
            raise JsonError("a string holds NUL or half a character")
    elif isinstance(value, list):
        for item in value:
            _check_text(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_text(key)
            _check_text(item)


def _is_scalar(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def read_json(body: bytes) -> JsonValue:
    """Read one JSON document from UTF-8 bytes.

    Numbers may take 64 characters when spelled without exponent, and structures
    may be 32 levels deep.

    Example:
        >>> read_json(b'{"totalAmount": 19.90}')
        {'totalAmount': Decimal('19.90')}

    Raises:
        JsonError: The bytes are not UTF-8, not one strict JSON document, or use
            something that parsers read differently.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        text = None
    if text is None:
        # Raised out here: as its context, the decoder's error would keep the body.
        raise JsonError("not UTF-8")
    if text.startswith("\ufeff"):
        raise JsonError("starts with a byte order mark")
    _check_depth(text)
    problem = "not JSON"
    value: JsonValue = None
    try:
        value = cast("JsonValue", _DECODER.decode(text))
        problem = ""
    except JsonError:
        raise
    except json.JSONDecodeError as error:
        problem = f"not JSON at character {error.pos}"
    except (ValueError, RecursionError):
        pass
    if problem:
        raise JsonError(problem)
    # Both can only enter through an escape: raw ones fail to decode or to parse.
    if "\\u" in text:
        _check_text(value)
    return value


@attrs.frozen
class Written:
    """A JSON value that was written already: :func:`write_json` puts it as it is.

    Example:
        >>> once = Written.of({"a": [1, 2]})
        >>> write_json({"data": once}), write_json({"other": once})
        (b'{"data":{"a":[1,2]}}', b'{"other":{"a":[1,2]}}')
    """

    text: str
    """What was written."""

    @classmethod
    def of(cls, value: object) -> Self:
        """Write a value.

        Raises:
            TypeError: As for :func:`write_json`.
            JsonError: As for :func:`write_json`.
        """
        parts: list[str] = []
        _write(value, parts, 0)
        return cls("".join(parts))


def write_json(value: object) -> bytes:
    """Write JSON as compact UTF-8, amounts as exact numbers.

    The standard library has no way to write a ``Decimal`` as a number without
    passing through float, hence this writer.

    Example:
        >>> write_json({"refundAmount": Decimal("1E+2"), "comments": "退款"}).decode()
        '{"refundAmount":100,"comments":"退款"}'

    Raises:
        TypeError: A float or another type that JSON has no exact form for.
        JsonError: A value that :func:`read_json` would refuse: a number that is
            not finite or too long, NUL or half a character, endless nesting.
    """
    parts: list[str] = []
    _write(value, parts, 0)
    try:
        return "".join(parts).encode("utf-8")
    except UnicodeEncodeError:
        # The error itself would carry all of the text.
        raise JsonError("a string holds NUL or half a character") from None


def _write(value: object, parts: list[str], depth: int) -> None:
    if isinstance(value, str):
        parts.append(_quoted(value))
    elif value is None or isinstance(value, bool):
        parts.append({None: "null", True: "true", False: "false"}[value])
    elif isinstance(value, int):
        if value.bit_length() > _MAX_NUMBER_BITS:
            raise JsonError("a number is out of range")
        parts.append(_plain(Decimal(value)))
    elif isinstance(value, Decimal):
        parts.append(_plain(value))
    elif isinstance(value, Written):
        parts.append(value.text)
    elif depth == _MAX_DEPTH_OUT:
        raise JsonError(f"nested deeper than {_MAX_DEPTH_OUT} levels")
    elif isinstance(value, Mapping):
        _write_object(cast("Mapping[object, object]", value), parts, depth + 1)
    elif isinstance(value, list | tuple):
        _write_array(cast("list[object]", value), parts, depth + 1)
    else:
        raise TypeError(f"{type(value).__name__} has no exact JSON form")


def _quoted(text: str) -> str:
    if "\0" in text:
        raise JsonError("a string holds NUL or half a character")
    # Not str(text): that of an Enum which is a str as well is its name.
    return encode_basestring(text)


def _write_object(value: Mapping[object, object], parts: list[str], depth: int) -> None:
    separator = "{"
    for key, item in value.items():
        if not isinstance(key, str):
            raise TypeError("names in a JSON object are text")
        # Most of what is sent is text, and one piece is joined sooner than four.
        if isinstance(item, str):
            parts.append(f"{separator}{_quoted(key)}:{_quoted(item)}")
        else:
            parts.append(f"{separator}{_quoted(key)}:")
            _write(item, parts, depth)
        separator = ","
    parts.append("}" if separator == "," else "{}")


def _write_array(value: list[object], parts: list[str], depth: int) -> None:
    separator = "["
    for item in value:
        parts.append(separator)
        _write(item, parts, depth)
        separator = ","
    parts.append("]" if separator == "," else "[]")
