"""What a row of the table says is what the client does, for rows nobody foresaw."""

from __future__ import annotations

from typing import cast

import attrs
import pytest

from payermax_async.client import PayerMaxClient
from payermax_async.core.checks import key
from payermax_async.core.errors import (
    ClientStateError,
    NoReplyError,
    Outcome,
    OutcomeUnknownError,
    PayerMaxError,
    ReplyMismatchError,
)
from payermax_async.core.models.common import Received, Sent, rule
from payermax_async.core.models.link_request import CreateLink
from payermax_async.core.models.links import QueryLink
from payermax_async.core.operations import table
from payermax_async.core.operations.operation import Operation, Replay
from payermax_async.core.operations.table import (
    CREATE_LINK,
    EXPIRE_LINK,
    OPERATIONS,
    business_ids,
)
from payermax_async.core.strict_json import JsonObject, read_json
from payermax_async.options import ClientOptions
from payermax_async.pipeline.retry import RetryPolicy
from payermax_async.testing.fake import FakeTransport
from payermax_async.testing.replies import signed_reply
from payermax_async.transport.base import HttpRequest, HttpResponse

from .gateway import CONFIG, PLATFORM, InstantClock


@attrs.frozen(kw_only=True)
class Replayed(Received):
    """The answer to an objection."""

    case_id: str


@attrs.frozen(kw_only=True)
class ReplayCase(Sent):
    """An objection, which nobody can look up."""

    case_id: str = attrs.field(metadata=rule(key()))


CASE_REPLAY = Operation(
    name="caseReplay",
    version="1.4",
    request=ReplayCase,
    reply=Replayed,
    replay=Replay.NEVER,
    keys=("case_id",),
    echoes=("case_id",),
    app_id_field="merchantAppId",
)


@pytest.fixture(autouse=True)
def _row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(OPERATIONS, CASE_REPLAY.name, CASE_REPLAY)


class Answers:
    """A gateway that gives these answers in turn, the last one for ever."""

    def __init__(self, *answers: HttpResponse | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, JsonObject]] = []

    def __call__(self, request: HttpRequest) -> HttpResponse | Exception:
        envelope = read_json(request.body)
        assert isinstance(envelope, dict)
        self.asked.append((request.url.rpartition("/")[2], envelope))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def client_of(gateway: Answers) -> PayerMaxClient:
    return PayerMaxClient(
        CONFIG,
        transport=FakeTransport(gateway),
        options=ClientOptions(timeout=60, retry=RetryPolicy(max_attempts=4)),
        clock=InstantClock(),
    )


async def object_to(client: PayerMaxClient) -> Replayed:
    # What a new method would call.
    engine = client._engine  # pyright: ignore[reportPrivateUsage]
    return await engine.perform(CASE_REPLAY, ReplayCase(case_id="C1"), None)


async def test_a_row_names_the_app_as_its_own_page_does() -> None:
    gateway = Answers(signed_reply(PLATFORM, {"caseId": "C1"}))
    async with client_of(gateway) as client:
        assert (await object_to(client)).case_id == "C1"
        await client.call_raw("caseReplay", {"caseId": "C1"}, version="1.4")
        await client.call_raw("other", {"caseId": "C1"}, version="1.4")
    own, raw, other = (envelope for _, envelope in gateway.asked)
    assert own["merchantAppId"] == raw["merchantAppId"] == CONFIG.app_id
    assert "appId" not in own
    assert "appId" not in raw
    assert other["appId"] == CONFIG.app_id


async def test_a_write_that_no_query_settles_is_never_repeated() -> None:
    gateway = Answers(NoReplyError("cut"))
    async with client_of(gateway) as client:
        with pytest.raises(PayerMaxError) as caught:
            await object_to(client)
        assert caught.value.outcome is Outcome.UNKNOWN
        with pytest.raises(ClientStateError, match="nothing to settle"):
            await client.resolve(caught.value)
        with pytest.raises(PayerMaxError):
            await client.call_raw(
                "caseReplay", {"caseId": "C1"}, version="1.4", replay=Replay.SAFE
            )
    assert [name for name, _ in gateway.asked] == ["caseReplay", "caseReplay"]


@pytest.mark.parametrize(
    "request_", [ReplayCase(case_id="C1"), QueryLink(merchant_link_id="order-1")]
)
async def test_what_no_query_settles_is_no_doubt(request_: Sent) -> None:
    gateway = Answers(NoReplyError("cut"))
    async with client_of(gateway) as client:
        with pytest.raises(ClientStateError, match="nothing to settle"):
            await client.resolve(cast("CreateLink", request_))
    assert gateway.asked == []


async def test_a_new_row_names_its_case_in_errors_and_tells_answers_apart() -> None:
    gateway = Answers(signed_reply(PLATFORM, {"caseId": "C2"}))
    async with client_of(gateway) as client:
        # It may have been done, and no query tells: that is what has to be said.
        with pytest.raises(OutcomeUnknownError) as caught:
            await object_to(client)
        assert isinstance(caught.value.__cause__, ReplyMismatchError)
        assert caught.value.merchant_key == "C1"
        with pytest.raises(ReplyMismatchError) as raw:
            await client.call_raw("caseReplay", {"caseId": "C1"}, version="1.4")
        assert raw.value.merchant_key == "C1"


async def test_a_raw_refund_is_known_by_its_own_id_and_not_by_its_orders() -> None:
    gateway = Answers(NoReplyError("cut"))
    data: JsonObject = {"outTradeNo": "P1", "outRefundNo": "R1"}
    async with client_of(gateway) as client:
        for name in ("refund", "refundLater"):
            with pytest.raises(PayerMaxError) as caught:
                await client.call_raw(name, data, version="1.4")
            assert caught.value.merchant_key == "R1"


def test_the_ids_of_an_operation_come_before_those_of_others() -> None:
    assert business_ids()[:4] == (
        "merchantLinkId",
        "outRefundNo",
        "refundTradeNo",
        "outTradeNo",
    )
    assert business_ids("caseReplay")[0] == "caseId"
    assert business_ids("orderQuery")[0] == "outTradeNo"
    assert table.is_query("refundQuery")
    assert not table.is_query("expirePaybylink")
    assert not table.is_query("unheardOf")


def test_a_row_that_contradicts_itself_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a settlement"):
        attrs.evolve(CREATE_LINK, settlement=None)
    with pytest.raises(ValueError, match="can be sent again"):
        attrs.evolve(EXPIRE_LINK, replay=Replay.NEVER)
    with pytest.raises(ValueError, match="may probe"):
        attrs.evolve(EXPIRE_LINK, may_probe=True)
