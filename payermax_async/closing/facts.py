"""What each side knows of a day: values, read elsewhere and compared elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Protocol

import attrs

from payermax_async.money.proposals import RefundFate

__all__ = [
    "DayBalance",
    "DayFacts",
    "DayPayment",
    "DayRefund",
    "OrderAnswer",
    "RefundAnswer",
]


@attrs.frozen(kw_only=True)
class DayPayment:
    """A successful payment as one side has it."""

    trade_no: str
    """PayerMax's order number."""
    link: str
    """The merchant's id of the link; empty of an order without one."""
    amount: Decimal
    """In major units."""
    currency: str
    """ISO 4217 code."""
    at: datetime | None
    """When PayerMax says that it was completed; of a journal, when it was noted."""
    trouble: str = ""
    """Why it was not dealt with; empty where it was."""


@attrs.frozen(kw_only=True)
class DayRefund:
    """A refund as notifications told of it."""

    out_refund_no: str
    """The merchant's id of it."""
    trade_no: str
    """PayerMax's order number of the payment; empty where it was not said."""
    amount: Decimal
    """In major units."""
    currency: str
    """ISO 4217 code."""
    at: datetime
    """When it was over; where PayerMax did not say so, when it was told."""
    fate: RefundFate
    """What became of it."""


@attrs.frozen(kw_only=True)
class OrderAnswer:
    """What PayerMax says of an order."""

    status: str
    """As it says; ``no answer`` or ``unknown`` where it says none."""
    is_paid: bool = False
    """Whether it was paid."""
    amount: Decimal = Decimal(0)
    """In major units."""
    currency: str = ""
    """ISO 4217 code."""
    at: datetime | None = None
    """When it was over."""
    fees: tuple[tuple[Decimal, str], ...] = ()
    """What it cost the merchant, each in its currency."""

    @property
    def is_missing(self) -> bool:
        """Whether nothing can be told from it."""
        # Also an order that PayerMax does not know is an answer.
        return self.status == "no answer"


@attrs.frozen(kw_only=True)
class RefundAnswer:
    """What PayerMax says of a refund."""

    fate: RefundFate
    """What became of it; unknown without an answer."""
    amount: Decimal | None = None
    """In major units."""
    currency: str | None = None
    """ISO 4217 code."""


class DayBalance(Protocol):
    """An account over the day, as the day-end balance has it."""

    @property
    def currency(self) -> str:
        """ISO 4217 code."""
        ...

    @property
    def initial_balance(self) -> Decimal:
        """What was on it when the day began, in major units."""
        ...

    @property
    def inflow_amount(self) -> Decimal:
        """What came in."""
        ...

    @property
    def outflow_amount(self) -> Decimal:
        """What went out."""
        ...

    @property
    def end_balance(self) -> Decimal:
        """What was on it when the day ended."""
        ...


@attrs.frozen(kw_only=True)
class DayFacts:
    """All sides; ``None`` for one that was not looked at."""

    journal: tuple[DayPayment, ...] | None = None
    """Payments that the journals of batches have noted."""
    links: frozenset[str] = frozenset()
    """All links of those journals."""
    inbox: tuple[DayPayment, ...] | None = None
    """Payments that notifications told."""
    refunds: tuple[DayRefund, ...] = ()
    """Refunds that notifications told."""
    orders: Mapping[str, OrderAnswer] | None = None
    """What PayerMax says of orders, by their numbers."""
    refund_answers: Mapping[str, RefundAnswer] | None = None
    """What PayerMax says of refunds, by the merchant's ids."""
    balances: tuple[DayBalance, ...] | None = None
    """The accounts over this day."""
    balance_trouble: str = ""
    """Why balances were not asked for; empty where they were."""
    balance_unanswered: bool = False
    """Whether PayerMax gave no answer to that."""
    unread: int = 0
    """Notifications that may be about money and could not be read."""
