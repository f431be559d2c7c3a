"""How much a receiver does at once, how long it waits for what, and how often."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from datetime import timedelta

import attrs

from payermax_async.core.errors import ConfigurationError

__all__ = ["HandlerBackoff", "ReceiverLimits"]

_SECONDS = (
    "lease",
    "poll",
    "body_timeout",
    "verify_timeout",
    "open_timeout",
    "store_timeout",
    "lookup_timeout",
    "handler_timeout",
)
# A float overflows at 1024, and attempts may have no end.
_MAX_DOUBLINGS = 32
_MAY_BE_NONE = ("drain", "other_type")


@attrs.frozen(kw_only=True)
class ReceiverLimits:
    """Numbers of a :class:`~payermax_async.webhooks.Receiver` that rarely change.

    Nothing that a receiver waits for is without one of these limits. What is still
    not back when its time is over is cancelled, and left to itself when it does not
    heed that. Code that blocks the event loop cannot be bounded from within it: run
    such code in a thread.

    Raises:
        ConfigurationError: One has no sensible meaning.

    Example:
        >>> ReceiverLimits(workers=0).workers  # another process handles
        0
    """

    workers: int = 4
    """How many handlers run at once; 0 to take in only, where others handle."""
    lease: float = 60.0
    """Seconds after which another process takes over from one that died.

    Renewed while a handler runs. It goes by the clock of the database (of the machine
    since its start, with SQLite), whatever time of day the processes have."""
    poll: float = 1.0
    """Seconds after which it looks for what other processes stored."""
    body_timeout: float = 10.0
    """Seconds for a body to arrive. A notification has a few thousand bytes."""
    max_reading: int = 8 * 1024 * 1024
    """How many bytes of bodies are held at once, over all requests.

    Requests that would exceed it are answered with 503. Only bodies of ordinary size,
    up to 16 KiB, may use the second half of it."""
    verify_timeout: float = 5.0
    """Seconds for a signature to be checked, waiting for a turn included."""
    max_verifying: int = 16
    """How many signatures are checked at once.

    Ten times as many requests may wait for it; more are answered with 503."""
    open_timeout: float = 30.0
    """Seconds for the inbox to be opened, and for it to be closed."""
    store_timeout: float = 5.0
    """Seconds for any one thing asked of the inbox, from keeping what came, before
    PayerMax is asked to send again, to noting how a handler ended."""
    lookup_timeout: float = 10.0
    """Seconds for the look-up of what is to be paid."""
    handler_timeout: float = 300.0
    """Seconds after which a handler is cancelled, and has failed. A transaction that
    it shares with the inbox has twice ``store_timeout`` on top, to begin and to end."""
    drain: float = 20.0
    """Seconds that running handlers get when the receiver is closed."""
    other_type: float = 60.0
    """Seconds that a payment nobody handles waits for the notice of its other type,
    PAYMENT or PAYBYLINK, to be handled before an alarm is raised. It waits in the
    inbox, so that no restart forgets it."""
    retention: timedelta = timedelta(days=30)
    """How long raw bytes are kept in the inbox once they are dealt with."""

    def __attrs_post_init__(self) -> None:
        for name in _SECONDS:
            if not _is_number(value := getattr(self, name)) or not 0 < value:
                raise ConfigurationError(
                    f"ReceiverLimits.{name} is a number of seconds, more than 0"
                )
        for name in _MAY_BE_NONE:
            if not _is_number(value := getattr(self, name)) or not 0 <= value:
                raise ConfigurationError(
                    f"ReceiverLimits.{name} is a number of seconds, 0 or more"
                )
        if not self.retention > timedelta(0):
            raise ConfigurationError("ReceiverLimits.retention is more than nothing")
        for name, least in (("workers", 0), ("max_verifying", 1), ("max_reading", 1)):
            if not _is_whole(value := getattr(self, name)) or value < least:
                raise ConfigurationError(
                    f"ReceiverLimits.{name} is a whole number, {least} or more"
                )


@attrs.frozen(kw_only=True)
class HandlerBackoff:
    """Exponential backoff with jitter, over hours: a shop's database may be down.

    The delay after attempt n is between half and all of
    ``min(cap, base * 2 ** (n - 1))`` seconds. By default the last attempt is
    made about nine hours after the first.

    Raises:
        ConfigurationError: A number has no sensible meaning.

    Example:
        >>> HandlerBackoff(max_attempts=1).next_delay(1) is None
        True
    """

    max_attempts: int | None = 20
    """How often a handler is run at the most; ``None`` for no end."""
    base: float = 1.0
    """Seconds; the longest first delay."""
    cap: float = 3600.0
    """Seconds; no delay is longer."""
    draw: Callable[[float, float], float] = attrs.field(
        default=random.uniform, repr=False
    )
    """Draws a number evenly between two bounds."""

    def __attrs_post_init__(self) -> None:
        if self.max_attempts is not None and self.max_attempts < 1:
            raise ConfigurationError("HandlerBackoff.max_attempts is at least 1")
        if not 0 < self.base <= self.cap < float("inf"):
            raise ConfigurationError(
                "HandlerBackoff.base and cap are seconds, 0 < base <= cap"
            )

    def next_delay(self, attempt: int) -> float | None:
        """Seconds to wait after a failed attempt, or ``None`` to give up.

        Args:
            attempt: Its number, 1 for the first.
        """
        if self.max_attempts is not None and attempt >= self.max_attempts:
            return None
        ceiling = min(
            self.cap, self.base * 2.0 ** min(max(attempt, 1) - 1, _MAX_DOUBLINGS)
        )
        # At least half of it: handlers of one broken shop neither rush back nor all at
        # once.
        return self.draw(ceiling / 2, ceiling)


def _is_number(value: object) -> bool:
    # True is an int to Python, and no time to anybody.
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
