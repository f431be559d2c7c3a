"""What a process sends, held against what the client promises of its sends.

*   ``_check_stamp``: no request carries a worse time than this machine has, and where
    PayerMax's is known, none but that. ``check_given_up``: sending is given up only
    after PayerMax refused a stamp.
*   ``_check_rest``: who is asked to come back later does.
*   ``_check_again``: a write that may be done goes to no other host, and one that was
    refused for good, or answered with a code that nobody knows, is not sent again.
*   ``resting.Rest``: a host that fails too often is left alone.

Only in a life in which the user's own parts did nothing strange: what they do to an
answer, nobody else sees.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import attrs

from payermax_async.core.errors import NoReplyError, NotSentError, TlsError
from payermax_async.transport.base import HttpRequest, HttpResponse
from tests.world.calls import CALL, TURN, Call
from tests.world.fates import DEFINITE
from tests.world.resting import Rest
from tests.world.ways import UNHEARD_OF, WRITES

if TYPE_CHECKING:
    from tests.world.process import Process

__all__ = ["Line"]

_SAME_TIME = 0.001
_ON_THE_WAY = 0.1
"""Seconds between a stamp and the send, which takes no time here but is cut off."""
_PUTS_UP_WITH = 95.0
"""A clock that is off by less than this is never corrected."""
_FOUND_OUT = 120.0
"""From here on, one is."""
_HOPELESS = 880.0
_QUICK = 15.0
"""The longest trip, in seconds, that says enough about the time."""
_KNOWN = 20.0
"""By so much an estimate from such a trip is off at the most, and more."""
_CUT_OFF = 1.0
"""A date has whole seconds."""
_TRUE_DATE = 45.0
"""No answer is older than this when it comes."""
_FRESH = 500.0
_HOLD = 61.0
_LONGEST_REST = 60.0
_UNAVAILABLE = {502, 503}
_FINAL = ("PARAMS_INVALID", "MERCHANT_INVALID")


@attrs.define
class _Host:
    """What is known of one host, by what came from it."""

    rest: Rest | None
    known_at: float = -1e9
    """When its time was last told well, since this clock was set."""
    lied: bool = False
    """Whether it ever signed a wrong date."""


@attrs.define(kw_only=True, eq=False)
class Line:
    """A process's way to the network: a ``Transport``."""

    process: Process
    refused_at: float = -1e9
    """When PayerMax refused a stamp last."""
    hinted: bool = False
    """Whether somebody unsigned did, with a date: worth one correction."""
    _rests: dict[object, tuple[float, str]] = attrs.field(
        factory=dict[object, tuple[float, str]]
    )
    """When who was asked to wait may come back, and with what."""
    _hosts: dict[str, _Host] = attrs.field(factory=dict[str, _Host])

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
        host, call, begun = self._host(name), CALL.get(), self._now
        # A row is written down between its stamp and its send, which takes its time.
        waited = operation in WRITES and b'"row-' in request.body
        if not waited:
            self._check_stamp(request.body, host)
            self._check_rest(name, operation)
            if call is not None:
                self._check_again(call, operation, name)
        if host.rest is not None and not waited:
            told = host.rest.begin(operation, begun)
            self._must(not told, f"{name} {told}")
        well: bool | None = None
        try:
            reply = await self.process.shop.gateway.network.send(
                request, timeout=timeout, on_sent=on_sent
            )
            well = reply.status not in _UNAVAILABLE
        except TlsError:
            raise
        except NotSentError:
            well = False
            raise
        except NoReplyError:
            well = False
            self._note_doubt(call, operation, name)
            raise
        except asyncio.CancelledError:
            self._note_doubt(call, operation, name)
            raise
        finally:
            if host.rest is not None:
                host.rest.end(begun, self._now, well=well)
        self._heard(host, reply, operation, call, self._now - begun)
        self._note_refusal(request, reply, name)
        return reply

    def _host(self, name: str) -> _Host:
        if name not in self._hosts:
            policy = self.process.desk.breaker
            rest = None if policy is None else Rest(policy=policy)
            self._hosts[name] = _Host(rest)
        return self._hosts[name]

    def _must(self, holds: object, text: str) -> None:
        if not self.process.parts.have_misbehaved:
            self.process.shop.must(holds, text)

    @property
    def _now(self) -> float:
        return self.process.shop.loop.time()

    # --- time ------------------------------------------------------------------------

    def _check_stamp(self, body: bytes, host: _Host) -> None:
        gateway, ahead = self.process.shop.gateway, self.process.clock.ahead
        if gateway.clock_was_set or host.lied or self.hinted:
            return
        text = body.partition(b'"requestTime":"')[2].partition(b'"')[0].decode()
        stamp = datetime.fromisoformat(text)
        off = abs((stamp - gateway.clock.now()).total_seconds())
        name = self.process.name
        if abs(ahead) < _PUTS_UP_WITH:
            right = off <= abs(ahead) + _ON_THE_WAY
            self._must(right, f"{name} stamps {off:g} s off, its clock is {ahead:g}")
        if self._now - host.known_at < _FRESH and _FOUND_OUT <= abs(ahead) < _HOPELESS:
            self._must(off <= _KNOWN, f"{name} knows better, and stamps {off:g} s off")

    def clock_was_set(self) -> None:
        """What was known of the time is worth nothing."""
        for host in self._hosts.values():
            host.known_at = -1e9

    def check_given_up(self, call: Call) -> None:
        """It was given up for the time of this machine."""
        self._must(
            self._now - self.refused_at <= _HOLD,
            f"{call.place} was given up for its time, which PayerMax never refused",
        )

    # --- answers ---------------------------------------------------------------------

    def _heard(
        self,
        host: _Host,
        reply: HttpResponse,
        operation: str,
        call: Call | None,
        trip: float,
    ) -> None:
        signs = reply.header_values("sign")
        keys = self.process.shop.gateway.keys
        genuine = len(signs) == 1 and keys.is_known(reply.body, signs[0])
        late = b'"REQ_TIME_OVER_TIME"' in reply.body
        dates = reply.header_values("date")
        if genuine and late:
            self.refused_at = self._now
        if dates and late and not genuine:
            self.hinted = True
        if dates and genuine:
            now = self.process.shop.gateway.clock.now()
            wrong = abs((parsedate_to_datetime(dates[0]) - now).total_seconds())
            host.lied |= wrong > _TRUE_DATE
            # A success belongs to a stamp that was near enough: beside another one, and
            # of a time that is over, it is somebody else's, and tells nothing.
            if late and trip <= _QUICK and wrong <= trip + _CUT_OFF:
                host.known_at = self._now
        if call is not None and operation in WRITES and genuine:
            self._note_end(call, reply.body)
        # What comes with a signature that the shop cannot check is none of PayerMax's.
        if genuine or not signs:
            self._note_rest(reply, operation)

    def _note_refusal(
        self, request: HttpRequest, reply: HttpResponse, name: str
    ) -> None:
        gateway, signs = self.process.shop.gateway, reply.header_values("sign")
        refused = any(f'"{code}"'.encode() in reply.body for code in DEFINITE)
        if refused and len(signs) == 1 and gateway.keys.is_known(reply.body, signs[0]):
            gateway.row_refused(request.body, name)

    def _note_end(self, call: Call, body: bytes) -> None:
        if any(f'"{code}"'.encode() in body for code in UNHEARD_OF):
            call.closed = "a code that nobody knows"
        elif any(f'"{code}"'.encode() in body for code in _FINAL):
            call.closed = "a refusal"

    def _check_again(self, call: Call, operation: str, name: str) -> None:
        if operation not in WRITES:
            return
        self._must(not call.closed, f"{call.place} is sent again after {call.closed}")
        elsewhere = call.may_be_at not in {"", name}
        where = call.may_be_at
        self._must(
            not elsewhere, f"{call.place} goes to {name} while {where} may do it"
        )

    def _note_doubt(self, call: Call | None, operation: str, name: str) -> None:
        if call is not None and operation in WRITES:
            call.may_be_at = name

    # --- pauses ----------------------------------------------------------------------

    def _note_rest(self, reply: HttpResponse, operation: str) -> None:
        turn, asked = TURN.get(), reply.header_values("retry-after")
        if turn is None or len(asked) != 1 or not asked[0].isdigit():
            return
        seconds = float(asked[0])
        if seconds <= _LONGEST_REST and b'"APPLY_SUCCESS"' not in reply.body:
            self._rests[turn] = self._now + seconds, operation

    def _check_rest(self, name: str, operation: str) -> None:
        # With two hosts the other one may be asked meanwhile.
        if self.process.shop.setting.failover:
            return
        until, what = self._rests.get(TURN.get(), (0.0, ""))
        early = until - self._now
        self._must(
            what not in {operation, *WRITES} or early <= _SAME_TIME,
            f"{name} gets {operation} {early:g} s before it wants it",
        )
