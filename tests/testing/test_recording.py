"""Recorded exchanges play again as they were, and hold nobody's secrets."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from payermax_async.client import PayerMaxClient
from payermax_async.config import MerchantConfig
from payermax_async.core.errors import (
    ApiError,
    ClientStateError,
    ConfigurationError,
    HttpStatusError,
    NoReplyError,
    NotSentError,
    Outcome,
    OutcomeUnknownError,
    PayerMaxError,
)
from payermax_async.core.models.common import Sent
from payermax_async.core.models.disputes import DisputeDetails
from payermax_async.core.models.link_parts import GoodsItem, UserInfo
from payermax_async.core.models.link_request import CreateLink
from payermax_async.core.models.refunds import CreateRefund
from payermax_async.core.operations.operation import Operation, Replay
from payermax_async.core.operations.table import OPERATIONS, business_ids
from payermax_async.core.scalars import write_time
from payermax_async.core.strict_json import JsonObject, JsonValue, write_json
from payermax_async.sandbox.state.credentials import SandboxCredentials
from payermax_async.signing.keys import PrivateKey
from payermax_async.testing.fake import FakeTransport, json_reply, script
from payermax_async.testing.local import LocalSandbox
from payermax_async.testing.recording import RecordingTransport
from payermax_async.testing.replaying import ReplayTransport
from payermax_async.testing.replies import signed_reply
from payermax_async.testing.sandbox import SandboxTransport
from payermax_async.testing.scrubbing import CONTAINERS, SHAPES, STAND_INS, scrub
from payermax_async.transport.base import HttpRequest, HttpResponse, Transport
from tests.pipeline.gateway import CONFIG, PLATFORM, START, InstantClock, order

CANARY = "canary@secret.example"
"""Looks like nothing that may be kept, as names, addresses and tokens do."""
URL_ = "http://127.0.0.1/aggregate-pay/api/gateway"

ORDER = CreateLink(
    merchant_link_id="order-1001",
    total_amount="19.90",
    currency="USD",
    country="US",
    description=f"for {CANARY}",
    goods_details=(
        GoodsItem(
            goods_name=CANARY,
            goods_description=CANARY,
            quantity=1,
            price="19.90",
            goods_currency="USD",
            show_url="https://shop.example/canary-picture",
        ),
    ),
    user_info=UserInfo(user_id=CANARY, username=CANARY),
    link_description=CANARY,
)


@pytest.fixture(scope="module")
def credentials() -> SandboxCredentials:
    return SandboxCredentials.generate()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "exchanges.json"


def request_of(operation: str, data: JsonObject, **more: JsonValue) -> HttpRequest:
    return HttpRequest(
        url=f"{URL_}/{operation}?token={CANARY}",
        headers=(("sign", CANARY), ("merchant_auth_token", CANARY)),
        body=write_json({"version": "1.1", "data": data, **more}),
    )


async def record(file: Path, inner: Transport, *requests: HttpRequest) -> None:
    recording = RecordingTransport(inner, file)
    await recording.open()
    for request in requests:
        try:
            await recording.send(request, timeout=9, on_sent=lambda: None)
        except PayerMaxError:
            continue
    await recording.aclose()


def everywhere(value: JsonValue) -> JsonValue:
    """The value with the canary in place of every text and in further fields."""
    if isinstance(value, dict):
        inside = {name: everywhere(item) for name, item in value.items()}
        return {**inside, CANARY: CANARY, "userInfo": {CANARY: CANARY}}
    if isinstance(value, list):
        return [CANARY, *map(everywhere, value)]
    return CANARY


# --- secrets -------------------------------------------------------------------


async def test_a_whole_course_leaves_no_secret_in_the_file(
    file: Path, credentials: SandboxCredentials
) -> None:
    async with LocalSandbox.running(credentials=credentials) as sandbox:
        recording = RecordingTransport(SandboxTransport(sandbox.engine.gateway), file)
        config = sandbox.config
        plain = PayerMaxClient(config, transport=recording, clock=sandbox.clock)
        async with plain as client:
            link = await client.create_link(ORDER)
            trade = await sandbox.pay(link.link_url)
            await client.query_link("order-1001")
            await client.query_order(trade.out_trade_no)
            await client.refund(
                CreateRefund(
                    out_refund_no="refund-1",
                    refund_amount="1.90",
                    refund_currency="USD",
                    out_trade_no=trade.out_trade_no,
                    comments=CANARY,
                )
            )
        signatures = [
            value
            for exchange in sandbox.engine.gateway.exchanges
            if exchange.response is not None
            for value in (
                *exchange.response.header_values("sign"),
                *(value for name, value in exchange.headers if name == "sign"),
            )
        ]
    written = file.read_text(encoding="utf-8")
    assert len(signatures) == 2 * len(json.loads(written)["exchanges"]) == 8
    secrets = [
        *signatures,
        CANARY,
        "canary",
        link.link_url,
        config.merchant_no,
        config.app_id,
        "shop@example.com",
        "****",
        "/merchant/notifications",
    ]
    assert [secret for secret in secrets if secret in written] == []
    assert "order-1001" in written
    assert trade.out_trade_no in written


@pytest.mark.parametrize(
    "reply",
    [
        HttpResponse(status=200, headers=(("sign", CANARY),), body=b"{}"),
        HttpResponse(status=502, headers=((CANARY, CANARY),), body=CANARY.encode()),
        HttpResponse(
            status=503, headers=(("Retry-After", CANARY),), body=b'"' + CANARY.encode()
        ),
        json_reply({"code": CANARY, "msg": CANARY, CANARY: CANARY, "data": CANARY}),
        json_reply({"code": "FAIL", "data": [CANARY, {"status": CANARY}, [CANARY]]}),
        NoReplyError(CANARY),
        NotSentError(CANARY, merchant_key=CANARY),
        OutcomeUnknownError(CANARY),
    ],
)
async def test_no_reply_and_no_error_takes_a_secret_along(
    file: Path, reply: HttpResponse | PayerMaxError
) -> None:
    requests = [
        request_of("queryPaybylink", {"merchantLinkId": "order-1", "email": CANARY}),
        request_of("orderQuery", {"outTradeNo": CANARY}),
        request_of(CANARY, {"merchantLinkId": "order-2"}, appId=CANARY),
        HttpRequest(url=URL_, body=CANARY.encode()),
    ]
    await record(file, FakeTransport(lambda _: reply), *requests)
    written = file.read_text(encoding="utf-8")
    assert "canary" not in written
    assert isinstance(reply, OutcomeUnknownError) or "order-1" in written


LISTED = sorted({*SHAPES, *CONTAINERS, *STAND_INS})
NAMES = st.sampled_from(LISTED) | st.just(CANARY) | st.text(max_size=8)
ANY_JSON: st.SearchStrategy[JsonValue] = st.recursive(
    st.just(CANARY) | st.none() | st.booleans() | st.integers(-9, 9),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4)
    ),
    max_leaves=25,
)


@given(st.dictionaries(NAMES, ANY_JSON, max_size=5))
def test_a_secret_gets_through_nowhere_in_any_json(value: JsonObject) -> None:
    assert CANARY not in repr(scrub(value))


@given(st.dictionaries(NAMES, ANY_JSON, max_size=5))
def test_scrubbing_twice_changes_nothing_more(value: JsonObject) -> None:
    once = scrub(value)
    assert scrub(once) == once


def test_every_listed_field_is_kept_in_its_shape_and_not_in_another() -> None:
    fitting: dict[str, JsonValue] = dict.fromkeys(SHAPES, "1")
    words = ("FAIL", "US", "2030-01-31T10:00:00.000Z", "ACTIVE")
    for name, shape in SHAPES.items():
        for word in ("1", *words):
            if shape.fullmatch(word):
                fitting[name] = word
    assert scrub(fitting) == fitting
    assert scrub(dict.fromkeys(SHAPES, CANARY)) == {}
    assert scrub(dict.fromkeys(SHAPES, None)) == {}


@attrs.frozen(kw_only=True)
class SendTip(Sent):
    """A call that the table might get, with fields that only look harmless."""

    tip_id: str
    tip_amount: Decimal
    tip_time: datetime
    tax_id: str = attrs.field(repr=False)
    income: Decimal = attrs.field(repr=False)
    date_of_birth: datetime = attrs.field(repr=False)


def test_what_a_model_hides_is_not_kept_however_harmless_it_looks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    row = Operation(
        name="sendTip",
        version="1.0",
        request=SendTip,
        reply=DisputeDetails,
        replay=Replay.NEVER,
        keys=("tip_id", "tax_id"),
        echoes=(),
    )
    moment = "2030-01-31T10:00:00.000Z"
    plain: JsonObject = {"tipId": "T1", "tipAmount": "5.00", "tipTime": moment}
    hidden: JsonObject = {"taxId": "T1", "income": "5.00", "dateOfBirth": moment}
    assert scrub({**plain, **hidden}) == {}
    monkeypatch.setitem(OPERATIONS, "sendTip", row)
    assert scrub({**plain, **hidden}) == plain


def test_amounts_given_as_numbers_are_kept_exact() -> None:
    amounts: JsonObject = {"refundAmount": Decimal("100.10"), "payAmount": 7}
    assert scrub(amounts) == amounts


def test_a_structure_without_end_is_cut() -> None:
    nested: JsonObject = {"code": "X"}
    for _ in range(30):
        nested = {"data": nested}
    assert len(repr(scrub(nested))) < 200


async def test_fields_that_are_asked_for_are_kept(file: Path) -> None:
    recording = RecordingTransport(
        FakeTransport(lambda _: json_reply({"code": "OK", "data": {"token": "t-1"}})),
        file,
        keep={"token"},
    )
    await recording.open()
    await recording.send(request_of("any", {}), timeout=9, on_sent=lambda: None)
    await recording.aclose()
    assert "t-1" in file.read_text(encoding="utf-8")


# --- playing again -------------------------------------------------------------


async def test_a_recorded_course_plays_again_for_a_client_of_other_keys(
    file: Path, credentials: SandboxCredentials
) -> None:
    async def course(
        client: PayerMaxClient, pay: Callable[[str], Awaitable[object]]
    ) -> object:
        link = await client.create_link(ORDER)
        before = await client.query_link("order-1001")
        await pay(link.link_url)
        after = await client.query_link("order-1001")
        with pytest.raises(ApiError) as unknown:
            await client.query_order("P404")
        return (
            link.merchant_link_id,
            [(x.is_paid, x.total_amount, x.currency) for x in (before, after)],
            unknown.value.code,
        )

    async with LocalSandbox.running(credentials=credentials) as sandbox:
        recording = RecordingTransport(SandboxTransport(sandbox.engine.gateway), file)
        async with PayerMaxClient(
            sandbox.config, transport=recording, clock=sandbox.clock
        ) as client:
            first = await course(client, sandbox.pay)

    mine, platform = credentials.merchant_key, credentials.platform_key
    config = MerchantConfig(  # the two keys the other way round
        merchant_no="SHOP9",
        app_id="app9",
        private_key=platform,
        platform_keys=(mine.public_key,),
        defaults=sandbox.config.defaults,
    )

    async def nothing(link_url: str) -> None:
        """Nobody pays the second time."""

    replay = ReplayTransport(file, mine)
    async with PayerMaxClient(config, transport=replay) as client:
        assert await course(client, nothing) == first
    assert replay.left == ()


async def test_a_link_that_is_played_again_days_later_lasts_as_long_as_it_did(
    file: Path,
) -> None:
    clock = InstantClock()
    reply: JsonObject = {
        "merchantLinkId": "order-1",
        "linkId": "L1",
        "linkUrl": "https://pay.test/1",
        "linkStatus": "ACTIVE",
        "expiresAt": write_time(START + timedelta(days=1)),
    }

    async def made(transport: Transport) -> datetime | None:
        async with PayerMaxClient(CONFIG, transport=transport, clock=clock) as client:
            return (await client.create_link(order())).expires_at

    answering = FakeTransport(lambda _: signed_reply(PLATFORM, reply))
    assert await made(RecordingTransport(answering, file)) == START + timedelta(days=1)
    clock.seconds += 2 * 86400
    replay = ReplayTransport(file, PLATFORM)  # nothing but the create was recorded
    assert await made(replay) == START + timedelta(days=3)
    assert replay.left == ()


async def played(file: Path, key: PrivateKey, request: HttpRequest) -> HttpResponse:
    replay = ReplayTransport(file, key)
    await replay.open()
    return await replay.send(request, timeout=9, on_sent=lambda: None)


async def test_answers_come_by_operation_and_business_id_in_their_order(
    file: Path, credentials: SandboxCredentials
) -> None:
    one, two = (
        request_of("queryPaybylink", {"merchantLinkId": name}) for name in ("m1", "m2")
    )
    other = request_of("expirePaybylink", {"merchantLinkId": "m1"})
    answers = [json_reply({"code": f"C{number}"}) for number in range(4)]
    await record(file, FakeTransport(script(*answers)), one, two, other, one)

    replay = ReplayTransport(file, credentials.platform_key)
    await replay.open()
    bodies: list[bytes] = []
    for request in (other, one, two, one):
        answer = await replay.send(request, timeout=9, on_sent=lambda: None)
        bodies.append(answer.body)
    assert bodies == [b'{"code":"C%d"}' % number for number in (2, 0, 1, 3)]
    with pytest.raises(AssertionError, match=r"no recorded answer.*'m1'"):
        await replay.send(one, timeout=9, on_sent=lambda: None)


def test_each_operation_is_found_by_its_own_id() -> None:
    for operation in OPERATIONS.values():
        own = business_ids(operation.name)[: len(operation.keys)]
        fields = [name.lower() for name in own]
        assert fields == [name.replace("_", "") for name in operation.keys]


async def test_a_refund_is_found_by_its_own_id_and_not_by_its_order(
    file: Path, credentials: SandboxCredentials
) -> None:
    def refund(number: str) -> HttpRequest:
        return request_of("refund", {"outTradeNo": "P1", "outRefundNo": number})

    answers = (json_reply({"code": "R1"}), json_reply({"code": "R2"}))
    await record(file, FakeTransport(script(*answers)), refund("r1"), refund("r2"))
    answer = await played(file, credentials.platform_key, refund("r2"))
    assert answer.body == b'{"code":"R2"}'


@pytest.mark.parametrize(
    ("reply", "status", "headers"),
    [
        (HttpResponse(status=502, body=b"<html>"), 502, {}),
        (
            HttpResponse(status=503, headers=(("retry-after", "7"),), body=b""),
            503,
            {"Retry-After": ("7",)},
        ),
        (json_reply({"code": "X"}), 200, {"sign": ()}),
    ],
)
async def test_status_pause_and_a_missing_signature_come_back(
    file: Path,
    credentials: SandboxCredentials,
    reply: HttpResponse,
    status: int,
    headers: dict[str, tuple[str, ...]],
) -> None:
    request = request_of("queryPaybylink", {"merchantLinkId": "m1"})
    await record(file, FakeTransport(lambda _: reply), request)
    answer = await played(file, credentials.platform_key, request)
    assert answer.status == status
    for name, values in headers.items():
        assert answer.header_values(name) == values
    assert b"html" not in answer.body


@pytest.mark.parametrize(
    ("error", "sent"), [(NoReplyError("x"), 1), (NotSentError("x"), 0)]
)
async def test_a_recorded_failure_fails_again_with_the_same_outcome(
    file: Path, credentials: SandboxCredentials, error: PayerMaxError, sent: int
) -> None:
    request = request_of("queryPaybylink", {"merchantLinkId": "m1"})
    await record(file, FakeTransport(lambda _: error), request)
    replay = ReplayTransport(file, credentials.platform_key)
    await replay.open()
    calls: list[None] = []
    with pytest.raises(type(error)) as caught:
        await replay.send(request, timeout=9, on_sent=lambda: calls.append(None))
    assert len(calls) == sent
    assert (caught.value.outcome is Outcome.NOT_SENT) is (sent == 0)


async def test_the_client_judges_a_replayed_error_page_as_the_recorded_one(
    file: Path, credentials: SandboxCredentials
) -> None:
    page = HttpResponse(status=404, body=b"<html>")
    config = MerchantConfig(
        merchant_no="SHOP9",
        app_id="app9",
        private_key=credentials.merchant_key,
        platform_keys=(credentials.platform_key.public_key,),
    )
    recording = RecordingTransport(FakeTransport(lambda _: page), file)
    statuses: list[int] = []
    for transport in (recording, ReplayTransport(file, credentials.platform_key)):
        async with PayerMaxClient(config, transport=transport) as client:
            with pytest.raises(HttpStatusError) as caught:
                await client.query_link("m1")
            statuses.append(caught.value.status)
    assert statuses == [404, 404]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"format":2,"exchanges":[]}',
        '{"format":1,"exchanges":{}}',
        '{"format":1,"exchanges":[7]}',
        '{"format":1,"exchanges":[{"operation":"x","key":"y"}]}',
        '{"format":1,"exchanges":[{"operation":"x","key":"y","error":"Exit"}]}',
        '{"format":1,"exchanges":[{"operation":1,"key":"y","error":"NoReplyError"}]}',
    ],
)
async def test_a_file_that_holds_no_exchanges_is_told(
    file: Path, credentials: SandboxCredentials, text: str
) -> None:
    file.write_text(text)
    with pytest.raises(ConfigurationError, match="record it again"):
        await ReplayTransport(file, credentials.platform_key).open()


async def test_a_missing_file_and_a_closed_transport_are_told(
    file: Path, credentials: SandboxCredentials
) -> None:
    replay = ReplayTransport(file, credentials.platform_key)
    with pytest.raises(ConfigurationError, match="No such file"):
        await replay.open()
    await replay.aclose()
    with pytest.raises(ClientStateError, match="make a new one"):
        await replay.open()


async def test_the_file_is_replaced_whole_and_nothing_else_is_left(file: Path) -> None:
    file.write_text("older")
    await record(file, FakeTransport(lambda _: json_reply({"code": "X"})))
    assert json.loads(file.read_text()) == {"format": 1, "exchanges": []}
    assert [path.name for path in file.parent.iterdir()] == ["exchanges.json"]


async def test_a_file_that_cannot_be_written_leaves_nothing_behind(
    tmp_path: Path,
) -> None:
    (tmp_path / "taken").mkdir()
    recording = RecordingTransport(
        FakeTransport(lambda _: json_reply({})), tmp_path / "taken"
    )
    await recording.open()
    with pytest.raises(OSError, match="directory"):
        await recording.aclose()
    await recording.aclose()
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]
