"""What the webhook tests stand on: a still clock, a counting verifier, raw RSA."""

from __future__ import annotations

import base64
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from functools import cache

import attrs
from Crypto.PublicKey import RSA

from payermax_async.core.errors import SignatureError, WebhookError, WebhookReason
from payermax_async.core.models.notifications import Notification
from payermax_async.core.strict_json import JsonObject, write_json
from payermax_async.signing import PrivateKey, RsaSigner, RsaVerifier, Verifier
from payermax_async.webhooks import HeaderSource, NotificationVerifier
from payermax_async.webhooks.samples import (
    APP_ID,
    MERCHANT_NO,
    SignedNotification,
    build_notification,
    sign_notification,
)

NOW = datetime(2024, 2, 27, 11, 2, 3, 456000, tzinfo=UTC)
CANARY = "order-canary-4711"
RIGHT_SHAPE = base64.b64encode(bytes(256)).decode()


class StillClock:
    """A clock that stands at one moment."""

    def now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("nothing in a verifier waits")


CLOCK = StillClock()


@attrs.define
class CountingVerifier:
    """Counts how often a signature was worth the price of RSA."""

    inner: Verifier
    calls: int = 0

    async def verify(self, payload: bytes, signature: str) -> None:
        self.calls += 1
        await self.inner.verify(payload, signature)


class TrustingVerifier:
    """Takes every signature for right: to reach what lies behind it cheaply."""

    async def verify(self, payload: bytes, signature: str) -> None:
        assert type(payload) is bytes


class RefusingVerifier:
    """Takes no signature for right."""

    async def verify(self, payload: bytes, signature: str) -> None:
        raise SignatureError("no")


@cache
def platform_key() -> PrivateKey:
    """The key that plays PayerMax's."""
    return PrivateKey.generate()


@cache
def other_key() -> PrivateKey:
    """Any other key: the merchant's, another environment's, a retired one."""
    return PrivateKey.generate()


@cache
def rsa_numbers() -> RSA.RsaKey:
    """The platform key's numbers, for signatures no honest signer makes."""
    return RSA.import_key(platform_key().to_pem())


def raw_signature(message: bytes) -> str:
    """The RSA private operation on an encoded message of the modulus' length."""
    key = rsa_numbers()
    number = pow(int.from_bytes(message, "big"), key.d, key.n)
    return base64.b64encode(number.to_bytes(256, "big")).decode()


def sign(body: bytes, key: PrivateKey | None = None) -> str:
    return RsaSigner(key or platform_key()).sign_now(body)


def link_payload(merchant_link_id: str = CANARY, **fields: str) -> JsonObject:
    return build_notification(
        "PAYBYLINK",
        quirks=(),
        clock=CLOCK,
        merchant_link_id=merchant_link_id,
        **fields,
    )


@cache
def genuine() -> SignedNotification:
    return sign_notification(platform_key(), link_payload())


def body_of(**fields: str) -> bytes:
    return write_json(link_payload(**fields))


def notification_verifier(
    verifier: Verifier | None = None,
    *,
    merchant_no: str | Collection[str] | None = MERCHANT_NO,
    app_id: str | Collection[str] | None = APP_ID,
    max_age: timedelta | None = timedelta(hours=48),
) -> NotificationVerifier:
    return NotificationVerifier(
        verifier or RsaVerifier(platform_key().public_key),
        merchant_no=merchant_no,
        app_id=app_id,
        max_age=max_age,
        clock=CLOCK,
    )


async def outcome(
    verifier: NotificationVerifier, headers: HeaderSource, body: bytes
) -> Notification | WebhookError:
    """The notification or the refusal; any other error is the test's failure."""
    try:
        return await verifier.verify(headers, body)
    except WebhookError as error:
        check_refusal(error)
        return error


STATUS = {
    WebhookReason.TOO_LARGE: 413,
    WebhookReason.ENCODED: 415,
    WebhookReason.SIGNATURE_MISSING: 401,
    WebhookReason.SIGNATURE_REPEATED: 401,
    WebhookReason.SIGNATURE_SHAPE: 401,
    WebhookReason.SIGNATURE_WRONG: 401,
    WebhookReason.NOT_OURS: 403,
    WebhookReason.UNREADABLE: 500,
    WebhookReason.STALE: 500,
}


def check_refusal(error: WebhookError, body: bytes = b"") -> None:
    """The outside of a refusal depends on its class only, and repeats nothing."""
    assert error.status == STATUS[error.reason]
    assert error.body == b'{"code":"FAIL","msg":"Failed"}'
    assert error.authentic == (error.status == 500)
    seen = f"{error!r} {error} {error.__dict__} {error.__cause__!r}"
    assert error.__context__ is None or error.__suppress_context__
    assert CANARY not in seen
    assert "411111" not in seen
    if len(body) > 8:
        assert repr(body)[2:-1] not in seen
