"""What a client meets when a fault strikes: over sockets, and in the process."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from datetime import timedelta
from email.utils import parsedate_to_datetime

import pytest

from payermax_async import (
    ApiError,
    ClientOptions,
    CreateLink,
    MerchantConfig,
    NoReplyError,
    OutcomeUnknownError,
    PayerMaxClient,
    PayerMaxError,
    UserInfo,
)
from payermax_async.core.envelope import read_reply
from payermax_async.core.scalars import write_time
from payermax_async.core.strict_json import JsonValue, write_json
from payermax_async.sandbox.clock import VirtualClock
from payermax_async.sandbox.faults.injector import Faults
from payermax_async.sandbox.gateway.exchange import FaultAction, FaultPoint
from payermax_async.sandbox.server import SandboxServer
from payermax_async.sandbox.state.credentials import SandboxCredentials
from payermax_async.signing.rsa import RsaSigner, RsaVerifier
from payermax_async.testing.sandbox import (
    SandboxTransport,
    sandbox_in_process,
)
from payermax_async.transport.base import HttpRequest

from .kit import OWNER, START, create

CALLS = ("createPaybylink", "queryPaybylink")


class Wire:
    """Raw bytes to a sandbox and back, without any client's opinion."""

    def __init__(self, sandbox: SandboxServer, credentials: SandboxCredentials) -> None:
        self.sandbox = sandbox
        self.signer = RsaSigner(credentials.merchant_key)
        self.verifier = RsaVerifier(credentials.platform_key.public_key)
        self.key = credentials.platform_key.public_key

    def request(self, key: str, late: timedelta = timedelta(0)) -> bytes:
        now = self.sandbox.engine.clock.now() - late
        body = write_json(
            {
                "version": "1.4",
                "keyVersion": "1",
                "requestTime": write_time(now),
                "appId": OWNER.app_id,
                "merchantNo": OWNER.merchant_no,
                "data": create(merchantLinkId=key),
            }
        )
        path = self.sandbox.base_url.partition("//")[2].partition("/")[2]
        head = (
            f"POST /{path}/createPaybylink HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"sign: {self.signer.sign_now(body)}\r\nContent-Length: {len(body)}\r\n"
            "Connection: close\r\n\r\n"
        )
        return head.encode() + body

    async def send(self, key: str = "a", late: timedelta = timedelta(0)) -> bytes:
        """All that comes back; raises as the socket does."""
        port = int(self.sandbox.origin.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(self.request(key, late))
            return await reader.read()
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    @property
    def links(self) -> int:
        return len(self.sandbox.engine.ledger.repository.links())


@pytest.fixture
async def wire(credentials: SandboxCredentials) -> AsyncIterator[Wire]:
    async with SandboxServer(
        credentials=credentials, clock=VirtualClock(START)
    ) as sandbox:
        yield Wire(sandbox, credentials)


def split(answer: bytes) -> tuple[str, dict[str, str], bytes]:
    """Status line, headers by lower-case name, body."""
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    pairs = (line.split(": ", 1) for line in lines)
    return first, {name.lower(): value for name, value in pairs}, body


@pytest.mark.parametrize(
    ("kind", "links"),
    [("refused", 0), ("not-done-no-answer", 0), ("done-no-answer", 1)],
)
async def test_a_closed_connection_ends_without_a_byte(
    wire: Wire, kind: str, links: int
) -> None:
    wire.sandbox.faults.add(kind, times=1)
    assert await wire.send() == b""
    assert wire.links == links
    exchange = wire.sandbox.engine.gateway.exchanges[-1]
    assert (exchange.fault_name, exchange.response) == (f"{kind} (fault 1)", None)


@pytest.mark.parametrize("done", [False, True])
async def test_a_reset_connection_is_reset_and_not_closed(
    wire: Wire, done: bool
) -> None:
    wire.sandbox.faults.add("reset", done=done)
    with pytest.raises(ConnectionResetError):
        await wire.send()
    assert wire.links == done


async def test_a_truncated_answer_announces_more_than_arrives(wire: Wire) -> None:
    wire.sandbox.faults.add("truncated", bytes=10)
    _, headers, body = split(await wire.send())
    assert len(body) == 10
    assert int(headers["content-length"]) > 100
    assert wire.links == 1


async def test_a_dripping_answer_is_whole_in_the_end(wire: Wire) -> None:
    wire.sandbox.faults.add("drip", seconds=0.0001)
    _, headers, body = split(await wire.send())
    await wire.verifier.verify(body, headers["sign"])


async def test_silence_lasts_as_long_as_the_sandboxs_clock_says(wire: Wire) -> None:
    wire.sandbox.faults.add("silence", seconds=30, done=True)
    clock = wire.sandbox.engine.clock
    assert isinstance(clock, VirtualClock)
    before = clock.sleeping
    sending = asyncio.create_task(wire.send())
    while clock.sleeping == before:
        await asyncio.sleep(0.001)
    await clock.advance(29)
    assert not sending.done()
    await clock.advance(1)
    assert await sending == b""
    assert wire.links == 1


async def test_who_leaves_during_silence_leaves_nothing_behind(wire: Wire) -> None:
    wire.sandbox.faults.add("silence")
    clock = wire.sandbox.engine.clock
    assert isinstance(clock, VirtualClock)
    before = clock.sleeping
    with socket.create_connection(
        ("127.0.0.1", int(wire.sandbox.origin.rpartition(":")[2]))
    ) as connection:
        connection.sendall(wire.request("a"))
        while clock.sleeping == before:
            await asyncio.sleep(0.001)
    while clock.sleeping > before:
        await asyncio.sleep(0.001)
    assert wire.sandbox.engine.gateway.exchanges[-1].response is None


async def test_a_proxys_page_and_a_busy_proxy(wire: Wire) -> None:
    wire.sandbox.faults.add("html", times=1, done=True)
    wire.sandbox.faults.add("busy", link="b", status=429, retry_after=7)
    first, headers, body = split(await wire.send("a"))
    assert first.startswith("HTTP/1.1 502")
    assert headers["content-type"].startswith("text/html")
    assert b"<html>" in body
    assert wire.links == 1
    first, headers, _ = split(await wire.send("b"))
    assert first.startswith("HTTP/1.1 429")
    assert headers["retry-after"] == "7"
    assert wire.links == 1


async def test_spoiled_signatures_are_spoiled_as_ordered(wire: Wire) -> None:
    for kind in ("wrong-signature", "missing-signature", "foreign-signature"):
        wire.sandbox.faults.add(kind, link=f"{kind}*")
    seen: dict[str, str | None] = {}
    for kind in ("wrong-signature", "missing-signature", "foreign-signature"):
        _, headers, body = split(await wire.send(kind))
        assert read_reply(body).code == "APPLY_SUCCESS"
        seen[kind] = headers.get("sign")
        if seen[kind] is not None:
            with pytest.raises(PayerMaxError):
                await wire.verifier.verify(body, headers["sign"])
    assert seen["missing-signature"] is None
    assert len({seen["wrong-signature"], seen["foreign-signature"]}) == 2
    assert wire.links == 3


async def test_a_skewed_gateway_refuses_what_was_in_time_and_dates_its_answer(
    wire: Wire,
) -> None:
    wire.sandbox.faults.add("skew", seconds=600, times=1)
    _, headers, body = split(await wire.send("a"))
    assert read_reply(body).code == "REQ_TIME_OVER_TIME"
    moment = parsedate_to_datetime(headers["date"])
    assert moment == START.replace(microsecond=0) + timedelta(seconds=600)
    wire.sandbox.faults.add("skew", seconds=-600, times=1)
    _, _, body = split(await wire.send("b", late=timedelta(seconds=600)))
    assert read_reply(body).code == "APPLY_SUCCESS"


async def test_a_hook_of_ones_own_comes_before_the_script(
    credentials: SandboxCredentials,
) -> None:
    async def hook(point: FaultPoint) -> FaultAction | None:
        return FaultAction(code="SYSTEM_ERROR") if point.call == 1 else None

    async with SandboxServer(
        credentials=credentials, clock=VirtualClock(START), faults=hook
    ) as sandbox:
        wire = Wire(sandbox, credentials)
        sandbox.faults.add("busy", times=1)
        codes = [read_reply(split(await wire.send())[2]).code for _ in range(3)]
    assert codes == ["SYSTEM_ERROR", "TOO_MANY_REQUEST", "APPLY_SUCCESS"]


async def test_a_script_given_at_the_start_is_the_sandboxs_own(
    credentials: SandboxCredentials,
) -> None:
    faults = Faults()
    async with SandboxServer(credentials=credentials, faults=faults) as sandbox:
        assert sandbox.faults is faults


# --- the client, with and without sockets ------------------------------------------

ORDER = CreateLink(
    merchant_link_id="order-1",
    total_amount="40000",
    currency="IDR",
    country="ID",
    description="Kaos biru",
    user_info=UserInfo(user_id="98"),
)
SETTLED: list[tuple[str, dict[str, JsonValue]]] = [
    ("refused", {}),
    ("reset", {"done": True}),
    ("reset", {}),
    ("truncated", {}),
    ("html", {}),
    ("html", {"done": True}),
    ("wrong-signature", {}),
    ("missing-signature", {}),
    ("foreign-signature", {}),
    ("done-no-answer", {}),
    ("not-done-no-answer", {}),
    ("system-error", {}),
    ("system-error", {"done": True}),
    ("other-link", {}),
    ("busy", {}),
    ("busy", {"status": 503, "retry_after": 0}),
]


@pytest.mark.parametrize(("kind", "more"), SETTLED)
@pytest.mark.parametrize("place", ["memory", "port"])
async def test_a_client_makes_one_link_whatever_goes_wrong_once(
    credentials: SandboxCredentials, kind: str, more: dict[str, JsonValue], place: str
) -> None:
    faults = Faults()
    faults.add(kind, operation="createPaybylink", times=1, **more)
    clock = VirtualClock(START)
    turning = asyncio.create_task(turn(clock))
    try:
        if place == "memory":
            async with sandbox_in_process(
                credentials=credentials, clock=clock, faults=faults
            ) as engine:
                config = MerchantConfig.from_env(
                    {
                        **engine.environment("http://127.0.0.1:9/gateway"),
                        **SHOP,
                    }
                )
                transport = SandboxTransport(engine.gateway)
                async with PayerMaxClient(
                    config, transport=transport, clock=clock
                ) as client:
                    link = await client.create_link(ORDER)
                links = engine.ledger.repository.links()
        else:
            async with SandboxServer(
                credentials=credentials, clock=clock, faults=faults
            ) as sandbox:
                config = MerchantConfig.from_env(sandbox.settings)
                async with PayerMaxClient(config, clock=clock) as client:
                    link = await client.create_link(ORDER)
                links = sandbox.engine.ledger.repository.links()
    finally:
        turning.cancel()
        await asyncio.gather(turning, return_exceptions=True)
    assert [item.link_id for item in links] == [link.link_id]
    (placed,) = faults.placed()
    assert placed.struck == 1


SHOP = {
    "PAYERMAX_NOTIFY_URL": "http://127.0.0.1:9/hook",
    "PAYERMAX_CONTACT_EMAIL": "shop@example.com",
    "PAYERMAX_SHOW_URL": "http://127.0.0.1:9/",
}


async def turn(clock: VirtualClock) -> None:
    """Let time pass whenever somebody waits for it, so that no test does."""
    while True:
        await asyncio.sleep(0.002)
        if clock.sleeping:
            await clock.advance(0.5)


@pytest.mark.parametrize("gap", [0.001, 5.0])
async def test_in_process_a_drip_takes_its_time_and_a_cut_is_no_reply(
    credentials: SandboxCredentials, gap: float
) -> None:
    async with sandbox_in_process(
        credentials=credentials, clock=VirtualClock(START)
    ) as engine:
        signer = RsaSigner(credentials.merchant_key)
        transport = SandboxTransport(engine.gateway)
        await transport.open()
        body = write_json(
            {
                "version": "1.4",
                "keyVersion": "1",
                "requestTime": write_time(START),
                "appId": OWNER.app_id,
                "merchantNo": OWNER.merchant_no,
                "data": create(),
            }
        )
        request = HttpRequest(
            url="http://sandbox/gateway/createPaybylink",
            headers=(("sign", signer.sign_now(body)),),
            body=body,
        )
        engine.faults.add("drip", seconds=gap, times=1)
        if gap > 1:
            with pytest.raises(NoReplyError):
                await transport.send(request, timeout=0.1, on_sent=lambda: None)
        else:
            answer = await transport.send(request, timeout=30, on_sent=lambda: None)
            assert read_reply(answer.body).code == "APPLY_SUCCESS"
        engine.faults.add("truncated")
        with pytest.raises(NoReplyError, match="broke off"):
            await transport.send(request, timeout=30, on_sent=lambda: None)


async def test_queries_that_lag_do_not_make_a_second_link(
    credentials: SandboxCredentials,
) -> None:
    faults = Faults()
    faults.add("done-no-answer", operation="createPaybylink", times=1)
    faults.add("query-lag", queries=1)
    clock = VirtualClock(START)
    turning = asyncio.create_task(turn(clock))
    async with SandboxServer(
        credentials=credentials, clock=clock, faults=faults
    ) as sandbox:
        config = MerchantConfig.from_env(sandbox.settings)
        async with PayerMaxClient(
            config, clock=clock, options=ClientOptions(timeout=120)
        ) as client:
            try:
                link = await client.create_link(ORDER)
            except (OutcomeUnknownError, ApiError) as error:
                raise AssertionError(str(error)) from error
        assert [item.link_id for item in sandbox.engine.ledger.repository.links()] == [
            link.link_id
        ]
    turning.cancel()
    await asyncio.gather(turning, return_exceptions=True)
