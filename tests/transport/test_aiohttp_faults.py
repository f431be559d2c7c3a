"""What the network and the gateway can do, and what the transport makes of it."""

from __future__ import annotations

import asyncio
import tracemalloc

import attrs
import pytest

from payermax_async.core.errors import (
    NoReplyError,
    Outcome,
    PayerMaxError,
    ReplyTooLargeError,
    UnreadableReplyError,
)
from payermax_async.transport.aiohttp import AiohttpTransport
from tests.faults.server import (
    Behaviour,
    FaultServer,
    Wire,
    before_reading,
    close_at_once,
    drip,
    flood,
    half,
    hold,
    reply,
    reset_at_once,
    silence,
    whole,
)
from tests.transport.harness import (
    HOLDS_WRITES_BACK,
    call,
    nothing_left,
    opened,
    post,
    reachable,
)

OK = reply(b"{}")
SHORT = 0.75
"""Deadline, in seconds, of the rows that can only end by it."""


def chunked(body: bytes) -> bytes:
    return reply(body, headers=["Transfer-Encoding: chunked"], length=None)


def headed(*headers: str, body: bytes = b"{}", length: int | None = -1) -> bytes:
    return reply(body, headers=headers, length=length)


@attrs.frozen
class Fault:
    """A behaviour of the server and how the call must fail."""

    name: str
    behaviour: Behaviour
    error: type[PayerMaxError] = NoReplyError
    received: int = 1
    """Whole requests the server gets."""
    timeout: float = 20.0


FAULTS = (
    Fault("accepted-then-fin", close_at_once, received=0),
    Fault("accepted-then-rst", reset_at_once, received=0),
    Fault("fin-after-half-the-request", half(Wire.finish), received=0),
    Fault("rst-after-half-the-request", half(reset_at_once), received=0),
    Fault("fin-after-the-request", whole(b"")),
    Fault("rst-after-the-request", whole(b"", reset_at_once)),
    Fault("silence-after-the-request", silence, timeout=SHORT),
    Fault("headers-dripped", drip(b"", OK, 0.1), timeout=SHORT),
    Fault("body-dripped", drip(headed(length=99), b"x" * 97, 0.1), timeout=SHORT),
    Fault("headers-then-silence", whole(headed(length=9), hold), timeout=SHORT),
    Fault(
        "continue-for-ever",
        flood(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        timeout=SHORT,
    ),
    Fault(
        "endless-body", flood(headed(length=None), b"x" * 65_536), ReplyTooLargeError
    ),
    Fault(
        "endless-chunks",
        flood(chunked(b""), b"10000\r\n" + b"x" * 65_536 + b"\r\n"),
        ReplyTooLargeError,
    ),
    Fault("body-shorter-than-its-length", whole(headed(length=9))),
    Fault("rst-in-the-body", whole(headed(length=9), reset_at_once)),
    Fault("last-chunk-missing", whole(chunked(b"2\r\n{}\r\n"))),
    Fault("chunk-size-no-number", whole(chunked(b"zz\r\n{}\r\n0\r\n\r\n"), hold)),
    Fault("chunk-without-line-end", whole(chunked(b"2\r\n{}XX0\r\n\r\n"), hold)),
    Fault("chunk-size-overflow", whole(chunked(b"f" * 21 + b"\r\n{}\r\n"), hold)),
    Fault("body-longer-than-its-length", whole(reply(b"{}xyz", length=2), hold)),
    Fault("two-lengths-that-differ", whole(headed("Content-Length: 3"), hold)),
    Fault("two-lengths-that-agree", whole(headed("Content-Length: 2"), hold)),
    Fault(
        "length-and-chunks",
        whole(headed("Transfer-Encoding: chunked", body=b"0\r\n\r\n"), hold),
    ),
    Fault("length-negative", whole(headed("Content-Length: -1", length=None), hold)),
    Fault("length-no-number", whole(headed("Content-Length: abc", length=None), hold)),
    Fault(
        "gzip-unasked-for",
        whole(headed("Content-Encoding: gzip"), hold),
        UnreadableReplyError,
    ),
    Fault(
        "second-coding-hidden-behind-identity",
        whole(headed("Content-Encoding: identity", "Content-Encoding: br"), hold),
        UnreadableReplyError,
    ),
    Fault(
        "gzip-bomb-is-not-read",
        flood(
            headed("Content-Encoding: gzip", body=b"\x1f\x8b\x08", length=None),
            b"\0" * 65_536,
        ),
        UnreadableReplyError,
    ),
    Fault("garbage-for-a-status-line", whole(b"garbage\r\n\r\n", hold)),
    Fault("html-without-http", whole(b"<html>gone</html>", hold)),
    Fault("http-3.7", whole(OK.replace(b"HTTP/1.1", b"HTTP/3.7"), hold)),
    Fault("status-of-two-digits", whole(reply(status="99 Odd"), hold)),
    Fault("header-of-9000-bytes", whole(headed("X: " + "a" * 9000), hold)),
    Fault(
        "ten-thousand-headers",
        whole(headed(*(f"X{number}: a" for number in range(10_000))), hold),
    ),
    Fault("nul-in-a-header", whole(headed("X: a\0b"), hold)),
    Fault("blank-before-a-colon", whole(headed("X : b"), hold)),
)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
async def test_a_fault_after_sending_leaves_the_outcome_unknown(fault: Fault) -> None:
    async with nothing_left(), FaultServer(fault.behaviour) as server:
        async with opened(AiohttpTransport()) as transport:
            end = await call(transport, post(server.url), timeout=fault.timeout)
        await server.quiet()

    assert type(end.failure) is fault.error
    assert end.failure.outcome is Outcome.UNKNOWN
    assert end.sent == 1
    assert (server.connections, len(server.requests)) == (1, fault.received)


@attrs.frozen
class Oddity:
    """A behaviour that is odd, yet a whole answer for the layers above."""

    name: str
    behaviour: Behaviour
    status: int = 200
    body: bytes = b"{}"
    early: bool = False
    """Whether it is there before the request."""


ODDITIES = (
    Oddity("one-byte-at-a-time", drip(b"", OK, 0.0)),
    Oddity("early-hints-first", whole(b"HTTP/1.1 103 Early\r\nLink: x\r\n\r\n" + OK)),
    Oddity("answered-before-the-request-was-read", before_reading(OK), early=True),
    # Only the signature can tell that this body was cut off.
    Oddity(
        "cut-off-without-a-length", whole(reply(b'{"co', length=None)), body=b'{"co'
    ),
    Oddity("identity-named", whole(headed("Content-Encoding: identity"), hold)),
    Oddity(
        "switching-protocols",
        whole(
            b"HTTP/1.1 101 Switching Protocols\r\n"
            b"Connection: upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x02hi",
            hold,
        ),
        status=101,
        body=b"",
    ),
    Oddity("status-999", whole(reply(status="999 Odd"), hold), status=999),
    Oddity("empty", whole(reply(b""), hold), body=b""),
    Oddity(
        "no-content",
        whole(reply(b"", status="204 No Content", length=None), hold),
        status=204,
        body=b"",
    ),
    Oddity(
        "html",
        whole(reply(b"<html/>", headers=["Content-Type: text/html"]), hold),
        body=b"<html/>",
    ),
    Oddity(
        "bad-gateway",
        whole(reply(b"<html/>", status="502 Bad Gateway"), hold),
        status=502,
        body=b"<html/>",
    ),
    Oddity(
        "utf-16-claimed",
        whole(headed("Content-Type: application/json; charset=utf-16"), hold),
    ),
)


@pytest.mark.parametrize("oddity", ODDITIES, ids=lambda oddity: oddity.name)
async def test_an_odd_answer_comes_back_as_it_is(oddity: Oddity) -> None:
    async with nothing_left(), FaultServer(oddity.behaviour) as server:
        async with opened(AiohttpTransport()) as transport:
            end = await call(transport, post(server.url))
        await server.quiet()

    assert (end.answer.status, end.answer.body) == (oddity.status, oddity.body)
    assert end.sent == 1
    assert len(server.requests) == (0 if oddity.early and HOLDS_WRITES_BACK else 1)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(status: int) -> None:
    async with nothing_left(), FaultServer(whole(OK)) as elsewhere:
        moved = reply(
            b"", status=f"{status} Moved", headers=[f"Location: {elsewhere.url}"]
        )
        async with (
            FaultServer(whole(moved, hold)) as server,
            opened(AiohttpTransport()) as transport,
        ):
            end = await call(transport, post(server.url))

    assert end.answer.status == status
    assert elsewhere.connections == 0


async def test_an_endless_body_costs_no_more_than_the_limit_and_buffers() -> None:
    block = b"x" * 65_536
    async with (
        nothing_left(),
        FaultServer(flood(headed(length=None), block)) as server,
        opened(AiohttpTransport()) as transport,
    ):
        request = post(server.url)
        tracemalloc.start()
        try:
            end = await call(transport, request)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

    assert isinstance(end.error, ReplyTooLargeError)
    assert peak < 2 * 2**20


@pytest.mark.parametrize(("size", "fits"), [(4096, True), (4097, False)])
@pytest.mark.parametrize("declared", [True, False])
async def test_the_limit_is_exact(size: int, fits: bool, declared: bool) -> None:
    data = reply(b"x" * size, length=-1 if declared else None)
    async with (
        nothing_left(),
        FaultServer(whole(data)) as server,
        opened(AiohttpTransport(max_body=4096)) as transport,
    ):
        end = await call(transport, post(server.url))

    assert (end.response is not None) is fits
    assert isinstance(end.error, ReplyTooLargeError) is not fits


async def test_no_error_refers_to_one_of_aiohttp() -> None:
    """aiohttp's hold the headers of the request, ``sign`` among them."""
    seen: set[type[BaseException]] = set()
    for fault in FAULTS:
        if fault.timeout == SHORT:
            continue
        async with (
            FaultServer(fault.behaviour) as server,
            opened(AiohttpTransport()) as transport,
        ):
            end = await call(transport, post(server.url))
        seen |= {type(error) for error in reachable(end.failure)}

    assert seen >= {NoReplyError, ReplyTooLargeError, ConnectionResetError}
    assert not [kind for kind in seen if kind.__module__.startswith("aiohttp")]


async def test_a_cancelled_call_closes_its_connection_and_the_next_is_clean() -> None:
    async with nothing_left(), FaultServer(silence, whole(OK, hold)) as server:
        async with opened(AiohttpTransport()) as transport:
            left = asyncio.Event()
            task = asyncio.ensure_future(
                transport.send(post(server.url), timeout=20, on_sent=left.set)
            )
            await left.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            end = await call(transport, post(server.url))
        await server.quiet()

    assert end.answer.body == b"{}"
    assert server.connections == 2


async def test_a_call_that_ran_out_of_time_closes_its_connection() -> None:
    late = whole(b"", hold)
    async with (
        nothing_left(),
        FaultServer(late, whole(OK, hold)) as server,
        opened(AiohttpTransport()) as transport,
    ):
        first = await call(transport, post(server.url), timeout=SHORT)
        second = await call(transport, post(server.url))

    assert isinstance(first.error, NoReplyError)
    assert "in time" in str(first.error)
    assert first.error.__cause__ is None
    assert second.answer.body == b"{}"
    assert server.connections == 2


async def test_a_call_in_flight_at_the_end_is_unknown() -> None:
    async with nothing_left(), FaultServer(silence) as server:
        transport = AiohttpTransport()
        await transport.open()
        task = asyncio.ensure_future(call(transport, post(server.url)))
        await server.received(1)
        await transport.aclose()
        end = await task

    assert isinstance(end.error, NoReplyError)
    assert end.sent == 1
