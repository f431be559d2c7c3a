"""Money that PayerMax holds for the merchant: now, and at the end of a day."""

# Written by tests/tables/write_models.py.

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import attrs

from payermax_async.core.checks import key
from payermax_async.core.models.call_rules import (
    DaySum,
    a_currency,
    a_day,
    each,
    flag,
    listed,
    word_of,
    written_day,
)
from payermax_async.core.models.common import (
    DECISIVE,
    QueryReply,
    Received,
    Sent,
    rule,
    wire,
)
from payermax_async.core.money import SignedAmount

__all__ = [
    "AccountBalance",
    "AccountKind",
    "CurrentBalances",
    "DayEndAccount",
    "DayEndBalances",
    "DayZone",
    "QueryBalances",
    "QueryDayEnd",
]


class AccountKind(StrEnum):
    """What an account at PayerMax is for; others may come."""

    ACQUIRING = "ACQUIRING"
    """What buyers paid."""
    DISBURSEMENT = "DISBURSEMENT"
    """What can be paid out."""
    FREEZE = "FREEZE"
    """What is held back."""
    SETTLE = "SETTLE"
    """What is yet to be settled."""
    REVERSE = "REVERSE"
    """What stands as a deposit."""


class DayZone(StrEnum):
    """By which clock a day begins and ends."""

    UTC = "UTC"
    """Universal time."""
    CST = "CST"
    """China's time, eight hours ahead of it."""


@attrs.frozen(kw_only=True)
class QueryBalances(Sent):
    """Ask what is there now."""

    with_empty: bool | None = attrs.field(
        default=None, metadata=rule(flag) | wire(name="plainSign")
    )
    """Whether accounts with nothing on them are told, too."""
    account_types: tuple[str, ...] | None = attrs.field(
        default=None,
        converter=listed,
        metadata=rule(each(key(32), 100)) | wire(name="accountType"),
    )
    """Accounts of these kinds; of all when left out."""
    currencies: tuple[str, ...] | None = attrs.field(
        default=None,
        converter=listed,
        metadata=rule(each(a_currency, 100)) | wire(name="accountCurrency"),
    )
    """Accounts in these currencies, ISO 4217 codes; in all when left out."""


@attrs.frozen(kw_only=True)
class AccountBalance(Received):
    """One account."""

    account_type: AccountKind | str
    """What it is for."""
    currency: str
    """ISO 4217 code."""
    balance: SignedAmount = attrs.field(metadata=DECISIVE)
    """What is on it, major units; below zero where the merchant owes it."""


@attrs.frozen(kw_only=True)
class CurrentBalances(QueryReply):
    """What is there now."""

    accounts: tuple[AccountBalance, ...] = attrs.field(
        metadata={**DECISIVE, **wire(name="accountRealTimeTypes")}
    )
    """The accounts; those with nothing on them only when asked for."""
    inquiry_time: datetime | None = None
    """At what time."""
    error_code: str | None = None
    """Why PayerMax cannot tell, as a code."""
    error_msg: str | None = attrs.field(default=None, repr=False)
    """Why PayerMax cannot tell, in words."""


@attrs.frozen(kw_only=True)
class QueryDayEnd(Sent):
    """Ask what was there at the end of a day, up to 90 days back."""

    day: str = attrs.field(
        converter=written_day, metadata=rule(a_day) | wire(name="inquiryDate")
    )
    """The day."""
    timezone: DayZone | str = attrs.field(metadata=rule(word_of(DayZone)))
    """By which clock it ended."""
    currency: str | None = attrs.field(
        default=None, metadata=rule(a_currency) | wire(name="accountCurrency")
    )
    """Accounts in this currency, an ISO 4217 code; in all when left out."""
    account_types: tuple[str, ...] | None = attrs.field(
        default=None,
        converter=listed,
        metadata=rule(each(key(32), 100)) | wire(name="accountType"),
    )
    """Accounts of these kinds; of all when left out."""


@attrs.frozen(kw_only=True)
class DayEndAccount(DaySum, Received):
    """One account over one day."""

    account_type: AccountKind | str
    """What it is for."""
    currency: str
    """ISO 4217 code."""
    initial_balance: SignedAmount = attrs.field(
        metadata={**DECISIVE, **wire(name="initalBalance", aliases=("initialBalance",))}
    )
    """What was on it when the day began, major units."""
    inflow_amount: SignedAmount = attrs.field(metadata=DECISIVE)
    """What came in."""
    outflow_amount: SignedAmount = attrs.field(metadata=DECISIVE)
    """What went out."""
    end_balance: SignedAmount = attrs.field(metadata=DECISIVE)
    """What was on it when the day ended."""


@attrs.frozen(kw_only=True)
class DayEndBalances(QueryReply):
    """What was there at the end of a day."""

    timezone: str
    """By which clock the day ended, as PayerMax writes it."""
    account_time: str = attrs.field(metadata=wire(name="acctTime"))
    """The day, or the moment at its end, as PayerMax writes it."""
    accounts: tuple[DayEndAccount, ...] = attrs.field(
        metadata={**DECISIVE, **wire(name="accountEndDayTimeTypes")}
    )
    """The accounts."""
    error_code: str | None = None
    """Why PayerMax cannot tell, as a code."""
    error_msg: str | None = attrs.field(default=None, repr=False)
    """Why PayerMax cannot tell, in words."""
