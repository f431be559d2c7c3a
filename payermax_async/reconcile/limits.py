"""How much a reconciler does at once, and how long it waits for the shop's code."""

from __future__ import annotations

import math

import attrs

from payermax_async.core.errors import ConfigurationError

__all__ = ["ReconcilerLimits"]


@attrs.frozen(kw_only=True)
class ReconcilerLimits:
    """Numbers of a :class:`~payermax_async.reconcile.Reconciler` that rarely change.

    Questions have the client's own limits, and the inbox the receiver's
    ``store_timeout``. What is still not back when its time is over is cancelled, and
    left to itself when it does not heed that. Code that blocks the event loop cannot
    be bounded from within it: run such code in a thread.

    Raises:
        ConfigurationError: One has no sensible meaning.
    """

    concurrency: int = 4
    """How many links are asked about at once."""
    read_timeout: float = 30.0
    """Seconds for ``open_links`` to name the next link, or to say that there is none;
    and for it to close what it holds."""
    tell_timeout: float = 30.0
    """Seconds for ``tell``."""

    def __attrs_post_init__(self) -> None:
        if type(self.concurrency) is not int or self.concurrency < 1:
            raise ConfigurationError(
                "ReconcilerLimits.concurrency is a whole number, 1 or more"
            )
        for name in ("read_timeout", "tell_timeout"):
            value = getattr(self, name)
            if type(value) not in (int, float) or not 0 < value < math.inf:
                raise ConfigurationError(
                    f"ReconcilerLimits.{name} is a number of seconds, more than 0"
                )
