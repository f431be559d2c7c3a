"""What a file asks for, in sums, and all that is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import attrs

from payermax_async.bulk.records import RowState

__all__ = ["AmountAt", "BatchPlan", "CurrencyTotal", "RowProblem"]


@attrs.frozen(kw_only=True)
class RowProblem:
    """One thing that is wrong in a row."""

    row: int
    """As people see it numbered in their spreadsheet."""
    column: str
    """The header; of a field without a column, its name; empty for the whole row."""
    reason: str
    """What is wrong."""
    fix: str
    """What to do."""


@attrs.frozen(kw_only=True)
class AmountAt:
    """An amount, and where it stands."""

    row: int
    """As people see it numbered."""
    amount: Decimal
    """In major units."""


@attrs.frozen(kw_only=True)
class CurrencyTotal:
    """What is asked for in one currency, by rows without problems."""

    currency: str
    """ISO 4217 code."""
    rows: int
    """How many."""
    amount: Decimal
    """Their sum in major units."""
    smallest: AmountAt
    """The first of the smallest ones."""
    largest: AmountAt
    """The first of the largest ones."""
    median: Decimal
    """As many rows are above as below; the lower one of two."""
    unusual: tuple[AmountAt, ...]
    """Amounts ten times the median or more: a missing point looks like that."""


@attrs.frozen(kw_only=True)
class BatchPlan:
    """All that can be told of a file before anything is asked or sent.

    Example:
        >>> for total in plan.totals:
        ...     print(total.currency, total.rows, total.amount)
    """

    batch: str
    """What the orders have in common."""
    hash: str
    """Of the orders' ids and business fields, whatever their order in the file."""
    rows: int
    """How many orders there are."""
    ready: int
    """How many of them have no problem."""
    to_make: int
    """How many of those have no link as far as the journal knows: no more are made."""
    totals: tuple[CurrencyTotal, ...]
    """By currency."""
    problems: tuple[RowProblem, ...] = attrs.field(repr=False)
    """Everything that is wrong, row by row."""
    settings: tuple[str, ...]
    """What no row gives and the merchant's configuration does not, either."""
    notices: tuple[str, ...]
    """What people may overlook in their own columns."""
    known: Mapping[RowState, int]
    """How many of its ids the journal has, by their state there."""
    changed: tuple[int, ...]
    """Rows that differ from what the journal knows under their ids."""
    mended: int
    """How many of those were refused, and may be tried as they are now."""
    lifetimes: Mapping[int | None, int]
    """How many links can be paid for so many seconds; ``None``: the usual 24 hours."""
    ids: frozenset[str] = attrs.field(repr=False)
    """The merchant's ids of all links."""
    nameless: frozenset[int] = attrs.field(repr=False)
    """Rows that cannot be run at all: without an order number, or with one that an
    earlier row has."""

    @property
    def new(self) -> int:
        """How many orders the journal does not know."""
        return self.rows - len(self.nameless) - sum(self.known.values())

    @property
    def is_ready(self) -> bool:
        """Whether every row can be sent, and there is one."""
        return self.rows > 0 and not self.problems and not self.settings
