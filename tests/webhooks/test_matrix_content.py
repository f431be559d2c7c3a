"""Bad notifications, rows 43 to 76: size, addressee, JSON and content."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from decimal import Decimal

import pytest

from payermax_async.core.errors import WebhookReason
from payermax_async.core.models.notifications import (
    LinkNotification,
    PaymentNotification,
    UnknownNotification,
)
from payermax_async.core.strict_json import JsonObject, JsonValue, write_json
from payermax_async.webhooks.samples import build_notification
from tests.webhooks import kit
from tests.webhooks.rows import (
    MISSING,
    NOT_OURS,
    UNREADABLE,
    Case,
    Request,
    check,
    genuine_plus,
    right_signature,
    signed,
    without,
)


def _http_rows() -> Iterator[Case]:
    too_large = WebhookReason.TOO_LARGE
    encoded = WebhookReason.ENCODED
    yield Case(45, "empty and signed", signed(b""), UNREADABLE)
    yield Case(46, "empty", lambda: ([], b""), MISSING)
    yield Case(47, "announced", genuine_plus(("Content-Length", "262145")), too_large)
    yield Case(
        47, "announced hugely", genuine_plus(("content-length", "9" * 5000)), too_large
    )
    yield Case(
        47,
        "announced at the limit",
        genuine_plus(("content-length", "00262144")),
        LinkNotification,
    )
    full = kit.body_of().ljust(262_144)
    yield Case(48, "at the limit", signed(full), LinkNotification)
    yield Case(48, "one byte over", signed(full + b" "), too_large)
    for coding in ("gzip", "GZIP", "br", "deflate", "identity, gzip", "chunked"):
        yield Case(51, coding, genuine_plus(("Content-Encoding", coding)), encoded)
    yield Case(
        51,
        "twice",
        genuine_plus(("content-encoding", "identity"), ("content-encoding", "gzip")),
        encoded,
    )
    yield Case(51, "none", genuine_plus(("content-encoding", "")), LinkNotification)
    yield Case(
        51, "as is", genuine_plus(("content-encoding", "Identity")), LinkNotification
    )
    bomb = gzip.compress(bytes(10_000_000))
    yield Case(52, "bomb", lambda: ([("content-encoding", "gzip")], bomb), encoded)
    for kind in (
        "text/plain",
        "application/x-www-form-urlencoded",
        "",
        "application/json; charset=utf-16",
    ):
        yield Case(
            54, repr(kind), genuine_plus(("Content-Type", kind)), LinkNotification
        )
    commas = b"[" + b",".join([b"1"] * 5_000_000) + b"]"
    yield Case(66, "10 MB", lambda: ([("sign", right_signature())], commas), too_large)


def _identity_rows() -> Iterator[Case]:
    ours = kit.link_payload()

    def of(payload: JsonObject) -> Callable[[], Request]:
        return signed(write_json(payload))

    yield Case(43, "other merchant", of({**ours, "merchantNo": "9"}), NOT_OURS)
    yield Case(43, "other app", of({**ours, "appId": "9"}), NOT_OURS)
    yield Case(43, "number", of({**ours, "merchantNo": 10213834784554}), NOT_OURS)
    yield Case(43, "empty", of({**ours, "merchantNo": ""}), NOT_OURS)
    yield Case(43, "blank", of({**ours, "merchantNo": " "}), NOT_OURS)
    yield Case(43, "other shape", of({**ours, "merchantNo": ["9"]}), UNREADABLE)
    yield Case(44, "no merchant", signed(without(ours, "merchantNo")), LinkNotification)
    yield Case(44, "null", of({**ours, "merchantNo": None}), LinkNotification)
    yield Case(44, "no app", signed(without(ours, "appId")), LinkNotification)
    yield Case(44, "neither", signed(without(ours, "merchantNo", "appId")), NOT_OURS)
    yield Case(
        44,
        "no merchant and other app",
        of({"appId": "9", "notifyType": "PAYBYLINK", "data": ours["data"]}),
        NOT_OURS,
    )


def _json_rows() -> Iterator[Case]:
    body = kit.body_of()
    raw: list[tuple[int, str, bytes]] = [
        (56, "byte order mark", b"\xef\xbb\xbf" + body),
        (58, "invalid UTF-8", body.replace(b"ID", b"\xff", 1)),
        (58, "overlong", body.replace(b"ID", b"\xc0\xaf", 1)),
        (58, "UTF-16", body.decode().encode("utf-16")),
        (58, "half a character", body.replace(b"ACTIVE", b"\\ud800")),
        (60, "NUL", body.replace(kit.CANARY.encode(), b"order\\u0000")),
        (60, "raw NUL", body.replace(kit.CANARY.encode(), b"order\0")),
        (61, "merchant twice", b'{"merchantNo":"9",' + body[1:]),
        (
            61,
            "amount twice",
            body.replace(b'"country"', b'"totalAmount":"1","country"'),
        ),
        (64, "digits", body.replace(b'"10000"', b"9" * 5000)),
        (65, "depth", b"[" * 100_000),
        (65, "depth inside", b'{"data":' + b"[" * 50_000 + b"]" * 50_000 + b"}"),
        (68, "trailing bytes", body + b"x"),
        (68, "two documents", body + body),
        (68, "comment", b"/* */" + body),
        (68, "trailing comma", body[:-1] + b",}"),
        (68, "single quotes", body.replace(b'"', b"'")),
        (68, "cut off", body[:-2]),
    ]
    raw += [
        (63, word, body.replace(b'"10000"', word.encode()))
        for word in ("NaN", "Infinity", "-Infinity", "1e400", "1e-400")
    ]
    raw += [(67, word, word.encode()) for word in ("[]", '"a"', "1", "null", "true")]
    raw += [(67, "object in a list", b"[{}]")]
    for row, name, content in raw:
        assert content != body
        yield Case(row, name, signed(content), UNREADABLE)
    yield Case(67, "no content", signed(b"{}"), NOT_OURS)


def _amount(text: str) -> bytes:
    changed = kit.body_of().replace(b'"10000"', text.encode())
    assert text == '"10000"' or changed != kit.body_of()
    return changed


def _content_rows() -> Iterator[Case]:
    for text in ("300", '"300"', "300.00", '"300.00"', "0.01"):
        yield Case(69, text, signed(_amount(text)), LinkNotification)
    bad = ["3e2", "3E+2", '"3e2"', "-1", "-0", "-0.0", "0", '"0"', '"0.00"', '""']
    bad += [
        '"1_000"',
        '"\u0661\u0662"',
        '"\uff11"',
        '"0x1"',
        '" 300"',
        '"300 "',
        '"+3"',
    ]
    bad += ["true", "null", "[]", '"1,000"', '"10000000000000000"', '"1.23456"']
    for text in bad:
        yield Case(70, text, signed(_amount(text)), UNREADABLE)
    yield Case(72, "other amount", signed(_amount('"1"')), LinkNotification)
    yield Case(
        73,
        "currency in lower case",
        signed(kit.body_of(currency="idr")),
        LinkNotification,
    )
    yield Case(
        74,
        "pending under a success code",
        signed(kit.body_of(status="PENDING")),
        LinkNotification,
    )
    failed = build_notification(
        "PAYMENT", clock=kit.CLOCK, status="FAILED", code="PAYMENT_FAILED"
    )
    yield Case(74, "failure code", signed(write_json(failed)), PaymentNotification)
    for status in ("SETTLING", "", "success"):
        yield Case(
            75,
            f"status {status!r}",
            signed(kit.body_of(status=status)),
            LinkNotification,
        )
    ours = kit.link_payload()
    for name in ("CHARGEBACK", "CUSTOMER COMPLAINT", "\u8ba2\u5355", ""):
        of_type = write_json({**ours, "notifyType": name})
        yield Case(75, f"type {name!r}", signed(of_type), UnknownNotification)
    bad_types: list[JsonValue] = [None, {}, True]
    for kind in bad_types:
        of_type = write_json({**ours, "notifyType": kind})
        yield Case(75, f"type {kind!r}", signed(of_type), UNREADABLE)
    yield Case(75, "no type", signed(without(ours, "notifyType")), UNREADABLE)
    for name in ("PayByLink", " PAYBYLINK "):
        of_type = write_json({**ours, "notifyType": name})
        yield Case(75, f"type {name!r}", signed(of_type), LinkNotification)
    events: list[JsonValue] = [1, {"a": None}]
    newer: JsonObject = {**ours, "riskScore": Decimal("0.5"), "events": events}
    yield Case(76, "unknown fields", signed(write_json(newer)), LinkNotification)
    no_data: list[JsonValue] = [None, {}, [], "", 1]
    for data in no_data:
        content = write_json({**ours, "data": data})
        yield Case(67, f"data is {data!r}", signed(content), UNREADABLE)


@pytest.mark.parametrize(
    "case", [*_http_rows(), *_identity_rows(), *_json_rows(), *_content_rows()], ids=str
)
async def test_a_request_is_accepted_or_refused_as_its_row_says(case: Case) -> None:
    await check(case)
