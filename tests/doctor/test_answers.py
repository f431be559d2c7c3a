from __future__ import annotations

import pytest

from payermax_async.core.envelope import ACKNOWLEDGEMENT
from payermax_async.core.errors import WebhookError
from payermax_async.doctor import Status
from payermax_async.doctor.answers import judge_acknowledgement, judge_refusal
from payermax_async.transport.base import HttpResponse

_URL = "https://shop.example/hooks/payermax"
_HTML = (("Content-Type", "text/html; charset=utf-8"),)


def response(
    status: int, body: bytes = b"", headers: tuple[tuple[str, str], ...] = ()
) -> HttpResponse:
    return HttpResponse(status=status, headers=headers, body=body)


_IN_THE_WAY = {
    "a slash": (
        response(308, headers=(("Location", "/hooks/payermax/"),)),
        "the same path with a slash",
    ),
    "https": (
        response(301, headers=(("Location", "http://shop.example/hooks/payermax"),)),
        "redirects to http.",
    ),
    "a login page": (
        response(302, headers=(("Location", "/login?next=/hooks/payermax"),)),
        "a login page",
    ),
    "another host": (
        response(302, headers=(("Location", "https://www.shop.example/x"),)),
        "another host",
    ),
    "another path": (response(307, headers=(("Location", "/x"),)), "another path"),
    "nowhere": (response(302), "nowhere"),
    "no address": (
        response(302, headers=(("Location", "http://[x"),)),
        "no usable address",
    ),
    "a password": (
        response(401, headers=(("WWW-Authenticate", "Basic realm=x"),)),
        "user name and password",
    ),
    "no route": (response(404), "nothing at this path"),
    "no POST": (response(405), "does not take POST"),
}


@pytest.mark.parametrize(("answer", "words"), _IN_THE_WAY.values(), ids=_IN_THE_WAY)
def test_what_keeps_a_notification_from_the_merchants_code_is_named(
    answer: HttpResponse, words: str
) -> None:
    for found in (
        judge_refusal(answer, _URL),
        judge_acknowledgement(answer, _URL, 0.1),
    ):
        assert found.status is Status.FAIL
        assert words in found.what
        assert found.fix


_TO_UNSIGNED = {
    "our own refusal": (response(401, WebhookError.body), Status.OK, "HTTP 401"),
    "a bare 403": (response(403), Status.OK, "HTTP 403"),
    "400": (response(400, b'{"error":"sign"}'), Status.OK, "HTTP 400"),
    "200 and FAIL": (response(200, b'{"code":"FAIL"}'), Status.OK, "another code"),
    "SUCCESS": (response(200, ACKNOWLEDGEMENT), Status.FAIL, "anybody could report"),
    "success": (response(200, b'{"code":"success"}'), Status.FAIL, "anybody could"),
    "a page": (response(200, b"<html>hi", _HTML), Status.FAIL, "a web page"),
    "a login": (
        response(200, b'<form><input type="password">', _HTML),
        Status.FAIL,
        "a login page",
    ),
    "ok": (response(200, b"ok"), Status.WARN, "leaves open"),
    "nothing": (response(204), Status.WARN, "leaves open"),
    "a crash": (response(500, b"oops"), Status.WARN, "fails on a request"),
    "no JSON taken": (response(415), Status.FAIL, "does not take application/json"),
    "a firewall": (response(403, b"<html>", _HTML), Status.WARN, "firewall"),
}


@pytest.mark.parametrize(
    ("answer", "status", "words"), _TO_UNSIGNED.values(), ids=_TO_UNSIGNED
)
def test_an_unsigned_notification_must_be_refused(
    answer: HttpResponse, status: Status, words: str
) -> None:
    found = judge_refusal(answer, _URL)
    assert (found.status, bool(found.fix)) == (status, status is not Status.OK)
    assert words in found.what


_TO_SIGNED = {
    "empty": (response(200), "is empty"),
    "plain text": (response(200, b"success"), 'not JSON but "success"'),
    "a page": (response(200, b"<html>", _HTML), "a web page"),
    "a list": (response(200, b'["SUCCESS"]'), "not an object"),
    "a text": (response(200, b'"SUCCESS"'), "not an object"),
    "no code": (response(200, b'{"msg":"Success"}'), "no 'code'"),
    "a number": (response(200, b'{"code":200}'), "not text"),
    "lower case": (response(200, b'{"code":"success"}'), "spelt differently"),
    "a blank": (response(200, b'{"code":"SUCCESS "}'), "spelt differently"),
    "their word": (response(200, b'{"code":"APPLY_SUCCESS"}'), "PayerMax answers you"),
    "another": (response(200, b'{"code":"OK"}'), 'code is "OK"'),
    "a doubled code": (response(200, b'{"code":"SUCCESS","code":"X"}'), "not JSON"),
    "no content": (response(204), "HTTP 204 instead of 200"),
    "a crash": (response(500), "HTTP 500"),
    "refused": (response(401, WebhookError.body), "refused with HTTP 401"),
}


@pytest.mark.parametrize(("answer", "words"), _TO_SIGNED.values(), ids=_TO_SIGNED)
def test_a_wrong_acknowledgement_is_explained(answer: HttpResponse, words: str) -> None:
    found = judge_acknowledgement(answer, _URL, 0.1)
    assert found.status is Status.FAIL
    assert words in found.what
    assert found.fix


@pytest.mark.parametrize("body", [ACKNOWLEDGEMENT, b'{"code":"SUCCESS"}\n'])
@pytest.mark.parametrize(("elapsed", "status"), [(0.1, Status.OK), (9, Status.WARN)])
def test_the_right_acknowledgement_passes_unless_it_is_late(
    body: bytes, elapsed: float, status: Status
) -> None:
    found = judge_acknowledgement(response(200, body), _URL, elapsed)
    assert found.status is status


def test_no_address_and_no_person_of_an_answer_is_shown() -> None:
    answer = response(302, headers=(("Location", "/hook/T0psecret?mail=a@b.example"),))
    assert "T0psecret" not in str(judge_refusal(answer, _URL))
    answer = response(200, b"mail bob@shop.example about card 4111111111111111")
    shown = str(judge_acknowledgement(answer, _URL, 0.1))
    assert "bob@" not in shown
    assert "4111" not in shown
