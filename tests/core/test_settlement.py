"""What exists at the gateway is compared with what was asked for."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import attrs
import pytest

from payermax_async.core.asked import Asked, Digest, compare
from payermax_async.core.models.link_request import CreateLink
from payermax_async.core.models.links import (
    CreatedLink,
    GoodsDetail,
    LinkDetails,
    LinkPayment,
    LinkStatus,
    QueryLink,
)
from payermax_async.core.models.payments import PaymentStatus
from payermax_async.core.models.refunds import (
    CreateRefund,
    QueryRefund,
    RefundDetails,
    RefundStatus,
    SubmittedRefund,
)
from payermax_async.core.operations.operation import Operation, Replay, Settlement
from payermax_async.core.operations.table import (
    CREATE_LINK,
    OPERATIONS,
    QUERY_LINK,
    QUERY_REFUND,
    REFUND,
)
from tests.core.requests import item, link, refund, user


def settlement_of(operation: Operation[Any, Any]) -> Settlement[Any, Any, Any]:
    assert operation.settlement is not None
    return operation.settlement


LINK_SETTLEMENT: Settlement[CreateLink, CreatedLink, LinkDetails] = settlement_of(
    CREATE_LINK
)
REFUND_SETTLEMENT: Settlement[CreateRefund, SubmittedRefund, RefundDetails] = (
    settlement_of(REFUND)
)
FOUND_LINK = LinkDetails(
    merchant_link_id="order-1001",
    total_amount=Decimal("19.9"),
    currency="USD",
    country="US",
    link_id="L1",
    link_url="https://link.test/1",
    link_status=LinkStatus.ACTIVE,
    qr_code_url="https://link.test/1.png",
    expires_at=datetime(2026, 3, 1, tzinfo=UTC),
)
FOUND_REFUND = RefundDetails(
    out_refund_no="R1",
    refund_trade_no="P1",
    out_trade_no="T1",
    refund_amount=Decimal("1.500"),
    refund_currency="USD",
    status=RefundStatus.REFUND_SUCCESS,
)


def test_the_question_is_about_the_merchants_own_number() -> None:
    assert LINK_SETTLEMENT.query is QUERY_LINK
    assert LINK_SETTLEMENT.ask_about("a") == QueryLink(merchant_link_id="a")
    assert REFUND_SETTLEMENT.query is QUERY_REFUND
    assert REFUND_SETTLEMENT.ask_about("R1") == QueryRefund(out_refund_no="R1")


def test_every_write_can_be_settled_and_no_query_needs_to_be() -> None:
    for operation in OPERATIONS.values():
        # What no query tells of is sent once at most, and never again.
        told = operation.replay is not Replay.NEVER and not operation.is_query
        assert (operation.settlement is not None) == told


def test_without_an_end_an_answer_serves_as_it_is() -> None:
    # A row that names neither keeps what it found, and takes nothing for over.
    assert REFUND_SETTLEMENT.ended(FOUND_REFUND) is None
    assert REFUND_SETTLEMENT.plain(FOUND_REFUND) is FOUND_REFUND


GOODS = (
    GoodsDetail(
        goods_name="T-shirt",
        goods_description="Blue",
        quantity="2",
        price=Decimal("9.950"),
        goods_currency="USD",
    ),
)


def changed_goods(name: str, value: object) -> GoodsDetail:
    changes: dict[str, Any] = {name: value}
    return attrs.evolve(GOODS[0], **changes)


@pytest.mark.parametrize(
    ("changes", "differences"),
    [
        ({}, ()),
        ({"total_amount": Decimal("19.900")}, ()),
        ({"country": None, "description": None, "goods_details": ()}, ()),
        ({"description": "Two  T-shirts ", "link_description": "note\n7"}, ()),
        ({"link_status": LinkStatus.EXPIRED}, ()),
        ({"total_amount": Decimal("19.91")}, ("total_amount",)),
        ({"total_amount": Decimal(1990)}, ("total_amount",)),
        ({"currency": "SGD"}, ("currency",)),
        ({"country": "SG"}, ("country",)),
        ({"description": "Two t-shirts"}, ("description",)),
        ({"link_description": "note 8"}, ("link_description",)),
        (
            {"total_amount": Decimal(1), "currency": "IDR", "country": "ID"},
            ("total_amount", "currency", "country"),
        ),
        ({"goods_details": GOODS * 2}, ("goods_details",)),
        *(
            ({"goods_details": (changed_goods(name, value),)}, (path,))
            for name, value, path in [
                ("goods_name", "Shirt", "goods_details[0].goods_name"),
                ("goods_description", "Red", "goods_details[0].goods_description"),
                ("quantity", "3", "goods_details[0].quantity"),
                ("quantity", "two", "goods_details[0].quantity"),
                ("price", Decimal("9.96"), "goods_details[0].price"),
                ("goods_currency", "SGD", "goods_details[0].goods_currency"),
            ]
        ),
    ],
)
def test_a_link_is_ours_if_all_that_is_repeated_agrees(
    changes: dict[str, Any], differences: tuple[str, ...]
) -> None:
    asked = LINK_SETTLEMENT.asked(
        link(link_description="note 7", goods_details=[item(quantity=2)])
    )
    found = attrs.evolve(FOUND_LINK, **{"goods_details": GOODS, **changes})
    assert compare(asked, LINK_SETTLEMENT.told(found)).differences == differences


def test_what_an_answer_leaves_out_is_named() -> None:
    told = LINK_SETTLEMENT.told(
        attrs.evolve(FOUND_LINK, country=None, description="", goods_details=())
    )
    comparison = compare(LINK_SETTLEMENT.asked(link(link_description="n")), told)
    assert comparison.compared == ("total_amount", "currency")
    assert comparison.not_compared == (
        "country",
        "goods_details",
        "description",
        "link_description",
    )
    bare = attrs.evolve(FOUND_LINK, goods_details=(GoodsDetail(goods_name="T-shirt"),))
    comparison = compare(
        LINK_SETTLEMENT.asked(link(goods_details=[item()])),
        LINK_SETTLEMENT.told(bare),
    )
    assert comparison.differences == ()
    assert "goods_details[0].goods_name" in comparison.compared
    assert "goods_details[0].price" in comparison.not_compared


def test_goods_that_were_left_out_are_compared_as_they_are_sent() -> None:
    request = link()
    (made,) = request.goods_to_send("https://shop.test/goods")
    asked = LINK_SETTLEMENT.asked(request)
    assert asked == LINK_SETTLEMENT.asked(attrs.evolve(request, goods_details=(made,)))


def test_what_is_kept_of_a_request_holds_no_text_and_no_person() -> None:
    request = link(
        description="Dinner for Ada Lovelace",
        link_description="table of Grace",
        goods_details=[item(goods_name="Menu Ada", goods_description="for Ada")],
        user_info=user(user_id="ada-1", username="Ada Lovelace"),
    )
    kept = pickle.dumps(LINK_SETTLEMENT.asked(request)).lower()
    for word in (b"ada", b"lovelace", b"dinner", b"grace", b"menu"):
        assert word not in kept, word
    again = refund(comments="for Ada")
    assert b"Ada" not in pickle.dumps(REFUND_SETTLEMENT.asked(again))


def test_equal_texts_of_two_cases_do_not_look_equal() -> None:
    assert Digest.of("Blue", salt="order-1") == Digest.of(" Blue", salt="order-1")
    assert Digest.of("Blue", salt="order-1") != Digest.of("Blue", salt="order-2")
    assert Digest.of("1Blue", salt="order-") != Digest.of("Blue", salt="order-1")
    assert Digest.of("caf\u00e9", salt="") == Digest.of("cafe\u0301", salt="")


def test_two_requests_under_one_id_are_told_apart() -> None:
    asked = LINK_SETTLEMENT.asked(link())
    assert asked.differences(LINK_SETTLEMENT.asked(link(user_info=user()))) == ()
    other = LINK_SETTLEMENT.asked(link(total_amount="20", link_description="n"))
    assert asked.differences(other) == (
        "total_amount",
        "goods_details[0].price",
        "link_description",
    )
    assert Asked.of("a", plain={"x": None, "y": 1}).values == {"y": 1}


@pytest.mark.parametrize(
    ("life", "age", "fits"),
    [
        (3600, 0, True),
        (3600, 290, True),
        (3600, -290, True),
        (3600, 330, False),
        (3600, -330, False),
        (None, 0, True),
        (None, 3600, False),
    ],
)
def test_a_time_of_expiry_tells_an_older_link(
    life: int | None, age: int, fits: bool
) -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    made = now - timedelta(seconds=age)
    reply = CreatedLink(
        merchant_link_id="order-1001",
        link_url="https://link.test/1",
        expires_at=made + timedelta(seconds=life or 24 * 3600),
    )
    begun = now - timedelta(seconds=10)
    request = link(expires_in=life)
    assert LINK_SETTLEMENT.fits(request, reply, begun, now) is fits
    untold = attrs.evolve(reply, expires_at=None)
    assert LINK_SETTLEMENT.fits(request, untold, begun, now)


def test_a_found_link_answers_like_a_new_one() -> None:
    assert LINK_SETTLEMENT.reply(FOUND_LINK) == CreatedLink(
        merchant_link_id="order-1001",
        link_id="L1",
        link_url="https://link.test/1",
        link_status=LinkStatus.ACTIVE,
        qr_code_url="https://link.test/1.png",
        expires_at=datetime(2026, 3, 1, tzinfo=UTC),
    )


def test_a_found_link_says_so() -> None:
    reply = LINK_SETTLEMENT.reply(FOUND_LINK)
    assert reply is not None
    assert reply.found


@pytest.mark.parametrize(
    ("changes", "end"),
    [
        ({}, None),
        ({"link_status": None}, None),
        ({"link_status": LinkStatus.EXPIRED}, "withdrawn or expired"),
        ({"pay_by_link_info": (LinkPayment(status=PaymentStatus.PENDING),)}, None),
        ({"pay_by_link_info": (LinkPayment(status=PaymentStatus.SUCCESS),)}, "paid"),
    ],
)
def test_a_link_that_nobody_can_pay_any_more_says_why(
    changes: dict[str, Any], end: str | None
) -> None:
    assert LINK_SETTLEMENT.ended(attrs.evolve(FOUND_LINK, **changes)) == end


def test_a_found_link_without_a_page_answers_nothing() -> None:
    assert LINK_SETTLEMENT.reply(attrs.evolve(FOUND_LINK, link_url=None)) is None


@pytest.mark.parametrize(
    ("asked", "changes", "differences", "not_compared"),
    [
        ({}, {}, (), ()),
        (
            {},
            {"refund_amount": None, "refund_currency": None},
            (),
            ("refund_amount", "refund_currency"),
        ),
        ({}, {"out_trade_no": None}, (), ("out_trade_no",)),
        # Asked for by token: the order's number says nothing.
        ({"out_trade_no": None, "trade_token": "TK"}, {}, (), ()),
        ({}, {"refund_amount": Decimal("1.51")}, ("refund_amount",), ()),
        ({}, {"refund_amount": Decimal(0)}, ("refund_amount",), ()),
        ({}, {"refund_currency": "SGD"}, ("refund_currency",), ()),
        ({}, {"out_trade_no": "T2"}, ("out_trade_no",), ()),
    ],
)
def test_a_refund_is_ours_if_money_and_order_agree_as_far_as_they_are_told(
    asked: dict[str, Any],
    changes: dict[str, Any],
    differences: tuple[str, ...],
    not_compared: tuple[str, ...],
) -> None:
    found = attrs.evolve(FOUND_REFUND, **changes)
    comparison = compare(
        REFUND_SETTLEMENT.asked(refund(**asked)), REFUND_SETTLEMENT.told(found)
    )
    assert comparison.differences == differences
    assert comparison.not_compared == not_compared


def test_a_found_refund_answers_like_a_new_one() -> None:
    assert REFUND_SETTLEMENT.reply(FOUND_REFUND) == SubmittedRefund(
        out_refund_no="R1",
        refund_trade_no="P1",
        trade_order_no="T1",
        status=RefundStatus.REFUND_SUCCESS,
    )


def test_a_found_refund_without_our_number_answers_nothing() -> None:
    assert (
        REFUND_SETTLEMENT.reply(attrs.evolve(FOUND_REFUND, out_refund_no=None)) is None
    )
