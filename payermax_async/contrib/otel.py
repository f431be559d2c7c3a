"""Traces with OpenTelemetry: a span for every call, below it one for every send.

Needs the extra ``otel``, which brings the API only; the application chooses an SDK.
Names follow the semantic conventions for HTTP clients
(https://opentelemetry.io/docs/specs/semconv/http/http-spans/). No span holds a
request, a reply, a key, a card or a person.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, StatusCode, TracerProvider
from opentelemetry.util.types import AttributeValue

from payermax_async import __version__
from payermax_async.core.errors import Outcome
from payermax_async.pipeline.observe import (
    AttemptFinished,
    AttemptStarted,
    CallFinished,
    CallStarted,
    Event,
    FailedOver,
    RetryScheduled,
    SignatureRefused,
)

__all__ = ["OpenTelemetryHook"]

_FIRST_ERROR_STATUS = 400


class OpenTelemetryHook:
    """A hook that turns the events of clients into spans.

    A span of a call becomes a child of the span that is current where the client
    is called. One hook may serve many clients.

    Args:
        tracer_provider: Where spans go; the global one when left out.
        merchant_keys: Whether to put the merchant's own ids, such as
            ``merchantLinkId``, on spans as ``payermax.merchant_key``.

    Example:
        >>> client = PayerMaxClient(config, hooks=[OpenTelemetryHook()])
        ... # doctest: +SKIP
    """

    def __init__(
        self,
        tracer_provider: TracerProvider | None = None,
        *,
        merchant_keys: bool = False,
    ) -> None:
        self._tracer = trace.get_tracer("payermax_async", __version__, tracer_provider)
        self._merchant_keys = merchant_keys
        self._calls: dict[int, Span] = {}
        self._attempts: dict[tuple[int, int], Span] = {}

    def __call__(self, event: Event) -> None:
        """Start, mark or end a span."""
        match event:
            case CallStarted():
                self._start_call(event)
            case AttemptStarted():
                self._start_attempt(event)
            case AttemptFinished():
                self._end_attempt(event)
            case CallFinished():
                self._end_call(event)
            case RetryScheduled():
                self._mark(
                    event.call_id,
                    "retry scheduled",
                    {"payermax.delay": event.delay, "error.type": event.error},
                )
            case FailedOver():
                self._mark(event.call_id, "failover", _address(event.host))
            case SignatureRefused():
                self._mark(event.call_id, "signature refused", _address(event.host))
            case _:
                pass  # of a host, not of a call: a matter for metrics

    def _start_call(self, event: CallStarted) -> None:
        self._calls[event.call_id] = self._tracer.start_span(
            f"payermax {event.operation}",
            kind=SpanKind.INTERNAL,
            attributes=self._about(event.operation, event.merchant_key),
        )

    def _start_attempt(self, event: AttemptStarted) -> None:
        call = self._calls.get(event.call_id)
        parts = urlsplit(event.url)
        attributes: dict[str, AttributeValue] = {
            **self._about(event.operation, event.merchant_key),
            **_address(event.host),
            "http.request.method": "POST",
            "url.full": event.url,
            "url.template": parts.path,
            "payermax.attempt": event.number,
        }
        if "server.port" not in attributes:
            attributes["server.port"] = 443 if parts.scheme == "https" else 80
        self._attempts[event.call_id, event.number] = self._tracer.start_span(
            # The path of an operation holds no id, so there are few names of spans.
            f"POST {parts.path}",
            context=None if call is None else trace.set_span_in_context(call),
            kind=SpanKind.CLIENT,
            attributes=attributes,
        )

    def _end_attempt(self, event: AttemptFinished) -> None:
        # Taken out: a span that is kept is memory for as long as the client lives.
        span = self._attempts.pop((event.call_id, event.number), None)
        if span is None:
            return
        error = event.error
        if event.status is not None:
            span.set_attribute("http.response.status_code", event.status)
            if event.status >= _FIRST_ERROR_STATUS:
                error = str(event.status)
        if event.code is not None:
            span.set_attribute("payermax.code", event.code)
        _end(span, event.outcome, error)

    def _end_call(self, event: CallFinished) -> None:
        span = self._calls.pop(event.call_id, None)
        if span is None:
            return
        span.set_attribute("payermax.attempts", event.attempts)
        if event.questions:
            span.set_attribute("payermax.questions", event.questions)
        _end(span, event.outcome, event.error)

    def _mark(
        self, call_id: int, name: str, attributes: dict[str, AttributeValue]
    ) -> None:
        span = self._calls.get(call_id)
        if span is not None:
            span.add_event(name, attributes)

    def _about(
        self, operation: str, merchant_key: str | None
    ) -> dict[str, AttributeValue]:
        about: dict[str, AttributeValue] = {"payermax.operation": operation}
        if self._merchant_keys and merchant_key is not None:
            about["payermax.merchant_key"] = merchant_key
        return about


def _address(host: str) -> dict[str, AttributeValue]:
    parts = urlsplit(f"//{host}")
    address: dict[str, AttributeValue] = {"server.address": parts.hostname or host}
    if parts.port is not None:
        address["server.port"] = parts.port
    return address


def _end(span: Span, outcome: Outcome | None, error: str | None) -> None:
    span.set_attribute("payermax.outcome", "ok" if outcome is None else outcome.value)
    if error is not None:
        span.set_attribute("error.type", error)
        # No description: the text of an error is not made for traces.
        span.set_status(StatusCode.ERROR)
    span.end()
