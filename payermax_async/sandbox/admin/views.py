"""What the admin API shows of a sandbox: plain JSON values, read from its engine.

Every function takes the engine and gives JSON. Times are RFC 3339 in UTC, amounts
are text, names are those of the Python API. Nothing here changes anything; that is
:mod:`payermax_async.sandbox.admin.actions`.
"""

from __future__ import annotations

from typing import cast

from payermax_async.core.errors import ConfigurationError
from payermax_async.core.models.payments import PaymentStatus
from payermax_async.core.money import format_amount
from payermax_async.core.strict_json import JsonObject, JsonValue
from payermax_async.sandbox.clock import VirtualClock
from payermax_async.sandbox.engine import SandboxEngine
from payermax_async.sandbox.faults.injector import PlacedFault
from payermax_async.sandbox.gateway.exchange import Exchange
from payermax_async.sandbox.ledger.payloads import write_moment
from payermax_async.sandbox.ledger.records import Dispute, Link, Refund, Trade
from payermax_async.sandbox.notifications.deliveries import Delivery

__all__ = [
    "clock_view",
    "dispute_view",
    "disputes_view",
    "faults_view",
    "find_delivery",
    "find_exchange",
    "keys_view",
    "link_view",
    "links_view",
    "overview",
    "refunds_view",
    "trade_view",
    "trades_view",
]


def overview(engine: SandboxEngine) -> JsonObject:
    """Who, where, when and how much: the top of a dashboard."""
    repository = engine.ledger.repository
    return {
        "origin": engine.ledger.answers.origin,
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
        "next_due": None if due is None else write_moment(due),
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
    now = engine.clock.now()
    trades = engine.ledger.repository.trades_of(link.link_id)
    return {
        "link_id": link.link_id,
        "merchant_link_id": link.merchant_link_id,
        "merchant_no": link.owner.merchant_no,
        "state": _state_of(engine, link),
        "link_status": link.status(now).value,
        "link_url": engine.ledger.answers.link_url(link),
        "total_amount": format_amount(link.total_amount),
        "currency": link.currency,
        "country": link.country,
        "description": link.description,
        "notify_url": link.notify_url,
        "created_at": write_moment(link.created_at),
        "ends_at": write_moment(link.ends_at),
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
        "out_trade_no": trade.out_trade_no,
        "trade_token": trade.trade_token,
        "link_id": trade.link_id,
        "status": trade.status.value,
        "result_code": trade.result_code,
        "left": trade.left,
        "method": None if payment is None else payment.method.value,
        "amount": format_amount(trade.amount),
        "currency": trade.currency,
        "created_at": write_moment(trade.created_at),
        "closes_at": write_moment(trade.closes_at),
        "completed_at": None
        if trade.completed_at is None
        else write_moment(trade.completed_at),
        "refundable": trade.status is PaymentStatus.SUCCESS,
    }


def refunds_view(engine: SandboxEngine) -> list[JsonValue]:
    """Every refund, oldest first."""
    return [_refund_view(refund) for refund in engine.ledger.repository.refunds()]


def disputes_view(engine: SandboxEngine) -> list[JsonValue]:
    """Every dispute, oldest first."""
    return [dispute_view(dispute) for dispute in engine.ledger.repository.disputes()]


def dispute_view(dispute: Dispute) -> JsonObject:
    """One dispute."""
    return {
        "case_id": dispute.case_id,
        "out_trade_no": dispute.out_trade_no,
        "status": dispute.status.value,
        "amount": format_amount(dispute.amount),
        "created_at": write_moment(dispute.created_at),
        "expires_at": write_moment(dispute.expires_at),
    }


def _refund_view(refund: Refund) -> JsonObject:
    ended = refund.finished_at
    return {
        "refund_trade_no": refund.refund_trade_no,
        "out_refund_no": refund.out_refund_no,
        "out_trade_no": refund.out_trade_no,
        "status": refund.status.value,
        "amount": format_amount(refund.amount),
        "currency": refund.currency,
        "created_at": write_moment(refund.created_at),
        "due_at": None if refund.due_at is None else write_moment(refund.due_at),
        "finished_at": None if ended is None else write_moment(ended),
    }


# Looking one up


def find_exchange(engine: SandboxEngine, number: int) -> Exchange:
    """The request with this number.

    Raises:
        ConfigurationError: It is unknown, or forgotten.
    """
    for exchange in tuple(engine.gateway.exchanges):
        if exchange.number == number:
            return exchange
    raise ConfigurationError(f"there is no exchange {number}, or it was forgotten")


def find_delivery(engine: SandboxEngine, number: int) -> Delivery:
    """The notification with this number.

    Raises:
        ConfigurationError: It is unknown, or forgotten.
    """
    for delivery in tuple(engine.notifier.deliveries):
        if delivery.number == number:
            return delivery
    raise ConfigurationError(f"there is no delivery {number}, or it was forgotten")


# Faults


def faults_view(engine: SandboxEngine) -> list[JsonValue]:
    """The faults in force, in order."""
    return [_fault_view(placed) for placed in engine.faults.placed()]


def _fault_view(placed: PlacedFault) -> JsonObject:
    return {
        "number": placed.number,
        "rule": cast("JsonObject", placed.rule.to_table(exact=True)),
        "matched": placed.matched,
        "struck": placed.struck,
        "used_up": placed.used_up,
    }
