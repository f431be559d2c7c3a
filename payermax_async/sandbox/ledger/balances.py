"""What the merchant has at the gateway, reckoned from payments, fees and refunds.

All of it is on one account a currency, ``ACQUIRING``; payouts, deposits and what
disputes take are none of the sandbox's.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal

import attrs

from payermax_async.core.models.payments import PaymentStatus
from payermax_async.core.models.refunds import RefundStatus
from payermax_async.core.money import rest_of, total
from payermax_async.core.strict_json import JsonObject, JsonValue
from payermax_async.sandbox.ledger.fields import Fields, invalid
from payermax_async.sandbox.ledger.payloads import fee_of, write_moment
from payermax_async.sandbox.ledger.records import Owner
from payermax_async.sandbox.ledger.repository import Repository

__all__ = ["current_balances", "day_end_balances"]

_ACCOUNT = "ACQUIRING"
_KINDS = (_ACCOUNT, "DISBURSEMENT", "FREEZE", "SETTLE", "REVERSE")
_CHINA = timezone(timedelta(hours=8))
_ZONES = {"UTC": UTC, "CST": _CHINA}
_BACK = timedelta(days=90)


@attrs.frozen
class _Movement:
    at: datetime
    currency: str
    came: Decimal = Decimal(0)
    went: Decimal = Decimal(0)


def _movements(
    repository: Repository, owner: Owner, fee_rate: Decimal
) -> Iterator[_Movement]:
    # By merchant alone: its apps share one account.
    for trade in repository.trades():
        paid = trade.status is PaymentStatus.SUCCESS and trade.completed_at is not None
        if paid and trade.owner.merchant_no == owner.merchant_no:
            at = trade.completed_at or trade.created_at
            drawn = [(each.at, each.amount) for each in trade.captures]
            # What is only set aside has not come yet.
            for when, amount in drawn if trade.capture_mode else [(at, trade.amount)]:
                fee = fee_of(amount, trade.currency, fee_rate)
                yield _Movement(when, trade.currency, came=amount, went=fee)
    for refund in repository.refunds():
        done = refund.status is RefundStatus.REFUND_SUCCESS
        if done and refund.owner.merchant_no == owner.merchant_no:
            at = refund.finished_at or refund.created_at
            yield _Movement(at, refund.currency, went=refund.amount)


def _left(movements: list[_Movement], currency: str) -> Decimal:
    ours = [each for each in movements if each.currency == currency]
    return rest_of(total(e.came for e in ours), total(e.went for e in ours))


def current_balances(
    fields: Fields,
    owner: Owner,
    repository: Repository,
    *,
    now: datetime,
    fee_rate: Decimal,
) -> JsonObject:
    """The reply to a ``currentBalanceQuery``."""
    with_empty = fields.flag("plainSign")
    kinds = fields.texts("accountType", 100, 32) or _KINDS
    currencies = fields.texts("accountCurrency", 100, 3)
    movements = list(_movements(repository, owner, fee_rate))
    accounts: list[JsonValue] = []
    for currency in currencies or sorted({each.currency for each in movements}):
        for kind in kinds:
            balance = _left(movements, currency) if kind == _ACCOUNT else Decimal(0)
            if balance or with_empty:
                accounts.append(
                    {"accountType": kind, "currency": currency, "balance": balance}
                )
    return {"accountRealTimeTypes": accounts, "inquiryTime": write_moment(now)}


def day_end_balances(
    fields: Fields,
    owner: Owner,
    repository: Repository,
    *,
    now: datetime,
    fee_rate: Decimal,
) -> JsonObject:
    """The reply to a ``dayEndBalanceQuery``.

    Raises:
        RefusedError: The day is none, not over, or too long ago.
    """
    name = fields.text("timezone", 32).upper()
    if name not in _ZONES:
        raise invalid("timezone", "must be UTC or CST")
    day, zone = _day(fields.text("inquiryDate", 32)), _ZONES[name]
    begins = datetime.combine(day, time(), zone)
    ends = datetime.combine(day + timedelta(days=1), time(), zone)
    if not now - _BACK <= ends <= now:
        raise invalid("inquiryDate", "must be a day of the last 90 that is over")
    wanted = fields.optional("accountCurrency", 3)
    kinds = fields.texts("accountType", 100, 32) or (_ACCOUNT,)
    movements = [e for e in _movements(repository, owner, fee_rate) if e.at < ends]
    before = [each for each in movements if each.at < begins]
    accounts: list[JsonValue] = []
    for currency in sorted({each.currency for each in movements}):
        if _ACCOUNT in kinds and wanted in {None, currency}:
            during = [e for e in movements if e.at >= begins and e.currency == currency]
            accounts.append(
                {
                    "accountType": _ACCOUNT,
                    "currency": currency,
                    "initalBalance": _left(before, currency),
                    "inflowAmount": total(each.came for each in during),
                    "outflowAmount": total(each.went for each in during),
                    "endBalance": _left(movements, currency),
                }
            )
    return {
        "acctTime": day.isoformat(),
        "timezone": name,
        "accountEndDayTimeTypes": accounts,
        # Required by the gateway's page also of an answer that tells of no error.
        "errorCode": "",
        "errorMsg": "",
    }


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = date.max
    # The last day of the calendar has no end that could be written.
    if day.isoformat() != text or day >= date.max - timedelta(days=1):
        raise invalid("inquiryDate", "must be a day such as 2023-06-20")
    return day
