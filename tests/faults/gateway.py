"""PayerMax's side of a real connection: keeps links, signs, and fails on cue.

What happens to the n-th request is a *scene*: it reads the request, has it
carried out or not, and answers well, badly or not at all. Without a scene a
request is served as it should be.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import TracebackType
from typing import Self

import attrs

from payermax_async.clock import Clock
from payermax_async.core.codec import to_wire
from payermax_async.core.errors import SignatureError
from payermax_async.core.models.link_request import CreateLink
from payermax_async.core.scalars import read_time
from payermax_async.core.strict_json import (
    JsonObject,
    JsonValue,
    read_json,
    write_json,
)
from payermax_async.signing.rsa import RsaSigner, RsaVerifier
from tests.faults.server import Behaviour, FaultServer, Wire, reply
from tests.pipeline.gateway import MERCHANT, PLATFORM

__all__ = [
    "Answer",
    "Asked",
    "Gateway",
    "Scene",
    "Turn",
    "coded",
    "cut_short",
    "serve",
    "spoken",
    "unanswered",
]

PATH = "/aggregate-pay/api/gateway/"
_TOLERANCE = timedelta(minutes=2)


@attrs.frozen(kw_only=True)
class Asked:
    """One request, read and found to be signed by the merchant."""

    operation: str
    sign: str
    time: str
    version: str
    data: JsonObject
    head: str

    @property
    def key(self) -> str:
        return str(self.data.get("outRefundNo") or self.data["merchantLinkId"])


@attrs.frozen(kw_only=True)
class Answer:
    """A genuine answer, and how to put it on the wire."""

    body: bytes
    sign: str
    date: str

    def http(
        self,
        *headers: str,
        status: str = "200 OK",
        body: bytes | None = None,
        length: int | None = -1,
        sign: str | None = "",
    ) -> bytes:
        """The response; what is given replaces what is genuine."""
        lines = ["Content-Type: application/json", f"Date: {self.date}", *headers]
        if sign is not None:
            lines.append(f"sign: {sign or self.sign}")
        whole = self.body if body is None else body
        return reply(whole, status=status, headers=lines, length=length)


@attrs.frozen(kw_only=True)
class Turn:
    """A connection on which the first byte of a request has come in."""

    gateway: Gateway
    wire: Wire
    first: bytes

    async def read(self) -> Asked:
        """The request, checked and written down."""
        return self.gateway.note(await self.wire.read_request(self.first))

    async def read_head(self) -> None:
        """Only its headers."""
        await self.wire.read_head()


Scene = Callable[[Turn], Awaitable[None]]


class Gateway:
    """A gateway with one ledger, on a port of its own.

    Attributes:
        links: What exists, by the merchant's id; refunds as well.
        made: How many links and refunds were made.
        asked: Every request that was read to its end.
        complaints: What a client should never have sent.
        arrivals: What to do with new connections before a byte is read.
        scenes: What to do with requests, in the order in which they begin.
        usual: What to do when no scene is left.
        lag: Seconds that what is new stays hidden from queries.
        ahead: How far this clock is ahead of the client's.
    """

    def __init__(self, clock: Clock, *, port: int = 0) -> None:
        self.clock = clock
        self.server = FaultServer(self._talk, port=port)
        self.links: dict[str, JsonObject] = {}
        self._since: dict[str, float] = {}
        self.made = 0
        self.asked: list[Asked] = []
        self.complaints: list[str] = []
        self.arrivals: deque[Behaviour] = deque()
        self.scenes: deque[Scene] = deque()
        self.usual: Scene = serve
        self.lag = 0.0
        self.ahead = timedelta(0)
        self._signer = RsaSigner(PLATFORM)
        self._verifier = RsaVerifier(MERCHANT.public_key)

    async def __aenter__(self) -> Self:
        await self.server.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.server.__aexit__(kind, error, trace)

    @property
    def base_url(self) -> str:
        return self.server.url.rpartition("/")[0]

    @property
    def names(self) -> list[str]:
        """The operations that were asked for, in order."""
        return [asked.operation for asked in self.asked]

    def asked_for(self, operation: str) -> list[Asked]:
        return [asked for asked in self.asked if asked.operation == operation]

    def now(self) -> datetime:
        """This side's time of day."""
        return self.clock.now() + self.ahead

    def note(self, raw: bytes) -> Asked:
        """Read a request and check what every request must be."""
        head, _, body = raw.partition(b"\r\n\r\n")
        start, *lines = head.decode("ascii").split("\r\n")
        method, path, _ = start.split(" ")
        signs = [line[6:] for line in lines if line.lower().startswith("sign: ")]
        if method != "POST" or not path.startswith(PATH) or len(signs) != 1:
            self.complaints.append(f"{start}, {len(signs)} signatures")
        try:
            self._verifier.verify_now(body, signs[0])
        except SignatureError:
            self.complaints.append("a signature is not of the body")
        envelope = read_json(body)
        assert isinstance(envelope, dict)
        data = envelope["data"]
        assert isinstance(data, dict)
        asked = Asked(
            operation=path.removeprefix(PATH),
            sign=signs[0],
            time=str(envelope["requestTime"]),
            version=str(envelope["version"]),
            data=data,
            head=head.decode("ascii"),
        )
        self.asked.append(asked)
        return asked

    def carry_out(self, asked: Asked, *, keep: bool = True) -> Answer:
        """Do what was asked and answer; without ``keep``, only claim to."""
        if abs(self.now() - read_time(asked.time)) > _TOLERANCE:
            return self.answer("REQ_TIME_OVER_TIME")
        found = self.links.get(asked.key)
        if asked.operation in {"createPaybylink", "refund"}:
            if found is not None:
                return self.answer("ORDER_REPEAT")
            return self.answer(data=self.make(asked.data, keep=keep))
        hidden = self.clock.monotonic() - self._since.get(asked.key, 0.0) < self.lag
        asks = asked.operation in {"queryPaybylink", "refundQuery"}
        if found is None or (hidden and asks):
            return self.answer("ORDER_NOT_EXIST")
        if asked.operation == "expirePaybylink" and keep:
            found["linkStatus"] = "EXPIRED"
        return self.answer(data=found)

    def make(self, data: JsonObject, *, keep: bool = True) -> JsonObject:
        """A new link or refund."""
        one = _new_refund(data) if "outRefundNo" in data else _new_link(data)
        key = str(data.get("outRefundNo") or data["merchantLinkId"])
        if keep:
            self.made += 1
            self.links[key] = one
            self._since[key] = self.clock.monotonic()
        return one

    def put(self, request: CreateLink) -> Answer:
        """Have a link that somebody made before; the answer to its creation."""
        link = self.make(to_wire(request))
        self.made -= 1
        return self.answer(data=link)

    def answer(
        self, code: str = "APPLY_SUCCESS", *, data: JsonValue | None = None
    ) -> Answer:
        """A signed answer."""
        envelope: JsonObject = {"code": code, "msg": "as the gateway says"}
        if data is not None:
            envelope["data"] = data
        return self.signed(write_json(envelope))

    def signed(self, body: bytes) -> Answer:
        """Any body, with the gateway's signature."""
        date = format_datetime(self.now().astimezone(UTC), usegmt=True)
        return Answer(body=body, sign=self._signer.sign_now(body), date=date)

    async def _talk(self, wire: Wire) -> None:
        try:
            if self.arrivals:
                await self.arrivals.popleft()(wire)
            while not wire.ended:
                first = await wire.read_some()
                scene = self.scenes.popleft() if self.scenes else self.usual
                await scene(Turn(gateway=self, wire=wire, first=first))
        except (AssertionError, LookupError, ValueError) as error:
            self.complaints.append(repr(error))


def _new_link(data: JsonObject) -> JsonObject:
    key = str(data["merchantLinkId"])
    return {
        "linkId": f"L-{key}",
        "merchantLinkId": key,
        "linkUrl": f"https://pay.test/{key}",
        "linkStatus": "ACTIVE",
        "totalAmount": data["totalAmount"],
        "currency": data["currency"],
        "country": data["country"],
    }


def _new_refund(data: JsonObject) -> JsonObject:
    return {
        "outRefundNo": data["outRefundNo"],
        "refundTradeNo": f"P-{data['outRefundNo']}",
        "tradeOrderNo": data["outTradeNo"],
        "outTradeNo": data["outTradeNo"],
        "refundAmount": data["refundAmount"],
        "refundCurrency": data["refundCurrency"],
        "status": "REFUND_PENDING",
    }


async def serve(turn: Turn) -> None:
    """Do it, and say so."""
    asked = await turn.read()
    await turn.wire.send(turn.gateway.carry_out(asked).http())


def spoken(
    speak: Callable[[Answer], bytes],
    end: Behaviour | None = None,
    *,
    done: bool = True,
    gap: float | None = None,
) -> Scene:
    """Put the answer on the wire in another way.

    Args:
        speak: Makes the bytes out of the genuine answer.
        end: What follows; without it the connection stays for more requests.
        done: Whether what was asked for was done.
        gap: Seconds between single bytes; all at once when left out.
    """

    async def play(turn: Turn) -> None:
        asked = await turn.read()
        data = speak(turn.gateway.carry_out(asked, keep=done))
        if gap is None:
            await turn.wire.send(data)
        else:
            for index in range(len(data)):
                await turn.wire.send(data[index : index + 1])
                await asyncio.sleep(gap)
        if end is not None:
            await end(turn.wire)

    return play


def unanswered(end: Behaviour, *, done: bool = True) -> Scene:
    """Read all of it, do it or not, and ``end`` without a word."""
    return spoken(lambda _: b"", end, done=done)


def cut_short(end: Behaviour, *, headers: bool) -> Scene:
    """``end`` after the first byte, or after the headers."""

    async def play(turn: Turn) -> None:
        if headers:
            await turn.read_head()
        await end(turn.wire)

    return play


def coded(code: str, *headers: str, done: bool = False, signed: bool = True) -> Scene:
    """Answer with a code, whether it was done or not."""

    async def play(turn: Turn) -> None:
        asked = await turn.read()
        turn.gateway.carry_out(asked, keep=done)
        answer = turn.gateway.answer(code)
        await turn.wire.send(answer.http(*headers, sign="" if signed else None))

    return play
