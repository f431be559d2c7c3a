"""Bytes and headers as they were on the wire, made readable."""

from __future__ import annotations

import hashlib
import json
import re
import shlex

import attrs

from payermax_async.sandbox.gateway.exchange import SECRET_HEADERS
from payermax_async.transport.base import Headers

__all__ = ["BodyView", "headers_text", "readable", "verify_command"]

_SHOWN = 64 * 1024
_DUMPED = 2048
_LAID_OUT = 256 * 1024
_DEEPEST = 24
_OPENS = frozenset("{[")
_CLOSES = frozenset("}]")
_PIECE = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:,]|[^\s{}\[\]:,"]+')
_INVISIBLE = {
    "\ufeff": "⟨byte order mark⟩",
    "\r": "␍",
    "\t": "⇥",
    "\u00a0": "⍽",
    "\u200b": "⟨zero width space⟩",
}


def readable(body: bytes) -> tuple[str, bool]:
    r"""The body as text, and whether signs stand in for what cannot be seen.

    Example:
        >>> readable(b"{}\r\n")
        ('{}␍␊\n', True)
    """
    # What is no UTF-8 shall be seen, since it may be why a signature is wrong.
    text = body.decode("utf-8", "backslashreplace")
    signs = text
    for character, sign in _INVISIBLE.items():
        signs = signs.replace(character, sign)
    if signs.endswith("\n"):
        signs = f"{signs[:-1]}␊\n"
    return signs, signs != text or b"\\x" in text.encode()


@attrs.frozen(kw_only=True)
class BodyView:
    """A body: its size and digest, its text, its bytes, and the way to save it."""

    name: str
    """Unique in its page."""
    label: str
    """What it is."""
    is_empty: bool
    """Whether there is nothing to show."""
    size: str
    """Bytes."""
    digest: str
    """The start of its SHA-256."""
    text: str
    """Its start as text, with signs for what cannot be seen."""
    stands_in: bool
    """Whether there are such signs."""
    lines: str
    """JSON with line breaks, to read; never what was signed. Empty for others."""
    dump: str
    """Its start as hexadecimal."""
    download: str
    """Path of the exact bytes; empty where they cannot be had."""

    @classmethod
    def of(cls, name: str, label: str, body: bytes, download: str = "") -> BodyView:
        """A body made readable."""
        text, stands_in = readable(body[:_SHOWN])
        return cls(
            name=name,
            label=label,
            is_empty=not body,
            size=f"{len(body):,}",
            digest=hashlib.sha256(body).hexdigest()[:16] + "…",
            text=text[:_SHOWN],  # a sign is longer than the byte it stands for
            stands_in=stands_in,
            lines=_lines(body),
            dump=_dump(body),
            download=download,
        )


def _lines(body: bytes) -> str:
    # A layout that ends in the middle would look like a body that does.
    if len(body) > _SHOWN:
        return ""
    try:
        text = body.decode()
        # Only to know that it is JSON; the value would have lost how numbers are
        # written.
        json.loads(text)
    except (ValueError, RecursionError):
        return ""
    return _laid_out(text)


def _laid_out(text: str) -> str:
    """JSON with line breaks. Piece by piece: numbers and escapes stay as they are.

    What is nested very deeply is not set in any further, and a layout that is much
    longer than its text ends: in both, blanks are all there would be to see.
    """
    made: list[str] = []
    depth = length = 0
    pieces = [piece for piece in _PIECE.findall(text) if piece.strip()]
    for piece, following in zip(pieces, [*pieces[1:], " "], strict=True):
        is_open, is_closed = piece in _OPENS, following in _CLOSES
        depth += is_open - (piece in _CLOSES)
        made.append(piece)
        length += len(piece) + 2 * min(depth, _DEEPEST)
        if length > _LAID_OUT:
            return "".join([*made, "\n… too long to lay out"])
        if piece == ":":
            made.append(" ")
        elif piece == "," or (is_open and not is_closed):
            made.append(_line(depth))
        elif is_closed and not is_open:
            made.append(_line(depth - 1))
    return "".join(made)


def _line(depth: int) -> str:
    return "\n" + "  " * min(depth, _DEEPEST)


def _dump(body: bytes) -> str:
    lines: list[str] = []
    for start in range(0, min(len(body), _DUMPED), 16):
        part = body[start : start + 16]
        digits = part.hex(" ")
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in part)
        lines.append(f"{start:06x}  {digits:<47}  {text}")
    if len(body) > _DUMPED:
        lines.append(f"… {len(body) - _DUMPED:,} bytes more")
    return "\n".join(lines)


def headers_text(headers: Headers) -> str:
    """Header lines as they came; what would let somebody in is covered."""
    return "\n".join(f"{key}: {_covered(key, value)}" for key, value in headers)


def _covered(name: str, value: str) -> str:
    if name.lower() in SECRET_HEADERS:
        return f"•••• ({len(value)} characters)"
    return value


def verify_command(origin: str, path: str, key: str) -> str:
    """Lines for a shell that fetch a record and check it with openssl alone.

    Args:
        origin: Of this sandbox.
        path: Of the record; ``body`` and ``sign`` are below it.
        key: Whose key: ``merchant`` or ``platform``.
    """
    base = f"{origin}{path}"
    pem = f"{origin}/dashboard/keys/{key}.pem"
    return "\n".join(
        (
            f"curl -s {shlex.quote(f'{base}/body')} -o body.bin",
            f"curl -s {shlex.quote(f'{base}/sign')} \\",
            "    | openssl base64 -d -A -out sign.bin",
            f"curl -s {shlex.quote(pem)} -o {key}.pem",
            f"openssl dgst -sha256 -verify {key}.pem -signature sign.bin body.bin",
        )
    )
