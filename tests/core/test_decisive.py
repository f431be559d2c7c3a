"""Money and identity are read right, or the message is refused."""

from __future__ import annotations

import re
from decimal import Context, Decimal, localcontext
from typing import Any, cast

import attrs
import pytest

from payermax_async.core.codec import from_wire
from payermax_async.core.models.common import Received
from payermax_async.core.models.links import LinkDetails
from payermax_async.core.models.notifications import (
    LinkResult,
    PaymentResult,
    RefundResult,
)
from payermax_async.core.models.orders import Order
from payermax_async.core.models.payments import PaymentDetail
from payermax_async.core.models.refunds import RefundDetails
from payermax_async.core.scalars import ShapeError
from payermax_async.core.strict_json import JsonObject, JsonValue, read_json

LINK: JsonObject = {"merchantLinkId": "a", "totalAmount": "1", "currency": "USD"}
ORDER: JsonObject = {**LINK, "outTradeNo": "T1"}
PAID: JsonObject = {"status": "SUCCESS", "outTradeNo": "T1"}


AMOUNT_FIELDS: list[tuple[type[Received], str, JsonObject]] = [
    (LinkDetails, "totalAmount", {"merchantLinkId": "a", "currency": "USD"}),
    (LinkResult, "totalAmount", {"merchantLinkId": "a", "currency": "USD"}),
    (Order, "totalAmount", {"outTradeNo": "T1", "currency": "USD"}),
    (
        PaymentResult,
        "totalAmount",
        {"outTradeNo": "T1", "currency": "USD", "status": "SUCCESS"},
    ),
    (
        RefundResult,
        "refundAmount",
        {"outRefundNo": "R1", "refundCurrency": "USD", "status": "REFUND_SUCCESS"},
    ),
    (RefundDetails, "refundAmount", {"status": "REFUND_SUCCESS"}),
]


def wire_name(field: str) -> str:
    return re.sub("_(.)", lambda match: match[1].upper(), field)


amounts = pytest.mark.parametrize(
    ("model", "name", "rest"),
    AMOUNT_FIELDS,
    ids=lambda value: value.__name__ if isinstance(value, type) else None,
)


@amounts
@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ('"10000"', "10000"),
        ("10000", "10000"),
        ("81.73", "81.73"),
        ('"81.730"', "81.73"),
        ("0", "0"),
        ("123456789012345.67", "123456789012345.67"),
    ],
)
def test_an_amount_is_read_from_text_or_number_to_the_last_digit(
    model: type[Received], name: str, rest: JsonObject, text: str, amount: str
) -> None:
    data = {**rest, name: read_json(text.encode())}
    field = "total_amount" if name == "totalAmount" else "refund_amount"
    with localcontext(Context(prec=3)):
        found = getattr(from_wire(data, model), field)
    assert isinstance(found, Decimal)
    assert found == Decimal(amount)


@amounts
@pytest.mark.parametrize(
    "text",
    [
        "4E+4",
        "1.0E7",
        "1e20",
        '"4E+4"',
        '"1e1000000"',
        "-1",
        '"-1"',
        '"１２"',
        '"١٢"',
        '"1_000"',
        '"1,000"',
        '" 1"',
        '""',
        "true",
        "[]",
        "{}",
        '["1"]',
        "1.23456",
        "1000000000000000",
    ],
)
def test_an_amount_in_any_other_form_fails_the_message(
    model: type[Received], name: str, rest: JsonObject, text: str
) -> None:
    with pytest.raises(ShapeError, match=f"^{name}: ") as caught:
        from_wire({**rest, name: read_json(text.encode())}, model)
    assert caught.value.path == name
    assert caught.value.__suppress_context__


@amounts
def test_a_missing_amount_or_id_fails_the_message_where_money_hangs_on_it(
    model: type[Received], name: str, rest: JsonObject
) -> None:
    whole: JsonObject = {**rest, name: "1"}
    required = {
        wire_name(field.name)
        for field in cast("tuple[attrs.Attribute[Any], ...]", attrs.fields(model))
        if field.default is attrs.NOTHING
    }
    assert required == set(whole) - ({name} if model is RefundDetails else set())
    for missing in whole:
        for data in (
            {key: value for key, value in whole.items() if key != missing},
            {**whole, missing: None},
        ):
            if missing not in required:
                from_wire(data, model)
                continue
            with pytest.raises(ShapeError, match=f"^{missing}: is missing$"):
                from_wire(data, model)


@pytest.mark.parametrize("status", [1.5, True, [], {}, ["SUCCESS"]])
@pytest.mark.parametrize("model", [Order, PaymentResult])
def test_a_status_that_is_no_text_fails_the_message(
    model: type[Received], status: Any
) -> None:
    with pytest.raises(ShapeError, match=r"^status: is no text$"):
        from_wire({**ORDER, "status": status}, model)


UNREADABLE: list[tuple[JsonValue, str]] = [
    ("SUCCESS", "payByLinkInfo[0]"),
    ([PAID, None], "payByLinkInfo[1]"),
    ([PAID, {"status": []}], "payByLinkInfo[1].status"),
]


@pytest.mark.parametrize(("payments", "path"), UNREADABLE)
def test_unreadable_payments_fail_the_message_with_their_path(
    payments: JsonValue, path: str
) -> None:
    with pytest.raises(ShapeError) as caught:
        from_wire({**LINK, "payByLinkInfo": payments}, LinkDetails)
    assert caught.value.path == path


def test_what_is_unreadable_elsewhere_is_set_aside() -> None:
    odd: JsonObject = {
        "expiresAt": "tomorrow",
        "country": ["ID"],
        "goodsDetails": ["shoes"],
        "qrCodeUrl": True,
    }
    link = from_wire({**LINK, **odd}, LinkDetails)
    assert link.extra == odd
    assert (link.expires_at, link.country, link.qr_code_url) == (None, None, None)
    assert link.goods_details == ()
    detail = from_wire({"payAmount": "much", "exchangeRate": []}, PaymentDetail)
    assert detail.extra == {"payAmount": "much", "exchangeRate": []}
    assert (detail.pay_amount, detail.exchange_rate) == (None, None)


@pytest.mark.parametrize(
    ("value", "text"), [(98, "98"), (0, "0"), (Decimal("1.50"), "1.50"), ("x", "x")]
)
def test_an_id_sent_as_a_number_is_read_as_text(value: JsonValue, text: str) -> None:
    assert from_wire({**ORDER, "outTradeNo": value}, Order).out_trade_no == text
