"""For tests of code that uses this package: doubles, a gateway, notices, a contract.

Each name is loaded when it is first asked for: pytest imports this package in every
run of every project that has it installed.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from payermax_async.testing.contract import TransportContract
    from payermax_async.testing.fake import (
        Answer,
        FakeTransport,
        Handler,
        RecordedRequest,
        json_reply,
        script,
    )
    from payermax_async.testing.local import LocalSandbox
    from payermax_async.testing.notifications import (
        SignedNotification,
        sign_notification,
    )
    from payermax_async.testing.recording import RecordingTransport, ReplayTransport
    from payermax_async.testing.replies import signed_reply
    from payermax_async.testing.sandbox import SandboxTransport

__all__ = [
    "Answer",
    "FakeTransport",
    "Handler",
    "LocalSandbox",
    "RecordedRequest",
    "RecordingTransport",
    "ReplayTransport",
    "SandboxTransport",
    "SignedNotification",
    "TransportContract",
    "json_reply",
    "script",
    "sign_notification",
    "signed_reply",
]

_HOMES = {
    "Answer": "fake",
    "FakeTransport": "fake",
    "Handler": "fake",
    "LocalSandbox": "local",
    "RecordedRequest": "fake",
    "RecordingTransport": "recording",
    "ReplayTransport": "recording",
    "SandboxTransport": "sandbox",
    "SignedNotification": "notifications",
    "TransportContract": "contract",
    "json_reply": "fake",
    "script": "fake",
    "sign_notification": "notifications",
    "signed_reply": "replies",
}
"""Where each public name lives, below this package."""


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(importlib.import_module(f"{__name__}.{home}"), name)
    globals()[name] = value  # the next access does not come here
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
