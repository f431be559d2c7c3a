"""The day-end balance against what was paid and given back: pure rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal

import attrs

from payermax_async.closing.differences import DayDifference, DifferenceKind
from payermax_async.closing.facts import DayBalance
from payermax_async.core.money import rest_of, total

__all__ = ["BalanceSum", "balance_sum", "hold_balance"]

_Differs = Callable[..., DayDifference]


@attrs.frozen(kw_only=True)
class BalanceSum:
    """All accounts of one currency over a day, in major units."""

    initial: Decimal
    """What was there when the day began."""
    inflow: Decimal
    """What came in."""
    outflow: Decimal
    """What went out."""
    end: Decimal
    """What was there when the day ended."""


def balance_sum(
    accounts: Sequence[DayBalance] | None, currency: str
) -> BalanceSum | None:
    """The accounts of a currency together; ``None`` where there is none."""
    ours = [one for one in accounts or () if one.currency == currency]
    if not ours:
        return None
    return BalanceSum(
        initial=total(one.initial_balance for one in ours),
        inflow=total(one.inflow_amount for one in ours),
        # With or without a sign: PayerMax does not say how it writes it.
        outflow=total(abs(one.outflow_amount) for one in ours),
        end=total(one.end_balance for one in ours),
    )


def hold_balance(
    currency: str,
    balance: BalanceSum | None,
    *,
    paid: Decimal,
    refunded: Decimal,
    fees: Decimal,
) -> Iterator[DayDifference]:
    """What a balance has and the payments of links do not explain, or lacks.

    Fees may be taken before money comes in or as money that goes out; settlements,
    payouts, exchanges and other products move the same accounts. So more than links
    explain is normal and named; less is not.

    Args:
        currency: ISO 4217 code.
        balance: Its accounts together.
        paid: What was paid that day.
        refunded: What was given back.
        fees: What PayerMax says that the payments cost.
    """
    if balance is None:
        return

    def differs(
        kind: DifferenceKind, amount: Decimal, what: str, *, is_normal: bool
    ) -> DayDifference:
        return DayDifference(
            kind=kind,
            what=what,
            is_normal=is_normal,
            currency=currency,
            amount=abs(amount),
        )

    moved = rest_of(balance.end, balance.initial)
    explained = rest_of(balance.inflow, balance.outflow)
    if moved != explained:
        yield differs(
            DifferenceKind.BALANCE,
            rest_of(moved, explained),
            f"the accounts do not add up: {balance.initial:f} + {balance.inflow:f} - "
            f"{balance.outflow:f} is not {balance.end:f}",
            is_normal=False,
        )
    yield from _held(
        rest_of(balance.inflow, paid), fees, "came in", "was paid", differs
    )
    yield from _held(
        rest_of(balance.outflow, refunded), Decimal(0), "went out", "went back", differs
    )


def _held(
    rest: Decimal, fees: Decimal, moved: str, told: str, differs: _Differs
) -> Iterator[DayDifference]:
    if rest > 0:
        words = f"more {moved} than {told} by links: settlement, fees, other products"
        yield differs(DifferenceKind.OTHER_PRODUCT, rest, words, is_normal=True)
    # Fees may be kept back before money comes in: up to them, less is no loss.
    elif -rest > fees:
        words = f"less {moved} than {told}"
        yield differs(DifferenceKind.BALANCE, rest, words, is_normal=False)
    elif rest:
        words = f"less {moved} than {told}, by no more than the fees"
        yield differs(DifferenceKind.FEES, rest, words, is_normal=True)
