"""A refund as notifications and PayerMax's answers have it: pure rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from payermax_async.closing.differences import DayDifference, DifferenceKind
from payermax_async.closing.facts import DayFacts, DayRefund, RefundAnswer
from payermax_async.money.proposals import RefundFate

__all__ = ["is_done", "of_refund"]


def of_refund(refund: DayRefund, facts: DayFacts) -> Iterator[DayDifference]:
    """Where its sides do not agree."""

    def differs(
        kind: DifferenceKind, what: str, *, is_normal: bool = False
    ) -> DayDifference:
        return DayDifference(
            kind=kind,
            what=what,
            is_normal=is_normal,
            currency=refund.currency,
            amount=refund.amount,
            trade_no=refund.trade_no,
            refund_no=refund.out_refund_no,
        )

    answers = facts.refund_answers or {}
    answer = answers.get(refund.out_refund_no)
    fate = refund.fate
    if answer is not None and answer.fate is not RefundFate.UNKNOWN:
        # Under way is what a notification says first: an end after it is no
        # contradiction.
        if answer.fate is not fate and fate is not RefundFate.UNDER_WAY:
            yield differs(
                DifferenceKind.REFUND,
                f"the last notification says {fate}, PayerMax {answer.fate}",
            )
        if answer.amount is not None and (answer.amount, answer.currency) != (
            refund.amount,
            refund.currency,
        ):
            told = f"{answer.amount:f} {answer.currency}"
            yield differs(DifferenceKind.AMOUNT, f"of the refund PayerMax says {told}")
        fate = answer.fate
    if fate is RefundFate.UNDER_WAY:
        words = "a refund under way"
        yield differs(DifferenceKind.UNDER_WAY, words, is_normal=True)
    elif fate is RefundFate.UNKNOWN:
        # Both are signed: which of them is true, people have to ask PayerMax.
        yield differs(DifferenceKind.REFUND, "it is told to have succeeded and failed")


def is_done(refund: DayRefund, answers: Mapping[str, RefundAnswer]) -> bool:
    """Whether the money went back, by PayerMax's word if it was had."""
    answer = answers.get(refund.out_refund_no)
    known = answer is not None and answer.fate is not RefundFate.UNKNOWN
    fate = answer.fate if answer is not None and known else refund.fate
    return fate is RefundFate.DONE
