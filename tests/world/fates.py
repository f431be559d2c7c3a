"""What can become of a request."""

from __future__ import annotations

import enum

import attrs

__all__ = ["AMBIGUOUS", "DEFINITE", "Fate", "Kind"]

AMBIGUOUS = (
    "SYSTEM_ERROR",
    "REQUEST_TIMEOUT",
    "UNEXPECTED_ERROR",
    "TOO_MANY_REQUEST",
    "SYSTEM_BUSY",
)
"""Codes that may come whether it was done or not."""
DEFINITE = ("PARAMS_INVALID", "MERCHANT_INVALID", "REQ_TIME_OVER_TIME")
"""Codes that come only when it was not done."""


class Kind(enum.Enum):
    """What goes wrong."""

    NOTHING = "nothing"
    REFUSED = "connection refused"
    UNTRUSTED = "certificate not trusted"
    BROKEN = "connection breaks"
    SILENT = "no answer"
    GARBAGE = "garbage"
    HTML = "a page"
    EMPTY = "no body"
    CUT = "cut short"
    UNSIGNED = "signature gone"
    FORGED = "signed by another key"
    SWAPPED = "signature of another body"
    TWICE = "two signatures"
    FOREIGN = "answer to somebody else"
    STATUS = "status of a proxy"
    CODED = "a code"
    UNSIGNED_CODE = "a code without signature"


@attrs.frozen(kw_only=True)
class Fate:
    """What becomes of one request. Seconds throughout."""

    kind: Kind = Kind.NOTHING
    done: bool = True
    """Whether it ever comes to the gateway."""
    there: float = 0.01
    """On its way; longer than the client waits makes it a late one."""
    inside: float = 0.0
    """At the gateway, after the check of its time."""
    back: float = 0.01
    """On the way back; for ``BROKEN`` from the start to the break."""
    code: str = "SYSTEM_ERROR"
    """For ``CODED``."""
    status: int = 503
    """For ``STATUS``."""
    retry_after: str | None = None
    """For ``STATUS`` and ``CODED``."""
    again: float | None = None
    """Seconds after which it arrives a second time, which nobody answers."""
    date: str | None = None
    """Of the answer; as the gateway's own clock has it when left out."""
