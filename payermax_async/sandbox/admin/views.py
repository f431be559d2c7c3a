"""What the admin API shows of a sandbox: plain JSON values, read from its engine.

Every function takes the engine and gives JSON. Times are RFC 3339 in UTC, amounts
are text, names are those of the Python API. Nothing here changes anything; that is
:mod:`payermax_async.sandbox.admin.actions` and
:mod:`payermax_async.sandbox.admin.controls`.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import cast

from payermax_async.core.models.payments import PaymentStatus
from payermax_async.core.money import format_amount
from payermax_async.core.strict_json import JsonObject, JsonValue
from payermax_async.sandbox.clock import VirtualClock
from payermax_async.sandbox.engine import SandboxEngine
from payermax_async.sandbox.faults.injector import PlacedFault
from payermax_async.sandbox.ledger.payloads import write_moment
from payermax_async.sandbox.ledger.records import Dispute, Link, Refund, Trade

__all__ = [
    "clock_view",
    "dispute_view",
    "disputes_view",
    "fault_view",
    "faults_view",
    "fields_of",
    "keys_view",
    "link_view",
    "links_view",
    "overview",
    "refund_view",
    "refunds_view",
    "trade_view",
    "trades_view",
]


def overview(engine: SandboxEngine) -> JsonObject:
    """Who, where, when and how much: the top of a dashboard."""
    repository = engine.ledger.repository
    return {
        "origin": engine.ledger.payloads.origin,
        "merchant_no": engine.credentials.merchant_no,
        "app_id": engine.credentials.app_id,
        "clock": clock_view(engine),
        "keys": keys_view(engine),
        "looks": {
            why: sum(n for (_, kind), n in engine.cashier.looks.items() if kind == why)
            for why in ("head", "prefetch", "bot")
        },
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
        **fields_of(link, "link_id merchant_link_id"),
        "merchant_no": link.owner.merchant_no,
        "state": _state_of(engine, link),
        "link_status": link.status(engine.clock.now()).value,
        "link_url": engine.ledger.payloads.link_url(link),
        **fields_of(link, "total_amount currency country description notify_url"),
        **fields_of(link, "created_at ends_at"),
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
        **fields_of(trade, "out_trade_no trade_token link_id status result_code left"),
        "method": None if payment is None else payment.method.value,
        **fields_of(trade, "amount currency created_at closes_at completed_at"),
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
    return fields_of(
        dispute,
        "case_id out_trade_no kind status amount result created_at expires_at",
    )


def refund_view(refund: Refund) -> JsonObject:
    """One refund."""
    return fields_of(
        refund,
        "refund_trade_no out_refund_no out_trade_no status amount currency"
        " created_at due_at finished_at",
    )


def fields_of(record: object, names: str) -> JsonObject:
    """Fields of a record by their own names, as JSON values."""
    return {name: _shown(getattr(record, name)) for name in names.split()}


def _shown(value: object) -> JsonValue:
    if isinstance(value, datetime):
        return write_moment(value)
    if isinstance(value, Decimal):
        # Text: a reader in another language would make a binary number of it.
        return format_amount(value)
    return cast("JsonValue", value.value if isinstance(value, Enum) else value)


# Faults


def faults_view(engine: SandboxEngine) -> list[JsonValue]:
    """The faults in force, in order."""
    return [fault_view(placed) for placed in engine.faults.placed()]


def fault_view(placed: PlacedFault) -> JsonObject:
    """One fault, and what it has done so far."""
    return {
        "number": placed.number,
        "rule": cast("JsonObject", placed.rule.to_table(exact=True)),
        **fields_of(placed, "matched struck used_up"),
    }
