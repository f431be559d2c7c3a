"""What the admin API shows of requests and notifications, with their bytes."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import TypeVar

from payermax_async.core.errors import ConfigurationError
from payermax_async.core.strict_json import JsonObject, JsonValue
from payermax_async.sandbox.admin.views import fields_of
from payermax_async.sandbox.engine import SandboxEngine
from payermax_async.sandbox.gateway.exchange import (
    SECRET_HEADERS,
    Exchange,
    SignatureCheck,
)
from payermax_async.sandbox.ledger.payloads import write_moment
from payermax_async.sandbox.notifications.deliveries import Delivery, DeliveryAttempt
from payermax_async.transport.base import Headers

__all__ = [
    "deliveries_view",
    "delivery_details",
    "delivery_view",
    "exchange_details",
    "exchange_view",
    "exchanges_view",
    "find_delivery",
    "find_exchange",
]

RecordT = TypeVar("RecordT", Exchange, Delivery)


# Exchanges


def exchanges_view(engine: SandboxEngine, *, after: int = 0) -> list[JsonValue]:
    """The remembered requests, oldest first.

    Args:
        engine: The sandbox.
        after: Only those with a greater number, for a page that keeps up.
    """
    return [
        exchange_view(engine, exchange)
        for exchange in tuple(engine.gateway.exchanges)
        if exchange.number > after
    ]


def exchange_view(engine: SandboxEngine, exchange: Exchange) -> JsonObject:
    """One request and how it was answered, on one line.

    ``signature`` is what became of its check, ``diagnosis`` why it failed:
    ``{"fault", "reason", "fix"}`` or null. ``status`` is null when the connection
    was ended without an answer.
    """
    answer = exchange.response
    return {
        "number": exchange.number,
        "at": write_moment(exchange.at),
        "operation": exchange.operation[:64],
        "merchant_no": exchange.merchant_no,
        "signature": exchange.verdict.value,
        "valid": exchange.verdict is SignatureCheck.VALID,
        "diagnosis": _diagnosis_view(engine, exchange),
        "code": exchange.code,
        "status": None if answer is None else answer.status,
        "fault": exchange.fault_name or ("custom" if exchange.fault else None),
    }


def _diagnosis_view(engine: SandboxEngine, exchange: Exchange) -> JsonObject | None:
    found = engine.diagnoses.of(exchange)
    if found is None:
        return None
    return {"fault": found.fault, "reason": found.reason, "fix": found.fix}


def exchange_details(engine: SandboxEngine, exchange: Exchange) -> JsonObject:
    """One request with headers and bodies of both sides.

    Bodies are text; what is not UTF-8 is shown with replacement characters.
    """
    answer = exchange.response
    return {
        **exchange_view(engine, exchange),
        "request": _message(exchange.headers, exchange.body),
        "response": None if answer is None else _message(answer.headers, answer.body),
    }


def _message(headers: Headers, body: bytes) -> JsonObject:
    # Of a request that was recorded, nothing may open the merchant's account.
    shown: list[JsonValue] = [
        [name, "..." if name.lower() in SECRET_HEADERS else _text(value)]
        for name, value in headers
    ]
    return {"headers": shown, "body": _text(body.decode("utf-8", "replace"))}


def _text(text: str) -> str:
    """Text that strict JSON can hold: no NUL, no half characters."""
    whole = text.encode("utf-8", "replace").decode()
    return whole.replace("\0", "\N{REPLACEMENT CHARACTER}")


# Deliveries


def deliveries_view(engine: SandboxEngine) -> list[JsonValue]:
    """The remembered notifications, oldest first."""
    return [delivery_view(item) for item in tuple(engine.notifier.deliveries)]


def delivery_view(delivery: Delivery) -> JsonObject:
    """One notification.

    ``state`` is waiting, delivered, given up, refused or cancelled; ``signed_with``
    is platform, rotated or wrong.
    """
    return {
        "number": delivery.number,
        **fields_of(delivery.notice, "kind key url"),
        **fields_of(delivery, "state reason"),
        "signed_with": delivery.key.value,
        "begun_at": write_moment(delivery.begun_at),
        "attempts": [_attempt_view(attempt) for attempt in tuple(delivery.attempts)],
    }


def _attempt_view(attempt: DeliveryAttempt) -> JsonObject:
    return {
        "at": write_moment(attempt.at),
        "status": attempt.status,
        "problem": _text(attempt.problem),
        # By way of text: the strict writer takes no binary numbers.
        "milliseconds": Decimal(str(attempt.took)),
    }


def delivery_details(delivery: Delivery) -> JsonObject:
    """One notification with what was sent and answered in every attempt."""
    attempts: list[JsonValue] = [
        {
            **_attempt_view(attempt),
            "request": _message(attempt.headers, attempt.body),
            "answer": _text(attempt.answer.decode("utf-8", "replace")),
        }
        for attempt in tuple(delivery.attempts)
    ]
    return {**delivery_view(delivery), "attempts": attempts}


def find_exchange(engine: SandboxEngine, number: int) -> Exchange:
    """The request with this number.

    Raises:
        ConfigurationError: It is unknown, or forgotten.
    """
    return _numbered(engine.gateway.exchanges, number, "exchange")


def find_delivery(engine: SandboxEngine, number: int) -> Delivery:
    """The notification with this number.

    Raises:
        ConfigurationError: It is unknown, or forgotten.
    """
    return _numbered(engine.notifier.deliveries, number, "delivery")


def _numbered(records: Iterable[RecordT], number: int, what: str) -> RecordT:
    # A copy: requests go on coming while a page looks for one.
    for record in tuple(records):
        if record.number == number:
            return record
    raise ConfigurationError(f"there is no {what} {number}, or it was forgotten")
