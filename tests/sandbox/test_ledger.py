from __future__ import annotations

import json
import random
from datetime import timedelta
from decimal import Context, Decimal, localcontext
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payermax_async.core.codec import from_wire
from payermax_async.core.errors import ConfigurationError
from payermax_async.core.models.links import CreatedLink, ExpiredLink, LinkDetails
from payermax_async.core.models.orders import Order
from payermax_async.core.models.payments import PaymentStatus
from payermax_async.core.models.refunds import (
    RefundDetails,
    RefundStatus,
    SubmittedRefund,
)
from payermax_async.core.strict_json import JsonObject, JsonValue, read_json, write_json
from payermax_async.sandbox.ledger.events import LinkSettled, OrderEnded, RefundEnded
from payermax_async.sandbox.ledger.ledger import Ledger
from payermax_async.sandbox.ledger.payloads import fee_of
from payermax_async.sandbox.ledger.payment_methods import Method, PaymentOutcome
from payermax_async.sandbox.ledger.policy import Duplicates, LedgerPolicy
from payermax_async.sandbox.ledger.refusals import (
    NotPayableError,
    Obstacle,
    RefusedError,
)
from payermax_async.sandbox.ledger.repository import Repository

from .kit import (
    ABSENT,
    OTHER,
    OWNER,
    START,
    Bench,
    changed,
    create,
    payment,
    refund_of,
)

DAY = 86400


def obstacle(bench: Bench, link_id: str, out_trade_no: str | None) -> Obstacle:
    """What stops a payer from opening the link, or from paying an open trade."""
    if out_trade_no is None:
        with pytest.raises(NotPayableError) as caught:
            bench.ledger.open_link(link_id)
        return caught.value.obstacle
    with pytest.raises(NotPayableError) as caught:
        bench.ledger.pay(out_trade_no, payment())
    return caught.value.obstacle


@pytest.fixture
def bench() -> Bench:
    return Bench()


# --- creating --------------------------------------------------------------------


def test_the_published_create_request_is_accepted_with_its_chinese_text(
    bench: Bench,
) -> None:
    reply = from_wire(bench.ask("createPaybylink", create()), CreatedLink)
    assert reply.merchant_link_id == "paylinktest001"
    assert reply.link_status == "ACTIVE"
    assert reply.link_url == f"http://127.0.0.1:8400/l/{reply.link_id}"
    assert reply.qr_code_url == f"http://127.0.0.1:8400/qr/{reply.link_id}.png"
    assert reply.expires_at == START + timedelta(days=1)
    details = bench.ask("queryPaybylink", {"merchantLinkId": "paylinktest001"})
    assert details["description"] == "冬季新款运动鞋"
    assert details["linkDescription"] == "链接收款衣物鞋帽"


@pytest.mark.parametrize(
    ("changes", "code", "message"),
    [
        ({"merchantLinkId": ""}, "PARAMS_INVALID", "1 to 64 characters long, its le"),
        ({"merchantLinkId": "x" * 65}, "PARAMS_INVALID", "its length is 65"),
        ({"merchantLinkId": None}, "PARAMS_INVALID", "[merchantLinkId] must not be nu"),
        ({"merchantLinkId": ABSENT}, "PARAMS_INVALID", "must not be null"),
        ({"merchantLinkId": 7}, "PARAMS_INVALID", "wrong type, a string is expected"),
        ({"linkType": "MANY"}, "PARAMS_INVALID", "[linkType] must be ONETIME"),
        ({"expiresTime": "3599"}, "PARAMS_INVALID", "between 3600 and 2592000"),
        ({"expiresTime": "2592001"}, "PARAMS_INVALID", "between 3600 and 2592000"),
        ({"expiresTime": "٣٦٠٠"}, "PARAMS_INVALID", "whole number of seconds"),
        ({"expiresTime": 86400}, "PARAMS_INVALID", "a string is expected"),
        ({"country": "IDN"}, "PARAMS_INVALID", "2 to 2 characters"),
        ({"country": "id"}, "COUNTRY_INVALID", "2 upper-case letters"),
        ({"currency": "idr"}, "CURRENCY_INVALID", "3 upper-case letters"),
        ({"totalAmount": 40000}, "PARAMS_INVALID", "a string is expected"),
        ({"totalAmount": "0"}, "AMOUNT_INVALID", "more than zero"),
        ({"totalAmount": "-1"}, "AMOUNT_INVALID", "positive amount"),
        ({"totalAmount": "1e5"}, "AMOUNT_INVALID", "positive amount"),
        ({"totalAmount": "1_000"}, "AMOUNT_INVALID", "positive amount"),
        ({"totalAmount": "40000.5"}, "AMOUNT_INVALID", "no decimals for IDR"),
        ({"totalAmount": "1" * 25}, "PARAMS_INVALID", "its length is 25"),
        ({"description": ABSENT}, "PARAMS_INVALID", "[description]"),
        ({"description": "x" * 257}, "PARAMS_INVALID", "its length is 257"),
        ({"userInfo": "98"}, "PARAMS_INVALID", "an object is expected"),
        ({"userInfo__userId": ABSENT}, "PARAMS_INVALID", "[userInfo.userId]"),
        ({"goodsDetails": {}}, "PARAMS_INVALID", "an array is expected"),
        ({"goodsDetails": []}, "PARAMS_INVALID", "at least 1 item"),
        ({"goodsDetails": [3]}, "PARAMS_INVALID", "[goodsDetails[0]]"),
        ({"goodsDetails__0__quantity": "0"}, "PARAMS_INVALID", "[0].quantity]"),
        ({"goodsDetails__0__price": "x"}, "AMOUNT_INVALID", "[0].price]"),
        ({"goodsDetails__0__price": "1.5"}, "AMOUNT_INVALID", "no decimals for IDR"),
        ({"goodsDetails__0__showUrl": ABSENT}, "PARAMS_INVALID", "[0].showUrl]"),
        ({"merchantInfo": ABSENT}, "PARAMS_INVALID", "[merchantInfo] must not be null"),
        ({"merchantInfo__contactEmail": ""}, "PARAMS_INVALID", "merchantInfo.contactE"),
        ({"notifyUrl": ABSENT}, "PARAMS_INVALID", "[notifyUrl] must not be null"),
        ({"notifyUrl": "ftp://a.example"}, "PARAMS_INVALID", "http or https"),
    ],
)
def test_a_create_that_breaks_a_rule_is_refused_by_field_and_changes_nothing(
    bench: Bench, changes: dict[str, JsonValue], code: str, message: str
) -> None:
    refusal = bench.refused("createPaybylink", create(**changes))
    assert refusal.code == code
    assert message in refusal.message


@pytest.mark.parametrize("data", [None, "text", 7, []])
def test_data_that_is_no_object_is_refused(bench: Bench, data: JsonValue) -> None:
    assert bench.refused("createPaybylink", data).code == "PARAMS_INVALID"


@pytest.mark.parametrize(
    ("currency", "amount", "accepted"),
    [
        ("IDR", "40000", True),
        ("IDR", "40000.00", True),
        ("JPY", "1.0", True),
        ("JPY", "1.1", False),
        ("KWD", "1.25", True),
        ("KWD", "1.255", False),
        ("USD", "0.01", True),
        ("USD", "0.001", False),
    ],
)
def test_decimals_follow_payermax_not_iso(
    bench: Bench, currency: str, amount: str, accepted: bool
) -> None:
    data = create(currency=currency, totalAmount=amount)
    if accepted:
        bench.ask("createPaybylink", data)
    else:
        assert bench.refused("createPaybylink", data).code == "AMOUNT_INVALID"


@pytest.mark.parametrize("field", ["merchantInfo", "notifyUrl"])
def test_a_field_that_samples_do_without_can_be_waived(field: str) -> None:
    bench = Bench(LedgerPolicy(waived=frozenset({field})))
    bench.ask("createPaybylink", create(**{field: ABSENT}))


@pytest.mark.parametrize("seconds", [None, "", "3600", "2592000"])
def test_a_link_lasts_as_long_as_it_says_or_a_day(
    bench: Bench, seconds: str | None
) -> None:
    link = bench.ledger.payable(bench.link(expiresTime=seconds))
    assert link.expires_at - START == timedelta(seconds=int(seconds or DAY))


def test_a_repeated_id_is_refused_by_default(bench: Bench) -> None:
    bench.link()
    assert bench.refused("createPaybylink", create()).code == "ORDER_REPEAT"


def test_two_merchants_may_use_the_same_id(bench: Bench) -> None:
    bench.link()
    bench.ask("createPaybylink", create(totalAmount="5"), OTHER)
    mine = bench.ask("queryPaybylink", {"merchantLinkId": "paylinktest001"})
    assert mine["totalAmount"] == "40000"


async def test_a_repeated_id_can_answer_the_same_link_unless_the_request_differs() -> (
    None
):
    bench = Bench(LedgerPolicy(duplicate_links=Duplicates.SAME))
    first = bench.ask("createPaybylink", create())
    await bench.clock.advance(60)
    assert bench.ask("createPaybylink", create()) == first
    refusal = bench.refused("createPaybylink", create(totalAmount="40001"))
    assert refusal.code == "ORDER_REPEAT"


def test_a_repeated_id_can_make_a_second_link_and_queries_answer_the_newest() -> None:
    bench = Bench(LedgerPolicy(duplicate_links=Duplicates.SECOND))
    first, second = bench.link(), bench.link(totalAmount="5")
    assert first != second
    found = bench.ask("queryPaybylink", {"merchantLinkId": "paylinktest001"})
    assert found["linkId"] == second


@given(
    st.text(
        st.characters(exclude_categories=["Cs"], exclude_characters="\0"),
        min_size=1,
        max_size=64,
    )
)
def test_any_id_and_text_comes_back_as_it_went_in(text: str) -> None:
    bench = Bench()
    bench.link(merchantLinkId=text, description=text)
    found = bench.ask("queryPaybylink", {"merchantLinkId": text})
    assert (found["merchantLinkId"], found["description"]) == (text, text)


# --- expiry and withdrawal -------------------------------------------------------


async def test_a_link_expires_by_the_clock(bench: Bench) -> None:
    link_id = bench.link()
    await bench.clock.advance(timedelta(days=1) - timedelta(microseconds=1))
    bench.ledger.payable(link_id)
    await bench.clock.advance(timedelta(microseconds=1))
    with pytest.raises(NotPayableError) as caught:
        bench.ledger.open_link(link_id)
    assert caught.value.obstacle is Obstacle.EXPIRED
    found = bench.ask("queryPaybylink", {"merchantLinkId": "paylinktest001"})
    assert found["linkStatus"] == "EXPIRED"


async def test_a_withdrawn_link_cannot_be_paid_and_can_be_withdrawn_again(
    bench: Bench,
) -> None:
    link_id = bench.link()
    trade = bench.ledger.open_link(link_id).value
    key: JsonObject = {"merchantLinkId": "paylinktest001"}
    first = from_wire(bench.ask("expirePaybylink", key), ExpiredLink)
    assert first.link_status == "EXPIRED"
    assert first.expires_at == START
    for number in (None, trade.out_trade_no):
        assert obstacle(bench, link_id, number) is Obstacle.WITHDRAWN
    await bench.clock.advance(5)
    assert from_wire(bench.ask("expirePaybylink", key), ExpiredLink) == first


def test_withdrawing_a_paid_link_is_refused_unless_the_policy_says_otherwise() -> None:
    key: JsonObject = {"merchantLinkId": "paylinktest001"}
    strict = Bench()
    strict.paid()
    assert strict.refused("expirePaybylink", key).code == "ORDER_CLOSE_FAILED"
    lenient = Bench(LedgerPolicy(refuse_paid_expiry=False))
    lenient.paid()
    assert lenient.ask("expirePaybylink", key)["linkStatus"] == "EXPIRED"


@pytest.mark.parametrize("operation", ["queryPaybylink", "expirePaybylink"])
def test_an_unknown_link_and_another_merchants_do_not_exist(
    bench: Bench, operation: str
) -> None:
    bench.link()
    assert bench.refused(operation, {"merchantLinkId": "x"}).code == "ORDER_NOT_EXIST"
    mine: JsonObject = {"merchantLinkId": "paylinktest001"}
    assert bench.refused(operation, mine, OTHER).code == "ORDER_NOT_EXIST"
    assert bench.refused(operation, {}).code == "PARAMS_INVALID"


# --- paying ----------------------------------------------------------------------


def details_of(bench: Bench) -> LinkDetails:
    found = bench.ask("queryPaybylink", {"merchantLinkId": "paylinktest001"})
    return from_wire(found, LinkDetails)


def test_a_link_nobody_opened_has_no_payments(bench: Bench) -> None:
    bench.link()
    assert details_of(bench).pay_by_link_info == ()


def test_a_paid_link_says_so_in_its_payments_and_stays_active(bench: Bench) -> None:
    link_id = bench.link()
    done = bench.ledger.pay_link(link_id, payment())
    assert [type(event) for event in done.events] == [LinkSettled]
    details = details_of(bench)
    assert details.is_paid
    assert details.link_status == "ACTIVE"
    paid = details.successful_payment
    assert paid is not None
    assert paid.out_trade_no == done.value.out_trade_no
    assert paid.complete_at == START
    assert paid.user_info is not None
    assert paid.user_info.user_name == "孟艳"
    card = paid.payment_details[0].card_info
    assert card is not None
    assert (card.card_org, card.masked_number) == ("VISA", "444433****1111")


def test_a_paid_onetime_link_cannot_be_opened_or_paid_again(bench: Bench) -> None:
    trade = bench.paid()
    for number in (None, trade.out_trade_no):
        assert obstacle(bench, trade.link_id, number) is Obstacle.PAID


def test_looking_at_the_page_twice_is_one_trade(bench: Bench) -> None:
    link_id = bench.link()
    first = bench.ledger.open_link(link_id).value
    assert bench.ledger.open_link(link_id).value == first


async def test_one_link_holds_abandoned_failed_and_paid_trades(bench: Bench) -> None:
    link_id = bench.link()
    ledger = bench.ledger
    left = ledger.pay_link(link_id, payment(PaymentOutcome.ABANDON)).value
    failed = ledger.pay_link(
        link_id, payment(PaymentOutcome.FAIL, failure_code="CARD_INVALID")
    ).value
    waiting = ledger.pay_link(link_id, payment(PaymentOutcome.PENDING)).value
    paid = ledger.pay_link(link_id, payment(method=Method.WALLET)).value
    assert details_of(bench).is_paid
    await bench.clock.advance(1800)
    events = ledger.settle()
    assert {cast("OrderEnded", event).trade.out_trade_no for event in events} == {
        left.out_trade_no,
        failed.out_trade_no,
        waiting.out_trade_no,
    }
    found = {
        item.out_trade_no: item.status for item in details_of(bench).pay_by_link_info
    }
    assert found == {
        left.out_trade_no: "CLOSE",
        failed.out_trade_no: "CLOSE",
        waiting.out_trade_no: "CLOSE",
        paid.out_trade_no: "SUCCESS",
    }
    orders = {
        trade.out_trade_no: bench.ask("orderQuery", {"outTradeNo": trade.out_trade_no})
        for trade in (left, failed, waiting)
    }
    assert [order["status"] for order in orders.values()] == [
        "CLOSED",
        "FAILED",
        "CLOSED",
    ]
    assert orders[failed.out_trade_no]["resultCode"] == "CARD_INVALID"
    assert ledger.settle() == ()


def test_a_trade_that_was_left_or_failed_takes_no_second_payment(bench: Bench) -> None:
    link_id = bench.link()
    for outcome in (PaymentOutcome.ABANDON, PaymentOutcome.FAIL):
        trade = bench.ledger.pay_link(link_id, payment(outcome)).value
        with pytest.raises(NotPayableError) as caught:
            bench.ledger.pay(trade.out_trade_no, payment())
        assert caught.value.obstacle is Obstacle.OVER


async def test_a_pending_payment_can_end_well_after_the_links_time(
    bench: Bench,
) -> None:
    link_id = bench.link(expiresTime="3600")
    await bench.clock.advance(3500)
    trade = bench.ledger.pay_link(link_id, payment(PaymentOutcome.PENDING)).value
    await bench.clock.advance(200)
    done = bench.ledger.pay(trade.out_trade_no, payment())
    assert done.value.status is PaymentStatus.SUCCESS
    assert done.value.confirmed_at == trade.confirmed_at


def test_a_failure_is_told_when_the_result_page_is_closed_and_only_once(
    bench: Bench,
) -> None:
    trade = bench.ledger.pay_link(bench.link(), payment(PaymentOutcome.FAIL)).value
    done = bench.ledger.close_result(trade.out_trade_no)
    assert [type(event) for event in done.events] == [OrderEnded]
    assert bench.ledger.close_result(trade.out_trade_no).events == ()


async def test_events_that_fell_due_are_not_lost_to_a_refused_request(
    bench: Bench,
) -> None:
    bench.ledger.open_link(bench.link())
    await bench.clock.advance(1800)
    with pytest.raises(RefusedError):
        bench.ask("queryPaybylink", {"merchantLinkId": "x"})
    assert [type(event) for event in bench.ledger.settle()] == [OrderEnded]


@pytest.mark.parametrize("number", ["open", "pay", "close"])
def test_what_does_not_exist_cannot_be_paid(bench: Bench, number: str) -> None:
    calls = {
        "open": lambda: bench.ledger.open_link("x"),
        "pay": lambda: bench.ledger.pay("x", payment()),
        "close": lambda: bench.ledger.close_result("x"),
    }
    with pytest.raises(NotPayableError) as caught:
        calls[number]()
    assert caught.value.obstacle is Obstacle.UNKNOWN


# --- orders ----------------------------------------------------------------------


def test_an_order_reports_amounts_as_numbers_times_fees_and_method(
    bench: Bench,
) -> None:
    trade = bench.paid(currency="USD", totalAmount="19.99", country="US")
    data = bench.ask("orderQuery", {"outTradeNo": trade.out_trade_no})
    assert write_json(data).count(b'"totalAmount":19.99') == 1
    order = from_wire(read_json(write_json(data)), Order)
    assert order.is_paid
    assert order.total_amount == Decimal("19.99")
    assert order.create_time == order.complete_time == START
    assert order.result_msg == ""
    assert order.cashier_country == "US"
    assert order.fees is not None
    assert order.fees.mer_fee[0].amount == Decimal("0.49")
    assert order.payment_details[0].pay_amount == Decimal("19.99")


def test_an_open_order_has_neither_fee_nor_method(bench: Bench) -> None:
    trade = bench.ledger.open_link(bench.link()).value
    order = bench.ask("orderQuery", {"outTradeNo": trade.out_trade_no})
    assert order["status"] == "PENDING"
    assert order["paymentDetails"] == []
    assert not {"fees", "completeTime", "cashierCountry"} & set(order)


def test_an_unknown_order_and_another_merchants_do_not_exist(bench: Bench) -> None:
    trade = bench.paid()
    assert bench.refused("orderQuery", {"outTradeNo": "x"}).code == "ORDER_NOT_EXIST"
    mine: JsonObject = {"outTradeNo": trade.out_trade_no}
    assert bench.refused("orderQuery", mine, OTHER).code == "ORDER_NOT_EXIST"


# --- refunds ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amount", "status"),
    [
        (100, "REFUND_SUCCESS"),
        (10000, "REFUND_FAILED"),
        (Decimal(102), "REFUND_FAILED"),
        (20000, "REFUND_PENDING"),
        (Decimal(202), "REFUND_PENDING"),
    ],
)
async def test_a_refund_ends_as_its_amount_says(
    bench: Bench, amount: JsonValue, status: str
) -> None:
    trade = bench.paid()
    reply = from_wire(bench.refund(trade, refundAmount=amount), SubmittedRefund)
    assert reply.status is RefundStatus.REFUND_PENDING
    assert reply.trade_order_no == trade.out_trade_no
    await bench.clock.advance(60)
    found = bench.ask("refundQuery", {"outRefundNo": "refund-1"})
    details = from_wire(found, RefundDetails)
    assert details.status == status
    assert details.refund_amount == amount
    ended = status != "REFUND_PENDING"
    assert (details.refund_finish_time is not None) is ended
    by_other_id = {"refundTradeNo": cast("JsonValue", reply.refund_trade_no)}
    assert bench.ask("refundQuery", by_other_id) == found


async def test_a_refund_that_ends_is_told_once(bench: Bench) -> None:
    trade = bench.paid()
    bench.refund(trade)
    await bench.clock.advance(61)
    (event,) = bench.ledger.settle()
    assert isinstance(event, RefundEnded)
    assert event.refund.status is RefundStatus.REFUND_SUCCESS
    assert event.refund.finished_at == START + timedelta(seconds=60)
    assert bench.ledger.settle() == ()


def test_a_pending_refund_can_be_ended_by_hand_once(bench: Bench) -> None:
    trade = bench.paid()
    number = str(bench.refund(trade, refundAmount=202)["refundTradeNo"])
    done = bench.ledger.finish_refund(number, RefundStatus.REFUND_SUCCESS)
    assert [type(event) for event in done.events] == [RefundEnded]
    with pytest.raises(RefusedError):
        bench.ledger.finish_refund(number)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"outRefundNo": ABSENT}, "PARAMS_INVALID"),
        ({"refundAmount": "100"}, "PARAMS_INVALID"),
        ({"refundAmount": True}, "PARAMS_INVALID"),
        ({"refundAmount": ABSENT}, "PARAMS_INVALID"),
        ({"refundAmount": 0}, "AMOUNT_INVALID"),
        ({"refundAmount": -5}, "AMOUNT_INVALID"),
        ({"refundAmount": Decimal("1.5")}, "AMOUNT_INVALID"),
        ({"refundAmount": 40001}, "AMOUNT_INVALID"),
        ({"refundCurrency": "USD"}, "CURRENCY_INVALID"),
        ({"outTradeNo": "x"}, "ORDER_NOT_EXIST"),
        ({"outTradeNo": ABSENT}, "PARAMS_INVALID"),
        ({"tradeToken": "x"}, "ORDER_NOT_EXIST"),
        ({"refundNotifyUrl": "x"}, "PARAMS_INVALID"),
        ({"comments": "x" * 513}, "PARAMS_INVALID"),
    ],
)
def test_a_refund_that_breaks_a_rule_is_refused_and_changes_nothing(
    bench: Bench, changes: dict[str, JsonValue], code: str
) -> None:
    trade = bench.paid()
    assert bench.refused("refund", refund_of(trade, **changes)).code == code


def test_no_decimal_context_lets_more_be_refunded_than_was_paid(bench: Bench) -> None:
    trade = bench.paid(currency="USD", totalAmount="1234567.89", country="US")
    with localcontext(Context(prec=6)):
        number = str(
            bench.refund(trade, refundAmount=Decimal("1000000.01"))["refundTradeNo"]
        )
        bench.ledger.finish_refund(number, RefundStatus.REFUND_SUCCESS)
        above = refund_of(
            trade, outRefundNo="refund-2", refundAmount=Decimal("234567.89")
        )
        assert bench.refused("refund", above).code == "AMOUNT_INVALID"
        above["refundAmount"] = Decimal("234567.88")
        bench.ask("refund", above)


def test_no_decimal_context_changes_a_fee() -> None:
    for context in (Context(prec=2), Context(prec=6, Emin=0, Emax=0)):
        with localcontext(context):
            fee = fee_of(Decimal("1234567.89"), "USD", Decimal("0.025"))
        assert fee == Decimal("30864.19")


def test_a_refund_finds_its_order_by_token_and_by_both_ids(bench: Bench) -> None:
    trade = bench.paid()
    bench.refund(trade, outTradeNo=ABSENT, tradeToken=trade.trade_token)
    other = bench.paid(merchantLinkId="second")
    bench.refund(other, outRefundNo="refund-2", tradeToken=other.trade_token)
    mixed = refund_of(trade, outRefundNo="refund-3", tradeToken=other.trade_token)
    assert bench.refused("refund", mixed).code == "ORDER_NOT_EXIST"


def test_another_merchant_cannot_refund_or_see_a_refund(bench: Bench) -> None:
    trade = bench.paid()
    assert bench.refused("refund", refund_of(trade), OTHER).code == "ORDER_NOT_EXIST"
    bench.refund(trade)
    asked: JsonObject = {"outRefundNo": "refund-1"}
    assert bench.refused("refundQuery", asked, OTHER).code == "ORDER_NOT_EXIST"


def test_a_refund_needs_a_number_of_its_own(bench: Bench) -> None:
    trade = bench.paid()
    for number in (trade.out_trade_no, trade.trade_token):
        data = refund_of(trade, outRefundNo=number)
        assert bench.refused("refund", data).code == "REFUND_NO_INVALID"


def test_only_a_paid_order_can_be_refunded(bench: Bench) -> None:
    trade = bench.ledger.pay_link(bench.link(), payment(PaymentOutcome.PENDING)).value
    assert bench.refused("refund", refund_of(trade)).code == "REFUND_FAILED"


async def test_an_old_order_cannot_be_refunded(bench: Bench) -> None:
    trade = bench.paid()
    await bench.clock.advance("180d")
    bench.refund(trade)
    await bench.clock.advance("1d")
    late = refund_of(trade, outRefundNo="refund-2")
    assert bench.refused("refund", late).code == "REFUND_FAILED"


async def test_refunds_go_one_by_one_up_to_the_amount_paid(bench: Bench) -> None:
    trade = bench.paid()
    bench.refund(trade, refundAmount=30000)
    second = refund_of(trade, outRefundNo="refund-2", refundAmount=10001)
    assert bench.refused("refund", second).code == "REFUND_FAILED"  # one in flight
    await bench.clock.advance(60)
    assert bench.refused("refund", second).code == "AMOUNT_INVALID"
    bench.ask("refund", changed(second, refundAmount=10000))


async def test_a_failed_refund_leaves_the_amount_refundable(bench: Bench) -> None:
    trade = bench.paid()
    bench.refund(trade, refundAmount=10000)
    await bench.clock.advance(60)
    bench.refund(trade, outRefundNo="refund-2", refundAmount=40000)


def test_a_repeated_refund_number_is_refused_or_answers_the_same_refund() -> None:
    strict = Bench()
    trade = strict.paid()
    strict.refund(trade)
    assert strict.refused("refund", refund_of(trade)).code == "ORDER_REPEAT"
    lenient = Bench(LedgerPolicy(duplicate_refunds=Duplicates.SAME))
    trade = lenient.paid()
    assert lenient.refund(trade) == lenient.refund(trade)
    other = refund_of(trade, refundAmount=101)
    assert lenient.refused("refund", other).code == "ORDER_REPEAT"


def test_a_policy_that_would_refund_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="money moves once"):
        LedgerPolicy(duplicate_refunds=Duplicates.SECOND)


@pytest.mark.parametrize("data", [{}, {"outRefundNo": "x"}, {"refundTradeNo": "x"}])
def test_an_unknown_refund_does_not_exist(bench: Bench, data: JsonObject) -> None:
    expected = "ORDER_NOT_EXIST" if data else "PARAMS_INVALID"
    assert bench.refused("refundQuery", data).code == expected


# --- ids and state ---------------------------------------------------------------


def test_the_same_seed_gives_the_same_ids() -> None:
    assert Bench().paid() == Bench().paid()


def test_ids_are_never_given_twice(bench: Bench) -> None:
    trade = bench.paid()
    # The same seed draws the same ids again, in a repository that knows them.
    again = Ledger(bench.clock, random.Random(7), repository=bench.ledger.repository)
    made = again.perform("createPaybylink", OWNER, create(merchantLinkId="second"))
    assert made.value["linkId"] != trade.link_id
    third = again.pay_link(str(made.value["linkId"]), payment()).value
    numbers = {third.out_trade_no, third.trade_token}
    assert not numbers & {trade.out_trade_no, trade.trade_token}


async def test_a_ledger_goes_on_from_its_state(bench: Bench) -> None:
    trade = bench.paid()
    bench.refund(trade)
    bench.ledger.pay_link(
        bench.link(merchantLinkId="second"), payment(PaymentOutcome.FAIL)
    )
    state = json.loads(write_json(bench.ledger.repository.to_state()))
    again = Ledger(
        bench.clock,
        random.Random(8),
        origin="http://127.0.0.1:8400",
        repository=Repository.from_state(state),
    )
    assert again.repository.to_state() == bench.ledger.repository.to_state()
    await bench.clock.advance(1800)
    assert again.settle() == bench.ledger.settle()
    for operation, data in (
        ("queryPaybylink", {"merchantLinkId": "second"}),
        ("orderQuery", {"outTradeNo": trade.out_trade_no}),
        ("refundQuery", {"outRefundNo": "refund-1"}),
    ):
        asked = cast("JsonObject", data)
        assert again.perform(operation, OWNER, asked).value == bench.ask(
            operation, asked
        )


@pytest.mark.parametrize(
    "spoil",
    [
        '{"format": 2}',
        '{"links": null}',
        '{"links": [{}]}',
        '{"trades": [{"out_trade_no": null}]}',
        '{"refunds": 3}',
    ],
)
def test_a_spoiled_state_is_refused_without_quoting_it(
    bench: Bench, spoil: str
) -> None:
    bench.paid()
    state = {**bench.ledger.repository.to_state(), **json.loads(spoil)}
    with pytest.raises(ConfigurationError) as caught:
        Repository.from_state(state)
    assert "孟艳" not in str(caught.value)


def test_records_do_not_show_persons_or_cards(bench: Bench) -> None:
    done = bench.ledger.pay_link(bench.link(), payment())
    shown = repr(done)
    for secret in ("孟艳", "4444333322221111", "James", "i.bbnettq@qq.com", "运动鞋"):
        assert secret not in shown


def test_a_full_card_number_is_nowhere_in_the_state(bench: Bench) -> None:
    bench.paid()
    assert b"4444333322221111" not in write_json(bench.ledger.repository.to_state())
