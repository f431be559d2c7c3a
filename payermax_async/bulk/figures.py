"""What the rows of a journal come to: sums, failures by what to do, times. Values."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Final

import attrs

from payermax_async.bulk.records import JournalRow, RowState
from payermax_async.storage.sql import from_micros

__all__ = [
    "STATE_WORDS",
    "BatchFigures",
    "BatchVerdict",
    "FailureGroup",
    "StateTotal",
    "counted_rows",
    "is_failure",
    "is_waiting",
]

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
