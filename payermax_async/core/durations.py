"""Lengths of time as people write them: ``90s``, ``12h``, ``1h30m``, ``2d``."""

from __future__ import annotations

import re
from datetime import timedelta

from payermax_async.core.errors import ConfigurationError

__all__ = ["read_duration"]

_PART = re.compile(r"([0-9]{1,9})(?:\.([0-9]{1,6}))?(ms|s|m|h|d)")
_BARE = re.compile(r"[0-9]{1,9}")
_MICROSECONDS = {
    "ms": 1_000,
    "s": 1_000_000,
    "m": 60_000_000,
    "h": 3_600_000_000,
    "d": 86_400_000_000,
}


def read_duration(text: str) -> timedelta:
    """A length of time: numbers with ``ms``, ``s``, ``m``, ``h`` or ``d``.

    A bare whole number is seconds.

    Raises:
        ConfigurationError: It is spelled in any other way.

    Example:
        >>> read_duration("1h30m").total_seconds()
        5400.0
    """
    written = text.strip()
    if _BARE.fullmatch(written):
        return timedelta(seconds=int(written))
    microseconds, end = 0, 0
    for part in _PART.finditer(written):
        if part.start() != end:
            break
        # In whole numbers: a tenth has no exact float.
        fraction = (part[2] or "").ljust(6, "0")
        unit = _MICROSECONDS[part[3]]
        microseconds += int(part[1]) * unit + int(fraction) * unit // 1_000_000
        end = part.end()
    if end == 0 or end != len(written):
        raise ConfigurationError(
            "a duration is a number and ms, s, m, h or d, such as 24h, 90s or 1h30m"
        )
    try:
        return timedelta(microseconds=microseconds)
    except OverflowError:
        raise ConfigurationError("a duration is less than a million years") from None
