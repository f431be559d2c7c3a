"""Disputes: opened by whoever plays the buyer's bank, asked about by the merchant."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal

import attrs

from payermax_async.core.models.disputes import DisputeStatus
from payermax_async.core.models.payments import PaymentStatus
from payermax_async.core.money import fit, format_amount
from payermax_async.core.strict_json import JsonObject
from payermax_async.sandbox.ledger.fields import Fields
from payermax_async.sandbox.ledger.records import Dispute, Owner, Trade
from payermax_async.sandbox.ledger.refusals import RefusedError
from payermax_async.sandbox.ledger.repository import Repository

__all__ = ["LASTS", "ended_dispute", "find_dispute", "new_dispute", "write_dispute"]

LASTS = timedelta(days=7)
"""How long the sandbox gives to answer; PayerMax's own time is documented nowhere."""


def new_dispute(
    trade: Trade,
    amount: Decimal | None,
    *,
    now: datetime,
    new_id: Callable[[str], str],
    kind: str = "DISPUTE",
) -> Dispute:
    """A dispute about a paid trade, over all of it unless ``amount`` says less.

    Raises:
        RefusedError: The trade is not paid, or less was paid than is disputed.
    """
    if trade.status is not PaymentStatus.SUCCESS:
        raise RefusedError("ORDER_NOT_EXIST", "The order is not paid.")
    try:
        # In the order's currency, with no more decimals than that takes.
        disputed = trade.amount if amount is None else fit(amount, trade.currency)
    except ValueError as error:
        raise RefusedError("AMOUNT_INVALID", f"The amount {error}.") from None
    if not 0 < disputed <= trade.amount:
        raise RefusedError("AMOUNT_INVALID", "The amount is not a part of the order.")
    return Dispute(
        case_id=new_id("C"),
        out_trade_no=trade.out_trade_no,
        owner=trade.owner,
        amount=disputed,
        status=DisputeStatus.DISPUTE_RECEIVED,
        created_at=now,
        expires_at=now + LASTS,
        kind=kind,
    )


def ended_dispute(
    dispute: Dispute, status: DisputeStatus, result: str | None
) -> Dispute:
    """The dispute once it is over.

    Raises:
        RefusedError: It is over already.
    """
    if not dispute.is_open:
        raise RefusedError("ORDER_NOT_EXIST", "The case is over.")
    return attrs.evolve(dispute, status=status, result=result)


def find_dispute(
    fields: Fields, owner: Owner, repository: Repository
) -> tuple[Dispute, Trade]:
    """The dispute that a ``caseSearch`` asks about, and its trade.

    Raises:
        RefusedError: The merchant has none of this id.
    """
    dispute = repository.dispute(fields.text("caseId", 64))
    trade = repository.trade(dispute.out_trade_no) if dispute is not None else None
    # By merchant alone: two apps of one merchant see the same disputes.
    ours = dispute is not None and dispute.owner.merchant_no == owner.merchant_no
    if dispute is None or trade is None or not ours:
        raise RefusedError("ORDER_NOT_EXIST", "The case does not exist.")
    return dispute, trade


def write_dispute(
    dispute: Dispute, trade: Trade, user_id: str, moment: Callable[[datetime], str]
) -> JsonObject:
    """The reply to a ``caseSearch``."""
    return {
        "caseId": dispute.case_id,
        "batchId": None,
        "status": dispute.status.value,
        "caseResult": dispute.result,
        "outTradeNo": trade.out_trade_no,
        "tradeToken": trade.trade_token,
        "outUserId": user_id,
        "amount": format_amount(dispute.amount),
        "fee": "0",
        "totalAmount": format_amount(dispute.amount),
        "currency": trade.currency,
        "originTradeAmount": format_amount(trade.amount),
        "originTradeCurrency": trade.currency,
        "tradeCreateTime": moment(trade.created_at),
        "retrievalDate": moment(dispute.created_at),
        "expirationDate": moment(dispute.expires_at),
    }
