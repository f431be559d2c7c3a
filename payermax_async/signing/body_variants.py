"""Other bytes that may have been signed in place of a body, with the mistake."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal

import attrs

from payermax_async.core.strict_json import JsonError, JsonValue, read_json, write_json

__all__ = ["BodyVariant", "body_variants"]

_SAME = (
    "Encode the body once, sign those bytes and send the same bytes. An HTTP client's "
    "json argument, or a framework that parses, encodes again."
)
_EDGES = "Sign exactly what is sent, to the last byte."


@attrs.frozen(kw_only=True)
class BodyVariant:
    """Bytes and what went wrong if they are the ones that were signed."""

    body: bytes = attrs.field(repr=False)
    """The bytes."""
    reason: str
    """What is wrong, in a sentence."""
    fix: str
    """What to do."""


def body_variants(body: bytes) -> Iterator[BodyVariant]:
    """Likely other spellings of a body, the commonest first."""
    for edge, reason in _edges(body):
        yield BodyVariant(body=edge, reason=reason, fix=_EDGES)
    try:
        value = read_json(body)
    except JsonError:
        return
    for spelled, how in _spellings(value):
        yield BodyVariant(
            body=spelled,
            reason=f"The body was encoded again after signing: signed was {how}.",
            fix=_SAME,
        )
    yield from _parts(value)


def _edges(body: bytes) -> Iterator[tuple[bytes, str]]:
    stripped = body.strip()
    if stripped != body:
        yield stripped, "Signed was the body without the blanks around it."
        yield body.rstrip(b"\r\n"), "Signed was the body without its final line break."
    yield body + b"\n", "Signed was the body with a line break at its end."
    yield body + b"\r\n", "Signed was the body with a line break at its end."
    if b"\r\n" in body:
        yield body.replace(b"\r\n", b"\n"), "Line breaks became CR LF after signing."
    elif b"\n" in body:
        yield body.replace(b"\n", b"\r\n"), "Line breaks became LF after signing."
    yield b"\xef\xbb\xbf" + body, "Signed was the body with a byte order mark."
    yield b"", "Signed was an empty body."
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return
    if not text.isascii():
        for encoding in ("gb18030", "latin-1", "utf-16", "utf-16-le"):
            yield (
                text.encode(encoding, "replace"),
                f"The body was signed as {encoding.upper()} and not as UTF-8.",
            )


def _spellings(value: JsonValue) -> Iterator[tuple[bytes, str]]:
    """JSON of the same value, as common encoders write it."""
    exact, rounded = _plain(value, exact=True), _plain(value, exact=False)
    for plain in (exact,) if exact == rounded else (exact, rounded):
        for layout, indent, separators in _LAYOUTS:
            for order in (False, True):
                for ascii_only in (False, True):
                    text = json.dumps(
                        plain,
                        sort_keys=order,
                        ensure_ascii=ascii_only,
                        indent=indent,
                        separators=separators,
                    )
                    text = _NUMBER.sub(r"\1", text)
                    how = layout
                    how += " with sorted names" if order else ""
                    how += r" with \u escapes" if ascii_only else ""
                    yield from _written(text, how)


def _written(text: str, how: str) -> Iterator[tuple[bytes, str]]:
    yield text.encode(), how
    yield text.encode() + b"\n", f"{how}, and a line break at its end"
    if "/" in text:
        escaped = text.replace("/", r"\/").encode()
        yield escaped, rf"{how}, with \/ for / as PHP writes it"


_LAYOUTS: tuple[tuple[str, int | str | None, tuple[str, str] | None], ...] = (
    ("compact", None, (",", ":")),
    ("with blanks after commas and colons", None, None),
    ("indented by 2", 2, None),
    ("indented by 4", 4, None),
    ("indented by a tab", "\t", None),
    ("with line breaks without indentation", 0, None),
)
_NUMBER = re.compile('"<number ([0-9.-]+)>"')


def _plain(value: JsonValue, *, exact: bool) -> object:
    """The value for the standard encoder, which knows no exact numbers."""
    if isinstance(value, Decimal):
        # A careless encoder reads 19.90 as a float and writes 19.9.
        return f"<number {value:f}>" if exact else float(value)
    if isinstance(value, list):
        return [_plain(item, exact=exact) for item in value]
    if isinstance(value, dict):
        return {name: _plain(item, exact=exact) for name, item in value.items()}
    return value


def _parts(value: JsonValue) -> Iterator[BodyVariant]:
    """Only a part of the body was signed."""
    if not isinstance(value, dict):
        return
    for name in ("data", "requestTime"):
        part = value.get(name)
        if part is None:
            continue
        for spelled, _ in _spellings(part):
            yield BodyVariant(
                body=spelled,
                reason=f"Signed was only {name}, not the whole body.",
                fix="Sign the whole body, from the first to the last byte.",
            )
    joined = "&".join(
        f"{name}={_joinable(item)}"
        for name, item in sorted(value.items())
        if item not in (None, "")
    )
    yield BodyVariant(
        body=joined.encode(),
        reason="Signed were sorted name=value pairs, as other gateways want it.",
        fix="Sign the bytes of the JSON body instead.",
    )


def _joinable(value: JsonValue) -> str:
    return value if isinstance(value, str) else write_json(value).decode()
