"""Async client for the PayerMax payment-link gateway.

Every public name can be imported from here. Each is loaded when it is first asked
for, so that ``import payermax_async`` costs next to nothing and needs no extra.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from payermax_async._lazy import lazy_names

if TYPE_CHECKING:
    from payermax_async.client import (
        PayerMaxClient,
    )
    from payermax_async.clock import (
        Clock,
        SystemClock,
    )
    from payermax_async.config import (
        Environment,
        MerchantConfig,
    )
    from payermax_async.core.errors import (
        AlreadyEndedError,
        ApiError,
        AuthenticationError,
        ClientStateError,
        ClockSkewError,
        ConfigurationError,
        ConflictError,
        ExtensionError,
        HttpStatusError,
        InvalidRequestError,
        NoReplyError,
        NotFoundError,
        NotSentError,
        Outcome,
        OutcomeUnknownError,
        PayerMaxError,
        Problem,
        ReplyError,
        ReplyMismatchError,
        ReplySignatureError,
        ReplyTooLargeError,
        SignatureError,
        ThrottledError,
        TlsError,
        TransportError,
        UnnamedReplyError,
        UnreadableReplyError,
        ValidationError,
        WebhookError,
        WebhookReason,
    )
    from payermax_async.core.models.common import (
        NO_NOTIFY_URL,
        CardInfo,
        Fees,
        MerchantFee,
        PaymentDetail,
        PaymentStatus,
        ThreeDsResult,
    )
    from payermax_async.core.models.disputes import DisputeDetails, DisputeStatus
    from payermax_async.core.models.link_request import (
        CreateLink,
        GoodsItem,
        LinkDefaults,
        LinkType,
        MerchantInfo,
        UserInfo,
    )
    from payermax_async.core.models.links import (
        CreatedLink,
        ExpiredLink,
        ExpireLink,
        GoodsDetail,
        LinkDetails,
        LinkPayment,
        LinkStatus,
        Payer,
        QueryLink,
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
    from payermax_async.core.models.orders import (
        Order,
        QueryOrder,
    )
    from payermax_async.core.models.refunds import (
        CreateRefund,
        QueryRefund,
        RefundDetails,
        RefundStatus,
        SubmittedRefund,
    )
    from payermax_async.core.operations.table import (
        Replay,
    )
    from payermax_async.options import (
        ClientOptions,
    )
    from payermax_async.pipeline.breaker import (
        BreakerPolicy,
    )
    from payermax_async.pipeline.chain import (
        Attempt,
        CallNext,
        Middleware,
    )
    from payermax_async.pipeline.observe import (
        Event,
        Hook,
    )
    from payermax_async.pipeline.retry import (
        RetryPolicy,
    )
    from payermax_async.pipeline.skew import (
        SkewPolicy,
    )
    from payermax_async.signing.base import (
        Signer,
        Verifier,
    )
    from payermax_async.signing.keys import (
        PrivateKey,
        PublicKey,
    )
    from payermax_async.signing.rsa import (
        RsaSigner,
        RsaVerifier,
    )
    from payermax_async.transport.aiohttp import (
        AiohttpTransport,
    )
    from payermax_async.transport.base import (
        HttpRequest,
        HttpResponse,
        Transport,
    )
    from payermax_async.webhooks.alerts import (
        Alert,
        AlertKind,
    )
    from payermax_async.webhooks.backoff import (
        HandlerBackoff,
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
    from payermax_async.webhooks.handlers import (
        Handlers,
    )
    from payermax_async.webhooks.http.reply import (
        Reply,
    )
    from payermax_async.webhooks.inbox.entries import (
        EntryState,
        Expected,
        InboxError,
        StoredNotification,
    )
    from payermax_async.webhooks.inbox.memory import (
        MemoryInbox,
    )
    from payermax_async.webhooks.inbox.postgres import (
        PostgresInbox,
    )
    from payermax_async.webhooks.inbox.protocol import (
        Inbox,
    )
    from payermax_async.webhooks.inbox.sqlite import (
        SqliteInbox,
    )
    from payermax_async.webhooks.limits import (
        ReceiverLimits,
    )
    from payermax_async.webhooks.receiver import (
        Receiver,
    )
    from payermax_async.webhooks.verifier import NotificationVerifier

__version__ = "0.1.0"

# The same names three times, because a type checker reads neither a computed __all__
# nor the table below. tests/test_exports.py keeps the three equal.
__all__ = [  # noqa: RUF022 - sorted as its test and dir() sort
    "AiohttpTransport",
    "Alert",
    "AlertKind",
    "AlreadyEndedError",
    "ApiError",
    "Attempt",
    "AuthenticationError",
    "BreakerPolicy",
    "CallNext",
    "CardInfo",
    "ClientOptions",
    "ClientStateError",
    "Clock",
    "ClockSkewError",
    "ConfigurationError",
    "ConflictError",
    "CreateLink",
    "CreateRefund",
    "CreatedLink",
    "DisputeDetails",
    "DisputeStatus",
    "EntryState",
    "Environment",
    "Event",
    "Expected",
    "ExpireLink",
    "ExpiredLink",
    "ExtensionError",
    "Fees",
    "GoodsDetail",
    "GoodsItem",
    "HandlerBackoff",
    "Handlers",
    "Hook",
    "HttpRequest",
    "HttpResponse",
    "HttpStatusError",
    "Inbox",
    "InboxError",
    "InvalidRequestError",
    "LinkDefaults",
    "LinkDetails",
    "LinkNotPaid",
    "LinkNotification",
    "LinkPaid",
    "LinkPaidAgain",
    "LinkPayment",
    "LinkResult",
    "LinkStatus",
    "LinkType",
    "MemoryInbox",
    "MerchantConfig",
    "MerchantFee",
    "MerchantInfo",
    "Middleware",
    "NO_NOTIFY_URL",
    "NoReplyError",
    "NotFoundError",
    "NotSentError",
    "Notification",
    "NotificationVerifier",
    "NotifiedEvent",
    "Order",
    "Outcome",
    "OutcomeUnknownError",
    "Payer",
    "PayerMaxClient",
    "PayerMaxError",
    "PaymentAuthorized",
    "PaymentClosed",
    "PaymentDetail",
    "PaymentFailed",
    "PaymentNotification",
    "PaymentPending",
    "PaymentResult",
    "PaymentStatus",
    "PaymentSucceeded",
    "PostgresInbox",
    "PrivateKey",
    "Problem",
    "PublicKey",
    "QueryLink",
    "QueryOrder",
    "QueryRefund",
    "Receiver",
    "ReceiverLimits",
    "RefundDetails",
    "RefundFailed",
    "RefundNotification",
    "RefundPending",
    "RefundResult",
    "RefundStatus",
    "RefundSucceeded",
    "Replay",
    "Reply",
    "ReplyError",
    "ReplyMismatchError",
    "ReplySignatureError",
    "ReplyTooLargeError",
    "RetryPolicy",
    "RsaSigner",
    "RsaVerifier",
    "SignatureError",
    "Signer",
    "SkewPolicy",
    "SqliteInbox",
    "StoredNotification",
    "SubmittedRefund",
    "SystemClock",
    "ThreeDsResult",
    "ThrottledError",
    "TlsError",
    "Transport",
    "TransportError",
    "UnknownEvent",
    "UnknownNotification",
    "UnnamedReplyError",
    "UnreadableReplyError",
    "UserInfo",
    "ValidationError",
    "Verifier",
    "WebhookError",
    "WebhookReason",
    "ZeroPayment",
]

_HOMES = {
    "AiohttpTransport": "transport.aiohttp",
    "Alert": "webhooks.alerts",
    "AlertKind": "webhooks.alerts",
    "AlreadyEndedError": "core.errors",
    "ApiError": "core.errors",
    "Attempt": "pipeline.chain",
    "AuthenticationError": "core.errors",
    "BreakerPolicy": "pipeline.breaker",
    "CallNext": "pipeline.chain",
    "CardInfo": "core.models.common",
    "ClientOptions": "options",
    "ClientStateError": "core.errors",
    "Clock": "clock",
    "ClockSkewError": "core.errors",
    "ConfigurationError": "core.errors",
    "ConflictError": "core.errors",
    "CreateLink": "core.models.link_request",
    "CreateRefund": "core.models.refunds",
    "CreatedLink": "core.models.links",
    "DisputeDetails": "core.models.disputes",
    "DisputeStatus": "core.models.disputes",
    "EntryState": "webhooks.inbox.entries",
    "Environment": "config",
    "Event": "pipeline.observe",
    "Expected": "webhooks.inbox.entries",
    "ExpireLink": "core.models.links",
    "ExpiredLink": "core.models.links",
    "ExtensionError": "core.errors",
    "Fees": "core.models.common",
    "GoodsDetail": "core.models.links",
    "GoodsItem": "core.models.link_request",
    "HandlerBackoff": "webhooks.backoff",
    "Handlers": "webhooks.handlers",
    "Hook": "pipeline.observe",
    "HttpRequest": "transport.base",
    "HttpResponse": "transport.base",
    "HttpStatusError": "core.errors",
    "Inbox": "webhooks.inbox.protocol",
    "InboxError": "webhooks.inbox.entries",
    "InvalidRequestError": "core.errors",
    "LinkDefaults": "core.models.link_request",
    "LinkDetails": "core.models.links",
    "LinkNotPaid": "webhooks.events",
    "LinkNotification": "core.models.notifications",
    "LinkPaid": "webhooks.events",
    "LinkPaidAgain": "webhooks.events",
    "LinkPayment": "core.models.links",
    "LinkResult": "core.models.notifications",
    "LinkStatus": "core.models.links",
    "LinkType": "core.models.link_request",
    "MemoryInbox": "webhooks.inbox.memory",
    "MerchantConfig": "config",
    "MerchantFee": "core.models.common",
    "MerchantInfo": "core.models.link_request",
    "Middleware": "pipeline.chain",
    "NO_NOTIFY_URL": "core.models.common",
    "NoReplyError": "core.errors",
    "NotFoundError": "core.errors",
    "NotSentError": "core.errors",
    "Notification": "core.models.notifications",
    "NotificationVerifier": "webhooks.verifier",
    "NotifiedEvent": "webhooks.events",
    "Order": "core.models.orders",
    "Outcome": "core.errors",
    "OutcomeUnknownError": "core.errors",
    "Payer": "core.models.links",
    "PayerMaxClient": "client",
    "PayerMaxError": "core.errors",
    "PaymentAuthorized": "webhooks.events",
    "PaymentClosed": "webhooks.events",
    "PaymentDetail": "core.models.common",
    "PaymentFailed": "webhooks.events",
    "PaymentNotification": "core.models.notifications",
    "PaymentPending": "webhooks.events",
    "PaymentResult": "core.models.notifications",
    "PaymentStatus": "core.models.common",
    "PaymentSucceeded": "webhooks.events",
    "PostgresInbox": "webhooks.inbox.postgres",
    "PrivateKey": "signing.keys",
    "Problem": "core.errors",
    "PublicKey": "signing.keys",
    "QueryLink": "core.models.links",
    "QueryOrder": "core.models.orders",
    "QueryRefund": "core.models.refunds",
    "Receiver": "webhooks.receiver",
    "ReceiverLimits": "webhooks.limits",
    "RefundDetails": "core.models.refunds",
    "RefundFailed": "webhooks.events",
    "RefundNotification": "core.models.notifications",
    "RefundPending": "webhooks.events",
    "RefundResult": "core.models.notifications",
    "RefundStatus": "core.models.refunds",
    "RefundSucceeded": "webhooks.events",
    "Replay": "core.operations.table",
    "Reply": "webhooks.http.reply",
    "ReplyError": "core.errors",
    "ReplyMismatchError": "core.errors",
    "ReplySignatureError": "core.errors",
    "ReplyTooLargeError": "core.errors",
    "RetryPolicy": "pipeline.retry",
    "RsaSigner": "signing.rsa",
    "RsaVerifier": "signing.rsa",
    "SignatureError": "core.errors",
    "Signer": "signing.base",
    "SkewPolicy": "pipeline.skew",
    "SqliteInbox": "webhooks.inbox.sqlite",
    "StoredNotification": "webhooks.inbox.entries",
    "SubmittedRefund": "core.models.refunds",
    "SystemClock": "clock",
    "ThreeDsResult": "core.models.common",
    "ThrottledError": "core.errors",
    "TlsError": "core.errors",
    "Transport": "transport.base",
    "TransportError": "core.errors",
    "UnknownEvent": "webhooks.events",
    "UnknownNotification": "core.models.notifications",
    "UnnamedReplyError": "core.errors",
    "UnreadableReplyError": "core.errors",
    "UserInfo": "core.models.link_request",
    "ValidationError": "core.errors",
    "Verifier": "signing.base",
    "WebhookError": "core.errors",
    "WebhookReason": "core.errors",
    "ZeroPayment": "webhooks.events",
}
"""The module that each name lives in, below ``payermax_async``."""

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
