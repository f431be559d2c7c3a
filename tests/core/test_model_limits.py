"""Each limit of a request, at its edge."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from payermax_async.core.models.link_parts import MerchantInfo
from payermax_async.core.models.links import ExpireLink, QueryLink
from payermax_async.core.models.orders import QueryOrder
from payermax_async.core.models.refunds import QueryRefund
from tests.core.requests import (
    item,
    link,
    long_url,
    refund,
    refused,
    user,
)

LONGEST: list[tuple[Callable[..., object], str, int]] = [
    (link, "merchant_link_id", 64),
    (link, "description", 256),
    (link, "link_description", 256),
    (link, "language", 8),
    (refund, "out_refund_no", 64),
    (refund, "out_trade_no", 64),
    (refund, "trade_token", 64),
    (refund, "comments", 512),
    (QueryLink, "merchant_link_id", 64),
    (ExpireLink, "merchant_link_id", 64),
    (QueryOrder, "out_trade_no", 64),
    (QueryRefund, "out_refund_no", 64),
    (QueryRefund, "refund_trade_no", 64),
]
Changes = Callable[[str], dict[str, Any]]
PARTS: list[tuple[str, int, Changes]] = [
    ("user_info.user_id", 64, lambda text: {"user_info": user(user_id=text)}),
    ("user_info.username", 64, lambda text: {"user_info": user(username=text)}),
    (
        "goods_details[0].goods_name",
        128,
        lambda text: {"goods_details": [item(goods_name=text)]},
    ),
    (
        "goods_details[0].goods_description",
        256,
        lambda text: {"goods_details": [item(goods_description=text)]},
    ),
]
URLS: list[tuple[Callable[..., object], str, Changes]] = [
    (link, "notify_url", lambda url: {"notify_url": url}),
    (refund, "refund_notify_url", lambda url: {"refund_notify_url": url}),
    (
        link,
        "goods_details[0].show_url",
        lambda url: {"goods_details": [item(show_url=url)]},
    ),
    (
        link,
        "merchant_info.logo_url",
        lambda url: {"merchant_info": MerchantInfo(contact_email="a@b", logo_url=url)},
    ),
]


@pytest.mark.parametrize(("make", "name", "limit"), LONGEST)
def test_a_text_may_have_as_many_characters_as_the_gateway_takes(
    make: Callable[..., object], name: str, limit: int
) -> None:
    assert getattr(make(**{name: "鞋" * limit}), name) == "鞋" * limit
    message = f"must be at most {limit} characters, has {limit + 1}"
    assert refused(make, **{name: "x" * (limit + 1)}) == {name: message}


@pytest.mark.parametrize(("path", "limit", "changes"), PARTS)
def test_a_text_of_a_part_has_limits_too(
    path: str, limit: int, changes: Changes
) -> None:
    link(**changes("x" * limit))
    message = f"must be at most {limit} characters, has {limit + 1}"
    assert refused(link, **changes("x" * (limit + 1))) == {path: message}


@pytest.mark.parametrize(("make", "path", "changes"), URLS)
def test_a_url_has_at_most_256_characters(
    make: Callable[..., object], path: str, changes: Changes
) -> None:
    make(**changes(long_url(256)))
    message = "must be at most 256 characters, has 257"
    assert refused(make, **changes(long_url(257))) == {path: message}


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        (3600, 3600),
        (2_592_000, 2_592_000),
        (timedelta(hours=1), 3600),
        (timedelta(days=30), 2_592_000),
        (timedelta(hours=1, milliseconds=2000), 3602),
        (None, None),
    ],
)
def test_a_link_lives_from_one_hour_to_thirty_days(
    given: int | timedelta | None, seconds: int | None
) -> None:
    assert link(expires_in=given).expires_in == seconds


@pytest.mark.parametrize(
    "given",
    [
        3599,
        2_592_001,
        0,
        -3600,
        10**400,
        timedelta(hours=1) - timedelta(microseconds=1),
        timedelta(hours=1, microseconds=1),
        timedelta(days=30, microseconds=1),
        timedelta(days=30, seconds=1),
        timedelta.max,
        timedelta.min,
        -timedelta(hours=1),
        3600.0,
        3600.5,
        float("nan"),
        "3600",
        True,
        Decimal(3600),
    ],
)
def test_any_other_life_is_refused(given: Any) -> None:
    found = refused(link, expires_in=given)
    assert found.keys() == {"expires_in"}
    assert found["expires_in"].startswith("must be a whole number of seconds")


@pytest.mark.parametrize(
    ("given", "quantity"), [(1, 1), ("2", 2), ("002", 2), (10**16 - 1, 10**16 - 1)]
)
def test_a_quantity_is_a_whole_number(given: int | str, quantity: int) -> None:
    assert link(goods_details=[item(quantity=given)]).goods_details[0].quantity == (
        quantity
    )


@pytest.mark.parametrize(
    "given",
    [0, -1, 10**16, 1.0, True, "", "-1", "1.5", "1e3", "٢", "２", "²", "9" * 5000],
    ids=lambda value: repr(value)[:9],
)
def test_any_other_quantity_is_refused(given: Any) -> None:
    found = refused(link, goods_details=[item(quantity=given)])
    assert found.keys() == {"goods_details[0].quantity"}


@pytest.mark.parametrize(
    ("amount", "currency", "kept"),
    [
        ("40000", "IDR", "40000"),
        ("40000.00", "IDR", "40000"),
        (40000, "IDR", "40000"),
        (Decimal("4E+4"), "IDR", "40000"),
        ("1.500", "KWD", "1.50"),
        ("19.9", "USD", "19.9"),
        (Decimal("9.95") * Decimal("2.0000"), "USD", "19.90"),
        ("999999999999999.99", "USD", "999999999999999.99"),
    ],
)
def test_an_amount_is_kept_with_the_decimals_its_currency_takes(
    amount: Any, currency: str, kept: str
) -> None:
    assert str(link(total_amount=amount, currency=currency).total_amount) == kept
    goods = item(price=amount, goods_currency=currency)
    assert str(goods.price) == kept
    sent_back = refund(refund_amount=amount, refund_currency=currency)
    assert str(sent_back.refund_amount) == kept


@pytest.mark.parametrize(
    ("amount", "currency"),
    [
        ("0", "USD"),
        ("0.00", "USD"),
        (0, "IDR"),
        ("0.5", "IDR"),
        ("1.001", "KWD"),
        ("1.005", "USD"),
        (19.9, "USD"),
        (True, "USD"),
        (-1, "USD"),
        ("1e3", "USD"),
        ("１", "USD"),
        (Decimal("NaN"), "USD"),
        (Decimal("1e1000000"), "USD"),
    ],
)
def test_any_other_amount_is_refused(amount: Any, currency: str) -> None:
    assert refused(link, total_amount=amount, currency=currency).keys() == {
        "total_amount"
    }
    found = refused(refund, refund_amount=amount, refund_currency=currency)
    assert found.keys() == {"refund_amount"}


def test_a_gift_may_be_among_the_goods_but_nothing_is_paid_with_nothing() -> None:
    free, _ = link(goods_details=[item(price=0), item()]).goods_details
    assert free.price == 0
