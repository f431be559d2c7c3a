"""Requests are checked whole before anything is sent."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import pytest

from payermax_async.core.errors import Outcome, ValidationError
from payermax_async.core.models.link_parts import MerchantInfo
from payermax_async.core.models.links import ExpireLink, QueryLink
from payermax_async.core.models.orders import QueryOrder
from payermax_async.core.models.refunds import QueryRefund
from tests.core.requests import (
    DEFAULTS,
    item,
    link,
    problems,
    refund,
    refused,
    user,
)


def test_all_problems_are_reported_at_once_with_their_paths() -> None:
    with pytest.raises(ValidationError) as caught:
        link(
            merchant_link_id="",
            total_amount=19.9,
            currency="usd",
            country="USA",
            description="x" * 257,
            user_info=user(user_id=" ", username="x" * 65),
            goods_details=[item(), item(price="1.005", quantity=0, show_url="ftp://x")],
            merchant_info=MerchantInfo(contact_email="nobody", logo_url="x"),
            notify_url="shop.test",
            expires_in=3599,
            language="x" * 9,
            link_description="\0",
            link_type="MANYTIMES",
        )
    error = caught.value
    assert problems(error) == {
        "merchant_link_id": "must not be empty",
        "total_amount": (
            "must be a Decimal, int or text (a float is inexact: use Decimal or text)"
        ),
        "currency": "must be an ISO 4217 currency code: 3 upper-case letters",
        "country": "must be an ISO 3166-1 country code: 2 upper-case letters",
        "description": "must be at most 256 characters, has 257",
        "user_info.user_id": "must not be empty",
        "user_info.username": "must be at most 64 characters, has 65",
        "goods_details[1].quantity": (
            "must be a whole number between 1 and 9999999999999999"
        ),
        "goods_details[1].price": "PayerMax takes at most 2 decimals for USD",
        "goods_details[1].show_url": "must be an http or https URL with a host",
        "merchant_info.contact_email": "must be an e-mail address",
        "merchant_info.logo_url": "must be an http or https URL with a host",
        "notify_url": "must be an http or https URL with a host",
        "expires_in": "must be a whole number of seconds between 3600 and 2592000",
        "language": "must be at most 8 characters, has 9",
        "link_description": "must not hold control characters",
        "link_type": "must be ONETIME",
    }
    assert str(error).startswith("CreateLink has 17 problems:\n  merchant_link_id: ")
    assert "\n  goods_details[1].price: PayerMax takes" in str(error)
    assert isinstance(error, ValueError)
    assert error.outcome is Outcome.NOT_SENT


def test_a_refusal_shows_nothing_of_what_was_given() -> None:
    secret = "canary\0"
    with pytest.raises(ValidationError) as caught:
        link(
            description=secret,
            user_info=user(user_id=secret, username=secret),
            total_amount=secret,
            currency=secret,
            notify_url=f"https://{secret}",
            merchant_info=MerchantInfo(contact_email=secret),
        )
    assert len(caught.value.problems) == 7
    assert "canary" not in str(caught.value) + repr(caught.value.problems)
    assert b"canary" not in pickle.dumps(caught.value)


def test_one_problem_is_told_in_the_singular() -> None:
    with pytest.raises(ValidationError, match=r"^QueryOrder has 1 problem:\n  out_tr"):
        QueryOrder(out_trade_no="")


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (link, "merchant_link_id"),
        (link, "total_amount"),
        (link, "currency"),
        (link, "country"),
        (link, "description"),
        (link, "user_info"),
        (link, "link_type"),
        (refund, "out_refund_no"),
        (refund, "refund_amount"),
        (refund, "refund_currency"),
        (QueryLink, "merchant_link_id"),
        (ExpireLink, "merchant_link_id"),
        (QueryOrder, "out_trade_no"),
    ],
)
def test_none_is_no_value_for_what_is_required(
    make: Callable[..., object], name: str
) -> None:
    assert refused(make, **{name: None}).keys() >= {name}


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"user_info": item()}, {"user_info": "must be a UserInfo"}),
        ({"user_info": (user(),)}, {"user_info": "must be a UserInfo"}),
        ({"user_info": {"user_id": "u"}}, {"user_info": "must be a UserInfo"}),
        ({"merchant_info": DEFAULTS}, {"merchant_info": "must be a MerchantInfo"}),
        ({"goods_details": item()}, {"goods_details": "must be a list of GoodsItem"}),
        ({"goods_details": None}, {"goods_details": "is required"}),
        ({"goods_details": [user()]}, {"goods_details[0]": "must be a GoodsItem"}),
        (
            {"goods_details": (item(), {"goods_name": "x"})},
            {"goods_details[1]": "must be a GoodsItem"},
        ),
    ],
)
def test_a_part_is_of_its_own_kind(
    changes: dict[str, Any], found: dict[str, str]
) -> None:
    assert refused(link, **changes) == found


def test_a_refund_names_its_order_one_way_or_the_other() -> None:
    assert refund(out_trade_no=None, trade_token="T").trade_token == "T"
    assert refund(out_trade_no="A", trade_token="T").out_trade_no == "A"
    message = "is required, unless trade_token is given"
    assert refused(refund, out_trade_no=None) == {"out_trade_no": message}


def test_a_refund_is_asked_about_by_one_number_or_the_other() -> None:
    assert QueryRefund(refund_trade_no="P").out_refund_no is None
    message = "is required, unless refund_trade_no is given"
    assert refused(QueryRefund) == {"out_refund_no": message}
    both = {"out_refund_no": "", "refund_trade_no": " a"}
    assert refused(QueryRefund, **both).keys() == set(both)
