"""The cases of refunds: one that fails, and one that succeeds."""

from __future__ import annotations

from decimal import ROUND_DOWN, Decimal
from typing import Final

from payermax_async.acceptance.evidence import Evidence
from payermax_async.acceptance.link_cases import ORDER, SUPPORT, until
from payermax_async.acceptance.notice_cases import witnessed
from payermax_async.acceptance.walk import (
    AcceptanceWalk,
    CaseFailedError,
    CaseSkippedError,
    CaseWaitsError,
    Notes,
)
from payermax_async.core.models.refunds import CreateRefund, RefundDetails, RefundStatus

__all__ = ["refund_amounts", "refund_fails", "refund_query", "refund_succeeds"]

REFUND: Final = "outRefundNo"
_FAILING: Final = (Decimal(10000), Decimal(102))
_SPECIAL: Final = frozenset({*_FAILING, Decimal(20000), Decimal(202)})


def refund_amounts(total: Decimal) -> tuple[Decimal | None, Decimal | None]:
    """What to refund of a payment so that it fails, and so that it succeeds.

    In PayerMax's test environment refunds of certain amounts fail or stay under way:
    https://docs.payermax.com (receipt, test cases).

    Args:
        total: What was paid, in major units.

    Returns:
        Both amounts; ``None`` where too little was paid for one.

    Example:
        >>> refund_amounts(Decimal(40000))
        (Decimal('10000'), Decimal('5000'))
    """
    failing = next((one for one in _FAILING if one < total), None)
    # Whole units, which every currency takes.
    part = (total / 8).to_integral_value(ROUND_DOWN)
    if part in _SPECIAL:
        part -= 1
    return failing, part if part > 0 else None


async def refund_fails(walk: AcceptanceWalk, evidence: Evidence, notes: Notes) -> str:
    """Ask for a refund that PayerMax lets fail."""
    amount, _ = refund_amounts(walk.order.amount)
    return await _refunded(
        walk, evidence, notes, "refund_fails", amount, RefundStatus.REFUND_FAILED
    )


async def refund_succeeds(
    walk: AcceptanceWalk, evidence: Evidence, notes: Notes
) -> str:
    """Ask for a refund that succeeds."""
    _, amount = refund_amounts(walk.order.amount)
    return await _refunded(
        walk, evidence, notes, "refund", amount, RefundStatus.REFUND_SUCCESS
    )


async def _refunded(
    walk: AcceptanceWalk,
    evidence: Evidence,
    notes: Notes,
    name: str,
    amount: Decimal | None,
    end: RefundStatus,
) -> str:
    if amount is None:
        raise CaseSkippedError("Too little is paid for it: take a higher --amount.")
    number = notes.ids[REFUND] = f"{evidence.run}_{name}"
    notes.ids[ORDER] = evidence.number("paid", ORDER)
    # Under the same number at each try: a run that was stopped finds its refund.
    taken = await walk.client.refund(
        CreateRefund(
            out_refund_no=number,
            refund_amount=amount,
            refund_currency=walk.order.currency,
            out_trade_no=notes.ids[ORDER],
        )
    )
    # Without its number nobody can hasten it: then its own end is waited for.
    if taken.refund_trade_no:
        notes.ids["refundTradeNo"] = taken.refund_trade_no
        await walk.payer.end_refund(taken.refund_trade_no)
    found = await until(
        walk, walk.patience, lambda: walk.client.query_refund(number), _is_over
    )
    if found is None:
        raise CaseWaitsError("The refund is under way: run the command again.")
    if found.status != end:
        raise CaseFailedError(
            f"The refund of {amount:f} {walk.order.currency} ended as {found.status}, "
            f"where {end.value} was expected of this amount.",
            SUPPORT,
        )
    return f"It ended as {found.status}. {await _told(walk, notes, number)}"


def _is_over(found: RefundDetails) -> bool:
    return found.status != RefundStatus.REFUND_PENDING


async def _told(walk: AcceptanceWalk, notes: Notes, number: str) -> str:
    try:
        return await witnessed(walk, notes, "REFUND", number)
    except CaseSkippedError:
        # The refund itself is shown; that nobody watches is no fault of it.
        return "Its notification was not looked for."


async def refund_query(walk: AcceptanceWalk, evidence: Evidence, notes: Notes) -> str:
    """Ask about the refund once more, and hold it against what was asked for."""
    number = notes.ids[REFUND] = evidence.number("refund", REFUND)
    found = await walk.client.query_refund(number)
    _, amount = refund_amounts(walk.order.amount)
    if (found.refund_amount, found.refund_currency) != (amount, walk.order.currency):
        raise CaseFailedError(
            f"PayerMax says {found.refund_amount} {found.refund_currency}, asked for "
            f"were {amount} {walk.order.currency}.",
            SUPPORT,
        )
    return f"PayerMax knows it as {found.status}, with the amount that was asked for."
