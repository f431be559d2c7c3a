"""Async client for the PayerMax payment-link gateway.

What a merchant writes down can be imported from here; the README's section on what is
public lists the packages beside it. Each name is loaded when it is first asked for, so
that ``import payermax_async`` costs next to nothing and needs no extra.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from payermax_async._lazy import homes_of, lazy_names

if TYPE_CHECKING:
    from payermax_async.client import PayerMaxClient
    from payermax_async.config.merchant import MerchantConfig
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
    )
    from payermax_async.core.models.common import NO_NOTIFY_URL
    from payermax_async.core.models.link_parts import GoodsItem, MerchantInfo, UserInfo
    from payermax_async.core.models.link_request import (
        CreateLink,
        LinkDefaults,
        LinkType,
    )
    from payermax_async.core.models.links import ExpireLink, QueryLink
    from payermax_async.core.models.orders import QueryOrder
    from payermax_async.core.models.refunds import CreateRefund, QueryRefund
    from payermax_async.core.operations.operation import Replay
    from payermax_async.environment import Environment
    from payermax_async.options import ClientOptions
    from payermax_async.pipeline.breaker import BreakerPolicy
    from payermax_async.pipeline.retry import RetryPolicy
    from payermax_async.pipeline.skew import SkewPolicy
    from payermax_async.signing.base import Signer, Verifier
    from payermax_async.signing.keys import PrivateKey, PublicKey
    from payermax_async.signing.rsa import RsaSigner, RsaVerifier
    from payermax_async.transport.aiohttp import AiohttpTransport
    from payermax_async.transport.base import HttpRequest, HttpResponse, Transport
    from payermax_async.webhooks.verifying.verifier import NotificationVerifier

__version__ = "0.1.0"

__all__ = [
    "NO_NOTIFY_URL",
    "AiohttpTransport",
    "AlreadyEndedError",
    "ApiError",
    "AuthenticationError",
    "BreakerPolicy",
    "ClientOptions",
    "ClientStateError",
    "ClockSkewError",
    "ConfigurationError",
    "ConflictError",
    "CreateLink",
    "CreateRefund",
    "Environment",
    "ExpireLink",
    "ExtensionError",
    "GoodsItem",
    "HttpRequest",
    "HttpResponse",
    "HttpStatusError",
    "InvalidRequestError",
    "LinkDefaults",
    "LinkType",
    "MerchantConfig",
    "MerchantInfo",
    "NoReplyError",
    "NotFoundError",
    "NotSentError",
    "NotificationVerifier",
    "Outcome",
    "OutcomeUnknownError",
    "PayerMaxClient",
    "PayerMaxError",
    "PrivateKey",
    "PublicKey",
    "QueryLink",
    "QueryOrder",
    "QueryRefund",
    "Replay",
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
    "ThrottledError",
    "TlsError",
    "Transport",
    "TransportError",
    "UnnamedReplyError",
    "UnreadableReplyError",
    "UserInfo",
    "ValidationError",
    "Verifier",
    "WebhookError",
]

_HOMES = homes_of(
    __all__,
    {
        "client": "PayerMaxClient",
        "config.merchant": "MerchantConfig",
        "core.errors": (
            "AlreadyEndedError ApiError AuthenticationError ClientStateError "
            "ClockSkewError ConfigurationError ConflictError ExtensionError "
            "HttpStatusError InvalidRequestError NoReplyError NotFoundError "
            "NotSentError Outcome OutcomeUnknownError PayerMaxError ReplyError "
            "ReplyMismatchError ReplySignatureError ReplyTooLargeError SignatureError "
            "ThrottledError TlsError TransportError UnnamedReplyError "
            "UnreadableReplyError ValidationError WebhookError"
        ),
        "core.models.common": "NO_NOTIFY_URL",
        "core.models.link_parts": "GoodsItem MerchantInfo UserInfo",
        "core.models.link_request": "CreateLink LinkDefaults LinkType",
        "core.models.links": "ExpireLink QueryLink",
        "core.models.orders": "QueryOrder",
        "core.models.refunds": "CreateRefund QueryRefund",
        "core.operations.operation": "Replay",
        "environment": "Environment",
        "options": "ClientOptions",
        "pipeline.breaker": "BreakerPolicy",
        "pipeline.retry": "RetryPolicy",
        "pipeline.skew": "SkewPolicy",
        "signing.base": "Signer Verifier",
        "signing.keys": "PrivateKey PublicKey",
        "signing.rsa": "RsaSigner RsaVerifier",
        "transport.aiohttp": "AiohttpTransport",
        "transport.base": "HttpRequest HttpResponse Transport",
        "webhooks.verifying.verifier": "NotificationVerifier",
    },
)
"""The module that each name lives in, below ``payermax_async``."""

__getattr__: Callable[[str], object]
__dir__: Callable[[], list[str]]
__getattr__, __dir__ = lazy_names(__name__, _HOMES)
