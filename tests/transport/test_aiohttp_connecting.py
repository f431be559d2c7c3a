"""Everything that can fail before the first byte: it must be NOT_SENT."""

from __future__ import annotations

import asyncio
import copy
import json
import pickle
import socket
import ssl
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from payermax_async.core.errors import NotSentError, Outcome, TlsError
from payermax_async.transport.aiohttp import AiohttpTransport
from tests.faults.server import (
    Behaviour,
    Certificates,
    FaultServer,
    Wire,
    close_at_once,
    each,
    hold,
    only_tls_1_1,
    reply,
    reset_at_once,
    silence,
    whole,
)
from tests.transport.harness import (
    call,
    closed_but,
    nothing_left,
    opened,
    post,
    reachable,
    sockets,
)
from tests.transport.names import RESOLVERS, names, use_resolver

OK = reply(b"{}")
SHORT = 0.75
PASSWORD = "pass-9431"


@pytest.fixture(scope="module")
def certificates() -> Certificates:
    return Certificates()


@pytest.fixture(params=RESOLVERS)
def resolver(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    use_resolver(monkeypatch, str(request.param))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def test_a_refused_connection_sends_nothing() -> None:
    url = f"http://127.0.0.1:{free_port()}/x"
    async with nothing_left(), opened(AiohttpTransport()) as transport:
        end = await call(transport, post(url))

    assert type(end.failure) is NotSentError
    assert end.failure.outcome is Outcome.NOT_SENT
    assert end.sent == 0
    assert isinstance(end.failure.__cause__, ConnectionRefusedError)


async def test_a_call_succeeds_once_the_port_is_open() -> None:
    port = free_port()
    async with nothing_left(), opened(AiohttpTransport()) as transport:
        first = await call(transport, post(f"http://127.0.0.1:{port}/x"))
        async with FaultServer(each(OK), port=port) as server:
            second = await call(transport, post(server.url))

    assert isinstance(first.error, NotSentError)
    assert second.answer.body == b"{}"


@pytest.mark.usefixtures("resolver")
async def test_an_unknown_name_sends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    unknown = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    names(monkeypatch, lambda host: unknown)
    async with nothing_left(), opened(AiohttpTransport()) as transport:
        end = await call(transport, post("http://gateway.example/x"))

    assert type(end.failure) is NotSentError
    assert "Name or service not known" in str(end.failure)
    assert end.sent == 0


@pytest.mark.usefixtures("resolver")
async def test_a_resolver_that_hangs_ends_at_the_connect_timeout(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with (
        nothing_left(),
        FaultServer(each(OK, OK)) as server,
        opened(AiohttpTransport(connect_timeout=SHORT)) as transport,
    ):
        await call(transport, post(server.url))
        names(monkeypatch, lambda host: None)
        stuck = asyncio.ensure_future(
            call(transport, post("http://gateway.example/x"), timeout=20)
        )
        meanwhile = await call(transport, post(server.url))
        end = await stuck

    assert meanwhile.answer.body == b"{}"
    assert type(end.failure) is NotSentError
    assert "its name was not resolved" in str(end.failure)
    assert end.sent == 0


async def test_a_host_that_answers_no_handshake_ends_at_the_connect_timeout() -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        port: int = deaf.getsockname()[1]
        # With its queue full, Linux drops every further SYN.
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        try:
            async with opened(AiohttpTransport(connect_timeout=SHORT)) as transport:
                url = f"http://127.0.0.1:{port}/x"
                end = await call(transport, post(url), timeout=20)
        finally:
            for filler in fillers:
                filler.close()

    assert type(end.failure) is NotSentError
    assert "could not be connected to in time" in str(end.failure)
    assert end.sent == 0


@pytest.mark.usefixtures("resolver")
async def test_the_second_address_is_tried_when_the_first_is_dead(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names(monkeypatch, lambda host: ["127.0.0.2", "127.0.0.1"])
    async with (
        nothing_left(),
        FaultServer(each(OK)) as server,
        opened(AiohttpTransport()) as transport,
    ):
        url = f"http://gateway.example:{server.port}/x"
        end = await call(transport, post(url))

    assert end.answer.body == b"{}"


async def test_waiting_for_a_free_connection_sends_nothing() -> None:
    async with nothing_left(), FaultServer(silence) as server:
        async with opened(AiohttpTransport(limit=1)) as transport:
            first = asyncio.ensure_future(call(transport, post(server.url)))
            await server.received(1)
            second = await call(transport, post(server.url), timeout=SHORT)
        await first

    assert type(second.failure) is NotSentError
    assert second.sent == 0
    assert len(server.requests) == 1


async def test_closing_sends_nothing_for_those_who_wait() -> None:
    async with nothing_left(), FaultServer(silence) as server:
        async with opened(AiohttpTransport(limit=1)) as transport:
            first = asyncio.ensure_future(call(transport, post(server.url)))
            await server.received(1)
            second = asyncio.ensure_future(call(transport, post(server.url)))
            await asyncio.sleep(0)
        ends = [await first, await second]

    assert [end.sent for end in ends] == [1, 0]
    assert type(ends[1].failure) is NotSentError
    assert len(server.requests) == 1


async def test_a_call_cancelled_while_it_waits_is_cancelled() -> None:
    async with nothing_left(), FaultServer(silence) as server:
        async with opened(AiohttpTransport(limit=1)) as transport:
            first = asyncio.ensure_future(call(transport, post(server.url)))
            await server.received(1)
            second = asyncio.ensure_future(call(transport, post(server.url)))
            await asyncio.sleep(0)
            second.cancel()
            with pytest.raises(asyncio.CancelledError):
                await second
        await first

    assert len(server.requests) == 1


async def test_proxies_of_the_environment_are_ignored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    async with (
        nothing_left(),
        FaultServer(each(OK)) as server,
        opened(AiohttpTransport()) as transport,
    ):
        end = await call(transport, post(server.url))

    assert end.answer.body == b"{}"


async def test_a_proxy_is_used_when_asked_for() -> None:
    async with (
        nothing_left(),
        FaultServer(each(OK)) as proxy,
        opened(AiohttpTransport(proxy=f"http://127.0.0.1:{proxy.port}")) as transport,
    ):
        end = await call(transport, post("http://gateway.example/x"))

    assert end.answer.body == b"{}"
    assert proxy.requests[0].startswith(b"POST http://gateway.example/x HTTP/1.1")


@pytest.mark.parametrize("answer", [b"HTTP/1.1 407 Who\r\n\r\n", b"garbage\r\n\r\n"])
async def test_a_proxy_that_opens_no_tunnel_sends_nothing(answer: bytes) -> None:
    async with nothing_left(), FaultServer(whole(answer)) as proxy:
        secret = f"http://merchant:pass-9431@127.0.0.1:{proxy.port}"
        async with opened(AiohttpTransport(proxy=secret)) as transport:
            end = await call(transport, post("https://gateway.example/x"))
        await proxy.quiet()

    assert type(end.failure) is NotSentError
    assert end.sent == 0
    assert proxy.requests[0].startswith(b"CONNECT gateway.example:443 HTTP/1.1")
    told = [repr(e) + str(e) + repr(e.args) for e in reachable(end.failure)]
    assert "pass-9431" not in "".join([*told, repr(transport)])


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_call_that_is_cancelled_shows_no_password_of_a_proxy(
    scheme: str,
) -> None:
    async with nothing_left(), FaultServer(silence) as proxy:
        secret = f"http://merchant:{PASSWORD}@127.0.0.1:{proxy.port}"
        async with opened(AiohttpTransport(proxy=secret)) as transport:
            del secret
            request = post(f"{scheme}://gateway.example/x")
            task = asyncio.create_task(
                transport.send(request, timeout=60, on_sent=lambda: None)
            )
            while not proxy.requests:
                await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError) as info:
                await task
    assert PASSWORD not in shown_with_locals(info.value)


async def test_a_defect_of_the_caller_shows_no_password_of_a_proxy() -> None:
    def on_sent() -> None:
        raise LookupError("a defect")

    async with nothing_left(), FaultServer(each(OK)) as proxy:
        secret = f"http://merchant:{PASSWORD}@127.0.0.1:{proxy.port}"
        async with opened(AiohttpTransport(proxy=secret)) as transport:
            del secret
            with pytest.raises(LookupError) as info:
                await transport.send(
                    post("http://gateway.example/x"), timeout=60, on_sent=on_sent
                )
    assert PASSWORD not in shown_with_locals(info.value)


def shown_with_locals(error: BaseException) -> str:
    told = traceback.TracebackException.from_exception(error, capture_locals=True)
    return "".join(told.format())


@pytest.mark.parametrize("how", [copy.copy, copy.deepcopy])
def test_a_transport_shows_no_password_of_a_proxy(
    how: Callable[[AiohttpTransport], AiohttpTransport],
) -> None:
    made = how(AiohttpTransport(proxy=f"http://merchant:{PASSWORD}@127.0.0.1:1"))
    told = [repr(made), str(made), f"{made}", repr(vars(made))]
    told.append(json.dumps(vars(made), default=repr))
    assert PASSWORD not in "".join(told)


def test_a_transport_that_cannot_be_pickled_says_so_without_the_password() -> None:
    made = AiohttpTransport(proxy=f"http://merchant:{PASSWORD}@127.0.0.1:1")
    with pytest.raises(TypeError) as info:
        pickle.dumps(made)
    assert PASSWORD not in shown_with_locals(info.value)


async def test_a_good_certificate_of_your_own_authority_is_accepted(
    certificates: Certificates, tmp_path: Path
) -> None:
    ca_file = tmp_path / "authority.pem"
    ca_file.write_bytes(certificates.pem)
    for transport in (
        AiohttpTransport(ca_file=ca_file),
        AiohttpTransport(ssl_context=certificates.client()),
    ):
        async with (
            nothing_left(),
            FaultServer(each(OK, OK), tls=certificates.server()) as server,
        ):
            async with opened(transport):
                first = await call(transport, post(server.url))
                second = await call(transport, post(server.url))
            await server.quiet()

        assert (first.answer.body, second.answer.body) == (b"{}", b"{}")
        assert server.connections == 1


TLS_FAULTS: tuple[tuple[str, Callable[[Certificates], ssl.SSLContext], str], ...] = (
    ("unknown-authority", lambda _: Certificates().server(), "unable to get local"),
    ("another-name", lambda own: own.server("other.example"), "mismatch"),
    ("expired", lambda own: own.server(expired=True), "certificate has expired"),
)


@pytest.mark.parametrize(
    ("server_context", "reason"),
    [(make, reason) for _, make, reason in TLS_FAULTS],
    ids=[name for name, _, _ in TLS_FAULTS],
)
async def test_a_gateway_that_cannot_prove_itself_gets_nothing(
    certificates: Certificates,
    server_context: Callable[[Certificates], ssl.SSLContext],
    reason: str,
) -> None:
    async with (
        nothing_left(),
        FaultServer(each(OK), tls=server_context(certificates)) as server,
    ):
        transport = AiohttpTransport(ssl_context=certificates.client())
        async with opened(transport):
            end = await call(transport, post(server.url))
        await server.quiet()

    assert type(end.failure) is TlsError
    assert end.failure.outcome is Outcome.NOT_SENT
    assert reason in str(end.failure)
    assert end.sent == 0
    assert server.requests == []
    kinds = {type(error).__module__ for error in reachable(end.failure)}
    assert not [kind for kind in kinds if kind.startswith("aiohttp")]


async def test_a_gateway_that_knows_only_tls_1_1_gets_nothing(
    certificates: Certificates,
) -> None:
    async with (
        nothing_left(),
        FaultServer(only_tls_1_1) as server,
        opened(AiohttpTransport(ssl_context=certificates.client())) as transport,
    ):
        secure = server.url.replace("http:", "https:")
        end = await call(transport, post(secure))

    assert type(end.failure) is TlsError
    assert "protocol version" in str(end.failure)
    assert end.sent == 0


async def test_plain_http_on_the_tls_port_gets_nothing(
    certificates: Certificates,
) -> None:
    async with nothing_left(), FaultServer(lambda wire: wire.send(OK)) as server:
        transport = AiohttpTransport(ssl_context=certificates.client())
        async with opened(transport):
            secure = server.url.replace("http:", "https:")
            end = await call(transport, post(secure))
        await server.quiet()

    assert isinstance(end.failure, NotSentError)
    assert end.sent == 0


@pytest.mark.parametrize("behaviour", [hold, close_at_once, reset_at_once])
async def test_a_tls_handshake_that_gets_no_further_sends_nothing(
    certificates: Certificates, behaviour: Behaviour
) -> None:
    async with nothing_left(), FaultServer(behaviour) as server:
        transport = AiohttpTransport(
            ssl_context=certificates.client(), connect_timeout=SHORT
        )
        async with opened(transport):
            secure = server.url.replace("http:", "https:")
            end = await call(transport, post(secure), timeout=20)
        await server.quiet()

    assert isinstance(end.failure, NotSentError)
    assert end.sent == 0


async def deaf(wire: Wire) -> None:
    """Read the request and then nothing, not even that TLS is to be closed."""
    await wire.read_request()
    await wire.go_deaf()


async def test_a_gateway_deaf_to_the_end_of_tls_leaves_nothing_behind(
    certificates: Certificates,
) -> None:
    transport = AiohttpTransport(ssl_context=certificates.client())
    async with nothing_left(), FaultServer(deaf, tls=certificates.server()) as server:
        before = sockets()
        async with opened(transport):
            end = await call(transport, post(server.url), timeout=SHORT)
        await closed_but(len(before) + 1)  # the server's end
        assert end.failure.outcome is Outcome.UNKNOWN
        assert end.sent == 1


async def test_nothing_is_sent_while_the_last_connections_end(
    certificates: Certificates,
) -> None:
    """A connection that ends at once makes room for one who waits."""
    transport = AiohttpTransport(limit=2, ssl_context=certificates.client())
    async with (
        nothing_left(),
        FaultServer(deaf, tls=certificates.server()) as slow,
        FaultServer(silence) as quick,
    ):
        async with opened(transport):
            tasks = [asyncio.ensure_future(call(transport, post(slow.url)))]
            await slow.received(1)
            tasks.append(asyncio.ensure_future(call(transport, post(quick.url))))
            await quick.received(1)
            tasks.append(asyncio.ensure_future(call(transport, post(quick.url))))
            await asyncio.sleep(0)
        ends = await asyncio.gather(*tasks)

    assert [end.sent for end in ends] == [1, 1, 0]
    assert type(ends[2].failure) is NotSentError
    assert len(quick.requests) == 1


async def test_closing_before_a_connection_stands_is_not_a_cancellation() -> None:
    """aiohttp cancels those who wait for the pool that it closes."""
    transport = AiohttpTransport(limit=1)
    async with nothing_left(), FaultServer(hold) as server:
        secure = server.url.replace("http:", "https:")
        async with opened(transport):
            connecting = asyncio.ensure_future(call(transport, post(secure)))
            while not server.connections:
                await asyncio.sleep(0)
            waiting = asyncio.ensure_future(call(transport, post(secure)))
            await asyncio.sleep(0)
        end = await waiting
        connecting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await connecting

    assert type(end.failure) is NotSentError
    assert end.sent == 0
