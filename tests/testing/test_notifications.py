"""Test notifications are what PayerMax would send, as far as is known."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import cast

import pytest

from payermax_async.core.codec import from_wire
from payermax_async.core.models.links import LinkStatus
from payermax_async.core.models.notifications import (
    LinkNotification,
    Notification,
    PaymentNotification,
    RefundNotification,
)
from payermax_async.core.strict_json import JsonObject, write_json
from payermax_async.signing import PrivateKey, RsaSigner, RsaVerifier
from payermax_async.webhooks.samples import (
    APP_ID,
    MERCHANT_NO,
    FieldValue,
    NotificationKind,
    SampleQuirk,
    build_notification,
    sign_notification,
)

NOW = datetime(2024, 2, 27, 11, 2, 3, 456000, tzinfo=UTC)
MODELS: dict[str, type[Notification]] = {
    "PAYBYLINK": LinkNotification,
    "PAYMENT": PaymentNotification,
    "REFUND": RefundNotification,
}


class _Clock:
    def now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("nothing here waits")


CLOCK = _Clock()


@pytest.fixture(scope="module")
def key() -> PrivateKey:
    return PrivateKey.generate()


def _link(*quirks: SampleQuirk, **fields: FieldValue) -> LinkNotification:
    payload = build_notification("PAYBYLINK", quirks=quirks, clock=CLOCK, **fields)
    return from_wire(payload, LinkNotification)


@pytest.mark.parametrize("kind", NotificationKind)
def test_a_kind_alone_makes_a_whole_success(kind: NotificationKind) -> None:
    found = from_wire(build_notification(kind, clock=CLOCK), MODELS[kind])
    assert (found.merchant_no, found.app_id) == (MERCHANT_NO, APP_ID)
    assert found.notify_time == NOW
    assert found.code == "APPLY_SUCCESS"
    assert not found.extra
    if isinstance(found, RefundNotification):
        assert found.data.is_refunded
        assert not found.data.extra
    elif isinstance(found, LinkNotification | PaymentNotification):
        assert found.data.is_paid
        assert not found.data.extra
    else:
        raise AssertionError("no model for this kind")


@pytest.mark.parametrize("kind", NotificationKind)
@pytest.mark.parametrize("quirk", [None, *SampleQuirk])
def test_every_way_of_writing_reads_the_same(
    kind: NotificationKind, quirk: SampleQuirk | None
) -> None:
    moment = NOW.replace(microsecond=0)
    quirks = [quirk] if quirk else []
    written = build_notification(kind, quirks=quirks, clock=CLOCK, notify_time=moment)
    found = from_wire(written, MODELS[kind])
    plain = from_wire(
        build_notification(kind, clock=CLOCK, notify_time=moment), MODELS[kind]
    )
    if quirk is SampleQuirk.TIME_WITHOUT_FRACTION:
        assert found.notify_time == plain.notify_time
    elif quirk is SampleQuirk.OLD_CARD_NUMBER and not isinstance(
        found, RefundNotification
    ):
        assert _card_number(found) == _card_number(plain)
    else:
        assert found == plain


def _card_number(found: Notification) -> str | None:
    if isinstance(found, LinkNotification):
        details = found.data.pay_by_link_info[0].payment_details
    else:
        assert isinstance(found, PaymentNotification)
        details = found.data.payment_details
    card = details[0].card_info
    assert card is not None
    assert card.masked_number
    return card.masked_number


@pytest.mark.parametrize(
    ("kind", "quirk", "text"),
    [
        ("PAYBYLINK", None, '"linkStatus":"ACTIVE"'),
        ("PAYBYLINK", SampleQuirk.LOWER_CASE_STATUS, '"linkStatus":"active"'),
        ("PAYBYLINK", None, '"cardNumber":"411111****1111"'),
        (
            "PAYBYLINK",
            SampleQuirk.BLANK_AFTER_CARD_NUMBER,
            '"cardNumber ":"411111****1111"',
        ),
        (
            "PAYMENT",
            SampleQuirk.OLD_CARD_NUMBER,
            '"cardIidentifierNo ":"411111****1111"',
        ),
        ("PAYBYLINK", None, '"totalAmount":"10000"'),
        ("PAYBYLINK", SampleQuirk.AMOUNT_AS_NUMBER, '"totalAmount":10000,'),
        ("PAYMENT", None, '"totalAmount":10000,'),
        ("PAYMENT", SampleQuirk.AMOUNT_AS_TEXT, '"totalAmount":"10000"'),
        ("REFUND", None, '"refundAmount":10000,'),
        ("REFUND", SampleQuirk.AMOUNT_AS_TEXT, '"refundAmount":"10000"'),
        ("REFUND", None, '"notifyTime":"2024-02-27T11:02:03.456+00:00"'),
        ("REFUND", SampleQuirk.TIME_IN_Z, '"notifyTime":"2024-02-27T11:02:03.456Z"'),
        ("REFUND", SampleQuirk.TIME_WITHOUT_FRACTION, '"2024-02-27T11:02:03+00:00"'),
    ],
)
def test_a_quirk_shows_in_the_bytes(
    kind: str, quirk: SampleQuirk | None, text: str
) -> None:
    quirks = [quirk] if quirk else []
    payload = build_notification(kind, quirks=quirks, clock=CLOCK)
    assert text in write_json(payload).decode()


def test_quirks_combine_and_z_means_utc() -> None:
    moment = NOW.astimezone(timezone(timedelta(hours=8)))
    payload = build_notification(
        "PAYBYLINK",
        quirks=[SampleQuirk.TIME_IN_Z, SampleQuirk.TIME_WITHOUT_FRACTION],
        clock=CLOCK,
        notify_time=moment,
    )
    assert payload["notifyTime"] == "2024-02-27T11:02:03Z"


def test_fields_go_where_the_gateway_has_them() -> None:
    found = _link(
        merchant_link_id="order-1",
        total_amount="19.90",
        currency="USD",
        out_trade_no="T1",
        status="PENDING",
        code="X",
        expires_at=NOW,
        country=None,
    )
    assert found.code == "X"
    assert found.data.merchant_link_id == "order-1"
    assert found.data.total_amount == Decimal("19.90")
    assert found.data.currency == "USD"
    assert found.data.country is None
    assert found.data.expires_at == NOW
    assert found.data.link_status is LinkStatus.ACTIVE
    (payment,) = found.data.pay_by_link_info
    assert (payment.out_trade_no, payment.status) == ("T1", "PENDING")
    assert not found.data.is_paid


def test_numbers_are_exact() -> None:
    payload = build_notification(
        "PAYMENT", clock=CLOCK, total_amount=Decimal("123456789012345.67")
    )
    assert b'"totalAmount":123456789012345.67,' in write_json(payload)


def test_building_again_shares_nothing() -> None:
    first = build_notification("PAYBYLINK", clock=CLOCK)
    cast("JsonObject", first["data"]).clear()
    assert _link().data.is_paid


@pytest.mark.parametrize("kind", NotificationKind)
def test_a_misspelled_field_is_the_developers_error(kind: NotificationKind) -> None:
    with pytest.raises(TypeError, match="have no merchant_linkid"):
        build_notification(kind, clock=CLOCK, merchant_linkid="x")


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="SURVEY"):
        build_notification("SURVEY", clock=CLOCK)


def test_a_time_without_offset_is_refused() -> None:
    with pytest.raises(ValueError, match="offset"):
        build_notification("REFUND", notify_time=NOW.replace(tzinfo=None))


async def test_the_signature_is_over_the_exact_body(key: PrivateKey) -> None:
    verifier = RsaVerifier(key.public_key)
    payload: JsonObject = {
        "notifyType": "CHARGEBACK",
        "data": {"amount": Decimal("1.0")},
    }
    for found in (
        sign_notification(key),
        sign_notification(RsaSigner(key), "REFUND", out_refund_no="R9"),
        sign_notification(key, payload),
        sign_notification(key, b"\xffno JSON"),
    ):
        await verifier.verify(found.body, found.headers["sign"])
    assert sign_notification(key, payload).body == write_json(payload)
    assert sign_notification(key, b"\xff").body == b"\xff"


def test_without_a_clock_it_was_sent_now(key: PrivateKey) -> None:
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    body = json.loads(sign_notification(key).body)
    sent = datetime.fromisoformat(body["notifyTime"])
    assert before <= sent <= datetime.now(UTC)


def test_fields_do_not_go_with_a_payload(key: PrivateKey) -> None:
    with pytest.raises(TypeError, match="go with a kind"):
        sign_notification(key, {"notifyType": "X"}, status="SUCCESS")
    with pytest.raises(TypeError, match="go with a kind"):
        sign_notification(key, b"{}", quirks=[SampleQuirk.TIME_IN_Z])


def test_the_representation_shows_no_content(key: PrivateKey) -> None:
    found = sign_notification(key)
    assert "411111" not in repr(found)
    assert found.headers["sign"] not in repr(found)
