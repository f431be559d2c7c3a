"""What can be plugged into a client: hooks and their events, middlewares, clock, pace.

A hook gets every event and changes nothing. A middleware is wrapped around every
attempt. A clock tells the time and waits. A limiter decides when an attempt may start.
What a transport of your own can say beside sending is here, too.

Example:
    >>> from payermax_async.hooks import AttemptFinished, Event
    >>> def count(event: Event) -> None:
    ...     if isinstance(event, AttemptFinished) and event.error:
    ...         print(event.operation, event.error)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from payermax_async._lazy import homes_of, lazy_names

if TYPE_CHECKING:
    from payermax_async.clock import Clock, SystemClock
    from payermax_async.pipeline.breaker import BreakerState
    from payermax_async.pipeline.chain import Attempt, CallNext, Middleware
    from payermax_async.pipeline.limiter import Limiter
    from payermax_async.pipeline.observe import (
        AttemptFinished,
        AttemptStarted,
        BreakerChanged,
        CallFinished,
        CallStarted,
        Event,
        FailedOver,
        Hook,
        RetryScheduled,
        SignatureRefused,
        SkewMeasured,
    )
    from payermax_async.transport.base import (
        ForgetsConnections,
        Headers,
        VouchesForPeers,
        header_values,
    )

__all__ = [
    "Attempt",
    "AttemptFinished",
    "AttemptStarted",
    "BreakerChanged",
    "BreakerState",
    "CallFinished",
    "CallNext",
    "CallStarted",
    "Clock",
    "Event",
    "FailedOver",
    "ForgetsConnections",
    "Headers",
    "Hook",
    "Limiter",
    "Middleware",
    "RetryScheduled",
    "SignatureRefused",
    "SkewMeasured",
    "SystemClock",
    "VouchesForPeers",
    "header_values",
]

_HOMES = homes_of(
    __all__,
    {
        "clock": "Clock SystemClock",
        "pipeline.breaker": "BreakerState",
        "pipeline.chain": "Attempt CallNext Middleware",
        "pipeline.limiter": "Limiter",
        "pipeline.observe": (
            "AttemptFinished AttemptStarted BreakerChanged CallFinished CallStarted "
            "Event FailedOver Hook RetryScheduled SignatureRefused SkewMeasured"
        ),
        "transport.base": "ForgetsConnections Headers VouchesForPeers header_values",
    },
)
"""The module that each name lives in, below ``payermax_async``."""

__getattr__: Callable[[str], object]
__dir__: Callable[[], list[str]]
__getattr__, __dir__ = lazy_names(__name__, _HOMES)
