"""A gateway that checks nothing twice, in one or two places, to catch doubles.

It makes a link or a refund for every request that reaches it. So the client alone
keeps a double from being made.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

import attrs

from payermax_async.client import PayerMaxClient
from payermax_async.config import Environment
from payermax_async.core.errors import NoReplyError
from payermax_async.core.models.refunds import CreateRefund
from payermax_async.core.strict_json import JsonObject, read_json
from payermax_async.options import ClientOptions
from payermax_async.pipeline.breaker import BreakerPolicy
from payermax_async.pipeline.observe import Hook
from payermax_async.pipeline.retry import RetryPolicy
from payermax_async.testing.fake import FakeTransport
from payermax_async.testing.replies import signed_reply
from payermax_async.transport.base import HttpRequest, HttpResponse

from .gateway import CONFIG, PLATFORM, InstantClock, QuickSigner

FIRST, BACKUP = "gateway.test", "backup.test"
PATH = "/aggregate-pay/api/gateway"
FIRST_URL, BACKUP_URL = f"https://{FIRST}{PATH}", f"https://{BACKUP}{PATH}"
TWO_HOSTS = attrs.evolve(
    CONFIG,
    environment=Environment(name="custom", base_url=FIRST_URL, backup_url=BACKUP_URL),
)
UNAVAILABLE = HttpResponse(status=503, headers=(), body=b"")
LOST = NoReplyError("cut")
HELD_UP = NoReplyError("held up on its way")

Answer = HttpResponse | Exception
CREATE, QUERY, EXPIRE = "createPaybylink", "queryPaybylink", "expirePaybylink"
REFUND, ASK_REFUND = "refund", "refundQuery"
KEYS = {REFUND: "outRefundNo", ASK_REFUND: "outRefundNo"}


@attrs.define
class Place:
    """One host: what it made, what it shows, and how it is."""

    clock: InstantClock
    made: dict[str, list[JsonObject]] = attrs.field(factory=dict[str, list[JsonObject]])
    shown_after: float = 0.0
    """Seconds until a query shows what was made."""
    ailment: Answer | None = None
    """What every request is answered with."""
    script: dict[str, list[Answer | Callable[[JsonObject], Answer]]] = attrs.field(
        factory=dict[str, list[Any]]
    )
    """By operation: answers in place of the usual ones, in their order.

    ``LOST`` is done all the same, ``HELD_UP`` is not.
    """
    checks: bool = False
    """Whether it refuses an id that it knows."""

    def answer(self, operation: str, data: JsonObject) -> Answer:
        if self.ailment is not None:
            return self.ailment
        waiting = self.script.get(operation)
        planned = waiting.pop(0) if waiting else None
        if callable(planned):
            return planned(data)
        if planned is not None and planned is not LOST:
            return planned
        usual = self.usual(operation, data)
        return usual if planned is None else planned

    def usual(self, operation: str, data: JsonObject) -> Answer:
        key = str(data[KEYS.get(operation, "merchantLinkId")])
        if operation in {CREATE, REFUND}:
            if self.checks and key in self.made:
                return signed_reply(PLATFORM, code="ORDER_REPEAT")
            return signed_reply(PLATFORM, self.make(operation, key, data))
        made = self.made.get(key, [])
        shown = [it for it in made if self.clock.seconds >= float(str(it["from"]))]
        if not shown:
            return signed_reply(PLATFORM, code="ORDER_NOT_EXIST")
        if operation == EXPIRE:
            shown[0]["linkStatus"] = "EXPIRED"
        return signed_reply(PLATFORM, shown[0])

    def make(self, operation: str, key: str, data: JsonObject) -> JsonObject:
        known = self.made.setdefault(key, [])
        number = f"{len(known) + 1}"
        when = f"{self.clock.seconds + self.shown_after}"
        if operation == REFUND:
            made: JsonObject = {
                **{n: data[n] for n in ("outRefundNo", "refundAmount")},
                **{n: data[n] for n in ("refundCurrency", "outTradeNo")},
                "refundTradeNo": f"P{number}",
                "tradeOrderNo": data["outTradeNo"],
                "status": "REFUND_PENDING",
                "from": when,
            }
        else:
            repeated = ("totalAmount", "currency", "country", "description")
            made = {
                **{name: data[name] for name in repeated},
                "goodsDetails": data["goodsDetails"],
                "merchantLinkId": key,
                "linkId": f"L{number}",
                "linkUrl": f"https://pay.test/{key}/{number}",
                "linkStatus": "ACTIVE",
                "from": when,
            }
        known.append(made)
        return made


class Gateways:
    """The places, what came to them, and clients of them."""

    def __init__(self, *, checks: bool = False) -> None:
        self.clock = InstantClock()
        self.first = Place(self.clock, checks=checks)
        self.backup = Place(self.clock, checks=checks)
        self.seen: list[tuple[str, str]] = []
        self.asked: list[JsonObject] = []
        self.hangs: asyncio.Event | None = None
        """Set while nothing is answered: is told when something came."""
        self.before: Callable[[str, str], None] = lambda _host, _operation: None

    def __call__(self, request: HttpRequest) -> Answer | Awaitable[Answer]:
        return self._answer(request) if self.hangs is None else self._hang(self.hangs)

    async def _hang(self, asked: asyncio.Event) -> Answer:
        asked.set()
        return await asyncio.Future[Answer]()

    def _answer(self, request: HttpRequest) -> Answer:
        parts = urlsplit(request.url)
        operation = parts.path.rpartition("/")[2]
        envelope = read_json(request.body)
        assert isinstance(envelope, dict)
        data = envelope["data"]
        assert isinstance(data, dict)
        self.before(parts.netloc, operation)
        self.seen.append((parts.netloc, operation))
        self.asked.append(data)
        place = self.first if parts.netloc == FIRST else self.backup
        return place.answer(operation, data)

    def names(self, host: str | None = None) -> list[str]:
        return [name for at, name in self.seen if host in {None, at}]

    def count(self, key: str = "order-1") -> int:
        """How many of this id were made, at any place."""
        places = (self.first, self.backup)
        return sum(len(place.made.get(key, [])) for place in places)

    def client(
        self,
        *,
        failover: bool = False,
        breaker: BreakerPolicy | None = None,
        retry: RetryPolicy | None = None,
        timeout: float = 300.0,
        hooks: tuple[Hook, ...] = (),
        **options: Any,
    ) -> PayerMaxClient:
        return PayerMaxClient(
            TWO_HOSTS,
            transport=FakeTransport(self),
            clock=self.clock,
            signer=QuickSigner(),
            hooks=hooks,
            options=ClientOptions(
                timeout=timeout,
                failover=failover,
                breaker=breaker,
                retry=retry or RetryPolicy(draw=lambda _low, high: high),
                **options,
            ),
        )


def refund(number: str = "R1", amount: str = "5.00", **more: Any) -> CreateRefund:
    return CreateRefund(
        out_refund_no=number,
        refund_amount=amount,
        refund_currency="USD",
        **{"out_trade_no": "T1", **more},
    )


def coded(code: str) -> HttpResponse:
    return signed_reply(PLATFORM, code=code)
