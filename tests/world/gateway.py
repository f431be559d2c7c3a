"""PayerMax as the world sees it: a ledger, two hosts, and a bad way to them."""

from __future__ import annotations

import asyncio
import math
import random
from collections import deque
from collections.abc import Callable
from urllib.parse import urlsplit

import attrs

from payermax_async.sandbox.gateway.exchange import FaultAction, FaultPoint, FaultStage
from payermax_async.sandbox.gateway.handler import SandboxGateway
from payermax_async.sandbox.gateway.merchants import GatewayPolicy, SandboxMerchant
from payermax_async.sandbox.ledger.events import Event
from payermax_async.sandbox.ledger.policy import LedgerPolicy
from payermax_async.sandbox.ledger.records import Owner
from payermax_async.testing.sandbox import SandboxTransport
from payermax_async.transport.base import HttpRequest, HttpResponse
from tests.world.calls import CALL, Call
from tests.world.chance import Chance
from tests.world.fates import Fate, Kind
from tests.world.keys import Keys
from tests.world.ledger import HOST, ForgetfulRepository, WatchedLedger
from tests.world.loop import WorldLoop, nobodys
from tests.world.network import INSIDE, Network
from tests.world.settings import Setting
from tests.world.trace import Trace
from tests.world.virtual_time import LoopClock
from tests.world.ways import QUERIES, WRITES, Ways, told

__all__ = ["BACKUP_URL", "HOSTS", "MAIN_URL", "OWNER", "Gateway"]

OWNER = Owner(merchant_no="TEST01021383478", app_id="test6666c8b036a24579974497c2f9a3")
MAIN_URL = "https://gateway.test/gateway"
BACKUP_URL = "https://backup.test/gateway"
HOSTS = tuple(urlsplit(url).netloc for url in (MAIN_URL, BACKUP_URL))
_NEVER_BY_ITSELF = 10**7
"""Seconds: the world ends refunds itself."""


class _Hosts:
    """Both hosts lead to one gateway; how each answers is the network's business."""

    def __init__(self, inner: SandboxTransport, told: Callable[[str, str], None]):
        self._inner, self._told = inner, told

    async def open(self) -> None:
        await self._inner.open()

    async def send(
        self, request: HttpRequest, *, timeout: float, on_sent: Callable[[], None]
    ) -> HttpResponse:
        HOST.set(urlsplit(request.url).netloc)
        return await self._inner.send(request, timeout=timeout, on_sent=on_sent)

    def vouches_for(self, url: str) -> bool:
        return self._inner.vouches_for(url)

    async def aclose(self) -> None:
        await self._inner.aclose()


@attrs.define(kw_only=True, eq=False)
class Gateway:
    """The other side."""

    loop: WorldLoop
    chance: Chance
    setting: Setting
    trace: Trace
    keys: Keys
    on_events: Callable[[tuple[Event, ...]], None] = lambda _: None
    on_refund: Callable[[str], None] = lambda _: None
    """Told the number of each refund that is made."""
    clock: LoopClock = attrs.field(init=False)
    ledger: WatchedLedger = attrs.field(init=False)
    network: Network = attrs.field(init=False)
    ways: Ways = attrs.field(init=False)
    row_of: Callable[[bytes], Call | None] = lambda _: None
    """The row of a batch that a request is about."""
    row_leaves: Callable[[Call, str, str, bool], None] = lambda _a, _b, _c, _d: None
    row_refused: Callable[[bytes, str], None] = lambda _a, _b: None
    """Told of each request for one: row, operation, host, and whether it gets out."""
    dead: dict[str, float] = attrs.field(factory=dict[str, float])
    """Hosts that do not answer, and until when."""
    clock_was_set: bool = False
    """Whether its clock was ever put wrong."""
    throttled_until: float = -1.0
    questions: tuple[float, Fate] = (-1.0, Fate())
    """Until when every question meets which fate."""
    script: deque[Fate] = attrs.field(factory=deque[Fate])
    """Fates of the next requests, before any are drawn."""

    def __attrs_post_init__(self) -> None:
        self.clock = LoopClock(self.loop)
        self.ways = Ways(chance=self.chance, setting=self.setting, clock=self.clock)
        self.ledger = WatchedLedger(
            self.clock,
            random.Random(self.chance.seed),
            LedgerPolicy(
                duplicate_links=self.setting.duplicates,
                refund_seconds=_NEVER_BY_ITSELF,
            ),
            repository=ForgetfulRepository(),
        )
        self.ledger.checks_refunds = self.setting.reuses_ids
        draw = self.chance.at("lags")
        self.ledger.lags = {host: draw.choice(self.setting.lags) for host in HOSTS}
        self.ledger.apart = draw.choice((0.0, 4.0, math.inf, math.inf))
        self.ledger.passed, self.ledger.made_at = self.loop.time, {}
        self.ledger.made_by, self.ledger.strays = {}, []
        self.ledger.on_refund = self.on_refund
        self.ledger.note = lambda text: self.trace.note("gateway", text)
        gateway = SandboxGateway(
            self.ledger,
            [
                SandboxMerchant(
                    merchant_no=OWNER.merchant_no,
                    app_id=OWNER.app_id,
                    verifier=self.keys.merchant_verifier,
                )
            ],
            self.keys,
            clock=self.clock,
            policy=GatewayPolicy(sign_failures=self.setting.sign_failures, keep=1),
            faults=_stay_inside,
            on_events=self.on_events,
        )
        self.network = Network(
            _Hosts(SandboxTransport(gateway), self.trace.note),
            self._fate,
            platform=self.keys,
            stranger=self.keys.stranger,
            vouches=self.setting.vouched,
            apart=nobodys,
        )

    def heal(self) -> None:
        """From now on nothing goes wrong; what is under way still may arrive."""
        self.ledger.lags, self.ledger.apart = {}, 0.0
        self.dead, self.throttled_until = {}, -1.0
        self.questions = (-1.0, Fate())
        self.keys.tell()
        self.clock.ahead = 0.0

    def _fate(self, request: HttpRequest) -> Fate:
        address = urlsplit(request.url)
        operation = address.path.rpartition("/")[2]
        call = CALL.get()
        row = None if call is not None else self.row_of(request.body)
        if row is not None:
            call = row
            CALL.set(row)  # of this attempt, which has a context of its own
        key = call.place if call is not None else "nobody"
        place = self.chance.next_at(f"{key}/{operation}")
        fate = self._drawn(operation, place, address.netloc, call)
        if row is not None:
            gets_out = fate.kind not in {Kind.REFUSED, Kind.UNTRUSTED}
            self.row_leaves(row, operation, address.netloc, gets_out)
        self._may_die_with(operation, place, address.netloc, fate)
        self.loop.is_changed = True
        if call is not None:
            call.sent(operation)
        self.trace.note(
            "way",
            f"{place} to {address.netloc}: {told(fate)}",
            fault=fate.kind is not Kind.NOTHING,
        )
        return fate

    def _may_die_with(self, name: str, place: str, host: str, fate: Fate) -> None:
        """What cut a write off may have been the end of its host, for a while."""
        if name not in WRITES or fate.kind not in {Kind.SILENT, Kind.BROKEN}:
            return
        found = self.chance.pick(
            "gateway", ("dies with a write",), f"{place}/dies", name, weight=1.5
        )
        if found is None:
            return
        seconds = found[1].choice((20.0, 45.0, 90.0))
        until = self.loop.time() + fate.there + seconds
        self.dead[host] = max(self.dead.get(host, 0.0), until)
        self.trace.note(
            "gateway", f"{host} dies with it, for {seconds:g} s", fault=True
        )

    def _drawn(self, operation: str, place: str, host: str, call: Call | None) -> Fate:
        if self.script:
            return self.script.popleft()
        now = self.loop.time()
        until, fate = self.questions
        dead_until = self.dead.get(host, -1.0)
        if operation in QUERIES and until > now:
            return fate
        return self.ways.drawn(
            operation,
            place,
            call,
            dead=f"{host}/{dead_until:.3f}" if dead_until > now else "",
            busy=self.throttled_until > now,
        )


async def _stay_inside(point: FaultPoint) -> FaultAction | None:
    if point.stage is FaultStage.BEFORE and INSIDE.get():
        await asyncio.sleep(INSIDE.get())
    return None
