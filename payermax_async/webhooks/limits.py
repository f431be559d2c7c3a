"""How much a receiver does at once, and how long it waits for what."""

from __future__ import annotations

from datetime import timedelta

import attrs

from payermax_async.core.errors import ConfigurationError

__all__ = ["ReceiverLimits"]


@attrs.frozen(kw_only=True)
class ReceiverLimits:
    """Numbers of a :class:`~payermax_async.webhooks.Receiver` that rarely change.

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

    Renewed while a handler runs. The machines' clocks should agree to a fraction."""
    poll: float = 1.0
    """Seconds after which it looks for what other processes stored."""
    handler_timeout: float = 300.0
    """Seconds after which a handler is cancelled, and has failed."""
    store_timeout: float = 5.0
    """Seconds the inbox may take before PayerMax is asked to send again."""
    drain: float = 20.0
    """Seconds that running handlers get when the receiver is closed."""
    max_verifying: int = 16
    """How many signatures are checked at once.

    Ten times as many requests may wait for it; more are answered with 503."""
    retention: timedelta = timedelta(days=30)
    """How long raw bytes are kept in the inbox once they are dealt with."""

    def __attrs_post_init__(self) -> None:
        for name in ("lease", "poll", "handler_timeout", "store_timeout"):
            if not 0 < getattr(self, name) < float("inf"):
                raise ConfigurationError(f"ReceiverLimits.{name} is more than 0")
        if not 0 <= self.drain < float("inf"):
            raise ConfigurationError("ReceiverLimits.drain is 0 or more")
        if self.retention <= timedelta(0):
            raise ConfigurationError("ReceiverLimits.retention is more than nothing")
        if self.workers < 0 or self.max_verifying < 1:
            raise ConfigurationError(
                "ReceiverLimits: workers is 0 or more, max_verifying 1 or more"
            )
