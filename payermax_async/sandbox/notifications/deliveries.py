"""Notifications on their way, attempt by attempt; can be written down and read back."""

from __future__ import annotations

import asyncio
import base64
import enum
from collections.abc import Mapping
from datetime import datetime
from typing import cast

import attrs

from payermax_async.core.errors import ConfigurationError
from payermax_async.core.strict_json import JsonObject, JsonValue
from payermax_async.sandbox.ledger.records import Owner
from payermax_async.sandbox.notifications.notices import Notice, NoticeKind
from payermax_async.transport.base import Headers

__all__ = ["Delivery", "DeliveryAttempt", "DeliveryState", "NoticeKey"]


class DeliveryState(enum.Enum):
    """Where a delivery stands."""

    WAITING = "waiting"
    """There will be another attempt."""
    DELIVERED = "delivered"
    """The merchant acknowledged it."""
    GIVEN_UP = "given up"
    """Every attempt failed."""
    REFUSED = "refused"
    """It must not, or cannot, be posted to that address."""
    CANCELLED = "cancelled"
    """The sandbox was closed."""


class NoticeKey(enum.Enum):
    """The key that signs a notification."""

    PLATFORM = "platform"
    """The one the merchant trusts."""
    ROTATED = "rotated"
    """The platform's next one: right once the merchant has added it."""
    WRONG = "wrong"
    """One that nobody knows."""


@attrs.frozen(kw_only=True)
class DeliveryAttempt:
    """One try to deliver a notification."""

    at: datetime
    """When it began."""
    headers: Headers = attrs.field(repr=False)
    """What was sent, signature included."""
    body: bytes = attrs.field(repr=False)
    """What was sent."""
    status: int | None
    """The answer's HTTP status; ``None`` when there was no answer."""
    answer: bytes = attrs.field(repr=False)
    """The start of the answer."""
    problem: str
    """What was wrong; empty when it was acknowledged."""
    took: float = 0.0
    """Milliseconds of the machine's time until the answer, or its absence."""

    def to_state(self) -> JsonObject:
        """The attempt as JSON values."""
        return {
            "at": self.at.isoformat(),
            "headers": [[name, value] for name, value in self.headers],
            # Bytes as they were signed; JSON could not hold all of them as text.
            "body": base64.b64encode(self.body).decode(),
            "status": self.status,
            "answer": base64.b64encode(self.answer).decode(),
            "problem": self.problem,
            "took": str(self.took),
        }


@attrs.define(kw_only=True, eq=False)
class Delivery:
    """A notification on its way."""

    number: int = 0
    """Counts all deliveries of a sandbox from 1."""
    notice: Notice
    """What is told."""
    begun_at: datetime
    """What its schedule counts from."""
    delay: float = 0.0
    """Seconds that its schedule is late."""
    key: NoticeKey = NoticeKey.PLATFORM
    """What signs it."""
    state: DeliveryState = DeliveryState.WAITING
    """Where it stands."""
    reason: str = ""
    """Why it was refused."""
    attempts: list[DeliveryAttempt] = attrs.field(factory=list[DeliveryAttempt])
    """All tries, oldest first."""
    tried: asyncio.Event = attrs.field(factory=asyncio.Event, repr=False)
    """Set once the first attempt is over, or there will be none."""

    def to_state(self) -> JsonObject:
        """The delivery as JSON values."""
        notice = self.notice
        return {
            "number": self.number,
            "notice": {
                "kind": notice.kind.value,
                "merchant_no": notice.owner.merchant_no,
                "app_id": notice.owner.app_id,
                "url": notice.url,
                "key": notice.key,
                "code": notice.code,
                "data": notice.data,
            },
            "begun_at": self.begun_at.isoformat(),
            # As text: the strict writer takes no binary numbers.
            "delay": str(self.delay),
            "key": self.key.value,
            "state": self.state.value,
            "reason": self.reason,
            "attempts": [attempt.to_state() for attempt in self.attempts],
        }

    @classmethod
    def from_state(cls, state: Mapping[str, JsonValue]) -> Delivery:
        """The delivery that :meth:`to_state` wrote.

        Raises:
            ConfigurationError: It is no such state.
        """
        try:
            return _read(state)
        except (KeyError, TypeError, ValueError, AttributeError):
            raise ConfigurationError(
                "the sandbox state holds a delivery that cannot be read: restore it "
                "from a copy or start a new one"
            ) from None


def _read(state: Mapping[str, JsonValue]) -> Delivery:
    told = cast("dict[str, str]", state["notice"])
    notice = Notice(
        kind=NoticeKind(told["kind"]),
        owner=Owner(merchant_no=told["merchant_no"], app_id=told["app_id"]),
        url=told["url"],
        key=told["key"],
        code=told["code"],
        data=cast("JsonObject", told["data"]),
    )
    return Delivery(
        number=int(cast("int", state["number"])),
        notice=notice,
        begun_at=datetime.fromisoformat(cast("str", state["begun_at"])),
        delay=float(cast("str", state["delay"])),
        key=NoticeKey(state["key"]),
        state=DeliveryState(state["state"]),
        reason=str(state["reason"]),
        attempts=[
            _read_attempt(item) for item in cast("list[JsonObject]", state["attempts"])
        ],
    )


def _read_attempt(state: JsonObject) -> DeliveryAttempt:
    headers = cast("list[list[str]]", state["headers"])
    return DeliveryAttempt(
        at=datetime.fromisoformat(cast("str", state["at"])),
        headers=tuple((name, value) for name, value in headers),
        body=base64.b64decode(cast("str", state["body"])),
        status=cast("int | None", state["status"]),
        answer=base64.b64decode(cast("str", state["answer"])),
        problem=str(state["problem"]),
        took=float(cast("str", state["took"])),
    )
