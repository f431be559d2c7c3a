"""The vendor's published examples are what is sent, and are read."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

from payermax_async.core.codec import from_wire, to_wire
from payermax_async.core.envelope import Identity, read_reply, write_request
from payermax_async.core.models.link_parts import GoodsItem, MerchantInfo, UserInfo
from payermax_async.core.models.link_request import CreateLink, LinkDefaults
from payermax_async.core.models.links import (
    CreatedLink,
    ExpiredLink,
    LinkDetails,
    LinkStatus,
)
from payermax_async.core.models.notifications import LinkNotification
from payermax_async.core.models.orders import Order
from payermax_async.core.models.refunds import RefundDetails, RefundStatus
from payermax_async.core.strict_json import JsonValue, read_json
from tests.core import samples

EIGHT = timezone(timedelta(hours=8))


def published_link() -> CreateLink:
    return CreateLink(
        merchant_link_id="paylinktest001",
        expires_in=timedelta(days=1),
        country="ID",
        currency="IDR",
        total_amount=40000,
        language="en",
        description="冬季新款运动鞋",
        link_description="链接收款衣物鞋帽",
        user_info=UserInfo(user_id="98", username="孟艳"),
        goods_details=[
            GoodsItem(
                goods_name="运动鞋",
                goods_description="冬季新款减震跑步运动鞋",
                quantity=2,
                price=20000,
                goods_currency="IDR",
                show_url="http://dummyimage.com/400x400",
            )
        ],
        merchant_info=MerchantInfo(
            logo_url="http://dummyimage.com/logo/100x100",
            contact_email="i.bbnettq@qq.com",
        ),
        notify_url="http://srprnjkx.bv/ifgarmv",
    )


def test_the_published_request_is_what_create_link_sends() -> None:
    published = json.loads(samples.CREATE_REQUEST)
    assert to_wire(published_link()) == published["data"]
    # Nothing is left to complete, so the configuration changes nothing.
    defaults = LinkDefaults(contact_email="x@y.test", language="de")
    assert published_link().completed(defaults) == published_link()


def test_the_published_envelope_is_what_is_signed() -> None:
    body = write_request(
        Identity(
            app_id="6666c8b036a24579974497c2f9a33333", merchant_no="010213834784554"
        ),
        version="1.4",
        request_time=datetime(2022, 1, 22, 10, 0, 0, 500_000, EIGHT),
        data=to_wire(published_link()),
    )
    assert json.loads(body) == json.loads(samples.CREATE_REQUEST)
    assert "冬季新款运动鞋".encode() in body


def data_of(sample: str) -> JsonValue:
    reply = read_reply(sample.encode())
    assert reply.is_success
    return reply.data


def test_the_published_creation_is_read() -> None:
    link = from_wire(data_of(samples.CREATED), CreatedLink)
    assert link == CreatedLink(
        link_id="iwockllp",
        merchant_link_id="paylinktest001",
        link_url="https://www.payermax.link/qltvlsd",
        link_status=LinkStatus.ACTIVE,
        qr_code_url="https://www.payermax.link/imagesqrcode",
        expires_at=datetime(2022, 11, 1, 10, tzinfo=EIGHT),
    )


def test_an_answer_of_the_test_environment_is_read() -> None:
    link = from_wire(data_of(samples.CREATED_IN_TEST_ENVIRONMENT), CreatedLink)
    assert link.link_url == "http://uat.payermax.link/uat/#/BYLqPQaQlD"
    assert link.expires_at == datetime(2024, 2, 28, 5, 46, 25, tzinfo=UTC)
    assert link.extra == {}


def test_the_published_withdrawal_is_read_and_proves_nothing() -> None:
    link = from_wire(data_of(samples.EXPIRED), ExpiredLink)
    assert link.merchant_link_id == "paybylinktest001"
    assert link.link_status is LinkStatus.ACTIVE


def test_the_published_details_are_read_with_one_object_for_a_list() -> None:
    link = from_wire(data_of(samples.LINK_DETAILS), LinkDetails)
    assert link.is_paid
    assert link.total_amount == Decimal(10000)
    assert link.description == "冬季新款运动鞋"
    (payment,) = link.pay_by_link_info
    assert link.successful_payment is payment
    assert payment.out_trade_no == "order2022001"
    assert payment.complete_at == datetime(2022, 10, 20, 10, 0, 0, 500_000, EIGHT)
    (detail,) = payment.payment_details
    assert (detail.target_org, detail.payment_method_type) == ("", "CARD")
    assert detail.card_info is not None
    assert detail.card_info.masked_number == "625244*********9483"
    (goods,) = link.goods_details
    assert (goods.goods_id, goods.price) == ("ZAK1002", Decimal("14999.00"))
    assert goods.show_url == "https: //xxx.xxx.com/SKU1239438283"
    assert link.extra == goods.extra == {}


def test_the_published_notification_is_read() -> None:
    found = from_wire(read_json(samples.LINK_NOTIFICATION.encode()), LinkNotification)
    assert found.notify_type == "PAYBYLINK"
    assert found.notify_time == datetime(2022, 10, 20, 10, 0, 0, 500_000, EIGHT)
    link = found.data
    assert link.is_paid
    assert link.link_status is LinkStatus.ACTIVE
    card = link.pay_by_link_info[0].payment_details[0].card_info
    assert card is not None
    assert card.card_number == card.masked_number == "625244****9483"
    assert card.extra == link.extra == found.extra == {}


def test_the_published_order_is_read() -> None:
    order = from_wire(data_of(samples.ORDER), Order)
    assert order.is_paid
    assert (order.total_amount, order.currency) == (Decimal("81.73"), "SAR")
    assert order.create_time == datetime(2025, 6, 26, 12, 11, 36, 142_000, UTC)
    assert order.complete_time == datetime(2025, 6, 26, 12, 12, 1, tzinfo=UTC)
    (detail,) = order.payment_details
    assert (detail.pay_amount, detail.pay_currency) == (Decimal("21.79"), "USD")
    assert detail.exchange_rate == Decimal("0.266611526734369")
    assert detail.payment_method == "CARD"
    card = detail.card_info
    assert card is not None
    assert (card.country, card.payment_token_id) == ("SA", "token-canary")
    assert card.total_card_org == ("VISA", "MADA")
    assert card.three_ds_result is not None
    assert card.three_ds_result.three_ds_version == "2.2.0"
    assert order.fees is not None
    assert [fee.amount for fee in order.fees.mer_fee] == [Decimal("2.50")]
    assert order.extra == detail.extra == card.extra == {}


def test_the_published_refund_is_read_with_its_other_name_for_the_amount() -> None:
    refund = from_wire(data_of(samples.REFUND_DETAILS), RefundDetails)
    assert refund.refund_amount == Decimal(28)
    assert refund.status is RefundStatus.REFUND_PENDING
    assert not refund.is_refunded
    assert refund.extra == {}
