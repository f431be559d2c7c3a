"""Parts of the merchant's own that raise, hang, lie or return what they must not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, cast

import attrs
import pytest

from payermax_async.core.errors import NotSentError, Outcome, PayerMaxError
from payermax_async.pipeline.chain import Attempt, CallNext
from payermax_async.pipeline.observe import AttemptFinished, CallFinished, Event
from payermax_async.signing.rsa import RsaSigner, RsaVerifier
from payermax_async.transport.base import HttpRequest, HttpResponse
from tests.faults.gateway import Turn
from tests.faults.rig import CREATE, QUERY, SHORT, WRITES, Stage, Write
from tests.pipeline.gateway import MERCHANT, PLATFORM

RAISED: dict[str, Callable[[], Exception]] = {
    "ConnectionError": lambda: ConnectionError("shop@shop.test is away"),
    "ValueError": lambda: ValueError("u-98"),
    "TimeoutError": lambda: TimeoutError("shop@shop.test"),
    "PayerMaxError": lambda: PayerMaxError("not to my taste"),
    "NotSentError": lambda: NotSentError("nothing left, I swear"),
}
NO_SIGNATURES: tuple[object, ...] = (None, "", 5, b"c2ln", True, "a\r\nb")
NO_VERDICTS: tuple[object, ...] = (True, False, 0, "ok")
OWN = HttpResponse(status=200, body=b'{"code":"PARAMS_INVALID","msg":"no"}')
NO_RESPONSES: tuple[object, ...] = (None, "ok", OWN)


class Parts:
    """All of a merchant's parts; each behaves but for one time.

    Args:
        part: Which misbehaves.
        act: What it does then: raises, or gives what it returns.
    """

    def __init__(self, part: str, act: Callable[[], Any]) -> None:
        self.part = part
        self.act = act
        self.used = False
        self.signer = RsaSigner(MERCHANT)
        self.verifier = RsaVerifier(PLATFORM.public_key)

    def _is_turn(self, part: str) -> bool:
        if self.used or part != self.part:
            return False
        self.used = True
        return True

    async def _misbehave(self) -> Any:
        given = self.act()
        return await given if asyncio.iscoroutine(given) else given

    async def sign(self, payload: bytes) -> str:
        if self._is_turn("signer"):
            return cast("str", await self._misbehave())
        return await self.signer.sign(payload)

    async def verify(self, payload: bytes, signature: str) -> None:
        if self._is_turn("verifier"):
            return cast("None", await self._misbehave())
        return await self.verifier.verify(payload, signature)

    async def __call__(
        self, request: HttpRequest, attempt: Attempt, call_next: CallNext, /
    ) -> HttpResponse:
        if self._is_turn("middleware before"):
            return cast("HttpResponse", await self._misbehave())
        answer = await call_next(request)
        if self._is_turn("middleware after"):
            return cast("HttpResponse", await self._misbehave())
        return answer

    def hook(self, event: Event) -> None:
        kind = {
            "hook at an attempt": AttemptFinished,
            "hook at the end": CallFinished,
        }.get(self.part)
        if kind is not None and isinstance(event, kind) and self._is_turn(self.part):
            self.act()


def raising(name: str) -> Callable[[], object]:
    def act() -> object:
        raise RAISED[name]()

    return act


def giving(value: object) -> Callable[[], object]:
    return lambda: value


async def hangs() -> None:
    await asyncio.Event().wait()


@attrs.frozen(kw_only=True)
class Row:
    """What misbehaves, and what comes of a write."""

    part: str
    way: str
    act: Callable[[], object]
    asked: Sequence[str] = (CREATE,)
    """What the gateway is asked, a link's operations standing for any write's."""
    fails: bool = False
    """Whether the write ends with an error, nothing having left."""

    @property
    def name(self) -> str:
        return f"{self.part} {self.way}"


def rows(part: str, values: Sequence[object], **facts: Any) -> list[Row]:
    """A part that raises, hangs, and returns what it must not."""
    acts: dict[str, Callable[[], object]] = {
        **{f"raises {name}": raising(name) for name in RAISED},
        "hangs": hangs,
        **{f"returns {value!r:.40}": giving(value) for value in values},
    }
    return [Row(part=part, way=way, act=act, **facts) for way, act in acts.items()]


def is_refusal(row: Row) -> bool:
    # A middleware that refuses is taken at its word; one that hangs is asked again.
    return row.part == "middleware before" and row.way != "hangs"


SETTLED = (CREATE, QUERY)
ROWS = [
    *rows("signer", NO_SIGNATURES),
    *rows("verifier", NO_VERDICTS, asked=SETTLED),
    *rows("middleware after", NO_RESPONSES, asked=SETTLED),
    *(
        attrs.evolve(row, fails=True, asked=()) if is_refusal(row) else row
        for row in rows("middleware before", NO_RESPONSES)
    ),
    *(
        Row(part=part, way=f"raises {name}", act=raising(name))
        for part in ("hook at an attempt", "hook at the end")
        for name in RAISED
    ),
]


@pytest.mark.parametrize("write", WRITES, ids=lambda write: write.name)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
async def test_a_part_that_misbehaves_costs_nothing_and_doubles_nothing(
    stage: Stage, row: Row, write: Write
) -> None:
    """K1 to K5 signer, verifier, middleware before and after, hooks"""
    parts = Parts(row.part, row.act)
    async with stage.rig(
        signer=parts,
        verifier=parts,
        middlewares=[parts],
        hooks=[parts.hook],
        attempt_timeout=SHORT if row.act is hangs else 20.0,
    ) as rig:
        if row.fails:
            error = await rig.failure(rig.write(write))
            assert error.outcome is Outcome.NOT_SENT
            assert (error.operation, error.merchant_key) == (write.send, write.key)
            assert error.attempts == 1
        else:
            made = await rig.write(write)
            assert made.found is (QUERY in row.asked)

        assert parts.used
        assert rig.gateway.names == write.named(row.asked)
        assert rig.gateway.made == (0 if row.fails else 1)
        await rig.still_works()
        # Whatever it was, the same write goes on from there.
        assert (await rig.write(write)).found is not row.fails
        assert rig.gateway.made == 1
    await parts.signer.aclose()


@pytest.mark.parametrize("write", WRITES, ids=lambda write: write.name)
async def test_a_signer_that_lies_is_found_out_by_the_gateway(
    stage: Stage, write: Write
) -> None:
    """K6 a signature of something else"""
    other = RsaSigner(PLATFORM)
    parts = Parts("signer", lambda: other.sign(b"something else"))
    async with stage.rig(signer=parts) as rig:

        async def refuse(turn: Turn) -> None:
            await turn.read()
            answer = turn.gateway.answer("SIGN_VERIFY_FAILED")
            await turn.wire.send(answer.http())

        rig.gateway.scenes.append(refuse)
        error = await rig.failure(rig.write(write))

        assert (error.outcome, error.attempts) == (Outcome.REJECTED, 1)
        assert rig.gateway.complaints == ["a signature is not of the body"]
        rig.gateway.complaints.clear()
        assert not (await rig.write(write)).found
        assert rig.gateway.made == 1
    await parts.signer.aclose()
    await other.aclose()


@pytest.mark.parametrize("write", WRITES, ids=lambda write: write.name)
async def test_a_verifier_that_denies_everything_leaves_a_doubt_and_no_second(
    stage: Stage, write: Write
) -> None:
    """K7 a verifier that never agrees"""

    class Denying:
        async def verify(self, payload: bytes, signature: str) -> None:
            raise RAISED["ValueError"]()

    async with stage.rig(verifier=Denying()) as rig:
        error = await rig.failure(rig.write(write))

        assert error.outcome is Outcome.UNKNOWN
        assert (error.operation, error.merchant_key) == (write.send, write.key)
        assert rig.gateway.names.count(write.send) == rig.gateway.made == 1
