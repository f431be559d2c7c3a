"""What is counted, and that no label grows with the number of links."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import weakref
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from payermax_async.contrib.prometheus import PrometheusHook
from payermax_async.core.errors import PayerMaxError
from payermax_async.pipeline.breaker import BreakerPolicy, BreakerState
from payermax_async.pipeline.observe import (
    AttemptFinished,
    AttemptStarted,
    BreakerChanged,
    CallFinished,
    CallStarted,
    FailedOver,
    SignatureRefused,
    SkewMeasured,
)
from payermax_async.pipeline.retry import RetryPolicy
from payermax_async.transport.base import HttpResponse

from ..pipeline.gateway import (
    LinkGateway,
    QuickSigner,
    answers,
    client_of,
    done_without_answer,
    order,
    refused_connection,
    replies,
)

# What two processes do: count, and end.
PROCESS = """
from payermax_async.contrib.prometheus import PrometheusHook
from payermax_async.pipeline.breaker import BreakerState
from payermax_async.pipeline.observe import BreakerChanged, FailedOver
hook, again = PrometheusHook(), PrometheusHook()
named = {"call_id": 1, "operation": "x", "merchant_key": None}
hook(FailedOver(host="gateway.test", **named))
again(BreakerChanged(host="gateway.test", state=BreakerState.OPEN))
"""
SCRAPE = """
from prometheus_client import CollectorRegistry, generate_latest, multiprocess
registry = CollectorRegistry()
multiprocess.MultiProcessCollector(registry)
print(generate_latest(registry).decode())
"""


def test_processes_that_share_a_scrape_add_up(tmp_path: Path) -> None:
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}

    def run(program: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", program],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    run(PROCESS)
    run(PROCESS)
    shown = run(SCRAPE)
    assert 'payermax_failovers_total{host="gateway.test"} 2.0' in shown
    state = '{host="gateway.test",payermax_breaker_state="open"} 2.0'
    assert f"payermax_breaker_state{state}" in shown


UNAVAILABLE = HttpResponse(status=503, headers=(), body=b"")
FORGED = HttpResponse(status=200, headers=(("sign", "AAAA"),), body=b"{}")


def value(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    return registry.get_sample_value(f"payermax_{name}", labels)


def series(registry: CollectorRegistry) -> int:
    return sum(len(list(metric.samples)) for metric in registry.collect())


async def test_calls_attempts_and_retries_are_counted_by_outcome() -> None:
    registry = CollectorRegistry()
    gateway = LinkGateway(
        createPaybylink=[refused_connection, done_without_answer],
        expirePaybylink=[answers("PARAMS_INVALID")],
    )
    async with client_of(gateway, hooks=[PrometheusHook(registry)]) as client:
        await client.create_link(order())
        with pytest.raises(PayerMaxError):
            await client.expire_link("order-1")
    expected = {
        ("createPaybylink", "not_sent"): 1,
        ("createPaybylink", "unknown"): 1,
        ("queryPaybylink", "ok"): 1,
        ("expirePaybylink", "rejected"): 1,
        ("createPaybylink", "ok"): None,
    }
    for (operation, outcome), count in expected.items():
        labels = {"operation": operation, "outcome": outcome}
        assert value(registry, "attempts_total", **labels) == count
    for operation, outcome in {
        ("createPaybylink", "ok"),
        ("expirePaybylink", "rejected"),
    }:
        labels = {"operation": operation, "outcome": outcome}
        assert value(registry, "call_duration_seconds_count", **labels) == 1
    create = {"operation": "createPaybylink"}
    assert value(registry, "retries_total", **create) == 1
    assert value(registry, "attempt_duration_seconds_count", **create) == 2
    assert value(registry, "calls_in_progress", **create) == 0


async def test_a_call_under_way_is_in_progress() -> None:
    registry = CollectorRegistry()
    seen = list[float | None]()
    gateway = LinkGateway()

    def handler(request: object) -> HttpResponse | Exception:
        seen.append(value(registry, "calls_in_progress", operation="createPaybylink"))
        return gateway(request)  # type: ignore[arg-type]

    async with client_of(handler, hooks=[PrometheusHook(registry)]) as client:
        await client.create_link(order())
    assert seen == [1.0]


async def test_the_breaker_shows_one_state_per_host() -> None:
    registry = CollectorRegistry()
    gateway = LinkGateway()
    hook = PrometheusHook(registry)

    def states() -> dict[str, float | None]:
        return {
            state.name.lower(): value(
                registry,
                "breaker_state",
                host="gateway.test",
                payermax_breaker_state=state.name.lower(),
            )
            for state in BreakerState
        }

    async with client_of(
        gateway,
        hooks=[hook],
        breaker=BreakerPolicy(min_calls=1, failure_ratio=0.5),
        retry=RetryPolicy(max_attempts=1),
    ) as client:
        await client.create_link(order())
        assert states() == {"closed": 1, "open": 0, "half_open": 0}
        gateway.script["queryPaybylink"] = [replies(UNAVAILABLE)]
        with pytest.raises(PayerMaxError):
            await client.query_link("order-1")
        assert states() == {"closed": 0, "open": 1, "half_open": 0}
    hook(BreakerChanged(host="gateway.test", state=BreakerState.HALF_OPEN))
    assert states() == {"closed": 0, "open": 0, "half_open": 1}


async def test_refused_signatures_are_counted_from_zero() -> None:
    registry = CollectorRegistry()
    gateway = LinkGateway()
    async with client_of(gateway, hooks=[PrometheusHook(registry)]) as client:
        await client.create_link(order())
        host = {"host": "gateway.test"}
        assert value(registry, "refused_signatures_total", **host) == 0
        gateway.script["queryPaybylink"] = [replies(FORGED)] * 2
        await client.query_link("order-1")
        assert value(registry, "refused_signatures_total", **host) == 2


def test_skew_and_failover_are_told_by_host() -> None:
    registry = CollectorRegistry()
    hook = PrometheusHook(registry)
    hook(SkewMeasured(host="a", offset=-42.5, corrected=False))
    hook(FailedOver(call_id=1, operation="o", merchant_key="k", host="b"))
    assert value(registry, "clock_offset_seconds", host="a") == -42.5
    assert value(registry, "failovers_total", host="b") == 1


async def test_the_number_of_series_does_not_grow_with_the_links() -> None:
    registry = CollectorRegistry()
    hook = PrometheusHook(registry)
    async with client_of(LinkGateway(), hooks=[hook], signer=QuickSigner()) as client:
        await client.create_link(order("order-0"))
        few = series(registry)
        for number in range(1, 50):
            await client.create_link(order(f"order-{number}"))
    assert series(registry) == few
    assert b"order-" not in generate_latest(registry)


async def test_one_hook_serves_several_clients() -> None:
    registry = CollectorRegistry()
    hook = PrometheusHook(registry)
    for key in ("a", "b"):
        async with client_of(LinkGateway(), hooks=[hook]) as client:
            await client.create_link(order(key))
    labels = {"operation": "createPaybylink", "outcome": "ok"}
    assert value(registry, "attempts_total", **labels) == 2


def test_names_nobody_limits_do_not_become_a_series_each() -> None:
    registry = CollectorRegistry()
    hook = PrometheusHook(registry)
    for number in range(5_000):
        facts: dict[str, Any] = {
            "call_id": number,
            "operation": f"call{number}",
            "merchant_key": None,
        }
        host = f"h{number}.test"
        hook(CallStarted(**facts))
        hook(AttemptStarted(**facts, number=1, host=host, url=f"https://{host}"))
        hook(AttemptFinished(**facts, number=1, host=host, elapsed=0.1, outcome=None))
        hook(SignatureRefused(**facts, host=host))
        hook(CallFinished(**facts, attempts=1, elapsed=0.1, outcome=None))
    assert series(registry) < 10_000
    many = {"operation": "other", "outcome": "ok"}
    assert value(registry, "attempts_total", **many) == 4_900
    assert value(registry, "attempts_total", operation="call7", outcome="ok") == 1
    assert value(registry, "calls_in_progress", operation="other") == 0
    assert value(registry, "refused_signatures_total", host="other") == 4_900


def test_hooks_of_one_registry_count_together_and_those_of_two_apart() -> None:
    registry, other = CollectorRegistry(), CollectorRegistry()
    hooks = [PrometheusHook(registry), PrometheusHook(registry), PrometheusHook(other)]
    for hook in hooks:
        hook(CallStarted(call_id=1, operation="createPaybylink", merchant_key="a"))
    started = {"operation": "createPaybylink"}
    assert value(registry, "calls_in_progress", **started) == 2
    assert value(other, "calls_in_progress", **started) == 1


def test_hooks_of_one_registry_share_the_limit_of_a_label() -> None:
    registry = CollectorRegistry()
    for number in range(150):
        hook = PrometheusHook(registry)
        hook(CallStarted(call_id=1, operation=f"raw{number}", merchant_key=None))
    assert value(registry, "calls_in_progress", operation="other") == 50


def test_what_is_counted_goes_with_its_registry() -> None:
    registry = weakref.ref(made := CollectorRegistry())
    PrometheusHook(made)
    del made
    gc.collect()
    assert registry() is None
