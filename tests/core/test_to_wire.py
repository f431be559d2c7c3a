"""What is sent is exact."""

from __future__ import annotations

from decimal import Context, Decimal, localcontext

import attrs
import pytest

from payermax_async.core.codec import to_wire
from payermax_async.core.models.common import Sent, wire
from payermax_async.core.models.link_request import CreateLink, UserInfo
from payermax_async.core.models.refunds import CreateRefund
from payermax_async.core.money import AmountInput
from payermax_async.core.strict_json import write_json


def small_link(total_amount: AmountInput = "19.90") -> CreateLink:
    return CreateLink(
        merchant_link_id="a",
        total_amount=total_amount,
        currency="USD",
        country="US",
        description="x",
        user_info=UserInfo(user_id="u"),
    )


def test_what_is_left_out_is_not_sent() -> None:
    assert to_wire(small_link()) == {
        "merchantLinkId": "a",
        "linkType": "ONETIME",
        "totalAmount": "19.90",
        "currency": "USD",
        "country": "US",
        "description": "x",
        "userInfo": {"userId": "u"},
        "goodsDetails": [],
    }


@pytest.mark.parametrize(
    ("amount", "number"),
    [
        ("1E+2", b"100"),
        ("0.10", b"0.10"),
        ("123456789012345.67", b"123456789012345.67"),
    ],
)
def test_a_refunds_amount_is_an_exact_json_number(amount: str, number: bytes) -> None:
    refund = CreateRefund(
        out_refund_no="R1",
        refund_amount=Decimal(amount),
        refund_currency="USD",
        out_trade_no="T1",
    )
    with localcontext(Context(prec=3)):
        body = write_json(to_wire(refund))
    assert body.count(b'"refundAmount":' + number + b",") == 1


def test_a_links_amounts_are_text_without_exponent() -> None:
    assert to_wire(small_link(Decimal("4E+4")))["totalAmount"] == "40000"


@attrs.frozen(kw_only=True)
class Oddities(Sent):
    payment_token_id: str = attrs.field(metadata=wire(name="paymentTokenID"))
    dynamic_3ds: str = attrs.field(metadata=wire(name="dynamic3DS"))
    express_merchant_id: str = attrs.field(metadata=wire(name="expressMerchantID"))
    three_ds_version: str = attrs.field(metadata=wire(name="threeDSVersion"))


def test_names_that_snake_case_cannot_make_are_sent_as_the_gateway_has_them() -> None:
    odd = Oddities(
        payment_token_id="t",
        dynamic_3ds="1",
        express_merchant_id="m",
        three_ds_version="2.2.0",
    )
    assert to_wire(odd) == {
        "paymentTokenID": "t",
        "dynamic3DS": "1",
        "expressMerchantID": "m",
        "threeDSVersion": "2.2.0",
    }
