"""Metrics for Prometheus, with few label values: operations, hosts and outcomes.

Needs the extra ``prometheus``. Nothing of a single link, order, merchant or person
becomes a label.
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
                self._in_progress.labels(event.operation).inc()
            case CallFinished():
                self._in_progress.labels(event.operation).dec()
                self._calls.labels(event.operation, _name(event.outcome)).observe(
                    event.elapsed
                )
            case AttemptStarted():
                # Shows the host, closed at first, from its first request on.
                self._breaker.labels(event.host)
                self._signatures.labels(event.host)
            case AttemptFinished():
                self._attempts.labels(event.operation, _name(event.outcome)).inc()
                self._attempt_seconds.labels(event.operation).observe(event.elapsed)
            case RetryScheduled():
                self._retries.labels(event.operation).inc()
            case FailedOver():
                self._failovers.labels(event.host).inc()
            case BreakerChanged():
                self._breaker.labels(event.host).state(event.state.name.lower())
            case SkewMeasured():
                self._skew.labels(event.host).set(event.offset)
            case SignatureRefused():
                self._signatures.labels(event.host).inc()
            case _:
                pass  # an event of a later version


def _name(outcome: Outcome | None) -> str:
    return "ok" if outcome is None else outcome.name.lower()
