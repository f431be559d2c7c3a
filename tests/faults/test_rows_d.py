"""Answers that are whole, and wrong, doubtful or about something else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import attrs
import pytest

from payermax_async.core.errors import (
    ApiError,
    AuthenticationError,
    HttpStatusError,
    InvalidRequestError,
    Outcome,
    PayerMaxError,
    ReplyMismatchError,
    ReplySignatureError,
    ThrottledError,
    UnreadableReplyError,
)
from payermax_async.core.strict_json import JsonValue
from payermax_async.pipeline.observe import SignatureRefused
from payermax_async.transport.aiohttp import AiohttpTransport
from tests.faults.gateway import (
    Answer,
    Asked,
    Scene,
    Turn,
    coded,
    spoken,
)
from tests.faults.rig import CREATE, SETTLED, Stage
from tests.faults.server import FaultServer, each, reply
from tests.pipeline.gateway import CONFIG, order

Make = Callable[[bool], Scene]
"""A scene in which the create is done, or is not."""

HTML = b"<html><body>Please stand by</body></html>"


def says(speak: Callable[[Answer], bytes]) -> Make:
    return lambda done: spoken(speak, done=done)


def page(status: str, *headers: str, body: bytes = HTML) -> Make:
    """What stands between client and gateway answers in its place."""
    return says(lambda _: reply(body, status=status, headers=headers))


def data_is(change: Callable[[Asked], JsonValue | None]) -> Make:
    """Signed success, with other ``data``."""

    def make(done: bool) -> Scene:
        async def play(turn: Turn) -> None:
            asked = await turn.read()
            turn.gateway.carry_out(asked, keep=done)
            answer = turn.gateway.answer(data=change(asked))
            await turn.wire.send(answer.http())

        return play

    return make


def code_is(code: str, *headers: str) -> Make:
    return lambda done: coded(code, *headers, done=done)


def body_is(body: bytes) -> Make:
    """A signed body, whatever it is."""

    def make(done: bool) -> Scene:
        async def play(turn: Turn) -> None:
            turn.gateway.carry_out(await turn.read(), keep=done)
            await turn.wire.send(turn.gateway.signed(body).http())

        return play

    return make


def twice_signed(answer: Answer) -> bytes:
    return answer.http(f"sign: {answer.sign[::-1]}")


def stranger(done: bool) -> Scene:
    """The genuine answer to somebody else's request."""

    async def play(turn: Turn) -> None:
        turn.gateway.carry_out(await turn.read(), keep=done)
        other = turn.gateway.put(order("somebody-else"))
        await turn.wire.send(other.http())

    return play


@attrs.frozen(kw_only=True)
class Row:
    """What the first create is answered, and what the client calls it."""

    name: str
    make: Make
    error: type[PayerMaxError]
    refused_signatures: int = 0
    connections: int | None = None


ROWS = (
    Row(name="D1 200 HTML", make=page("200 OK"), error=UnreadableReplyError),
    Row(name="D2 200 empty", make=page("200 OK", body=b""), error=UnreadableReplyError),
    Row(name="D2 204", make=page("204 No Content", body=b""), error=HttpStatusError),
    *(
        Row(name=f"D3 {status}", make=page(f"{status} Oops"), error=HttpStatusError)
        for status in (500, 502, 503, 504)
    ),
    Row(
        name="D4 429, Retry-After 3",
        make=page("429 Slow", "Retry-After: 3"),
        error=HttpStatusError,
    ),
    Row(
        name="D7 success without sign",
        make=says(lambda answer: answer.http(sign=None)),
        error=ReplySignatureError,
        refused_signatures=1,
    ),
    Row(
        name="D8 two signs, one right",
        make=says(twice_signed),
        error=ReplySignatureError,
        refused_signatures=1,
    ),
    Row(
        name="D9 sign of another body",
        make=says(
            lambda answer: answer.http(body=answer.body.replace(b"says", b"SAYS"))
        ),
        error=ReplySignatureError,
        refused_signatures=1,
    ),
    Row(
        name="D10 genuine answer to another request",
        make=stranger,
        error=ReplyMismatchError,
        connections=2,
    ),
    Row(
        name="D14 signed, not UTF-8",
        make=body_is(b'{"code":"APPLY_SUCCESS","msg":"\xe9"}'),
        error=UnreadableReplyError,
    ),
    Row(
        name="D14 signed, UTF-16",
        make=body_is('{"code":"APPLY_SUCCESS"}'.encode("utf-16")),
        error=UnreadableReplyError,
    ),
    Row(
        name="D16 signed, data missing",
        make=data_is(lambda _: None),
        error=UnreadableReplyError,
    ),
    Row(
        name="D16 signed, data null",
        make=body_is(b'{"code":"APPLY_SUCCESS","msg":"","data":null}'),
        error=UnreadableReplyError,
    ),
    Row(
        name="D16 signed, data text",
        make=data_is(lambda _: "https://pay.test/1"),
        error=UnreadableReplyError,
    ),
    Row(
        name="D16 signed, linkUrl missing",
        make=data_is(lambda asked: {"merchantLinkId": asked.key}),
        error=UnreadableReplyError,
    ),
    *(
        Row(name=f"D18 signed {code}", make=code_is(code), error=ApiError)
        for code in ("SYSTEM_ERROR", "REQUEST_TIMEOUT", "UNEXPECTED_ERROR")
    ),
    Row(
        name="D19 signed TOO_MANY_REQUEST",
        make=code_is("TOO_MANY_REQUEST"),
        error=ThrottledError,
    ),
)


@pytest.mark.parametrize("done", [True, False], ids=["done", "not done"])
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
async def test_an_answer_in_doubt_is_asked_about(
    stage: Stage, row: Row, done: bool
) -> None:
    async with stage.rig() as rig:
        rig.gateway.scenes.append(row.make(done))
        await rig.create()

        assert rig.first() == (Outcome.UNKNOWN, row.error.__name__)
        assert rig.gateway.names == SETTLED[done]
        assert rig.gateway.made == 1
        refused = [e for e in rig.events if isinstance(e, SignatureRefused)]
        assert len(refused) == row.refused_signatures
        await rig.still_works()
        assert row.connections in {None, rig.gateway.server.connections}


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_leads_nowhere(stage: Stage, status: int) -> None:
    """D6 redirect to another host"""
    async with FaultServer(each(b"")) as elsewhere:
        async with stage.rig() as rig:
            moved = page(f"{status} Moved", f"Location: {elsewhere.url}", body=b"")
            rig.gateway.scenes.append(moved(True))
            await rig.create()

            assert rig.first() == (Outcome.UNKNOWN, HttpStatusError.__name__)
            assert rig.gateway.names == SETTLED[True]
        assert elsewhere.connections == 0


@pytest.mark.parametrize("force_close", [False, True])
@pytest.mark.parametrize("late", [False, True])
async def test_an_answer_nobody_asked_for_is_never_the_next_ones(
    stage: Stage, force_close: bool, late: bool
) -> None:
    """D11 unsolicited genuine answer waiting in the pool"""
    sent = asyncio.Event()

    async def serve_twice(turn: Turn) -> None:
        answer = turn.gateway.carry_out(await turn.read()).http()
        await turn.wire.send(answer if late else answer + answer)
        if late:
            for _ in range(10):  # until the client has put the connection away
                await asyncio.sleep(0.005)
            await turn.wire.send(answer)
        sent.set()

    transport = AiohttpTransport(limit=1, force_close=force_close)
    async with stage.rig(transport=transport) as rig:
        rig.gateway.scenes.append(serve_twice)
        await rig.create("order-1")
        await sent.wait()
        await asyncio.sleep(0.02)
        await rig.create("order-2")
        await rig.create("order-3")

        assert rig.gateway.made == 3
        assert rig.first("order-2") == (None, None)
        assert rig.first("order-3") == (None, None)


@attrs.frozen(kw_only=True)
class Refusal:
    """A refusal that is taken at its word."""

    name: str
    code: str
    error: type[ApiError]
    signed: bool = True


REFUSALS = (
    Refusal(
        name="D12 unsigned failure",
        code="PARAMS_INVALID",
        error=InvalidRequestError,
        signed=False,
    ),
    Refusal(
        name="D22 SIGN_VERIFY_FAILED",
        code="SIGN_VERIFY_FAILED",
        error=AuthenticationError,
    ),
)


@pytest.mark.parametrize("row", REFUSALS, ids=lambda row: row.name)
async def test_a_refusal_is_final(stage: Stage, row: Refusal) -> None:
    async with stage.rig() as rig:
        rig.gateway.scenes.append(coded(row.code, signed=row.signed))
        error = await rig.failure(rig.create())

        assert type(error) is row.error
        assert isinstance(error, ApiError)
        assert (error.outcome, error.attempts) == (Outcome.REJECTED, 1)
        assert (error.code, error.verified) == (row.code, row.signed)
        assert rig.gateway.names == [CREATE]
        assert rig.gateway.links == {}
        await rig.still_works()


@pytest.mark.parametrize("done", [True, False], ids=["done", "not done"])
async def test_strictly_an_unsigned_refusal_settles_nothing(
    stage: Stage, done: bool
) -> None:
    """D12 unsigned failure, under the strict setting"""
    strict = attrs.evolve(CONFIG, trust_unsigned_failures=False)
    async with stage.rig(config=strict) as rig:
        rig.gateway.scenes.append(coded("PARAMS_INVALID", done=done, signed=False))
        await rig.create()

        assert rig.first() == (Outcome.UNKNOWN, InvalidRequestError.__name__)
        assert rig.gateway.names == SETTLED[done]
        assert rig.gateway.made == 1


async def test_a_refusal_with_a_wrong_signature_settles_nothing(stage: Stage) -> None:
    async def forged(turn: Turn) -> None:
        turn.gateway.carry_out(await turn.read())
        answer = turn.gateway.answer("PARAMS_INVALID")
        other = turn.gateway.answer("AMOUNT_INVALID")
        await turn.wire.send(answer.http(sign=other.sign))

    async with stage.rig() as rig:
        rig.gateway.scenes.append(forged)
        await rig.create()

        assert rig.first() == (Outcome.UNKNOWN, ReplySignatureError.__name__)
        assert rig.gateway.names == SETTLED[True]
