"""What fails before the first byte: nothing was sent, and the client knows it."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncGenerator, Callable
from contextlib import (
    AbstractAsyncContextManager,
    asynccontextmanager,
)

import attrs
import pytest

from payermax_async.core.errors import (
    ClientStateError,
    ConfigurationError,
    NotSentError,
    Outcome,
    PayerMaxError,
    TlsError,
    ValidationError,
)
from payermax_async.transport.aiohttp import AiohttpTransport
from tests.faults.gateway import Gateway, Turn, serve
from tests.faults.rig import CREATE, QUERY, BriskClock, Stage
from tests.faults.server import (
    Behaviour,
    Certificates,
    FaultServer,
    hold,
    only_tls_1_1,
    reply,
    whole,
)
from tests.pipeline.gateway import CONFIG, order
from tests.transport.harness import call, opened, post
from tests.transport.names import names

SHORT = 0.4
"""Seconds for connecting, where only time can end it."""

PATH = "/aggregate-pay/api/gateway"
TRUSTED = Certificates()

Lookup = Callable[[str], list[str] | OSError | None]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@attrs.frozen(kw_only=True)
class Nobody:
    """A place that takes no request."""

    url: str
    server: FaultServer | None = None


Place = Callable[[], AbstractAsyncContextManager[Nobody]]


def at(host: str) -> Place:
    """A place without a server."""

    @asynccontextmanager
    async def place() -> AsyncGenerator[Nobody]:
        yield Nobody(url=f"https://{host}{PATH}")

    return place


@asynccontextmanager
async def refusing() -> AsyncGenerator[Nobody]:
    yield Nobody(url=f"http://127.0.0.1:{free_port()}{PATH}")


@asynccontextmanager
async def dropping(host: str = "127.0.0.1", port: int = 0) -> AsyncGenerator[Nobody]:
    """A listener whose queue is full: Linux then drops every further SYN."""
    with socket.socket() as deaf:
        deaf.bind((host, port))
        deaf.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        try:
            for filler in fillers:
                filler.setblocking(False)
                filler.connect_ex(deaf.getsockname())
            yield Nobody(url=f"http://{host}:{deaf.getsockname()[1]}{PATH}")
        finally:
            for filler in fillers:
                filler.close()


def serving(
    behaviour: Behaviour, context: Callable[[], ssl.SSLContext] | None = None
) -> Place:
    """Somebody who is no gateway, on a port that should speak TLS."""

    @asynccontextmanager
    async def place() -> AsyncGenerator[Nobody]:
        tls = context() if context else None
        async with FaultServer(behaviour, tls=tls) as server:
            yield Nobody(url=f"https://127.0.0.1:{server.port}{PATH}", server=server)
            await server.quiet()

    return place


ANSWER = whole(reply(b"{}"))


@attrs.frozen(kw_only=True)
class Row:
    """Where the client is sent, and how its create ends."""

    name: str
    place: Place
    error: type[PayerMaxError] = NotSentError
    says: str = ""
    attempts: int = 2
    """How often it is tried when two attempts are allowed."""
    lookup: Lookup | None = None


ROWS = (
    Row(name="A1 connection refused", place=refusing, says="nothing was sent"),
    Row(
        name="A2 DNS name unknown",
        place=at("gateway.example"),
        lookup=lambda _: socket.gaierror(socket.EAI_NONAME, "Name not known"),
        says="Name not known",
    ),
    Row(
        name="A3 resolver hangs",
        place=at("gateway.example"),
        lookup=lambda _: None,
        says="its name was not resolved",
    ),
    Row(name="A4 SYN dropped", place=dropping, says="could not be connected to"),
    Row(
        name="A5 certificate not trusted",
        place=serving(ANSWER, lambda: Certificates().server()),
        error=TlsError,
        says="unable to get local issuer certificate",
        attempts=1,
    ),
    Row(
        name="A6 certificate for another name",
        place=serving(ANSWER, lambda: TRUSTED.server("other.example")),
        error=TlsError,
        says="mismatch",
        attempts=1,
    ),
    Row(
        name="A7 certificate expired",
        place=serving(ANSWER, lambda: TRUSTED.server(expired=True)),
        error=TlsError,
        says="certificate has expired",
        attempts=1,
    ),
    Row(
        name="A8 server speaks only TLS 1.1",
        place=serving(only_tls_1_1),
        error=TlsError,
        says="protocol version",
        attempts=1,
    ),
    Row(
        name="A9 plain HTTP on the TLS port",
        place=serving(lambda wire: wire.send(reply(status="400 Bad Request"))),
        error=TlsError,
        attempts=1,
    ),
    Row(name="A10 TLS handshake stalls", place=serving(hold), says="in time"),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
async def test_what_never_left_is_known_not_to_have(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, row: Row
) -> None:
    if row.lookup is not None:
        names(monkeypatch, row.lookup)
    transport = AiohttpTransport(
        limit=1, connect_timeout=SHORT, ssl_context=TRUSTED.client()
    )
    async with (
        row.place() as nobody,
        stage.rig(transport=transport, base_url=nobody.url, max_attempts=2) as rig,
    ):
        error = await rig.failure(rig.create())

        assert type(error) is row.error
        assert row.says in str(error)
        assert error.outcome is Outcome.NOT_SENT
        assert error.merchant_key == "order-1"
        assert error.attempts == row.attempts
        assert {event.outcome for event in rig.attempts()} == {Outcome.NOT_SENT}
        assert {event.operation for event in rig.attempts()} == {CREATE}
    assert nobody.server is None or nobody.server.requests == []


async def test_a_create_succeeds_once_the_port_is_open(stage: Stage) -> None:
    """A1 connection refused, then open"""
    clock = BriskClock()
    gateway = Gateway(clock, port=free_port())

    async def open_the_door(_seconds: float) -> None:
        if len(clock.slept) == 2:
            await rig.doors.enter_async_context(gateway)

    clock.on_sleep = open_the_door
    async with stage.rig(gateway, clock=clock, closed=True) as rig:
        await rig.create()

        ends = [event.outcome for event in rig.attempts()]
        assert ends == [Outcome.NOT_SENT, Outcome.NOT_SENT, None]
        assert gateway.names == [CREATE]


async def test_an_unknown_name_is_not_asked_for_again_and_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A2 no retry storm"""
    unknown = socket.gaierror(socket.EAI_NONAME, "Name not known")
    asked = names(monkeypatch, lambda _: unknown)
    async with stage.rig(base_url=f"https://gateway.example{PATH}") as rig:
        error = await rig.failure(rig.create())
    assert (error.attempts, len(asked)) == (3, 3)


async def test_a_name_that_hangs_holds_up_nobody_else(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A3 other calls on live connections go on"""
    async with stage.rig() as rig:
        await rig.still_works()
        # Longer than the other call can take on a busy machine.
        async with opened(AiohttpTransport(connect_timeout=4 * SHORT)) as slow:
            lost = names(monkeypatch, lambda _: None)
            url = f"https://gateway.example{PATH}/{CREATE}"
            stuck = asyncio.ensure_future(call(slow, post(url)))
            while not lost:
                await asyncio.sleep(0)
            await rig.still_works()
            assert not stuck.done()
            end = await stuck
        assert type(end.failure) is NotSentError


async def test_waiting_for_a_turn_until_the_deadline_sends_nothing(
    stage: Stage,
) -> None:
    """A11 pool full until deadline"""
    gate = asyncio.Event()

    async def behind_the_gate(turn: Turn) -> None:
        await gate.wait()
        await serve(turn)

    async with stage.rig(limit=1, max_attempts=1) as rig:
        rig.gateway.scenes.append(behind_the_gate)
        first = asyncio.ensure_future(rig.create("order-1"))
        while rig.gateway.server.connections == 0:
            await asyncio.sleep(0)
        late = rig.client.create_link(order("order-2"), timeout=SHORT)
        error = await rig.failure(late)
        gate.set()
        await first

        assert type(error) is NotSentError
        assert rig.first("order-2") == (Outcome.NOT_SENT, "NotSentError")
        assert rig.gateway.names == [CREATE]
        await rig.still_works()


async def test_a_dead_address_is_passed_over(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A12 first of two addresses dead"""
    names(monkeypatch, lambda _: ["127.0.0.2", "127.0.0.1"])
    port = free_port()
    clock = BriskClock()
    async with (
        dropping("127.0.0.2", port),
        stage.rig(
            Gateway(clock, port=port),
            clock=clock,
            base_url=f"http://localhost:{port}{PATH}",
            reach=("127.0.0.1", "127.0.0.2"),
        ) as rig,
    ):
        await rig.create()

        assert rig.first() == (None, None)
        assert rig.gateway.names == [CREATE]
        assert {host for host, _ in rig.contacts} == {"127.0.0.1", "127.0.0.2"}


@pytest.mark.parametrize("part", ["client", "transport"])
async def test_a_closed_client_says_so(stage: Stage, part: str) -> None:
    """A13 session already closed"""
    async with stage.rig() as rig:
        await (rig.client if part == "client" else rig.transport).aclose()
        error = await rig.failure(rig.create())

        assert type(error) is ClientStateError
        assert error.outcome is Outcome.NOT_SENT
        assert "closed" in str(error)
        assert rig.gateway.server.connections == 0


@pytest.mark.parametrize("bad", ["\r", "\n", "\r\nX: y", "\0", "\x7f", "\xe9"])
def test_a_token_that_could_split_a_header_is_refused(bad: str) -> None:
    """A14 CR/LF/NUL in a header value"""
    with pytest.raises(ConfigurationError) as caught:
        attrs.evolve(
            CONFIG, sp_merchant_no="SP1", merchant_auth_token=f"token-9431{bad}"
        )
    assert "token-9431" not in str(caught.value)


@pytest.mark.parametrize(
    "name",
    [
        "../x",
        "../../admin",
        "//h/x",
        "a?b",
        "a#b",
        "%2f",
        "x\r\nX: y",
        "",
        "x",
        "é" * 3,
    ],
)
async def test_an_operation_that_leads_elsewhere_is_not_called(
    stage: Stage, name: str
) -> None:
    """A15 operation names"""
    async with stage.rig() as rig:
        error = await rig.failure(rig.client.call_raw(name, {}, version="1.0"))

        assert type(error) is ValidationError
        assert isinstance(error, ValueError)
        assert rig.gateway.server.connections == 0


async def test_a_proxy_of_the_surroundings_is_not_used(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A16 HTTPS_PROXY set"""
    async with FaultServer(hold) as proxy:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
            monkeypatch.setenv(name.lower(), f"http://127.0.0.1:{proxy.port}")
        async with stage.rig() as rig:
            await rig.create()
            await rig.still_works()
            assert rig.gateway.names == [CREATE, QUERY]
        assert proxy.connections == 0
