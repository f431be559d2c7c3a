"""Names for messages, unless a name may be a key that was pasted in its place."""

from __future__ import annotations

import re
from itertools import accumulate, pairwise

__all__ = ["HIDDEN", "may_hold_a_key", "quoted", "shown"]

HIDDEN = "(not shown: it looks like a key)"
"""What stands in the place of what may be a key."""

_LONGEST = 200
_ARMOUR = re.compile(r"-----|MI[ICG][A-Za-z0-9+/]{9}")
# A stretch of Base64. Names of files have dots and dashes in between, digests and
# ids no capitals.
_STRETCH = re.compile(r"[A-Za-z0-9+=]{28,}")
_KINDS = ("[a-z]", "[A-Z]", "[0-9+=]")

# Quotes, blanks and Base64's own slashes cut a key into pieces that look like names.
# Put together again, it changes between small letters, capitals and digits far more
# often than words do, whose capitals come first: of half a million places in keys all
# had these many changes somewhere within 64 characters, of 40 000 names of files on a
# Linux machine one in 300 had them.
_BETWEEN = re.compile(r"[^A-Za-z0-9+=]+")
_WINDOW = 20
_CHANGES = 6


def quoted(name: object) -> str:
    """The name in quotes, or that it looks like a key.

    Example:
        >>> quoted("keys/own.pem"), quoted("MIIEvQIBADANBgkqhkiG9w0BAQ")
        ("'keys/own.pem'", '(not shown: it looks like a key)')
    """
    text = str(name)
    return HIDDEN if _is_like_a_key(text) else repr(text)


def shown(name: object) -> str:
    """The same without quotes."""
    text = str(name)
    return HIDDEN if _is_like_a_key(text) else text


def _is_like_a_key(text: str) -> bool:
    return len(text) > _LONGEST or not text.isprintable() or may_hold_a_key(text)


def may_hold_a_key(text: str) -> bool:
    """Whether a text of any length may hold a piece of a key, cut or whole."""
    if _ARMOUR.search(text):
        return True
    whole = _BETWEEN.sub("", text)
    if _ARMOUR.search(whole) or _is_restless(whole):
        return True
    return any(_has_all_kinds(stretch) for stretch in _STRETCH.findall(text))


def _has_all_kinds(text: str) -> bool:
    return all(re.search(kind, text) for kind in _KINDS)


def _is_restless(text: str) -> bool:
    """Whether somewhere letters and digits alternate as in no words."""
    changes = [0, *accumulate(_is_change(*two) for two in pairwise(text))]
    return any(
        changes[start + _WINDOW - 1] - changes[start] >= _CHANGES
        and _has_all_kinds(text[start : start + _WINDOW])
        for start in range(len(text) - _WINDOW + 1)
    )


def _is_change(one: str, next_one: str) -> bool:
    kinds = _kind(one), _kind(next_one)
    return kinds[0] != kinds[1] and kinds != ("capital", "small")


def _kind(character: str) -> str:
    if character.islower():
        return "small"
    return "capital" if character.isupper() else "other"
