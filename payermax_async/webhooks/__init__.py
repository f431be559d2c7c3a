"""Notifications: from the raw request to something that can be trusted."""

from __future__ import annotations

from payermax_async.webhooks.dedupe import dedupe_key
from payermax_async.webhooks.headers import HeaderSource
from payermax_async.webhooks.verifier import (
    ACKNOWLEDGEMENT,
    CONTENT_TYPE,
    NotificationVerifier,
)

__all__ = [
    "ACKNOWLEDGEMENT",
    "CONTENT_TYPE",
    "HeaderSource",
    "NotificationVerifier",
    "dedupe_key",
]
