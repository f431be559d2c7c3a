"""What PayerMax sends beside links, payments and refunds: told apart, acknowledged."""

from __future__ import annotations

from decimal import Decimal
from typing import cast

import attrs
import pytest

from payermax_async.config import MerchantConfig
from payermax_async.core.codec import from_wire
from payermax_async.core.errors import WebhookError, WebhookReason
from payermax_async.core.models.links import LinkDetails
from payermax_async.core.models.notifications import (
    PaymentNotification,
    UnknownNotification,
)
from payermax_async.core.models.orders import Order
from payermax_async.core.operations.settlement import has_ended, is_under_way
from payermax_async.core.strict_json import JsonObject, JsonValue, write_json
from payermax_async.reconcile.learned import learned
from payermax_async.webhooks import (
    AlertKind,
    FraudNotification,
    LinkNotPaid,
    MemoryInbox,
    NotificationVerifier,
    Receiver,
    ReceiverLimits,
    dedupe_key,
)
from payermax_async.webhooks.samples import (
    APP_ID,
    MERCHANT_NO,
    build_notification,
)
from tests.webhooks import kit
from tests.webhooks.post import HOUR, Post, failing, running

TRUSTED = {"sign": kit.RIGHT_SHAPE}


def _envelope(kind: str | None, data: JsonObject, **fields: JsonValue) -> JsonObject:
    """What every notification has, around any payload; None leaves a field out."""
    told: dict[str, JsonValue] = {
        "code": "APPLY_SUCCESS",
        "msg": "Success.",
        "keyVersion": "1",
        "appId": APP_ID,
        "merchantNo": MERCHANT_NO,
        "notifyTime": "2024-02-27T11:02:03 +0000",
        "notifyType": kind,
        **fields,
        "data": data,
    }
    return {name: value for name, value in told.items() if value is not None}


_DISPUTE: JsonObject = {
    "caseId": "C1",
    "outTradeNo": "T1",
    "status": "DISPUTE_RECEIVED",
    "amount": "19.90",
    "tradeAmount": "19.90",
    "expirationDate": "2024-03-05",
}
_FRAUD: JsonObject = {
    "merchantNo": MERCHANT_NO,
    "outTradeNo": "T1",
    "tradeAmount": "19.90",
    "tradeCurrency": "USD",
}
_RFI: JsonObject = {
    "rfiNo": "RFI1",
    "businessType": "PAYMENT",
    "status": "WAITING",
    "expireTime": "2024-03-05T00:00:00 +0000",
    "relateOrderId": ["T1"],
}
_CAPTURE: JsonObject = {
    "captureNo": "CP1",
    "requestId": "Q1",
    "outTradeNo": "T1",
    "amount": "19.90",
    "currency": "USD",
    "status": "SUCCESS",
    "isFinal": "true",
}
_VOID: JsonObject = {"requestId": "Q1", "outTradeNo": "T1", "status": "SUCCESS"}

_SHAPES: dict[str, tuple[str | None, JsonObject, str, str]] = {
    "dispute": ("DISPUTE", _DISPUTE, "DISPUTE", "DisputeOpened C1"),
    "chargeback": ("CHARGEBACK", _DISPUTE, "CHARGEBACK", "DisputeOpened C1"),
    "complaint": (
        "CUSTOMER COMPLAINT",
        _DISPUTE,
        "CUSTOMER COMPLAINT",
        "DisputeOpened C1",
    ),
    "dispute without a type": (None, _DISPUTE, "DISPUTE", "DisputeOpened C1"),
    "dispute called a fraud": ("FRAUD", _DISPUTE, "FRAUD CASE", "DisputeOpened C1"),
    "fraud": ("FRAUD", _FRAUD, "FRAUD", "FraudReported T1"),
    "fraud without a type": (None, _FRAUD, "FRAUD", "FraudReported T1"),
    "request for information": (None, _RFI, "RFI", "InformationRequested RFI1"),
    "request for information with an empty type": (
        "",
        _RFI,
        "RFI",
        "InformationRequested RFI1",
    ),
    "capture": ("REFUND", _CAPTURE, "CAPTURE", "CaptureSucceeded Q1"),
    "capture under its own type": (
        "CAPTURE",
        _CAPTURE,
        "CAPTURE",
        "CaptureSucceeded Q1",
    ),
    "capture in other spellings": (
        " refund ",
        {"CaptureNo ": "CP1", "amount": "1", "Currency": "USD", "status": "failed"},
        "CAPTURE",
        "CaptureFailed ",
    ),
    "void": ("REFUND", _VOID, "CANCEL", "VoidSucceeded Q1"),
    "void with its number": (
        "REFUND",
        {"cancelNo": "V1", **_VOID},
        "CANCEL",
        "VoidSucceeded Q1",
    ),
}
_HALF: dict[str, tuple[str | None, JsonObject, str, str]] = {
    "dispute without its id": (
        "DISPUTE",
        {name: value for name, value in _DISPUTE.items() if name != "caseId"},
        "DISPUTE",
        "data.caseId: is missing",
    ),
    "dispute without type and id": (
        None,
        {name: value for name, value in _DISPUTE.items() if name != "caseId"},
        "DISPUTE",
        "data.caseId: is missing",
    ),
    "dispute over no amount": (
        "CHARGEBACK",
        {**_DISPUTE, "amount": ["19.90"]},
        "CHARGEBACK",
        "data.amount: is no amount",
    ),
    "request without its state": (
        None,
        {**_RFI, "status": {}},
        "RFI",
        "data.status: is no text",
    ),
    "fraud without its order": (
        "FRAUD",
        {"tradeAmount": "1"},
        "FRAUD",
        "data.outTradeNo: is missing",
    ),
    "capture of nothing": (
        "REFUND",
        {**_CAPTURE, "amount": "0"},
        "CAPTURE",
        "data: has an amount of zero",
    ),
    "payout of nobody": (
        "PAYOUT",
        {"status": "SUCCESS"},
        "PAYOUT",
        "data.outTradeNo: is missing",
    ),
    "void without its state": (
        "REFUND",
        {"requestId": "Q1"},
        "CANCEL",
        "data.status: is missing",
    ),
}


@pytest.mark.parametrize("name", _SHAPES)
async def test_a_notice_is_told_by_its_fields_kept_and_acknowledged(name: str) -> None:
    kind, data, told, event_told = _SHAPES[name]
    post = Post()
    post.receiver.otherwise(post.note)
    async with running(post):
        for second in range(6):
            # A new time with every delivery, and still the same event.
            time = f"2024-02-27T11:02:0{second}.000+00:00"
            content = _envelope(kind, data, notifyTime=time, requestTime=time)
            assert await post.deliver(content) == 200
        (entry,) = await post.inbox.entries()
        event = entry.event()
    assert (entry.notify_type, entry.deliveries) == (told, 6)
    assert not isinstance(event.notification, UnknownNotification)
    assert post.seen == [event_told]
    assert post.alerts == []


@pytest.mark.parametrize("name", _HALF)
async def test_what_lacks_something_is_kept_as_it_came_acknowledged_and_loud(
    name: str,
) -> None:
    kind, data, told, problem = _HALF[name]
    post = Post()
    post.receiver.otherwise(post.note)
    async with running(post):
        for _ in range(2):
            assert await post.deliver(_envelope(kind, data)) == 200
        (entry,) = await post.inbox.entries()
        found = entry.event().notification
    assert (entry.notify_type, entry.deliveries) == (told, 2)
    assert isinstance(found, UnknownNotification)
    assert (found.data, found.problem) == (data, problem)
    # Also where a catch-all takes it, as the handler of its type does not get it.
    assert post.seen == ["UnknownEvent "]
    (alert,) = post.alerts
    assert (alert.kind, alert.problem) == (AlertKind.INCOMPLETE, problem)


@pytest.mark.parametrize("name", _HALF)
async def test_what_lacks_something_and_nobody_wants_is_told_once(name: str) -> None:
    kind, data, told, _ = _HALF[name]
    post = Post()
    async with running(post):
        assert await post.deliver(_envelope(kind, data)) == 200
        assert await post.states() == ["unclaimed"]
    (alert,) = post.alerts
    if told == "CANCEL":
        assert alert.kind is AlertKind.INCOMPLETE
    else:
        assert alert.kind is AlertKind.UNCLAIMED
        assert told in alert.problem


async def test_an_incomplete_notice_whose_handler_fails_is_told_of_once() -> None:
    post = Post()
    post.receiver.otherwise(failing(post, times=1, error=OSError()))
    kind, data, *_ = _HALF["dispute without its id"]
    async with running(post):
        await post.deliver(_envelope(kind, data))
        await post.advance(HOUR)
    assert post.seen == ["UnknownEvent "]
    assert [alert.kind for alert in post.alerts] == [AlertKind.INCOMPLETE]


async def test_a_refund_stays_a_refund_whatever_else_it_says() -> None:
    post = Post()
    post.receiver.otherwise(post.note)
    content = build_notification("REFUND", clock=kit.CLOCK)
    data = cast("JsonObject", content["data"])
    async with running(post):
        await post.deliver({**content, "data": {**data, "requestId": "Q", **_CAPTURE}})
        # Neither a refund nor anything else that is known under that type.
        del data["outRefundNo"]
        assert await post.deliver(content) == 500
    assert post.seen == ["UnknownEvent R1001"]


async def test_the_result_of_a_capture_cancels_no_payment() -> None:
    post = Post()
    post.receiver.otherwise(post.note)
    async with running(post):
        for data in (_CAPTURE, _VOID):
            await post.deliver(_envelope("REFUND", data))
        await post.deliver("PAYMENT", out_trade_no="T1")
    assert post.seen[-1] == "PaymentSucceeded T1"
    assert post.alerts == []


async def test_a_link_without_payments_is_kept_and_acknowledged() -> None:
    post = Post()
    post.receiver.otherwise(post.note)
    async with running(post):
        nothing: tuple[JsonValue, ...] = ([], None)
        for listed in nothing:
            content = build_notification(
                "PAYBYLINK", clock=kit.CLOCK, pay_by_link_info=listed
            )
            assert await post.deliver(content) == 200
    assert post.seen == ["UnknownEvent paybylinktest001"]


# --- for whom it is ------------------------------------------------------------------


@pytest.mark.parametrize("name", ["dispute", "fraud", "request for information"])
@pytest.mark.parametrize(
    ("merchants", "apps"),
    [
        (MERCHANT_NO, APP_ID),
        (MERCHANT_NO, ["a", APP_ID]),
        (None, APP_ID),
        ([MERCHANT_NO], None),
    ],
)
async def test_a_case_that_names_nobody_is_taken_where_one_merchant_is_served(
    name: str, merchants: str | list[str] | None, apps: str | list[str] | None
) -> None:
    kind, data, *_ = _SHAPES[name]
    verifier = kit.notification_verifier(
        kit.TrustingVerifier(), merchant_no=merchants, app_id=apps
    )
    body = write_json(_envelope(kind, data, merchantNo=None, appId=None))
    found = await verifier.verify(TRUSTED, body)
    assert not isinstance(found, UnknownNotification)
    if merchants is not None:
        assert found.merchant_no == MERCHANT_NO


@pytest.mark.parametrize(
    ("merchants", "apps"),
    [
        ([MERCHANT_NO, "2"], [APP_ID]),
        (None, [APP_ID, "a"]),
        ([MERCHANT_NO, "2"], None),
    ],
)
async def test_a_case_that_names_nobody_is_refused_loudly_where_several_are_served(
    merchants: list[str] | None, apps: list[str] | None
) -> None:
    alerts: list[tuple[AlertKind, str]] = []
    receiver = Receiver(
        kit.notification_verifier(
            kit.TrustingVerifier(), merchant_no=merchants, app_id=apps
        ),
        MemoryInbox(),
        on_alert=lambda alert: alerts.append((alert.kind, alert.problem)),
        clock=kit.CLOCK,
        limits=ReceiverLimits(workers=0),
    )
    body = write_json(_envelope("DISPUTE", _DISPUTE, merchantNo=None, appId=None))
    async with receiver:
        assert (await receiver.handle(TRUSTED, body)).status == 403
    ((kind, problem),) = alerts
    assert kind is AlertKind.NOT_OURS
    assert "an endpoint of its own" in problem


@pytest.mark.parametrize(
    ("content", "ours"),
    [
        (_envelope("FRAUD", _FRAUD, merchantNo=None, appId=None), True),
        (
            _envelope(
                "FRAUD", {**_FRAUD, "merchantNo": "9"}, merchantNo=None, appId=None
            ),
            False,
        ),
        # Only cases may leave both out: nothing that moves money, nothing unknown.
        (_envelope("REFUND", _CAPTURE, merchantNo=None, appId=None), False),
        (_envelope("PAYOUT", _DISPUTE, merchantNo=None, appId=None), False),
        (
            {
                **_envelope("PAYMENT", {}, merchantNo=None, appId=None),
                "data": build_notification("PAYMENT", clock=kit.CLOCK)["data"],
            },
            False,
        ),
        # What is named is compared all the same.
        (_envelope("DISPUTE", _DISPUTE, merchantNo="9", appId=None), False),
        (_envelope("DISPUTE", _DISPUTE, merchantNo=None, appId="9"), False),
    ],
)
async def test_only_a_case_of_this_merchant_is_taken(
    content: JsonObject, ours: bool
) -> None:
    found = await kit.outcome(
        kit.notification_verifier(kit.TrustingVerifier()), TRUSTED, write_json(content)
    )
    if ours:
        assert isinstance(found, FraudNotification)
        assert found.merchant_no == MERCHANT_NO
    else:
        assert isinstance(found, WebhookError)
        assert found.reason is WebhookReason.NOT_OURS


@pytest.mark.parametrize(
    ("changed", "ours"),
    [({}, True), ({"appId": "9"}, False), ({"merchantNo": "9"}, False)],
)
async def test_the_verifier_of_a_configuration_compares_number_and_app(
    changed: JsonObject, ours: bool
) -> None:
    config = MerchantConfig(
        merchant_no=MERCHANT_NO,
        app_id=APP_ID,
        platform_keys=kit.platform_key().public_key,
    )
    verifier = NotificationVerifier.for_merchant(config, clock=kit.CLOCK)
    body = write_json({**kit.link_payload(), **changed})
    found = await kit.outcome(verifier, {"sign": kit.sign(body)}, body)
    assert isinstance(found, WebhookError) is not ours
    # A notification that leaves the number out is this merchant's by its app alone.
    left_out = {**kit.link_payload(), **changed}
    del left_out["merchantNo"]
    body = write_json(left_out)
    found = await kit.outcome(verifier, {"sign": kit.sign(body)}, body)
    assert isinstance(found, WebhookError) is ("appId" in changed)


# --- not paid yet, and not paid at all -----------------------------------------------


def _authorized(**changes: JsonValue) -> JsonObject:
    content = build_notification("PAYMENT", clock=kit.CLOCK, out_trade_no="T1")
    data = cast("JsonObject", content["data"])
    told: JsonObject = {
        **data,
        "captureMode": "MANUAL",
        "authorizationType": "FINAL_AUTH",
        **changes,
    }
    left: JsonObject = {
        name: value for name, value in told.items() if value is not None
    }
    return {**content, "data": left}


@pytest.mark.parametrize(
    ("changes", "event"),
    [
        ({}, "PaymentAuthorized"),
        ({"captureMode": " manual "}, "PaymentAuthorized"),
        ({"captureMode": None}, "PaymentAuthorized"),
        ({"captureMode": "AUTOMATIC"}, "PaymentSucceeded"),
        ({"captureMode": None, "authorizationType": None}, "PaymentSucceeded"),
        ({"status": "FAILED"}, "PaymentFailed"),
        ({"status": "CLOSED"}, "PaymentClosed"),
    ],
)
async def test_an_authorised_payment_is_not_paid(
    changes: dict[str, JsonValue], event: str
) -> None:
    post = Post()
    post.receiver.otherwise(post.note)
    async with running(post):
        assert await post.deliver(_authorized(**changes)) == 200
        (entry,) = await post.inbox.entries()
    assert post.seen == [f"{event} T1"]
    found = entry.event().notification
    assert isinstance(found, PaymentNotification)
    assert found.data.is_paid is (event == "PaymentSucceeded")


async def test_an_authorisation_and_its_payment_have_keys_of_their_own() -> None:
    verifier = kit.notification_verifier(kit.TrustingVerifier())
    authorized, paid = [
        dedupe_key(await verifier.verify(TRUSTED, write_json(content)))
        for content in (_authorized(), _authorized(captureMode="AUTOMATIC"))
    ]
    assert authorized == (MERCHANT_NO, "PAYMENT", "T1", "AUTHORIZED")
    assert paid == (MERCHANT_NO, "PAYMENT", "T1", "SUCCESS")


async def test_a_capture_mode_that_cannot_be_read_is_not_guessed() -> None:
    async with running(Post()) as post:
        assert await post.deliver(_authorized(captureMode=["MANUAL"])) == 500


async def test_what_was_authorised_is_paid_once_a_payment_says_so() -> None:
    post = Post()
    post.receiver.otherwise(post.note)
    async with running(post):
        await post.deliver("PAYMENT", out_trade_no="T1", status="PENDING")
        await post.deliver(_authorized())
        await post.deliver(_authorized())
        await post.deliver("PAYMENT", out_trade_no="T1")
        await post.deliver(_authorized(reference="late"))
    assert post.seen == [
        "PaymentPending T1",
        "PaymentAuthorized T1",
        "PaymentSucceeded T1",
    ]


@pytest.mark.parametrize("amount", [0, "0", "0.00", Decimal("0.0")])
@pytest.mark.parametrize("status", ["SUCCESS", "FAILED"])
async def test_an_order_of_nothing_is_its_own_event(
    amount: JsonValue, status: str
) -> None:
    content = build_notification("PAYMENT", clock=kit.CLOCK, status=status)
    data = cast("JsonObject", content["data"])
    post = Post()
    post.receiver.otherwise(post.note)
    async with running(post):
        zero: JsonObject = {**content, "data": {**data, "totalAmount": amount}}
        assert await post.deliver(zero) == 200
        (entry,) = await post.inbox.entries()
        # The number is free: money that comes under it is a payment.
        await post.deliver("PAYMENT")
    assert post.seen == [
        "ZeroPayment P2024022711020000001",
        "PaymentSucceeded P2024022711020000001",
    ]
    found = entry.event().notification
    assert isinstance(found, PaymentNotification)
    assert not found.data.is_paid
    assert dedupe_key(found)[-1] == f"ZERO {status}"


@pytest.mark.parametrize(
    ("fields", "paid"),
    [
        ({}, True),
        ({"captureMode": "AUTOMATIC"}, True),
        ({"captureMode": "MANUAL"}, False),
        ({"totalAmount": 0}, False),
        ({"status": "PENDING"}, False),
    ],
)
def test_a_query_tells_paid_from_authorised(
    fields: dict[str, JsonValue], paid: bool
) -> None:
    told: JsonObject = {
        "outTradeNo": "T1",
        "totalAmount": "10",
        "currency": "USD",
        "status": "SUCCESS",
        **fields,
    }
    assert from_wire(told, Order).is_paid is paid


def test_a_link_that_is_only_authorised_is_not_paid_and_not_over() -> None:
    listed: list[JsonValue] = [
        {"outTradeNo": "T1", "status": "SUCCESS", "captureMode": "MANUAL"}
    ]
    told: JsonObject = {
        "merchantLinkId": "o-1",
        "totalAmount": "10",
        "currency": "USD",
        "linkStatus": "EXPIRED",
        "payByLinkInfo": listed,
    }
    link = from_wire(told, LinkDetails)
    assert not link.is_paid
    assert link.successful_payment is None
    assert is_under_way(link)
    assert not has_ended(link)
    assert learned(link, Account(), kit.NOW) is None


async def test_an_authorised_payment_of_a_link_does_not_hide_its_success() -> None:
    post = Post()
    post.receiver.otherwise(post.note)
    content = kit.link_payload("o-1")
    data = cast("JsonObject", content["data"])
    (payment,) = cast("list[JsonObject]", data["payByLinkInfo"])
    manual: list[JsonValue] = [{**payment, "captureMode": "MANUAL"}]
    async with running(post):
        await post.deliver({**content, "data": {**data, "payByLinkInfo": manual}})
        await post.deliver(content)
    assert post.seen == [f"{LinkNotPaid.__name__} o-1", "LinkPaid o-1"]


@attrs.frozen
class Account:
    """Whose link it is."""

    merchant_no: str = MERCHANT_NO
    app_id: str = APP_ID
