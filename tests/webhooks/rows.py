"""Rows of the table of bad notifications: how each request is made and judged."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import pytest

from payermax_async.core.errors import WebhookError, WebhookReason
from payermax_async.core.models.notifications import Notification
from payermax_async.core.strict_json import JsonObject, write_json
from payermax_async.signing import RsaVerifier
from payermax_async.webhooks import HeaderSource
from tests.webhooks import kit
from tests.webhooks.reception_desk import check_reception

Request = tuple[HeaderSource, bytes]
Expected = WebhookReason | type[Notification]

MISSING = WebhookReason.SIGNATURE_MISSING
REPEATED = WebhookReason.SIGNATURE_REPEATED
SHAPE = WebhookReason.SIGNATURE_SHAPE
WRONG = WebhookReason.SIGNATURE_WRONG
UNREADABLE = WebhookReason.UNREADABLE
NOT_OURS = WebhookReason.NOT_OURS
_WITHOUT_RSA = {
    MISSING,
    REPEATED,
    SHAPE,
    WebhookReason.TOO_LARGE,
    WebhookReason.ENCODED,
}


@attrs.frozen
class Case:
    row: int
    name: str
    request: Callable[[], Request]
    expected: Expected

    def __str__(self) -> str:
        return f"{self.row}-{self.name.replace(' ', '_')}"


def under(*headers: tuple[str, str]) -> Request:
    """The genuine body under these headers alone."""
    return list(headers), kit.genuine().body


def right_signature() -> str:
    return kit.genuine().headers["sign"]


def spelled(change: Callable[[str], str]) -> Callable[[], Request]:
    return lambda: under(("sign", change(right_signature())))


def sign_is(value: str) -> Callable[[], Request]:
    return lambda: under(("sign", value))


def signed(body: bytes) -> Callable[[], Request]:
    return lambda: ([("sign", kit.sign(body))], body)


def genuine_plus(*headers: tuple[str, str]) -> Callable[[], Request]:
    return lambda: under(*headers, ("sign", right_signature()))


def changed_body(change: Callable[[bytes], bytes]) -> Callable[[], Request]:
    """The genuine signature over a body that was changed on the way."""

    def request() -> Request:
        found = kit.genuine()
        body = change(found.body)
        assert body != found.body
        return [("sign", found.headers["sign"])], body

    return request


def without(payload: JsonObject, *names: str) -> bytes:
    return write_json({k: v for k, v in payload.items() if k not in names})


async def check(case: Case) -> None:
    """Send the request of a row and hold what becomes of it against the row.

    First to the verifier, then to a receiver.
    """
    headers, body = case.request()
    counting = kit.CountingVerifier(RsaVerifier(kit.platform_key().public_key))
    verifier = kit.notification_verifier(counting)
    if not isinstance(case.expected, WebhookReason):
        notification = await verifier.verify(headers, body)
        assert type(notification) is case.expected
        assert counting.calls == 1
        await check_reception(verifier, headers, body, None)
        return
    with pytest.raises(WebhookError) as caught:
        await verifier.verify(headers, body)
    assert caught.value.reason is case.expected
    kit.check_refusal(caught.value, body)
    assert counting.calls == (0 if case.expected in _WITHOUT_RSA else 1)
    await check_reception(verifier, headers, body, case.expected)
    assert counting.calls == (0 if case.expected in _WITHOUT_RSA else 3)
