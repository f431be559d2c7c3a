"""What the sandbox remembers of each request, to look at later."""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable
from datetime import datetime

import attrs

from payermax_async.core.errors import PayerMaxError
from payermax_async.core.strict_json import JsonObject, JsonValue
from payermax_async.transport.base import Headers, HttpResponse

__all__ = [
    "SECRET_HEADERS",
    "ConnectionDroppedError",
    "Exchange",
    "FaultAction",
    "FaultHook",
    "FaultPoint",
    "FaultStage",
    "SignatureCheck",
    "SpoiledResponse",
    "SpoiledSignature",
]


SECRET_HEADERS = frozenset(
    {
        "authorization",
        "cookie",
        "merchant_auth_token",
        "merchantauthtoken",
        "proxy-authorization",
    }
)
"""What would let somebody in, in lower case: recorded, and never shown."""


class SignatureCheck(enum.Enum):
    """What became of the check of a request's signature."""

    NOT_CHECKED = "not checked"
    """Something else was wrong before."""
    MISSING = "missing"
    """There was no ``sign`` header."""
    REPEATED = "repeated"
    """There was more than one ``sign`` header."""
    UNKNOWN_APP = "unknown app"
    """No key is known for the app."""
    WRONG = "wrong"
    """It does not belong to the body."""
    VALID = "valid"
    """It is the merchant's."""


@attrs.frozen(kw_only=True)
class Exchange:
    """One request and its answer. Headers and bodies stay out of the ``repr``."""

    number: int
    """Counts all requests from 1."""
    operation: str
    """The name in the URL."""
    at: datetime
    """When it came."""
    headers: Headers = attrs.field(repr=False)
    """As they came."""
    body: bytes = attrs.field(repr=False)
    """As it came, cut at the size limit."""
    merchant_no: str
    """Who it says it is from; empty when that could not be read."""
    verdict: SignatureCheck
    """Whether its signature was right."""
    code: str
    """The code it was answered with; empty when it was not."""
    response: HttpResponse | None = attrs.field(repr=False)
    """The answer; ``None`` when the connection was dropped."""
    fault: bool = False
    """Whether a fault had a hand in it."""
    fault_name: str = ""
    """Which one, such as ``html (fault 3)``; empty when it has no name."""


class FaultStage(enum.Enum):
    """When a fault is asked for."""

    BEFORE = "before"
    """The signature is the merchant's; its time was not looked at and nothing was
    done yet."""
    AFTER = "after"
    """It was done, or refused, and the answer is ready."""


@attrs.frozen(kw_only=True)
class FaultPoint:
    """Where a fault may strike."""

    operation: str
    """The name in the URL."""
    stage: FaultStage
    """Before or after the ledger."""
    call: int
    """Counts the calls of this operation from 1."""
    data: JsonValue = attrs.field(repr=False)
    """The ``data`` of the request."""
    response: HttpResponse | None = attrs.field(default=None, repr=False)
    """The answer that would be given; ``None`` before."""
    code: str = ""
    """The code of that answer."""
    reply: JsonObject | None = attrs.field(default=None, repr=False)
    """The ``data`` of that answer; ``None`` when it has none."""


class SpoiledSignature(enum.Enum):
    """What can be wrong with the signature of an answer."""

    WRONG = "wrong"
    """The platform's own key, over other bytes."""
    MISSING = "missing"
    """No ``sign`` header."""
    FOREIGN = "foreign"
    """A key that nobody knows, over the right bytes."""


@attrs.frozen(kw_only=True)
class FaultAction:
    """What goes wrong. Exactly one of ``code`` to ``gap`` is given."""

    code: str | None = None
    """Answer with this code, properly signed."""
    response: HttpResponse | None = None
    """Answer with this, whatever it is."""
    data: JsonObject | None = None
    """Answer success with this ``data``, properly signed."""
    drop: bool = False
    """Answer nothing and close the connection."""
    reset: bool = False
    """Answer nothing and reset the connection."""
    signature: SpoiledSignature | None = None
    """Spoil the answer's signature."""
    skew: float | None = None
    """Seconds that the gateway's clock is ahead for this request."""
    cut: int | None = None
    """Break the answer off after so many bytes of its body."""
    # The machine's time, unlike wait: a socket knows no other.
    gap: float | None = None
    """Seconds of the machine's time before each byte of the answer's body."""

    wait: float = 0.0
    """Seconds of the sandbox's clock before it happens."""
    name: str = ""
    """What the exchange's record calls it."""

    def __attrs_post_init__(self) -> None:
        # Two at once would leave open which of them the merchant gets.
        given = (
            self.code is not None,
            self.response is not None,
            self.data is not None,
            self.drop,
            self.reset,
            self.signature is not None,
            self.skew is not None,
            self.cut is not None,
            self.gap is not None,
        )
        if sum(given) != 1:
            raise ValueError(
                "a fault has exactly one of code, response, data, drop, reset, "
                "signature, skew, cut and gap"
            )


FaultHook = Callable[[FaultPoint], Awaitable[FaultAction | None]]
"""Asked twice a request; may wait, and returns what shall go wrong, if anything."""


@attrs.frozen(kw_only=True)
class SpoiledResponse(HttpResponse):
    """An answer that does not arrive as it should; ``body`` is the whole of it."""

    sent: int | None = None
    """Bytes of the body after which the connection is closed; all when ``None``."""
    gap: float = 0.0
    """Seconds of the machine's time before each byte of the body."""


class ConnectionDroppedError(PayerMaxError):
    """The sandbox was told to end the connection without an answer."""

    def __init__(self, message: str, *, reset: bool = False) -> None:
        super().__init__(message)
        self.reset = reset
        """Whether it is reset instead of closed in an orderly way."""
