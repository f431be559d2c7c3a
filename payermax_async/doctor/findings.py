"""What a check found, in words that may be shown to anybody."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable
from typing import Self

import attrs

from payermax_async.core.cleaning import clean_message

__all__ = [
    "Finding",
    "Status",
    "Veil",
    "fail",
    "good",
    "quoted",
    "shortened",
    "skip",
    "warn",
]

_EMAIL = re.compile(r"[^\s<>\"'(),:;=@]+@[^\s<>\"'(),;]+")
_LONG_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{64,}={0,2}")


class Status(enum.Enum):
    """How a check ended."""

    OK = "ok"
    """It is as it should be."""
    WARN = "warn"
    """It works, or cannot be judged from here; look at it before going live."""
    FAIL = "fail"
    """It does not work or is unsafe."""
    SKIPPED = "skipped"
    """It was not looked at; ``what`` says why."""


@attrs.frozen(kw_only=True)
class Finding:
    """The result of one check. It holds no key, token, person or whole id."""

    check: str
    """Which check, such as ``private key``; one check may find several things."""
    status: Status
    """How it ended."""
    what: str
    """What was found."""
    fix: str = ""
    """What to do about it; empty when there is nothing to do."""


def good(check: str, what: str) -> Finding:
    """It is as it should be."""
    return Finding(check=check, status=Status.OK, what=what)


def warn(check: str, what: str, fix: str = "") -> Finding:
    """It should be looked at."""
    return Finding(check=check, status=Status.WARN, what=what, fix=fix)


def fail(check: str, what: str, fix: str) -> Finding:
    """It must be mended, and how."""
    return Finding(check=check, status=Status.FAIL, what=what, fix=fix)


def skip(check: str, why: str) -> Finding:
    """It was not looked at."""
    return Finding(check=check, status=Status.SKIPPED, what=why)


def shortened(identifier: str) -> str:
    """An id as people recognise it and nobody can use it.

    Example:
        >>> shortened("P01010113843429")
        'P010...29'
    """
    if len(identifier) < 10:
        return f"{identifier[:2]}..."
    return f"{identifier[:4]}...{identifier[-2:]}"


_SHORTEST = 6
"""Shorter ids would be found in ordinary words, and tell nobody anything."""


@attrs.frozen
class Veil:
    """Takes out of a text what a ticket must not hold."""

    stand_ins: tuple[tuple[str, str], ...] = attrs.field(repr=False)
    """What is replaced and by what, the longest first."""

    @classmethod
    def over(
        cls,
        *,
        identifiers: Iterable[str | None] = (),
        secrets: Iterable[str | None] = (),
        home: str = "",
    ) -> Self:
        """Make one of what is set.

        Args:
            identifiers: Shown shortened.
            secrets: Not shown at all.
            home: The user's folder, whose name is often the user's.
        """
        pairs = [(text, "***") for text in secrets if text]
        pairs += [
            (text, shortened(text))
            for text in identifiers
            if text and len(text) >= _SHORTEST
        ]
        if len(home) >= _SHORTEST:
            pairs.append((home, "~"))
        # An id may be a part of a longer secret, which must go first.
        return cls(tuple(sorted(pairs, key=lambda pair: -len(pair[0]))))

    def text(self, words: str) -> str:
        """The words, with ids shortened, and secrets, keys and addresses gone."""
        for text, stand_in in self.stand_ins:
            words = words.replace(text, stand_in)
        return _LONG_BASE64.sub("***", _EMAIL.sub("***", words))

    def finding(self, found: Finding) -> Finding:
        """The finding, fit to be shown."""
        return attrs.evolve(found, what=self.text(found.what), fix=self.text(found.fix))


def quoted(text: str, limit: int = 80) -> str:
    """The start of foreign text, in quotes, without numbers and addresses."""
    # A webhook's answer may quote the buyer's mail address or card.
    plain = clean_message(text)
    cut = plain if len(plain) <= limit else f"{plain[:limit]}..."
    return f'"{cut}"'
