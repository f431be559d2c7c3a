"""What the catalogue says about one gateway code."""

from __future__ import annotations

import enum
from collections.abc import Mapping

import attrs

__all__ = ["CodeInfo", "CodeKind", "Resend", "group"]


class Resend(enum.Enum):
    """May the request be sent again, with the same business id and fields?

    ``requestTime`` and the signature are made anew for every attempt, so they
    are never part of "the same".
    """

    SAME = "same"
    """Yes, at once or after a backoff: it was turned away before processing."""

    LATER = "later"
    """Yes, but only once time has passed or something else has changed."""

    QUERY_FIRST = "query first"
    """Ask what became of it before anything is sent again."""

    NO = "no"
    """No: the same request will get the same answer."""


class CodeKind(enum.Enum):
    """What sort of trouble a code stands for, and so who can mend it."""

    SUCCESS = "success"
    """No trouble: the request was accepted (which does not mean *paid*)."""

    SYSTEM = "system"
    """PayerMax's own systems."""

    AUTHENTICATION = "authentication"
    """The account's set-up: merchant, app, key, address, contract."""

    INVALID = "invalid"
    """A field of the request."""

    THROTTLED = "throttled"
    """The pace of the requests."""

    NOT_FOUND = "not found"
    """Nothing is known under the id."""

    CONFLICT = "conflict"
    """The id is already taken."""

    PAYER = "payer"
    """The payer, the payment channel or a risk check."""

    REFUND = "refund"
    """The rules of refunds."""

    OTHER = "other"
    """The state of an order, the clock, and what fits nowhere else."""


@attrs.frozen(kw_only=True)
class CodeInfo:
    """One entry of the catalogue."""

    code: str
    """The gateway's code, spelt as on the wire."""

    meaning: str
    """What happened, in one sentence."""

    remedy: str
    """What a developer or merchant should do, in one imperative sentence."""

    resend: Resend
    """Whether the same request may be sent again."""

    kind: CodeKind
    """What sort of trouble it is."""


def group(
    kind: CodeKind, resend: Resend, rows: Mapping[str, tuple[str, str]]
) -> tuple[CodeInfo, ...]:
    """Make the entries of codes that share a kind and an answer to "again?".

    Args:
        kind: The kind of all of them.
        resend: Whether they may be sent again, the same for all of them.
        rows: Meaning and remedy by code.

    Returns:
        One entry a row, in the order of the rows.
    """
    return tuple(
        CodeInfo(code=code, meaning=meaning, remedy=remedy, resend=resend, kind=kind)
        for code, (meaning, remedy) in rows.items()
    )
