"""What the gateway sends is read however it is spelled."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import attrs
import pytest

from payermax_async.core.codec import from_wire
from payermax_async.core.models.common import Received
from payermax_async.core.models.links import (
    CreatedLink,
    LinkDetails,
    LinkPayment,
    LinkStatus,
)
from payermax_async.core.models.notifications import (
    LinkResult,
    Notification,
    RefundResult,
)
from payermax_async.core.models.orders import Order
from payermax_async.core.models.payments import (
    CardInfo,
    Fees,
    PaymentDetail,
    PaymentStatus,
)
from payermax_async.core.models.refunds import RefundDetails
from payermax_async.core.scalars import ShapeError
from payermax_async.core.strict_json import JsonObject, JsonValue

LINK: JsonObject = {"merchantLinkId": "a", "totalAmount": "1", "currency": "USD"}
ORDER: JsonObject = {**LINK, "outTradeNo": "T1"}
PAID: JsonObject = {"status": "SUCCESS", "outTradeNo": "T1"}


def test_unknown_fields_are_kept_as_they_came() -> None:
    more: JsonObject = {
        "riskScore": Decimal("0.5"),
        "a": {"b": [None]},
        "nothing": None,
    }
    assert from_wire({**LINK, **more}, LinkDetails).extra == more


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("SUCCESS", PaymentStatus.SUCCESS),
        ("success", PaymentStatus.SUCCESS),
        (" Success\t", PaymentStatus.SUCCESS),
        ("CLOSE", PaymentStatus.CLOSE),
        ("CLOSED", PaymentStatus.CLOSED),
        ("REVERSED", "REVERSED"),
        ("reversed ", "reversed "),
        ("", ""),
        # Letters that merely have the right capitals or look alike.
        ("ſucceſſ", "ſucceſſ"),
        ("ЅUССЕЅЅ", "ЅUССЕЅЅ"),
        ("SUCCESS\u200b", "SUCCESS\u200b"),
    ],
)
def test_a_status_is_read_in_any_case_and_kept_when_unknown(
    text: str, status: str
) -> None:
    order = from_wire({**ORDER, "status": text}, Order)
    assert order.status == status
    assert type(order.status) is type(status)
    assert order.is_paid == (status is PaymentStatus.SUCCESS)


@pytest.mark.parametrize("text", ["ACTIVE", "active", "Active", " active "])
def test_a_link_status_is_read_in_any_case(text: str) -> None:
    assert from_wire({**LINK, "linkStatus": text}, LinkDetails).link_status is (
        LinkStatus.ACTIVE
    )


@pytest.mark.parametrize(
    ("model", "name", "field"),
    [
        (CardInfo, "cardNumber ", "card_number"),
        (CardInfo, " country", "country"),
        (CardInfo, "\tcardOrg\n", "card_org"),
        (CardInfo, "cardIidentifierNo ", "card_identifier_no"),
        (CardInfo, "cardidentifierno", "card_identifier_no"),
        (CardInfo, " paymentTokenID", "payment_token_id"),
        (CardInfo, "paymentTokenId", "payment_token_id"),
        (PaymentDetail, "paymentTokenID", "payment_token_id"),
        (CreatedLink, "qrcodeURL", "qr_code_url"),
        (Notification, "merchantAppId", "app_id"),
        (Notification, "APPID", "app_id"),
    ],
)
def test_names_are_read_however_they_are_spelled(
    model: type[Received], name: str, field: str
) -> None:
    needed: JsonObject = {
        "merchantLinkId": "a",
        "linkUrl": "http://u",
        "notifyType": "X",
    }
    value = "https://pay.test/1"
    found = from_wire({**needed, name: value}, model)
    assert getattr(found, field) == value
    assert name not in found.extra


@pytest.mark.parametrize("name", ["userName", "username", "UserName", " userName "])
def test_both_spellings_of_the_buyers_name_are_read(name: str) -> None:
    found = from_wire({"userInfo": {"userId": "98", name: "孟艳"}}, LinkPayment)
    assert found.user_info is not None
    assert found.user_info.user_name == "孟艳"


@pytest.mark.parametrize(
    ("names", "status"),
    [
        ({"status": "PENDING", "STATUS": "SUCCESS"}, "PENDING"),
        ({"STATUS": "SUCCESS", "status": "PENDING"}, "PENDING"),
        ({" status": "SUCCESS", "status": "PENDING"}, "PENDING"),
        ({" status": "PENDING", "status": None}, "PENDING"),
        # Different names, however alike they look.
        ({"ſtatus": "SUCCESS", "status": "PENDING"}, "PENDING"),
    ],
)
def test_the_exact_name_wins_and_the_other_is_kept(
    names: JsonObject, status: str
) -> None:
    order = from_wire({**ORDER, **names}, Order)
    assert order.status == status
    assert not order.is_paid
    assert set(order.extra.values()) - {"a"} == set(names.values()) - {status, None}


def test_a_letter_that_only_folds_to_another_makes_another_name() -> None:
    found = from_wire({**ORDER, "ſtatus": "SUCCESS"}, Order)
    assert found.status is None
    assert found.extra == {"merchantLinkId": "a", "ſtatus": "SUCCESS"}


@pytest.mark.parametrize(
    ("given", "amount"),
    [
        ({"refundAmount": 28}, 28),
        ({"totalAmount": Decimal("28.5")}, Decimal("28.5")),
        ({"refundAmount": "28", "totalAmount": "99"}, 28),
        ({"totalAmount": "99", "refundAmount": "28"}, 28),
        ({"refundAmount": None, "totalAmount": "28"}, 28),
        ({}, None),
    ],
)
def test_a_refunds_amount_has_two_names(
    given: JsonObject, amount: Decimal | int | None
) -> None:
    found = from_wire({"status": "REFUND_SUCCESS", **given}, RefundDetails)
    assert found.refund_amount == amount


@pytest.mark.parametrize("given", [None, [], {}])
def test_no_goods_are_no_goods(given: JsonValue) -> None:
    found = from_wire({**LINK, "goodsDetails": given}, LinkDetails)
    assert [goods.goods_name for goods in found.goods_details] in ([], [None])
    assert "goodsDetails" not in found.extra


def bare(item: JsonValue) -> JsonValue:
    return item


def listed(item: JsonValue) -> JsonValue:
    return [item]


@pytest.mark.parametrize("wrap", [bare, listed])
def test_one_object_and_a_list_of_one_read_the_same(
    wrap: Callable[[JsonValue], JsonValue],
) -> None:
    goods = from_wire({**LINK, "goodsDetails": wrap({"goodsName": "x"})}, LinkDetails)
    assert [item.goods_name for item in goods.goods_details] == ["x"]
    fees = from_wire({"merFee": wrap({"amount": "2.50"})}, Fees)
    assert [fee.amount for fee in fees.mer_fee] == [Decimal("2.50")]
    paid = from_wire({**LINK, "payByLinkInfo": wrap(PAID)}, LinkDetails)
    assert paid.is_paid


@pytest.mark.parametrize("link_status", ["ACTIVE", "EXPIRED", "PAID", "SUCCESS", None])
@pytest.mark.parametrize("model", [LinkDetails, LinkResult])
@pytest.mark.parametrize(
    ("statuses", "paid"),
    [
        (None, False),
        ([], False),
        (["PENDING"], False),
        (["CLOSE"], False),
        (["PAID"], False),
        ([None], False),
        (["SUCCESS"], True),
        (["CLOSE", "PENDING", "SUCCESS", "CLOSE"], True),
    ],
)
def test_a_link_is_paid_when_a_payment_of_it_succeeded_whatever_its_status(
    model: type[LinkDetails | LinkResult],
    link_status: str | None,
    statuses: list[JsonValue] | None,
    paid: bool,
) -> None:
    payments: JsonValue = None
    if statuses is not None:
        payments = [{"status": status} for status in statuses]
    data: JsonObject = {**LINK, "linkStatus": link_status, "payByLinkInfo": payments}
    link = from_wire(data, model)
    assert link.is_paid is paid
    assert (link.successful_payment is not None) is paid


@attrs.frozen(kw_only=True)
class Both(Received):
    total_amount: Decimal | None = None
    refund_amount: Decimal | None = None


@pytest.mark.parametrize(
    ("data", "total", "refund"),
    [
        ({"totalAmount": "1"}, 1, None),
        ({"refundAmount": "2"}, None, 2),
        ({"totalAmount": "1", "refundAmount": "2"}, 1, 2),
        ({"totalAmount": "1", "refundAmount": None}, 1, None),
    ],
)
def test_a_total_and_a_refund_in_one_model_never_read_each_other(
    data: JsonObject, total: int | None, refund: int | None
) -> None:
    found = from_wire(data, Both)
    assert (found.total_amount, found.refund_amount) == (total, refund)


def test_only_the_model_that_names_an_alias_reads_it() -> None:
    refund: JsonObject = {"status": "REFUND_SUCCESS", "totalAmount": "28"}
    assert from_wire(refund, RefundDetails).refund_amount == 28
    notice: JsonObject = {
        "outRefundNo": "R1",
        "status": "REFUND_SUCCESS",
        "totalAmount": "28",
        "refundCurrency": "USD",
    }
    with pytest.raises(ShapeError, match="refundAmount: is missing"):
        from_wire(notice, RefundResult)


def test_odd_names_are_read_as_they_are_sent() -> None:
    found = from_wire(
        {"threeDSResult": {"threeDSVersion": "2.2.0"}, "paymentTokenID": "t"}, CardInfo
    )
    assert found.three_ds_result is not None
    assert found.three_ds_result.three_ds_version == "2.2.0"
    assert found.payment_token_id == "t"
    assert not found.extra
