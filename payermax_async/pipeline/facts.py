"""One attempt of a call, as middlewares see it, and its facts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TypeAlias

import attrs

from payermax_async.core.errors import NotSentError
from payermax_async.transport.base import HttpResponse

__all__ = ["Attempt", "Gate", "Trip"]


@attrs.frozen
class Trip:
    """One way to the gateway and back, by this machine's clocks."""

    seconds: float
    """How long it took."""
    wall: datetime
    """The time of day at its end."""
    now: float
    """The monotonic clock at the same moment."""


@attrs.define(kw_only=True)
class Attempt:
    """One attempt of a call, as middlewares see it."""

    operation: str
    """The gateway's name of the operation."""
    merchant_key: str | None
    """The merchant's id in the request."""
    number: int
    """1 for the first attempt of a call."""
    timeout: float
    """Seconds this attempt may take from now on."""
    alone: bool = False
    """Whether it needs a connection on which nothing else was asked."""
    probe: bool = False
    """Whether it finds out about a host that is left alone otherwise."""
    wave: int = 0
    """How often the client had slowed down when this attempt got its turn."""
    tried: bool = False
    """Whether the transport was reached."""
    peer_known: bool = False
    """Whether an unsigned answer can only come from the gateway; see ``transport``."""
    status: int | None = None
    """The HTTP status of the response, once there is one."""
    correction: timedelta | None = None
    """What to add to the time of day for its stamp; ``None`` goes by the host."""
    stamp: datetime | None = None
    """The request's time."""
    trip: Trip | None = None
    """How its answer came, once it did."""
    hint: timedelta | None = None
    """What its refusal says about the stamp of the one repeat that follows it."""
    encoded: bytes = attrs.field(default=b"", repr=False)
    """The body that was made once and is to be signed."""
    received: HttpResponse | None = attrs.field(default=None, repr=False)
    """What the transport brought back, untouched."""
    verified: bytes | None = attrs.field(default=None, repr=False)
    """The reply body whose signature was found right, itself and not a copy."""
    gate: Gate | None = attrs.field(default=None, repr=False)
    """Is asked last, once all is signed, whether it may leave."""
    _sent: bool = attrs.field(default=False, init=False)
    _over: bool = attrs.field(default=False, init=False)

    @property
    def sent(self) -> bool:
        """Whether anything has left this machine. Nothing takes it back."""
        return self._sent

    @property
    def over(self) -> bool:
        """Whether it was given up or has ended, so that nothing may leave for it."""
        return self._over

    def mark_sent(self) -> None:
        """Record that the first byte is about to leave.

        Raises:
            NotSentError: The attempt is over: what became of it was told already,
                so nothing may leave any more.
        """
        # In this order, so that a transport in a thread of its own cannot slip
        # between: whoever ends the attempt looks at the first after the second.
        self._sent = True
        self.check_open()

    def check_open(self) -> None:
        """Raise if the attempt is over.

        Raises:
            NotSentError: It is.
        """
        if self._over:
            raise NotSentError("this attempt is over: nothing may be sent for it")

    def record_sent(self) -> None:
        """Record that something has left, found out afterwards."""
        self._sent = True

    def end(self) -> None:
        """Let nothing leave from now on."""
        self._over = True


Gate: TypeAlias = Callable[[Attempt, str], Awaitable[None]]
"""Is told the attempt and its URL, and raises an error of this package, one that says
"not sent", to keep it from leaving."""
