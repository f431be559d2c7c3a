"""The body as it is handed over, key changes, and repeated deliveries."""

from __future__ import annotations

from typing import cast

import pytest

from payermax_async.core.errors import WebhookError, WebhookReason
from payermax_async.core.models.notifications import (
    LinkNotification,
)
from payermax_async.signing import RsaVerifier
from payermax_async.webhooks import dedupe_key
from tests.webhooks import kit
from tests.webhooks.rows import (
    WRONG,
)


@pytest.mark.parametrize("body", ["{}", {"notifyType": "PAYBYLINK"}, None, [1], 5])
async def test_a_body_that_is_not_the_raw_bytes_is_the_developers_error(
    body: object,
) -> None:
    verifier = kit.notification_verifier()
    with pytest.raises(TypeError, match="pass the raw body"):
        await verifier.verify(kit.genuine().headers, cast("bytes", body))


@pytest.mark.parametrize("kind", [bytearray, memoryview])
async def test_a_buffer_is_taken_for_the_bytes_in_it(
    kind: type[bytearray | memoryview[int]],
) -> None:
    found = kit.genuine()
    notification = await kit.notification_verifier().verify(
        found.headers, kind(found.body)
    )
    assert isinstance(notification, LinkNotification)


async def test_the_size_of_a_buffer_of_wide_items_is_counted_in_bytes() -> None:
    wide = memoryview(bytes(300_000)).cast("Q")
    with pytest.raises(WebhookError) as caught:
        await kit.notification_verifier().verify({}, wide)
    assert caught.value.reason is WebhookReason.TOO_LARGE


async def test_a_buffer_changed_during_the_check_does_not_change_what_is_read() -> None:
    buffer = bytearray(kit.genuine().body)

    class Changing:
        async def verify(self, payload: bytes, signature: str) -> None:
            buffer[:] = b" " * len(buffer)
            await RsaVerifier(kit.platform_key().public_key).verify(payload, signature)

    verifier = kit.notification_verifier(Changing())
    notification = await verifier.verify(kit.genuine().headers, buffer)
    assert isinstance(notification, LinkNotification)
    assert notification.data.merchant_link_id == kit.CANARY


async def test_a_retired_platform_key_is_good_during_the_overlap_only() -> None:
    body = kit.body_of()
    headers = {"sign": kit.sign(body, kit.other_key())}
    new, old = kit.platform_key().public_key, kit.other_key().public_key
    during = kit.notification_verifier(RsaVerifier(new, old))
    assert isinstance(await during.verify(headers, body), LinkNotification)
    after = kit.notification_verifier(RsaVerifier(new))
    with pytest.raises(WebhookError) as caught:
        await after.verify(headers, body)
    assert caught.value.reason is WRONG


async def test_the_same_notification_verifies_again_and_is_the_same_event() -> None:
    verifier = kit.notification_verifier()
    found = kit.genuine()
    keys = [
        dedupe_key(await verifier.verify(found.headers, found.body)) for _ in range(2)
    ]
    later = kit.body_of(notify_time="2024-02-27T11:07:03.456+00:00")
    assert later != found.body
    again = await verifier.verify({"sign": kit.sign(later)}, later)
    assert keys[0] == keys[1] == dedupe_key(again)
