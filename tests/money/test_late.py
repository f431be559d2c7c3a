"""Which payments are late, and what is proposed: the rules alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import attrs
import pytest

from payermax_async import CreateRefund
from payermax_async.money import (
    LateMoney,
    LateReason,
    MadeRefund,
    PaymentFact,
    RefundFate,
    RefundStanding,
    refund_number,
)
from payermax_async.money.late import late_money

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
MARGIN = timedelta(minutes=5)


def paid(
    trade_no: str = "T1",
    link: str = "order-1",
    amount: str = "40000",
    currency: str = "IDR",
    *,
    after: timedelta | None = timedelta(0),
    took_effect: bool = False,
    is_odd: bool = False,
) -> PaymentFact:
    return PaymentFact(
        trade_no=trade_no,
        merchant_link_id=link,
        amount=Decimal(amount),
        currency=currency,
        completed_at=None if after is None else NOON + after,
        took_effect=took_effect,
        is_odd=is_odd,
    )


def made(
    amount: str | None = "40000",
    currency: str | None = "IDR",
    fate: RefundFate = RefundFate.DONE,
    trade_no: str = "T1",
    number: str = "r-1",
) -> MadeRefund:
    return MadeRefund(
        trade_no=trade_no,
        out_refund_no=number,
        amount=None if amount is None else Decimal(amount),
        currency=currency,
        fate=fate,
    )


def late(
    *payments: PaymentFact,
    expected: tuple[str, str] | None = ("40000", "IDR"),
    withdrawn: timedelta | None = None,
    refunds: Sequence[MadeRefund] = (),
) -> tuple[LateMoney, ...]:
    asked = {} if expected is None else {"order-1": (Decimal(expected[0]), expected[1])}
    return late_money(
        payments,
        expected=asked,
        withdrawn={} if withdrawn is None else {"order-1": NOON + withdrawn},
        refunds=refunds,
        margin=MARGIN,
    )


def test_a_link_that_was_paid_as_asked_is_not_late() -> None:
    assert late(paid()) == ()
    # Nor if it is told of again, under whatever type, or after half a day.
    assert late(paid(), paid(), paid(link="")) == ()


def test_of_two_payments_the_one_that_was_handled_counts() -> None:
    (found,) = late(paid("T2"), paid("T1", after=timedelta(hours=1), took_effect=True))
    assert (found.payment.trade_no, found.reasons) == ("T2", (LateReason.PAID_TWICE,))
    assert found.details == ("the link is paid by T1 already",)


def test_where_none_was_handled_the_first_one_counts() -> None:
    (found,) = late(paid("T1", after=timedelta(hours=1)), paid("T2"))
    assert found.payment.trade_no == "T1"
    # One whose time is not known is never taken for the first.
    (found,) = late(paid("T1", after=None), paid("T2"))
    assert found.payment.trade_no == "T1"


def test_of_three_payments_two_are_late() -> None:
    found = late(paid("T1"), paid("T2"), paid("T3"))
    assert [one.payment.trade_no for one in found] == ["T2", "T3"]


def test_a_payment_that_was_given_back_does_not_count() -> None:
    found = late(paid("T1", took_effect=True), paid("T2"), refunds=[made()])
    assert [(one.payment.trade_no, one.refund.standing) for one in found] == [
        ("T1", RefundStanding.GIVEN_BACK)
    ]


def test_a_part_that_was_given_back_leaves_it_counting() -> None:
    (found,) = late(
        paid("T1", took_effect=True), paid("T2"), refunds=[made("39999.99")]
    )
    assert found.payment.trade_no == "T2"


def test_a_refund_in_another_currency_gave_nothing_of_it_back() -> None:
    found = late(
        paid("T1", took_effect=True), paid("T2"), refunds=[made(currency="PHP")]
    )
    assert [one.payment.trade_no for one in found] == ["T2"]


def test_orders_without_a_link_are_not_taken_for_one_link() -> None:
    assert late(paid("T1", link=""), paid("T2", link="")) == ()


@pytest.mark.parametrize(
    ("amount", "currency"), [("39999", "IDR"), ("40001", "IDR"), ("40000", "PHP")]
)
def test_another_amount_or_currency_is_late(amount: str, currency: str) -> None:
    (found,) = late(paid(amount=amount, currency=currency))
    assert found.reasons == (LateReason.OTHER_AMOUNT,)
    # What was paid goes back, in what it was paid in.
    assert (found.refund.amount, found.refund.currency) == (Decimal(amount), currency)


def test_amounts_are_compared_as_numbers() -> None:
    assert late(paid(amount="19.90", currency="USD"), expected=("19.9", "USD")) == ()


def test_without_an_expectation_the_keepers_word_counts() -> None:
    assert late(paid(), expected=None) == ()
    (found,) = late(paid(is_odd=True), expected=None)
    assert found.reasons == (LateReason.OTHER_AMOUNT,)


@pytest.mark.parametrize(
    ("after", "is_late"),
    [
        (timedelta(minutes=-1), False),
        (timedelta(0), False),
        (MARGIN, False),
        (MARGIN + timedelta(seconds=1), True),
        (timedelta(hours=20), True),
    ],
)
def test_after_a_withdrawal_only_payments_beyond_the_margin_are_late(
    after: timedelta, is_late: bool
) -> None:
    found = late(paid(after=after), withdrawn=timedelta(0))
    reasons = [one.reasons for one in found]
    assert reasons == ([(LateReason.AFTER_WITHDRAWAL,)] if is_late else [])


def test_without_payermaxs_time_a_withdrawal_proves_nothing() -> None:
    assert late(paid(after=None), withdrawn=timedelta(days=-9)) == ()


def test_one_payment_is_one_item_with_all_its_reasons() -> None:
    found = late(
        paid("T1", took_effect=True),
        paid("T2", amount="1", after=timedelta(hours=1)),
        withdrawn=timedelta(minutes=30),
    )
    (one,) = found
    assert one.reasons == (
        LateReason.PAID_TWICE,
        LateReason.OTHER_AMOUNT,
        LateReason.AFTER_WITHDRAWAL,
    )


def test_what_two_sources_tell_differently_is_not_refunded() -> None:
    found = late(paid(), paid(amount="50000"), withdrawn=timedelta(hours=-1))
    (one,) = found
    assert one.refund.standing is RefundStanding.UNCLEAR
    assert one.refund.amount == 0


def test_what_one_source_leaves_out_another_one_says() -> None:
    (found,) = late(paid(after=None), paid(link=""), withdrawn=timedelta(hours=-1))
    assert found.payment == paid()


LATE = timedelta(hours=-1)


@pytest.mark.parametrize(
    ("refunds", "standing", "amount"),
    [
        ([], RefundStanding.PROPOSED, "40000"),
        ([made("15000")], RefundStanding.PROPOSED, "25000"),
        ([made(fate=RefundFate.FAILED)], RefundStanding.PROPOSED, "40000"),
        ([made(trade_no="T9")], RefundStanding.PROPOSED, "40000"),
        ([made()], RefundStanding.GIVEN_BACK, "0"),
        ([made("15000"), made("25000", number="r-2")], RefundStanding.GIVEN_BACK, "0"),
        ([made("50000")], RefundStanding.GIVEN_BACK, "0"),
        ([made("1", fate=RefundFate.UNDER_WAY)], RefundStanding.UNDER_WAY, "0"),
        ([made("1", fate=RefundFate.UNKNOWN)], RefundStanding.UNCLEAR, "0"),
        ([made(None)], RefundStanding.UNCLEAR, "0"),
        ([made(currency="PHP")], RefundStanding.UNCLEAR, "0"),
        ([made(currency=None)], RefundStanding.UNCLEAR, "0"),
        # Of which order it is nobody knows: it may be this one's.
        ([made("1", trade_no="")], RefundStanding.UNCLEAR, "0"),
        ([made(trade_no="", fate=RefundFate.FAILED)], RefundStanding.PROPOSED, "40000"),
        # The number is used up.
        (
            [made(fate=RefundFate.FAILED, number=refund_number("T1"))],
            RefundStanding.UNCLEAR,
            "0",
        ),
        ([made("15000", number=refund_number("T1"))], RefundStanding.UNCLEAR, "0"),
    ],
)
def test_what_is_proposed_is_what_is_left(
    refunds: list[MadeRefund], standing: RefundStanding, amount: str
) -> None:
    (found,) = late(paid(), withdrawn=LATE, refunds=refunds)
    assert found.refund.standing is standing
    assert found.refund.amount == Decimal(amount)
    assert bool(found.refund.why) == (standing is not RefundStanding.PROPOSED)


def test_without_an_order_number_nothing_is_proposed() -> None:
    (found,) = late(paid(""), withdrawn=LATE)
    assert found.refund.standing is RefundStanding.UNCLEAR
    # Nothing tells it from a payment of the link whose number is known.
    (found,) = late(paid(""), paid("T1"), withdrawn=LATE)
    assert found.payment.trade_no == "T1"


@pytest.mark.parametrize(
    "trade_no", ["T1", "x" * 59, "x" * 60, "x" * 64, "日本" * 30, "a b", "T" * 4000]
)
def test_the_number_of_a_refund_follows_from_the_trade_and_may_be_sent(
    trade_no: str,
) -> None:
    number = refund_number(trade_no)
    assert number == refund_number(trade_no) != refund_number(trade_no + "x")
    request = CreateRefund(
        out_refund_no=number,
        refund_amount="1",
        refund_currency="IDR",
        out_trade_no="T1",
    )
    assert request.out_refund_no == number != trade_no


def test_nothing_is_added_up_across_currencies() -> None:
    php = attrs.evolve(made("40000", "PHP"), out_refund_no="r-2")
    (found,) = late(paid(), withdrawn=LATE, refunds=[made("1"), php])
    assert found.refund.standing is RefundStanding.UNCLEAR
