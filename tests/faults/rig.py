"""A client on real sockets, watched for everything that must hold in every case."""

from __future__ import annotations

import asyncio
import itertools
import logging
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta
from typing import cast

import attrs
import pytest

from payermax_async.client import PayerMaxClient
from payermax_async.config import Environment, MerchantConfig
from payermax_async.core.errors import Outcome, PayerMaxError
from payermax_async.core.models.links import CreatedLink
from payermax_async.core.models.refunds import SubmittedRefund
from payermax_async.options import ClientOptions
from payermax_async.pipeline.breaker import BreakerPolicy
from payermax_async.pipeline.chain import Attempt, CallNext, Middleware
from payermax_async.pipeline.observe import (
    AttemptFinished,
    CallFinished,
    Event,
    Hook,
)
from payermax_async.pipeline.retry import RetryPolicy
from payermax_async.signing.base import Signer, Verifier
from payermax_async.transport.aiohttp import AiohttpTransport
from payermax_async.transport.base import HttpRequest, HttpResponse
from tests.faults.gateway import Gateway
from tests.pipeline.gateway import CONFIG, MERCHANT, START, order
from tests.pipeline.merchant import refund
from tests.transport.harness import nothing_left

__all__ = [
    "CREATE",
    "LINK",
    "QUERY",
    "REFUND",
    "SETTLED",
    "SHORT",
    "WRITES",
    "BriskClock",
    "Rig",
    "Stage",
    "Write",
]

SHORT = 0.75
"""Seconds an attempt may take where only time can end it."""

LONG = 20.0
"""Seconds an attempt may take where something else must end it."""

CREATE, QUERY = "createPaybylink", "queryPaybylink"

SETTLED = {
    # What a create that ended in doubt leads to, by whether it was done.
    True: [CREATE, QUERY],
    False: [CREATE, *[QUERY] * 4, CREATE],
}


@attrs.frozen(kw_only=True)
class Write:
    """One kind of write, for rows that hold for all of them alike."""

    name: str
    send: str
    """The operation that does it."""
    ask: str
    """The operation that tells what became of it."""
    key: str

    def named(self, operations: Sequence[str]) -> list[str]:
        """Operations of links in the names of this one's."""
        names = {CREATE: self.send, QUERY: self.ask}
        return [names[operation] for operation in operations]


LINK = Write(name="link", send=CREATE, ask=QUERY, key="order-1")
REFUND = Write(name="refund", send="refund", ask="refundQuery", key="refund-1")
WRITES = (LINK, REFUND)

_MAX_BODY = 262_144
_PRIVATE = MERCHANT.to_base64()
# Nothing of these may be seen: the key in windows, and what bodies hold.
_CANARIES = (
    *(_PRIVATE[at : at + 16] for at in range(0, len(_PRIVATE) - 16, 16)),
    "shop@shop.test",
    "u-98",
    "Blue T-shirt",
    "https://pay.test/",
)


class BriskClock:
    """Sleeping takes one turn of the loop, however long it was to be."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.slept: list[float] = []
        self.on_sleep: Callable[[float], Awaitable[None]] | None = None

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds
        if self.on_sleep is not None:
            await self.on_sleep(seconds)
        await asyncio.sleep(0)


@attrs.define(kw_only=True)
class Rig:
    """A client, its gateway, and what was seen of both."""

    clock: BriskClock
    gateway: Gateway
    doors: AsyncExitStack
    client: PayerMaxClient
    transport: AiohttpTransport
    events: list[Event] = attrs.field(factory=list[Event])
    contacts: set[tuple[str, int]] = attrs.field(factory=set[tuple[str, int]])

    async def create(self, key: str = "order-1") -> CreatedLink:
        """Create a link, and check that the answer is what the ledger holds."""
        link = await self.client.create_link(order(key))
        held = self.gateway.links[key]
        assert (link.merchant_link_id, link.link_url) == (key, held["linkUrl"])
        return link

    async def write(self, write: Write) -> CreatedLink | SubmittedRefund:
        """Do it, and check that the answer is what the ledger holds."""
        if write is LINK:
            return await self.create(write.key)
        made = await self.client.refund(refund(write.key))
        held = self.gateway.links[write.key]
        told = (made.out_refund_no, made.refund_trade_no)
        assert told == (write.key, held["refundTradeNo"])
        return made

    async def failure(self, call: Awaitable[object]) -> PayerMaxError:
        """The error that a call ends with."""
        with pytest.raises(PayerMaxError) as caught:
            await call
        return caught.value

    async def still_works(self) -> None:
        """The next call gets its answer: no slot and no connection was lost."""
        self.gateway.put(order("next"))
        found = await self.client.query_link("next")
        assert found.merchant_link_id == "next"

    def attempts(self, key: str = "order-1") -> list[AttemptFinished]:
        """How the attempts for one link ended."""
        finished = (e for e in self.events if isinstance(e, AttemptFinished))
        return [event for event in finished if event.merchant_key == key]

    def first(self, key: str = "order-1") -> tuple[Outcome | None, str | None]:
        """How the first attempt for a link ended, and with which error."""
        event = self.attempts(key)[0]
        return event.outcome, event.error

    def calls(self) -> list[CallFinished]:
        """How the calls ended."""
        return [event for event in self.events if isinstance(event, CallFinished)]


@attrs.frozen
class Stage:
    """Builds rigs, and checks each one when its case is over."""

    caplog: pytest.LogCaptureFixture
    monkeypatch: pytest.MonkeyPatch

    @asynccontextmanager
    async def rig(
        self,
        gateway: Gateway | None = None,
        *,
        clock: BriskClock | None = None,
        transport: AiohttpTransport | None = None,
        config: MerchantConfig = CONFIG,
        base_url: str | None = None,
        closed: bool = False,
        reach: Sequence[str] = ("127.0.0.1",),
        limit: int = 1,
        attempt_timeout: float = LONG,
        timeout: float = 60.0,
        max_attempts: int = 5,
        breaker: BreakerPolicy | None = None,
        middlewares: Sequence[Middleware] = (),
        hooks: Sequence[Hook] = (),
        signer: Signer | None = None,
        verifier: Verifier | None = None,
        backup: Gateway | None = None,
    ) -> AsyncGenerator[Rig]:
        """A client at a gateway. Both end with the block, and then are judged.

        A gateway that is ``closed`` is for the test to open, into ``doors``.
        """
        clock = clock or BriskClock()
        gateway = gateway or Gateway(clock)
        transport = transport or AiohttpTransport(limit=limit)
        async with nothing_left():
            async with AsyncExitStack() as doors:
                if not closed:
                    await doors.enter_async_context(gateway)
                environment = Environment.at(base_url or gateway.base_url)
                if backup is not None:
                    await doors.enter_async_context(backup)
                    environment = attrs.evolve(environment, backup_url=backup.base_url)
                events: list[Event] = []
                sizes = _Sizes()
                client = PayerMaxClient(
                    attrs.evolve(config, environment=environment),
                    transport=transport,
                    clock=clock,
                    hooks=[*hooks, events.append],
                    middlewares=(sizes, *middlewares),
                    signer=signer,
                    verifier=verifier,
                    options=ClientOptions(
                        timeout=timeout,
                        attempt_timeout=attempt_timeout,
                        max_in_flight=limit,
                        breaker=breaker,
                        failover=backup is not None,
                        retry=RetryPolicy(
                            max_attempts=max_attempts, draw=lambda _low, high: high
                        ),
                    ),
                )
                rig = Rig(
                    clock=clock,
                    gateway=gateway,
                    doors=doors,
                    client=client,
                    transport=transport,
                    events=events,
                )
                self._watch(rig)
                async with client:
                    yield rig
                # The client's ends are closed, so these come to an end as well.
                await gateway.server.quiet()
                if backup is not None:
                    await backup.server.quiet()
                    gateway.complaints.extend(backup.complaints)
            await asyncio.sleep(0)
        self._judge(rig, reach, sizes.largest)

    def _watch(self, rig: Rig) -> None:
        loop = asyncio.get_running_loop()
        connect = loop.sock_connect

        async def sock_connect(sock: socket.socket, address: tuple[str, int]) -> None:
            rig.contacts.add(address)
            await connect(sock, address)

        self.monkeypatch.setattr(loop, "sock_connect", sock_connect)
        self.caplog.clear()
        self.caplog.set_level(logging.DEBUG)
        self.caplog.set_level(logging.DEBUG, logger="payermax_async")

    def _judge(self, rig: Rig, reach: Sequence[str], largest: int) -> None:
        assert rig.gateway.complaints == []
        assert {host for host, _ in rig.contacts} <= set(reach)
        assert largest <= _MAX_BODY
        self._judge_logs(rig)

    def _judge_logs(self, rig: Rig) -> None:
        records = self.caplog.records
        lines = [
            cast("dict[str, object]", record.__dict__["payermax"])
            for record in records
            if record.name == "payermax_async"
            and record.getMessage().startswith("AttemptFinished ")
        ]
        finished = [e for e in rig.events if isinstance(e, AttemptFinished)]
        told = [(line["call_id"], line["number"], line["outcome"]) for line in lines]
        assert told == [
            (event.call_id, event.number, event.outcome and event.outcome.value)
            for event in finished
        ]
        for call in rig.calls():
            numbers = [e.number for e in finished if e.call_id == call.call_id]
            assert sorted(numbers) == list(range(1, call.attempts + call.questions + 1))
        text = "\n".join(
            f"{record.getMessage()} {record.args!r} {record.exc_text}"
            for record in records
        )
        signs = (asked.sign for asked in rig.gateway.asked)
        leaked = [word for word in itertools.chain(_CANARIES, signs) if word in text]
        assert leaked == []


class _Sizes:
    """A middleware that notes the largest body that was held."""

    def __init__(self) -> None:
        self.largest = 0

    async def __call__(
        self, request: HttpRequest, attempt: Attempt, call_next: CallNext, /
    ) -> HttpResponse:
        response = await call_next(request)
        self.largest = max(self.largest, len(response.body))
        return response
