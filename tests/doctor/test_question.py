from __future__ import annotations

from collections.abc import Mapping

import attrs
import pytest

from payermax_async.config import MerchantConfig
from payermax_async.core.codes.lookup import (
    NOT_FOUND_CODES,
    SUCCESS_CODE,
    CodeInfo,
    error_from_reply,
    known_codes,
)
from payermax_async.core.errors import HttpStatusError, Outcome, PayerMaxError
from payermax_async.doctor import Finding, Status
from payermax_async.doctor.question import judge_answer
from payermax_async.sandbox.engine import SandboxOptions
from payermax_async.sandbox.gateway.exchange import FaultAction, FaultPoint, FaultStage
from payermax_async.sandbox.gateway.merchants import GatewayPolicy
from payermax_async.sandbox.server import SandboxServer
from payermax_async.sandbox.state.credentials import SandboxCredentials
from payermax_async.transport.base import HttpResponse
from tests.doctor.conftest import (
    ShiftedClock,
    TellingNetwork,
    examination_of,
    failed,
    findings,
    of,
)

_FAILURES = [info for info in known_codes() if info.code != SUCCESS_CODE]


async def look(variables: Mapping[str, str]) -> list[Finding]:
    return await findings(examination_of(variables, TellingNetwork()))


async def test_right_keys_and_ids_are_proven_and_nothing_is_made(
    credentials: SandboxCredentials,
) -> None:
    async with SandboxServer(credentials=credentials) as sandbox:
        found = await look(sandbox.settings)
        exchanges = list(sandbox.engine.gateway.exchanges)
    assert not failed(found)
    assert "ORDER_NOT_EXIST" in of(found, "signed query").what
    assert of(found, "reply signature").status is Status.OK
    assert [exchange.operation for exchange in exchanges] == ["queryPaybylink"]


async def test_a_key_that_was_not_uploaded_is_named_by_its_fingerprint(
    credentials: SandboxCredentials,
) -> None:
    other = SandboxCredentials.generate().merchant_key
    async with SandboxServer(credentials=credentials) as sandbox:
        wrong = {"PAYERMAX_PRIVATE_KEY": other.to_base64()}
        found = await look({**sandbox.settings, **wrong})
    (one,) = failed(found)
    assert one.check == "signed query"
    assert "SIGN_VERIFY_FAILED" in one.what
    assert other.fingerprint in one.fix
    assert credentials.merchant_key.fingerprint not in str(found)


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"PAYERMAX_APP_ID": "test0000"}, "MERCHANT_APP_INVALID"),
        ({"PAYERMAX_MERCHANT_NO": "TEST0000"}, "MERCHANT_INVALID"),
    ],
    ids=["app", "merchant"],
)
async def test_an_id_that_payermax_does_not_know_is_told_as_such(
    credentials: SandboxCredentials, wrong: dict[str, str], code: str
) -> None:
    async with SandboxServer(credentials=credentials) as sandbox:
        found = await look({**sandbox.settings, **wrong})
    (one,) = failed(found)
    assert one.check == "signed query"
    assert one.what.startswith(code)
    assert "environment" in one.fix


async def test_another_platform_key_than_the_gateways_fails_the_reply(
    credentials: SandboxCredentials,
) -> None:
    other = SandboxCredentials.generate().platform_key.public_key
    async with SandboxServer(credentials=credentials) as sandbox:
        wrong = {"PAYERMAX_PLATFORM_PUBLIC_KEY": other.to_base64()}
        found = await look({**sandbox.settings, **wrong})
    (one,) = failed(found)
    assert one.check == "reply signature"
    assert "dashboard" in one.fix


async def test_a_refusal_without_signature_proves_the_own_keys_only(
    credentials: SandboxCredentials,
) -> None:
    options = SandboxOptions(gateway=GatewayPolicy(sign_failures=False))
    async with SandboxServer(credentials=credentials, options=options) as sandbox:
        found = await look(sandbox.settings)
    assert not failed(found)
    assert of(found, "signed query").status is Status.OK
    assert of(found, "reply signature").status is Status.WARN


@pytest.mark.parametrize(
    ("seconds", "clock", "query"),
    [
        (45, Status.WARN, Status.OK),
        (-110, Status.FAIL, Status.OK),
        (300, Status.FAIL, Status.OK),
        (-3600, Status.FAIL, Status.FAIL),
    ],
)
async def test_a_clock_that_is_off_is_told_whether_or_not_the_client_can_help(
    credentials: SandboxCredentials, seconds: float, clock: Status, query: Status
) -> None:
    async with SandboxServer(credentials=credentials) as sandbox:
        examination = attrs.evolve(
            examination_of(sandbox.settings, TellingNetwork()),
            clock=ShiftedClock(seconds),
        )
        found = await findings(examination)
    assert of(found, "clock").status is clock
    assert of(found, "signed query").status is query


async def test_a_page_in_place_of_an_answer_is_laid_to_what_is_between(
    credentials: SandboxCredentials,
) -> None:
    async def strike(point: FaultPoint) -> FaultAction | None:
        if point.stage is FaultStage.AFTER:
            return None
        return FaultAction(response=HttpResponse(status=403, body=b"<html>no"))

    async with SandboxServer(credentials=credentials, faults=strike) as sandbox:
        found = await look(sandbox.settings)
    (one,) = failed(found)
    assert "HTTP status 403" in one.what
    assert "proxy" in one.fix
    assert of(found, "reply signature").status is Status.SKIPPED


@pytest.fixture(scope="module")
def config(credentials: SandboxCredentials) -> MerchantConfig:
    return MerchantConfig.from_env(credentials.environment("http://127.0.0.1:9/x"))


@pytest.mark.parametrize("verified", [True, False])
@pytest.mark.parametrize("info", _FAILURES, ids=lambda info: info.code)
def test_every_known_code_gets_a_judgement_with_a_fix(
    config: MerchantConfig, info: CodeInfo, verified: bool
) -> None:
    error = error_from_reply(
        code=info.code, api_message="no", verified=verified, trusted=True
    )
    query, reply = judge_answer(error, config)
    assert info.code in query.what
    assert (query.status is Status.OK) is (info.code in NOT_FOUND_CODES)
    assert bool(query.fix) is (query.status is not Status.OK)
    if error.outcome is Outcome.REJECTED:
        assert reply.status is (Status.OK if verified else Status.WARN)


def test_a_code_that_nobody_knows_fails_with_the_gateways_words(
    config: MerchantConfig,
) -> None:
    error = error_from_reply(
        code="NEW_ONE", api_message="too blue", verified=True, asked=True
    )
    query, _ = judge_answer(error, config)
    assert query.status is Status.FAIL
    assert query.what == "NEW_ONE: too blue"
    assert query.fix


def test_a_link_that_is_there_proves_as_much(config: MerchantConfig) -> None:
    assert {one.status for one in judge_answer(None, config)} == {Status.OK}


@pytest.mark.parametrize(
    "error",
    [PayerMaxError("odd"), HttpStatusError("HTTP status 502", status=502)],
)
def test_no_answer_at_all_skips_the_reply(
    config: MerchantConfig, error: PayerMaxError
) -> None:
    query, reply = judge_answer(error, config)
    assert (query.status, reply.status) == (Status.FAIL, Status.SKIPPED)
