"""The life of the aiohttp transport, what it sends, and what it refuses."""

from __future__ import annotations

import asyncio
import gc
import ssl
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import aiohttp
import pytest

from payermax_async.core.errors import (
    ClientStateError,
    ConfigurationError,
    NoReplyError,
    NotSentError,
)
from payermax_async.transport.aiohttp import AiohttpTransport
from payermax_async.transport.base import HttpRequest, Transport
from tests.faults.server import (
    Behaviour,
    Certificates,
    FaultServer,
    Wire,
    each,
    reply,
    reset_at_once,
    silence,
    whole,
)
from tests.transport.harness import BODY, call, nothing_left, opened, post

OK = reply(b"{}")
SHORT = 0.75


def unverified() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def nameless() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    return context


def outdated() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    return context


def session(*, trust_env: bool = False) -> aiohttp.ClientSession:
    """A session as the transport wants one."""
    return aiohttp.ClientSession(
        cookie_jar=aiohttp.DummyCookieJar(), trust_env=trust_env
    )


def test_it_is_a_transport_made_without_an_event_loop() -> None:
    transport = AiohttpTransport()
    assert isinstance(transport, Transport)
    assert repr(transport) == "<AiohttpTransport, not open>"


def test_settings_that_cannot_work_are_refused_at_once() -> None:
    with pytest.raises(ConfigurationError, match="limit must be more than 0"):
        AiohttpTransport(limit=0)
    with pytest.raises(ConfigurationError, match="connect_timeout"):
        AiohttpTransport(connect_timeout=0)
    with pytest.raises(ConfigurationError, match="max_body"):
        AiohttpTransport(max_body=-1)
    with pytest.raises(ConfigurationError, match="ca_file or ssl_context"):
        AiohttpTransport(ca_file="x.pem", ssl_context=ssl.create_default_context())
    with pytest.raises(ConfigurationError, match="minimum_version"):
        AiohttpTransport(ssl_context=outdated())


@pytest.mark.parametrize("make", [unverified, nameless])
def test_verification_cannot_be_switched_off(
    make: Callable[[], ssl.SSLContext],
) -> None:
    with pytest.raises(ConfigurationError, match="does not verify"):
        AiohttpTransport(ssl_context=make())


@pytest.mark.parametrize(
    "proxy",
    ["socks5://merchant:pass-9431@host:1", "pass-9431", "http://:pass-9431@/", "a b"],
)
def test_a_proxy_that_is_no_http_url_is_refused_unquoted(proxy: str) -> None:
    with pytest.raises(ConfigurationError, match=r"proxy is no http\(s\) URL") as info:
        AiohttpTransport(proxy=proxy)
    assert "9431" not in str(info.value)


async def test_it_sends_the_bytes_it_was_given_and_little_else() -> None:
    async with FaultServer(each(OK)) as server, opened(AiohttpTransport()) as transport:
        await call(transport, post(server.url))

    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    start, *lines = head.split(b"\r\n")
    assert start == b"POST /aggregate-pay/api/gateway/x HTTP/1.1"
    assert body == BODY
    sent = {
        name.lower(): value for name, _, value in (x.partition(b": ") for x in lines)
    }
    assert sent[b"accept-encoding"] == b"identity"
    assert sent[b"sign"] == b"c2ln"
    assert sent[b"content-length"] == str(len(BODY)).encode()
    assert set(sent) <= {
        b"host",
        b"content-type",
        b"sign",
        b"accept",
        b"accept-encoding",
        b"user-agent",
        b"content-length",
    }


async def test_repeated_headers_come_back_in_order() -> None:
    headers = ["sign: one", "X-Other: y", "Sign: two"]
    async with (
        FaultServer(each(reply(b"{}", headers=headers))) as server,
        opened(AiohttpTransport()) as transport,
    ):
        end = await call(transport, post(server.url))

    assert end.answer.header_values("SIGN") == ("one", "two")
    assert end.answer.headers[:3] == (
        ("sign", "one"),
        ("X-Other", "y"),
        ("Sign", "two"),
    )


async def test_cookies_are_not_kept() -> None:
    cookie = reply(b"{}", headers=["Set-Cookie: tracked=1"])
    async with (
        FaultServer(each(cookie, OK)) as server,
        opened(AiohttpTransport()) as transport,
    ):
        await call(transport, post(server.url))
        await call(transport, post(server.url))

    assert b"tracked" not in server.requests[1]


@pytest.mark.parametrize("force_close", [False, True])
async def test_connections_are_reused_unless_told_otherwise(force_close: bool) -> None:
    async with nothing_left(), FaultServer(each(OK, OK)) as server:
        async with opened(AiohttpTransport(force_close=force_close)) as transport:
            await call(transport, post(server.url))
            await call(transport, post(server.url))
        await server.quiet()

    assert server.connections == (2 if force_close else 1)
    assert (b"Connection: close" in server.requests[0]) is force_close


async def test_an_answer_nobody_asked_for_is_not_given_to_the_next_request() -> None:
    async def uninvited(wire: Wire) -> None:
        await wire.read_request()
        await wire.send(OK)
        await asyncio.sleep(0.05)  # apart from the first, or it breaks that one
        await wire.send(reply(b'{"for":"another"}'))
        wire.server.alarm.set()
        await wire.hold()

    async with (
        nothing_left(),
        FaultServer(uninvited, each(reply(b'{"own":1}'))) as server,
    ):
        async with opened(AiohttpTransport()) as transport:
            first = await call(transport, post(server.url))
            await server.alarm.wait()
            await asyncio.sleep(0.05)  # for it to arrive
            second = await call(transport, post(server.url))
        await server.quiet()

    assert first.answer.body == b"{}"
    assert second.answer.body == b'{"own":1}'
    assert server.connections == 2


async def test_forgotten_connections_are_not_used_again() -> None:
    async with nothing_left(), FaultServer(each(OK, OK, OK)) as server:
        async with opened(AiohttpTransport()) as transport:
            await call(transport, post(server.url))
            await call(transport, post(server.url))
            transport.forget_connections()
            await call(transport, post(server.url))
            await call(transport, post(server.url))
        await server.quiet()

    assert len(server.requests) == 4
    assert server.connections == 2


@pytest.mark.parametrize("race", [Wire.finish, reset_at_once], ids=["fin", "rst"])
async def test_a_kept_connection_that_ends_under_a_request_is_not_tried_again(
    race: Behaviour,
) -> None:
    async def keep(wire: Wire) -> None:
        await wire.read_request()
        await wire.send(OK)
        await wire.read_some()
        await race(wire)

    async with nothing_left(), FaultServer(keep) as server:
        async with opened(AiohttpTransport()) as transport:
            await call(transport, post(server.url))
            end = await call(transport, post(server.url))
        await server.quiet()

    assert isinstance(end.error, NoReplyError)
    assert end.sent == 1
    assert server.connections == 1


async def test_a_connection_that_ended_while_idle_is_replaced() -> None:
    async with (
        nothing_left(),
        FaultServer(whole(OK)) as server,
        opened(AiohttpTransport()) as transport,
    ):
        await call(transport, post(server.url))
        await server.quiet()
        await asyncio.sleep(0.05)  # for its end to arrive
        end = await call(transport, post(server.url))

    assert end.answer.body == b"{}"
    assert (server.connections, len(server.requests)) == (2, 2)


async def test_using_it_before_open_after_close_and_elsewhere_is_told() -> None:
    transport = AiohttpTransport()
    request = post("http://127.0.0.1:9/x")
    with pytest.raises(ClientStateError, match="not open"):
        await transport.send(request, timeout=1, on_sent=lambda: None)
    await transport.open()
    await transport.open()

    def elsewhere() -> None:
        with pytest.raises(ClientStateError, match="another event loop"):
            asyncio.run(call_send())
        with pytest.raises(ClientStateError, match="its own event loop"):
            asyncio.run(transport.aclose())

    async def call_send() -> None:
        await transport.send(request, timeout=1, on_sent=lambda: None)

    await asyncio.to_thread(elsewhere)
    await transport.aclose()
    await transport.aclose()
    for use in (transport.open(), call_send()):
        with pytest.raises(ClientStateError, match="closed"):
            await use
    assert repr(transport) == "<AiohttpTransport, closed>"


def test_one_that_outlived_its_event_loop_can_still_be_closed() -> None:
    transport = AiohttpTransport()
    asyncio.run(transport.open())

    async def later() -> None:
        with pytest.raises(ClientStateError, match="another event loop"):
            await transport.open()
        await transport.aclose()

    asyncio.run(later())
    gc.collect()  # an unclosed session would warn now


async def test_closing_what_was_never_opened_is_fine() -> None:
    transport = AiohttpTransport()
    await transport.aclose()
    with pytest.raises(ClientStateError, match="closed"):
        await transport.open()


@pytest.mark.parametrize("content", [None, b"no certificate"])
async def test_a_ca_file_that_is_none_is_told_when_opening(
    content: bytes | None, tmp_path: Path
) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    transport = AiohttpTransport(ca_file=path)
    with pytest.raises(ConfigurationError, match="ca_file"):
        await transport.open()
    await transport.aclose()


async def test_what_on_sent_raises_keeps_the_request_here_and_comes_out() -> None:
    full = OSError(28, "No space left on device")

    def journal() -> None:
        raise full

    async with nothing_left(), FaultServer(each(OK)) as server:
        async with opened(AiohttpTransport()) as transport:
            with pytest.raises(OSError, match="No space left") as info:
                await transport.send(post(server.url), timeout=20, on_sent=journal)
        await server.quiet()

    assert info.value is full
    assert server.requests == []


async def test_on_sent_comes_before_the_first_byte() -> None:
    """aiohttp does not document when ``on_request_headers_sent`` is awaited.

    Whether a payment may have been made hangs on it, so it is pinned here: while
    a handler of that event has not returned, the server has not got one byte.
    """
    got: list[bytes] = []
    asked = asyncio.Event()

    async def watch(wire: Wire) -> None:
        got.append(await wire.read_some())
        await wire.hold()

    async def hesitate(*_: object) -> None:
        asked.set()
        await asyncio.sleep(0.2)  # a byte written before would be there by now
        assert got == []
        raise KeyError("changed my mind")

    trace = aiohttp.TraceConfig()
    trace.on_request_headers_sent.append(hesitate)
    async with nothing_left(), FaultServer(watch) as server:
        async with aiohttp.ClientSession(trace_configs=[trace]) as plain:
            with pytest.raises(KeyError, match="changed my mind"):
                await plain.post(server.url, data=BODY)
        await server.quiet()

    assert asked.is_set()
    assert got == []


# What is injected


async def test_an_injected_session_is_watched_used_and_left_open() -> None:
    async with (
        nothing_left(),
        session() as own,
        FaultServer(each(OK), silence) as server,
    ):
        async with opened(AiohttpTransport(session=own)) as transport:
            fine = await call(transport, post(server.url))
            server.end_all()
            await server.quiet()
            late = await call(transport, post(server.url), timeout=SHORT)
        assert not own.closed
        assert own.trace_configs == []

    assert fine.answer.body == b"{}"
    assert fine.sent == 1
    assert isinstance(late.error, NoReplyError)


async def test_an_injected_session_that_sends_nothing_is_seen_to() -> None:
    async with session() as own, opened(AiohttpTransport(session=own)) as transport:
        end = await call(transport, post("http://127.0.0.1:1/x"))

    assert type(end.error) is NotSentError
    assert end.sent == 0


async def test_two_transports_can_share_a_session() -> None:
    async with session() as own, FaultServer(each(OK, OK)) as server:
        one, two = AiohttpTransport(session=own), AiohttpTransport(session=own)
        async with opened(one), opened(two):
            ends = [
                await call(one, post(server.url)),
                await call(two, post(server.url)),
            ]

    assert [end.sent for end in ends] == [1, 1]


async def test_foreign_requests_of_an_injected_session_are_not_disturbed() -> None:
    seen: list[object] = []

    async def start(_: object, context: SimpleNamespace, __: object) -> None:
        seen.append(context.trace_request_ctx)

    theirs = aiohttp.TraceConfig()
    theirs.on_request_start.append(start)
    own = aiohttp.ClientSession(
        cookie_jar=aiohttp.DummyCookieJar(), trace_configs=[theirs]
    )
    async with own, FaultServer(each(OK)) as server:
        async with (
            opened(AiohttpTransport(session=own)),
            own.post(server.url, trace_request_ctx={"mine": 1}) as answer,
        ):
            assert await answer.read() == b"{}"
        assert own.trace_configs == [theirs]

    assert seen == [{"mine": 1}]


async def test_an_injected_session_must_not_weaken_the_transport() -> None:
    async with (
        aiohttp.ClientSession() as with_cookies,
        session(trust_env=True) as env,
    ):
        with pytest.raises(ConfigurationError, match="DummyCookieJar"):
            AiohttpTransport(session=with_cookies)
        with pytest.raises(ConfigurationError, match="trust_env=False"):
            AiohttpTransport(session=env)
    async with session() as own, aiohttp.TCPConnector() as connector:
        with pytest.raises(ConfigurationError, match="session or connector"):
            AiohttpTransport(session=own, connector=connector)
        with pytest.raises(ConfigurationError, match="force_close is up to"):
            AiohttpTransport(session=own, force_close=True)


async def test_an_injected_session_is_hardened_for_each_request() -> None:
    """Its defaults follow redirects, unpack, retry by middleware and raise."""
    calls: list[str] = []

    async def twice(
        request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        calls.append("middleware")
        return await handler(request)

    moved = reply(b"", status="302 Moved", headers=["Location: /elsewhere"])
    own = aiohttp.ClientSession(
        cookie_jar=aiohttp.DummyCookieJar(),
        middlewares=[twice],
        raise_for_status=True,
        timeout=aiohttp.ClientTimeout(total=0.001),
    )
    refused = reply(b"no", status="500 Broken")
    zipped = reply(b"x", headers=["Content-Encoding: gzip"])
    async with (
        own,
        FaultServer(each(moved, refused, zipped)) as server,
        opened(AiohttpTransport(session=own)) as transport,
    ):
        ends = [await call(transport, post(server.url)) for _ in range(3)]

    assert [end.response and end.response.status for end in ends] == [302, 500, None]
    assert "compressed" in str(ends[2].failure)
    assert calls == []


async def test_an_unverifying_connector_is_overruled() -> None:
    connector = aiohttp.TCPConnector(ssl=False)
    server_side = Certificates().server()
    async with connector, FaultServer(each(OK), tls=server_side) as server:
        async with opened(AiohttpTransport(connector=connector)) as transport:
            end = await call(transport, post(server.url))
        await server.quiet()

    assert "certificate" in str(end.failure)
    assert server.requests == []


async def test_an_injected_connector_is_left_open() -> None:
    async with (
        nothing_left(),
        aiohttp.TCPConnector() as connector,
        FaultServer(each(OK)) as server,
    ):
        async with opened(AiohttpTransport(connector=connector)) as transport:
            end = await call(transport, post(server.url))
        assert not connector.closed

    assert end.answer.body == b"{}"


async def test_a_session_that_its_owner_closed_is_told() -> None:
    own = session()
    transport = AiohttpTransport(session=own)
    await transport.open()
    await own.close()
    with pytest.raises(ClientStateError, match="session was closed"):
        await transport.send(post("http://h/"), timeout=1, on_sent=lambda: None)
    await transport.aclose()


async def test_a_session_of_another_event_loop_is_told() -> None:
    async def make() -> aiohttp.ClientSession:
        own = session()
        await own.close()
        return own

    own = await asyncio.to_thread(asyncio.run, make())
    with pytest.raises(ClientStateError, match="another event loop"):
        await AiohttpTransport(session=own).open()


@pytest.mark.parametrize(
    "request_",
    [
        HttpRequest(url="http://h/x", headers=(("sign", "a\r\nX: b"),), body=b""),
        HttpRequest(url="http://u:p@h/x", body=b""),
    ],
)
async def test_a_request_that_is_not_safe_to_send_is_refused(
    request_: HttpRequest,
) -> None:
    async with opened(AiohttpTransport()) as transport:
        end = await call(transport, request_)

    assert isinstance(end.error, ConfigurationError)
    assert end.sent == 0


@pytest.mark.parametrize(
    ("url", "direct", "by_proxy"),
    [
        ("https://gateway.test/x", True, True),
        ("https://127.0.0.1:8/x", True, True),
        ("http://127.0.0.1:8/x", True, False),
        ("http://[::1]/x", True, False),
        ("http://localhost/x", True, False),
        ("http://gateway.test/x", False, False),
        ("http://127.0.0.1.gateway.test/x", False, False),
    ],
)
def test_only_tls_and_this_machine_are_vouched_for(
    url: str, direct: bool, by_proxy: bool
) -> None:
    assert AiohttpTransport().vouches_for(url) is direct
    proxied = AiohttpTransport(proxy="http://proxy.test:3128")
    assert proxied.vouches_for(url) is by_proxy
