"""Settings, addressees and times of the notification check."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import cast

import attrs
import pytest

from payermax_async.config import MerchantConfig
from payermax_async.core.errors import (
    ConfigurationError,
    NoReplyError,
    WebhookError,
    WebhookReason,
)
from payermax_async.core.models.notifications import (
    LinkNotification,
    PaymentNotification,
    RefundNotification,
    UnknownNotification,
)
from payermax_async.core.strict_json import write_json
from payermax_async.signing import Verifier
from payermax_async.webhooks import (
    ACKNOWLEDGEMENT,
    CONTENT_TYPE,
    NotificationVerifier,
)
from payermax_async.webhooks.samples import (
    APP_ID,
    MERCHANT_NO,
    NotificationKind,
    sign_notification,
)
from tests.webhooks import kit

TRUSTED = {"sign": kit.RIGHT_SHAPE}


def _new(
    verifier: object = None,
    merchant_no: object = "1",
    app_id: object = None,
    max_body: int = 1,
    max_age: timedelta | None = None,
) -> NotificationVerifier:
    return NotificationVerifier(
        cast("Verifier", verifier or kit.TrustingVerifier()),
        merchant_no=cast("str", merchant_no),
        app_id=cast("str", app_id),
        max_body=max_body,
        max_age=max_age,
    )


@pytest.mark.parametrize(
    ("make", "fix"),
    [
        (lambda: _new(merchant_no=None), "give merchant_no, app_id or both"),
        (lambda: _new(merchant_no=""), "merchant_no is the text"),
        (lambda: _new(merchant_no=" 1"), "merchant_no is the text"),
        (lambda: _new(merchant_no=[]), "merchant_no is the text"),
        (lambda: _new(merchant_no=["1", None]), "merchant_no is the text"),
        (lambda: _new(app_id=[""]), "app_id is the text"),
        (lambda: _new(app_id=[7]), "app_id is the text"),
        (lambda: _new(max_body=0), "max_body"),
        (lambda: _new(max_age=timedelta(0)), "max_age"),
        (lambda: _new(verifier=object()), "must check signatures"),
        (lambda: _new(verifier=kit.platform_key()), "PrivateKey does not"),
    ],
)
def test_a_setting_without_sensible_meaning_is_refused(
    make: Callable[[], NotificationVerifier], fix: str
) -> None:
    with pytest.raises(ConfigurationError, match=fix):
        make()


def test_the_limit_is_there_for_the_server_to_read_no_more() -> None:
    assert _new(max_body=77).max_body == 77


@pytest.mark.parametrize(
    ("merchant_no", "app_id", "sent", "ours"),
    [
        (MERCHANT_NO, None, {}, True),
        (None, APP_ID, {}, True),
        (["1", MERCHANT_NO], ("2", APP_ID), {}, True),
        ("1", APP_ID, {}, False),
        (MERCHANT_NO, "2", {}, False),
        (["1", "2"], None, {}, False),
        # A merchant number that merely contains the right one, or the reverse.
        (MERCHANT_NO + "0", None, {}, False),
        (MERCHANT_NO[:-1], None, {}, False),
        # What is not configured is not compared, and what is not sent cannot be.
        (MERCHANT_NO, None, {"appId": "9"}, True),
        (MERCHANT_NO, None, {"merchantNo": None}, False),
        (None, APP_ID, {"merchantNo": None}, True),
        (None, APP_ID, {"appId": None}, False),
        (None, APP_ID, {"appId": None, "merchantAppId": "9"}, False),
        # One reading for the check and for the model, whatever the spelling.
        (MERCHANT_NO, None, {"merchantNo ": "9"}, True),
    ],
)
async def test_only_notifications_for_this_merchant_or_app_are_taken(
    merchant_no: str | Collection[str] | None,
    app_id: str | Collection[str] | None,
    sent: dict[str, str | None],
    ours: bool,
) -> None:
    verifier = kit.notification_verifier(
        kit.TrustingVerifier(), merchant_no=merchant_no, app_id=app_id
    )
    body = write_json({**kit.link_payload(), **sent})
    if ours:
        notification = await verifier.verify(TRUSTED, body)
        assert notification.merchant_no in {MERCHANT_NO, None}
        return
    with pytest.raises(WebhookError) as caught:
        await verifier.verify(TRUSTED, body)
    assert caught.value.reason is WebhookReason.NOT_OURS
    kit.check_refusal(caught.value, body)


_SPELLINGS = ["merchantNo", "merchantno", "MERCHANTNO", " merchantNo", "merchantNo\n"]


@pytest.mark.parametrize("first", _SPELLINGS)
@pytest.mark.parametrize("second", _SPELLINGS)
async def test_two_spellings_of_the_merchant_never_pass_one_and_show_the_other(
    first: str, second: str
) -> None:
    payload = kit.link_payload()
    del payload["merchantNo"]
    body = write_json({**payload, first: "9", second: MERCHANT_NO})
    verifier = kit.notification_verifier(kit.TrustingVerifier())
    outcome = await kit.outcome(verifier, TRUSTED, body)
    if isinstance(outcome, WebhookError):
        assert outcome.reason is WebhookReason.NOT_OURS
    else:
        assert outcome.merchant_no == MERCHANT_NO


def _at(moment: datetime) -> bytes:
    return kit.body_of(notify_time=moment.isoformat(timespec="microseconds"))


_TICK = timedelta(microseconds=1)
_DAYS = timedelta(hours=48)
_QUARTER = timedelta(minutes=15)


@pytest.mark.parametrize(
    ("body", "max_age", "taken"),
    [
        (_at(kit.NOW), _DAYS, True),
        (_at(kit.NOW - _DAYS), _DAYS, True),
        (_at(kit.NOW - _DAYS - _TICK), _DAYS, False),
        (_at(kit.NOW - _DAYS - _TICK), timedelta(hours=49), True),
        (_at(kit.NOW + _QUARTER), _DAYS, True),
        (_at(kit.NOW + _QUARTER + _TICK), _DAYS, False),
        (_at(kit.NOW + timedelta(days=900)), None, True),
        (_at(kit.NOW - timedelta(days=900)), None, True),
        (kit.body_of(notify_time="0001-01-01T00:00:00+14:00"), _DAYS, False),
        (kit.body_of(notify_time="9999-12-31T23:59:59-14:00"), _DAYS, False),
        # Another offset is the same moment.
        (kit.body_of(notify_time="2024-02-27T19:02:03+08:00"), _DAYS, True),
        (kit.body_of(notify_time="2024-02-25T19:02:02+08:00"), _DAYS, False),
        # A check of sanity only: what has no readable time passes it.
        (kit.body_of(notify_time="yesterday"), _DAYS, True),
        (kit.body_of(notify_time=""), _DAYS, True),
        (write_json({**kit.link_payload(), "notifyTime": None}), _DAYS, True),
    ],
)
async def test_a_time_far_from_now_is_refused_but_authentic(
    body: bytes, max_age: timedelta | None, taken: bool
) -> None:
    verifier = kit.notification_verifier(kit.TrustingVerifier(), max_age=max_age)
    if taken:
        assert isinstance(await verifier.verify(TRUSTED, body), LinkNotification)
        return
    with pytest.raises(WebhookError) as caught:
        await verifier.verify(TRUSTED, body)
    assert caught.value.reason is WebhookReason.STALE
    kit.check_refusal(caught.value, body)


def test_the_last_of_six_deliveries_is_well_inside_the_default_age() -> None:
    gaps = (0, 30, 300, 600, 3600, 43_200)
    assert timedelta(seconds=sum(gaps)) * 3 < timedelta(hours=48)


async def test_without_settings_the_machines_clock_decides() -> None:
    verifier = NotificationVerifier(kit.TrustingVerifier(), merchant_no=MERCHANT_NO)
    fresh = sign_notification(kit.platform_key())
    assert isinstance(
        await verifier.verify(fresh.headers, fresh.body), LinkNotification
    )
    with pytest.raises(WebhookError) as caught:
        await verifier.verify(TRUSTED, kit.body_of())
    assert caught.value.reason is WebhookReason.STALE


@pytest.mark.parametrize(
    ("kind", "model"),
    [
        ("PAYBYLINK", LinkNotification),
        ("PAYMENT", PaymentNotification),
        ("REFUND", RefundNotification),
    ],
)
async def test_each_type_has_its_model(kind: str, model: type[object]) -> None:
    found = sign_notification(
        kit.platform_key(), NotificationKind(kind), clock=kit.CLOCK
    )
    notification = await kit.notification_verifier().verify(found.headers, found.body)
    assert type(notification) is model
    assert notification.notify_time == kit.NOW


async def test_an_unknown_type_is_kept_with_everything_in_it() -> None:
    payload = {**kit.link_payload(), "notifyType": "CHARGEBACK", "new": [1]}
    verifier = kit.notification_verifier(kit.TrustingVerifier())
    notification = await verifier.verify(TRUSTED, write_json(payload))
    assert isinstance(notification, UnknownNotification)
    assert notification.notify_type == "CHARGEBACK"
    assert notification.data == payload["data"]
    assert notification.extra == {"new": [1]}


async def test_what_hangs_on_the_status_follows_the_status_alone() -> None:
    verifier = kit.notification_verifier(kit.TrustingVerifier())

    async def paid(**fields: str) -> bool:
        found = await verifier.verify(TRUSTED, kit.body_of(**fields))
        assert isinstance(found, LinkNotification)
        return found.data.is_paid

    assert await paid(code="PAYMENT_FAILED")
    assert not await paid(status="PENDING")
    assert not await paid(status="SETTLING")


async def test_the_trouble_of_a_remote_verifier_is_not_taken_for_a_forgery() -> None:
    class Unreachable:
        async def verify(self, payload: bytes, signature: str) -> None:
            raise NoReplyError("the key service did not answer")

    with pytest.raises(NoReplyError):
        await kit.notification_verifier(Unreachable()).verify(TRUSTED, b"{}")


async def test_the_fault_is_named_without_its_value() -> None:
    payload = kit.body_of().replace(b'"totalAmount"', b'"\\ntotalAmount "')
    body = payload.replace(b'"10000"', b'"-4242"')
    with pytest.raises(WebhookError, match="totalAmount") as caught:
        await kit.notification_verifier(kit.TrustingVerifier()).verify(TRUSTED, body)
    assert "\n" not in str(caught.value)
    assert "4242" not in str(caught.value)


def test_the_answers_are_the_exact_bytes_payermax_reads() -> None:
    assert ACKNOWLEDGEMENT == b'{"code":"SUCCESS","msg":"Success"}'
    assert CONTENT_TYPE == "application/json"


async def test_a_merchants_configuration_is_all_a_verifier_needs() -> None:
    config = MerchantConfig(
        merchant_no=MERCHANT_NO,
        app_id=APP_ID,
        platform_keys=kit.platform_key().public_key,
    )
    verifier = NotificationVerifier.for_merchant(config, clock=kit.CLOCK)
    found = kit.genuine()
    assert isinstance(
        await verifier.verify(found.headers, found.body), LinkNotification
    )
    with pytest.raises(WebhookError):
        await verifier.verify(found.headers, found.body + b" ")
    with pytest.raises(ConfigurationError):
        NotificationVerifier.for_merchant(attrs.evolve(config, platform_keys=()))
