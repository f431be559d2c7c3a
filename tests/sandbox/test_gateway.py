from __future__ import annotations

import asyncio
import base64
import logging
import shutil
import subprocess
from collections.abc import AsyncIterator
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import cast

import pytest

from payermax_async.core.envelope import read_reply
from payermax_async.core.errors import (
    ClientStateError,
    ConfigurationError,
    NoReplyError,
    SignatureError,
)
from payermax_async.core.scalars import write_time
from payermax_async.core.strict_json import JsonObject, JsonValue, write_json
from payermax_async.sandbox.gateway.exchange import (
    ConnectionDroppedError,
    FaultAction,
    FaultPoint,
    FaultStage,
    SignatureCheck,
)
from payermax_async.sandbox.gateway.handler import SandboxGateway
from payermax_async.sandbox.gateway.merchants import GatewayPolicy, SandboxMerchant
from payermax_async.sandbox.ledger.events import Event, LinkSettled, OrderEnded
from payermax_async.sandbox.state.credentials import SandboxCredentials
from payermax_async.signing.rsa import RsaSigner, RsaVerifier
from payermax_async.testing.sandbox import SandboxTransport
from payermax_async.transport.base import Headers, HttpRequest, HttpResponse

from .kit import ABSENT, OWNER, SAMPLE, START, Bench, changed, create, payment

needs_openssl = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="the openssl command is not installed"
)


class Counter(Bench):
    """A bench with a gateway before it, and a merchant who can sign."""

    def __init__(
        self,
        credentials: SandboxCredentials,
        policy: GatewayPolicy | None = None,
    ) -> None:
        super().__init__()
        self.signer = RsaSigner(credentials.merchant_key)
        self.platform = RsaSigner(credentials.platform_key)
        self.replies = RsaVerifier(credentials.platform_key.public_key)
        self.events: list[Event] = []
        self.merchant = SandboxMerchant(
            merchant_no=OWNER.merchant_no,
            app_id=OWNER.app_id,
            verifier=RsaVerifier(credentials.merchant_key.public_key),
        )
        self.gateway = SandboxGateway(
            self.ledger,
            [self.merchant],
            self.platform,
            clock=self.clock,
            policy=policy,
            on_events=self.events.extend,
        )

    def body(self, data: JsonValue = ABSENT, **envelope: JsonValue) -> bytes:
        outer: JsonObject = {
            "version": "1.4",
            "keyVersion": "1",
            "requestTime": write_time(self.clock.now()),
            "appId": OWNER.app_id,
            "merchantNo": OWNER.merchant_no,
            "data": SAMPLE if data is ABSENT else data,
        }
        return write_json(changed(outer, **envelope))

    async def post(
        self, operation: str, body: bytes, headers: Headers | None = None
    ) -> HttpResponse:
        if headers is None:
            headers = (("sign", await self.signer.sign(body)),)
        return await self.gateway.handle(operation, headers, body)

    async def call(
        self,
        operation: str = "createPaybylink",
        data: JsonValue = ABSENT,
        **envelope: JsonValue,
    ) -> str:
        """Post a genuine request and return the code."""
        return code_of(await self.post(operation, self.body(data, **envelope)))

    async def aclose(self) -> None:
        await self.signer.aclose()
        await self.platform.aclose()


def code_of(response: HttpResponse) -> str:
    return read_reply(response.body).code


@pytest.fixture
async def counter(credentials: SandboxCredentials) -> AsyncIterator[Counter]:
    made = Counter(credentials)
    yield made
    await made.aclose()


# --- the plain way ---------------------------------------------------------------


async def test_a_reply_is_compact_signed_json_with_the_sandboxs_date(
    counter: Counter,
) -> None:
    response = await counter.post("createPaybylink", counter.body())
    assert response.status == 200
    assert response.header_values("content-type") == ("application/json;charset=utf-8",)
    (date,) = response.header_values("date")
    assert parsedate_to_datetime(date) == START.replace(microsecond=0)
    (signature,) = response.header_values("sign")
    await counter.replies.verify(response.body, signature)
    assert b": " not in response.body
    assert code_of(response) == "APPLY_SUCCESS"


async def test_all_published_samples_go_through(counter: Counter) -> None:
    link: JsonObject = {"merchantLinkId": "paylinktest001"}
    assert await counter.call(version="1.4") == "APPLY_SUCCESS"
    assert await counter.call("queryPaybylink", link, version="1.1") == "APPLY_SUCCESS"
    assert await counter.call("expirePaybylink", link, version="1.4") == "APPLY_SUCCESS"


async def test_the_published_layout_of_the_body_is_as_good_as_a_compact_one(
    counter: Counter,
) -> None:
    body = counter.body().replace(b',"', b',\r\n  "')
    assert code_of(await counter.post("createPaybylink", body)) == "APPLY_SUCCESS"


async def test_every_exchange_is_remembered_up_to_the_limit(
    credentials: SandboxCredentials,
) -> None:
    counter = Counter(credentials, GatewayPolicy(keep=2))
    body = counter.body()
    await counter.post("createPaybylink", body)
    await counter.post("createPaybylink", body)
    response = await counter.post("createPaybylink", body, ())
    second, third = counter.gateway.exchanges
    assert (second.number, second.code, second.verdict) == (
        2,
        "ORDER_REPEAT",
        SignatureCheck.VALID,
    )
    assert (third.number, third.code, third.verdict) == (
        3,
        "SIGN_VERIFY_FAILED",
        SignatureCheck.MISSING,
    )
    assert (third.body, third.response, third.at) == (body, response, START)
    assert third.merchant_no == OWNER.merchant_no
    assert "孟艳" not in repr(third)
    await counter.aclose()


# --- signatures ------------------------------------------------------------------


async def test_one_changed_byte_spoils_the_signature(counter: Counter) -> None:
    body = counter.body()
    headers = (("sign", await counter.signer.sign(body)),)
    response = await counter.post("createPaybylink", body + b" ", headers)
    assert code_of(response) == "SIGN_VERIFY_FAILED"
    assert counter.gateway.exchanges[-1].verdict is SignatureCheck.WRONG
    assert counter.ledger.repository.links() == ()


@pytest.mark.parametrize(
    ("names", "verdict"),
    [
        ([], SignatureCheck.MISSING),
        ([("sign", "")], SignatureCheck.MISSING),
        ([("signature", "{0}")], SignatureCheck.MISSING),
        ([("sign", "{0}"), ("Sign", "{0}")], SignatureCheck.REPEATED),
        ([("sign", "{0}=")], SignatureCheck.WRONG),
        ([("sign", "{0}, {0}")], SignatureCheck.WRONG),
        ([("sign", "null")], SignatureCheck.WRONG),
    ],
)
async def test_anything_but_one_right_signature_is_refused(
    counter: Counter, names: list[tuple[str, str]], verdict: SignatureCheck
) -> None:
    body = counter.body()
    signature = await counter.signer.sign(body)
    headers = tuple((name, value.format(signature)) for name, value in names)
    response = await counter.post("createPaybylink", body, headers)
    assert code_of(response) == "SIGN_VERIFY_FAILED"
    assert counter.gateway.exchanges[-1].verdict is verdict
    assert counter.ledger.repository.links() == ()


async def test_the_platforms_own_signature_is_not_the_merchants(
    counter: Counter,
) -> None:
    body = counter.body()
    headers = (("sign", await counter.platform.sign(body)),)
    response = await counter.post("createPaybylink", body, headers)
    assert code_of(response) == "SIGN_VERIFY_FAILED"


async def test_failures_go_unsigned_when_the_policy_says_so(
    credentials: SandboxCredentials,
) -> None:
    counter = Counter(credentials, GatewayPolicy(sign_failures=False))
    failed = await counter.post("createPaybylink", counter.body({}))
    made = await counter.post("createPaybylink", counter.body())
    assert failed.header_values("sign") == ()
    assert len(made.header_values("sign")) == 1
    await counter.aclose()


async def test_failures_are_signed_by_default(counter: Counter) -> None:
    response = await counter.post("createPaybylink", b"<html>", ())
    (signature,) = response.header_values("sign")
    await counter.replies.verify(response.body, signature)
    with pytest.raises(SignatureError):
        await counter.replies.verify(response.body + b" ", signature)


def openssl(arguments: list[str], given: bytes) -> tuple[int, bytes]:
    """Exit status and output of an openssl command."""
    run = subprocess.run(
        ["openssl", *arguments], input=given, capture_output=True, check=False
    )
    return run.returncode, run.stdout


@needs_openssl
async def test_a_request_signed_by_openssl_is_accepted_and_openssl_accepts_the_reply(
    counter: Counter, credentials: SandboxCredentials, tmp_path: Path
) -> None:
    private, public = tmp_path / "merchant.pem", tmp_path / "platform.pem"
    private.write_text(credentials.merchant_key.to_pem())
    public.write_text(credentials.platform_key.public_key.to_pem())
    body = counter.body()
    _, signed = openssl(["dgst", "-sha256", "-sign", str(private)], body)
    headers = (("sign", base64.b64encode(signed).decode()),)
    response = await counter.post("createPaybylink", body, headers)
    assert code_of(response) == "APPLY_SUCCESS"
    signature = tmp_path / "reply.sign"
    signature.write_bytes(base64.b64decode(response.header_values("sign")[0]))
    verify = ["dgst", "-sha256", "-verify", str(public), "-signature", str(signature)]
    assert openssl(verify, response.body)[0] == 0
    assert openssl(verify, response.body + b" ")[0] == 1


@pytest.mark.parametrize("data", [None, "text", 7])
async def test_a_request_without_an_object_of_data_is_refused(
    counter: Counter, data: JsonValue
) -> None:
    assert await counter.call("createPaybylink", data) == "PARAMS_INVALID"


# --- the envelope ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("envelope", "code"),
    [
        ({"version": ABSENT}, "PARAMS_INVALID"),
        ({"version": "one"}, "PARAMS_INVALID"),
        ({"version": "1.41.41.4"}, "PARAMS_INVALID"),
        ({"keyVersion": "2"}, "PARAMS_INVALID"),
        ({"keyVersion": 1}, "PARAMS_INVALID"),
        ({"appId": ABSENT}, "PARAMS_INVALID"),
        ({"appId": "x" * 65}, "PARAMS_INVALID"),
        ({"appId": "another"}, "MERCHANT_APP_INVALID"),
        ({"merchantAppId": "another"}, "PARAMS_INVALID"),
        ({"merchantNo": ABSENT}, "PARAMS_INVALID"),
        ({"merchantNo": "another"}, "MERCHANT_INVALID"),
        ({"spMerchantNo": "provider"}, "MERCHANT_INVALID"),
        ({"requestTime": ABSENT}, "PARAMS_INVALID"),
        ({"requestTime": "2030-01-31 10:00:00"}, "PARAMS_INVALID"),
        ({"requestTime": "2030-01-31T10:00:00"}, "PARAMS_INVALID"),
        ({"requestTime": "2030-02-31T10:00:00Z"}, "PARAMS_INVALID"),
        ({"keyVersion": "1.0"}, "APPLY_SUCCESS"),
        ({"spMerchantNo": None}, "APPLY_SUCCESS"),
        ({"appId": ABSENT, "merchantAppId": OWNER.app_id}, "APPLY_SUCCESS"),
    ],
)
async def test_the_envelope_is_checked_field_by_field(
    counter: Counter, envelope: dict[str, JsonValue], code: str
) -> None:
    assert await counter.call("createPaybylink", ABSENT, **envelope) == code


@pytest.mark.parametrize(
    "spelled",
    [
        "2030-01-31T10:00:00Z",
        "2030-01-31T10:00:00.5Z",
        "2030-01-31T10:00:00.500+00:00",
        "2030-01-31T18:00:00.500+08:00",
        "2030-01-31T10:00:00.123456789Z",
    ],
)
async def test_request_times_come_with_any_fraction_and_zone(
    counter: Counter, spelled: str
) -> None:
    assert await counter.call(requestTime=spelled) == "APPLY_SUCCESS"


@pytest.mark.parametrize(
    ("offset", "code"),
    [
        (-120, "APPLY_SUCCESS"),
        (120, "APPLY_SUCCESS"),
        (-120.001, "REQ_TIME_OVER_TIME"),
        (120.001, "REQ_TIME_OVER_TIME"),
    ],
)
async def test_a_request_is_good_for_two_minutes_of_the_gateways_clock(
    counter: Counter, offset: float, code: str
) -> None:
    moment = (START + timedelta(seconds=offset)).astimezone(
        timezone(timedelta(hours=8))
    )
    stamp = datetime.isoformat(moment, timespec="milliseconds")
    assert await counter.call(requestTime=stamp) == code


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"null",
        b'{"a":1}{"b":2}',
        b'{"a":NaN}',
        b'{"a":1,"a":2}',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"a":' + b"9" * 5000 + b"}",
        b'{"appId":"\\ud800"}',
    ],
)
async def test_a_body_that_is_no_strict_json_object_is_refused(
    counter: Counter, body: bytes
) -> None:
    assert code_of(await counter.post("createPaybylink", body)) == "PARAMS_INVALID"
    assert counter.gateway.exchanges[-1].verdict is SignatureCheck.NOT_CHECKED


async def test_a_giant_body_is_refused_unread_and_remembered_in_part(
    counter: Counter,
) -> None:
    response = await counter.post("createPaybylink", b" " * (256 * 1024 + 1), ())
    assert code_of(response) == "PARAMS_INVALID"
    assert len(counter.gateway.exchanges[-1].body) == 256 * 1024


async def test_an_unknown_operation_is_refused(counter: Counter) -> None:
    for name in ("createPayByLink", "", "../x", "__init__"):
        assert await counter.call(name) == "PARAMS_INVALID"


async def test_a_merchant_that_is_there_twice_is_refused(counter: Counter) -> None:
    with pytest.raises(ConfigurationError, match="twice"):
        SandboxGateway(
            counter.ledger,
            [counter.merchant, counter.merchant],
            counter.platform,
            clock=counter.clock,
        )


async def test_a_service_provider_needs_its_number_and_its_token(
    counter: Counter, credentials: SandboxCredentials
) -> None:
    sub = SandboxMerchant(
        merchant_no="SUB1",
        app_id=OWNER.app_id,
        verifier=counter.merchant.verifier,
        sp_merchant_no="ISV1",
        auth_token="token-1",
    )
    gateway = SandboxGateway(
        counter.ledger,
        [counter.merchant, sub],
        counter.platform,
        clock=counter.clock,
    )
    body = counter.body(merchantNo="SUB1", spMerchantNo="ISV1")
    sign = ("sign", await counter.signer.sign(body))
    cases: list[tuple[Headers, str]] = [
        ((sign,), "MERCHANT_INVALID"),
        ((sign, ("merchant_auth_token", "token-2")), "MERCHANT_INVALID"),
        ((sign, ("merchantAuthToken", "token-1")), "APPLY_SUCCESS"),
    ]
    for headers, code in cases:
        response = await gateway.handle("createPaybylink", headers, body)
        assert code_of(response) == code


async def test_a_throttle_turns_requests_away_before_anything_is_done(
    counter: Counter,
) -> None:
    seen: list[tuple[str, str]] = []

    def throttle(operation: str, merchant_no: str) -> bool:
        seen.append((operation, merchant_no))
        return len(seen) == 1

    counter.gateway.throttle = throttle
    assert await counter.call() == "TOO_MANY_REQUEST"
    assert counter.ledger.repository.links() == ()
    assert await counter.call() == "APPLY_SUCCESS"
    assert seen == [("createPaybylink", OWNER.merchant_no)] * 2


# --- events ----------------------------------------------------------------------


async def test_what_fell_due_is_told_with_the_next_request_even_a_refused_one(
    counter: Counter,
) -> None:
    counter.ledger.open_link(counter.link())
    await counter.clock.advance(1800)
    assert await counter.call("queryPaybylink", {}) == "PARAMS_INVALID"
    assert [type(event) for event in counter.events] == [OrderEnded]
    done = counter.ledger.pay_link(counter.link(merchantLinkId="b"), payment())
    assert [type(event) for event in done.events] == [LinkSettled]


# --- faults and bugs -------------------------------------------------------------


async def test_a_bug_is_answered_system_error_and_logged_without_the_request(
    counter: Counter,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("孟艳")

    monkeypatch.setattr(counter.ledger, "perform", broken)
    with caplog.at_level(logging.INFO):
        response = await counter.post("createPaybylink", counter.body())
    assert code_of(response) == "SYSTEM_ERROR"
    assert counter.gateway.exchanges[-1].code == "SYSTEM_ERROR"
    assert b"RuntimeError" not in response.body
    assert "RuntimeError" in caplog.text
    assert "孟艳" not in caplog.text


async def test_a_fault_before_processing_leaves_nothing_done(counter: Counter) -> None:
    async def busy(point: FaultPoint) -> FaultAction | None:
        first = point.stage is FaultStage.BEFORE and point.call == 1
        return FaultAction(code="SYSTEM_ERROR") if first else None

    counter.gateway.faults = busy
    assert await counter.call() == "SYSTEM_ERROR"
    assert counter.gateway.exchanges[-1].fault
    assert counter.ledger.repository.links() == ()
    assert await counter.call() == "APPLY_SUCCESS"


async def test_a_fault_after_processing_hides_what_was_done(counter: Counter) -> None:
    seen: list[FaultPoint] = []

    async def spoil(point: FaultPoint) -> FaultAction | None:
        seen.append(point)
        if point.stage is FaultStage.BEFORE:
            return None
        response = cast("HttpResponse", point.response)
        return FaultAction(
            response=HttpResponse(status=502, body=b"<html>" + response.body)
        )

    counter.gateway.faults = spoil
    response = await counter.post("createPaybylink", counter.body())
    assert response.status == 502
    assert len(counter.ledger.repository.links()) == 1
    assert [(point.stage, point.call) for point in seen] == [
        (FaultStage.BEFORE, 1),
        (FaultStage.AFTER, 1),
    ]
    assert seen[0].data == SAMPLE


async def test_a_dropped_connection_is_remembered_without_an_answer(
    counter: Counter,
) -> None:
    async def drop(point: FaultPoint) -> FaultAction | None:
        return FaultAction(drop=True) if point.stage is FaultStage.AFTER else None

    counter.gateway.faults = drop
    with pytest.raises(ConnectionDroppedError):
        await counter.post("createPaybylink", counter.body())
    exchange = counter.gateway.exchanges[-1]
    assert (exchange.response, exchange.code, exchange.fault) == (None, "", True)
    assert len(counter.ledger.repository.links()) == 1


async def test_faults_do_not_strike_strangers(counter: Counter) -> None:
    async def never(point: FaultPoint) -> FaultAction | None:
        raise AssertionError("was asked")

    counter.gateway.faults = never
    response = await counter.post("createPaybylink", counter.body(), ())
    assert code_of(response) == "SIGN_VERIFY_FAILED"


@pytest.mark.parametrize("given", [{}, {"code": "X", "drop": True}])
def test_a_fault_does_exactly_one_thing(given: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="exactly one"):
        FaultAction(**given)  # type: ignore[arg-type]


# --- the transport ---------------------------------------------------------------


async def request_of(counter: Counter) -> HttpRequest:
    body = counter.body(create())
    return HttpRequest(
        url="http://sandbox/aggregate-pay/api/gateway/createPaybylink",
        headers=(("sign", await counter.signer.sign(body)),),
        body=body,
    )


async def test_the_transport_reaches_the_gateway_and_says_what_left(
    counter: Counter,
) -> None:
    transport = SandboxTransport(counter.gateway)
    request = await request_of(counter)
    sent: list[bool] = []

    async def send() -> HttpResponse:
        return await transport.send(
            request, timeout=5, on_sent=lambda: sent.append(True)
        )

    with pytest.raises(ClientStateError):
        await send()
    assert sent == []
    await transport.open()
    assert code_of(await send()) == "APPLY_SUCCESS"
    assert sent == [True]
    await transport.aclose()
    with pytest.raises(ClientStateError):
        await send()


@pytest.mark.parametrize("silent", [True, False])
async def test_the_transport_tells_silence_and_a_drop_alike(
    counter: Counter, silent: bool
) -> None:
    async def fault(point: FaultPoint) -> FaultAction | None:
        if silent:
            await asyncio.Event().wait()
        return FaultAction(drop=True)

    counter.gateway.faults = fault
    transport = SandboxTransport(counter.gateway)
    await transport.open()
    with pytest.raises(NoReplyError):
        await transport.send(
            await request_of(counter), timeout=0.3, on_sent=lambda: None
        )
    assert counter.gateway.exchanges[-1].response is None
    await transport.aclose()
