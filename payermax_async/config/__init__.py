"""A merchant's configuration: the settings, what they may be, and what they make."""

from __future__ import annotations

from payermax_async.config.merchant import MerchantConfig
from payermax_async.config.reading import MerchantReading, environment_of, read_merchant
from payermax_async.environment import Environment

__all__ = [
    "Environment",
    "MerchantConfig",
    "MerchantReading",
    "environment_of",
    "read_merchant",
]
