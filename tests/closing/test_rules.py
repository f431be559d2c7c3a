"""A day against itself: the rules alone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import attrs
import pytest

from payermax_async import ConfigurationError
from payermax_async.closing import DayClose, DifferenceKind, SideSum, closing_day
from payermax_async.closing.comparison import close_facts
from payermax_async.closing.facts import (
    DayFacts,
    DayPayment,
    DayRefund,
    OrderAnswer,
    RefundAnswer,
)
from payermax_async.money import RefundFate

DAY = closing_day(date(2026, 11, 25), "UTC")
NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
NEXT_WEEK = datetime(2026, 12, 2, tzinfo=UTC)


@attrs.frozen
class Account:
    """An account of the day-end balance."""

    initial_balance: Decimal
    inflow_amount: Decimal
    outflow_amount: Decimal
    end_balance: Decimal
    currency: str = "IDR"


def account(
    initial: str, inflow: str, outflow: str, end: str, currency: str = "IDR"
) -> Account:
    return Account(
        Decimal(initial), Decimal(inflow), Decimal(outflow), Decimal(end), currency
    )


def paid(
    trade_no: str = "T1",
    amount: str = "40000",
    currency: str = "IDR",
    *,
    link: str = "order-1",
    at: datetime | None = NOON,
    trouble: str = "",
) -> DayPayment:
    return DayPayment(
        trade_no=trade_no,
        link=link,
        amount=Decimal(amount),
        currency=currency,
        at=at,
        trouble=trouble,
    )


def order(
    amount: str = "40000",
    currency: str = "IDR",
    *,
    status: str = "SUCCESS",
    at: datetime | None = NOON,
    fee: str = "",
) -> OrderAnswer:
    return OrderAnswer(
        status=status,
        is_paid=status == "SUCCESS",
        amount=Decimal(amount),
        currency=currency,
        at=at,
        fees=((Decimal(fee), currency),) if fee else (),
    )


def refund(
    amount: str = "40000", fate: RefundFate = RefundFate.DONE, number: str = "r-1"
) -> DayRefund:
    return DayRefund(
        out_refund_no=number,
        trade_no="T1",
        amount=Decimal(amount),
        currency="IDR",
        at=NOON,
        fate=fate,
    )


FAILED = RefundAnswer(fate=RefundFate.FAILED)
AGREED = DayFacts(
    journal=(paid(),),
    links=frozenset({"order-1"}),
    inbox=(paid(),),
    orders={"T1": order(fee="1000")},
    refund_answers={},
    balances=(account("0", "40000", "0", "40000"),),
)


def closed(now: datetime = NEXT_WEEK, **changed: Any) -> DayClose:
    return close_facts(DAY, attrs.evolve(AGREED, **changed), now)


def kinds(close: DayClose) -> list[DifferenceKind]:
    return [one.kind for one in close.differences]


def normal(close: DayClose) -> list[DifferenceKind]:
    return [one.kind for one in close.normal]


def test_a_day_on_which_all_agree_agrees() -> None:
    close = closed()
    assert close.agrees
    assert (close.differences, close.normal) == ((), ())
    (one,) = close.currencies
    assert one.journal == one.inbox == one.gateway == SideSum(1, Decimal(40000))
    assert (one.refunds, one.fees) == (SideSum(0, Decimal(0)), Decimal(1000))


@pytest.mark.parametrize(
    ("changed", "kind"),
    [
        ({"journal": (paid(amount="39999"),)}, DifferenceKind.AMOUNT),
        ({"inbox": (paid(amount="39999"),)}, DifferenceKind.AMOUNT),
        ({"inbox": (paid(currency="PHP"),)}, DifferenceKind.AMOUNT),
        ({"orders": {"T1": order("39999")}}, DifferenceKind.AMOUNT),
        ({"orders": {"T1": order(status="PENDING")}}, DifferenceKind.NOT_PAID),
        ({"orders": {"T1": order(status="unknown", at=None)}}, DifferenceKind.NOT_PAID),
        ({"inbox": ()}, DifferenceKind.NO_NOTICE),
        ({"inbox": (paid(trouble="its handler failed"),)}, DifferenceKind.NOT_HANDLED),
        ({"journal": ()}, DifferenceKind.NOT_NOTED),
        ({"inbox": (paid(), paid(""))}, DifferenceKind.NO_NUMBER),
        ({"unread": 2}, DifferenceKind.UNREAD),
        (
            {"inbox": (paid(at=None),), "orders": {"T1": order(at=None)}},
            DifferenceKind.TIME,
        ),
        (
            {"refunds": (refund(),), "refund_answers": {"r-1": FAILED}},
            DifferenceKind.REFUND,
        ),
        ({"refunds": (refund(fate=RefundFate.UNKNOWN),)}, DifferenceKind.REFUND),
        ({"balances": (account("0", "40000", "0", "39999"),)}, DifferenceKind.BALANCE),
        ({"balances": (account("0", "38999", "0", "38999"),)}, DifferenceKind.BALANCE),
    ],
)
def test_each_difference_is_named(
    changed: dict[str, Any], kind: DifferenceKind
) -> None:
    close = closed(**changed)
    assert kind in kinds(close)
    assert not close.agrees
    assert all(one.what for one in close.differences)


def test_a_refund_that_the_balance_does_not_hold_is_named() -> None:
    close = closed(refunds=(refund("500"),))
    assert kinds(close) == [DifferenceKind.BALANCE]
    (one,) = close.differences
    assert (one.amount, one.currency) == (Decimal(500), "IDR")


def test_a_refund_of_another_amount_is_named() -> None:
    answer = RefundAnswer(fate=RefundFate.DONE, amount=Decimal(1), currency="IDR")
    close = closed(
        refunds=(refund("500"),),
        refund_answers={"r-1": answer},
        balances=(account("0", "40000", "500", "39500"),),
    )
    assert kinds(close) == [DifferenceKind.AMOUNT]


@pytest.mark.parametrize(
    ("changed", "kind"),
    [
        # Fees that were taken before the money came in.
        ({"balances": (account("0", "39000", "0", "39000"),)}, DifferenceKind.FEES),
        (
            {"balances": (account("5", "90000", "0", "90005"),)},
            DifferenceKind.OTHER_PRODUCT,
        ),
        # A settlement to the merchant's bank.
        (
            {"balances": (account("0", "40000", "40000", "0"),)},
            DifferenceKind.OTHER_PRODUCT,
        ),
        # The same with the sign that an outflow may have.
        (
            {"balances": (account("0", "40000", "-40000", "0"),)},
            DifferenceKind.OTHER_PRODUCT,
        ),
        ({"refunds": (refund(fate=RefundFate.UNDER_WAY),)}, DifferenceKind.UNDER_WAY),
        ({"journal": (), "links": frozenset[str]()}, DifferenceKind.OTHER_LINK),
        (
            {"journal": (), "inbox": (paid(link=""),)},
            DifferenceKind.OTHER_PRODUCT,
        ),
        (
            {"balances": None, "balance_trouble": "none"},
            DifferenceKind.NO_BALANCE,
        ),
    ],
)
def test_what_is_normal_is_named_and_set_apart(
    changed: dict[str, Any], kind: DifferenceKind
) -> None:
    close = closed(**changed)
    assert normal(close) == [kind]
    assert close.agrees


def test_a_notification_may_be_half_a_day_late() -> None:
    soon = closed(now=DAY.end + timedelta(hours=12), inbox=())
    assert (kinds(soon), normal(soon)) == ([], [DifferenceKind.NO_NOTICE])
    late = closed(now=DAY.end + timedelta(hours=13), inbox=())
    assert kinds(late) == [DifferenceKind.NO_NOTICE]


def test_without_an_answer_nothing_is_certain_and_nothing_is_accused() -> None:
    close = closed(orders={"T1": OrderAnswer(status="no answer")})
    assert (kinds(close), close.unanswered, close.agrees) == ([], 1, False)
    assert not closed(balances=None, balance_unanswered=True).agrees


def test_payments_are_of_the_day_in_which_they_were_completed() -> None:
    yesterday = DAY.start - timedelta(microseconds=1)
    # Noted and notified today, and completed yesterday: of yesterday.
    close = closed(orders={"T1": order(at=yesterday)}, balances=())
    assert (close.currencies, close.differences) == ((), ())
    close = closed(orders={"T1": order(at=DAY.end)}, balances=())
    assert close.currencies == ()
    for at in (DAY.start, DAY.end - timedelta(microseconds=1)):
        (one,) = closed(orders={"T1": order(at=at)}).currencies
        assert one.gateway == SideSum(1, Decimal(40000))


def test_one_payment_under_two_types_is_one() -> None:
    close = closed(inbox=(paid(link=""), paid()))
    (one,) = close.currencies
    assert one.inbox == SideSum(1, Decimal(40000))
    assert close.agrees
    # What went wrong with either is told.
    close = closed(inbox=(paid(), paid(link="", trouble="its handler failed")))
    assert kinds(close) == [DifferenceKind.NOT_HANDLED]


def test_currencies_are_never_added_up() -> None:
    close = closed(
        inbox=(paid(), paid("T2", "12.50", "PHP", link="order-2")),
        journal=(paid(), paid("T2", "12.50", "PHP", link="order-2")),
        orders={"T1": order(fee="1000"), "T2": order("12.50", "PHP", fee="0.31")},
        balances=(
            account("0", "40000", "0", "40000"),
            account("1", "12.50", "0", "13.50", currency="PHP"),
        ),
    )
    assert (close.agrees, close.normal) == (True, ())
    moved = {
        one.currency: one.balance.inflow for one in close.currencies if one.balance
    }
    assert moved == {"IDR": Decimal(40000), "PHP": Decimal("12.50")}
    sums = {one.currency: (one.gateway, one.fees) for one in close.currencies}
    assert sums == {
        "IDR": (SideSum(1, Decimal(40000)), Decimal(1000)),
        "PHP": (SideSum(1, Decimal("12.50")), Decimal("0.31")),
    }


def test_what_was_not_looked_at_is_not_compared() -> None:
    close = closed(journal=None, orders=None, balances=None)
    (one,) = close.currencies
    assert (one.journal, one.gateway, one.fees, one.balance) == (None,) * 4
    assert close.agrees


@pytest.mark.parametrize(
    ("zone", "start", "hours"),
    [
        ("UTC", "2026-11-25T00:00:00+00:00", 24),
        # PayerMax's CST is China's time.
        ("CST", "2026-11-24T16:00:00+00:00", 24),
        ("Asia/Manila", "2026-11-24T16:00:00+00:00", 24),
    ],
)
def test_a_day_begins_by_its_clock(zone: str, start: str, hours: int) -> None:
    day = closing_day(date(2026, 11, 25), zone)
    assert day.start.isoformat() == start
    assert day.end - day.start == timedelta(hours=hours)
    assert day.is_gateways == (zone in {"UTC", "CST"})


def test_days_on_which_clocks_change_are_shorter_or_longer() -> None:
    for day, hours in ((date(2026, 3, 29), 23), (date(2026, 10, 25), 25)):
        found = closing_day(day, "Europe/Berlin")
        assert found.end - found.start == timedelta(hours=hours)


@pytest.mark.parametrize("zone", ["", "Mars/North", "../etc/passwd", "EST6", "\0"])
def test_what_is_no_zone_is_refused(zone: str) -> None:
    with pytest.raises(ConfigurationError, match="the zone is UTC"):
        closing_day(date(2026, 11, 25), zone)


def test_the_ends_of_the_calendar_are_refused() -> None:
    for day in (date.max, date.min):
        with pytest.raises(ConfigurationError, match="end of the calendar"):
            closing_day(day, "CST")
