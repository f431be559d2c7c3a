"""A payment, its refunds, and what is left to give back of it: pure rules."""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

import attrs

from payermax_async.core.checks import key
from payermax_async.core.money import rest_of, total

__all__ = [
    "MadeRefund",
    "PaymentFact",
    "ProposedRefund",
    "RefundFate",
    "RefundStanding",
    "is_given_back",
    "proposed_refund",
    "refund_number",
]

# Letters, digits and underscores: whether an id may hold more is not said.
_FIRST: Final = "late_"
_DIGEST: Final = "late_sha256_"


class RefundFate(enum.StrEnum):
    """What became of a refund, as far as is known."""

    DONE = "done"
    UNDER_WAY = "under way"
    FAILED = "failed"
    UNKNOWN = "unknown"


class RefundStanding(enum.StrEnum):
    """Whether a proposed refund may be made."""

    PROPOSED = "proposed"
    """It may, once a person says so."""
    GIVEN_BACK = "given back"
    """All of the payment was given back."""
    UNDER_WAY = "under way"
    """A refund of the payment is not over yet; PayerMax takes one at a time."""
    UNCLEAR = "unclear"
    """It cannot be told what was given back: look before anything is done."""


@attrs.frozen(kw_only=True)
class PaymentFact:
    """A successful payment, from a verified notification or answer."""

    trade_no: str
    """PayerMax's order number; empty where it did not say one."""
    merchant_link_id: str = ""
    """The merchant's id of the link; empty of an order without one."""
    amount: Decimal
    """What was paid, in major units."""
    currency: str
    """ISO 4217 code."""
    completed_at: datetime | None = None
    """When PayerMax says that it was paid."""
    took_effect: bool = False
    """Whether it was handled as the payment of its link."""
    is_odd: bool = False
    """Whether whoever keeps it found its amount to be another one."""


@attrs.frozen(kw_only=True)
class MadeRefund:
    """A refund of a payment."""

    trade_no: str
    """PayerMax's order number of the payment; empty where it was not said."""
    out_refund_no: str
    """The merchant's id of the refund."""
    amount: Decimal | None
    """How much, in major units; ``None`` where that is not known."""
    currency: str | None
    """ISO 4217 code."""
    fate: RefundFate
    """What became of it."""


@attrs.frozen(kw_only=True)
class ProposedRefund:
    """What would be given back."""

    out_refund_no: str
    """Follows from the trade number: whoever works it out gets the same one."""
    amount: Decimal
    """In major units; 0 where nothing is proposed."""
    currency: str
    """ISO 4217 code."""
    standing: RefundStanding
    """Whether it may be made."""
    why: str = ""
    """Why not, in words; empty of one that may."""


def refund_number(trade_no: str) -> str:
    """The merchant's id of the refund of a late payment.

    The same trade has the same one on every machine and for ever, so that PayerMax
    refuses a second refund should two people confirm one.

    Example:
        >>> refund_number("P2024022711020000001")
        'late_P2024022711020000001'
    """
    plain = f"{_FIRST}{trade_no}"
    if key()(plain) is None:
        return plain
    # Of a number that is too long, or has marks that an id may not have.
    digest = hashlib.sha256(trade_no.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{_DIGEST}{digest[:48]}"


def is_given_back(payment: PaymentFact, refunds: Sequence[MadeRefund]) -> bool:
    """Whether all of it is known to have gone back."""
    return _given_back(payment, refunds) >= payment.amount


def _given_back(payment: PaymentFact, refunds: Sequence[MadeRefund]) -> Decimal:
    return total(
        one.amount
        for one in _of(payment, refunds)
        if one.fate is RefundFate.DONE
        and one.amount is not None
        and one.currency == payment.currency
    )


def _of(payment: PaymentFact, refunds: Sequence[MadeRefund]) -> list[MadeRefund]:
    if not payment.trade_no:
        return []
    return [one for one in refunds if one.trade_no == payment.trade_no]


def proposed_refund(
    payment: PaymentFact, refunds: Sequence[MadeRefund], *, is_torn: bool
) -> ProposedRefund:
    """What to give back of a payment, after all that is known of its refunds.

    Args:
        payment: Of which.
        refunds: All that are known, of whatever payment.
        is_torn: Whether it is told with several amounts.
    """
    number = refund_number(payment.trade_no) if payment.trade_no else ""
    loose = [
        one for one in refunds if not one.trade_no and one.fate is not RefundFate.FAILED
    ]
    standing, why = _standing(
        payment, _of(payment, refunds), number, loose=loose, is_torn=is_torn
    )
    rest = rest_of(payment.amount, _given_back(payment, refunds))
    return ProposedRefund(
        out_refund_no=number,
        amount=rest if standing is RefundStanding.PROPOSED else Decimal(0),
        currency=payment.currency,
        standing=standing,
        why=why,
    )


def _standing(
    payment: PaymentFact,
    made: Sequence[MadeRefund],
    number: str,
    *,
    loose: Sequence[MadeRefund],
    is_torn: bool,
) -> tuple[RefundStanding, str]:
    if not number:
        return RefundStanding.UNCLEAR, "PayerMax named no order number of it"
    if is_torn:
        return RefundStanding.UNCLEAR, "it is told with two amounts: ask PayerMax"
    # First what may still give money back, then what did.
    for one in loose:
        why = f"refund {one.out_refund_no} names no order, and may be of this one"
        return RefundStanding.UNCLEAR, why
    for one in made:
        if one.fate is RefundFate.UNKNOWN:
            why = f"of refund {one.out_refund_no} it is not known whether it was made"
            return RefundStanding.UNCLEAR, why
        if one.fate is RefundFate.UNDER_WAY:
            why = f"refund {one.out_refund_no} is under way"
            return RefundStanding.UNDER_WAY, why
    done = [one for one in made if one.fate is RefundFate.DONE]
    for one in done:
        if one.amount is None or one.currency != payment.currency:
            why = f"of refund {one.out_refund_no} the amount is not known"
            return RefundStanding.UNCLEAR, why
    given = _given_back(payment, done)
    if given >= payment.amount:
        return RefundStanding.GIVEN_BACK, f"{given:f} {payment.currency} went back"
    # An id is used once: of one that was, PayerMax would repeat the end.
    for one in made:
        if one.out_refund_no == number:
            why = (
                f"refund {number} {one.fate.value}; choose a number of your own for "
                "the rest, with 'payermax refunds create'"
            )
            return RefundStanding.UNCLEAR, why
    return RefundStanding.PROPOSED, ""
