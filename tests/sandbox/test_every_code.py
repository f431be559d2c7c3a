"""Every code of the catalogue, provoked, is the error that it stands for."""

from __future__ import annotations

import pytest

from payermax_async.cli import main
from payermax_async.client import PayerMaxClient
from payermax_async.core.codes.lookup import (
    SUCCESS_CODE,
    error_class,
    known_codes,
    lookup,
)
from payermax_async.core.errors import ApiError, ConfigurationError, PayerMaxError
from payermax_async.core.operations.table import OPERATIONS
from payermax_async.sandbox.faults.rules import FaultKind, FaultRule, read_fault
from payermax_async.sandbox.scenario import read_scenario
from payermax_async.sandbox.state.credentials import SandboxCredentials

from .test_disputes import at_work

REFUSALS = [one.code for one in known_codes() if one.code != SUCCESS_CODE]


async def asked(client: PayerMaxClient, operation: str) -> PayerMaxError:
    with pytest.raises(PayerMaxError) as caught:
        await client.call_raw(operation, {"caseId": "C1"}, version="1.0")
    return caught.value


@pytest.mark.parametrize("code", REFUSALS)
async def test_a_code_is_the_error_and_the_remedy_of_the_catalogue(
    credentials: SandboxCredentials, code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    info = lookup(code)
    assert info is not None
    async with at_work(credentials) as (engine, client):
        engine.faults.add("code", code=code)
        error = await asked(client, "caseSearch")
        assert isinstance(error, ApiError)
        assert type(error) is error_class(code)
        assert (error.code, error.verified) == (code, True)
        assert error.remedy == info.remedy
        assert error.remedy
        assert error.operation == "caseSearch"
    assert main(["codes", code]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert error.remedy in shown


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_a_code_strikes_any_operation_and_nothing_is_done(
    credentials: SandboxCredentials, operation: str
) -> None:
    async with at_work(credentials) as (engine, client):
        engine.faults.add("code", code="CONTRACT_INVALID", operation=operation)
        error = await asked(client, operation)
        assert isinstance(error, ApiError)
        assert error.code == "CONTRACT_INVALID"
        assert engine.ledger.repository.size == 0


async def test_a_code_that_nobody_knows_can_be_provoked(
    credentials: SandboxCredentials,
) -> None:
    async with at_work(credentials) as (engine, client):
        engine.faults.add("code", code="MOON_IS_FULL", operation="orderQuery")
        error = await asked(client, "orderQuery")
        assert isinstance(error, ApiError)
        assert error.code == "MOON_IS_FULL"


def test_a_code_is_written_in_a_scenario() -> None:
    text = """
        [[fault]]
        kind = "code"
        code = "ORDER_CLOSED"
        operation = "refund"
        done = true
    """
    (rule,) = read_scenario(text).faults
    assert (rule.code, rule.done) == ("ORDER_CLOSED", True)
    assert read_fault(rule.to_table()) == (rule, [])


@pytest.mark.parametrize("code", [SUCCESS_CODE, "order", "A B", "", "A" * 65, 5])
def test_what_is_no_refusal_is_no_code(code: object) -> None:
    rule, problems = read_fault({"kind": "code", "code": code})
    assert rule is None
    assert "code" in problems[0]
    with pytest.raises(ConfigurationError, match="does not belong"):
        FaultRule(kind=FaultKind.BUSY, code="ORDER_CLOSED")
