"""The one cleaner: what is logged, told to a hook, counted or printed goes through it.

A reply nobody signed, an id from a raw call, a notification, an error of somebody
else's code: each may hold line breaks that forge a line of a log, marks that turn it
around, a card number, or 200 kB. Costs of all functions are bounded by their limits.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = [
    "CODE_LIMIT",
    "ID_LIMIT",
    "MESSAGE_LIMIT",
    "clean_code",
    "clean_id",
    "clean_message",
    "clean_optional_code",
    "clean_optional_id",
]

MESSAGE_LIMIT: Final = 300
"""Characters of a foreign text that are kept."""
CODE_LIMIT: Final = 64
"""Characters of a gateway code that are kept."""
ID_LIMIT: Final = 128
"""Characters of an id or a name that are shown; PayerMax's own have up to 64."""

# More is not looked at, so that masking has a bounded price.
_LOOKED_AT = 8_192
_CUT_WORD = re.compile(r"[^\s]{1,64}\Z")
_BLANK = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_UNSEEN = re.compile(
    # Joiners, direction marks, soft hyphens, tags and lone surrogates: unseen in
    # a log, they would hide a number from the masks or turn the line around.
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e0fff]+"
)
# Starts at the edge of a word only, so that the search stays linear.
_EMAIL = re.compile(r"(?<![^\s<>\"'(),:;=@])[^\s<>\"'(),:;=@]++@[^\s<>\"'(),;]+")
_LONG_NUMBER = re.compile(r"\d(?:[\s_\-\u2010-\u2015\u2212]{0,2}\d){7,}")
_SECRET = re.compile(
    r"(?i)\b(password|passwd|pwd|secret|token|api[_-]?key|bearer)"
    r"(\s*[=:]\s*|\s+(?=[^\s]{16}))[^\s,;&]{6,}"
)
# Letters of both cases and digits at a length that no word has: a key or a signature.
_BASE64 = re.compile(
    r"(?<![A-Za-z0-9+/])(?=[A-Za-z0-9+/]*[0-9])(?=[A-Za-z0-9+/]*[A-Z])"
    r"(?=[A-Za-z0-9+/]*[a-z])[A-Za-z0-9+/]{40,}={0,2}"
)
# A dot alone may be a decimal point, so only groups as in cards and phones count.
_DOTTED_NUMBER = re.compile(r"\d{3,7}(?:\.\d{3,7}){0,5}\.\d{4,}")


def clean_message(text: str, limit: int = MESSAGE_LIMIT) -> str:
    """Make a foreign text safe to keep, log and print.

    Control and unseen characters go, runs of blanks become one, email addresses,
    numbers of eight or more digits (cards, phones, ids), passwords and pieces of
    keys become ``***``, also when grouped by blanks or dashes, and the rest is cut
    at ``limit`` characters. Short numbers stay: they are the limits that a
    gateway's message is about.

    Example:
        >>> clean_message("card 4111 1111 1111 1111 of a@b.example, limit 64")
        'card *** of ***, limit 64'
    """
    if len(text) > _LOOKED_AT:
        # Without the last word: half a card number would not look like one.
        text = _CUT_WORD.sub("", text[:_LOOKED_AT])
    plain = _BLANK.sub(" ", _UNSEEN.sub("", text)).strip()
    # Secrets before numbers: a mask in the middle would hide where one ends.
    plain = _SECRET.sub(r"\1\2***", plain)
    for pattern in (_BASE64, _EMAIL, _LONG_NUMBER, _DOTTED_NUMBER):
        plain = pattern.sub("***", plain)
    # Cut last, for the same reason.
    return _cut(plain, limit)


def clean_code(code: str) -> str:
    """A gateway code as it may be shown: of an unsigned reply it may be anything."""
    return clean_message(code, CODE_LIMIT)


def clean_id(text: str, limit: int = ID_LIMIT) -> str:
    r"""An id or a name on one line, whatever it holds, and of bounded length.

    An id is there to find the case by, so nothing in it is masked: what cannot be
    seen is written as Python writes it, so that two ids do not come to look alike.

    Example:
        >>> clean_id("order-1\nERROR paid")
        'order-1\\nERROR paid'
    """
    if len(text) <= limit and text.isprintable():
        return text
    # One more than is shown, to see that it is cut.
    looked_at = text[: limit + 1]
    return _cut(
        "".join(
            mark if mark.isprintable() else mark.encode("unicode_escape").decode()
            for mark in looked_at
        ),
        limit,
    )


def clean_optional_id(text: str | None) -> str | None:
    """:func:`clean_id`, where there may be none."""
    return None if text is None else clean_id(text)


def clean_optional_code(code: str | None) -> str | None:
    """:func:`clean_code`, where there may be none."""
    return None if code is None else clean_code(code)


def _cut(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    return text[: limit - 1] + "\N{HORIZONTAL ELLIPSIS}"
