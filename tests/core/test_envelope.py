"""The outer object of every message."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payermax_async.core.envelope import (
    Identity,
    ReplyEnvelope,
    read_reply,
    write_request,
)
from payermax_async.core.scalars import ShapeError
from payermax_async.core.strict_json import JsonError, read_json

NOW = datetime(2026, 3, 1, 12, 0, 0, 7_999, UTC)
PLAIN = Identity(app_id="app", merchant_no="P01")


def test_the_bytes_are_compact_and_in_the_documented_order() -> None:
    body = write_request(PLAIN, version="1.1", request_time=NOW, data={"a": "鞋"})
    assert body.decode() == (
        '{"version":"1.1","keyVersion":"1",'
        '"requestTime":"2026-03-01T12:00:00.007+00:00",'
        '"appId":"app","merchantNo":"P01","data":{"a":"鞋"}}'
    )


def test_a_service_provider_adds_its_number_and_older_pages_rename_the_app() -> None:
    identity = Identity(
        app_id="app",
        merchant_no="P01",
        sp_merchant_no="SP1",
        key_version="1.0",
        app_id_field="merchantAppId",
    )
    body = write_request(identity, version="1.4", request_time=NOW, data={})
    assert json.loads(body) == {
        "version": "1.4",
        "keyVersion": "1.0",
        "requestTime": "2026-03-01T12:00:00.007+00:00",
        "merchantAppId": "app",
        "merchantNo": "P01",
        "spMerchantNo": "SP1",
        "data": {},
    }


def test_the_time_is_written_in_the_zone_it_was_given_in() -> None:
    local = NOW.astimezone(timezone(timedelta(hours=8)))
    body = write_request(PLAIN, version="1.1", request_time=local, data={})
    assert json.loads(body)["requestTime"] == "2026-03-01T20:00:00.007+08:00"


def test_a_time_without_zone_is_not_stamped() -> None:
    with pytest.raises(ValueError, match="must carry its offset"):
        write_request(
            PLAIN, version="1", request_time=NOW.replace(tzinfo=None), data={}
        )


def test_the_same_request_makes_the_same_bytes() -> None:
    bodies = {
        write_request(PLAIN, version="1.1", request_time=NOW, data={"b": 1, "a": 2})
        for _ in range(3)
    }
    assert len(bodies) == 1


@pytest.mark.parametrize(
    ("body", "code", "message", "success"),
    [
        (
            b'{"code":"APPLY_SUCCESS","msg":" Success"}',
            "APPLY_SUCCESS",
            " Success",
            True,
        ),
        (b'{"msg":"","code":"APPLY_SUCCESS"}', "APPLY_SUCCESS", "", True),
        (b'{"code":"xx"}', "xx", "", False),
        (b'{"code":" APPLY_SUCCESS\\t"}', "APPLY_SUCCESS", "", True),
        (b'{"code":"SUCCESS"}', "SUCCESS", "", False),
        (b'{"code":"apply_success"}', "apply_success", "", False),
        (b'{"code":"X","msg":null}', "X", "", False),
        (b'{"code":"X","msg":{"a":1}}', "X", "", False),
    ],
)
def test_a_reply_is_judged_by_its_code_alone(
    body: bytes, code: str, message: str, success: bool
) -> None:
    reply = read_reply(body)
    assert (reply.code, reply.message, reply.is_success) == (code, message, success)
    assert reply.data is None


def test_the_payload_is_handed_on_as_it_came() -> None:
    reply = read_reply(b'{"code":"APPLY_SUCCESS","data":{"status":"PENDING"},"x":1}')
    assert reply.data == {"status": "PENDING"}


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"null",
        b'"APPLY_SUCCESS"',
        b"{}",
        b'{"msg":"Success."}',
        b'{"code":null}',
        b'{"code":""}',
        b'{"code":" "}',
        b'{"code":200}',
        b'{"code":["APPLY_SUCCESS"]}',
        b'{"Code":"APPLY_SUCCESS"}',
    ],
)
def test_what_has_no_code_is_no_reply(body: bytes) -> None:
    with pytest.raises(ShapeError):
        read_reply(body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><body>502 Bad Gateway</body></html>",
        b'{"code":"PENDING","code":"APPLY_SUCCESS"}',
        b'{"code":"APPLY_SUCCESS"}{"code":"X"}',
        b'{"code":"APPLY_SUCC',
    ],
)
def test_what_is_no_strict_json_is_no_reply_either(body: bytes) -> None:
    with pytest.raises(JsonError):
        read_reply(body)


@given(st.binary() | st.text().map(lambda text: json.dumps({"code": text}).encode()))
def test_any_bytes_are_a_reply_or_one_of_two_errors(body: bytes) -> None:
    try:
        reply = read_reply(body)
    except (JsonError, ShapeError):
        return
    assert reply.code == reply.code.strip() != ""


def test_neither_message_nor_payload_is_printed() -> None:
    reply = ReplyEnvelope(code="X", message="canary", data={"card": "canary"})
    assert "canary" not in repr(reply)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_what_was_written_says_the_same_when_it_is_read(text: str) -> None:
    body = write_request(PLAIN, version="1", request_time=NOW, data={text: [text]})
    found = read_json(body)
    assert isinstance(found, dict)
    assert found["data"] == {text: [text]}
