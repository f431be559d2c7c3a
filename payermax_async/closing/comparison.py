"""Journal, inbox, PayerMax's answers and balance against each other: pure rules."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

import attrs

from payermax_async.closing.balances import hold_balance
from payermax_async.closing.day import ClosingDay
from payermax_async.closing.differences import DayDifference, DifferenceKind
from payermax_async.closing.facts import DayFacts, DayRefund
from payermax_async.closing.refunds import of_refund
from payermax_async.closing.sums import CurrencyClose, currencies_of
from payermax_async.closing.trades import DayTrade, is_of, of_trade, trades_of
from payermax_async.money.proposals import RefundFate

__all__ = ["DayClose", "close_facts"]


@attrs.frozen(kw_only=True)
class DayClose:
    """What a day came to."""

    day: ClosingDay
    """Which, and by which clock."""
    made_at: datetime
    """When it was looked at."""
    currencies: tuple[CurrencyClose, ...]
    """One for each currency that occurs."""
    differences: tuple[DayDifference, ...]
    """What does not agree, and is to be looked into."""
    normal: tuple[DayDifference, ...]
    """What does not agree, and need not: fees, refunds under way, other products."""
    unanswered: int
    """How many questions PayerMax gave no answer to."""

    @property
    def agrees(self) -> bool:
        """Whether nothing is left to be looked into."""
        return not self.differences and not self.unanswered


def close_facts(day: ClosingDay, facts: DayFacts, now: datetime) -> DayClose:
    """Hold what the sides know of a day against each other.

    Args:
        day: Which; what is of another day is passed over.
        facts: What the sides know, more than the day's payments.
        now: When it is looked at: notifications come up to half a day late.
    """
    trades = [one for one in trades_of(facts) if is_of(day, one)]
    refunds = [one for one in facts.refunds if day.holds(one.at)]
    found = [
        *(diff for one in trades for diff in of_trade(one, day, facts, now)),
        *(diff for one in refunds for diff in of_refund(one, facts)),
        # What nobody could read may be money: unsaid, the day would seem to agree.
        *_unread(facts),
        *_unnamed(facts, day),
    ]
    currencies = currencies_of(trades, refunds, facts)
    for one in currencies:
        found.extend(
            hold_balance(
                one.currency,
                one.balance,
                paid=one.paid,
                refunded=one.refunds.amount,
                fees=one.fees or Decimal(0),
            )
        )
    if facts.balance_trouble:
        found.append(
            DayDifference(
                kind=DifferenceKind.NO_BALANCE,
                what=facts.balance_trouble,
                is_normal=True,
            )
        )
    return DayClose(
        day=day,
        made_at=now,
        currencies=currencies,
        # Apart, so that what is normal every day hides nothing.
        differences=tuple(one for one in found if not one.is_normal),
        normal=tuple(one for one in found if one.is_normal),
        unanswered=_unanswered(trades, refunds, facts),
    )


def _unread(facts: DayFacts) -> Iterator[DayDifference]:
    if facts.unread:
        yield DayDifference(
            kind=DifferenceKind.UNREAD,
            what=f"{facts.unread} notifications that may be about money could not be "
            "read, or their bytes are gone",
        )


def _unnamed(facts: DayFacts, day: ClosingDay) -> Iterator[DayDifference]:
    for one in facts.inbox or ():
        # Without a number it can be held against nothing, and must not be lost for
        # that.
        if not one.trade_no and (one.at is None or day.holds(one.at)):
            yield DayDifference(
                kind=DifferenceKind.NO_NUMBER,
                what="PayerMax named no order number, so nothing can be compared",
                currency=one.currency,
                amount=one.amount,
                link=one.link,
            )


def _unanswered(
    trades: list[DayTrade], refunds: list[DayRefund], facts: DayFacts
) -> int:
    orders = sum(one.order is not None and one.order.is_missing for one in trades)
    answers = facts.refund_answers or {}
    missing = sum(
        (found := answers.get(one.out_refund_no)) is not None
        and found.fate is RefundFate.UNKNOWN
        for one in refunds
    )
    return orders + missing + facts.balance_unanswered
