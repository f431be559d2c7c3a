"""Names for messages, unless a name may be a key that was pasted in its place."""

from __future__ import annotations

import re

__all__ = ["quoted", "shown"]

_LONGEST = 200
_HIDDEN = "(not shown: it looks like a key)"
_ARMOUR = re.compile(r"-----|MI[ICG][A-Za-z0-9+/]{9}")
# A stretch of Base64. Names of files have dots and dashes in between, digests and
# ids no capitals.
_STRETCH = re.compile(r"[A-Za-z0-9+=]{28,}")
_KINDS = ("[a-z]", "[A-Z]", "[0-9+=]")


def quoted(name: object) -> str:
    """The name in quotes, or that it looks like a key.

    Example:
        >>> quoted("keys/own.pem"), quoted("MIIEvQIBADANBgkqhkiG9w0BAQ")
        ("'keys/own.pem'", '(not shown: it looks like a key)')
    """
    text = str(name)
    return _HIDDEN if _is_like_a_key(text) else repr(text)


def shown(name: object) -> str:
    """The same without quotes."""
    text = str(name)
    return _HIDDEN if _is_like_a_key(text) else text


def _is_like_a_key(text: str) -> bool:
    if len(text) > _LONGEST or not text.isprintable() or _ARMOUR.search(text):
        return True
    return any(
        all(re.search(kind, stretch) for kind in _KINDS)
        for stretch in _STRETCH.findall(text)
    )
