"""What goes wrong in the soak, beyond the network that loses, cuts and forges."""

from __future__ import annotations

import asyncio
import enum
import random
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from urllib.parse import urlsplit

import attrs

from benchmarks.soak_ledger import BACKUP
from payermax_async.core.errors import NotSentError, PayerMaxError
from payermax_async.core.strict_json import write_json
from payermax_async.pipeline.chain import Attempt, CallNext
from payermax_async.pipeline.observe import Event
from payermax_async.signing.base import Signer, Verifier
from payermax_async.transport.base import (
    HttpRequest,
    HttpResponse,
    Transport,
    is_peer_known,
)
from tests.world.network import AMBIGUOUS, DEFINITE, Fate, Kind

__all__ = ["Foreign", "Oddities", "Trouble", "Weather"]


class Trouble(enum.Enum):
    """Kinds that ``--only`` names."""

    NETWORK = "network"
    LAG = "lag"
    BACKUP = "backup"
    DATES = "dates"
    CODES = "codes"
    FOREIGN = "foreign"
    AGAIN = "again"


_KINDS = [kind for kind in Kind if kind is not Kind.NOTHING]
_OUTAGE = [Kind.REFUSED, Kind.BROKEN, Kind.STATUS]
_OUTAGE_LENGTH = 200
_OUTAGE_SHARE = 0.2
# PayerMax might add them one day, signed; the one may mean anything like the other.
_UNCHARTED = ("PROCESSING_2", "RULE_OF_2031")
# Neither says anything about what became of the request.
_UNHEARD = ("GATEWAY_TIMEOUT", "504", "FAIL", "-1", "", "UNKNOWN", "Success")


class Weather:
    """Which request meets which fate, drawn from a seed."""

    def __init__(self, seed: int, share: float, *, backup: bool) -> None:
        self._chance = random.Random(seed)
        self._backup = backup
        self._single = share * (1 - _OUTAGE_SHARE)
        outages = share * _OUTAGE_SHARE
        self._begins = outages / _OUTAGE_LENGTH if share else 0.0
        self._outage = 0
        self.fine = False
        self.requests = 0
        self.faults = 0

    def __call__(self, request: HttpRequest) -> Fate | None:
        """The next fate; ``None`` when all goes well."""
        self.requests += 1
        if self.fine:
            return None
        spared = self._backup and urlsplit(request.url).hostname == BACKUP
        chance = self._chance
        if not self._outage and not spared and chance.random() < self._begins:
            self._outage = _OUTAGE_LENGTH
            self.faults += 1
            # The host does what it was asked for and falls ill over the answer.
            return Fate(kind=Kind.BROKEN, done=True, there=0.0, back=0.02)
        if self._outage and not spared:
            self._outage -= 1
            kind = chance.choice(_OUTAGE)
        elif chance.random() < self._single:
            kind = chance.choice(_KINDS)
        else:
            return None
        self.faults += 1
        coded = kind in {Kind.CODED, Kind.UNSIGNED_CODE}
        code = chance.choice(AMBIGUOUS + DEFINITE + _UNCHARTED) if coded else ""
        return Fate(
            kind=kind,
            done=code not in DEFINITE and chance.random() < 0.6,
            there=chance.choice((0.0, 0.0, 0.01, 0.3)),
            back=chance.choice((0.0, 0.02)),
            code=code,
            status=chance.choice((302, 429, 502, 503)),
            retry_after=chance.choice((None, None, "1", "soon")),
        )


class Oddities:
    """A transport that answers with a wrong ``Date`` or a code nobody knows.

    Attributes:
        counts: How often.
        fine: Whether to leave all as it is from now on.
    """

    def __init__(
        self, inner: Transport, seed: int, *, dates: float, codes: float
    ) -> None:
        self._inner = inner
        self._chance = random.Random(seed + 2)
        self._dates = dates
        self._codes = codes
        self.counts: Counter[str] = Counter()
        self.fine = False

    async def open(self) -> None:
        """Open what is within."""
        await self._inner.open()

    async def aclose(self) -> None:
        """Close what is within."""
        await self._inner.aclose()

    def vouches_for(self, url: str) -> bool:
        """As what is within does."""
        return is_peer_known(self._inner, url)

    async def send(
        self, request: HttpRequest, *, timeout: float, on_sent: Callable[[], None]
    ) -> HttpResponse:
        """Send, and perhaps spoil the answer."""
        reply = await self._inner.send(request, timeout=timeout, on_sent=on_sent)
        if self.fine:
            return reply
        if self._chance.random() < self._codes:
            self.counts["unknown code"] += 1
            body = write_json({"code": self._chance.choice(_UNHEARD), "msg": "?"})
            kind = ("content-type", "application/json")
            reply = HttpResponse(status=200, headers=(kind,), body=body)
        if self._chance.random() < self._dates:
            self.counts["wrong Date"] += 1
            reply = self._dated(reply)
        return reply

    def _dated(self, reply: HttpResponse) -> HttpResponse:
        off = self._chance.choice((-86_400, -1236, -1200, -924, -130, 130, 924, 86_400))
        date = format_datetime(datetime.now(UTC) + timedelta(seconds=off), usegmt=True)
        rest = tuple(line for line in reply.headers if line[0].lower() != "date")
        return attrs.evolve(reply, headers=(*rest, ("date", date)))


class Foreign:
    """The merchant's own parts, which raise, hang and lie now and then.

    Attributes:
        counts: How often each did what.
        fine: Whether they behave from now on.
    """

    def __init__(
        self, signer: Signer, verifier: Verifier, seed: int, share: float
    ) -> None:
        self._signer = signer
        self._verifier = verifier
        self._chance = random.Random(seed + 3)
        self._share = share
        self.counts: Counter[str] = Counter()
        self.fine = False

    def _next(self, part: str, *ways: str) -> str:
        if self.fine or self._chance.random() >= self._share:
            return ""
        # Hanging holds a place for as long as an attempt may take.
        way = self._chance.choice((*ways * 4, "hangs"))
        self.counts[f"{part} {way}"] += 1
        return way

    async def sign(self, payload: bytes) -> str:
        """A signature, or not."""
        way = self._next("signer", "raises", "says nothing", "lies")
        if way == "raises":
            raise ConnectionError("the key service is away")
        if way == "hangs":
            await asyncio.Event().wait()
        if way == "says nothing":
            return ""
        return await self._signer.sign(payload + (b" " if way == "lies" else b""))

    async def verify(self, payload: bytes, signature: str) -> None:
        """Whether it is genuine, or anything else."""
        way = self._next("verifier", "raises", "says no", "says yes")
        if way == "raises":
            raise ValueError("the key service is away")
        if way == "hangs":
            await asyncio.Event().wait()
        if way in {"says no", "says yes"}:
            return way == "says yes"  # type: ignore[return-value]
        await self._verifier.verify(payload, signature)

    async def __call__(
        self, request: HttpRequest, _attempt: Attempt, call_next: CallNext, /
    ) -> HttpResponse:
        """A middleware."""
        way = self._next(
            "middleware",
            "raises before",
            "raises after",
            "denies",
            "sends twice",
            "lies",
        )
        if way == "raises before":
            raise LookupError("no tenant")
        if way == "sends twice":
            await call_next(request)
        reply = await call_next(request)
        if way == "raises after":
            raise PayerMaxError("not to my taste")
        if way == "denies":
            raise NotSentError("nothing was sent, I swear")
        if way == "hangs":
            await asyncio.Event().wait()
        if way == "lies":
            return HttpResponse(status=200, body=b'{"code":"PARAMS_INVALID"}')
        return reply

    def hook(self, _event: Event) -> None:
        """A hook; it can only raise."""
        if not self.fine and self._chance.random() < self._share:
            self.counts["hook raises"] += 1
            raise RuntimeError("the metrics are away")
