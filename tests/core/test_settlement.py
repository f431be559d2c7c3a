"""What exists at the gateway is compared with what was asked for."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import attrs
import pytest

from payermax_async.core.models.links import (
    CreatedLink,
    LinkDetails,
    LinkStatus,
    QueryLink,
)
from payermax_async.core.models.refunds import (
    QueryRefund,
    RefundDetails,
    RefundStatus,
    SubmittedRefund,
)
from payermax_async.core.operations import QUERY_LINK, QUERY_REFUND
from payermax_async.core.settlement import LINK_SETTLEMENT, REFUND_SETTLEMENT
from tests.core.requests import link, refund

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


@pytest.mark.parametrize(
    ("changes", "differences"),
    [
        ({}, ()),
        ({"total_amount": Decimal("19.900")}, ()),
        ({"country": None}, ()),
        ({"description": "other", "link_status": LinkStatus.EXPIRED}, ()),
        ({"total_amount": Decimal("19.91")}, ("total_amount",)),
        ({"total_amount": Decimal(1990)}, ("total_amount",)),
        ({"currency": "SGD"}, ("currency",)),
        ({"country": "SG"}, ("country",)),
        (
            {"total_amount": Decimal(1), "currency": "IDR", "country": "ID"},
            ("total_amount", "currency", "country"),
        ),
    ],
)
def test_a_link_is_ours_if_money_and_place_agree(
    changes: dict[str, Any], differences: tuple[str, ...]
) -> None:
    found = attrs.evolve(FOUND_LINK, **changes)
    assert LINK_SETTLEMENT.differences(link(), found) == differences


def test_a_found_link_answers_like_a_new_one() -> None:
    assert LINK_SETTLEMENT.reply(FOUND_LINK) == CreatedLink(
        merchant_link_id="order-1001",
        link_id="L1",
        link_url="https://link.test/1",
        link_status=LinkStatus.ACTIVE,
        qr_code_url="https://link.test/1.png",
        expires_at=datetime(2026, 3, 1, tzinfo=UTC),
    )


def test_a_found_link_without_a_page_answers_nothing() -> None:
    assert LINK_SETTLEMENT.reply(attrs.evolve(FOUND_LINK, link_url=None)) is None


@pytest.mark.parametrize(
    ("asked", "changes", "differences"),
    [
        ({}, {}, ()),
        ({}, {"refund_amount": None, "refund_currency": None}, ()),
        ({}, {"out_trade_no": None}, ()),
        # Asked for by token: the order's number says nothing.
        ({"out_trade_no": None, "trade_token": "TK"}, {}, ()),
        ({}, {"refund_amount": Decimal("1.51")}, ("refund_amount",)),
        ({}, {"refund_amount": Decimal(0)}, ("refund_amount",)),
        ({}, {"refund_currency": "SGD"}, ("refund_currency",)),
        ({}, {"out_trade_no": "T2"}, ("out_trade_no",)),
    ],
)
def test_a_refund_is_ours_if_money_and_order_agree_as_far_as_they_are_told(
    asked: dict[str, Any], changes: dict[str, Any], differences: tuple[str, ...]
) -> None:
    found = attrs.evolve(FOUND_REFUND, **changes)
    assert REFUND_SETTLEMENT.differences(refund(**asked), found) == differences


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
