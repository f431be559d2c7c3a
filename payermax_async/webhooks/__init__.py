"""Notifications: from the raw request to the merchant's own code, and nothing lost.

Each name is loaded when it is first asked for: an inbox in PostgreSQL needs an
extra, and whoever only verifies needs no inbox.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from payermax_async._lazy import lazy_names

if TYPE_CHECKING:
    from payermax_async.core.envelope import ACKNOWLEDGEMENT, CONTENT_TYPE
    from payermax_async.core.errors import WebhookReason
    from payermax_async.core.models.notifications import (
        LinkNotification,
        LinkResult,
        Notification,
        PaymentNotification,
        PaymentResult,
        RefundNotification,
        RefundResult,
        UnknownNotification,
    )
    from payermax_async.storage.postgres_dialect import PostgresConnection
    from payermax_async.webhooks.aiohttp import add_webhook, webhook_handler
    from payermax_async.webhooks.alerts import Alert, AlertHook, AlertKind
    from payermax_async.webhooks.asgi import RunningReceiver, WebhookApp
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
    from payermax_async.webhooks.http.body import Intake, Receives
    from payermax_async.webhooks.http.headers import HeaderSource
    from payermax_async.webhooks.http.lifespan import RunningBeside
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
    from payermax_async.webhooks.inbox.postgres import PostgresInbox
    from payermax_async.webhooks.inbox.protocol import Inbox
    from payermax_async.webhooks.inbox.sqlite import SqliteChanges, SqliteInbox
    from payermax_async.webhooks.limits import HandlerBackoff, ReceiverLimits
    from payermax_async.webhooks.receiver import Receiver
    from payermax_async.webhooks.samples import (
        NotificationKind,
        SampleQuirk,
        SignedNotification,
        build_notification,
        sign_notification,
    )
    from payermax_async.webhooks.verifier import NotificationVerifier

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
    "Intake",
    "LeaseLostError",
    "LinkNotPaid",
    "LinkNotification",
    "LinkPaid",
    "LinkPaidAgain",
    "LinkResult",
    "MemoryInbox",
    "Notification",
    "NotificationKind",
    "NotificationVerifier",
    "NotifiedEvent",
    "ParkedBody",
    "PaymentAuthorized",
    "PaymentClosed",
    "PaymentFailed",
    "PaymentNotification",
    "PaymentPending",
    "PaymentResult",
    "PaymentSucceeded",
    "PostgresConnection",
    "PostgresInbox",
    "Receiver",
    "ReceiverLimits",
    "Receives",
    "RefundFailed",
    "RefundNotification",
    "RefundPending",
    "RefundResult",
    "RefundSucceeded",
    "Reply",
    "RunningBeside",
    "RunningReceiver",
    "SampleQuirk",
    "SignedNotification",
    "Source",
    "SqliteChanges",
    "SqliteInbox",
    "StorageError",
    "Stored",
    "StoredNotification",
    "TransactionHandler",
    "UnknownEvent",
    "UnknownNotification",
    "Verdict",
    "WebhookApp",
    "WebhookReason",
    "ZeroPayment",
    "add_webhook",
    "build_notification",
    "dedupe_key",
    "sign_notification",
    "webhook_handler",
]

_HOMES = {
    "ACKNOWLEDGEMENT": "core.envelope",
    "CONTENT_TYPE": "core.envelope",
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
    "HandlerBackoff": "webhooks.limits",
    "Handlers": "webhooks.handlers",
    "HeaderSource": "webhooks.http.headers",
    "Inbox": "webhooks.inbox.protocol",
    "InboxError": "webhooks.inbox.entries",
    "Intake": "webhooks.http.body",
    "LeaseLostError": "webhooks.inbox.entries",
    "LinkNotPaid": "webhooks.events",
    "LinkNotification": "core.models.notifications",
    "LinkPaid": "webhooks.events",
    "LinkPaidAgain": "webhooks.events",
    "LinkResult": "core.models.notifications",
    "MemoryInbox": "webhooks.inbox.memory",
    "Notification": "core.models.notifications",
    "NotificationKind": "webhooks.samples",
    "NotificationVerifier": "webhooks.verifier",
    "NotifiedEvent": "webhooks.events",
    "ParkedBody": "webhooks.inbox.entries",
    "PaymentAuthorized": "webhooks.events",
    "PaymentClosed": "webhooks.events",
    "PaymentFailed": "webhooks.events",
    "PaymentNotification": "core.models.notifications",
    "PaymentPending": "webhooks.events",
    "PaymentResult": "core.models.notifications",
    "PaymentSucceeded": "webhooks.events",
    "PostgresConnection": "storage.postgres_dialect",
    "PostgresInbox": "webhooks.inbox.postgres",
    "Receiver": "webhooks.receiver",
    "ReceiverLimits": "webhooks.limits",
    "Receives": "webhooks.http.body",
    "RefundFailed": "webhooks.events",
    "RefundNotification": "core.models.notifications",
    "RefundPending": "webhooks.events",
    "RefundResult": "core.models.notifications",
    "RefundSucceeded": "webhooks.events",
    "Reply": "webhooks.http.reply",
    "RunningBeside": "webhooks.http.lifespan",
    "RunningReceiver": "webhooks.asgi",
    "SampleQuirk": "webhooks.samples",
    "SignedNotification": "webhooks.samples",
    "Source": "webhooks.inbox.entries",
    "SqliteChanges": "webhooks.inbox.sqlite",
    "SqliteInbox": "webhooks.inbox.sqlite",
    "StorageError": "webhooks.inbox.entries",
    "Stored": "webhooks.inbox.entries",
    "StoredNotification": "webhooks.inbox.entries",
    "TransactionHandler": "webhooks.handlers",
    "UnknownEvent": "webhooks.events",
    "UnknownNotification": "core.models.notifications",
    "Verdict": "webhooks.inbox.entries",
    "WebhookApp": "webhooks.asgi",
    "WebhookReason": "core.errors",
    "ZeroPayment": "webhooks.events",
    "add_webhook": "webhooks.aiohttp",
    "build_notification": "webhooks.samples",
    "dedupe_key": "webhooks.inbox.dedupe",
    "sign_notification": "webhooks.samples",
    "webhook_handler": "webhooks.aiohttp",
}
"""The module that each name lives in, below ``payermax_async``."""

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
