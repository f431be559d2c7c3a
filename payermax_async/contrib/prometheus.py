"""Metrics for Prometheus, with few label values: operations, hosts and outcomes.

Needs the extra ``prometheus``. Nothing of a single link, order, merchant or person
becomes a label, and no label takes more than a hundred values: names that come after
are counted together as ``other``.
"""

from __future__ import annotations

from functools import partial
from weakref import WeakKeyDictionary

from prometheus_client import (
    REGISTRY,
    CollectorRegistry,
    Counter,
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
_BREAKER = "payermax_breaker_state"
# Up to a minute: a call with all its attempts and questions may take that long.
_SECONDS = (0.05, 0.1, 0.2, 0.4, 0.8, 1.5, 3.0, 5.0, 10.0, 15.0, 30.0, 60.0)


class PrometheusHook:
    """A hook that counts the events of clients.

    One for all clients, or one for each: those of one registry count together, as it
    takes each name once.

    ============================================ ========= =====================
    metric                                       kind      labels
    ============================================ ========= =====================
    ``payermax_calls_in_progress``               gauge     operation
    ``payermax_call_duration_seconds``           histogram operation, outcome
    ``payermax_attempts_total``                  counter   operation, outcome
    ``payermax_attempt_duration_seconds``        histogram operation
    ``payermax_retries_total``                   counter   operation
    ``payermax_failovers_total``                 counter   host
    ``payermax_breaker_state``                   gauge     host, and its own name
    ``payermax_clock_offset_seconds``            gauge     host
    ``payermax_refused_signatures_total``        counter   host
    ============================================ ========= =====================

    ``outcome`` is ``ok``, ``rejected``, ``not_sent`` or ``unknown``. The clock's
    offset is the last that was large enough to tell, seconds the gateway is ahead.

    Processes that share a scrape (``PROMETHEUS_MULTIPROC_DIR``) add up: the breaker's
    gauge then tells how many of those that live are in each state, the offset the
    latest that any of them measured.

    Args:
        registry: Where the metrics are kept; the library's own when left out.

    Example:
        >>> metrics = PrometheusHook()  # doctest: +SKIP
        >>> client = PayerMaxClient(config, hooks=[metrics])  # doctest: +SKIP
    """

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        made = _MADE.get(registry)
        if made is None:
            made = _MADE[registry] = _Metrics(registry)
        self._metrics = made

    def __call__(self, event: Event) -> None:
        """Count an event."""
        metrics = self._metrics
        match event:
            case CallStarted():
                metrics.in_progress.labels(metrics.operations(event.operation)).inc()
            case CallFinished():
                metrics.in_progress.labels(metrics.operations(event.operation)).dec()
                metrics.calls.labels(
                    metrics.operations(event.operation), _name(event.outcome)
                ).observe(event.elapsed)
            case AttemptStarted():
                # Shows the host, closed at first, from its first request on.
                metrics.first_seen(metrics.hosts(event.host))
            case AttemptFinished():
                metrics.attempts.labels(
                    metrics.operations(event.operation), _name(event.outcome)
                ).inc()
                metrics.attempt_seconds.labels(
                    metrics.operations(event.operation)
                ).observe(event.elapsed)
            case RetryScheduled():
                metrics.retries.labels(metrics.operations(event.operation)).inc()
            case FailedOver():
                metrics.failovers.labels(metrics.hosts(event.host)).inc()
            case BreakerChanged():
                metrics.breaker_is(metrics.hosts(event.host), event.state)
            case SkewMeasured():
                metrics.skew.labels(metrics.hosts(event.host)).set(event.offset)
            case SignatureRefused():
                metrics.signatures.labels(metrics.hosts(event.host)).inc()
            case _:
                pass  # an event of a later version


class _Metrics:
    """The metrics in one registry, and what their labels have taken so far."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.operations = _Few()
        self.hosts = _Few()
        gauge = partial(Gauge, registry=registry)
        count = partial(Counter, registry=registry)
        seconds = partial(Histogram, buckets=_SECONDS, registry=registry)
        self.in_progress = gauge(
            "payermax_calls_in_progress",
            "Calls under way",
            ["operation"],
            # Those of processes that have ended are not under way any more.
            multiprocess_mode="livesum",
        )
        self.calls = seconds(
            "payermax_call_duration_seconds",
            "How long calls took, with all attempts, waits and questions",
            ["operation", "outcome"],
        )
        self.attempts = count(
            "payermax_attempts",
            "Requests that were, or were to be, sent",
            ["operation", "outcome"],
        )
        self.attempt_seconds = seconds(
            "payermax_attempt_duration_seconds",
            "How long single attempts took, waiting for a free slot included",
            ["operation"],
        )
        self.retries = count(
            "payermax_retries", "Attempts that were followed by another", ["operation"]
        )
        self.failovers = count(
            "payermax_failovers", "Requests that went to a backup host", ["host"]
        )
        # As an Enum shows it, which is refused where several processes share metrics.
        self.breaker = gauge(
            _BREAKER,
            "Whether requests go to a host",
            ["host", _BREAKER],
            multiprocess_mode="livesum",
        )
        self.skew = gauge(
            "payermax_clock_offset_seconds",
            "By how much the gateway's clock is ahead, as last told",
            ["host"],
            multiprocess_mode="livemostrecent",
        )
        self.signatures = count(
            "payermax_refused_signatures",
            "Replies whose signature was wrong or missing",
            ["host"],
        )

        self._shown: set[str] = set()

    def first_seen(self, host: str) -> None:
        """Show a host whose breaker has not spoken yet as closed."""
        if host not in self._shown:
            self.breaker_is(host, BreakerState.CLOSED)
            self.signatures.labels(host)

    def breaker_is(self, host: str, state: BreakerState) -> None:
        """Show the state of a host's breaker in this process."""
        self._shown.add(host)
        for other in BreakerState:
            self.breaker.labels(host, other.name.lower()).set(other is state)


# A registry cannot be asked for what it holds, and refuses a name the second time.
_MADE: WeakKeyDictionary[CollectorRegistry, _Metrics] = WeakKeyDictionary()


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
