"""What a journal keeps of each row, and what it says when one is asked for: values."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from datetime import datetime, timedelta

import attrs

from payermax_async.core.errors import PayerMaxError

__all__ = [
    "BatchMismatchError",
    "BulkBatch",
    "ClaimStanding",
    "JournalError",
    "JournalRow",
    "LostRowError",
    "PlannedRow",
    "RowClaim",
    "RowResult",
    "RowState",
]


class JournalError(PayerMaxError):
    """The journal cannot be used as asked; nothing was sent for it."""


class BatchMismatchError(JournalError):
    """The journal belongs to another plan, merchant or gateway; both are named."""


class LostRowError(JournalError):
    """Somebody else has the row now: this run may not send for it."""

    most_attempts: int | None = 1


class RowState(enum.StrEnum):
    """How far a row has come."""

    PLANNED = "planned"
    """Nothing has left for it."""
    SENDING = "sending"
    """A create may be leaving; after a crash, one may have left."""
    CREATED = "created"
    """Its link exists, made by this journal's runs or found just as asked for."""
    REFUSED = "refused"
    """Nothing exists for it."""
    UNKNOWN = "unknown"
    """A create may have been done; nobody is sending one any more."""
    CONFLICTING = "conflicting"
    """Something else exists under its id."""
    EXPIRED = "expired"
    """Its link exists and can no longer be paid."""
    PAID = "paid"
    """Its link exists and was paid."""

    @property
    def exists(self) -> bool:
        """Whether the row's own link exists."""
        return self in _EXISTING

    @property
    def is_settled(self) -> bool:
        """Whether nothing is left to be found out."""
        return self not in _OPEN


_EXISTING = frozenset({RowState.CREATED, RowState.EXPIRED, RowState.PAID})
_OPEN = frozenset({RowState.PLANNED, RowState.SENDING, RowState.UNKNOWN})


@attrs.frozen(kw_only=True)
class BulkBatch:
    """What a journal belongs to."""

    plan: str
    """Hash of the plan, or any name of it; empty where there is none."""
    fingerprint: str
    """Merchant, app and gateway, in words without secrets."""
    journal_lost: bool = False
    """Whether rows may have been sent that the journal knows nothing of."""


@attrs.frozen(kw_only=True)
class PlannedRow:
    """A row about to be worked on."""

    key: str
    """The merchant's id of the link."""
    order: str
    """The merchant's own order number."""
    position: int
    """Where it stands in its source, from 1."""
    digest: str
    """Of its business fields: rows that differ in them differ in it."""
    amount: str = ""
    """Digits of what is to be paid; empty if that cannot be read."""
    currency: str = ""
    """ISO 4217 code; empty if that cannot be read."""
    columns: Mapping[str, str] = attrs.field(factory=dict[str, str], repr=False)
    """The merchant's own columns, carried through to reports."""


@attrs.frozen(kw_only=True)
class RowResult:
    """How a row ended, for now."""

    state: RowState
    """Where it stands."""
    link_url: str = ""
    """The page on which the buyer pays, if it exists."""
    link_id: str = ""
    """PayerMax's id of it."""
    reason: str = ""
    """Why there is no usable link; empty otherwise."""
    remedy: str = ""
    """What to do about it."""
    again: bool = False
    """Whether a refused row may simply be tried again."""
    expires_at: datetime | None = None
    """When its link can no longer be paid, as far as PayerMax said so."""


@attrs.frozen(kw_only=True)
class JournalRow:
    """A row as the journal knows it."""

    planned: PlannedRow
    """What it asks for."""
    result: RowResult
    """How far it has come."""
    stamp: datetime | None = None
    """``requestTime`` of the last create that may have left."""
    hosts: tuple[str, ...] = ()
    """Base URLs of the hosts that may have seen one."""
    began_at: datetime | None = None
    """When a run took it up."""
    settled_at: datetime | None = None
    """When it was last noted how its create ended."""
    asked_at: datetime | None = None
    """When PayerMax last said whether its link was paid."""
    ended_at: datetime | None = None
    """When it was noted that its link was paid, or can no longer be."""
    trade_no: str = ""
    """PayerMax's order number of the payment."""
    payment_problem: str = ""
    """What is odd about a payment of its link; somebody should look at it."""
    withdrawn_at: datetime | None = None
    """When PayerMax had first answered to the withdrawal of its link."""


class ClaimStanding(enum.Enum):
    """What a run may do with a row that it asked for."""

    OURS = "ours"
    """It holds the row, and works on it."""
    HELD = "held"
    """Another run holds it: ask again later."""
    SETTLED = "settled"
    """There is nothing left to do."""
    CHANGED = "changed"
    """The journal knows other business fields under the id: nothing was changed."""
    REPEATED = "repeated"
    """This run met the id before, at another position."""


@attrs.frozen(kw_only=True)
class RowClaim:
    """What a journal says when a row is asked for."""

    standing: ClaimStanding
    """What the run may do."""
    row: JournalRow
    """The row as it stood; of a repeated one, where it was met first."""
    token: int = 0
    """Names this hold on the row: whoever takes it over gets a higher one."""
    held_for: timedelta = timedelta(0)
    """How long another run's hold lasts at the most."""
    sent_ago: timedelta | None = None
    """How long ago a create was let out, by a clock that nobody sets; ``None`` if
    the machine was started again since, or none was."""
