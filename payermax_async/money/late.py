"""Which payments nobody is waiting for, and what to give back of them: pure rules.

Of a payment only facts count: its trade number, amount, currency and when PayerMax says
that it was completed. Whether a link is called expired proves nothing, nor when a
notification came, which may be half a day late.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import attrs

from payermax_async.money.proposals import (
    MadeRefund,
    PaymentFact,
    ProposedRefund,
    is_given_back,
    proposed_refund,
)

__all__ = ["LateMoney", "LateReason", "late_money"]

_FAR = datetime.max.replace(tzinfo=UTC)


class LateReason(enum.StrEnum):
    """Why nobody is waiting for a payment."""

    PAID_TWICE = "paid twice"
    """Another payment of its link counts."""
    OTHER_AMOUNT = "other amount"
    """It is of another amount or currency than was asked for."""
    AFTER_WITHDRAWAL = "after withdrawal"
    """It was completed after the merchant noted that the link was withdrawn."""


@attrs.frozen(kw_only=True)
class LateMoney:
    """A payment that nobody is waiting for."""

    payment: PaymentFact
    """It."""
    reasons: tuple[LateReason, ...]
    """Why, at least one."""
    details: tuple[str, ...]
    """The same in words, one for each reason."""
    refund: ProposedRefund
    """What to do about it, should a person agree."""


def late_money(
    payments: Iterable[PaymentFact],
    *,
    expected: Mapping[str, tuple[Decimal, str]],
    withdrawn: Mapping[str, datetime],
    refunds: Sequence[MadeRefund],
    margin: timedelta,
) -> tuple[LateMoney, ...]:
    """Which payments are late, each once, in the order of their trade numbers.

    Args:
        payments: All that are known; what several sources tell of one is put
            together.
        expected: Amount and currency that were asked for, by the merchant's id.
        withdrawn: When the merchant noted that a link was withdrawn.
        refunds: All that are known.
        margin: How much later than the withdrawal a payment has to be: two clocks are
            compared.
    """
    known, torn = _put_together(payments)
    by_link: dict[str, list[PaymentFact]] = {}
    for one in known:
        by_link.setdefault(one.merchant_link_id, []).append(one)
    found: list[LateMoney] = []
    for link, paid in by_link.items():
        kept = _kept(paid, refunds)
        for one in paid:
            told = [
                *(_twice(one, kept) if link else ()),
                *_other_amount(one, expected.get(link)),
                *_after_withdrawal(one, withdrawn.get(link), margin),
            ]
            if told:
                found.append(
                    LateMoney(
                        payment=one,
                        reasons=tuple(reason for reason, _ in told),
                        details=tuple(words for _, words in told),
                        refund=proposed_refund(
                            one, refunds, is_torn=one.trade_no in torn
                        ),
                    )
                )
    return tuple(
        sorted(
            found, key=lambda one: (one.payment.trade_no, one.payment.merchant_link_id)
        )
    )


def _put_together(
    payments: Iterable[PaymentFact],
) -> tuple[list[PaymentFact], frozenset[str]]:
    """One of each trade, and the trades of which the amounts differ."""
    found: dict[str, PaymentFact] = {}
    unnamed: dict[PaymentFact, None] = {}
    torn: set[str] = set()
    for one in payments:
        if not one.trade_no:
            # Without a number nothing tells it from a repetition of itself.
            unnamed[one] = None
            continue
        before = found.setdefault(one.trade_no, one)
        if (one.amount, one.currency) != (before.amount, before.currency):
            torn.add(one.trade_no)
        found[one.trade_no] = attrs.evolve(
            before,
            merchant_link_id=before.merchant_link_id or one.merchant_link_id,
            completed_at=before.completed_at or one.completed_at,
            took_effect=before.took_effect or one.took_effect,
            is_odd=before.is_odd or one.is_odd,
        )
    named = {one.merchant_link_id for one in found.values()}
    # One of a link of which numbers are known is most likely one of those.
    alone = [one for one in unnamed if one.merchant_link_id not in named]
    return [*found.values(), *alone], frozenset(torn)


def _kept(
    paid: Sequence[PaymentFact], refunds: Sequence[MadeRefund]
) -> PaymentFact | None:
    """The one payment that counts as that of the link."""
    standing = [one for one in paid if not is_given_back(one, refunds)]
    # What was handled has been delivered for; else the first one in PayerMax's time.
    return min(
        standing,
        key=lambda one: (not one.took_effect, one.completed_at or _FAR, one.trade_no),
        default=None,
    )


Told = Iterable[tuple[LateReason, str]]


def _twice(one: PaymentFact, kept: PaymentFact | None) -> Told:
    if kept is not None and one is not kept:
        other = kept.trade_no or "one without a number"
        yield LateReason.PAID_TWICE, f"the link is paid by {other} already"


def _other_amount(one: PaymentFact, asked: tuple[Decimal, str] | None) -> Told:
    paid = f"{one.amount:f} {one.currency}"
    # As numbers: 19.9 and 19.90 are the same money.
    if asked is not None and (one.amount, one.currency) != asked:
        words = f"{paid} was paid, where {asked[0]:f} {asked[1]} was asked for"
        yield LateReason.OTHER_AMOUNT, words
    elif asked is None and one.is_odd:
        yield LateReason.OTHER_AMOUNT, f"{paid} was paid, and is not what was expected"


def _after_withdrawal(
    one: PaymentFact, withdrawn_at: datetime | None, margin: timedelta
) -> Told:
    # Without PayerMax's own time of it nothing is proven: a notice may be late.
    if withdrawn_at is None or one.completed_at is None:
        return
    if one.completed_at - withdrawn_at > margin:
        words = f"it was completed at {_utc(one.completed_at)}, and the link was "
        yield LateReason.AFTER_WITHDRAWAL, f"{words}withdrawn at {_utc(withdrawn_at)}"


def _utc(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
