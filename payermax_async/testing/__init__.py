"""For tests of code that uses this package: doubles, a gateway, notices, a contract.

Each name is loaded when it is first asked for: pytest imports this package in every
run of every project that has it installed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from payermax_async._lazy import homes_of, lazy_names

if TYPE_CHECKING:
    from payermax_async.testing.aioresponses import MockedPosts
    from payermax_async.testing.contract import TransportContract
    from payermax_async.testing.fake import (
        Answer,
        FakeTransport,
        RecordedRequest,
        Responder,
        json_reply,
        script,
    )
    from payermax_async.testing.local import LocalSandbox
    from payermax_async.testing.recording import RecordingTransport
    from payermax_async.testing.replaying import ReplayTransport
    from payermax_async.testing.replies import signed_reply
    from payermax_async.testing.sandbox import SandboxTransport
    from payermax_async.testing.signing import NotificationFactory
    from payermax_async.webhooks.samples import SignedNotification, sign_notification

__all__ = [
    "Answer",
    "FakeTransport",
    "LocalSandbox",
    "MockedPosts",
    "NotificationFactory",
    "RecordedRequest",
    "RecordingTransport",
    "ReplayTransport",
    "Responder",
    "SandboxTransport",
    "SignedNotification",
    "TransportContract",
    "json_reply",
    "script",
    "sign_notification",
    "signed_reply",
]

_HOMES = homes_of(
    __all__,
    {
        "testing.aioresponses": "MockedPosts",
        "testing.contract": "TransportContract",
        "testing.fake": (
            "Answer FakeTransport RecordedRequest Responder json_reply script"
        ),
        "testing.local": "LocalSandbox",
        "testing.recording": "RecordingTransport",
        "testing.replaying": "ReplayTransport",
        "testing.replies": "signed_reply",
        "testing.sandbox": "SandboxTransport",
        "testing.signing": "NotificationFactory",
        "webhooks.samples": "SignedNotification sign_notification",
    },
)
"""The module that each name lives in, below ``payermax_async``."""

__getattr__: Callable[[str], object]
__dir__: Callable[[], list[str]]
__getattr__, __dir__ = lazy_names(__name__, _HOMES)
