"""A gateway in a few lines, scripted call by call, and a clock that never waits."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta

from payermax_async.client import PayerMaxClient
from payermax_async.config import Environment, MerchantConfig
from payermax_async.core.errors import NoReplyError, NotSentError
from payermax_async.core.models.link_parts import UserInfo
from payermax_async.core.models.link_request import CreateLink, LinkDefaults
from payermax_async.core.strict_json import JsonObject, read_json
from payermax_async.options import ClientOptions
from payermax_async.pipeline.breaker import BreakerPolicy
from payermax_async.pipeline.chain import Middleware
from payermax_async.pipeline.observe import Hook
from payermax_async.pipeline.retry import RetryPolicy
from payermax_async.signing.base import Signer
from payermax_async.signing.keys import PrivateKey
from payermax_async.testing.fake import FakeTransport
from payermax_async.testing.replies import signed_reply
from payermax_async.transport.base import HttpRequest, HttpResponse

MERCHANT = PrivateKey.generate()
PLATFORM = PrivateKey.generate()
START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

Reaction = Callable[["LinkGateway", JsonObject], HttpResponse | Exception]


class InstantClock:
    """Sleeping moves the clock on and returns at once."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.slept: list[float] = []

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds


class TogetherClock(InstantClock):
    """Whoever sleeps wakes only after the others have gone to sleep as well."""

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds)
        for _ in range(20):
            await asyncio.sleep(0)


class QuickSigner:
    """Signs without a key or a thread; the scripted gateway does not look."""

    async def sign(self, payload: bytes) -> str:
        return f"signature of {len(payload)} bytes"


class LinkGateway:
    """Keeps links; what it does with the n-th call of an operation is scripted."""

    def __init__(self, **script: list[Reaction]) -> None:
        self.links: dict[str, JsonObject] = {}
        self.made = 0
        self.calls: list[tuple[str, JsonObject]] = []
        self.script = script

    def __call__(self, request: HttpRequest) -> HttpResponse | Exception:
        operation = request.url.rpartition("/")[2]
        envelope = read_json(request.body)
        assert isinstance(envelope, dict)
        self.calls.append((operation, envelope))
        data = envelope["data"]
        assert isinstance(data, dict)
        waiting = self.script.get(operation, [])
        reaction = waiting.pop(0) if waiting else DEFAULTS[operation]
        return reaction(self, data)

    def names(self) -> list[str]:
        return [name for name, _ in self.calls]


def make(gateway: LinkGateway, data: JsonObject) -> JsonObject:
    key = str(data["merchantLinkId"])
    gateway.made += 1
    gateway.links[key] = {
        "linkId": f"L{gateway.made}",
        "merchantLinkId": key,
        "linkUrl": f"https://pay.test/{gateway.made}",
        "linkStatus": "ACTIVE",
        "totalAmount": data["totalAmount"],
        "currency": data["currency"],
        "country": data["country"],
    }
    return gateway.links[key]


@functools.cache
def refusal(code: str) -> HttpResponse:
    return signed_reply(PLATFORM, code=code)


def create(gateway: LinkGateway, data: JsonObject) -> HttpResponse:
    if str(data["merchantLinkId"]) in gateway.links:
        return refusal("ORDER_REPEAT")
    return signed_reply(PLATFORM, make(gateway, data))


def query(gateway: LinkGateway, data: JsonObject) -> HttpResponse:
    found = gateway.links.get(str(data["merchantLinkId"]))
    if found is None:
        return refusal("ORDER_NOT_EXIST")
    return signed_reply(PLATFORM, found)


def done_without_answer(gateway: LinkGateway, data: JsonObject) -> Exception:
    make(gateway, data)
    return NoReplyError("cut")


def not_done_without_answer(_gateway: LinkGateway, _data: JsonObject) -> Exception:
    return NoReplyError("cut")


def refused_connection(_gateway: LinkGateway, _data: JsonObject) -> Exception:
    return NotSentError("refused")


def answers(code: str, *, done: bool = False) -> Reaction:
    def react(gateway: LinkGateway, data: JsonObject) -> HttpResponse:
        if done:
            make(gateway, data)
        return refusal(code)

    return react


def replies(response: HttpResponse) -> Reaction:
    return lambda _gateway, _data: response


DEFAULTS: dict[str, Reaction] = {"createPaybylink": create, "queryPaybylink": query}

CONFIG = MerchantConfig(
    merchant_no="010213834784554",
    app_id="6666c8b036a24579974497c2f9a33333",
    private_key=MERCHANT,
    platform_keys=PLATFORM.public_key,
    environment=Environment.at("https://gateway.test/aggregate-pay/api/gateway"),
    defaults=LinkDefaults(
        contact_email="shop@shop.test",
        notify_url="https://shop.test/notify",
        logo_url="https://shop.test/logo.png",
    ),
)


def order(key: str = "order-1", amount: str = "19.90") -> CreateLink:
    return CreateLink(
        merchant_link_id=key,
        total_amount=amount,
        currency="USD",
        country="US",
        description="Blue T-shirt",
        user_info=UserInfo(user_id="u-98"),
    )


BREAKER = BreakerPolicy()


def client_of(
    handler: Callable[
        [HttpRequest],
        HttpResponse | Exception | Awaitable[HttpResponse | Exception],
    ],
    *,
    config: MerchantConfig = CONFIG,
    clock: InstantClock | None = None,
    middlewares: tuple[Middleware, ...] = (),
    retry: RetryPolicy | None = None,
    timeout: float = 60.0,
    attempt_timeout: float = 15.0,
    max_in_flight: int = 64,
    hooks: Sequence[Hook] = (),
    breaker: BreakerPolicy | None = BREAKER,
    failover: bool = False,
    signer: Signer | None = None,
) -> PayerMaxClient:
    return PayerMaxClient(
        config,
        transport=FakeTransport(handler),
        clock=clock or InstantClock(),
        middlewares=middlewares,
        hooks=hooks,
        signer=signer,
        options=ClientOptions(
            timeout=timeout,
            attempt_timeout=attempt_timeout,
            max_in_flight=max_in_flight,
            breaker=breaker,
            failover=failover,
            retry=retry or RetryPolicy(draw=lambda _low, high: high),
        ),
    )
