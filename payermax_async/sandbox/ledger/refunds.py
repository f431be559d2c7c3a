"""The rules of refunds.

See "Refund" at https://docs.payermax.com. The amounts that fail or stay pending
are those of PayerMax's test environment.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal

import attrs

from payermax_async.core.models.payments import PaymentStatus
from payermax_async.core.models.refunds import RefundStatus
from payermax_async.core.money import rest_of, total
from payermax_async.sandbox.ledger.fields import Fields, invalid
from payermax_async.sandbox.ledger.policy import Duplicates, LedgerPolicy
from payermax_async.sandbox.ledger.records import Owner, Refund, Trade
from payermax_async.sandbox.ledger.refusals import RefusedError
from payermax_async.sandbox.ledger.repository import Repository
from payermax_async.sandbox.ledger.requests import RefundRequest, read_refund

__all__ = [
    "FAILING_AMOUNTS",
    "PENDING_AMOUNTS",
    "ended_refund",
    "find_refund",
    "make_refund",
]

FAILING_AMOUNTS = frozenset({Decimal(10000), Decimal(102)})
"""Refunds of these amounts fail."""
PENDING_AMOUNTS = frozenset({Decimal(20000), Decimal(202)})
"""Refunds of these amounts stay pending."""


def make_refund(
    fields: Fields,
    *,
    owner: Owner,
    repository: Repository,
    policy: LedgerPolicy,
    now: datetime,
    new_id: Callable[[str], str],
) -> tuple[Refund, bool]:
    """The refund that is asked for, and whether it is a new one.

    Raises:
        RefusedError: It breaks a rule.
    """
    request = read_refund(fields)
    trade = _order(request, owner, repository)
    # Before all other rules: by now the first one may have used up what is left.
    known = repository.refund_of_merchant(owner, request.out_refund_no)
    if known is not None:
        if policy.duplicate_refunds is Duplicates.SAME and _same(known, request, trade):
            return known, False
        raise RefusedError("ORDER_REPEAT", "The refund number was used before.")
    _check_number(request, owner, repository)
    _check_order(request, trade, repository, policy, now)
    stays = request.amount in PENDING_AMOUNTS
    delay = timedelta(seconds=policy.refund_seconds)
    refund = Refund(
        refund_trade_no=new_id("R"),
        out_refund_no=request.out_refund_no,
        out_trade_no=trade.out_trade_no,
        owner=owner,
        amount=request.amount,
        currency=request.currency,
        notify_url=request.notify_url,
        comments=request.comments,
        status=RefundStatus.REFUND_PENDING,
        created_at=now,
        due_at=None if stays else now + delay,
    )
    return refund, True


def _order(request: RefundRequest, owner: Owner, repository: Repository) -> Trade:
    found: set[Trade | None] = set()
    if request.out_trade_no is not None:
        found.add(repository.trade(request.out_trade_no))
    if request.trade_token is not None:
        found.add(repository.trade_by_token(request.trade_token))
    trade = found.pop()
    # Given both, they must name one order; and another merchant's does not exist.
    if found or trade is None or trade.owner.merchant_no != owner.merchant_no:
        raise RefusedError("ORDER_NOT_EXIST", "The original order does not exist.")
    return trade


def _same(known: Refund, request: RefundRequest, trade: Trade) -> bool:
    return (
        known.out_trade_no == trade.out_trade_no
        and known.amount == request.amount
        and known.currency == request.currency
    )


def _check_number(request: RefundRequest, owner: Owner, repository: Repository) -> None:
    number = request.out_refund_no
    # Other merchants' orders do not count, or their numbers could be guessed.
    for trade in (repository.trade(number), repository.trade_by_token(number)):
        if trade is not None and trade.owner.merchant_no == owner.merchant_no:
            raise RefusedError(
                "REFUND_NO_INVALID", "The refund number equals an order number."
            )


def _check_order(
    request: RefundRequest,
    trade: Trade,
    repository: Repository,
    policy: LedgerPolicy,
    now: datetime,
) -> None:
    if trade.status is not PaymentStatus.SUCCESS or trade.completed_at is None:
        raise RefusedError("REFUND_FAILED", "The order is not paid.")
    if request.currency != trade.currency:
        raise RefusedError(
            "CURRENCY_INVALID", "The refund currency is not the order's currency."
        )
    if now > trade.completed_at + timedelta(days=policy.refund_days):
        raise RefusedError(
            "REFUND_FAILED",
            f"The order was paid more than {policy.refund_days} days ago.",
        )
    refunds = repository.refunds_of(trade.out_trade_no)
    # Two at a time could give back more than was paid: neither knows how the other
    # ends.
    if any(item.status is RefundStatus.REFUND_PENDING for item in refunds):
        raise RefusedError(
            "REFUND_FAILED", "Another refund of the order is in progress."
        )
    given_back = total(
        # A refund that failed gave nothing back.
        item.amount
        for item in refunds
        if item.status is RefundStatus.REFUND_SUCCESS
    )
    if request.amount > rest_of(trade.drawn, given_back):
        raise RefusedError(
            "AMOUNT_INVALID", "The refund amount exceeds what is left of the order."
        )


def ended_refund(
    refund: Refund, now: datetime, status: RefundStatus | None = None
) -> Refund:
    """The refund once it is over, by its amount unless told otherwise."""
    if status is None:
        fails = refund.amount in FAILING_AMOUNTS
        status = RefundStatus.REFUND_FAILED if fails else RefundStatus.REFUND_SUCCESS
    return attrs.evolve(refund, status=status, finished_at=now)


def find_refund(fields: Fields, owner: Owner, repository: Repository) -> Refund:
    """The refund that is asked about, by either id.

    Raises:
        RefusedError: There is none, or the ids name two.
    """
    number = fields.optional("outRefundNo", 64)
    trade_no = fields.optional("refundTradeNo", 64)
    if number is None and trade_no is None:
        raise invalid("outRefundNo", "must not be null unless refundTradeNo is given")
    found: set[Refund | None] = set()
    if number is not None:
        found.add(repository.refund_of_merchant(owner, number))
    if trade_no is not None:
        found.add(repository.refund(trade_no))
    refund = found.pop()
    if found or refund is None or refund.owner.merchant_no != owner.merchant_no:
        raise RefusedError("ORDER_NOT_EXIST", "The refund does not exist.")
    return refund
