"""Bytes and headers as they were on the wire, made readable."""

from __future__ import annotations

import hashlib
import json
import re
import shlex

from payermax_async.sandbox.dashboard.components import code_block
from payermax_async.sandbox.dashboard.elements import Html, Node, element
from payermax_async.transport.base import Headers

__all__ = ["body_view", "headers_view", "readable", "verify_command"]

_SHOWN = 64 * 1024
_DUMPED = 2048
_SECRET = frozenset(
    {
        "authorization",
        "cookie",
        "merchant_auth_token",
        "merchantauthtoken",
        "proxy-authorization",
    }
)
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
    text = body.decode("utf-8", "backslashreplace")
    signs = text
    for character, sign in _INVISIBLE.items():
        signs = signs.replace(character, sign)
    if signs.endswith("\n"):
        signs = f"{signs[:-1]}␊\n"
    return signs, signs != text or b"\\x" in text.encode()


def body_view(name: str, label: str, body: bytes, download: str = "") -> Node:
    """A body: its size and digest, its text, its bytes, and the way to save it."""
    if not body:
        return element("p", {"class": "empty"}, "No body.")
    text, stands_in = readable(body[:_SHOWN])
    digest = hashlib.sha256(body).hexdigest()
    return [
        element(
            "p",
            {"class": "quiet"},
            f"{len(body):,} bytes, SHA-256 ",
            element("code", {}, digest[:16] + "…"),
            _save(download),
        ),
        code_block(name, label, text),
        element(
            "p",
            {"class": "quiet"},
            "␍ ␊ ⇥ and words in ⟨ ⟩ stand for bytes that cannot be seen.",
        )
        if stands_in
        else None,
        _layout_view(name, label, body),
        element(
            "details",
            {"id": f"{name}-hex"},
            element("summary", {}, "As hexadecimal"),
            code_block(f"{name}-dump", f"{label}, hexadecimal", _dump(body)),
        ),
    ]


def _save(download: str) -> Node:
    if not download:
        return None
    return [
        " · ",
        element("a", {"href": download, "download": True}, "Save the exact bytes"),
    ]


def _layout_view(name: str, label: str, body: bytes) -> Html | None:
    """The same JSON with line breaks, to read; never what was signed."""
    if len(body) > _SHOWN:
        return None
    try:
        text = body.decode()
        json.loads(text)
    except (ValueError, RecursionError):
        return None
    return element(
        "details",
        {"id": f"{name}-layout"},
        element("summary", {}, "Laid out to read"),
        code_block(f"{name}-lines", f"{label}, laid out", _laid_out(text)),
    )


def _laid_out(text: str) -> str:
    """JSON with line breaks. Piece by piece: numbers and escapes stay as they are."""
    made: list[str] = []
    depth = 0
    pieces = [piece for piece in _PIECE.findall(text) if piece.strip()]
    for piece, following in zip(pieces, [*pieces[1:], " "], strict=True):
        is_open, is_closed = piece in _OPENS, following in _CLOSES
        depth += is_open - (piece in _CLOSES)
        made.append(piece)
        if piece == ":":
            made.append(" ")
        elif piece == "," or (is_open and not is_closed):
            made.append(_line(depth))
        elif is_closed and not is_open:
            made.append(_line(depth - 1))
    return "".join(made)


def _line(depth: int) -> str:
    return "\n" + "  " * depth


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


def headers_view(name: str, label: str, headers: Headers) -> Html:
    """Header lines as they came; what would let somebody in is covered."""
    lines = "\n".join(f"{key}: {_covered(key, value)}" for key, value in headers)
    return code_block(name, label, lines)


def _covered(name: str, value: str) -> str:
    if name.lower() in _SECRET:
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
