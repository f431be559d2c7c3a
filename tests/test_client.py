"""The client as its user meets it: life cycle, middlewares, raw calls, refunds."""

from __future__ import annotations

import asyncio
import sys
from decimal import Decimal
from typing import cast

import attrs
import pytest

from payermax_async import __version__
from payermax_async.client import PayerMaxClient
from payermax_async.core.errors import (
    ClientStateError,
    ConfigurationError,
    ConflictError,
    ExtensionError,
    NoReplyError,
    Outcome,
    OutcomeUnknownError,
    PayerMaxError,
    ReplyMismatchError,
    ValidationError,
)
from payermax_async.core.models.link_request import LinkDefaults
from payermax_async.core.models.refunds import CreateRefund
from payermax_async.core.operations.operation import Replay
from payermax_async.core.strict_json import JsonObject, read_json
from payermax_async.pipeline.chain import Attempt, CallNext, Middleware
from payermax_async.pipeline.retry import RetryPolicy
from payermax_async.signing.rsa import RsaVerifier
from payermax_async.testing.fake import FakeTransport
from payermax_async.testing.replies import signed_reply
from payermax_async.transport.base import HttpRequest, HttpResponse

from .pipeline.gateway import (
    CONFIG,
    MERCHANT,
    PLATFORM,
    LinkGateway,
    client_of,
    done_without_answer,
    order,
    refused_connection,
)


def _answer(data: JsonObject) -> HttpResponse:
    return signed_reply(PLATFORM, data)


async def test_use_before_open_says_so() -> None:
    client = client_of(LinkGateway())
    with pytest.raises(ClientStateError, match="not open"):
        await client.query_link("order-1")


async def test_use_after_close_says_so_and_closing_twice_is_fine() -> None:
    client = client_of(LinkGateway())
    await client.open()
    await client.aclose()
    await client.aclose()
    with pytest.raises(ClientStateError, match="closed"):
        await client.query_link("order-1")
    with pytest.raises(ClientStateError, match="closed"):
        await client.open()


async def test_opening_twice_says_so() -> None:
    async with client_of(LinkGateway()) as client:
        with pytest.raises(ClientStateError, match="open already"):
            await client.open()


def test_use_from_another_event_loop_says_so() -> None:
    client = client_of(LinkGateway())
    asyncio.run(client.open())
    with pytest.raises(ClientStateError, match="another event loop"):
        asyncio.run(client.query_link("order-1"))
    asyncio.run(client.aclose())


def test_a_client_needs_keys_or_their_replacements() -> None:
    with pytest.raises(ConfigurationError, match="private_key"):
        PayerMaxClient(attrs.evolve(CONFIG, private_key=None))
    with pytest.raises(ConfigurationError, match="platform_keys"):
        PayerMaxClient(attrs.evolve(CONFIG, platform_keys=()))


async def test_the_body_that_is_sent_is_the_body_that_was_signed() -> None:
    seen: list[HttpRequest] = []
    gateway = LinkGateway()

    def handler(request: HttpRequest) -> HttpResponse | Exception:
        seen.append(request)
        return gateway(request)

    async with client_of(handler) as client:
        await client.create_link(order())
    verifier = RsaVerifier(MERCHANT.public_key)
    (request,) = seen
    (signature,) = [value for name, value in request.headers if name == "sign"]
    verifier.verify_now(request.body, signature)
    assert request.url.endswith("/aggregate-pay/api/gateway/createPaybylink")


async def test_middlewares_run_in_order_and_may_add_headers() -> None:
    trail: list[str] = []

    def tagging(name: str) -> Middleware:
        async def tag(
            request: HttpRequest, attempt: Attempt, call_next: CallNext
        ) -> HttpResponse:
            trail.append(f"{name} {attempt.operation} {attempt.number}")
            response = await call_next(request.with_header(f"x-{name}", "1"))
            trail.append(f"{name} back")
            return response

        return tag

    headers: list[str] = []
    gateway = LinkGateway()

    def handler(request: HttpRequest) -> HttpResponse | Exception:
        headers.extend(name for name, _ in request.headers)
        return gateway(request)

    chain = (tagging("outer"), tagging("inner"))
    async with client_of(handler, middlewares=chain) as client:
        await client.create_link(order())
    assert trail == [
        "outer createPaybylink 1",
        "inner createPaybylink 1",
        "inner back",
        "outer back",
    ]
    assert {"x-outer", "x-inner", "sign"} <= set(headers)


async def test_a_middleware_cannot_change_what_is_signed() -> None:
    async def meddle(
        request: HttpRequest, _attempt: Attempt, call_next: CallNext
    ) -> HttpResponse:
        return await call_next(attrs.evolve(request, body=request.body + b" "))

    gateway = LinkGateway()
    async with client_of(gateway, middlewares=(meddle,)) as client:
        with pytest.raises(ClientStateError, match="replaced the body"):
            await client.query_link("order-1")
    assert gateway.calls == []


async def test_a_reply_made_by_a_middleware_is_not_taken_for_payermaxs() -> None:
    async def forge(
        request: HttpRequest, _attempt: Attempt, call_next: CallNext
    ) -> HttpResponse:
        response = await call_next(request)
        return attrs.evolve(response, body=response.body.replace(b"L1", b"L9"))

    async with client_of(LinkGateway(), middlewares=(forge,)) as client:
        with pytest.raises(OutcomeUnknownError) as caught:
            await client.create_link(order(), timeout=0.5)
    assert isinstance(caught.value.__cause__, ExtensionError)
    assert caught.value.__cause__.part == "middleware"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "x",
        "../x",
        "//h/x",
        "a?b",
        "a%2fb",
        "a\r\nb",
        "a b",
        "créer",
        "a" * 65,
        "/a",
    ],
)
async def test_an_operation_name_that_could_lead_elsewhere_is_refused(
    name: str,
) -> None:
    gateway = LinkGateway()
    async with client_of(gateway) as client:
        with pytest.raises(ValidationError):
            await client.call_raw(name, {}, version="1.0")
    assert gateway.calls == []


async def test_a_raw_call_is_signed_verified_and_keeps_exact_numbers() -> None:
    seen: list[HttpRequest] = []

    def handler(request: HttpRequest) -> HttpResponse:
        seen.append(request)
        return _answer({"rate": Decimal("1.2500"), "count": 3})

    async with client_of(handler) as client:
        data = await client.call_raw(
            "quoteQuery", {"amount": Decimal("10.50")}, version="1.2"
        )
    assert data == {"rate": Decimal("1.2500"), "count": 3}
    assert str(data["rate"]) == "1.2500"
    envelope = read_json(seen[0].body)
    assert isinstance(envelope, dict)
    assert envelope["version"] == "1.2"
    assert b'"amount":10.50' in seen[0].body


async def test_a_raw_call_with_a_float_is_refused() -> None:
    async with client_of(LinkGateway()) as client:
        with pytest.raises(ValidationError, match="float"):
            await client.call_raw("quoteQuery", {"x": 0.1}, version="1")  # type: ignore[dict-item]


@pytest.mark.parametrize(
    "value",
    ["a\0b", "\ud800", Decimal("NaN"), 2**20_000],
    ids=["NUL", "half a character", "no number", "out of range"],
)
async def test_a_raw_call_with_what_no_json_can_say_is_refused(value: object) -> None:
    gateway = LinkGateway()
    data = cast("JsonObject", {"x": value})
    async with client_of(gateway) as client:
        with pytest.raises(ValidationError, match="must be made of JSON values"):
            await client.call_raw("quoteQuery", data, version="1")
    assert gateway.calls == []


async def test_a_raw_reply_about_something_else_is_refused() -> None:
    handler = FakeTransport(
        lambda _: _answer({"outTradeNo": "another", "status": "SUCCESS"})
    )
    async with PayerMaxClient(CONFIG, transport=handler) as client:
        with pytest.raises(ReplyMismatchError):
            await client.call_raw(
                "confirmPayment", {"outTradeNo": "mine"}, version="1.4"
            )


async def test_a_raw_create_is_never_sent_twice_by_itself() -> None:
    gateway = LinkGateway(createPaybylink=[done_without_answer])
    data = {"merchantLinkId": "raw-1", "totalAmount": "1", "currency": "USD"}
    async with client_of(gateway) as client:
        with pytest.raises(PayerMaxError) as caught:
            await client.call_raw(
                "createPaybylink",
                {**data, "country": "US"},
                version="1.1",
                replay=Replay.SAFE,
            )
        assert caught.value.outcome is Outcome.UNKNOWN
        assert caught.value.merchant_key == "raw-1"
        found = await client.resolve(caught.value)
    assert found is not None
    assert gateway.names().count("createPaybylink") == 1


async def test_what_configuration_and_request_both_lack_is_reported_at_once() -> None:
    gateway = LinkGateway()
    config = attrs.evolve(CONFIG, defaults=LinkDefaults())
    async with client_of(gateway, config=config) as client:
        with pytest.raises(ValidationError) as caught:
            await client.create_link(order())
    assert [problem.path for problem in caught.value.problems] == [
        "notify_url",
        "merchant_info.contact_email",
        "goods_details[0].show_url",
    ]
    assert caught.value.merchant_key == "order-1"
    assert gateway.calls == []


async def test_a_service_provider_sends_its_number_and_token() -> None:
    seen: list[HttpRequest] = []
    gateway = LinkGateway()

    def handler(request: HttpRequest) -> HttpResponse | Exception:
        seen.append(request)
        return gateway(request)

    config = attrs.evolve(
        CONFIG,
        sp_merchant_no="SP18440851",
        merchant_auth_token="token-of-the-pair",
        auth_token_header="merchantAuthToken",
        app_id_field="merchantAppId",
        versions={"createPaybylink": "1.4"},
    )
    async with client_of(handler, config=config) as client:
        await client.create_link(order())
    assert ("merchantAuthToken", "token-of-the-pair") in seen[0].headers
    envelope = read_json(seen[0].body)
    assert isinstance(envelope, dict)
    assert envelope["spMerchantNo"] == "SP18440851"
    assert envelope["merchantAppId"] == CONFIG.app_id
    assert envelope["version"] == "1.4"


async def test_several_merchants_live_side_by_side() -> None:
    first, second = LinkGateway(), LinkGateway()
    other = attrs.evolve(CONFIG, merchant_no="P01010113843429")
    async with client_of(first) as one, client_of(second, config=other) as two:
        await asyncio.gather(one.create_link(order("a")), two.create_link(order("b")))
    assert [body["merchantNo"] for _, body in first.calls] == [CONFIG.merchant_no]
    assert [body["merchantNo"] for _, body in second.calls] == ["P01010113843429"]


class RefundGateway(LinkGateway):
    """Keeps refunds; loses the answers it is told to lose."""

    def __init__(self, *, lose: int = 0) -> None:
        super().__init__()
        self.refunds: dict[str, JsonObject] = {}
        self.lose = lose

    def __call__(self, request: HttpRequest) -> HttpResponse | Exception:
        operation = request.url.rpartition("/")[2]
        envelope = read_json(request.body)
        assert isinstance(envelope, dict)
        self.calls.append((operation, envelope))
        data = envelope["data"]
        assert isinstance(data, dict)
        key = str(data["outRefundNo"])
        if operation == "refundQuery":
            found = self.refunds.get(key)
            if found is None:
                return signed_reply(PLATFORM, code="ORDER_NOT_EXIST")
            return _answer(found)
        self.refunds[key] = {
            "outRefundNo": key,
            "refundTradeNo": f"R-{key}",
            "outTradeNo": data["outTradeNo"],
            "refundAmount": data["refundAmount"],
            "refundCurrency": data["refundCurrency"],
            "status": "REFUND_PENDING",
        }
        if self.lose:
            self.lose -= 1
            return NoReplyError("cut")
        return _answer({**self.refunds[key], "tradeOrderNo": data["outTradeNo"]})


def _refund(amount: str = "5.25") -> CreateRefund:
    return CreateRefund(
        out_refund_no="refund-1",
        refund_amount=amount,
        refund_currency="USD",
        out_trade_no="T1",
    )


@pytest.mark.parametrize("lost", [0, 1])
async def test_a_refund_is_made_once_even_when_its_answer_is_lost(lost: int) -> None:
    gateway = RefundGateway(lose=lost)
    async with client_of(gateway) as client:
        refund = await client.refund(_refund())
    assert refund.status == "REFUND_PENDING"
    assert gateway.names().count("refund") == 1
    assert gateway.calls[0][1]["data"] == {
        "outRefundNo": "refund-1",
        "refundAmount": Decimal("5.25"),
        "refundCurrency": "USD",
        "outTradeNo": "T1",
        "refundNotifyUrl": "https://shop.test/notify",
    }


async def test_a_refund_that_differs_from_what_exists_is_a_conflict() -> None:
    gateway = RefundGateway()
    async with client_of(gateway) as client:
        await client.refund(_refund())
        with pytest.raises(ConflictError) as caught:
            await client.resolve(_refund("5.26"))
    assert caught.value.differences == ("refund_amount",)


async def test_withdrawing_a_link_is_repeated_until_it_is_answered() -> None:
    def expire(gateway: LinkGateway, data: JsonObject) -> HttpResponse:
        link = gateway.links[str(data["merchantLinkId"])]
        return _answer({**link, "linkStatus": "ACTIVE"})

    gateway = LinkGateway(
        expirePaybylink=[
            refused_connection,
            lambda _gateway, _data: NoReplyError("cut"),
            expire,
        ]
    )
    async with client_of(gateway) as client:
        await client.create_link(order())
        expired = await client.expire_link("order-1")
    assert expired.merchant_link_id == "order-1"
    assert gateway.names().count("expirePaybylink") == 3


async def test_an_order_is_read_with_its_number_amounts() -> None:
    reply = _answer(
        {
            "outTradeNo": "P2022",
            "totalAmount": Decimal(40000),
            "currency": "IDR",
            "status": "SUCCESS",
            "fees": {"merFee": {"amount": "12.5", "currency": "IDR"}},
        }
    )
    async with client_of(lambda _: reply) as client:
        found = await client.query_order("P2022")
    assert found.is_paid
    assert found.total_amount == Decimal(40000)
    assert found.fees is not None
    assert found.fees.mer_fee[0].amount == Decimal("12.5")


def test_neither_repr_of_client_nor_config_shows_a_secret() -> None:
    config = attrs.evolve(
        CONFIG, sp_merchant_no="SP1", merchant_auth_token="secret-token"
    )
    client = client_of(LinkGateway(), config=config)
    shown = f"{client!r} {config!r} {client.__dict__!r}"
    assert "secret-token" not in shown
    assert MERCHANT.to_base64()[100:140] not in shown


async def test_only_writes_have_something_to_settle() -> None:
    gateway = LinkGateway(queryPaybylink=[lambda _gateway, _data: NoReplyError("cut")])
    once = RetryPolicy(max_attempts=1)
    async with client_of(gateway, retry=once) as client:
        with pytest.raises(NoReplyError) as caught:
            await client.query_link("order-1")
        with pytest.raises(ClientStateError, match="nothing to settle"):
            await client.resolve(caught.value)


async def test_a_client_whose_transport_did_not_open_can_be_opened_again() -> None:
    class Stubborn(FakeTransport):
        tries = 0

        async def open(self) -> None:
            self.tries += 1
            if self.tries == 1:
                raise ConfigurationError("no such file")
            await super().open()

    client = PayerMaxClient(CONFIG, transport=Stubborn(LinkGateway()))
    with pytest.raises(ConfigurationError):
        await client.open()
    await client.open()
    await client.aclose()


async def test_a_request_names_this_library_and_no_other() -> None:
    gateway = LinkGateway()
    seen: list[HttpRequest] = []

    def handler(request: HttpRequest) -> HttpResponse | Exception:
        seen.append(request)
        return gateway(request)

    async with client_of(handler) as client:
        await client.create_link(order())
    headers = dict(seen[0].headers)
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert headers["user-agent"] == f"payermax_async/{__version__} Python/{python}"
    assert headers["sdk-ver"] == f"payermax_async-{__version__}"
