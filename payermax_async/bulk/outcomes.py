"""What became of a row, from what its create answered or failed with: pure."""

from __future__ import annotations

import enum
from datetime import datetime, timedelta

import attrs

from payermax_async.bulk.records import (
    JournalError,
    JournalRow,
    RowClaim,
    RowResult,
    RowState,
)
from payermax_async.bulk.rows import BulkItem, PreparedRow
from payermax_async.core.cleaning import clean_message
from payermax_async.core.codes.lookup import Resend, lookup
from payermax_async.core.errors import (
    AlreadyEndedError,
    ApiError,
    AuthenticationError,
    ClientStateError,
    ClockSkewError,
    ConfigurationError,
    ConflictError,
    NotSentError,
    Outcome,
    PayerMaxError,
    ReplySignatureError,
    ValidationError,
)
from payermax_async.core.models.links import CreatedLink
from payermax_async.storage.errors import StorageError

__all__ = [
    "REACH",
    "DoneRow",
    "DoneState",
    "changed",
    "done",
    "is_forged",
    "rest",
    "result_of",
    "result_of_error",
    "stops_all",
]

_ACCEPTED = timedelta(seconds=120)
"""How far PayerMax takes a ``requestTime`` to be from its own clock, either way."""
REACH = 2 * _ACCEPTED + timedelta(seconds=10)
"""After this long nothing that was stamped before is taken any more, even if it was
stamped by a clock as fast as PayerMax takes."""


class DoneState(enum.StrEnum):
    """How a row ended in this run."""

    CREATED = "created"
    """Its link exists, and this run made it."""
    FOUND = "found"
    """Its link exists from before, just as asked for."""
    REFUSED = "refused"
    """Nothing exists for it."""
    CONFLICTING = "conflicting"
    """Something else exists under its id, or it differs from what was planned."""
    UNKNOWN = "unknown"
    """It may exist; the next run of the same journal asks again."""


@attrs.frozen(kw_only=True)
class DoneRow:
    """A row that is settled for this run."""

    row: BulkItem
    """As the source yielded it."""
    position: int
    """Where it stands in the source, from 1."""
    merchant_link_id: str
    """The merchant's id of the link."""
    state: DoneState
    """How it ended."""
    link_url: str | None = None
    """The page on which the buyer pays; ``None`` without a link."""
    link_id: str | None = None
    """PayerMax's id of the link."""
    reason: str = ""
    """Why there is no usable link; empty otherwise."""
    remedy: str = ""
    """What to do about it."""
    known: bool = False
    """Whether it was settled before, by the journal: nobody was asked."""


_DONE = {
    RowState.CREATED: DoneState.FOUND,
    RowState.PAID: DoneState.FOUND,
    RowState.EXPIRED: DoneState.FOUND,
    RowState.REFUSED: DoneState.REFUSED,
    RowState.CONFLICTING: DoneState.CONFLICTING,
}


def done(
    row: PreparedRow, result: RowResult, *, made: bool = False, known: bool = False
) -> DoneRow:
    """How a row ended in this run.

    Args:
        row: Which.
        result: What the journal notes.
        made: Whether this run made the link.
        known: Whether it was settled before.
    """
    # Whatever is no certain end is in doubt.
    state = _DONE.get(result.state, DoneState.UNKNOWN)
    if made and result.state is RowState.CREATED:
        state = DoneState.CREATED
    return DoneRow(
        row=row.item,
        position=row.planned.position,
        merchant_link_id=row.planned.key,
        state=state,
        link_url=result.link_url or None,
        link_id=result.link_id or None,
        reason=result.reason,
        remedy=result.remedy,
        known=known,
    )


def changed(row: PreparedRow, known: JournalRow, *, repeated: bool) -> DoneRow:
    """A row that may not be worked on: its id stands for another one."""
    where = f"row {known.planned.position}"
    if repeated:
        reason = f"{where} of this source has the same id"
        remedy = "Give each order a number of its own."
    else:
        reason = f"the journal knows other fields under this id, from {where}"
        remedy = (
            "Put the row back as it was; for another link, take a new order number."
        )
    return DoneRow(
        row=row.item,
        position=row.planned.position,
        merchant_link_id=row.planned.key,
        state=DoneState.CONFLICTING,
        reason=reason,
        remedy=remedy,
    )


def result_of(link: CreatedLink) -> RowResult:
    """What the journal notes of a link."""
    return RowResult(
        state=RowState.CREATED,
        link_url=link.link_url,
        link_id=link.link_id or "",
        expires_at=link.expires_at,
    )


def result_of_error(error: PayerMaxError) -> RowResult:
    """What the journal notes of a failure."""
    reason = clean_message(str(error))
    if isinstance(error, ValidationError):
        reason = "; ".join(str(problem) for problem in error.problems)
        return RowResult(
            state=RowState.REFUSED, reason=reason, remedy="Mend the row's fields."
        )
    # Not refused: a link exists under the id, and money may have come by it.
    if isinstance(error, AlreadyEndedError):
        paid = error.state == "paid"
        return RowResult(
            state=RowState.PAID if paid else RowState.EXPIRED,
            link_url=error.details.link_url or "",
            link_id=error.details.link_id or "",
            expires_at=error.details.expires_at,
            reason=f"it is {error.state}",
            remedy=error.remedy,
        )
    remedy = error.remedy if isinstance(error, ApiError) else ""
    if isinstance(error, ConflictError):
        return RowResult(state=RowState.CONFLICTING, reason=reason, remedy=remedy)
    if error.outcome is Outcome.UNKNOWN:
        remedy = "Run the batch again with the same journal: it asks first."
        return RowResult(state=RowState.UNKNOWN, reason=reason, remedy=remedy)
    # Refused from here on: nothing exists, and sending it again makes no second link.
    again = _may_come_again(error)
    if again:
        remedy = "Run the batch again: nothing of this row was done."
    return RowResult(state=RowState.REFUSED, reason=reason, remedy=remedy, again=again)


def _may_come_again(error: PayerMaxError) -> bool:
    if error.outcome is Outcome.NOT_SENT or isinstance(error, NotSentError):
        return True
    info = lookup(error.code) if isinstance(error, ApiError) else None
    return info is not None and info.resend is Resend.SAME


_SYSTEMIC = (
    AuthenticationError,
    ClientStateError,
    ClockSkewError,
    ConfigurationError,
    JournalError,
    StorageError,
)


def stops_all(error: BaseException) -> bool:
    """Whether the next row would fail in the same way."""
    # A doubt is its own row's: it has to be written down, and other rows go on.
    if isinstance(error, PayerMaxError) and error.outcome is Outcome.UNKNOWN:
        return False
    return isinstance(error, _SYSTEMIC)


def is_forged(error: PayerMaxError) -> bool:
    """Whether the doubt is about an answer whose signature was refused."""
    return isinstance(error.__cause__, ReplySignatureError)


def rest(claim: RowClaim, now: datetime) -> timedelta:
    """How long a create that another process let out may still be taken.

    Goes by the clock that nobody sets, where it ran on since; after a restart of the
    machine nobody sends any more, and the ``requestTime`` alone counts.

    Args:
        claim: What the journal says of the row.
        now: PayerMax's time, as far as that is known.
    """
    if claim.sent_ago is not None:
        return min(max(REACH - claim.sent_ago, timedelta(0)), REACH)
    if claim.row.stamp is None:
        return timedelta(0)
    left = claim.row.stamp + REACH - now
    # However far ahead a stamp lies: a clock that was wrong once must not hold the row
    # for days.
    return min(max(left, timedelta(0)), REACH)
