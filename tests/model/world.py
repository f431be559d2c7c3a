"""A merchant with a client, a gateway with a ledger, and a network between them.

Everything happens on one loop of virtual time. What the merchant knows is kept
apart from what the ledger holds, so that the two can be compared.
"""

from __future__ import annotations

import asyncio
import enum
import random
from collections import deque
from collections.abc import Awaitable, Sequence
from contextvars import ContextVar
from datetime import timedelta

import attrs

from payermax_async.client import PayerMaxClient
from payermax_async.config import Environment, MerchantConfig
from payermax_async.core.errors import ConflictError, Outcome, PayerMaxError
from payermax_async.core.models.common import Received
from payermax_async.core.models.link_request import CreateLink, LinkDefaults
from payermax_async.core.models.links import LinkDetails
from payermax_async.core.models.refunds import CreateRefund, RefundDetails
from payermax_async.core.strict_json import JsonObject, JsonValue
from payermax_async.options import ClientOptions
from payermax_async.pipeline.observe import AttemptFinished, CallFinished, Event
from payermax_async.pipeline.retry import RetryPolicy
from payermax_async.sandbox.gateway.exchange import FaultAction, FaultPoint, FaultStage
from payermax_async.sandbox.gateway.handler import SandboxGateway
from payermax_async.sandbox.gateway.merchants import GatewayPolicy, SandboxMerchant
from payermax_async.sandbox.ledger.ledger import Done, Ledger
from payermax_async.sandbox.ledger.policy import Duplicates, LedgerPolicy
from payermax_async.sandbox.ledger.records import Event as LedgerEvent
from payermax_async.sandbox.ledger.records import Owner, RefusedError
from payermax_async.sandbox.notifications.notices import (
    Notice,
    NoticeKind,
    notices_of,
    write_notice,
)
from payermax_async.testing.sandbox import SandboxTransport
from payermax_async.transport.base import HttpRequest
from payermax_async.webhooks.verifier import NotificationVerifier
from tests.model.keys import Keys
from tests.model.network import INSIDE, Fate, Network
from tests.model.virtual_time import LoopClock

__all__ = [
    "OWNER",
    "Call",
    "Found",
    "Reach",
    "Unresolved",
    "World",
]

OWNER = Owner(merchant_no="TEST01021383478", app_id="test6666c8b036a24579974497c2f9a3")
CALL: ContextVar[Call | None] = ContextVar("CALL", default=None)
WRITES = {"createPaybylink", "refund"}


class Reach(enum.Enum):
    """How long a request may stay out of sight and still be done."""

    WITHIN_WAITS = "within the client's settle_waits"
    """Whatever is done shows in queries before the client asks for the last time."""
    ANY = "any time"
    """Requests may be done, and links stay hidden, for longer than anybody waits."""


class Unresolved(enum.Enum):
    """Says that nobody asked yet."""

    YET = "yet"


Found = LinkDetails | RefundDetails | ConflictError | None
"""What can come of resolving."""


@attrs.define(kw_only=True, eq=False)
class Call:
    """One write the merchant asked for, and what is known of it on either side."""

    request: CreateLink | CreateRefund
    fates: deque[Fate]
    """Of its writes; what comes after them goes well."""
    questions: deque[Fate]
    """Of its queries."""
    timeout: float
    started: float
    task: asyncio.Task[None] | None = None
    result: Received | None = None
    error: BaseException | None = None
    ended: float | None = None
    told: CallFinished | None = None
    doubted: bool = False
    """Whether an attempt of it ended without anybody knowing what it did."""
    made: list[str] = attrs.field(factory=list[str])
    """What the ledger made for it; the client cannot see this."""
    found: Found | Unresolved = Unresolved.YET
    """What resolving it found; ``None`` when it was not done."""

    @property
    def key(self) -> str:
        if isinstance(self.request, CreateLink):
            return self.request.merchant_link_id
        return self.request.out_refund_no

    @property
    def outcome(self) -> Outcome | None:
        """What the merchant was told; ``None`` while running or when it was done."""
        if isinstance(self.error, PayerMaxError):
            return self.error.outcome
        if self.error is not None:
            return self.told.outcome if self.told is not None else Outcome.UNKNOWN
        return None

    @property
    def is_open(self) -> bool:
        """Whether it ended and nobody knows what became of it."""
        return self.outcome is Outcome.UNKNOWN and self.found is Unresolved.YET


class WatchedLedger(Ledger):
    """Notes for which call it makes something, and shows new things late.

    Attributes:
        lag: Seconds that something new stays hidden from queries.
    """

    lag = 0.0

    def perform(
        self, operation: str, owner: Owner, data: JsonValue
    ) -> Done[JsonObject]:
        links, refunds = len(self.book.links()), self._refund_of(owner, data)
        done = super().perform(operation, owner, data)
        call = CALL.get()
        if operation == "createPaybylink" and len(self.book.links()) > links:
            assert call is not None
            call.made.append(str(done.value["linkId"]))
        if operation == "refund" and refunds is None:
            assert call is not None
            call.made.append(str(done.value["refundTradeNo"]))
        if operation in {"queryPaybylink", "refundQuery"}:
            self._hide_new(owner, data)
        return done

    def _refund_of(self, owner: Owner, data: JsonValue) -> object:
        assert isinstance(data, dict)
        return self.book.refund_of_merchant(owner, str(data.get("outRefundNo")))

    def _hide_new(self, owner: Owner, data: JsonValue) -> None:
        assert isinstance(data, dict)
        link = self.book.link_of_merchant(owner, str(data.get("merchantLinkId")))
        refund = self.book.refund_of_merchant(owner, str(data.get("outRefundNo")))
        record = link or refund
        shows = timedelta(seconds=self.lag)
        if record is not None and self.now() - record.created_at < shows:
            raise RefusedError("ORDER_NOT_EXIST", "It does not exist.")


async def _stay_inside(point: FaultPoint) -> FaultAction | None:
    if point.stage is FaultStage.BEFORE:
        await asyncio.sleep(INSIDE.get())
    return None


@attrs.define(kw_only=True, eq=False)
class World:
    """All of it."""

    loop: asyncio.AbstractEventLoop
    keys: Keys
    duplicates: Duplicates
    reach: Reach
    settle_waits: tuple[float, ...] = (1.0, 4.0, 15.0)
    trusting: bool = True
    sign_failures: bool = True
    max_in_flight: int = 64
    gateway_clock: LoopClock = attrs.field(init=False)
    clock: LoopClock = attrs.field(init=False)
    ledger: WatchedLedger = attrs.field(init=False)
    network: Network = attrs.field(init=False)
    verifier: NotificationVerifier = attrs.field(init=False)
    client: PayerMaxClient = attrs.field(init=False)
    calls: list[Call] = attrs.field(factory=list[Call], init=False)
    notices: list[Notice] = attrs.field(factory=list[Notice], init=False)

    def __attrs_post_init__(self) -> None:
        self.gateway_clock = LoopClock(self.loop)
        self.clock = LoopClock(self.loop)
        self.ledger = WatchedLedger(
            self.gateway_clock,
            random.Random(7),
            LedgerPolicy(duplicate_links=self.duplicates),
        )
        gateway = SandboxGateway(
            self.ledger,
            [
                SandboxMerchant(
                    merchant_no=OWNER.merchant_no,
                    app_id=OWNER.app_id,
                    verifier=self.keys.merchant_verifier,
                )
            ],
            self.keys.platform_signer,
            clock=self.gateway_clock,
            policy=GatewayPolicy(sign_failures=self.sign_failures, keep=1),
            faults=_stay_inside,
            on_events=self.take,
        )
        self.network = Network(
            SandboxTransport(gateway),
            _next_fate,
            platform=self.keys.platform,
            stranger=self.keys.stranger,
        )
        self.verifier = NotificationVerifier(
            self.keys.platform_verifier,
            merchant_no=OWNER.merchant_no,
            app_id=OWNER.app_id,
            clock=self.clock,
        )
        self.client = self.new_client()

    def new_client(self) -> PayerMaxClient:
        """A client as a process that has just started makes it."""
        return PayerMaxClient(
            MerchantConfig(
                merchant_no=OWNER.merchant_no,
                app_id=OWNER.app_id,
                environment=Environment.at("https://gateway.test/gateway"),
                defaults=LinkDefaults(
                    contact_email="shop@shop.test",
                    notify_url="https://shop.test/notify",
                    show_url="https://shop.test/goods",
                ),
                trust_unsigned_failures=self.trusting,
            ),
            options=ClientOptions(
                max_in_flight=self.max_in_flight,
                settle_waits=self.settle_waits,
                retry=RetryPolicy(draw=lambda _low, high: high),
            ),
            transport=self.network,
            signer=self.keys.merchant,
            verifier=self.keys.platform_verifier,
            hooks=[_note_event],
            clock=self.clock,
        )

    def take(self, events: tuple[LedgerEvent, ...]) -> None:
        """What happened at the gateway becomes notices to be delivered some time."""
        for event in events:
            self.notices += notices_of(
                event,
                answers=self.ledger.answers,
                now=self.gateway_clock.now(),
                kinds=frozenset(NoticeKind),
                default_urls={},
            )

    def notification(self, notice: Notice) -> tuple[dict[str, str], bytes]:
        """One delivery of a notice: headers and body."""
        body = write_notice(notice, self.gateway_clock.now())
        return {"sign": self.keys.platform.sign_now(body)}, body

    def start(
        self,
        request: CreateLink | CreateRefund,
        fates: Sequence[Fate],
        *,
        questions: Sequence[Fate] = (),
        timeout: float = 60.0,
    ) -> Call:
        """Ask for a write and let it run."""
        call = Call(
            request=request,
            fates=deque(fates),
            questions=deque(questions),
            timeout=timeout,
            started=self.loop.time(),
        )
        call.task = self.loop.create_task(self._run(call))
        self.calls.append(call)
        return call

    async def _run(self, call: Call) -> None:
        CALL.set(call)
        try:
            if isinstance(call.request, CreateLink):
                call.result = await self.client.create_link(
                    call.request, timeout=call.timeout
                )
            else:
                call.result = await self.client.refund(
                    call.request, timeout=call.timeout
                )
        except asyncio.CancelledError as error:
            call.error = error
            raise
        # Whether it is one that may come is for the comparison to say.
        except Exception as error:  # noqa: BLE001
            call.error = error
        finally:
            call.ended = self.loop.time()

    async def as_part_of(self, call: Call, work: Awaitable[object]) -> None:
        """Do something whose requests meet the fates of ``call``."""
        token = CALL.set(call)
        try:
            await work
        finally:
            CALL.reset(token)

    @property
    def running(self) -> list[Call]:
        return [call for call in self.calls if call.task and not call.task.done()]

    def heal(self) -> None:
        """From now on nothing goes wrong; what is under way still may arrive."""
        for call in self.calls:
            call.fates.clear()
            call.questions.clear()
        self.ledger.lag = 0.0
        self.clock.ahead = 0.0


def _next_fate(request: HttpRequest) -> Fate:
    call = CALL.get()
    if call is None:
        return Fate()
    asking = request.url.lower().endswith("query") or "/query" in request.url
    fates = call.questions if asking else call.fates
    return fates.popleft() if fates else Fate()


def _note_event(event: Event) -> None:
    call = CALL.get()
    if call is None:
        return
    if isinstance(event, CallFinished) and call.ended is None:
        call.told = event
    if isinstance(event, AttemptFinished) and event.operation in WRITES:
        call.doubted |= event.outcome is Outcome.UNKNOWN
