"""What an answer about a write means for whoever asked for it: pure judgement."""

from __future__ import annotations

from typing import Any

import attrs

from payermax_async.core.asked import Asked, Comparison, compare
from payermax_async.core.cleaning import clean_id
from payermax_async.core.codes.lookup import error_from_reply
from payermax_async.core.errors import (
    AlreadyEndedError,
    ApiError,
    ConflictError,
    Outcome,
    PayerMaxError,
    ReplyMismatchError,
    UnreadableReplyError,
)
from payermax_async.core.operations.operation import Settlement

__all__ = ["Match", "as_asked", "as_found", "as_refusal", "conflict"]

_LOOK = "Look at what exists under the id before choosing a new one."


@attrs.frozen(kw_only=True)
class Match:
    """One of three: it is this, it is something else, nobody can say."""

    value: Any = None
    """What was found, or what the write would have answered."""
    error: ConflictError | None = None
    """Why it is not what was asked for."""
    unclear: PayerMaxError | None = None
    """Why that cannot be said."""


def conflict(
    key: str, differences: tuple[str, ...], not_compared: tuple[str, ...] = ()
) -> ConflictError:
    """The error for an id that stands for something other than was asked for."""
    return ConflictError(
        f"{clean_id(key)} already stands for something else: "
        f"{', '.join(differences)} differ",
        code="",
        verified=True,
        remedy=_LOOK,
        differences=differences,
        not_compared=not_compared,
    )


def as_refusal(answer: PayerMaxError | None) -> PayerMaxError:
    """A signed answer with a code that nobody knows, when nothing came of the write."""
    if not isinstance(answer, ApiError):
        raise TypeError("there was no answer")
    refusal = error_from_reply(
        code=answer.code,
        api_message=answer.api_message,
        verified=answer.verified,
        operation=answer.operation,
        outcome=Outcome.REJECTED,
        retry_after=answer.retry_after,
    )
    refusal.add_note("asked what became of it, PayerMax knew of nothing that was done")
    return refusal


def as_found(
    settlement: Settlement[Any, Any, Any], asked: Asked | None, found: Any, key: str
) -> Match:
    """Hold what exists against what was asked for, as far as either is known."""
    comparison = Comparison(not_compared=settlement.names)
    if asked is not None:
        comparison = compare(asked, settlement.told(found))
    missing = tuple(
        dict.fromkeys(
            name
            for name in (*found.not_compared, *comparison.not_compared)
            if name not in comparison.compared
        )
    )
    if comparison.differences and found.id_from_question:
        # It may be an answer about something else altogether.
        return Match(
            unclear=ReplyMismatchError("an answer without an id that does not fit")
        )
    if comparison.differences:
        return Match(error=conflict(key, comparison.differences, missing))
    return Match(
        value=attrs.evolve(found, compared=comparison.compared, not_compared=missing)
    )


def as_asked(
    settlement: Settlement[Any, Any, Any],
    asked: Asked | None,
    found: Any,
    key: str,
    *,
    ours: bool,
    just_made: bool,
) -> Match:
    """What exists as an answer to the write.

    Args:
        settlement: How to read it.
        asked: What the write asked for.
        found: What the query told.
        key: The merchant's id.
        ours: Whether a send of our own may have made it. Without one, somebody
            else's stands under the id, and its money must be told to be compared.
        just_made: Whether a send of this very call may have: what became of it since
            takes nothing back.
    """
    match = as_found(settlement, asked, found, key)
    if match.value is None:
        return match
    missing = match.value.not_compared
    if not ours and any(name in missing for name in settlement.money):
        unclear = f"the answer about {clean_id(key)} does not say how much it is for"
        return Match(unclear=UnreadableReplyError(unclear))
    state = settlement.ended(found)
    if state is not None and not just_made:
        return Match(error=_ended(settlement, match.value, key, state))
    reply = settlement.reply(found)
    if reply is None:
        lacking = "it exists, but the answer lacks what is needed to use it"
        return Match(unclear=UnreadableReplyError(lacking))
    return Match(value=attrs.evolve(reply, found=True, not_compared=missing))


def _ended(
    settlement: Settlement[Any, Any, Any], found: Any, key: str, state: str
) -> AlreadyEndedError:
    return AlreadyEndedError(
        f"{clean_id(key)} exists, just as asked for, and is {state}",
        code="",
        verified=True,
        remedy=_LOOK,
        not_compared=found.not_compared,
        state=state,
        details=settlement.plain(found),
    )
