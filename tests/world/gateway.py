"""PayerMax as the world sees it: a ledger, two hosts, and a bad way to them."""

from __future__ import annotations

import asyncio
import math
import random
from collections import deque
from collections.abc import Callable
from contextvars import ContextVar
from datetime import timedelta
from email.utils import format_datetime
from urllib.parse import urlsplit

import attrs

from payermax_async.core.strict_json import JsonObject, JsonValue
from payermax_async.sandbox.gateway.exchange import FaultAction, FaultPoint, FaultStage
from payermax_async.sandbox.gateway.handler import SandboxGateway
from payermax_async.sandbox.gateway.merchants import GatewayPolicy, SandboxMerchant
from payermax_async.sandbox.ledger.ledger import Done, Ledger
from payermax_async.sandbox.ledger.policy import LedgerPolicy
from payermax_async.sandbox.ledger.records import Event, Owner
from payermax_async.sandbox.ledger.refusals import RefusedError
from payermax_async.sandbox.ledger.repository import Repository
from payermax_async.testing.sandbox import SandboxTransport
from payermax_async.transport.base import HttpRequest, HttpResponse
from tests.world.calls import CALL, Call
from tests.world.chance import Chance
from tests.world.keys import Keys
from tests.world.loop import WorldLoop, nobodys
from tests.world.network import AMBIGUOUS, DEFINITE, INSIDE, Fate, Kind, Network
from tests.world.settings import Setting
from tests.world.trace import Trace
from tests.world.virtual_time import LoopClock

__all__ = ["BACKUP_URL", "HOSTS", "MAIN_URL", "OWNER", "Gateway"]

OWNER = Owner(merchant_no="TEST01021383478", app_id="test6666c8b036a24579974497c2f9a3")
MAIN_URL = "https://gateway.test/gateway"
BACKUP_URL = "https://backup.test/gateway"
HOSTS = tuple(urlsplit(url).netloc for url in (MAIN_URL, BACKUP_URL))
_HOST: ContextVar[str] = ContextVar("_HOST", default="")
UNHEARD_OF = ("GATEWAY_TIMEOUT", "504", "FAIL", "ORDER_STRANGE")
_WRITES = {"createPaybylink", "refund"}
_UNSENT = {Kind.REFUSED, Kind.UNTRUSTED}
_KINDS = tuple(kind for kind in Kind if kind is not Kind.NOTHING)


class _Book(Repository):
    def forget_refund_no(self, owner: Owner, data: JsonValue) -> None:
        """Take the next refund of this number for a new one."""
        assert isinstance(data, dict)
        key = (owner.merchant_no, str(data.get("outRefundNo")))
        self._by_refund_no.pop(key, None)


class WatchedLedger(Ledger):
    """Notes for which call it makes something, and shows new things late."""

    lags: dict[str, float]
    """By host: seconds that something new stays hidden from queries."""
    checks_refunds = True
    note: Callable[[str], None]
    passed: Callable[[], float]
    """The time that no clock step moves."""
    made_at: dict[str, float]
    made_by: dict[str, str]
    """The host that made it."""
    apart: float
    """Seconds for which a host knows nothing of what the other one made."""

    def perform(
        self, operation: str, owner: Owner, data: JsonValue
    ) -> Done[JsonObject]:
        if operation in {"queryPaybylink", "refundQuery"}:
            self._hide_new(owner, data)
        links, refunds = len(self.repository.links()), len(self.repository.refunds())
        if operation == "refund" and not self.checks_refunds:
            assert isinstance(self.repository, _Book)
            self.repository.forget_refund_no(owner, data)
        done = super().perform(operation, owner, data)
        call = CALL.get()
        made = ""
        if operation == "createPaybylink" and len(self.repository.links()) > links:
            made = str(done.value["linkId"])
        if operation == "refund" and len(self.repository.refunds()) > refunds:
            made = str(done.value["refundTradeNo"])
        if made:
            assert call is not None
            call.made.append(made)
            self.made_at[made] = self.passed()
            self.made_by[made] = _HOST.get()
            self.note(f"made {made} for {call.key}")
        return done

    def _hide_new(self, owner: Owner, data: JsonValue) -> None:
        assert isinstance(data, dict)
        link = self.repository.link_of_merchant(owner, str(data.get("merchantLinkId")))
        refund = self.repository.refund_of_merchant(owner, str(data.get("outRefundNo")))
        record = link or refund
        number = getattr(record, "link_id", "") or getattr(
            record, "refund_trade_no", ""
        )
        age = self.passed() - self.made_at.get(number, 0.0)
        host = _HOST.get()
        lag = self.lags.get(host, 0.0)
        if host != self.made_by.get(number, host):
            lag = max(lag, self.apart)
        if record is not None and age < lag:
            self.note(f"hides {number} from a query")
            raise RefusedError("ORDER_NOT_EXIST", "It does not exist.")


class _Hosts:
    """Both hosts lead to one gateway; how each answers is the network's business."""

    def __init__(self, inner: SandboxTransport, told: Callable[[str, str], None]):
        self._inner, self._told = inner, told

    async def open(self) -> None:
        await self._inner.open()

    async def send(
        self, request: HttpRequest, *, timeout: float, on_sent: Callable[[], None]
    ) -> HttpResponse:
        _HOST.set(urlsplit(request.url).netloc)
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
    on_events: Callable[[tuple[Event, ...]], None]
    keys: Keys
    clock: LoopClock = attrs.field(init=False)
    ledger: WatchedLedger = attrs.field(init=False)
    network: Network = attrs.field(init=False)
    dead: dict[str, float] = attrs.field(factory=dict[str, float])
    """Hosts that do not answer, and until when."""
    script: deque[Fate] = attrs.field(factory=deque[Fate])
    """Fates of the next requests, before any are drawn."""

    def __attrs_post_init__(self) -> None:
        self.clock = LoopClock(self.loop)
        self.ledger = WatchedLedger(
            self.clock,
            random.Random(self.chance.seed),
            LedgerPolicy(
                duplicate_links=self.setting.duplicates,
                refund_seconds=60 if self.setting.reuses_ids else 1,
            ),
            repository=_Book(),
        )
        self.ledger.checks_refunds = self.setting.reuses_ids
        draw = self.chance.at("lags")
        self.ledger.lags = {host: draw.choice(self.setting.lags) for host in HOSTS}
        self.ledger.apart = draw.choice((0.0, 0.0, 4.0, math.inf))
        self.ledger.passed, self.ledger.made_at = self.loop.time, {}
        self.ledger.made_by = {}
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
        self.dead = {}
        self.keys.tell()
        self.clock.ahead = 0.0

    def _fate(self, request: HttpRequest) -> Fate:
        address = urlsplit(request.url)
        operation = address.path.rpartition("/")[2]
        call = CALL.get()
        key = call.place if call is not None else "nobody"
        place = self.chance.next_at(f"{key}/{operation}")
        fate = self._drawn(operation, place, address.netloc, call)
        if call is not None:
            call.sent(operation)
        self.trace.note(
            "way",
            f"{place} to {address.netloc}: {_told(fate)}",
            fault=fate.kind is not Kind.NOTHING,
        )
        return fate

    def _drawn(self, operation: str, place: str, host: str, call: Call | None) -> Fate:
        if self.script:
            return self.script.popleft()
        state = f"{operation}, {'in doubt' if call and call.doubted else 'clear'}"
        if self.dead.get(host, -1.0) > self.loop.time():
            chance = self.chance.at(f"dead/{place}")
            kind = chance.choice((Kind.REFUSED, Kind.SILENT, Kind.BROKEN, Kind.STATUS))
            return Fate(kind=kind, done=chance.random() < 0.3, back=0.5)
        found = self.chance.pick("way", _WAYS, place, state)
        if found is not None:
            return self._on_the_way(*found, operation)
        found = self.chance.pick("gateway", _ANSWERS, place, state, weight=1.5)
        return Fate() if found is None else self._answer(*found)

    def _on_the_way(self, name: str, chance: random.Random, operation: str) -> Fate:
        late = Fate(
            there=chance.choice(self.setting.there),
            inside=chance.choice((0.0, 2.0)),
            back=chance.choice((0.01, 0.5, 5.0)),
        )
        if name == "late":
            return late
        if name == "doubled":
            # Where nobody checks, no client can keep a network from doubling it.
            harmless = self.setting.reuses_ids or operation not in _WRITES
            again = chance.choice((0.1, 5.0)) if harmless else None
            return attrs.evolve(late, again=again)
        if name == "wrong date":
            return attrs.evolve(late, date=self._wrong_date(chance))
        return attrs.evolve(
            late,
            kind=Kind[name],
            done=chance.random() < 0.6,
            status=chance.choice((302, 429, 502, 503)),
            retry_after=chance.choice((None, None, "3", "90", "-1", "soon")),
            date=self._wrong_date(chance) if chance.random() < 0.3 else None,
        )

    def _answer(self, name: str, chance: random.Random) -> Fate:
        signed = name.startswith("signed")
        codes: tuple[str, ...] = AMBIGUOUS
        done = chance.random() < 0.6
        if name.endswith("unheard-of code"):
            # Signed, it is taken for a refusal: PayerMax's own word, if a new one.
            codes, done = UNHEARD_OF, done and not signed
        if name.endswith("definite code"):
            codes = DEFINITE
            done = not signed and self.setting.lies and done
        elif name.endswith("absence"):
            codes = ("ORDER_NOT_EXIST",)
        return Fate(
            kind=Kind.CODED if signed else Kind.UNSIGNED_CODE,
            done=done,
            there=chance.choice(self.setting.there),
            code=chance.choice(codes),
            retry_after=chance.choice((None, None, None, "3", "90")),
        )

    def _wrong_date(self, chance: random.Random) -> str:
        off = chance.choice((-7200, -1200, -600, -130, 90, 1200, 7200))
        moment = self.clock.now() + timedelta(seconds=off)
        return format_datetime(moment, usegmt=True)


_SPOILT = {Kind.CODED, Kind.UNSIGNED_CODE}
_WAYS = (
    *("late", "late", "doubled", "wrong date"),
    *(kind.name for kind in _KINDS if kind not in _SPOILT),
    *("SILENT", "BROKEN", "BROKEN"),
)
_ANSWERS = (
    *("signed unheard-of code", "unsigned unheard-of code"),
    *("signed ambiguous code", "signed definite code"),
    *("unsigned ambiguous code", "unsigned definite code"),
)


def _told(fate: Fate) -> str:
    parts = [fate.kind.value, "done" if fate.done else "not done"]
    if fate.kind in _UNSENT:
        parts = [fate.kind.value]
    parts += [f"there in {fate.there:g}"] if fate.there > 0.01 else []
    parts += [f"inside {fate.inside:g}"] if fate.inside else []
    parts += [f"back in {fate.back:g}"] if fate.back > 0.01 else []
    parts += [fate.code] if fate.kind in _SPOILT else []
    parts += [f"again after {fate.again:g}"] if fate.again is not None else []
    parts += [f"dated {fate.date}"] if fate.date is not None else []
    return ", ".join(parts)


async def _stay_inside(point: FaultPoint) -> FaultAction | None:
    if point.stage is FaultStage.BEFORE and INSIDE.get():
        await asyncio.sleep(INSIDE.get())
    return None
