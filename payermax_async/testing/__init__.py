"""For tests of code that uses this package: a fake transport, a gateway, notices.

Nothing heavy is loaded by importing this package.
"""

from __future__ import annotations

from payermax_async.testing.fake import (
    Answer,
    FakeTransport,
    Handler,
    RecordedRequest,
    json_reply,
    script,
)
from payermax_async.testing.replies import signed_reply
from payermax_async.testing.sandbox import SandboxTransport

__all__ = [
    "Answer",
    "FakeTransport",
    "Handler",
    "RecordedRequest",
    "SandboxTransport",
    "json_reply",
    "script",
    "signed_reply",
]
