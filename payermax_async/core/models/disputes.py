"""Disputes: what a buyer, bank or card scheme holds against a payment."""

# Written by tests/tables/write_models.py.

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from enum import StrEnum

import attrs

from payermax_async.core.checks import key, text, url
from payermax_async.core.errors import Problem
from payermax_async.core.models.call_rules import (
    TakenAnswers,
    each,
    evidence_by_name,
    listed,
    one_dispute_or_batch,
)
from payermax_async.core.models.common import (
    DECISIVE,
    QueryReply,
    Sent,
    WriteReply,
    rule,
    wire,
)

__all__ = [
    "AnswerDispute",
    "AnsweredDispute",
    "DisputeDetails",
    "DisputeStatus",
    "SearchDispute",
]


class DisputeStatus(StrEnum):
    """Where a dispute stands. Who won is in the result, not here."""

    DISPUTE_INQUIRY = "DISPUTE_INQUIRY"
    """Something is asked; no money is held back yet."""
    DISPUTE_RECEIVED = "DISPUTE_RECEIVED"
    """It is open, and has to be answered before its expiration date."""
    DISPUTE_END = "DISPUTE_END"
    """It is decided."""
    CASE_CLOSED = "CASE_CLOSED"
    """It was closed."""
    CASE_CANCEL = "CASE_CANCEL"
    """It was taken back."""


@attrs.frozen(kw_only=True)
class SearchDispute(Sent):
    """Ask about a dispute by PayerMax's id of it."""

    case_id: str = attrs.field(metadata=rule(key(64)))
    """PayerMax's id of the dispute, from its notification."""


@attrs.frozen(kw_only=True)
class DisputeDetails(QueryReply):
    """A dispute as PayerMax knows it.

    PayerMax does not say how it writes the dates, so they are text as they came.
    """

    case_id: str
    """PayerMax's id of the dispute."""
    status: DisputeStatus | str = attrs.field(metadata=DECISIVE)
    """Where it stands."""
    out_trade_no: str | None = None
    """PayerMax's number of the order."""
    trade_token: str | None = None
    """PayerMax's trade id."""
    amount: Decimal | None = attrs.field(default=None, metadata=DECISIVE)
    """How much is disputed, major units of ``currency``."""
    currency: str | None = None
    """ISO 4217 code."""
    fee: Decimal | None = None
    """What the dispute costs."""
    total_amount: Decimal | None = attrs.field(default=None, metadata=DECISIVE)
    """Amount and fee together, as PayerMax reckons them."""
    origin_trade_amount: Decimal | None = None
    """What was paid, major units of ``origin_trade_currency``."""
    origin_trade_currency: str | None = None
    """ISO 4217 code."""
    case_result: str | None = None
    """How it was decided, in PayerMax's words."""
    batch_id: str | None = None
    """Id of the batch it came in; an answer to the dispute repeats it."""
    out_user_id: str | None = attrs.field(default=None, repr=False)
    """The buyer's id at the merchant."""
    trade_create_time: str | None = None
    """When the order was made."""
    retrieval_date: str | None = None
    """When the dispute came."""
    expiration_date: str | None = None
    """Until when it has to be answered."""


@attrs.frozen(kw_only=True)
class AnswerDispute(Sent):
    """An answer to a dispute, or to a batch of them."""

    case_id: str | None = attrs.field(default=None, metadata=rule(key(64)))
    """PayerMax's id of the dispute; this or ``batch_id``."""
    batch_id: str | None = attrs.field(default=None, metadata=rule(key(64)))
    """PayerMax's id of a batch of disputes; this or ``case_id``."""
    out_user_id: str = attrs.field(repr=False, metadata=rule(key(64)))
    """The buyer's id at the merchant, as the dispute has it."""
    response_content: str = attrs.field(
        repr=False, metadata=rule(text(256, one_line=False))
    )
    """What the merchant says to it."""
    evidence: tuple[str, ...] | None = attrs.field(
        default=None,
        converter=listed,
        metadata=rule(each(url(1024), 20)) | wire(name="representmentFile"),
    )
    """Where PayerMax can fetch the evidence: addresses that end in a file's name, of
    PNG, JPG, ZIP, DOC, XLS or PDF."""

    def problems_across(self) -> Iterator[Problem]:
        """Problems between fields."""
        yield from one_dispute_or_batch(self)
        yield from evidence_by_name(self)


@attrs.frozen(kw_only=True)
class AnsweredDispute(TakenAnswers, WriteReply):
    """Which answers PayerMax took."""

    taken: tuple[str, ...] = attrs.field(
        default=(), metadata=wire(name="successCaseIds")
    )
    """Disputes of which the answer was taken."""
    refused: tuple[str, ...] = attrs.field(
        default=(), metadata=wire(name="failCaseIds")
    )
    """Disputes of which it was not."""
