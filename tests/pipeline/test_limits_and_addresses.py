"""What a call is given to wait, and the addresses that come back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest

from payermax_async.client import PayerMaxClient
from payermax_async.core.errors import (
    ConfigurationError,
    NotFoundError,
    NotSentError,
    Outcome,
    OutcomeUnknownError,
    PayerMaxError,
    ValidationError,
)
from payermax_async.core.models.refunds import CreateRefund
from payermax_async.core.strict_json import JsonObject, JsonValue
from payermax_async.options import ClientOptions
from payermax_async.reconcile import wait_until_paid
from payermax_async.testing.replies import signed_reply
from payermax_async.transport.base import HttpResponse

from .gateway import (
    PLATFORM,
    LinkGateway,
    client_of,
    make,
    order,
    refusal,
    refused_connection,
    replies,
)

REFUND = CreateRefund(
    out_refund_no="refund-1",
    out_trade_no="T1",
    refund_amount="1.00",
    refund_currency="USD",
)
METHODS: dict[str, Callable[[PayerMaxClient, float], Awaitable[object]]] = {
    "create_link": lambda c, t: c.create_link(order(), timeout=t),
    "query_link": lambda c, t: c.query_link("order-1", timeout=t),
    "expire_link": lambda c, t: c.expire_link("order-1", timeout=t),
    "query_order": lambda c, t: c.query_order("T1", timeout=t),
    "refund": lambda c, t: c.refund(REFUND, timeout=t),
    "query_refund": lambda c, t: c.query_refund("refund-1", timeout=t),
    "call_raw": lambda c, t: c.call_raw("anything", {}, version="1.0", timeout=t),
    "resolve": lambda c, t: c.resolve(order(), timeout=t),
    "wait_until_paid": lambda c, t: wait_until_paid(c, "order-1", timeout=t),
}
WRONG: tuple[object, ...] = (
    0,
    0.0,
    -1,
    float("nan"),
    float("inf"),
    "30",
    True,
    [1],
    10**400,
)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("wrong", WRONG)
async def test_a_wrong_limit_is_refused_before_anything_is_sent(
    method: str, wrong: object
) -> None:
    gateway = LinkGateway()
    async with client_of(gateway) as client:
        refused = (ValidationError, ConfigurationError)
        with pytest.raises(refused, match=r"timeout:? must be"):
            await METHODS[method](client, cast("float", wrong))
    assert gateway.calls == []


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("name", ["timeout", "attempt_timeout"])
def test_an_option_is_checked_like_the_limit_of_a_call(
    name: str, wrong: object
) -> None:
    with pytest.raises(ConfigurationError, match=f"{name} must be"):
        ClientOptions(**cast("dict[str, Any]", {name: wrong}))


# --- addresses -------------------------------------------------------------------

UNUSABLE: tuple[JsonValue, ...] = (
    "",
    " ",
    5,
    True,
    "javascript:alert(1)",
    "data:text/html,x",
    "/relative",
    "https://",
    "https:///x",
    "ftp://pay.test/1",
    "https://pay.test/1\r\nx: y",
    "https://[::1",
    {"url": "https://pay.test/1"},
)
USABLE = (
    "https://pay.test/1",
    "http://uat.payermax.link/x",
    "https://elsewhere.example:8443/a?b=c#/pay/1",
    "HTTPS://PAY.TEST/1",
)


def with_url(url: JsonValue, name: str = "linkUrl") -> Callable[..., HttpResponse]:
    def create(gateway: LinkGateway, data: JsonObject) -> HttpResponse:
        link = make(gateway, data)
        link[name] = url
        return signed_reply(PLATFORM, link)

    return create


@pytest.mark.parametrize("url", USABLE)
async def test_any_http_address_is_the_links(url: str) -> None:
    gateway = LinkGateway(createPaybylink=[with_url(url)])
    async with client_of(gateway) as client:
        assert (await client.create_link(order())).link_url == url
        assert (await client.query_link("order-1")).link_url == url


@pytest.mark.parametrize("url", UNUSABLE)
async def test_a_link_without_a_usable_address_exists_and_is_never_refused(
    url: JsonValue,
) -> None:
    gateway = LinkGateway(createPaybylink=[with_url(url)])
    async with client_of(gateway) as client:
        with pytest.raises(OutcomeUnknownError) as caught:
            await client.create_link(order())
        assert (await client.query_link("order-1")).link_url is None
    error = caught.value
    assert error.outcome is Outcome.UNKNOWN
    assert error.merchant_key == "order-1"
    assert gateway.made == gateway.names().count("createPaybylink") == 1


@pytest.mark.parametrize("url", UNUSABLE)
async def test_no_link_is_refused_for_the_address_of_its_qr_code(
    url: JsonValue,
) -> None:
    gateway = LinkGateway(createPaybylink=[with_url(url, "qrCodeUrl")])
    async with client_of(gateway) as client:
        link = await client.create_link(order())
        assert link.qr_code_url is None
        assert (await client.query_link("order-1")).qr_code_url is None


# --- what had left ------------------------------------------------------------------


async def test_what_was_refused_is_not_called_unsent_when_its_repeat_cannot_leave() -> (
    None
):
    late = replies(refusal("REQ_TIME_OVER_TIME"))
    for operation in ("createPaybylink", "queryPaybylink"):
        gateway = LinkGateway(**{operation: [late, *[refused_connection] * 9]})
        async with client_of(gateway) as client:
            calls = {
                "createPaybylink": lambda c=client: c.create_link(order()),
                "queryPaybylink": lambda c=client: c.query_link("order-1"),
            }
            with pytest.raises(PayerMaxError) as caught:
                await calls[operation]()
        assert not isinstance(caught.value, NotSentError)
        assert caught.value.outcome is Outcome.REJECTED
        assert isinstance(caught.value.__cause__, NotSentError)
        assert caught.value.attempts == 5
        assert caught.value.__notes__[-1].startswith("after 5 attempts in ")


async def test_a_call_that_never_left_says_so() -> None:
    gateway = LinkGateway(queryPaybylink=[refused_connection] * 9)
    async with client_of(gateway) as client:
        with pytest.raises(NotSentError):
            await client.query_link("order-1")
        with pytest.raises(NotFoundError):
            await client.query_link("order-1")
