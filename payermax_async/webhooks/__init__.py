"""Notifications: from the raw request to the merchant's own code, and nothing lost.

Each name is loaded when it is first asked for: an inbox in PostgreSQL needs an
extra, and whoever only verifies needs no inbox.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from payermax_async._lazy import homes_of, lazy_names

if TYPE_CHECKING:
    from payermax_async.core.envelope import ACKNOWLEDGEMENT, CONTENT_TYPE
    from payermax_async.core.errors import WebhookReason
    from payermax_async.core.models.notice_cards import (
        CaptureNotification,
        CaptureResult,
        StepStatus,
        TokenNotification,
        TokenResult,
        TokenStatus,
        VoidNotification,
        VoidResult,
    )
    from payermax_async.core.models.notice_cases import (
        DisputeCase,
        DisputeNotification,
        FraudNotification,
        FraudReport,
        InformationRequest,
        RfiNotification,
    )
    from payermax_async.core.models.notice_funds import (
        AccountNotification,
        AccountReceipt,
        BalanceMovement,
        BalanceNotification,
        BillNotification,
        BillPaymentResult,
        Direction,
        ReceiptStatus,
    )
    from payermax_async.core.models.notice_payouts import (
        PayoutNotification,
        PayoutResult,
        PayoutStatus,
    )
    from payermax_async.core.models.notice_subscriptions import (
        SubscriptionNotification,
        SubscriptionPaymentNotification,
        SubscriptionPaymentResult,
        SubscriptionResult,
    )
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
    from payermax_async.webhooks.asgi import RunningReceiver, WebhookApp
    from payermax_async.webhooks.events.base import (
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
    from payermax_async.webhooks.events.cards import (
        CaptureFailed,
        CaptureNotified,
        CaptureSucceeded,
        TokenActivated,
        TokenEnded,
        TokenNotified,
        VoidFailed,
        VoidNotified,
        VoidSucceeded,
    )
    from payermax_async.webhooks.events.cases import (
        DisputeEnded,
        DisputeInquiry,
        DisputeNotified,
        DisputeOpened,
        FraudReported,
        InformationRequested,
    )
    from payermax_async.webhooks.events.funds import (
        AccountNotified,
        BalanceChanged,
        BillNotified,
        BillPaid,
        MoneyReceived,
        PayoutFailed,
        PayoutNotified,
        PayoutReturned,
        PayoutSucceeded,
        SubscriptionChanged,
        SubscriptionNotPaid,
        SubscriptionPaid,
        SubscriptionPaymentNotified,
    )
    from payermax_async.webhooks.handling.comparison import ExpectedLookup
    from payermax_async.webhooks.handling.handlers import (
        Handler,
        Handlers,
        TransactionHandler,
    )
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
    from payermax_async.webhooks.sample_data import SampleQuirk
    from payermax_async.webhooks.samples import (
        NotificationKind,
        SignedNotification,
        build_notification,
        sign_notification,
    )
    from payermax_async.webhooks.telling.alerts import Alert, AlertHook, AlertKind
    from payermax_async.webhooks.telling.failures import Failure, FailureHook
    from payermax_async.webhooks.verifying.verifier import NotificationVerifier

__all__ = [
    "ACKNOWLEDGEMENT",
    "CONTENT_TYPE",
    "AccountNotification",
    "AccountNotified",
    "AccountReceipt",
    "Alert",
    "AlertHook",
    "AlertKind",
    "Arrival",
    "BalanceChanged",
    "BalanceMovement",
    "BalanceNotification",
    "BillNotification",
    "BillNotified",
    "BillPaid",
    "BillPaymentResult",
    "CaptureFailed",
    "CaptureNotification",
    "CaptureNotified",
    "CaptureResult",
    "CaptureSucceeded",
    "Direction",
    "DisputeCase",
    "DisputeEnded",
    "DisputeInquiry",
    "DisputeNotification",
    "DisputeNotified",
    "DisputeOpened",
    "EntryState",
    "Expected",
    "ExpectedLookup",
    "Failure",
    "FailureHook",
    "FraudNotification",
    "FraudReport",
    "FraudReported",
    "Handler",
    "HandlerBackoff",
    "Handlers",
    "HeaderSource",
    "Inbox",
    "InboxError",
    "InformationRequest",
    "InformationRequested",
    "Intake",
    "LeaseLostError",
    "LinkNotPaid",
    "LinkNotification",
    "LinkPaid",
    "LinkPaidAgain",
    "LinkResult",
    "MemoryInbox",
    "MoneyReceived",
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
    "PayoutFailed",
    "PayoutNotification",
    "PayoutNotified",
    "PayoutResult",
    "PayoutReturned",
    "PayoutStatus",
    "PayoutSucceeded",
    "PostgresConnection",
    "PostgresInbox",
    "ReceiptStatus",
    "Receiver",
    "ReceiverLimits",
    "Receives",
    "RefundFailed",
    "RefundNotification",
    "RefundPending",
    "RefundResult",
    "RefundSucceeded",
    "Reply",
    "RfiNotification",
    "RunningBeside",
    "RunningReceiver",
    "SampleQuirk",
    "SignedNotification",
    "Source",
    "SqliteChanges",
    "SqliteInbox",
    "StepStatus",
    "StorageError",
    "Stored",
    "StoredNotification",
    "SubscriptionChanged",
    "SubscriptionNotPaid",
    "SubscriptionNotification",
    "SubscriptionPaid",
    "SubscriptionPaymentNotification",
    "SubscriptionPaymentNotified",
    "SubscriptionPaymentResult",
    "SubscriptionResult",
    "TokenActivated",
    "TokenEnded",
    "TokenNotification",
    "TokenNotified",
    "TokenResult",
    "TokenStatus",
    "TransactionHandler",
    "UnknownEvent",
    "UnknownNotification",
    "Verdict",
    "VoidFailed",
    "VoidNotification",
    "VoidNotified",
    "VoidResult",
    "VoidSucceeded",
    "WebhookApp",
    "WebhookReason",
    "ZeroPayment",
    "add_webhook",
    "build_notification",
    "dedupe_key",
    "sign_notification",
    "webhook_handler",
]

_HOMES = homes_of(
    __all__,
    {
        "core.envelope": "ACKNOWLEDGEMENT CONTENT_TYPE",
        "core.errors": "WebhookReason",
        "core.models.notice_cards": """
            CaptureNotification CaptureResult StepStatus TokenNotification TokenResult
            TokenStatus VoidNotification VoidResult
        """,
        "core.models.notice_cases": """
            DisputeCase DisputeNotification FraudNotification FraudReport
            InformationRequest RfiNotification
        """,
        "core.models.notice_funds": """
            AccountNotification AccountReceipt BalanceMovement BalanceNotification
            BillNotification BillPaymentResult Direction ReceiptStatus
        """,
        "core.models.notice_payouts": "PayoutNotification PayoutResult PayoutStatus",
        "core.models.notice_subscriptions": """
            SubscriptionNotification SubscriptionPaymentNotification
            SubscriptionPaymentResult SubscriptionResult
        """,
        "core.models.notifications": """
            LinkNotification LinkResult Notification PaymentNotification PaymentResult
            RefundNotification RefundResult UnknownNotification
        """,
        "storage.postgres_dialect": "PostgresConnection",
        "webhooks.aiohttp": "add_webhook webhook_handler",
        "webhooks.telling.alerts": "Alert AlertHook AlertKind",
        "webhooks.asgi": "RunningReceiver WebhookApp",
        "webhooks.events.cards": """
            CaptureFailed CaptureNotified CaptureSucceeded TokenActivated TokenEnded
            TokenNotified VoidFailed VoidNotified VoidSucceeded
        """,
        "webhooks.events.cases": """
            DisputeEnded DisputeInquiry DisputeNotified DisputeOpened FraudReported
            InformationRequested
        """,
        "webhooks.handling.comparison": "ExpectedLookup",
        "webhooks.events.base": """
            LinkNotPaid LinkPaid LinkPaidAgain NotifiedEvent PaymentAuthorized
            PaymentClosed PaymentFailed PaymentPending PaymentSucceeded RefundFailed
            RefundPending RefundSucceeded UnknownEvent ZeroPayment
        """,
        "webhooks.telling.failures": "Failure FailureHook",
        "webhooks.events.funds": """
            AccountNotified BalanceChanged BillNotified BillPaid MoneyReceived
            PayoutFailed PayoutNotified PayoutReturned PayoutSucceeded
            SubscriptionChanged SubscriptionNotPaid SubscriptionPaid
            SubscriptionPaymentNotified
        """,
        "webhooks.handling.handlers": "Handler Handlers TransactionHandler",
        "webhooks.http.body": "Intake Receives",
        "webhooks.http.headers": "HeaderSource",
        "webhooks.http.lifespan": "RunningBeside",
        "webhooks.http.reply": "Reply",
        "webhooks.inbox.dedupe": "dedupe_key",
        "webhooks.inbox.entries": """
            Arrival EntryState Expected InboxError LeaseLostError ParkedBody Source
            StorageError Stored StoredNotification Verdict
        """,
        "webhooks.inbox.memory": "MemoryInbox",
        "webhooks.inbox.postgres": "PostgresInbox",
        "webhooks.inbox.protocol": "Inbox",
        "webhooks.inbox.sqlite": "SqliteChanges SqliteInbox",
        "webhooks.limits": "HandlerBackoff ReceiverLimits",
        "webhooks.receiver": "Receiver",
        "webhooks.sample_data": "SampleQuirk",
        "webhooks.samples": """
            NotificationKind SignedNotification build_notification sign_notification
        """,
        "webhooks.verifying.verifier": "NotificationVerifier",
    },
)
"""The module that each name lives in, below ``payermax_async``."""

__getattr__: Callable[[str], object]
__dir__: Callable[[], list[str]]
__getattr__, __dir__ = lazy_names(__name__, _HOMES)
