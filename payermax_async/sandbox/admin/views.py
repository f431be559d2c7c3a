"""What the admin API shows of a sandbox: plain JSON values, read from its engine.

Every function takes the engine and gives JSON. Times are RFC 3339 in UTC, amounts
are text, names are those of the Python API. Nothing here changes anything; that is
:mod:`payermax_async.sandbox.admin.actions`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import TypeVar, cast

from payermax_async.core.errors import ConfigurationError
from payermax_async.core.models.payments import PaymentStatus
from payermax_async.core.money import format_amount
from payermax_async.core.strict_json import JsonObject, JsonValue
from payermax_async.sandbox.clock import VirtualClock
from payermax_async.sandbox.engine import SandboxEngine
from payermax_async.sandbox.faults.injector import PlacedFault
from payermax_async.sandbox.gateway.exchange import (
    SECRET_HEADERS,
    Exchange,
    SignatureCheck,
)
from payermax_async.sandbox.ledger.payloads import write_moment
from payermax_async.sandbox.ledger.records import Dispute, Link, Refund, Trade
from payermax_async.sandbox.notifications.deliveries import Delivery, DeliveryAttempt
from payermax_async.transport.base import Headers

__all__ = [
    "clock_view",
    "deliveries_view",
    "delivery_details",
    "delivery_view",
    "dispute_view",
    "disputes_view",
    "exchange_details",
    "exchange_view",
    "exchanges_view",
    "fault_view",
    "faults_view",
    "find_delivery",
    "find_exchange",
    "keys_view",
    "link_view",
    "links_view",
    "overview",
    "refund_view",
    "refunds_view",
    "trade_view",
    "trades_view",
]

RecordT = TypeVar("RecordT", Exchange, Delivery)


def overview(engine: SandboxEngine) -> JsonObject:
    """Who, where, when and how much: the top of a dashboard."""
    repository = engine.ledger.repository
    return {
        "origin": engine.ledger.payloads.origin,
        "merchant_no": engine.credentials.merchant_no,
        "app_id": engine.credentials.app_id,
        "clock": clock_view(engine),
        "keys": keys_view(engine),
        "counts": {
            "links": len(repository.links()),
            "trades": len(repository.trades()),
            "refunds": len(repository.refunds()),
            "disputes": len(repository.disputes()),
            "exchanges": len(engine.gateway.exchanges),
            "deliveries": len(engine.notifier.deliveries),
            "faults": len(engine.faults.placed()),
        },
    }


def clock_view(engine: SandboxEngine) -> JsonObject:
    """The sandbox's time, and what it will do next by itself."""
    due = engine.ledger.next_due()
    return {
        "now": write_moment(engine.clock.now()),
        "virtual": isinstance(engine.clock, VirtualClock),
        "next_due": _shown(due),
    }


def keys_view(engine: SandboxEngine) -> JsonObject:
    """Public halves of the platform's keys, to configure and to compare."""
    return {
        which.value: {"fingerprint": key.fingerprint, "public_key": key.to_base64()}
        for which, key in engine.keys.public_keys().items()
    }


# Links, trades, refunds


def links_view(engine: SandboxEngine) -> list[JsonValue]:
    """Every link, oldest first."""
    return [link_view(engine, link) for link in engine.ledger.repository.links()]


def link_view(engine: SandboxEngine, link: Link) -> JsonObject:
    """One link. ``state`` is active, paid, withdrawn or expired."""
    trades = engine.ledger.repository.trades_of(link.link_id)
    return {
        **_fields(link, "link_id merchant_link_id"),
        "merchant_no": link.owner.merchant_no,
        "state": _state_of(engine, link),
        "link_status": link.status(engine.clock.now()).value,
        "link_url": engine.ledger.payloads.link_url(link),
        **_fields(link, "total_amount currency country description notify_url"),
        **_fields(link, "created_at ends_at"),
        "trades": [trade.out_trade_no for trade in trades],
    }


def _state_of(engine: SandboxEngine, link: Link) -> str:
    if engine.ledger.repository.paid_trade(link.link_id) is not None:
        return "paid"
    if link.withdrawn_at is not None:
        return "withdrawn"
    return "active" if engine.clock.now() < link.expires_at else "expired"


def trades_view(engine: SandboxEngine) -> list[JsonValue]:
    """Every trade, oldest first."""
    return [trade_view(trade) for trade in engine.ledger.repository.trades()]


def trade_view(trade: Trade) -> JsonObject:
    """One trade. ``status`` is the gateway's; ``left`` that the payer walked away."""
    payment = trade.payment
    return {
        **_fields(trade, "out_trade_no trade_token link_id status result_code left"),
        "method": None if payment is None else payment.method.value,
        **_fields(trade, "amount currency created_at closes_at completed_at"),
        "refundable": trade.status is PaymentStatus.SUCCESS,
    }


def refunds_view(engine: SandboxEngine) -> list[JsonValue]:
    """Every refund, oldest first."""
    return [refund_view(refund) for refund in engine.ledger.repository.refunds()]


def disputes_view(engine: SandboxEngine) -> list[JsonValue]:
    """Every dispute, oldest first."""
    return [dispute_view(dispute) for dispute in engine.ledger.repository.disputes()]


def dispute_view(dispute: Dispute) -> JsonObject:
    """One dispute."""
    return _fields(dispute, "case_id out_trade_no status amount created_at expires_at")


def refund_view(refund: Refund) -> JsonObject:
    """One refund."""
    return _fields(
        refund,
        "refund_trade_no out_refund_no out_trade_no status amount currency"
        " created_at due_at finished_at",
    )


def _fields(record: object, names: str) -> JsonObject:
    """Fields of a record by their own names, as JSON values."""
    return {name: _shown(getattr(record, name)) for name in names.split()}


def _shown(value: object) -> JsonValue:
    if isinstance(value, datetime):
        return write_moment(value)
    if isinstance(value, Decimal):
        # Text: a reader in another language would make a binary number of it.
        return format_amount(value)
    return cast("JsonValue", value.value if isinstance(value, Enum) else value)


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
        **_fields(delivery.notice, "kind key url"),
        **_fields(delivery, "state reason"),
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


# Faults


def faults_view(engine: SandboxEngine) -> list[JsonValue]:
    """The faults in force, in order."""
    return [fault_view(placed) for placed in engine.faults.placed()]


def fault_view(placed: PlacedFault) -> JsonObject:
    """One fault, and what it has done so far."""
    return {
        "number": placed.number,
        "rule": cast("JsonObject", placed.rule.to_table(exact=True)),
        **_fields(placed, "matched struck used_up"),
    }
