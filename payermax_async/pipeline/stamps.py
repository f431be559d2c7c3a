"""The time that a request carries, and what its answer says about the clocks."""

from __future__ import annotations

from datetime import datetime

import attrs

from payermax_async.clock import Clock
from payermax_async.core.errors import ClockSkewError, Outcome
from payermax_async.core.operations.operation import Replay
from payermax_async.pipeline.call import Call
from payermax_async.pipeline.facts import Attempt
from payermax_async.pipeline.hosts import Host
from payermax_async.pipeline.observe import Observers, SkewMeasured
from payermax_async.pipeline.skew import read_http_date
from payermax_async.transport.base import HttpResponse

__all__ = ["Stamps"]


@attrs.frozen
class Stamps:
    """Stamps requests by this machine's clock, corrected by what hosts' clocks say."""

    clock: Clock
    observers: Observers

    def stamp(self, call: Call[object], attempt: Attempt, host: Host) -> datetime:
        """The time that a request is to carry.

        Raises:
            ClockSkewError: This machine's clock is hopeless; nothing was sent.
        """
        wall, now = self.clock.now(), self.clock.monotonic()
        # A question does no harm, and its answer shows whether the clock is right.
        if call.replay is not Replay.SAFE:
            _check_clock(host, wall, now, Outcome.NOT_SENT)
        if attempt.correction is not None:
            return wall + attempt.correction
        return wall + host.skew.correction(wall, now)

    def compare(
        self,
        attempt: Attempt,
        host: Host,
        response: HttpResponse,
        *,
        verified: bool,
        late: bool,
    ) -> None:
        """Learn from the reply's ``Date``, as far as that is to be believed.

        Args:
            attempt: What was sent, and when.
            host: Who answered.
            response: The answer.
            verified: Whether its signature was found right.
            late: Whether it refuses the request for its time.

        Raises:
            ClockSkewError: It does, and this machine's clock is hopeless.
        """
        dates = response.header_values("date")
        date = read_http_date(dates[0]) if len(dates) == 1 else None
        trip, stamp = attempt.trip, attempt.stamp
        if date is None or trip is None or stamp is None:
            return
        wall, now, skew = trip.wall, trip.now, host.skew
        if not verified:
            if late:
                attempt.hint = skew.correction_once(date, wall=wall, trip=trip.seconds)
            return
        skew.observe(
            date, wall=wall, now=now, trip=trip.seconds, stamp=stamp, refused=late
        )
        offset = skew.news(wall, now)
        if offset is not None:
            corrected = skew.correction(wall, now).total_seconds() != 0
            self.observers.emit(
                SkewMeasured(host=host.name, offset=offset, corrected=corrected)
            )
        if late:
            _check_clock(host, wall, now, Outcome.REJECTED)


def _check_clock(host: Host, wall: datetime, now: float, outcome: Outcome) -> None:
    if host.skew.is_hopeless(wall, now):
        seconds = abs(host.skew.offset(wall, now) or 0.0)
        raise ClockSkewError(
            f"PayerMax refused a request for its time, and this machine's clock is "
            f"{seconds:.0f} seconds off the gateway's: set it (NTP), PayerMax refuses "
            "anything over 2 minutes",
            outcome=outcome,
        )
