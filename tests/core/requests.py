"""Requests that are right, to make one thing wrong at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from payermax_async.core.errors import ValidationError
from payermax_async.core.models.link_parts import GoodsItem, UserInfo
from payermax_async.core.models.link_request import CreateLink, LinkDefaults
from payermax_async.core.models.refunds import CreateRefund

URL = "https://shop.test/"
DEFAULTS = LinkDefaults(
    contact_email="shop@shop.test",
    logo_url=URL + "logo.png",
    notify_url=URL + "notify",
    show_url=URL + "goods",
    language="zh",
)


def long_url(length: int) -> str:
    return URL + "x" * (length - len(URL))


def user(**changes: Any) -> UserInfo:
    return UserInfo(**{"user_id": "u-98", **changes})


def item(**changes: Any) -> GoodsItem:
    given: dict[str, Any] = {
        "goods_name": "T-shirt",
        "goods_description": "Blue",
        "price": "9.95",
        "goods_currency": "USD",
        "show_url": URL,
    }
    return GoodsItem(**{**given, **changes})


def link(**changes: Any) -> CreateLink:
    given: dict[str, Any] = {
        "merchant_link_id": "order-1001",
        "total_amount": "19.90",
        "currency": "USD",
        "country": "US",
        "description": "Two T-shirts",
        "user_info": user(),
    }
    return CreateLink(**{**given, **changes})


def refund(**changes: Any) -> CreateRefund:
    given: dict[str, Any] = {
        "out_refund_no": "R1",
        "refund_amount": "1.50",
        "refund_currency": "USD",
        "out_trade_no": "T1",
    }
    return CreateRefund(**{**given, **changes})


def problems(error: ValidationError) -> dict[str, str]:
    return {problem.path: problem.message for problem in error.problems}


def refused(make: Callable[..., object], **changes: Any) -> dict[str, str]:
    with pytest.raises(ValidationError) as caught:
        make(**changes)
    return problems(caught.value)
