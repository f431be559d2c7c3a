"""Answers that are framed wrongly, cut off, endless, compressed or odd."""

from __future__ import annotations

import asyncio
import gzip
import tracemalloc
from collections.abc import Callable

import attrs
import pytest

from payermax_async.core.errors import (
    HttpStatusError,
    NoReplyError,
    Outcome,
    PayerMaxError,
    ReplySignatureError,
    ReplyTooLargeError,
    UnreadableReplyError,
)
from tests.faults.gateway import Answer, Turn, spoken
from tests.faults.rig import CREATE, LONG, QUERY, SETTLED, SHORT, Stage
from tests.faults.server import Behaviour, Wire, hold, reset_at_once
from tests.pipeline.gateway import order
from tests.transport.harness import HOLDS_WRITES_BACK

Speak = Callable[[Answer], bytes]


def chunked(*pieces: bytes) -> Speak:
    """The answer's head, followed by these bytes as chunks."""
    return lambda answer: answer.http(
        "Transfer-Encoding: chunked", body=b"".join(pieces), length=None
    )


def headed(*headers: str, length: int | None = -1) -> Speak:
    """The genuine answer with headers that do not belong there."""
    return lambda answer: answer.http(*headers, length=length)


def started(start: bytes) -> Speak:
    """The genuine answer behind another status line."""
    return lambda answer: answer.http().replace(b"HTTP/1.1 200 OK", start)


def flood(block: bytes) -> Behaviour:
    """More of it, until the client goes away."""

    async def behave(wire: Wire) -> None:
        while True:
            await wire.send(block)

    return behave


async def dripping(wire: Wire) -> None:
    """Blanks, too slow ever to be enough, too fast to be a silence."""
    while True:
        await wire.send(b" ")
        await asyncio.sleep(0.1)


def packed(*, cut: int | None = None) -> Speak:
    """The genuine answer, compressed unasked, and perhaps cut off."""
    return lambda answer: answer.http(
        "Content-Encoding: gzip", body=gzip.compress(answer.body)[:cut]
    )


BOMB = gzip.compress(b"\0" * 40_000_000)


@attrs.frozen(kw_only=True)
class Row:
    """How the answer to a create comes, and what the client calls it."""

    name: str
    speak: Speak
    error: type[PayerMaxError] = NoReplyError
    end: Behaviour | None = hold
    """What follows; ``None`` where the answer is whole and more may follow it."""
    gap: float | None = None
    attempt_timeout: float = LONG


ROWS = (
    Row(name="C1 head dripped", speak=headed(), gap=0.1, attempt_timeout=SHORT),
    Row(
        name="C3 body dripped",
        speak=lambda answer: answer.http(body=b"", length=len(answer.body)),
        end=dripping,
        attempt_timeout=SHORT,
    ),
    Row(
        name="C4 endless body",
        speak=headed(length=None),
        end=flood(b" " * 65_536),
        error=ReplyTooLargeError,
    ),
    Row(
        name="C4 endless chunks",
        speak=chunked(b"2\r\n{}\r\n"),
        end=flood(b"10000\r\n" + b" " * 65_536 + b"\r\n"),
        error=ReplyTooLargeError,
    ),
    Row(
        name="C5 head, then silence",
        speak=lambda answer: answer.http(body=b"", length=len(answer.body)),
        attempt_timeout=SHORT,
    ),
    Row(
        name="C6 length longer than the body",
        speak=lambda answer: answer.http(length=len(answer.body) + 1),
        end=Wire.finish,
    ),
    Row(
        name="C7 RST in the body",
        speak=lambda answer: answer.http()[:-20],
        end=reset_at_once,
    ),
    Row(
        name="C8 ended by closing, cut off",
        speak=lambda answer: answer.http(body=answer.body[:-1], length=None),
        end=Wire.finish,
        error=ReplySignatureError,
    ),
    Row(
        name="C9 last chunk missing",
        speak=lambda answer: chunked(
            b"%x\r\n" % len(answer.body), answer.body, b"\r\n"
        )(answer),
        end=Wire.finish,
    ),
    Row(name="C10 chunk size no number", speak=chunked(b"zz\r\n{}\r\n0\r\n\r\n")),
    Row(name="C11 chunk without line end", speak=chunked(b"2\r\n{}XX0\r\n\r\n")),
    Row(name="C12 chunk size overflow", speak=chunked(b"f" * 21 + b"\r\n{}\r\n")),
    Row(
        name="C13 length shorter than the body",
        speak=lambda answer: answer.http(length=len(answer.body) - 1),
    ),
    Row(name="C14 two lengths that differ", speak=headed("Content-Length: 3")),
    Row(
        name="C15 length and chunks",
        speak=lambda answer: answer.http(
            "Transfer-Encoding: chunked", body=b"0\r\n\r\n"
        ),
    ),
    Row(
        name="C16 length negative",
        speak=headed("Content-Length: -1", length=None),
    ),
    Row(
        name="C16 length no number",
        speak=headed("Content-Length: abc", length=None),
    ),
    Row(
        name="C17 gzip claimed, plain body",
        speak=headed("Content-Encoding: gzip"),
        error=UnreadableReplyError,
        end=None,
    ),
    Row(
        name="C17 gzip unasked",
        speak=packed(),
        error=UnreadableReplyError,
        end=None,
    ),
    Row(
        name="C18 gzip cut off",
        speak=packed(cut=-9),
        error=UnreadableReplyError,
        end=None,
    ),
    Row(
        name="C19 gzip bomb",
        speak=lambda answer: answer.http("Content-Encoding: gzip", body=BOMB),
        error=UnreadableReplyError,
        end=None,
    ),
    Row(
        name="C21 br",
        speak=headed("Content-Encoding: br"),
        error=UnreadableReplyError,
        end=None,
    ),
    Row(
        name="C21 an encoding nobody knows",
        speak=headed("Content-Encoding: x-rot13"),
        error=UnreadableReplyError,
        end=None,
    ),
    Row(name="C22 garbage for a status line", speak=started(b"garbage")),
    Row(name="C22 HTTP/0.9", speak=lambda answer: answer.body, end=Wire.finish),
    Row(name="C22 HTTP/3.7", speak=started(b"HTTP/3.7 200 OK")),
    Row(name="C22 status 99", speak=started(b"HTTP/1.1 99 Odd")),
    Row(
        name="C23 status 999, genuine body",
        speak=started(b"HTTP/1.1 999 Odd"),
        error=HttpStatusError,
        end=None,
    ),
    Row(
        name="C26 switching protocols",
        speak=lambda answer: answer.http(
            "Upgrade: h2c", "Connection: upgrade", status="101 Switching Protocols"
        ),
        error=ReplySignatureError,
        end=Wire.finish,
    ),
    Row(name="C27 header of 9000 bytes", speak=headed("X: " + "a" * 9000)),
    Row(
        name="C28 ten thousand headers",
        speak=headed(*(f"X{number}: a" for number in range(10_000))),
    ),
    Row(name="C29 NUL in a header", speak=headed("X: a\0b")),
    Row(name="C29 blank before a colon", speak=headed("X : b")),
)


@pytest.mark.parametrize("done", [True, False], ids=["done", "not done"])
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
async def test_an_answer_that_is_no_answer_is_asked_about(
    stage: Stage, row: Row, done: bool
) -> None:
    scene = spoken(row.speak, row.end, done=done, gap=row.gap)
    async with stage.rig(attempt_timeout=row.attempt_timeout) as rig:
        rig.gateway.scenes.append(scene)
        await rig.create()

        assert rig.first() == (Outcome.UNKNOWN, row.error.__name__)
        assert rig.gateway.names == SETTLED[done]
        assert rig.gateway.made == 1
        await rig.still_works()
        # What was not framed as an answer must be, is not kept.
        assert row.end is None or rig.gateway.server.connections == 2


@attrs.frozen(kw_only=True)
class Oddity:
    """An answer that is odd, yet whole."""

    name: str
    speak: Speak
    gap: float | None = None
    always: bool = True
    """Whether every parser takes it: aiohttp's is stricter in debug mode."""


ODDITIES = (
    Oddity(name="C2 one byte at a time", speak=headed(), gap=0.0),
    Oddity(
        name="C9 in chunks",
        speak=lambda answer: chunked(
            b"%x\r\n" % len(answer.body), answer.body, b"\r\n0\r\n\r\n"
        )(answer),
    ),
    Oddity(
        name="C25 early hints first",
        speak=lambda answer: (
            b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + answer.http()
        ),
    ),
    Oddity(
        name="C30 folded header",
        speak=headed("X-Trace: a\r\n b"),
        always=False,
    ),
    Oddity(
        name="C30 bare line feeds",
        speak=lambda answer: (
            answer.http(body=b"").replace(b"\r\n", b"\n") + answer.body
        ),
        always=False,
    ),
    Oddity(
        name="D14 label utf-16",
        speak=lambda answer: answer.http().replace(
            b"application/json", b"application/json; charset=utf-16"
        ),
    ),
)


@pytest.mark.parametrize("oddity", ODDITIES, ids=lambda oddity: oddity.name)
async def test_an_odd_answer_that_is_whole_and_genuine_is_taken(
    stage: Stage, oddity: Oddity
) -> None:
    async with stage.rig() as rig:
        rig.gateway.scenes.append(spoken(oddity.speak, gap=oddity.gap))
        await rig.create()

        outcome, _ = rig.first()
        assert outcome is None or (outcome is Outcome.UNKNOWN and not oddity.always)
        asked = [CREATE] if outcome is None else SETTLED[True]
        assert rig.gateway.names == asked
        assert rig.gateway.made == 1
        await rig.still_works()


async def test_an_answer_before_the_request_counts_if_it_is_about_it(
    stage: Stage,
) -> None:
    """C31 response before the request was read"""
    async with stage.rig() as rig:
        early = rig.gateway.put(order()).http()
        rig.gateway.arrivals.append(lambda wire: wire.send(early))

        async def listen(turn: Turn) -> None:
            await turn.read()

        rig.gateway.scenes.append(listen)
        await rig.create()

        assert rig.first() == (None, None)
        await rig.still_works()
        asked = [QUERY, QUERY] if HOLDS_WRITES_BACK else [CREATE, QUERY]
        assert rig.gateway.names == asked


@pytest.mark.parametrize(
    "row",
    [row for row in ROWS if row.name.startswith(("C4", "C19"))],
    ids=lambda row: row.name,
)
async def test_what_is_held_of_an_answer_is_bounded(stage: Stage, row: Row) -> None:
    async with stage.rig() as rig:
        await rig.still_works()
        rig.gateway.scenes.append(spoken(row.speak, row.end))
        tracemalloc.start()
        try:
            await rig.create()
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

    assert rig.first() == (Outcome.UNKNOWN, row.error.__name__)
    assert peak < 3 * 2**20
