"""Disputes end to end, and a call that only its row and its rule make known."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import cast

import attrs
import pytest

from payermax_async.client import PayerMaxClient
from payermax_async.config import MerchantConfig
from payermax_async.core.checks import key
from payermax_async.core.errors import (
    ConfigurationError,
    NotFoundError,
    ReplyMismatchError,
    ValidationError,
)
from payermax_async.core.models.common import QueryReply, Received, Sent, rule
from payermax_async.core.models.disputes import DisputeStatus
from payermax_async.core.operations.operation import Operation, Replay
from payermax_async.core.operations.table import OPERATIONS
from payermax_async.core.strict_json import JsonObject, read_json
from payermax_async.options import ClientOptions
from payermax_async.pipeline.retry import RetryPolicy
from payermax_async.sandbox.admin.actions import pay
from payermax_async.sandbox.admin.cases import open_dispute
from payermax_async.sandbox.admin.views import disputes_view
from payermax_async.sandbox.clock import VirtualClock
from payermax_async.sandbox.engine import SandboxEngine
from payermax_async.sandbox.ledger import cases
from payermax_async.sandbox.ledger.disputes import write_dispute
from payermax_async.sandbox.ledger.fields import Fields
from payermax_async.sandbox.ledger.payloads import write_moment
from payermax_async.sandbox.ledger.records import Owner
from payermax_async.sandbox.ledger.refusals import RefusedError
from payermax_async.sandbox.ledger.repository import Repository
from payermax_async.sandbox.state.credentials import SandboxCredentials
from payermax_async.testing.recording import RecordingTransport
from payermax_async.testing.replaying import ReplayTransport
from payermax_async.testing.sandbox import SandboxTransport, sandbox_in_process

from .kit import OTHER, SAMPLE, START, Bench


@asynccontextmanager
async def at_work(
    credentials: SandboxCredentials,
) -> AsyncGenerator[tuple[SandboxEngine, PayerMaxClient]]:
    async with sandbox_in_process(
        credentials=credentials, clock=VirtualClock(START)
    ) as engine:
        config = MerchantConfig.from_env(engine.environment("http://127.0.0.1:9"))
        async with PayerMaxClient(
            config,
            transport=SandboxTransport(engine.gateway),
            options=ClientOptions(retry=RetryPolicy(max_attempts=1)),
            clock=VirtualClock(START),
        ) as client:
            yield engine, client


async def paid(engine: SandboxEngine, client: PayerMaxClient) -> str:
    created = await client.call_raw("createPaybylink", SAMPLE, version="1.1")
    return pay(engine, str(created["linkId"])).out_trade_no


async def test_a_dispute_is_opened_and_found_with_real_signatures(
    credentials: SandboxCredentials,
) -> None:
    async with at_work(credentials) as (engine, client):
        number = await paid(engine, client)
        opened = open_dispute(engine, number, {"amount": "15000"})
        found = await client.disputes.search(str(opened["case_id"]))
    assert found.case_id == opened["case_id"]
    assert found.out_trade_no == number
    assert found.status is DisputeStatus.DISPUTE_RECEIVED
    assert (found.amount, found.currency) == (Decimal(15000), "IDR")
    assert (found.fee, found.total_amount) == (Decimal(0), Decimal(15000))
    assert found.origin_trade_amount == Decimal(40000)
    assert found.origin_trade_currency == "IDR"
    assert found.out_user_id == "98"
    assert found.trade_token
    assert found.expiration_date == write_moment(START + timedelta(days=7))
    assert found.retrieval_date == found.trade_create_time == write_moment(START)
    assert found.extra == {}
    assert "out_user_id" not in repr(found)
    exchange = engine.gateway.exchanges[-1]
    assert exchange.operation == "caseSearch"
    assert cast("JsonObject", read_json(exchange.body))["version"] == "1.5"


async def test_what_nobody_disputed_is_not_found_and_not_sent_in_vain(
    credentials: SandboxCredentials,
) -> None:
    async with at_work(credentials) as (_, client):
        with pytest.raises(NotFoundError) as caught:
            await client.disputes.search("C1")
        with pytest.raises(ValidationError):
            await client.disputes.search("")
    assert (caught.value.operation, caught.value.merchant_key) == ("caseSearch", "C1")


async def test_an_answer_about_another_dispute_is_refused(
    credentials: SandboxCredentials,
) -> None:
    async with at_work(credentials) as (engine, client):
        case = str(open_dispute(engine, await paid(engine, client), {})["case_id"])
        engine.faults.add("other-link", operation="caseSearch", times=1)
        with pytest.raises(ReplyMismatchError):
            await client.disputes.search(case)
        engine.faults.add("query-lag", operation="caseSearch", queries=1)
        with pytest.raises(NotFoundError):
            await client.disputes.search(case)
        assert (await client.disputes.search(case)).case_id == case


def test_only_what_was_paid_can_be_disputed_and_only_its_merchant_sees_it() -> None:
    bench = Bench()
    trade = bench.paid()
    with pytest.raises(RefusedError, match="not a part"):
        cases.open_dispute(bench.ledger, trade.out_trade_no, trade.amount + 1)
    open_trade = bench.ledger.open_link(bench.link(merchantLinkId="b")).value
    with pytest.raises(RefusedError, match="not paid"):
        cases.open_dispute(bench.ledger, open_trade.out_trade_no)
    dispute = cases.open_dispute(bench.ledger, trade.out_trade_no).value
    assert dispute.amount == trade.amount
    asked: JsonObject = {"caseId": dispute.case_id}
    assert bench.ask("caseSearch", asked) == write_dispute(
        dispute, trade, "98", write_moment
    )
    assert bench.refused("caseSearch", asked, OTHER).code == "ORDER_NOT_EXIST"
    assert bench.refused("caseSearch", {}).code == "PARAMS_INVALID"


def test_disputes_are_kept_and_a_state_from_before_them_can_be_read() -> None:
    bench = Bench()
    dispute = cases.open_dispute(bench.ledger, bench.paid().out_trade_no).value
    kinds = [kind for kind, _, _ in bench.ledger.repository.take_changes()]
    assert kinds[-1] == "disputes"
    state = bench.ledger.repository.to_state()
    assert Repository.from_state(state).disputes() == (dispute,)
    del state["disputes"]
    assert Repository.from_state(state).disputes() == ()


async def test_the_admin_api_opens_disputes_and_says_what_is_wrong(
    credentials: SandboxCredentials,
) -> None:
    async with at_work(credentials) as (engine, client):
        number = await paid(engine, client)
        for body, words in (
            ({"amount": "much"}, "amount must be"),
            ({"amount": "0.001"}, "amount"),
            ({"sum": "1"}, "means nothing"),
        ):
            with pytest.raises(ConfigurationError, match=words):
                open_dispute(engine, number, cast("JsonObject", body))
        with pytest.raises(ConfigurationError, match="no such trade"):
            open_dispute(engine, "T1", {})
        assert disputes_view(engine) == []
        opened = open_dispute(engine, number, {})
        assert disputes_view(engine) == [opened]


@attrs.frozen(kw_only=True)
class AskWeather(Sent):
    """A question that PayerMax does not know."""

    place_id: str = attrs.field(metadata=rule(key()))


@attrs.frozen(kw_only=True)
class Weather(QueryReply):
    """Its answer."""

    place_id: str
    degrees: Decimal | None = None


ASK_WEATHER: Operation[AskWeather, Weather] = Operation(
    name="weatherQuery",
    version="9.9",
    request=AskWeather,
    reply=Weather,
    replay=Replay.SAFE,
    may_probe=True,
    keys=("place_id",),
    echoes=("place_id",),
    app_id_field="merchantAppId",
)


async def test_a_call_is_known_everywhere_by_its_row_and_its_rule(
    credentials: SandboxCredentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(OPERATIONS, ASK_WEATHER.name, ASK_WEATHER)

    def weather(fields: Fields, _owner: Owner) -> JsonObject:
        return {"placeId": fields.text("placeId", 64), "degrees": "21.5"}

    async with at_work(credentials) as (engine, client):
        engine.ledger.rules[ASK_WEATHER.name] = weather

        async def ask() -> Received:
            inner = client._engine  # pyright: ignore[reportPrivateUsage]
            return await inner.perform(ASK_WEATHER, AskWeather(place_id="P7"), None)

        assert await ask() == Weather(place_id="P7", degrees=Decimal("21.5"))
        outer = cast("JsonObject", read_json(engine.gateway.exchanges[-1].body))
        assert outer["merchantAppId"] == client.config.app_id
        # Faults know it for a question, and its id for an id.
        engine.faults.add("query-lag", link="P7", queries=1)
        with pytest.raises(NotFoundError) as caught:
            await ask()
        assert caught.value.merchant_key == "P7"
        engine.faults.clear()
        engine.faults.add("other-link", times=1)
        with pytest.raises(ReplyMismatchError):
            await ask()


async def test_a_recorded_call_keeps_what_its_row_names_and_no_person(
    credentials: SandboxCredentials, tmp_path: Path
) -> None:
    file = tmp_path / "exchanges.json"
    async with at_work(credentials) as (engine, client):
        case = str(open_dispute(engine, await paid(engine, client), {})["case_id"])
        recording = RecordingTransport(SandboxTransport(engine.gateway), file)
        async with PayerMaxClient(
            client.config, transport=recording, clock=VirtualClock(START)
        ) as recorded:
            told = await recorded.disputes.search(case)
    assert "98" not in re.findall(r'"([^"]*)"', file.read_text())
    replay = ReplayTransport(file, credentials.platform_key)
    async with PayerMaxClient(client.config, transport=replay) as again:
        found = await again.disputes.search(case)
    assert found.out_user_id is None
    assert (found.case_id, found.status) == (case, told.status)
    assert (found.amount, found.fee) == (told.amount, told.fee)
