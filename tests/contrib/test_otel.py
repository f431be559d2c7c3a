"""One span a call and one a send, named as the conventions for HTTP clients ask."""

from __future__ import annotations

import asyncio

import attrs
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from payermax_async.config import Environment
from payermax_async.contrib.otel import OpenTelemetryHook
from payermax_async.core.errors import PayerMaxError
from payermax_async.pipeline.breaker import BreakerPolicy
from payermax_async.pipeline.observe import (
    AttemptFinished,
    AttemptStarted,
    CallFinished,
)
from payermax_async.pipeline.retry import RetryPolicy
from payermax_async.transport.base import HttpRequest, HttpResponse

from ..pipeline.gateway import (
    CONFIG,
    MERCHANT,
    LinkGateway,
    QuickSigner,
    answers,
    client_of,
    done_without_answer,
    order,
    refused_connection,
    replies,
)

PATH = "/aggregate-pay/api/gateway"
UNAVAILABLE = HttpResponse(status=503, headers=(), body=b"")


@attrs.frozen
class Tracing:
    exporter: InMemorySpanExporter
    provider: TracerProvider

    def spans(self, kind: SpanKind) -> list[ReadableSpan]:
        ended = self.exporter.get_finished_spans()
        return sorted(
            (span for span in ended if span.kind is kind),
            key=lambda span: span.start_time or 0,
        )

    @property
    def calls(self) -> list[ReadableSpan]:
        return self.spans(SpanKind.INTERNAL)

    @property
    def attempts(self) -> list[ReadableSpan]:
        return self.spans(SpanKind.CLIENT)


@pytest.fixture
def tracing() -> Tracing:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return Tracing(exporter, provider)


def parent_of(span: ReadableSpan) -> int | None:
    return span.parent.span_id if span.parent else None


def id_of(span: ReadableSpan) -> int:
    context = span.get_span_context()
    assert context is not None
    return context.span_id


async def test_a_call_that_works_is_two_spans(tracing: Tracing) -> None:
    hook = OpenTelemetryHook(tracing.provider)
    tracer = tracing.provider.get_tracer("shop")
    async with client_of(LinkGateway(), hooks=[hook]) as client:
        with tracer.start_as_current_span("checkout", kind=SpanKind.SERVER) as root:
            await client.create_link(order())
    [call], [attempt] = tracing.calls, tracing.attempts
    assert parent_of(call) == root.get_span_context().span_id
    assert parent_of(attempt) == id_of(call)
    assert call.name == "payermax createPaybylink"
    assert dict(call.attributes or {}) == {
        "payermax.operation": "createPaybylink",
        "payermax.attempts": 1,
        "payermax.outcome": "ok",
    }
    assert attempt.name == f"POST {PATH}/createPaybylink"
    assert dict(attempt.attributes or {}) == {
        "http.request.method": "POST",
        "http.response.status_code": 200,
        "server.address": "gateway.test",
        "server.port": 443,
        "url.full": f"https://gateway.test{PATH}/createPaybylink",
        "url.template": f"{PATH}/createPaybylink",
        "payermax.operation": "createPaybylink",
        "payermax.attempt": 1,
        "payermax.outcome": "ok",
    }
    assert {call.status.status_code, attempt.status.status_code} == {StatusCode.UNSET}


@pytest.mark.parametrize(
    ("base_url", "address", "port"),
    [
        ("https://gateway.test:8443/x", "gateway.test", 8443),
        ("http://127.0.0.1/x", "127.0.0.1", 80),
        ("http://[::1]:9000/x", "::1", 9000),
    ],
)
async def test_address_and_port_are_told_apart(
    tracing: Tracing, base_url: str, address: str, port: int
) -> None:
    config = attrs.evolve(CONFIG, environment=Environment.at(base_url))
    hook = OpenTelemetryHook(tracing.provider)
    async with client_of(LinkGateway(), config=config, hooks=[hook]) as client:
        await client.create_link(order())
    [attempt] = tracing.attempts
    assert (attempt.attributes or {})["server.address"] == address
    assert (attempt.attributes or {})["server.port"] == port


async def test_every_send_of_a_call_is_a_child_with_its_own_end(
    tracing: Tracing,
) -> None:
    gateway = LinkGateway(createPaybylink=[refused_connection, done_without_answer])
    hook = OpenTelemetryHook(tracing.provider)
    async with client_of(gateway, hooks=[hook]) as client:
        await client.create_link(order())
    [call] = tracing.calls
    ends = [
        (
            (attempt.attributes or {})["payermax.operation"],
            (attempt.attributes or {})["payermax.attempt"],
            (attempt.attributes or {})["payermax.outcome"],
            (attempt.attributes or {}).get("error.type"),
        )
        for attempt in tracing.attempts
    ]
    assert ends == [
        ("createPaybylink", 1, "not sent", "NotSentError"),
        ("createPaybylink", 2, "unknown", "NoReplyError"),
        ("queryPaybylink", 3, "ok", None),
    ]
    assert {parent_of(attempt) for attempt in tracing.attempts} == {id_of(call)}
    assert (call.attributes or {})["payermax.attempts"] == 2
    assert (call.attributes or {})["payermax.questions"] == 1
    assert [event.name for event in call.events] == ["retry scheduled"]
    assert dict(call.events[0].attributes or {}) == {
        "payermax.delay": 0.1,
        "error.type": "NotSentError",
    }


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (
            answers("PARAMS_INVALID"),
            {
                "http.response.status_code": 200,
                "error.type": "InvalidRequestError",
                "payermax.code": "PARAMS_INVALID",
                "payermax.outcome": "rejected",
            },
        ),
        (
            replies(UNAVAILABLE),
            {
                "http.response.status_code": 503,
                "error.type": "503",
                "payermax.outcome": "unknown",
            },
        ),
    ],
)
async def test_a_failure_is_marked_and_says_which(
    tracing: Tracing, response: object, expected: dict[str, object]
) -> None:
    gateway = LinkGateway(queryPaybylink=[response])  # type: ignore[list-item]
    hook = OpenTelemetryHook(tracing.provider)
    once = RetryPolicy(max_attempts=1)
    async with client_of(gateway, hooks=[hook], retry=once) as client:
        with pytest.raises(PayerMaxError) as caught:
            await client.query_link("order-1")
    [call], [attempt] = tracing.calls, tracing.attempts
    found = dict(attempt.attributes or {})
    assert {name: found.get(name) for name in expected} == expected
    assert (call.attributes or {})["error.type"] == type(caught.value).__name__
    for span in (call, attempt):
        assert span.status.status_code is StatusCode.ERROR
        assert span.status.description is None


async def test_failover_and_a_refused_signature_are_marks_of_the_call(
    tracing: Tracing,
) -> None:
    environment = Environment(
        name="x", base_url=f"https://gateway.test{PATH}", backup_url="https://b.test"
    )
    gateway = LinkGateway()

    def handler(request: HttpRequest) -> HttpResponse | Exception:
        if "gateway.test" in request.url:
            return HttpResponse(status=200, headers=(("sign", "AAAA"),), body=b"{}")
        return gateway(request)

    hook = OpenTelemetryHook(tracing.provider)
    async with client_of(
        handler,
        config=attrs.evolve(CONFIG, environment=environment),
        hooks=[hook],
        breaker=BreakerPolicy(min_calls=1),
        failover=True,
    ) as client:
        with pytest.raises(PayerMaxError):
            await client.query_link("order-1")
    [call] = tracing.calls
    marks = [(event.name, dict(event.attributes or {})) for event in call.events]
    assert marks[0] == ("signature refused", {"server.address": "gateway.test"})
    assert ("failover", {"server.address": "b.test"}) in marks


@pytest.mark.parametrize("wanted", [True, False])
async def test_the_merchants_ids_are_there_only_when_asked_for(
    tracing: Tracing, wanted: bool
) -> None:
    hook = OpenTelemetryHook(tracing.provider, merchant_keys=wanted)
    async with client_of(LinkGateway(), hooks=[hook]) as client:
        await client.create_link(order("my-order-7"))
    for span in tracing.exporter.get_finished_spans():
        assert ("my-order-7" in span.to_json()) == wanted


async def test_no_span_holds_what_was_sent_or_received(tracing: Tracing) -> None:
    hook = OpenTelemetryHook(tracing.provider)
    async with client_of(LinkGateway(), hooks=[hook]) as client:
        link = await client.create_link(order())
    text = "".join(span.to_json() for span in tracing.exporter.get_finished_spans())
    for secret in ("Blue T-shirt", "u-98", "19.90", link.link_url, CONFIG.app_id):
        assert secret not in text
    assert MERCHANT.to_base64()[50:90] not in text


async def test_concurrent_calls_of_several_clients_keep_their_spans(
    tracing: Tracing,
) -> None:
    hook = OpenTelemetryHook(tracing.provider, merchant_keys=True)
    async with (
        client_of(LinkGateway(), hooks=[hook], signer=QuickSigner()) as one,
        client_of(LinkGateway(), hooks=[hook], signer=QuickSigner()) as other,
    ):
        await asyncio.gather(
            *(one.create_link(order(f"one-{number}")) for number in range(10)),
            *(other.create_link(order(f"other-{number}")) for number in range(10)),
        )
    calls = {id_of(call): call for call in tracing.calls}
    assert len(calls) == len(tracing.attempts) == 20
    for attempt in tracing.attempts:
        call = calls[parent_of(attempt) or 0]
        key = "payermax.merchant_key"
        assert (attempt.attributes or {})[key] == (call.attributes or {})[key]


async def test_a_cancelled_call_ends_its_spans(tracing: Tracing) -> None:
    arrived = asyncio.Event()

    async def stuck(_request: HttpRequest) -> HttpResponse:
        arrived.set()
        await asyncio.Event().wait()
        return UNAVAILABLE  # pragma: no cover - never reached

    hook = OpenTelemetryHook(tracing.provider)
    async with client_of(stuck, hooks=[hook]) as client:
        task = asyncio.create_task(client.create_link(order()))
        await arrived.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    [call], [attempt] = tracing.calls, tracing.attempts
    for span in (call, attempt):
        assert (span.attributes or {})["error.type"] == "CancelledError"
        assert (span.attributes or {})["payermax.outcome"] == "unknown"


def test_ends_without_a_start_are_ignored(tracing: Tracing) -> None:
    hook = OpenTelemetryHook(tracing.provider)
    facts = {"call_id": 1, "operation": "o", "merchant_key": None}
    hook(AttemptFinished(**facts, number=1, host="h", elapsed=0, outcome=None))  # type: ignore[arg-type]
    hook(CallFinished(**facts, attempts=1, elapsed=0, outcome=None))  # type: ignore[arg-type]
    assert tracing.exporter.get_finished_spans() == ()


def test_a_hook_that_joined_late_still_makes_spans(tracing: Tracing) -> None:
    hook = OpenTelemetryHook(tracing.provider)
    facts = {"call_id": 1, "operation": "o", "merchant_key": None}
    sent = {**facts, "number": 1, "host": "h"}
    hook(AttemptStarted(**sent, url="https://h/o"))  # type: ignore[arg-type]
    hook(AttemptFinished(**sent, elapsed=0, outcome=None))  # type: ignore[arg-type]
    [attempt] = tracing.attempts
    assert attempt.parent is None


def test_without_a_provider_the_global_one_is_used() -> None:
    hook = OpenTelemetryHook()
    hook(
        AttemptStarted(
            call_id=1,
            operation="o",
            merchant_key=None,
            number=1,
            host="h",
            url="https://h/o",
        )
    )
    assert isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)
