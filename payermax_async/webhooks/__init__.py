"""Notifications: from the raw request to something that can be trusted."""

from __future__ import annotations

from .dedupe import dedupe_key
from .headers import HeaderSource
from .verifier import ACKNOWLEDGEMENT, CONTENT_TYPE, NotificationVerifier

__all__ = [
    "ACKNOWLEDGEMENT",
    "CONTENT_TYPE",
    "HeaderSource",
    "NotificationVerifier",
    "dedupe_key",
]
