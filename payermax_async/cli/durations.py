"""Spans of time as people type them: ``24h``, ``90m``, ``7d``."""

from __future__ import annotations

import re

__all__ = ["seconds_of"]

_SPAN = re.compile(r"([0-9]{1,9})(s|m|h|d)?", re.ASCII)
_UNITS = {None: 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}


def seconds_of(text: str) -> int:
    """Seconds of a span; a bare number is seconds.

    Raises:
        ValueError: It is spelled in any other way.

    Example:
        >>> seconds_of("24h")
        86400
    """
    match = _SPAN.fullmatch(text.strip())
    if match is None:
        raise ValueError("must be a number with s, m, h or d, such as 24h")
    return int(match[1]) * _UNITS[match[2]]
