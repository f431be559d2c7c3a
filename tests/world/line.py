"""What a process sends, held against what the client promises of its sends.

*   No request is stamped with a worse time than this machine has, and with a right one
    where PayerMax's is known. Sending is given up only after PayerMax refused a stamp.
*   Who is asked to come back later does.

Only where the user's own parts are none of them in between: what they do to an
answer, nobody else sees.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import attrs

from payermax_async.transport.base import HttpRequest, HttpResponse
from tests.world.calls import TURN, Call

if TYPE_CHECKING:
    from tests.world.process import Process

__all__ = ["Line"]

_SAME_TIME = 0.001
_STRAY = 280.0
"""Seconds by which a stamp may be off that a date was to correct: it may be untrue by
as much as PayerMax puts up with, on a long way."""
_KNOWN = 126.0
"""The same where PayerMax's time is known: nearer than that nothing is corrected."""
_HOPELESS = 900.0
_HOLD = 61.0
_LONGEST_REST = 60.0


@attrs.define(kw_only=True, eq=False)
class Line:
    """A process's way to the network: a ``Transport``."""

    process: Process
    refused_at: float = -1e9
    """When PayerMax refused a stamp last."""
    known_since: float | None = None
    """When PayerMax's time came, since a clock was set."""
    rests: dict[tuple[object, str], float] = attrs.field(
        factory=dict[tuple[object, str], float]
    )
    """When who was asked to wait may come back."""

    async def open(self) -> None:
        await self.process.shop.gateway.network.open()

    async def aclose(self) -> None:
        await self.process.shop.gateway.network.aclose()

    def vouches_for(self, url: str) -> bool:
        """Whether unsigned answers can only be the gateway's."""
        return self.process.shop.gateway.network.vouches_for(url)

    async def send(
        self, request: HttpRequest, *, timeout: float, on_sent: Callable[[], None]
    ) -> HttpResponse:
        address = urlsplit(request.url)
        name, operation = address.netloc, address.path.rpartition("/")[2]
        if not self._is_disturbed:
            self._check_stamp(request.body)
            self._check_rest(name, operation)
        reply = await self.process.shop.gateway.network.send(
            request, timeout=timeout, on_sent=on_sent
        )
        self._heard(name, reply)
        return reply

    def _must(self, holds: object, text: str) -> None:
        self.process.shop.must(holds, text)

    @property
    def _now(self) -> float:
        return self.process.shop.loop.time()

    @property
    def _is_disturbed(self) -> bool:
        return self.process.parts.have_misbehaved

    # --- time ------------------------------------------------------------------------

    def _check_stamp(self, body: bytes) -> None:
        gateway, ahead = self.process.shop.gateway, abs(self.process.clock.ahead)
        if gateway.clock_was_set:
            return
        text = body.partition(b'"requestTime":"')[2].partition(b'"')[0].decode()
        stamp = datetime.fromisoformat(text)
        off = abs((stamp - gateway.clock.now()).total_seconds())
        if ahead < _KNOWN:
            self._must(off <= _STRAY, f"{self.process.name} stamps {off:g} s off")
        known = self.known_since is not None and self.known_since < self._now
        if known and ahead < _HOPELESS - _KNOWN and not gateway.told_wrong_dates:
            name = self.process.name
            self._must(off <= _KNOWN, f"{name} knows better, and stamps {off:g} s off")

    def clock_was_set(self) -> None:
        """What was known of the time is worth nothing."""
        self.known_since = None

    def _heard(self, name: str, reply: HttpResponse) -> None:
        turn = TURN.get()
        signs = reply.header_values("sign")
        keys = self.process.shop.gateway.keys
        genuine = len(signs) == 1 and keys.is_known(reply.body, signs[0])
        if genuine and b'"REQ_TIME_OVER_TIME"' in reply.body:
            self.refused_at = self._now
        if genuine and self.known_since is None and reply.header_values("date"):
            self.known_since = self._now
        asked = reply.header_values("retry-after")
        # What comes with a signature that the shop cannot check is none of PayerMax's.
        heard = genuine or not signs
        if turn is not None and heard and len(asked) == 1 and asked[0].isdigit():
            seconds = float(asked[0])
            if seconds <= _LONGEST_REST and b"APPLY_SUCCESS" not in reply.body:
                self.rests[turn, name] = self._now + seconds

    def _check_rest(self, name: str, operation: str) -> None:
        until = self.rests.get((TURN.get(), name), 0.0)
        early = until - self._now
        self._must(
            early <= _SAME_TIME,
            f"{name} gets {operation} {early:g} s before it wants it",
        )

    def check_given_up(self, call: Call) -> None:
        """It was given up for the time of this machine."""
        since = self._now - self.refused_at
        self._must(
            since <= _HOLD or self._is_disturbed,
            f"{call.place} was given up for its time, which PayerMax never refused",
        )
