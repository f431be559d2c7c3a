"""What becomes of money that came or went back: one payment, one effect.

Pure: what the inbox knows comes in, a ruling goes out. It is asked for when
something arrives and again whenever it is about to be handled, as more may be known
by then. Neither ``linkStatus`` nor the time of arrival counts: a payment is one.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Sequence
from datetime import datetime
from decimal import Decimal

import attrs

from payermax_async.core.money import total
from payermax_async.webhooks.inbox.ordering import ENDED, SUCCEEDED, Kind

__all__ = [
    "GivenBack",
    "Refunded",
    "Role",
    "Ruling",
    "Success",
    "ahead_of",
    "given_back",
    "reverse",
    "rule",
    "same_as",
]


class Role(enum.StrEnum):
    """What a success took effect as, from when it is first handed out."""

    NONE = ""
    """Nothing yet, or nothing any more."""
    FIRST = "first"
    """The payment of its link or order; the refund itself."""
    AGAIN = "again"
    """A further payment of a link that is paid."""


class Ruling(enum.StrEnum):
    """What is to become of a success."""

    EFFECT = "effect"
    """It takes effect."""
    AGAIN = "again"
    """It is a further payment of a link."""
    WAIT = "wait"
    """Another one, whose fate decides about it, is not dealt with yet."""
    GIVEN_BACK = "given back"
    """Nothing: all of it was refunded."""
    OTHER_AMOUNT = "other amount"
    """Nothing: it took effect already, with another amount."""
    AMBIGUOUS = "ambiguous"
    """Nothing by itself: the same payment with another amount, or another one."""
    REVERSED = "reversed"
    """Of a refund's failure: it takes effect beside a success."""
    OVERTAKEN = "overtaken"
    """Nothing: something newer is known."""


class GivenBack(enum.StrEnum):
    """How much of a payment is known to have been refunded."""

    NOT_ALL = "not all"
    ALL = "all"
    UNCLEAR = "unclear"
    """Something was, but not in a way that can be compared."""


@attrs.frozen(kw_only=True)
class Success:
    """A success of one link, order or refund, as the inbox has it."""

    id: int
    """Its number; a new one has the highest."""
    kind: Kind
    """What it is about."""
    trade: str
    """Which payment; empty where no number came."""
    amount: str
    """In one spelling."""
    currency: str
    """ISO 4217 code."""
    role: Role = Role.NONE
    """What it took effect as."""
    is_waiting: bool = True
    """Whether it is still to be handled."""
    due_at: datetime | None = None
    """When, if it is."""

    def is_worth(self, other: Success) -> bool:
        """Whether both say the same amount."""
        return (self.amount, self.currency) == (other.amount, other.currency)


@attrs.frozen(kw_only=True)
class Refunded:
    """What a notification said of a refund, in the order of arrival."""

    refund: str
    """Which one."""
    rank: int
    """Whether it succeeded or failed."""
    amount: str
    """In one spelling; empty for unknown."""
    currency: str
    """ISO 4217 code."""


def same_as(
    new: Success, known: Sequence[Success], *, beside: Collection[str], ordinal: int
) -> Success | None:
    """The known success that a new one only repeats, if it does.

    Without its number a payment of a link is taken for any of the same amount that
    its own notification does not list ``beside`` it; with one, for a payment that
    came without.

    Args:
        new: What came.
        known: The other successes of the link, order or refund, the oldest first.
        beside: The numbers of the payments in the same notification.
        ordinal: How many payments without a number stand before it there.
    """
    alike = [one for one in known if one.is_worth(new)]
    # An order or a refund is one payment: whatever says the same amount repeats it.
    if new.kind is not Kind.LINK:
        return alike[0] if alike else None
    if not new.trade:
        # The second without a number is the second known one: two payments of the same
        # amount may both be real.
        free = [one for one in alike if one.trade not in beside]
        return free[ordinal] if ordinal < len(free) else None
    numbered = [one for one in alike if one.trade == new.trade]
    nameless = [one for one in alike if not one.trade]
    return next(iter(numbered + nameless), None)


def rule(
    one: Success,
    others: Sequence[Success],
    back: GivenBack,
    *,
    forced: bool = False,
    at_once: bool = False,
) -> Ruling:
    """What is to become of a success.

    Args:
        one: The success.
        others: All other successes of its link, order or refund.
        back: How much of it was refunded.
        forced: Somebody decided that it takes effect whatever is known.
        at_once: It cannot wait: what comes first is taken to take effect.
    """
    ruling = _rule(one, others, at_once)
    # Refunded or not: who forces it has looked at what is known.
    if forced:
        return _BY_FORCE.get(ruling, ruling)
    return Ruling.GIVEN_BACK if back is GivenBack.ALL else ruling


_BY_FORCE = {Ruling.OTHER_AMOUNT: Ruling.EFFECT, Ruling.AMBIGUOUS: Ruling.AGAIN}


def _rule(one: Success, others: Sequence[Success], at_once: bool) -> Ruling:
    # What took effect is never ruled away: its handler may have shipped.
    if one.role is not Role.NONE:
        return Ruling.EFFECT if one.role is Role.FIRST else Ruling.AGAIN
    before = ahead_of(one, others)
    if not at_once and any(other.is_waiting for other in before):
        return Ruling.WAIT
    rulings = {_beside(one, other) for other in before}
    for ruling in (Ruling.OTHER_AMOUNT, Ruling.AMBIGUOUS, Ruling.AGAIN):
        if ruling in rulings:
            return ruling
    return Ruling.EFFECT


def ahead_of(one: Success, others: Sequence[Success]) -> list[Success]:
    """Those that took effect, or come first because they came first."""
    return [
        other
        for other in others
        if other.role is not Role.NONE or (other.is_waiting and other.id < one.id)
    ]


def _beside(one: Success, other: Success) -> Ruling:
    """What one is, given another one that took effect."""
    if one.kind is not Kind.LINK or (one.trade and one.trade == other.trade):
        return Ruling.OTHER_AMOUNT
    if one.trade and other.trade:
        return Ruling.AGAIN
    return Ruling.AGAIN if one.is_worth(other) else Ruling.AMBIGUOUS


def reverse(number: int, known: Sequence[Success], *, forced: bool = False) -> Ruling:
    """What is to become of the failure of a refund.

    PayerMax calls a refund successful once the channel took it, which may still fail
    days later. So a failure is no late word of an older state, whichever of the two is
    heard first: the merchant has booked money out that did not go, or is about to.
    Both are handled in the order in which they came.

    Args:
        number: Of the failure.
        known: The successes of the same refund.
        forced: Somebody decided that it takes effect whatever is known.
    """
    if not forced and any(one.is_waiting and one.id < number for one in known):
        return Ruling.WAIT
    return Ruling.REVERSED if known else Ruling.EFFECT


def given_back(one: Success, refunds: Sequence[Refunded]) -> GivenBack:
    """How much of a payment is known to have been refunded.

    Refunds are added up in the payment's currency, each once. One that failed after
    it had succeeded is taken back. One that is said to have succeeded after it failed
    may have done either last, as notifications overtake each other. It is not counted,
    but said, as is what cannot be compared.

    Args:
        one: The payment.
        refunds: What was heard of refunds of its trade, the oldest first.
    """
    last: dict[str, list[Refunded]] = {}
    failed = {refund.refund for refund in refunds if refund.rank == ENDED}
    for refund in refunds:
        if refund.rank not in {SUCCEEDED, ENDED}:
            continue
        told = last.setdefault(refund.refund, [])
        # The other word about the same refund: amounts said with the first one are
        # void.
        if told and told[-1].rank != refund.rank:
            told.clear()
        told.append(refund)
    counted: list[Decimal] = []
    unclear = False
    for name, told in last.items():
        if told[-1].rank != SUCCEEDED:
            continue
        if name in failed:
            unclear = True
            continue
        said = {(refund.amount, refund.currency) for refund in told}
        amount, currency = next(iter(said))
        if len(said) == 1 and amount and currency == one.currency:
            counted.append(Decimal(amount))
        else:
            unclear = True
    if counted and total(counted) >= Decimal(one.amount):
        return GivenBack.ALL
    return GivenBack.UNCLEAR if unclear else GivenBack.NOT_ALL
