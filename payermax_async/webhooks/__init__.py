"""Notifications: from the raw request to the merchant's own code, and nothing lost.

Each name is loaded when it is first asked for: an inbox in PostgreSQL needs an
extra, and whoever only verifies needs no inbox.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from payermax_async.webhooks.alerts import Alert, AlertHook, AlertKind
    from payermax_async.webhooks.amounts import ExpectedLookup
    from payermax_async.webhooks.backoff import HandlerBackoff
    from payermax_async.webhooks.dedupe import dedupe_key
    from payermax_async.webhooks.entries import (
        Arrival,
        EntryState,
        Expected,
        InboxError,
        LeaseLostError,
        ParkedBody,
        Source,
        StorageError,
        Stored,
        StoredNotification,
        Verdict,
    )
    from payermax_async.webhooks.events import (
        LinkNotPaid,
        LinkPaid,
        LinkPaidAgain,
        NotifiedEvent,
        PaymentAuthorized,
        PaymentClosed,
        PaymentFailed,
        PaymentPending,
        PaymentSucceeded,
        RefundFailed,
        RefundPending,
        RefundSucceeded,
        UnknownEvent,
        ZeroPayment,
    )
    from payermax_async.webhooks.failures import Failure, FailureHook
    from payermax_async.webhooks.handlers import Handler, Handlers, TransactionHandler
    from payermax_async.webhooks.headers import HeaderSource
    from payermax_async.webhooks.inbox import Inbox
    from payermax_async.webhooks.limits import ReceiverLimits
    from payermax_async.webhooks.memory import MemoryInbox
    from payermax_async.webhooks.postgres import PostgresConnection, PostgresInbox
    from payermax_async.webhooks.receiver import Receiver, Reply
    from payermax_async.webhooks.sqlite import SqliteChanges, SqliteInbox
    from payermax_async.webhooks.verifier import (
        ACKNOWLEDGEMENT,
        CONTENT_TYPE,
        NotificationVerifier,
    )

__all__ = [
    "ACKNOWLEDGEMENT",
    "CONTENT_TYPE",
    "Alert",
    "AlertHook",
    "AlertKind",
    "Arrival",
    "EntryState",
    "Expected",
    "ExpectedLookup",
    "Failure",
    "FailureHook",
    "Handler",
    "HandlerBackoff",
    "Handlers",
    "HeaderSource",
    "Inbox",
    "InboxError",
    "LeaseLostError",
    "LinkNotPaid",
    "LinkPaid",
    "LinkPaidAgain",
    "MemoryInbox",
    "NotificationVerifier",
    "NotifiedEvent",
    "ParkedBody",
    "PaymentAuthorized",
    "PaymentClosed",
    "PaymentFailed",
    "PaymentPending",
    "PaymentSucceeded",
    "PostgresConnection",
    "PostgresInbox",
    "Receiver",
    "ReceiverLimits",
    "RefundFailed",
    "RefundPending",
    "RefundSucceeded",
    "Reply",
    "Source",
    "SqliteChanges",
    "SqliteInbox",
    "StorageError",
    "Stored",
    "StoredNotification",
    "TransactionHandler",
    "UnknownEvent",
    "Verdict",
    "ZeroPayment",
    "dedupe_key",
]

_HOMES = {
    "ACKNOWLEDGEMENT": "verifier",
    "CONTENT_TYPE": "verifier",
    "Alert": "alerts",
    "AlertHook": "alerts",
    "AlertKind": "alerts",
    "Arrival": "entries",
    "EntryState": "entries",
    "Expected": "entries",
    "ExpectedLookup": "amounts",
    "Failure": "failures",
    "FailureHook": "failures",
    "Handler": "handlers",
    "HandlerBackoff": "backoff",
    "Handlers": "handlers",
    "HeaderSource": "headers",
    "Inbox": "inbox",
    "InboxError": "entries",
    "LeaseLostError": "entries",
    "LinkNotPaid": "events",
    "LinkPaid": "events",
    "LinkPaidAgain": "events",
    "MemoryInbox": "memory",
    "NotificationVerifier": "verifier",
    "NotifiedEvent": "events",
    "ParkedBody": "entries",
    "PaymentAuthorized": "events",
    "PaymentClosed": "events",
    "PaymentFailed": "events",
    "PaymentPending": "events",
    "PaymentSucceeded": "events",
    "PostgresConnection": "postgres",
    "PostgresInbox": "postgres",
    "Receiver": "receiver",
    "ReceiverLimits": "limits",
    "RefundFailed": "events",
    "RefundPending": "events",
    "RefundSucceeded": "events",
    "Reply": "receiver",
    "Source": "entries",
    "SqliteChanges": "sqlite",
    "SqliteInbox": "sqlite",
    "StorageError": "entries",
    "Stored": "entries",
    "StoredNotification": "entries",
    "TransactionHandler": "handlers",
    "UnknownEvent": "events",
    "Verdict": "entries",
    "ZeroPayment": "events",
    "dedupe_key": "dedupe",
}
"""Where each name lives, below this package."""


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(importlib.import_module(f"{__name__}.{home}"), name)
    globals()[name] = value  # the next access does not come here
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
