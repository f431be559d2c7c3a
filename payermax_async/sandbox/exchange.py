"""What the sandbox remembers of each request, to look at later."""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable
from datetime import datetime

import attrs

from payermax_async.core.errors import PayerMaxError
from payermax_async.core.strict_json import JsonValue
from payermax_async.transport.base import Headers, HttpResponse

__all__ = [
    "ConnectionDroppedError",
    "Exchange",
    "FaultAction",
    "FaultHook",
    "FaultPoint",
    "FaultStage",
    "Verdict",
]


class Verdict(enum.Enum):
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
    verdict: Verdict
    """Whether its signature was right."""
    code: str
    """The code it was answered with; empty when it was not."""
    response: HttpResponse | None = attrs.field(repr=False)
    """The answer; ``None`` when the connection was dropped."""
    fault: bool = False
    """Whether the answer was made by a fault."""


class FaultStage(enum.Enum):
    """When a fault is asked for."""

    BEFORE = "before"
    """The request is genuine and nothing was done yet."""
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


@attrs.frozen(kw_only=True)
class FaultAction:
    """What goes wrong. Exactly one of the fields is given."""

    code: str | None = None
    """Answer with this code, properly signed."""
    response: HttpResponse | None = None
    """Answer with this, whatever it is."""
    drop: bool = False
    """Answer nothing and drop the connection."""

    def __attrs_post_init__(self) -> None:
        given = (self.code is not None, self.response is not None, self.drop)
        if sum(given) != 1:
            raise ValueError("a fault has exactly one of code, response and drop")


FaultHook = Callable[[FaultPoint], Awaitable[FaultAction | None]]
"""Asked twice a request; may wait, and returns what shall go wrong, if anything."""


class ConnectionDroppedError(PayerMaxError):
    """The sandbox was told to drop the connection without an answer."""
