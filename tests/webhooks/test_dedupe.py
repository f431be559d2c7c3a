"""One event has one key, two events have two."""

from __future__ import annotations

import hashlib
import itertools
import json
from typing import cast

import pytest

from payermax_async.core.models.notifications import Notification
from payermax_async.core.strict_json import JsonObject, JsonValue, write_json
from payermax_async.webhooks import dedupe_key
from payermax_async.webhooks.inbox.ordering import digest
from payermax_async.webhooks.samples import (
    APP_ID,
    MERCHANT_NO,
    SampleQuirk,
    build_notification,
)
from tests.webhooks import kit


async def _key(payload: JsonObject) -> tuple[str, ...]:
    verifier = kit.notification_verifier(
        kit.TrustingVerifier(), merchant_no=[MERCHANT_NO, "2"], app_id=[APP_ID, "3"]
    )
    found = await verifier.verify({"sign": kit.RIGHT_SHAPE}, write_json(payload))
    return dedupe_key(found)


@pytest.mark.parametrize(
    ("payload", "key"),
    [
        (
            build_notification(
                "PAYBYLINK", clock=kit.CLOCK, merchant_link_id="a", out_trade_no="t"
            ),
            (MERCHANT_NO, "PAYBYLINK", "a", "t", "SUCCESS"),
        ),
        (
            build_notification("PAYBYLINK", clock=kit.CLOCK, pay_by_link_info=[]),
            (MERCHANT_NO, "PAYBYLINK", "paybylinktest001"),
        ),
        (
            build_notification(
                "PAYMENT", clock=kit.CLOCK, out_trade_no="t", status="CLOSED"
            ),
            (MERCHANT_NO, "PAYMENT", "t", "CLOSED"),
        ),
        (
            build_notification("REFUND", clock=kit.CLOCK, out_refund_no="r"),
            (MERCHANT_NO, "REFUND", "r", "REFUND_SUCCESS"),
        ),
        (
            build_notification(
                "REFUND", clock=kit.CLOCK, out_refund_no="r", merchant_no=None
            ),
            (f"app:{APP_ID}", "REFUND", "r", "REFUND_SUCCESS"),
        ),
    ],
)
async def test_the_key_is_merchant_type_business_id_and_status(
    payload: JsonObject, key: tuple[str, ...]
) -> None:
    assert await _key(payload) == key


_KINDS = ["PAYBYLINK", "PAYMENT", "REFUND", "CHARGEBACK"]


def _payload(kind: str, **envelope: JsonValue) -> JsonObject:
    known = "PAYBYLINK" if kind == "CHARGEBACK" else kind
    quirks = envelope.pop("quirks", ())
    built = build_notification(
        known, clock=kit.CLOCK, quirks=cast("tuple[SampleQuirk, ...]", quirks)
    )
    return {**built, "notifyType": kind, **envelope}


@pytest.mark.parametrize("kind", _KINDS)
async def test_another_time_or_order_of_fields_is_the_same_event(kind: str) -> None:
    payload = _payload(kind)
    later = {**payload, "notifyTime": "2024-02-27T11:09:00.1Z"}
    data = cast("JsonObject", payload["data"])
    turned: JsonObject = {**payload, "data": dict(reversed(data.items()))}
    assert write_json(turned) != write_json(payload)
    assert len({await _key(one) for one in (payload, later, turned)}) == 1


async def test_the_order_of_payments_makes_no_difference() -> None:
    payments: list[JsonValue] = [
        {"outTradeNo": "t2", "status": "CLOSE"},
        {"outTradeNo": "t1", "status": "SUCCESS"},
        {"status": "PENDING"},
    ]
    keys = {
        await _key(
            build_notification(
                "PAYBYLINK", clock=kit.CLOCK, pay_by_link_info=list(order)
            )
        )
        for order in itertools.permutations(payments)
    }
    (key,) = keys
    assert key[3:] == ("", "PENDING", "t1", "SUCCESS", "t2", "CLOSE")


async def test_spellings_of_a_known_status_are_one() -> None:
    keys = {
        await _key(build_notification("PAYMENT", clock=kit.CLOCK, status=status))
        for status in ("SUCCESS", "success", " Success ")
    }
    assert len(keys) == 1


async def test_different_events_have_different_keys() -> None:
    payloads = [_payload(kind) for kind in _KINDS]
    payloads += [_payload(kind, merchantNo="2") for kind in _KINDS]
    payloads += [_payload(kind, merchantNo=None) for kind in _KINDS]
    payloads += [_payload(kind, merchantNo=None, appId="3") for kind in _KINDS]
    for kind, changes in {
        "PAYBYLINK": [{"merchant_link_id": "x"}, {"status": "PENDING"}],
        "PAYMENT": [{"out_trade_no": "x"}, {"status": "FAILED"}],
        "REFUND": [{"out_refund_no": "x"}, {"status": "REFUND_FAILED"}],
    }.items():
        for change in changes:
            payloads.append(
                build_notification(kind, quirks=(), clock=kit.CLOCK, **change)
            )
    # Of unknown types any difference in content counts, wherever it stands.
    payloads += [
        _payload("CHARGEBACK", data=None),
        _payload("CHARGEBACK", data=[1]),
        _payload("CHARGEBACK", data={"id": "1"}),
        _payload("CHARGEBACK", data={"id": "2"}),
        _payload("CHARGEBACK", data={"id": 2}),
        _payload("CHARGEBACK", data={}, disputeId="1"),
        _payload("CHARGEBACK", data={}, disputeId="2"),
    ]
    keys = [await _key(payload) for payload in payloads]
    assert len(set(keys)) == len(payloads)


async def test_a_notification_of_no_particular_kind_has_a_key_too() -> None:
    bare = Notification(notify_type="X", app_id="3", extra={"id": "1"})
    other = Notification(notify_type="X", app_id="3", extra={"id": "2"})
    assert dedupe_key(bare)[:2] == ("app:3", "X")
    assert dedupe_key(bare) != dedupe_key(other)


@pytest.mark.parametrize(
    "names", [(), ("",), ("a", "b"), ("ab", ""), ('"', "\\", "\n\0"), ("\ud800é日😀",)]
)
def test_a_digest_is_of_the_names_as_a_list_in_json(names: tuple[str, ...]) -> None:
    # It stands in tables: another spelling would make every event a new one.
    text = json.dumps(names, separators=(",", ":"))
    assert digest(*names) == hashlib.sha256(text.encode()).hexdigest()
