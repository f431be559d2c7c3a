"""Balances end to end: what came in, what it cost, what went back, day by day."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from payermax_async.core.errors import (
    ApiError,
    Outcome,
    ReplyMismatchError,
    ValidationError,
)
from payermax_async.core.models.balances import DayEndBalances
from payermax_async.core.models.refunds import RefundStatus
from payermax_async.core.strict_json import JsonObject
from payermax_async.sandbox.gateway.exchange import FaultAction, FaultPoint
from payermax_async.sandbox.state.credentials import SandboxCredentials

from .kit import OTHER, START, Bench
from .test_disputes import at_work, paid

TODAY = START.date()


def _refunded(shop: Shop, amount: int) -> None:
    number = f"R{amount}"
    asked = shop.refund(shop.trade, outRefundNo=number, refundAmount=amount)
    done = RefundStatus.REFUND_SUCCESS
    shop.ledger.finish_refund(str(asked["refundTradeNo"]), done)


class Shop(Bench):
    """A merchant with one payment of 40 000, which cost 1 000."""

    def __init__(self) -> None:
        super().__init__()
        self.trade = self.paid()

    def later(self, **by: int) -> None:
        self.clock.set(self.clock.now() + timedelta(**by))

    def day(self, day: date, **asked: Any) -> list[JsonObject]:
        found = self.ask(
            "dayEndBalanceQuery",
            {"inquiryDate": day.isoformat(), "timezone": "UTC", **asked},
        )
        accounts: Any = found["accountEndDayTimeTypes"]
        return list(accounts)


def _figures(account: JsonObject) -> tuple[Any, ...]:
    names = ("initalBalance", "inflowAmount", "outflowAmount", "endBalance")
    return tuple(account[name] for name in names)


def test_a_balance_is_what_was_paid_less_fees_and_refunds() -> None:
    shop = Shop()
    found = shop.ask("currentBalanceQuery", {})
    assert found["accountRealTimeTypes"] == [
        {"accountType": "ACQUIRING", "currency": "IDR", "balance": Decimal(39000)}
    ]
    _refunded(shop, 15000)
    assert shop.ask("currentBalanceQuery", {})["accountRealTimeTypes"] == [
        {"accountType": "ACQUIRING", "currency": "IDR", "balance": Decimal(24000)}
    ]
    # Another merchant has nothing, and learns nothing.
    assert shop.ask("currentBalanceQuery", {}, OTHER)["accountRealTimeTypes"] == []


def test_accounts_with_nothing_on_them_are_told_when_asked_for() -> None:
    shop = Shop()
    asked: JsonObject = {"plainSign": True, "accountCurrency": ["USD", "IDR"]}
    accounts: Any = shop.ask("currentBalanceQuery", asked)["accountRealTimeTypes"]
    assert len(accounts) == 10
    assert sum(each["balance"] for each in accounts) == 39000
    narrow: JsonObject = {**asked, "accountType": ["FREEZE"], "plainSign": False}
    assert shop.ask("currentBalanceQuery", narrow)["accountRealTimeTypes"] == []


def test_days_follow_each_other_without_a_gap() -> None:
    shop = Shop()
    shop.later(days=1)
    _refunded(shop, 15000)
    shop.later(days=1)
    first, second = shop.day(TODAY), shop.day(TODAY + timedelta(days=1))
    assert _figures(first[0]) == (0, 40000, 1000, 39000)
    assert _figures(second[0]) == (39000, 0, 15000, 24000)
    assert shop.day(TODAY - timedelta(days=1)) == []
    assert shop.day(TODAY, accountCurrency="USD") == []
    assert shop.day(TODAY, accountType=["FREEZE"]) == []


def test_a_day_ends_by_the_clock_that_was_asked_for() -> None:
    shop = Shop()
    # Paid at 10:00 universal time, which is 18:00 in China on the same day.
    shop.later(hours=7)
    # 17:00, in China 01:00 of the next day: there the day is over.
    found = shop.ask(
        "dayEndBalanceQuery", {"inquiryDate": TODAY.isoformat(), "timezone": "cst"}
    )
    accounts: Any = found["accountEndDayTimeTypes"]
    assert found["timezone"] == "CST"
    assert _figures(accounts[0]) == (0, 40000, 1000, 39000)
    refused = shop.refused(
        "dayEndBalanceQuery", {"inquiryDate": TODAY.isoformat(), "timezone": "UTC"}
    )
    assert refused.code == "PARAMS_INVALID"


@pytest.mark.parametrize(
    "asked",
    [
        {"timezone": "PST"},
        {"inquiryDate": "20300130"},
        {"inquiryDate": "2030-02-30"},
        {"inquiryDate": "9999-12-31"},
        {"inquiryDate": "2029-10-01"},
        {"accountType": "ACQUIRING"},
        {"accountCurrency": 5},
    ],
)
def test_what_the_gateway_cannot_tell_is_refused(asked: JsonObject) -> None:
    plain: JsonObject = {"inquiryDate": "2030-01-30", "timezone": "UTC"}
    refused = Shop().refused("dayEndBalanceQuery", {**plain, **asked})
    assert refused.code == "PARAMS_INVALID"


async def test_balances_with_real_signatures(credentials: SandboxCredentials) -> None:
    async with at_work(credentials) as (engine, client):
        await paid(engine, client)
        found = await client.balances.current(currencies=["IDR"])
        (account,) = found.accounts
        assert (account.currency, str(account.balance)) == ("IDR", "39000")
        assert found.extra == found.accounts[0].extra == {}
        yesterday = TODAY - timedelta(days=1)
        told = await client.balances.day_end(yesterday, timezone="CST")
        assert (told.accounts, told.account_time) == ((), yesterday.isoformat())
        with pytest.raises(ApiError) as caught:
            await client.balances.day_end(TODAY + timedelta(days=3))
        assert caught.value.code == "PARAMS_INVALID"
        with pytest.raises(ValidationError):
            await client.balances.day_end(datetime.now(UTC))
        with pytest.raises(ValidationError):
            await client.balances.current(currencies="USD EUR")


def _says(**data: Any) -> Callable[[FaultPoint], Awaitable[FaultAction | None]]:
    async def hook(point: FaultPoint) -> FaultAction | None:
        if point.reply is None:
            return None
        return FaultAction(data={**point.reply, **data})

    return hook


async def test_a_failure_inside_an_answer_is_no_empty_account(
    credentials: SandboxCredentials,
) -> None:
    async with at_work(credentials) as (engine, client):
        day = TODAY - timedelta(days=1)
        engine.gateway.faults = _says(
            accountEndDayTimeTypes=None, errorCode="PARAMS_INVALID", errorMsg="No."
        )
        with pytest.raises(ApiError) as caught:
            await client.balances.day_end(day)
        assert (caught.value.code, caught.value.verified) == ("PARAMS_INVALID", True)
        assert caught.value.outcome is Outcome.REJECTED
        assert caught.value.operation == "dayEndBalanceQuery"
        for fine in ("", "SUCCESS", "APPLY_SUCCESS", None):
            engine.gateway.faults = _says(errorCode=fine)
            assert isinstance(await client.balances.day_end(day), DayEndBalances)
        engine.gateway.faults = _says(acctTime="2029-01-01")
        with pytest.raises(ReplyMismatchError):
            await client.balances.day_end(day)
