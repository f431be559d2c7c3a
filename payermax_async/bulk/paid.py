"""Whether a batch's links were paid: from notifications, and by asking PayerMax.

Notifications come in elsewhere: a handler hands its event on to :func:`note_paid`,
which wants no more of it than what a journal compares.
"""

from __future__ import annotations

import asyncio
import enum
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Protocol, runtime_checkable

import attrs

from payermax_async.bulk.create import fingerprint_of
from payermax_async.bulk.even_pace import each_at_pace
from payermax_async.bulk.outcomes import stops_all
from payermax_async.bulk.payments import PaymentMark, RowPayment
from payermax_async.bulk.records import (
    BatchMismatchError,
    BulkBatch,
    JournalRow,
    RowState,
)
from payermax_async.client import PayerMaxClient
from payermax_async.clock import Clock, SystemClock
from payermax_async.core.errors import (
    ConfigurationError,
    NotFoundError,
    Outcome,
    PayerMaxError,
)
from payermax_async.core.models.links import LinkDetails
from payermax_async.core.operations.settlement import has_ended

__all__ = [
    "AskedLink",
    "AskedLinks",
    "PaidLink",
    "PaymentJournal",
    "check_batch",
    "note_paid",
    "refresh",
]

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


@runtime_checkable
class PaidLink(Protocol):
    """What is wanted of an event that tells of a payment: ``LinkPaid`` has it."""

    @property
    def merchant_link_id(self) -> str:
        """The merchant's own id of the link."""
        ...

    @property
    def total_amount(self) -> Decimal:
        """What was to be paid, in major units."""
        ...

    @property
    def currency(self) -> str:
        """ISO 4217 code."""
        ...

    @property
    def out_trade_no(self) -> str | None:
        """PayerMax's order number of the payment."""
        ...


@runtime_checkable
class PaymentJournal(Protocol):
    """A journal that can be told of payments; the journals of this package can."""

    async def batch(self) -> BulkBatch | None:
        """What it is tied to; ``None`` before the first run."""
        ...

    async def mark_paid(self, payment: RowPayment) -> PaymentMark:
        """Note that a link was paid, if amount and currency are the row's."""
        ...

    async def mark_expired(self, key: str) -> bool:
        """Note that a link was not paid and never will be; false if it is no news."""
        ...

    async def mark_asked(self, key: str) -> None:
        """Note that PayerMax has just answered a question about a link."""
        ...

    async def mark_withdrawn(self, key: str) -> None:
        """Note that PayerMax has just answered to the withdrawal of a link."""
        ...

    def read(self) -> Iterator[JournalRow]:
        """All rows in the order of their positions; blocks."""
        ...


async def note_paid(journal: PaymentJournal, event: PaidLink) -> PaymentMark:
    """Note in a journal that a link was paid: once, however often it is told.

    Amount and currency are compared with the row's; what differs is noted beside the
    row, which is not called paid. A payment stays, whatever is told later.

    Args:
        journal: Open.
        event: From a verified notification: ``LinkPaid`` or ``LinkPaidAgain``.

    Returns:
        What became of it.

    Raises:
        StorageError: It was not noted: let the handler fail, so that it comes again.

    Example:
        >>> @receiver.on(LinkPaid)
        ... async def paid(event: LinkPaid) -> None:
        ...     await note_paid(journal, event)
    """
    return await journal.mark_paid(
        RowPayment(
            key=event.merchant_link_id,
            amount=event.total_amount,
            currency=event.currency,
            trade_no=event.out_trade_no or "",
        )
    )


class AskedLink(enum.StrEnum):
    """What an answer said of a link."""

    PAID = "paid"
    """It was paid."""
    MISMATCHED = "mismatched"
    """Something was paid, but not what the row asks for: noted beside the row."""
    EXPIRED = "expired"
    """It was not paid, and can no longer be."""
    OPEN = "open"
    """It can be paid, or a payment is under way."""
    MISSING = "missing"
    """PayerMax says that there is no such link; the row stays as it is."""
    FAILED = "failed"
    """There was no answer, or none that could be believed."""


@attrs.frozen(kw_only=True)
class AskedLinks:
    """What asking about open links came to."""

    counts: Mapping[AskedLink, int]
    """How many got which answer; those that none got are left out."""
    left: int
    """How many were not asked about, because there were more than ``at_most``."""

    def __getitem__(self, answer: AskedLink) -> int:
        return self.counts.get(answer, 0)


async def refresh(
    client: PayerMaxClient,
    journal: PaymentJournal,
    *,
    per_second: float = 5.0,
    at_once: int = 4,
    at_most: int | None = None,
    tell: Callable[[str, AskedLink], None] | None = None,
    clock: Clock | None = None,
) -> AskedLinks:
    """Ask PayerMax about every link that is open, and note what it says.

    Only questions are sent, and only verified answers count. Links that were never
    asked about come first, then those asked about longest ago: stopped and called
    again, it goes on. A question that fails is counted, and stops no other, unless
    every other would fail as well.

    Args:
        client: Open; of the merchant and gateway that the journal belongs to.
        journal: Open.
        per_second: How many questions begin in a second at the most.
        at_once: How many are under way.
        at_most: How many links to ask about; all when left out.
        tell: Called with the merchant's id and the answer for each link.
        clock: What the pace goes by.

    Raises:
        BatchMismatchError: The journal is of another merchant or gateway.
        ConfigurationError: A number has no sensible meaning.
        PayerMaxError: What every question would fail with, such as a wrong key.
        StorageError: The journal cannot be used.
    """
    least = min(at_once, 1 if at_most is None else at_most)
    if not 0 < per_second < math.inf or least < 1:
        raise ConfigurationError(
            "per_second is more than 0, at_once and at_most are 1 or more"
        )
    await check_batch(client, journal)
    # It reads the whole journal: in a thread, so that the loop goes on meanwhile.
    keys = await asyncio.to_thread(_open_links, journal)
    asked = keys[:at_most]
    counts = Counter[AskedLink]()

    async def ask(key: str) -> None:
        answer = await _answer(client, journal, key)
        counts[answer] += 1
        if tell is not None:
            tell(key, answer)

    await each_at_pace(
        asked,
        ask,
        per_second=per_second,
        at_once=at_once,
        clock=clock or SystemClock(),
    )
    return AskedLinks(
        counts={answer: counts[answer] for answer in AskedLink if counts[answer]},
        left=len(keys) - len(asked),
    )


async def check_batch(client: PayerMaxClient, journal: PaymentJournal) -> None:
    """See that a client is of the merchant and gateway that a journal belongs to.

    Raises:
        BatchMismatchError: It is not.
    """
    batch, ours = await journal.batch(), fingerprint_of(client.config)
    if batch is not None and batch.fingerprint != ours:
        raise BatchMismatchError(
            f"this journal is of {batch.fingerprint}, and the client is of {ours}: ask "
            "with the settings that the batch was made with"
        )


def _open_links(journal: PaymentJournal) -> list[str]:
    """Their ids, longest unasked first."""
    found = sorted(
        (row.asked_at or _NEVER, row.planned.position, row.planned.key)
        for row in journal.read()
        if row.result.state is RowState.CREATED
    )
    return [key for _, _, key in found]


async def _answer(
    client: PayerMaxClient, journal: PaymentJournal, key: str
) -> AskedLink:
    try:
        link = await client.query_link(key)
    except NotFoundError as error:
        # Without PayerMax's signature, that proves nothing.
        known = error.outcome is Outcome.REJECTED
        return AskedLink.MISSING if known else AskedLink.FAILED
    except PayerMaxError as error:
        if stops_all(error):
            raise
        return AskedLink.FAILED
    answer = await _noted(journal, key, link)
    # Last: stopped before it, the link is asked about once more and not passed over.
    await journal.mark_asked(key)
    return answer


async def _noted(journal: PaymentJournal, key: str, link: LinkDetails) -> AskedLink:
    # Before whether it has ended: of a link that was paid and is over, the money
    # counts.
    payment = link.successful_payment
    if payment is not None:
        mark = await journal.mark_paid(
            RowPayment(
                key=key,
                amount=link.total_amount,
                currency=link.currency,
                trade_no=payment.out_trade_no or "",
            )
        )
        return (
            AskedLink.MISMATCHED if mark is PaymentMark.MISMATCHED else AskedLink.PAID
        )
    if has_ended(link):
        await journal.mark_expired(key)
        return AskedLink.EXPIRED
    return AskedLink.OPEN
