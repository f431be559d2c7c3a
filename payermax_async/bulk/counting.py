"""Adds the rows of a journal up, one after the other."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal

from payermax_async.bulk.figures import (
    BatchFigures,
    FailureGroup,
    StateTotal,
    is_failure,
    is_waiting,
)
from payermax_async.bulk.records import JournalRow, RowState
from payermax_async.storage.sql import micros

__all__ = ["failure_groups", "figures_of", "state_totals"]

_NONE = Decimal(0)
_MOST_REASONS = 20
_MOST_ORDERS = 12
_MOST_PROBLEMS = 100


class _Totals:
    def __init__(self) -> None:
        self._rows: Counter[tuple[RowState, str]] = Counter()
        self._sums: dict[tuple[RowState, str], Decimal] = {}

    def add(self, row: JournalRow) -> None:
        place = row.result.state, row.planned.currency
        self._rows[place] += 1
        # Of a row that could not be read, too: it counts, and adds nothing.
        amount = Decimal(row.planned.amount or 0)
        self._sums[place] = self._sums.get(place, _NONE) + amount

    def found(self) -> tuple[StateTotal, ...]:
        order = {state: number for number, state in enumerate(RowState)}
        return tuple(
            StateTotal(
                state=state, currency=currency, rows=rows, amount=self._sums[place]
            )
            for place, rows in sorted(
                self._rows.items(), key=lambda item: (order[item[0][0]], item[0][1])
            )
            for state, currency in [place]
        )


class _Failures:
    def __init__(self) -> None:
        self._groups: dict[tuple[RowState, str], Counter[str]] = {}
        self._orders: dict[tuple[RowState, str], list[str]] = {}

    def add(self, row: JournalRow) -> None:
        if not is_failure(row):
            return
        # By what to do, not by what is wrong: that is how people work through them.
        place = row.result.state, row.result.remedy
        self._groups.setdefault(place, Counter())[row.result.reason] += 1
        orders = self._orders.setdefault(place, [])
        if len(orders) < _MOST_ORDERS:
            orders.append(row.planned.order)

    def found(self) -> tuple[FailureGroup, ...]:
        groups = [
            FailureGroup(
                state=state,
                remedy=remedy,
                rows=reasons.total(),
                reasons=tuple(
                    sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
                )[:_MOST_REASONS],
                orders=tuple(self._orders[state, remedy]),
            )
            for (state, remedy), reasons in self._groups.items()
        ]
        return tuple(sorted(groups, key=lambda it: (-it.rows, it.state, it.remedy)))


def state_totals(rows: Iterable[JournalRow]) -> tuple[StateTotal, ...]:
    """Counts and sums by state and currency."""
    totals = _Totals()
    for row in rows:
        totals.add(row)
    return totals.found()


def failure_groups(rows: Iterable[JournalRow]) -> tuple[FailureGroup, ...]:
    """Rows without a usable link by what to do, the largest group first."""
    failures = _Failures()
    for row in rows:
        failures.add(row)
    return failures.found()


def figures_of(rows: Iterable[JournalRow], expected: int | None = None) -> BatchFigures:
    """Everything that a report counts; holds 16 bytes a row, and no row.

    Args:
        rows: Of a journal.
        expected: How many the source was said to hold.
    """
    counts, totals, failures = Counter[RowState](), _Totals(), _Failures()
    settled: dict[RowState, array[int]] = {}
    paid, latencies = array("q"), array("q")
    problems: list[JournalRow] = []
    odd = waiting = 0
    for row in rows:
        state = row.result.state
        counts[state] += 1
        totals.add(row)
        failures.add(row)
        waiting += is_waiting(row)
        if row.payment_problem:
            odd += 1
            if odd <= _MOST_PROBLEMS:
                problems.append(row)
        if state is RowState.PAID and row.ended_at:
            paid.append(micros(row.ended_at))
        if row.settled_at:
            moment = micros(row.settled_at)
            settled.setdefault(state, array("q")).append(moment)
            if row.began_at and state is not RowState.UNKNOWN:
                # Below nothing where somebody has set the clock back meanwhile.
                latencies.append(max(moment - micros(row.began_at), 0))
    return BatchFigures(
        counts={state: counts[state] for state in RowState if counts[state]},
        totals=totals.found(),
        failures=failures.found(),
        problems=tuple(problems),
        odd_payments=odd,
        waiting=waiting,
        settled={
            state: array("q", sorted(settled[state]))
            for state in RowState
            if state in settled
        },
        paid=array("q", sorted(paid)),
        latencies=array("q", sorted(latencies)),
        expected=expected,
    )
