"""What a hostile user plugs in: parts that raise, hang and lie."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

import attrs

from payermax_async.core.errors import NotSentError, PayerMaxError, SignatureError
from payermax_async.pipeline.chain import Attempt, CallNext
from payermax_async.pipeline.observe import CallFinished, CallStarted
from payermax_async.transport.base import HttpRequest, HttpResponse
from payermax_async.webhooks.telling.alerts import Alert
from tests.world.calls import CALL
from tests.world.chance import Chance
from tests.world.network import SignsNow
from tests.world.trace import Trace

__all__ = ["Parts"]

_BETWEEN = {"middleware", "signer", "verifier", "hook"}
_RAISED: tuple[Callable[[], BaseException], ...] = (
    lambda: ValueError("no"),
    lambda: ConnectionError("no"),
    lambda: TimeoutError("no"),
    lambda: NotSentError("says who?"),
    lambda: PayerMaxError("dislikes it"),
    asyncio.CancelledError,
    lambda: SignatureError("no"),
)


@attrs.define(kw_only=True, eq=False)
class Parts:
    """Everything that a user may plug into one process."""

    chance: Chance
    trace: Trace
    merchant: SignsNow
    verifies: Callable[[bytes, str], Awaitable[None]]
    name: str
    silent: int = 0
    """Sends since the last answer of any kind."""
    calls: int = 0
    """Calls that ran since then."""
    have_misbehaved: bool = False
    """Whether any of those between client and network ever did."""
    _active: int = 0

    def _struck(
        self, part: str, *kinds: str, weight: float = 0.5
    ) -> tuple[str, random.Random] | None:
        call = CALL.get()
        owner = call.place if call is not None else self.name
        place = self.chance.next_at(f"{owner}/{part}")
        found = self.chance.pick(
            "user", [f"{part} {kind}" for kind in kinds], place, part, weight=weight
        )
        if found is None:
            return None
        self.have_misbehaved |= part in _BETWEEN
        self.trace.note(self.name, f"{found[0]} ({place})", fault=True)
        return found[0].removeprefix(f"{part} "), found[1]

    async def _misbehave(self, kind: str, chance: random.Random) -> None:
        if kind.startswith("raises"):
            raise chance.choice(_RAISED)()
        if kind.startswith("hangs"):
            await asyncio.Event().wait()
        if kind.startswith("is stubborn"):
            await _stubborn(chance.choice((2.0, 40.0)))

    async def middleware(
        self, request: HttpRequest, attempt: Attempt, call_next: CallNext, /
    ) -> HttpResponse:
        found = self._struck(
            "middleware",
            *("raises before", "hangs before", "is stubborn before"),
            *("raises after", "hangs after", "is stubborn after"),
            *("answers itself", "answers itself after", "asks twice", "returns none"),
        )
        if found is None:
            return await self._counted(request, call_next)
        kind, chance = found
        if kind == "answers itself":
            return _own_answer(chance)
        if kind.endswith("before"):
            await self._misbehave(kind, chance)
        answer = await self._counted(request, call_next)
        if kind.endswith("after"):
            await self._misbehave(kind, chance)
        if kind == "answers itself after":
            return _own_answer(chance)
        if kind == "asks twice":
            return await call_next(request)
        if kind == "returns none":
            return None  # type: ignore[return-value]
        return answer

    async def _counted(self, request: HttpRequest, call_next: CallNext) -> HttpResponse:
        self.silent += 1
        answer = await call_next(request)
        self.silent, self.calls = 0, self._active
        return answer

    async def sign(self, payload: bytes) -> str:
        found = self._struck(
            "signer", "raises", "hangs", "is stubborn", "returns nothing", "returns 5"
        )
        if found is None:
            return self.merchant.sign_now(payload)
        await self._misbehave(*found)
        if found[0] == "returns 5":
            return 5  # type: ignore[return-value]
        return ""

    async def verify(self, payload: bytes, signature: str) -> None:
        found = self._struck(
            "verifier", "raises", "hangs", "is stubborn", "returns a bool"
        )
        if found is not None:
            await self._misbehave(*found)
            if found[0] == "returns a bool":
                return found[1].choice((False, True))  # type: ignore[return-value]
        await self.verifies(payload, signature)
        return None

    def hook(self, event: object) -> None:
        self._active += isinstance(event, CallStarted)
        self.calls += isinstance(event, CallStarted)
        self._active -= isinstance(event, CallFinished)
        if self._struck("hook", "raises", weight=0.1) is not None:
            raise RuntimeError("a hook's own mistake")

    def alert_hook(self, alert: Alert) -> None:
        if self._struck("alert hook", "raises") is not None:
            raise RuntimeError("an alert hook's own mistake")

    async def around_handler(self, work: Callable[[], Awaitable[None]]) -> None:
        """What a handler does around its effect."""
        found = self._struck(
            "handler", "raises before", "hangs before", "raises after", "hangs after"
        )
        if found is None:
            await work()
            return
        kind, chance = found
        if kind.endswith("before"):
            await self._misbehave(kind, chance)
        await work()
        if kind.endswith("after"):
            await self._misbehave(kind, chance)

    async def around(self, part: str, *kinds: str) -> str | None:
        """Misbehave as a part of the merchant's; what it lies about, if it lies."""
        found = self._struck(part, *kinds)
        if found is None:
            return None
        await self._misbehave(*found)
        return found[0]


async def _stubborn(seconds: float) -> None:
    """Take no notice of being cancelled, for a while."""
    ends = asyncio.get_running_loop().time() + seconds
    while (left := ends - asyncio.get_running_loop().time()) > 0:
        try:
            await asyncio.sleep(left)
        except asyncio.CancelledError:
            continue


def _own_answer(chance: random.Random) -> HttpResponse:
    body = chance.choice(
        (
            b'{"code":"APPLY_SUCCESS","msg":"Success.","data":{}}',
            b'{"code":"PARAMS_INVALID","msg":"made up"}',
            b'{"code":"ORDER_NOT_EXIST","msg":"made up"}',
        )
    )
    return HttpResponse(status=200, headers=(), body=body)
