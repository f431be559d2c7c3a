"""What the rows of a journal come to: sums, failures by what to do, times. Values."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Final

import attrs

from payermax_async.bulk.records import JournalRow, RowState
from payermax_async.storage.sql import from_micros, micros

__all__ = [
    "STATE_WORDS",
    "BatchFigures",
    "BatchVerdict",
    "FailureGroup",
    "StateTotal",
    "counted_rows",
    "failure_groups",
    "figures_of",
    "is_failure",
    "is_waiting",
    "state_totals",
]

_NONE = Decimal(0)
_MOST_REASONS = 20
_MOST_ORDERS = 12

STATE_WORDS: Final[Mapping[RowState, str]] = {
    RowState.PLANNED: "not begun",
    RowState.SENDING: "being sent",
    RowState.CREATED: "waits to be paid",
    RowState.REFUSED: "refused",
    RowState.UNKNOWN: "in doubt",
    RowState.CONFLICTING: "conflicting",
    RowState.EXPIRED: "over, not paid",
    RowState.PAID: "paid",
}
"""What people are told of a state."""


@attrs.frozen(kw_only=True)
class StateTotal:
    """How many rows of one currency are in one state, and their amount."""

    state: RowState
    """Where they stand."""
    currency: str
    """ISO 4217 code; empty for rows whose currency cannot be read."""
    rows: int
    """How many."""
    amount: Decimal
    """Their sum in major units."""


@attrs.frozen(kw_only=True)
class FailureGroup:
    """Rows without a usable link for which the same has to be done."""

    state: RowState
    """Where they stand."""
    remedy: str
    """What to do; empty where nobody knows."""
    rows: int
    """How many."""
    reasons: tuple[tuple[str, int], ...]
    """The reasons and how often each was given, the most frequent first; at most 20."""
    orders: tuple[str, ...] = ()
    """The order numbers of the first rows, at most 12."""


@attrs.frozen(kw_only=True)
class BatchVerdict:
    """How a batch stands, in words that promise nothing that is not so."""

    is_good: bool
    """Whether every row's link exists and nothing has to be looked at."""
    is_open: bool
    """Whether rows are left whose end is not known."""
    headline: str
    """In a few words."""
    details: tuple[str, ...]
    """What goes with it, one sentence each."""


@attrs.frozen(kw_only=True)
class BatchFigures:
    """Everything that a report counts, from one look at all rows."""

    counts: Mapping[RowState, int]
    """How many rows are in each state; those without any are left out."""
    totals: tuple[StateTotal, ...]
    """By state and currency."""
    failures: tuple[FailureGroup, ...]
    """By what to do, the largest group first."""
    problems: tuple[JournalRow, ...]
    """Rows with an odd payment, at most 100."""
    odd_payments: int
    """How many of those there are."""
    waiting: int
    """How many links are there to be paid, and nothing was paid by them."""
    settled: Mapping[RowState, array[int]]
    """When rows were settled, in microseconds since 1970, by the state they have."""
    paid: array[int]
    """When payments became known."""
    expected: int | None = None
    """How many rows the source was said to hold; ``None`` if nobody said so."""
    latencies: array[int]
    """Microseconds from taking a row up to its end, shortest first."""

    @property
    def rows(self) -> int:
        """How many there are."""
        return sum(self.counts.values())

    @property
    def latest(self) -> datetime | None:
        """The latest time of day that the journal noted."""
        last = [moments[-1] for moments in self.settled.values() if moments]
        last += self.paid[-1:]
        return from_micros(max(last)) if last else None

    def number(self, *states: RowState) -> int:
        """How many rows are in one of these states."""
        return sum(self.counts.get(state, 0) for state in states)

    @property
    def with_link(self) -> int:
        """How many rows' own links exist."""
        return self.number(*(state for state in RowState if state.exists))

    @property
    def not_begun(self) -> int:
        """How many rows nothing was sent for, those that no run has reached, too."""
        # Not below nothing: a file may have lost rows since a run counted it.
        unseen = max((self.expected or 0) - self.rows, 0)
        return self.number(RowState.PLANNED) + unseen

    @property
    def open(self) -> int:
        """How many rows' ends are not known."""
        return self.not_begun + self.number(RowState.SENDING, RowState.UNKNOWN)

    def verdict(self) -> BatchVerdict:
        """How the batch stands."""
        failed = self.number(RowState.REFUSED, RowState.CONFLICTING)
        doubtful = self.number(RowState.SENDING, RowState.UNKNOWN)
        planned, rows = self.not_begun, max(self.rows, self.expected or 0)
        over = self.number(RowState.EXPIRED)
        details: list[str] = []
        if planned:
            details.append(f"{counted_rows(planned)} not begun: run the batch again.")
        if doubtful:
            details.append(
                f"{counted_rows(doubtful)} in doubt: a link may exist. Run the batch "
                "again, which asks first."
            )
        if failed:
            details.append(f"{counted_rows(failed)} without a link of their own.")
        if over:
            details.append(
                f"{counted_rows(over)} with a link that was not paid in time."
            )
        if self.odd_payments:
            details.append(f"{counted_rows(self.odd_payments)} with an odd payment.")
        if not rows:
            headline = "Nothing was begun"
        elif self.open:
            headline = f"Not finished: {self.open:,} of {counted_rows(rows)} open"
        elif failed:
            headline = f"Finished: {failed:,} of {counted_rows(rows)} without a link"
        else:
            # A journal alone does not know what its source holds beyond.
            begun = "" if self.expected is not None else " begun"
            headline = f"A link for each of {counted_rows(rows)}{begun}"
        return BatchVerdict(
            # An empty journal proves nothing.
            is_good=bool(rows) and not details,
            is_open=bool(self.open) or not rows,
            headline=headline,
            details=tuple(details),
        )


def counted_rows(count: int) -> str:
    """Such as ``1 row`` and ``1,200 rows``."""
    return f"{count:,} row" if count == 1 else f"{count:,} rows"


def is_failure(row: JournalRow) -> bool:
    """Whether somebody has to do something for the row to get a usable link."""
    # What was found paid already has a reason why no link was made, and needs nobody.
    return bool(row.result.reason) and row.result.state is not RowState.PAID


def is_waiting(row: JournalRow) -> bool:
    """Whether its link is there to be paid, and nothing was paid by it yet."""
    return row.result.state is RowState.CREATED and not row.payment_problem


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


_MOST_PROBLEMS = 100


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
