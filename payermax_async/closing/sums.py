"""A day in each currency: nothing is added up across currencies."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

import attrs

from payermax_async.closing.balances import BalanceSum, balance_sum
from payermax_async.closing.facts import DayFacts, DayPayment, DayRefund
from payermax_async.closing.refunds import is_done
from payermax_async.closing.trades import DayTrade
from payermax_async.core.money import total

__all__ = ["CurrencyClose", "SideSum", "currencies_of"]


@attrs.frozen
class SideSum:
    """How many, and how much, of one currency."""

    count: int
    amount: Decimal


@attrs.frozen(kw_only=True)
class CurrencyClose:
    """The day in one currency; nothing is added up across currencies."""

    currency: str
    """ISO 4217 code."""
    journal: SideSum | None
    """Payments that the journals have; ``None`` where none was looked at."""
    inbox: SideSum | None
    """Payments that notifications told."""
    gateway: SideSum | None
    """Payments that PayerMax confirmed."""
    refunds: SideSum
    """Refunds that succeeded."""
    fees: Decimal | None
    """What PayerMax says that they cost; ``None`` where it was not asked."""
    balance: BalanceSum | None
    """The accounts of this currency over the day."""

    @property
    def paid(self) -> Decimal:
        """What was paid, by the word of whoever knows best: PayerMax, if asked."""
        best = self.gateway or self.inbox or self.journal
        return Decimal(0) if best is None else best.amount


def currencies_of(
    trades: list[DayTrade], refunds: list[DayRefund], facts: DayFacts
) -> tuple[CurrencyClose, ...]:
    """The day in each currency that occurs."""
    names = {
        *(one.currency for trade in trades for one in _sides(trade)),
        *(one.order.currency for one in trades if one.order and one.order.is_paid),
        *(one.currency for one in refunds),
        # An account that moved without a payment is to be seen as well.
        *(one.currency for one in facts.balances or ()),
        *(name for trade in trades for _, name in _fees(trade)),
    }
    return tuple(_close(name, trades, refunds, facts) for name in sorted(names))


def _sides(trade: DayTrade) -> list[DayPayment]:
    return [one for one in (trade.journal, trade.inbox) if one is not None]


def _fees(trade: DayTrade) -> tuple[tuple[Decimal, str], ...]:
    return trade.order.fees if trade.order is not None and trade.order.is_paid else ()


def _close(
    currency: str, trades: list[DayTrade], refunds: list[DayRefund], facts: DayFacts
) -> CurrencyClose:
    def sum_of(amounts: Iterable[Decimal]) -> SideSum:
        found = list(amounts)
        return SideSum(len(found), total(found))

    def side(name: str) -> SideSum:
        ours: list[DayPayment | None] = [getattr(one, name) for one in trades]
        return sum_of(
            one.amount for one in ours if one is not None and one.currency == currency
        )

    paid = [
        one.order.amount
        for one in trades
        if one.order is not None
        and one.order.is_paid
        and one.order.currency == currency
    ]
    answers = facts.refund_answers or {}
    done = [
        one.amount
        for one in refunds
        if one.currency == currency and is_done(one, answers)
    ]
    fees = [amount for one in trades for amount, name in _fees(one) if name == currency]
    return CurrencyClose(
        currency=currency,
        # Not looked at is not nothing: a 0 there would look like a loss.
        journal=None if facts.journal is None else side("journal"),
        inbox=None if facts.inbox is None else side("inbox"),
        gateway=None if facts.orders is None else sum_of(paid),
        refunds=sum_of(done),
        fees=None if facts.orders is None else total(fees),
        balance=balance_sum(facts.balances, currency),
    )
