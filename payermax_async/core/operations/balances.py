"""Rows of the table of operations: money that PayerMax holds for the merchant."""

from __future__ import annotations

from datetime import date, timedelta

from payermax_async.core.models.balances import (
    CurrentBalances,
    DayEndBalances,
    QueryBalances,
    QueryDayEnd,
)
from payermax_async.core.operations.operation import Operation, Replay

__all__ = ["QUERY_BALANCES", "QUERY_DAY_END", "ROWS"]


def _told_balances(asked: QueryBalances, told: CurrentBalances) -> bool:
    return all(
        (not asked.currencies or account.currency in asked.currencies)
        and (not asked.account_types or account.account_type in asked.account_types)
        for account in told.accounts
    )


def _told_day(asked: QueryDayEnd, told: DayEndBalances) -> bool:
    if told.timezone.strip().upper() != asked.timezone:
        return False
    day = date.fromisoformat(asked.day)
    # Samples have the day itself; the field's text, a moment, which for the end of a
    # day may be the first one of the next.
    days = {each.isoformat() for each in (day, day + timedelta(days=1))}
    text = told.account_time.strip()
    if text != asked.day and (len(text) <= len(asked.day) or text[:10] not in days):
        return False
    return all(
        (asked.currency is None or account.currency == asked.currency)
        and (not asked.account_types or account.account_type in asked.account_types)
        for account in told.accounts
    )


QUERY_BALANCES = Operation(
    name="currentBalanceQuery",
    version="1.3",
    request=QueryBalances,
    reply=CurrentBalances,
    replay=Replay.SAFE,
    may_probe=True,
    keys=(),
    echoes=(),
    answers=_told_balances,
    failure=("errorCode", "errorMsg"),
)
QUERY_DAY_END = Operation(
    name="dayEndBalanceQuery",
    version="1.3",
    request=QueryDayEnd,
    reply=DayEndBalances,
    replay=Replay.SAFE,
    may_probe=True,
    keys=(),
    echoes=(),
    answers=_told_day,
    failure=("errorCode", "errorMsg"),
)

ROWS = (QUERY_BALANCES, QUERY_DAY_END)
