"""What is sent is exact."""

from __future__ import annotations

from decimal import Context, Decimal, localcontext

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from payermax_async.core.codec import to_wire, write_wire
from payermax_async.core.models.common import Sent, wire
from payermax_async.core.models.link_parts import UserInfo
from payermax_async.core.models.link_request import CreateLink
from payermax_async.core.models.refunds import CreateRefund
from payermax_async.core.money import AmountInput
from payermax_async.core.strict_json import JsonError, write_json
from tests.core.requests import DEFAULTS, item, link, refund


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


@given(st.text(), st.text(max_size=9))
def test_what_is_written_at_once_is_what_the_object_says(text: str, more: str) -> None:
    values = {"payment_token_id": text, "dynamic_3ds": more}
    odd = Oddities(**values, express_merchant_id="\\u0000", three_ds_version="")
    try:
        whole = write_json({"data": to_wire(odd)})
    except JsonError:
        with pytest.raises(JsonError):
            write_json({"data": write_wire(odd)})
    else:
        assert write_json({"data": write_wire(odd)}) == whole


@pytest.mark.parametrize("nul", ["\0", "a\0b"])
def test_what_no_json_can_hold_is_refused_when_it_is_written_at_once(nul: str) -> None:
    odd = Oddities(
        payment_token_id=nul,
        dynamic_3ds="",
        express_merchant_id="",
        three_ds_version="",
    )
    with pytest.raises(JsonError):
        write_wire(odd)


@pytest.mark.parametrize(
    "request_",
    [
        link(),
        link().completed(DEFAULTS),
        link(goods_details=[item(), item(quantity="12", price=Decimal("4E+4"))]),
        link(expires_in=7200, link_description='été "quoted"'),
        refund(),
        refund(refund_amount=Decimal("1E+2"), comments="退款"),
    ],
)
def test_every_kind_of_field_is_written_as_the_object_has_it(request_: Sent) -> None:
    assert write_json(write_wire(request_)) == write_json(to_wire(request_))
