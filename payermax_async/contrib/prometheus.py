"""Metrics for Prometheus, with few label values: operations, hosts and outcomes.

Needs the extra ``prometheus``. Nothing of a single link, order, merchant or person
becomes a label, and no label takes more than a hundred values: names that come after
are counted together as ``other``.
"""

from __future__ import annotations

from prometheus_client import (
    REGISTRY,
    CollectorRegistry,
    Counter,
    Enum,
    Gauge,
    Histogram,
)

from payermax_async.core.errors import Outcome
from payermax_async.pipeline.breaker import BreakerState
from payermax_async.pipeline.observe import (
    AttemptFinished,
    AttemptStarted,
    BreakerChanged,
    CallFinished,
    CallStarted,
    Event,
    FailedOver,
    RetryScheduled,
    SignatureRefused,
    SkewMeasured,
)

__all__ = ["PrometheusHook"]

_VALUES_PER_LABEL = 100
_OTHER = "other"
_SECONDS = (0.05, 0.1, 0.2, 0.4, 0.8, 1.5, 3.0, 5.0, 10.0, 15.0, 30.0, 60.0)


class PrometheusHook:
    """A hook that counts the events of clients.

    Make one for a registry and give it to all clients: a registry takes each name
    once.

    ============================================ ========= =====================
    metric                                       kind      labels
    ============================================ ========= =====================
    ``payermax_calls_in_progress``               gauge     operation
    ``payermax_call_duration_seconds``           histogram operation, outcome
    ``payermax_attempts_total``                  counter   operation, outcome
    ``payermax_attempt_duration_seconds``        histogram operation
    ``payermax_retries_total``                   counter   operation
    ``payermax_failovers_total``                 counter   host
    ``payermax_breaker_state``                   enum      host
    ``payermax_clock_offset_seconds``            gauge     host
    ``payermax_refused_signatures_total``        counter   host
    ============================================ ========= =====================

    ``outcome`` is ``ok``, ``rejected``, ``not_sent`` or ``unknown``. The clock's
    offset is the last that was large enough to tell, seconds the gateway is ahead.

    Args:
        registry: Where the metrics are kept; the library's own when left out.

    Example:
        >>> metrics = PrometheusHook()  # doctest: +SKIP
        >>> client = PayerMaxClient(config, hooks=[metrics])  # doctest: +SKIP
    """

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self._operations = _Few()
        self._hosts = _Few()
        self._in_progress = Gauge(
            "payermax_calls_in_progress",
            "Calls under way",
            ["operation"],
            registry=registry,
        )
        self._calls = Histogram(
            "payermax_call_duration_seconds",
            "How long calls took, with all attempts, waits and questions",
            ["operation", "outcome"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._attempts = Counter(
            "payermax_attempts",
            "Requests that were, or were to be, sent",
            ["operation", "outcome"],
            registry=registry,
        )
        self._attempt_seconds = Histogram(
            "payermax_attempt_duration_seconds",
            "How long single attempts took, waiting for a free slot included",
            ["operation"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._retries = Counter(
            "payermax_retries",
            "Attempts that were followed by another",
            ["operation"],
            registry=registry,
        )
        self._failovers = Counter(
            "payermax_failovers",
            "Requests that went to a backup host",
            ["host"],
            registry=registry,
        )
        self._breaker = Enum(
            "payermax_breaker_state",
            "Whether requests go to a host",
            ["host"],
            states=[state.name.lower() for state in BreakerState],
            registry=registry,
        )
        self._skew = Gauge(
            "payermax_clock_offset_seconds",
            "By how much the gateway's clock is ahead, as last told",
            ["host"],
            registry=registry,
        )
        self._signatures = Counter(
            "payermax_refused_signatures",
            "Replies whose signature was wrong or missing",
            ["host"],
            registry=registry,
        )

    def __call__(self, event: Event) -> None:
        """Count an event."""
        match event:
            case CallStarted():
                self._in_progress.labels(self._operations(event.operation)).inc()
            case CallFinished():
                self._in_progress.labels(self._operations(event.operation)).dec()
                self._calls.labels(
                    self._operations(event.operation), _name(event.outcome)
                ).observe(event.elapsed)
            case AttemptStarted():
                # Shows the host, closed at first, from its first request on.
                self._breaker.labels(self._hosts(event.host))
                self._signatures.labels(self._hosts(event.host))
            case AttemptFinished():
                self._attempts.labels(
                    self._operations(event.operation), _name(event.outcome)
                ).inc()
                self._attempt_seconds.labels(self._operations(event.operation)).observe(
                    event.elapsed
                )
            case RetryScheduled():
                self._retries.labels(self._operations(event.operation)).inc()
            case FailedOver():
                self._failovers.labels(self._hosts(event.host)).inc()
            case BreakerChanged():
                self._breaker.labels(self._hosts(event.host)).state(
                    event.state.name.lower()
                )
            case SkewMeasured():
                self._skew.labels(self._hosts(event.host)).set(event.offset)
            case SignatureRefused():
                self._signatures.labels(self._hosts(event.host)).inc()
            case _:
                pass  # an event of a later version


def _name(outcome: Outcome | None) -> str:
    return "ok" if outcome is None else outcome.name.lower()


class _Few:
    """The values of a label, as they come; of too many the later ones are one.

    Any name may be called raw, and every value costs memory for as long as the
    process lives, here and in the database of metrics.
    """

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def __call__(self, value: str) -> str:
        if value in self._seen:
            return value
        if len(self._seen) >= _VALUES_PER_LABEL:
            return _OTHER
        self._seen.add(value)
        return value
