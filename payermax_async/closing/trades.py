"""A payment as all sides have it, and where they do not agree: pure rules."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

import attrs

from payermax_async.closing.day import ClosingDay
from payermax_async.closing.differences import DayDifference, DifferenceKind
from payermax_async.closing.facts import DayFacts, DayPayment, OrderAnswer

__all__ = ["DayTrade", "is_of", "of_trade", "trades_of"]

_Differs = Callable[..., DayDifference]

_LATEST: Final = timedelta(hours=12, minutes=15)
"""PayerMax posts a notification again for about half a day."""


@attrs.frozen(kw_only=True)
class DayTrade:
    """One payment, as all sides have it."""

    trade_no: str
    journal: DayPayment | None
    inbox: DayPayment | None
    order: OrderAnswer | None

    @property
    def at(self) -> datetime | None:
        """When it was completed, by PayerMax's word."""
        told = self.order.at if self.order is not None else None
        return told or (self.inbox.at if self.inbox is not None else None)

    @property
    def link(self) -> str:
        """The merchant's id of the link; empty where no side names one."""
        sides = (self.journal, self.inbox)
        return next((one.link for one in sides if one is not None and one.link), "")

    @property
    def money(self) -> tuple[Decimal, str]:
        """Amount and currency, by PayerMax's word first."""
        if self.order is not None and self.order.is_paid:
            return self.order.amount, self.order.currency
        one = self.inbox or self.journal
        return (one.amount, one.currency) if one is not None else (Decimal(0), "")


def trades_of(facts: DayFacts) -> Iterator[DayTrade]:
    """All payments that have a number, each once, in the order of their numbers."""
    journal = {one.trade_no: one for one in facts.journal or () if one.trade_no}
    inbox = _by_trade(one for one in facts.inbox or () if one.trade_no)
    for trade_no in sorted({*journal, *inbox}):
        yield DayTrade(
            trade_no=trade_no,
            journal=journal.get(trade_no),
            inbox=inbox.get(trade_no),
            order=None if facts.orders is None else facts.orders.get(trade_no),
        )


def _by_trade(payments: Iterable[DayPayment]) -> Mapping[str, DayPayment]:
    """One of each trade: PayerMax may tell of one as a link's and as an order's."""
    found: dict[str, DayPayment] = {}
    for one in payments:
        before = found.get(one.trade_no)
        # The one that names its link knows more; trouble of either is trouble.
        better = one if before is None or (one.link and not before.link) else before
        other = before if better is one else one
        found[one.trade_no] = attrs.evolve(
            better,
            at=better.at or (other.at if other else None),
            trouble=better.trouble or (other.trouble if other else ""),
        )
    return found


def is_of(day: ClosingDay, trade: DayTrade) -> bool:
    """Whether it is of a day, or of a time that nobody knows."""
    at = trade.at or (trade.journal.at if trade.journal is not None else None)
    # What nobody knows the time of is shown rather than lost.
    return at is None or day.holds(at)


def of_trade(
    trade: DayTrade, day: ClosingDay, facts: DayFacts, now: datetime
) -> Iterator[DayDifference]:
    """Where its sides do not agree."""
    amount, currency = trade.money

    def differs(
        kind: DifferenceKind, what: str, *, is_normal: bool = False
    ) -> DayDifference:
        return DayDifference(
            kind=kind,
            what=what,
            is_normal=is_normal,
            currency=currency,
            amount=amount,
            trade_no=trade.trade_no,
            link=trade.link,
        )

    if trade.at is None:
        yield differs(
            DifferenceKind.TIME, "PayerMax does not say when it was completed"
        )
    yield from _amounts(trade, differs)
    yield from _answers(trade, differs)
    yield from _notices(trade, day, facts, now, differs)
    yield from _notes(trade, facts, differs)


def _amounts(trade: DayTrade, differs: _Differs) -> Iterator[DayDifference]:
    told = {
        name: f"{one.amount:f} {one.currency}"
        for name, one in (("journal", trade.journal), ("inbox", trade.inbox))
        if one is not None
    }
    sides = [one for one in (trade.journal, trade.inbox) if one is not None]
    money = {(one.amount, one.currency) for one in sides}
    order = trade.order
    if order is not None and order.is_paid:
        told["PayerMax"] = f"{order.amount:f} {order.currency}"
        money.add((order.amount, order.currency))
    # Whoever is right: goods may have left for less than was paid.
    if len(money) > 1:
        words = ", ".join(f"{name} {text}" for name, text in told.items())
        yield differs(DifferenceKind.AMOUNT, f"the amounts differ: {words}")


def _answers(trade: DayTrade, differs: _Differs) -> Iterator[DayDifference]:
    order = trade.order
    # Without an answer nothing is said against it; that is counted apart.
    if order is not None and not order.is_missing and not order.is_paid:
        yield differs(
            DifferenceKind.NOT_PAID, f"PayerMax says of the order: {order.status}"
        )


def _notices(
    trade: DayTrade,
    day: ClosingDay,
    facts: DayFacts,
    now: datetime,
    differs: _Differs,
) -> Iterator[DayDifference]:
    if facts.inbox is None:
        return
    if trade.inbox is None:
        may_come = now < day.end + _LATEST
        words = "no notification of it was kept"
        if may_come:
            words += "; one may still come, up to half a day late"
        yield differs(DifferenceKind.NO_NOTICE, words, is_normal=may_come)
    elif trade.inbox.trouble:
        yield differs(DifferenceKind.NOT_HANDLED, trade.inbox.trouble)


def _notes(
    trade: DayTrade, facts: DayFacts, differs: _Differs
) -> Iterator[DayDifference]:
    if facts.journal is None or trade.journal is not None:
        return
    if not trade.link:
        words = "an order without a link: another product"
        yield differs(DifferenceKind.OTHER_PRODUCT, words, is_normal=True)
    # Of a link that the journal has: paid and not noted, somebody may be reminded to
    # pay it again.
    elif trade.link in facts.links:
        yield differs(
            DifferenceKind.NOT_NOTED,
            "the journal has the link and not this payment: run 'payermax bulk status "
            "JOURNAL --refresh'; it may be a second payment, see 'payermax money late'",
        )
    else:
        words = "a link outside these journals"
        yield differs(DifferenceKind.OTHER_LINK, words, is_normal=True)
