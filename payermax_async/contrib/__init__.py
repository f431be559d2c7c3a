"""Hooks for observability tools, each loaded with its tool when it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from payermax_async._lazy import lazy_names

if TYPE_CHECKING:
    from payermax_async.contrib.otel import OpenTelemetryHook
    from payermax_async.contrib.prometheus import PrometheusHook

__all__ = [
    "OpenTelemetryHook",
    "PrometheusHook",
]

_HOMES = {
    "OpenTelemetryHook": "contrib.otel",
    "PrometheusHook": "contrib.prometheus",
}
"""The module that each name lives in, below ``payermax_async``."""

__getattr__: Callable[[str], object]
__dir__: Callable[[], list[str]]
__getattr__, __dir__ = lazy_names(__name__, _HOMES)
