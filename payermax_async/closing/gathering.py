"""Reads what each side knows of a day: inbox, journals, PayerMax; only questions."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

import attrs

from payermax_async.bulk.even_pace import each_at_pace
from payermax_async.bulk.records import JournalRow, RowState
from payermax_async.client import PayerMaxClient
from payermax_async.clock import Clock, SystemClock
from payermax_async.closing.comparison import DayClose, close_facts
from payermax_async.closing.day import ClosingDay
from payermax_async.closing.facts import (
    DayBalance,
    DayFacts,
    DayPayment,
    DayRefund,
    OrderAnswer,
    RefundAnswer,
)
from payermax_async.core.errors import (
    ConfigurationError,
    NotFoundError,
    Outcome,
    PayerMaxError,
)
from payermax_async.core.models.notifications import RefundNotification
from payermax_async.core.models.orders import Order
from payermax_async.money.finding import JournalRows
from payermax_async.money.notices import (
    event_of,
    is_ours,
    may_be_money,
    payment_of,
    refund_of,
)
from payermax_async.money.proposals import MadeRefund, RefundFate
from payermax_async.money.sources import ask_refund, asked_for
from payermax_async.webhooks.inbox.entries import EntryState, StoredNotification
from payermax_async.webhooks.inbox.protocol import Inbox

__all__ = ["close_day"]

_PAGE, _AT_ONCE = 500, 4
_CLOCKS: Final = timedelta(hours=1)
"""So far a clock of the merchant's may have been behind PayerMax's."""
_NOTED: Final = timedelta(days=2)
"""So long before and after a day a journal may have noted its payments."""
_TROUBLES = {
    EntryState.WAITING: "its notification was kept and waits for its handler",
    EntryState.UNCLAIMED: "no handler wanted its notification",
    EntryState.MISMATCHED: "its notification is of another amount than was expected",
    EntryState.FAILED: "its handler failed as often as it may",
    EntryState.PARKED: "its notification was set aside",
}


async def close_day(
    day: ClosingDay,
    *,
    inbox: Inbox[Any] | None = None,
    journals: Sequence[JournalRows] = (),
    client: PayerMaxClient | None = None,
    per_second: float = 5.0,
    clock: Clock | None = None,
) -> DayClose:
    """Hold what is known of a day against each other, currency by currency.

    Payments are of the day in which PayerMax says that they were completed. PayerMax
    is asked about each, about refunds, and for the day-end balance; nothing is changed.

    Args:
        day: Which, and by which clock; see :func:`closing_day`.
        inbox: Open; what notifications told.
        journals: Of batches.
        client: Open; without one PayerMax is not asked.
        per_second: How many questions begin in a second at the most.
        clock: What says that the day is over, and what the pace goes by.

    Raises:
        ConfigurationError: The day is not over, or there is nothing to look at.
        StorageError: Inbox or journal cannot be read.

    Example:
        >>> close = await close_day(  # doctest: +SKIP
        ...     closing_day(date(2026, 11, 25), "UTC"), inbox=inbox, client=client
        ... )
        >>> for one in close.differences:  # doctest: +SKIP
        ...     print(one.kind, one.amount, one.currency, one.what)
    """
    clock = clock or SystemClock()
    now = clock.now()
    # A day that goes on changes while somebody books it.
    if now < day.end:
        raise ConfigurationError(f"{day.day} is not over by {day.zone}: close it then")
    if inbox is None and not journals:
        raise ConfigurationError("give an inbox or a journal to look into")
    if not per_second > 0:
        raise ConfigurationError("per_second is more than 0")
    facts = DayFacts()
    if journals:
        facts = await asyncio.to_thread(_with_journals, facts, journals, day)
    if inbox is not None:
        merchant_no = None if client is None else client.config.merchant_no
        facts = await _with_inbox(facts, inbox, merchant_no, day)
    if client is not None:
        facts = await _with_answers(facts, client, day, per_second, clock)
        facts = await _with_balances(facts, client, day)
    return close_facts(day, facts, now)


# --- journals -----------------------------------------------------------------------


def _with_journals(
    facts: DayFacts, journals: Sequence[JournalRows], day: ClosingDay
) -> DayFacts:
    links: set[str] = set()
    payments: list[DayPayment] = []
    for journal in journals:
        for row in journal.read():
            links.add(row.planned.key)
            payment = _noted(row, day)
            if payment is not None:
                payments.append(payment)
    return attrs.evolve(facts, journal=tuple(payments), links=frozenset(links))


def _noted(row: JournalRow, day: ClosingDay) -> DayPayment | None:
    asked, at = asked_for(row), row.ended_at
    if row.result.state is not RowState.PAID or asked is None or not row.trade_no:
        return None
    # When it was noted bounds when it was paid; PayerMax's answer decides.
    if at is not None and not (day.start - _NOTED <= at < day.end + _NOTED):
        return None
    return DayPayment(
        trade_no=row.trade_no,
        link=row.planned.key,
        amount=asked[0],
        currency=asked[1],
        at=at,
    )


# --- the inbox ----------------------------------------------------------------------


async def _with_inbox(
    facts: DayFacts, inbox: Inbox[Any], merchant_no: str | None, day: ClosingDay
) -> DayFacts:
    payments: list[DayPayment] = []
    refunds: dict[str, list[DayRefund]] = {}
    unread = after = 0
    while page := await inbox.entries(after=after, limit=_PAGE):
        after = page[-1].id
        for entry in page:
            # Nothing is told before it happens: what came before is of another day.
            if entry.received_at < day.start - _CLOCKS:
                continue
            event = event_of(entry)
            if event is None:
                unread += may_be_money(entry)
                continue
            if not is_ours(event, merchant_no):
                continue
            payment = payment_of(entry, event)
            if payment is not None:
                payments.append(
                    DayPayment(
                        trade_no=payment.trade_no,
                        link=payment.merchant_link_id,
                        amount=payment.amount,
                        currency=payment.currency,
                        at=payment.completed_at,
                        trouble=_trouble(entry),
                    )
                )
            made = refund_of(event)
            if made is not None and isinstance(event.notification, RefundNotification):
                told = event.notification.data
                refunds.setdefault(made.out_refund_no, []).append(
                    DayRefund(
                        out_refund_no=made.out_refund_no,
                        trade_no=made.trade_no,
                        amount=told.refund_amount,
                        currency=told.refund_currency,
                        at=told.refund_finish_time or entry.received_at,
                        fate=made.fate,
                    )
                )
    return attrs.evolve(
        facts,
        inbox=tuple(payments),
        refunds=tuple(_last(told) for told in refunds.values()),
        unread=unread,
    )


def _trouble(entry: StoredNotification) -> str:
    words = _TROUBLES.get(entry.state, "")
    return f"{words}: {entry.problem}" if words and entry.problem else words


def _last(told: Sequence[DayRefund]) -> DayRefund:
    """One refund as its last notification has it; contradictions are shown as such."""
    fates = {one.fate for one in told}
    if fates >= {RefundFate.DONE, RefundFate.FAILED}:
        return attrs.evolve(told[-1], fate=RefundFate.UNKNOWN)
    ended = [one for one in told if one.fate is not RefundFate.UNDER_WAY]
    return (ended or list(told))[-1]


# --- PayerMax -----------------------------------------------------------------------


async def _with_answers(
    facts: DayFacts,
    client: PayerMaxClient,
    day: ClosingDay,
    per_second: float,
    clock: Clock,
) -> DayFacts:
    orders: dict[str, OrderAnswer] = {}
    answers: dict[str, RefundAnswer] = {}
    # Of the inbox those alone that may be this day's: it holds all there ever was.
    told = [one for one in facts.inbox or () if one.at is None or day.holds(one.at)]
    trades = {one.trade_no for one in (*(facts.journal or ()), *told) if one.trade_no}
    refunds = {one.out_refund_no: one for one in facts.refunds if day.holds(one.at)}

    async def order(trade_no: str) -> None:
        orders[trade_no] = await _order(client, trade_no)

    async def refund(number: str) -> None:
        made = await ask_refund(client, number, refunds[number].trade_no)
        answers[number] = _answer(made)

    work: Iterable[tuple[Iterable[str], Callable[[str], Awaitable[None]]]] = (
        (trades, order),
        (refunds, refund),
    )
    for numbers, look in work:
        await each_at_pace(
            sorted(numbers),
            look,
            per_second=per_second,
            at_once=_AT_ONCE,
            clock=clock,
        )
    return attrs.evolve(facts, orders=orders, refund_answers=answers)


def _answer(made: MadeRefund | None) -> RefundAnswer:
    if made is None:
        # Told of, and said not to exist: as good as no answer.
        return RefundAnswer(fate=RefundFate.UNKNOWN)
    return RefundAnswer(fate=made.fate, amount=made.amount, currency=made.currency)


async def _order(client: PayerMaxClient, trade_no: str) -> OrderAnswer:
    try:
        found = await client.query_order(trade_no)
    except NotFoundError as error:
        # Without PayerMax's signature it says nothing of the order.
        known = error.outcome is Outcome.REJECTED
        return OrderAnswer(status="unknown" if known else "no answer")
    except PayerMaxError:
        return OrderAnswer(status="no answer")
    return OrderAnswer(
        status=str(found.status or "no state"),
        is_paid=found.is_paid,
        amount=found.total_amount,
        currency=found.currency,
        at=found.complete_time,
        fees=_fees(found),
    )


def _fees(order: Order) -> tuple[tuple[Decimal, str], ...]:
    if order.fees is None:
        return ()
    return tuple(
        (one.amount, one.currency)
        for one in order.fees.mer_fee
        if one.amount is not None and one.currency is not None
    )


async def _with_balances(
    facts: DayFacts, client: PayerMaxClient, day: ClosingDay
) -> DayFacts:
    if not day.is_gateways:
        return attrs.evolve(
            facts,
            balance_trouble=f"PayerMax ends days by UTC and CST, not by {day.zone}: "
            "close the day by one of these to compare balances",
        )
    try:
        found = await client.balances.day_end(day.day, timezone=day.zone)
    except PayerMaxError:
        return attrs.evolve(facts, balance_unanswered=True)
    accounts: tuple[DayBalance, ...] = found.accounts
    return attrs.evolve(facts, balances=accounts)
