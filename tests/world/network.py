"""A way to the gateway on which any request can meet any fate.

A request goes its way whether or not the client still waits for the answer, as
on a real network: giving up or dying stops nothing that has left.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from typing import Protocol

import attrs

from payermax_async.core.errors import NoReplyError, NotSentError, TlsError
from payermax_async.core.strict_json import JsonError, JsonObject, read_json, write_json
from payermax_async.transport.base import Headers, HttpRequest, HttpResponse, Transport
from tests.world.fates import AMBIGUOUS, DEFINITE, Fate, Kind

__all__ = [
    "AMBIGUOUS",
    "DEFINITE",
    "INSIDE",
    "Fate",
    "Kind",
    "Network",
    "SignsNow",
]

INSIDE: ContextVar[float] = ContextVar("INSIDE", default=0.0)
"""Seconds that the gateway keeps a request after it has looked at its time."""

_FOREIGN_KEPT = 64


_LIES = {Kind.UNSIGNED, Kind.FORGED, Kind.SWAPPED, Kind.TWICE}
"""What somebody in between can also do to a success of his own making."""

_NOT_SENT = {
    Kind.REFUSED: NotSentError("refused"),
    Kind.UNTRUSTED: TlsError("not trusted"),
}


class SignsNow(Protocol):
    """Signs without waiting."""

    def sign_now(self, payload: bytes) -> str: ...


class Network:
    """A ``Transport`` around another one.

    Args:
        inner: Leads to the gateway.
        choose: The fate of a request, or ``None`` to leave it to ``inner``.
        platform: The gateway's key, for codes it never sent itself.
        stranger: A key that nobody trusts.
        vouches: Whether unsigned answers can only be the gateway's.
        apart: The context in which requests go their way; the sender's when left
            out.

    Attributes:
        bugs: What went wrong by itself; nothing should.
        counts: How often each kind of fate struck.
    """

    def __init__(
        self,
        inner: Transport,
        choose: Callable[[HttpRequest], Fate | None],
        *,
        platform: SignsNow,
        stranger: SignsNow,
        vouches: bool = True,
        apart: Callable[[], Context] = copy_context,
    ) -> None:
        self._inner = inner
        self._vouches = vouches
        self._apart = apart
        self._choose = choose
        self._platform = platform
        self._stranger = stranger
        self._under_way: set[asyncio.Task[HttpResponse | None]] = set()
        self._seen: deque[tuple[str, HttpResponse]] = deque(maxlen=_FOREIGN_KEPT)
        self.bugs: list[BaseException] = []
        self.counts: dict[Kind, int] = dict.fromkeys(Kind, 0)

    async def open(self) -> None:
        await self._inner.open()

    def vouches_for(self, url: str) -> bool:
        """Whether unsigned answers can only be the gateway's."""
        return self._vouches

    async def aclose(self) -> None:
        """Nothing: a request does not care who closes; see :meth:`settled`."""

    async def settled(self) -> None:
        """Wait until nothing is under way, and close ``inner``."""
        while self._under_way:
            await asyncio.wait(self._under_way)
        await self._inner.aclose()

    async def arrived(self) -> None:
        """Wait until every request has come to its end."""
        while self._under_way:
            await asyncio.wait(self._under_way)

    async def send(
        self, request: HttpRequest, *, timeout: float, on_sent: Callable[[], None]
    ) -> HttpResponse:
        fate = self._choose(request)
        if fate is None:
            return await self._inner.send(request, timeout=timeout, on_sent=on_sent)
        self.counts[fate.kind] += 1
        if fate.kind in _NOT_SENT:
            failure = _NOT_SENT[fate.kind]
            raise type(failure)(str(failure))
        on_sent()
        carrying = self._begin(self._carry(request, fate))
        if fate.again is not None:
            later = attrs.evolve(fate, there=fate.there + fate.again)
            self._begin(self._carry(request, later))
        try:
            async with asyncio.timeout(timeout):
                answer = None
                if fate.kind is Kind.BROKEN:
                    await asyncio.sleep(fate.back)
                    raise NoReplyError("the connection broke")
                answer = await asyncio.shield(carrying)
                if answer is not None:
                    await asyncio.sleep(fate.back)
                    return answer
                await asyncio.Event().wait()
        except TimeoutError:
            pass
        raise NoReplyError("no answer in time")

    def _begin(
        self, carrying: Coroutine[None, None, HttpResponse | None]
    ) -> asyncio.Task[HttpResponse | None]:
        apart = self._apart()
        task = asyncio.create_task(carrying, context=apart)
        self._under_way.add(task)
        task.add_done_callback(self._ended, context=apart)
        return task

    async def _carry(self, request: HttpRequest, fate: Fate) -> HttpResponse | None:
        await asyncio.sleep(fate.there)
        reply: HttpResponse | None = None
        if fate.done:
            INSIDE.set(fate.inside)
            reply = await self._inner.send(request, timeout=3600, on_sent=_nothing)
        return _dated(self._spoilt(request, reply, fate), fate.date)

    def _ended(self, task: asyncio.Task[HttpResponse | None]) -> None:
        self._under_way.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self.bugs.append(error)

    def _spoilt(
        self, request: HttpRequest, reply: HttpResponse | None, fate: Fate
    ) -> HttpResponse | None:
        if fate.kind in {Kind.SILENT, Kind.BROKEN}:
            return None
        if fate.kind is Kind.CODED:
            return self._coded(fate, sign=True)
        if fate.kind is Kind.UNSIGNED_CODE:
            return self._coded(fate, sign=False)
        if fate.kind is Kind.STATUS:
            return _page(fate.status, fate.retry_after)
        if fate.kind is Kind.HTML:
            return _page(200, None)
        if fate.kind is Kind.FOREIGN:
            return self._foreign(request)
        if reply is not None:
            self._remember(reply)
        elif fate.kind in _LIES:
            reply = self._lie(request)
        else:
            return None
        return self._resigned(reply, fate.kind)

    def _resigned(self, reply: HttpResponse, kind: Kind) -> HttpResponse:
        signs = reply.header_values("sign")
        plain = tuple(line for line in reply.headers if line[0].lower() != "sign")
        body = reply.body
        if kind is Kind.GARBAGE:
            body = b"\x00\xff{]" + body[:9]
        elif kind is Kind.EMPTY:
            body = b""
        elif kind is Kind.CUT:
            body = body[:-7]
        elif kind is Kind.UNSIGNED:
            signs = ()
        elif kind is Kind.FORGED:
            signs = (self._stranger.sign_now(body),)
        elif kind is Kind.SWAPPED:
            signs = (self._platform.sign_now(body + b" "),)
        elif kind is Kind.TWICE:
            signs = (*signs, self._stranger.sign_now(body))
        headers: Headers = (*plain, *(("sign", sign) for sign in signs))
        return attrs.evolve(reply, headers=headers, body=body)

    def _coded(self, fate: Fate, *, sign: bool) -> HttpResponse:
        body = write_json({"code": fate.code, "msg": "As the fault wants."})
        headers: Headers = (("content-type", "application/json"),)
        if sign:
            headers = (*headers, ("sign", self._platform.sign_now(body)))
        if fate.retry_after is not None:
            headers = (*headers, ("retry-after", fate.retry_after))
        return HttpResponse(status=200, headers=headers, body=body)

    def _lie(self, request: HttpRequest) -> HttpResponse:
        """A success that the gateway knows nothing of."""
        key = _key_of(request.body)
        data: JsonObject = {
            "merchantLinkId": key,
            "linkId": "L1",
            "linkUrl": "https://pay.test/L1",
            "linkStatus": "ACTIVE",
            "totalAmount": "5",
            "currency": "USD",
            "country": "US",
            "outRefundNo": key,
            "refundTradeNo": "R1",
            "status": "REFUND_SUCCESS",
        }
        body = write_json({"code": "APPLY_SUCCESS", "msg": "Success.", "data": data})
        headers = (("sign", self._stranger.sign_now(body)),)
        return HttpResponse(status=200, headers=headers, body=body)

    def _remember(self, reply: HttpResponse) -> None:
        """Keep a success for somebody else: a failure does not say whose it is."""
        key = _key_of(reply.body)
        if key and reply.header_values("sign"):
            self._seen.append((key, reply))

    def _foreign(self, request: HttpRequest) -> HttpResponse | None:
        mine = _key_of(request.body)
        others = (reply for key, reply in reversed(self._seen) if key != mine)
        return next(others, None)


def _key_of(body: bytes) -> str:
    """The merchant's id in the ``data`` of a request or reply; empty without one."""
    try:
        content = read_json(body)
    except JsonError:
        return ""
    data = content.get("data") if isinstance(content, dict) else None
    if not isinstance(data, dict):
        return ""
    return str(data.get("merchantLinkId") or data.get("outRefundNo") or "")


def _page(status: int, retry_after: str | None) -> HttpResponse:
    headers: Headers = (("content-type", "text/html"),)
    if retry_after is not None:
        headers = (*headers, ("retry-after", retry_after))
    return HttpResponse(status=status, headers=headers, body=b"<html>Sorry</html>")


def _dated(reply: HttpResponse | None, date: str | None) -> HttpResponse | None:
    if reply is None or date is None:
        return reply
    others = tuple(line for line in reply.headers if line[0].lower() != "date")
    return attrs.evolve(reply, headers=(*others, ("date", date)))


def _nothing() -> None:
    """The client was told before."""
