"""Late money in one list, told once each, and given back when a person says so."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any, Final, Protocol

import attrs

from payermax_async.bulk.records import JournalRow
from payermax_async.client import PayerMaxClient
from payermax_async.clock import Clock, SystemClock
from payermax_async.core.errors import (
    ConfigurationError,
)
from payermax_async.money.book import MoneyBook
from payermax_async.money.late import LateMoney, late_money
from payermax_async.money.proposals import MadeRefund, RefundFate, RefundStanding
from payermax_async.money.sources import (
    MoneyFacts,
    ask_links,
    ask_refund,
    joined,
    read_inbox,
    read_journal,
)
from payermax_async.webhooks.inbox.protocol import Inbox

__all__ = [
    "SETTLED",
    "JournalRows",
    "LateMoneyReport",
    "find_late_money",
]

_MARGIN: Final = timedelta(minutes=5)
SETTLED: Final = timedelta(minutes=10)
"""After this a refund that may have left and that PayerMax does not know never did."""


class JournalRows(Protocol):
    """What is wanted of a journal: those of ``payermax_async.bulk`` have it."""

    def read(self) -> Iterator[JournalRow]:
        """All rows; blocks."""
        ...


@attrs.frozen(kw_only=True)
class LateMoneyReport:
    """What was found."""

    items: tuple[LateMoney, ...]
    """Each payment once."""
    told: tuple[LateMoney, ...]
    """Those that nobody was told of before."""
    unread: int
    """How many notifications and answers could not be looked at: their bytes are gone,
    cannot be read, or did not come."""


async def find_late_money(
    *,
    inbox: Inbox[Any] | None = None,
    journals: Sequence[JournalRows] = (),
    book: MoneyBook | None = None,
    client: PayerMaxClient | None = None,
    ask: bool = False,
    margin: timedelta = _MARGIN,
    per_second: float = 5.0,
    tell: Callable[[LateMoney], Awaitable[None]] | None = None,
    clock: Clock | None = None,
) -> LateMoneyReport:
    """Find payments that nobody is waiting for; nothing is given back.

    Paid twice, paid another amount, or completed after a withdrawal that this merchant
    noted, in the book or in a journal. ``linkStatus`` and the time of a notification
    prove nothing and are not looked at.

    Args:
        inbox: Open; what notifications told.
        journals: Of batches; what was asked for, and withdrawn.
        book: Open; withdrawals, refunds begun, and what was told.
        client: Open; PayerMax is asked about the refund that is proposed, and about
            refunds that name no order. Only questions are sent.
        ask: Ask PayerMax as well about every link that was withdrawn or is odd.
        margin: How much later than a withdrawal a payment counts as late.
        per_second: How many links are asked about in a second at the most.
        tell: Told of each payment once, ever; needs the book. If it raises, the
            payment counts as not told.
        clock: What the pace goes by.

    Raises:
        ConfigurationError: There is nothing to look at, or a number has no meaning.
        StorageError: Inbox, journal or book cannot be read.

    Example:
        >>> found = await find_late_money(  # doctest: +SKIP
        ...     inbox=inbox, book=book, client=client
        ... )
        >>> for late in found.items:  # doctest: +SKIP
        ...     print(late.payment.trade_no, late.details, late.refund.standing)
    """
    if margin < timedelta(0) or not per_second > 0:
        raise ConfigurationError("margin is 0 or more, per_second more than 0")
    if inbox is None and not journals and not ask:
        raise ConfigurationError("give an inbox or a journal to look into")
    if tell is not None and book is None:
        raise ConfigurationError("to tell of each payment once, a book is needed")
    clock = clock or SystemClock()
    begun = () if book is None else await book.refunds()
    facts = await _facts(inbox, journals, book, client)
    facts = joined([MoneyFacts(refunds=tuple(one.refund for one in begun)), facts])
    if client is not None:
        if ask:
            told = await ask_links(
                client, facts.worth_asking, per_second=per_second, clock=clock
            )
            facts = joined([facts, told])
        # Of these PayerMax decides: what it does not know by now never left.
        past = clock.now() - SETTLED
        old = {one.refund.out_refund_no for one in begun if one.begun_at < past}
        facts = await _with_refunds(client, facts, margin, old)
    items = _late(facts, margin)
    return LateMoneyReport(
        items=items, told=await _told(items, book, tell), unread=facts.unread
    )


async def _facts(
    inbox: Inbox[Any] | None,
    journals: Sequence[JournalRows],
    book: MoneyBook | None,
    client: PayerMaxClient | None,
) -> MoneyFacts:
    found: list[MoneyFacts] = []
    if book is not None:
        withdrawn = await book.withdrawals()
        found.append(
            MoneyFacts(
                withdrawn=withdrawn,
                worth_asking=tuple(withdrawn),
            )
        )
    for journal in journals:
        # In a thread: a batch of any size is read while the loop goes on.
        rows = await asyncio.to_thread(_rows, journal)
        found += [rows]
    if inbox is not None:
        merchant_no = None if client is None else client.config.merchant_no
        found.append(await read_inbox(inbox, merchant_no))
    return joined(found)


def _rows(journal: JournalRows) -> MoneyFacts:
    return read_journal(journal.read())


def _late(facts: MoneyFacts, margin: timedelta) -> tuple[LateMoney, ...]:
    return late_money(
        facts.payments,
        expected=facts.expected,
        withdrawn=facts.withdrawn,
        refunds=facts.refunds,
        margin=margin,
    )


async def _with_refunds(
    client: PayerMaxClient, facts: MoneyFacts, margin: timedelta, old: set[str]
) -> MoneyFacts:
    """The same, with what PayerMax says of refunds that decide about a proposal."""
    numbers = {
        one.out_refund_no: one.trade_no
        for one in facts.refunds
        if not one.trade_no or one.fate is RefundFate.UNKNOWN
    }
    for late in _late(facts, margin):
        if late.refund.out_refund_no:
            numbers[late.refund.out_refund_no] = late.payment.trade_no
    asked: list[MadeRefund] = []
    known = {one.out_refund_no: one for one in facts.refunds}
    for number, trade_no in numbers.items():
        found = await ask_refund(client, number, trade_no)
        if found is not None:
            before = known.get(number)
            # PayerMax may leave the amount out; that it was told before still holds.
            if found.amount is None and before is not None:
                found = attrs.evolve(
                    found, amount=before.amount, currency=before.currency
                )
            asked.append(found)
        elif number in old:
            facts = _without(facts, number)
    return joined([facts, MoneyFacts(refunds=tuple(asked))])


def _without(facts: MoneyFacts, number: str) -> MoneyFacts:
    """The same without a refund that was begun, and that PayerMax knows nothing of."""
    return attrs.evolve(
        facts,
        refunds=tuple(
            one
            for one in facts.refunds
            if one.out_refund_no != number or one.fate is not RefundFate.UNKNOWN
        ),
    )


async def _told(
    items: Sequence[LateMoney],
    book: MoneyBook | None,
    tell: Callable[[LateMoney], Awaitable[None]] | None,
) -> tuple[LateMoney, ...]:
    told: list[LateMoney] = []
    if book is None or tell is None:
        return ()
    for late in items:
        name = _name_of(late)
        # Noted before it is told: after a crash it is in the list, and not told twice.
        if late.refund.standing is RefundStanding.GIVEN_BACK or not (
            await book.tell_once(name)
        ):
            continue
        try:
            await tell(late)
        except BaseException:
            await book.forget_telling(name)
            raise
        told.append(late)
    return tuple(told)


def _name_of(late: LateMoney) -> str:
    payment = late.payment
    if payment.trade_no:
        return payment.trade_no
    at = payment.completed_at
    when = "" if at is None else at.isoformat()
    return f"link {payment.merchant_link_id} {when}"
