"""The gateway of the soak, in a process of its own, and the pipe to it.

The ledger keeps everything, so that it must not live in the process whose memory
is measured. Requests and answers go through a pair of sockets as they are.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import pickle
import random
import socket
import struct
import sys
import traceback
from collections.abc import AsyncGenerator, Callable
from typing import Any, cast
from urllib.parse import urlsplit

import attrs

from benchmarks.soak_ledger import HERE, Lag, Row, SoakLedger, links_of
from benchmarks.soak_measure import resident
from payermax_async.clock import SystemClock
from payermax_async.core.errors import NoReplyError
from payermax_async.sandbox.engine import SandboxOptions
from payermax_async.sandbox.gateway.handler import SandboxGateway
from payermax_async.sandbox.gateway.merchants import GatewayPolicy, SandboxMerchant
from payermax_async.sandbox.ledger.payment_methods import Method, PaymentOutcome
from payermax_async.sandbox.ledger.policy import Duplicates, LedgerPolicy
from payermax_async.sandbox.ledger.records import Owner, Payment
from payermax_async.sandbox.server import SandboxServer
from payermax_async.sandbox.state.credentials import (
    DEFAULT_APP_ID,
    DEFAULT_MERCHANT_NO,
    SandboxCredentials,
)
from payermax_async.signing.keys import PrivateKey
from payermax_async.signing.rsa import RsaSigner, RsaVerifier
from payermax_async.transport.base import HttpRequest, HttpResponse
from tests.world.stand_in import StandInKey

__all__ = ["ChildGateway", "Order", "serve"]

_HEAD = struct.Struct(">II")
_ROWS = 2000
_OWNER = Owner(merchant_no=DEFAULT_MERCHANT_NO, app_id=DEFAULT_APP_ID)


@attrs.frozen(kw_only=True)
class Order:
    """How the gateway shall be."""

    check_duplicates: bool
    merchant_pem: bytes | None
    """Without keys, stand-ins sign."""
    platform_pem: bytes | None
    lag: Lag = Lag()
    """For how long what is new is hidden."""
    socket: bool = False
    """Whether to listen on a port; otherwise requests come through the pipe."""


def _frame(number: int, content: object) -> bytes:
    body = pickle.dumps(content)
    return _HEAD.pack(number, len(body)) + body


async def _read(reader: asyncio.StreamReader) -> tuple[int, Any]:
    number, length = _HEAD.unpack(await reader.readexactly(_HEAD.size))
    return number, pickle.loads(await reader.readexactly(length))


class ChildGateway:
    """The client's end of the pipe: a ``Transport``, and questions to the ledger."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._rows: asyncio.Queue[list[Row] | None] = asyncio.Queue(4)
        self.url = ""

    async def start(self) -> None:
        """Start the process and wait until it is ready."""
        here, there = socket.socketpair()
        with there:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-c",
                # Not as __main__, or the types in the frames would be others.
                "from benchmarks.soak_gateway import serve; serve()",
                str(there.fileno()),
                pass_fds=[there.fileno()],
            )
        self._reader, self._writer = await asyncio.open_connection(sock=here)
        self._task = asyncio.create_task(self._receive())
        self.url = await self._ask(self._order)

    async def stop(self) -> None:
        """End the process."""
        self._writer.close()
        await self._process.wait()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def open(self) -> None:
        """Nothing: it was started before."""

    async def aclose(self) -> None:
        """Nothing: it goes on to be asked."""

    async def send(
        self, request: HttpRequest, *, timeout: float, on_sent: Callable[[], None]
    ) -> HttpResponse:
        """Hand one request to the gateway.

        Raises:
            NoReplyError: It gave no answer in time.
        """
        on_sent()
        try:
            async with asyncio.timeout(timeout):
                response: HttpResponse = await self._ask(request)
        except TimeoutError:
            raise NoReplyError("no answer in time") from None
        return response

    async def memory(self) -> int:
        """Bytes the gateway's process holds."""
        held: int = await self._ask("memory")
        return held

    async def pay(self, keys: list[str]) -> list[str]:
        """Have links paid; the numbers of their orders."""
        numbers: list[str] = await self._ask(keys)
        return numbers

    async def rows(self, what: str = "links") -> AsyncGenerator[Row]:
        """Every link of the ledger, or all ``refunds``."""
        self._writer.write(_frame(0, what))
        while (rows := await self._rows.get()) is not None:
            for row in rows:
                yield row

    async def _ask(self, content: object) -> Any:
        number = next(self._numbers)
        answer = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            self._writer.write(_frame(number, content))
            return await answer
        finally:
            self._waiting.pop(number, None)

    async def _receive(self) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                number, content = await _read(self._reader)
                if number == 0:
                    await self._rows.put(content)
                elif (answer := self._waiting.get(number)) and not answer.done():
                    answer.set_result(content)
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(ConnectionError("the gateway has died"))


class _Child:
    """The other end."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._tasks: set[asyncio.Task[None]] = set()
        self._stack = contextlib.AsyncExitStack()
        self._gateway: SandboxGateway | None = None

    async def run(self, reader: asyncio.StreamReader) -> None:
        async with self._stack:
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
                while True:
                    number, content = await _read(reader)
                    task = asyncio.create_task(self._answer(number, content))
                    self._tasks.add(task)
                    task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            traceback.print_exception(error)
            # Without an answer the other side would wait for ever.
            self._writer.transport.abort()

    async def _answer(self, number: int, content: object) -> None:
        if isinstance(content, Order):
            found: object = await self._start(content)
        elif isinstance(content, HttpRequest):
            found = await self._handle(content)
        elif content == "memory":
            found = resident()
        elif isinstance(content, list):
            found = self._pay(cast("list[str]", content))
        else:
            await self._send_rows(content)
            found = None
        self._writer.write(_frame(number, found))

    async def _handle(self, request: HttpRequest) -> HttpResponse:
        assert self._gateway is not None
        place = urlsplit(request.url)
        operation = place.path.rpartition("/")[2]
        HERE.set(place.hostname or "")
        return await self._gateway.handle(operation, request.headers, request.body)

    def _pay(self, keys: list[str]) -> list[str]:
        assert self._gateway is not None
        ledger, numbers = self._gateway.ledger, list[str]()
        payment = Payment(method=Method.WALLET, outcome=PaymentOutcome.SUCCEED)
        for key in keys:
            link = ledger.repository.link_of_merchant(_OWNER, key)
            assert link is not None
            numbers.append(ledger.pay_link(link.link_id, payment).value.out_trade_no)
        return numbers

    async def _send_rows(self, what: object) -> None:
        assert self._gateway is not None
        ledger = self._gateway.ledger
        rows = links_of(ledger)
        if what == "refunds":
            rows = ledger.refunds if isinstance(ledger, SoakLedger) else []
        for start in range(0, len(rows), _ROWS):
            self._writer.write(_frame(0, rows[start : start + _ROWS]))
            await self._writer.drain()

    async def _start(self, order: Order) -> str:
        self._lag = order.lag
        check = order.check_duplicates
        policy = LedgerPolicy(
            duplicate_links=Duplicates.REPEAT if check else Duplicates.SECOND
        )
        if order.merchant_pem is None or order.platform_pem is None:
            merchant, platform = StandInKey(b"merchant"), StandInKey(b"platform")
            self._make(policy, merchant, platform)
            return ""
        merchant_key = PrivateKey.load(order.merchant_pem)
        platform_key = PrivateKey.load(order.platform_pem)
        if not order.socket:
            signer = RsaSigner(platform_key)
            self._stack.push_async_callback(signer.aclose)
            self._make(policy, RsaVerifier(merchant_key.public_key), signer)
            return ""
        server = SandboxServer(
            credentials=SandboxCredentials(
                merchant_key=merchant_key, platform_key=platform_key
            ),
            options=SandboxOptions(ledger=policy),
        )
        await self._stack.enter_async_context(server)
        self._gateway = server.engine.gateway
        return server.base_url

    def _make(
        self,
        policy: LedgerPolicy,
        verifier: RsaVerifier | StandInKey,
        signer: RsaSigner | StandInKey,
    ) -> None:
        merchant = SandboxMerchant(
            merchant_no=DEFAULT_MERCHANT_NO, app_id=DEFAULT_APP_ID, verifier=verifier
        )
        clock = SystemClock()
        ledger = SoakLedger(clock, random.Random(7), policy)
        ledger.lag = self._lag
        keep = GatewayPolicy(keep=1)
        self._gateway = SandboxGateway(
            ledger, [merchant], signer, clock=clock, policy=keep
        )


async def _main(descriptor: int) -> None:
    pipe = socket.socket(fileno=descriptor)
    reader, writer = await asyncio.open_connection(sock=pipe)
    await _Child(writer).run(reader)
    writer.close()


def serve() -> None:
    """The whole life of the process; its argument is its end of the pipe."""
    asyncio.run(_main(int(sys.argv[1])))
