"""The rules of paying a link."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import attrs

from payermax_async.core.models.payments import PaymentStatus
from payermax_async.sandbox.ledger.payment_methods import PaymentOutcome
from payermax_async.sandbox.ledger.records import Link, Payment, Trade
from payermax_async.sandbox.ledger.refusals import NotPayableError, Obstacle
from payermax_async.sandbox.ledger.repository import Repository

__all__ = ["closed_trade", "new_trade", "paid_with", "payable_link", "payable_trade"]


def payable_link(repository: Repository, link_id: str, now: datetime) -> Link:
    """The link, if it can be paid at ``now``.

    Raises:
        NotPayableError: It is unknown, paid, withdrawn or expired.
    """
    link = repository.link(link_id)
    if link is None:
        raise NotPayableError(Obstacle.UNKNOWN)
    # Before the times: a link that was paid and is over reads as paid.
    if repository.paid_trade(link_id) is not None:
        raise NotPayableError(Obstacle.PAID)
    if link.withdrawn_at is not None:
        raise NotPayableError(Obstacle.WITHDRAWN)
    if now >= link.expires_at:
        raise NotPayableError(Obstacle.EXPIRED)
    return link


def new_trade(
    link: Link, *, now: datetime, lasts: int, new_id: Callable[[str], str]
) -> Trade:
    """The trade of a payer who opens the page; ``lasts`` in seconds."""
    return Trade(
        out_trade_no=new_id("P"),
        trade_token=new_id("T"),
        link_id=link.link_id,
        owner=link.owner,
        amount=link.total_amount,
        currency=link.currency,
        country=link.country,
        status=PaymentStatus.PENDING,
        created_at=now,
        closes_at=now + timedelta(seconds=lasts),
        reference=link.reference,
        capture_mode=link.capture_mode,
        authorization_type=link.authorization_type,
    )


def payable_trade(
    repository: Repository, out_trade_no: str, now: datetime
) -> tuple[Link, Trade]:
    """The trade and its link, if the payer may go on.

    Raises:
        NotPayableError: The link cannot be paid, or the trade is unknown or over.
    """
    trade = repository.trade(out_trade_no)
    if trade is None:
        raise NotPayableError(Obstacle.UNKNOWN)
    link = repository.link(trade.link_id)
    if link is None:
        raise NotPayableError(Obstacle.UNKNOWN)
    if repository.paid_trade(link.link_id) is not None:
        raise NotPayableError(Obstacle.PAID)
    if trade.status is not PaymentStatus.PENDING or trade.left:
        raise NotPayableError(Obstacle.OVER)
    if trade.payment is None:
        # A payment that is under way may still end after its link has.
        payable_link(repository, link.link_id, now)
    return link, trade


def paid_with(trade: Trade, payment: Payment, now: datetime) -> Trade:
    """The trade after the payer's choice."""
    if payment.outcome is PaymentOutcome.ABANDON:
        return attrs.evolve(trade, left=True)
    # A payment that was pending keeps the time at which it was sent.
    sent = attrs.evolve(trade, payment=payment, confirmed_at=trade.confirmed_at or now)
    if payment.outcome is PaymentOutcome.SUCCEED:
        return attrs.evolve(
            sent, status=PaymentStatus.SUCCESS, completed_at=now, announced=True
        )
    if payment.outcome is PaymentOutcome.FAIL:
        return attrs.evolve(
            sent,
            status=PaymentStatus.FAILED,
            completed_at=now,
            result_code=payment.failure_code or "PAYMENT_FAILED",
        )
    return sent


_DECIDES = {
    "SUCCESS": PaymentOutcome.SUCCEED,
    "FAILED": PaymentOutcome.FAIL,
    "PENDING": PaymentOutcome.PENDING,
}


def decided_by(link: Link, trade: Trade, payment: Payment) -> Payment:
    """The payment, ending as the link's description says if it says anything."""
    outcome = _DECIDES.get(link.description.strip())
    # What is under way already ends by whoever ends it.
    if outcome is None or trade.payment is not None:
        return payment
    return attrs.evolve(payment, outcome=outcome)


def closed_trade(trade: Trade) -> Trade:
    """The trade once its time is up: closed, unless it failed before."""
    if trade.status is not PaymentStatus.PENDING:
        return trade
    return attrs.evolve(
        trade,
        status=PaymentStatus.CLOSED,
        # Not the present: whoever looks late changes nothing.
        completed_at=trade.closes_at,
        result_code="PAYMENT_FAILED",
    )
