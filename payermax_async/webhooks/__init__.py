"""Notifications: from the raw request to the merchant's own code, and nothing lost.

Each name is loaded when it is first asked for: an inbox in PostgreSQL needs an
extra, and whoever only verifies needs no inbox.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from payermax_async._lazy import lazy_names

if TYPE_CHECKING:
    from payermax_async.webhooks.alerts import Alert, AlertHook, AlertKind
    from payermax_async.webhooks.backoff import HandlerBackoff
    from payermax_async.webhooks.comparison import ExpectedLookup
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
    from payermax_async.webhooks.http.headers import HeaderSource
    from payermax_async.webhooks.http.reply import Reply
    from payermax_async.webhooks.inbox.dedupe import dedupe_key
    from payermax_async.webhooks.inbox.entries import (
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
    from payermax_async.webhooks.inbox.memory import MemoryInbox
    from payermax_async.webhooks.inbox.postgres import PostgresConnection, PostgresInbox
    from payermax_async.webhooks.inbox.protocol import Inbox
    from payermax_async.webhooks.inbox.sqlite import SqliteChanges, SqliteInbox
    from payermax_async.webhooks.limits import ReceiverLimits
    from payermax_async.webhooks.receiver import Receiver
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
    "ACKNOWLEDGEMENT": "webhooks.verifier",
    "CONTENT_TYPE": "webhooks.verifier",
    "Alert": "webhooks.alerts",
    "AlertHook": "webhooks.alerts",
    "AlertKind": "webhooks.alerts",
    "Arrival": "webhooks.inbox.entries",
    "EntryState": "webhooks.inbox.entries",
    "Expected": "webhooks.inbox.entries",
    "ExpectedLookup": "webhooks.comparison",
    "Failure": "webhooks.failures",
    "FailureHook": "webhooks.failures",
    "Handler": "webhooks.handlers",
    "HandlerBackoff": "webhooks.backoff",
    "Handlers": "webhooks.handlers",
    "HeaderSource": "webhooks.http.headers",
    "Inbox": "webhooks.inbox.protocol",
    "InboxError": "webhooks.inbox.entries",
    "LeaseLostError": "webhooks.inbox.entries",
    "LinkNotPaid": "webhooks.events",
    "LinkPaid": "webhooks.events",
    "LinkPaidAgain": "webhooks.events",
    "MemoryInbox": "webhooks.inbox.memory",
    "NotificationVerifier": "webhooks.verifier",
    "NotifiedEvent": "webhooks.events",
    "ParkedBody": "webhooks.inbox.entries",
    "PaymentAuthorized": "webhooks.events",
    "PaymentClosed": "webhooks.events",
    "PaymentFailed": "webhooks.events",
    "PaymentPending": "webhooks.events",
    "PaymentSucceeded": "webhooks.events",
    "PostgresConnection": "webhooks.inbox.postgres",
    "PostgresInbox": "webhooks.inbox.postgres",
    "Receiver": "webhooks.receiver",
    "ReceiverLimits": "webhooks.limits",
    "RefundFailed": "webhooks.events",
    "RefundPending": "webhooks.events",
    "RefundSucceeded": "webhooks.events",
    "Reply": "webhooks.http.reply",
    "Source": "webhooks.inbox.entries",
    "SqliteChanges": "webhooks.inbox.sqlite",
    "SqliteInbox": "webhooks.inbox.sqlite",
    "StorageError": "webhooks.inbox.entries",
    "Stored": "webhooks.inbox.entries",
    "StoredNotification": "webhooks.inbox.entries",
    "TransactionHandler": "webhooks.handlers",
    "UnknownEvent": "webhooks.events",
    "Verdict": "webhooks.inbox.entries",
    "ZeroPayment": "webhooks.events",
    "dedupe_key": "webhooks.inbox.dedupe",
}
"""The module that each name lives in, below ``payermax_async``."""

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
