"""Reads a file to its end, and adds up what it asks for."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from decimal import Decimal

import attrs

from payermax_async.bulk.files.cells import CellKind, Special, TableRow
from payermax_async.bulk.files.columns import COLUMNS, ORDER, Column, Placed
from payermax_async.bulk.files.plan import (
    AmountAt,
    BatchPlan,
    CurrencyTotal,
    RowProblem,
)
from payermax_async.bulk.files.reading import ReadRow
from payermax_async.bulk.records import JournalRow, RowState
from payermax_async.bulk.rows import PreparedRow, prepared
from payermax_async.core.errors import Problem, ValidationError
from payermax_async.core.models.link_request import CreateLink, LinkDefaults
from payermax_async.core.money import total

__all__ = ["planned"]

_TIMES = 10
_DIGITS = 15
_WHOLE_ROW = "Look at the row in the file."
_BY_PATH: dict[str, Column] = {
    **{column.path: column for column in COLUMNS},
    **{column.field: column for column in COLUMNS},
    "user_info": next(column for column in COLUMNS if column.field == "user_id"),
}


def planned(
    batch: str,
    placed: Placed,
    rows: Iterable[tuple[TableRow, ReadRow]],
    *,
    defaults: LinkDefaults,
    journal: Iterable[JournalRow],
    salt: str,
) -> BatchPlan:
    """Look at every row.

    Args:
        batch: What they have in common.
        placed: Where the columns are.
        rows: As they stand in the file, and as they were read.
        defaults: What links have in common.
        journal: What is known already.
        salt: Goes into the hash with the rows.
    """
    sums = _Sums(placed, defaults)
    for raw, row in rows:
        sums.look_at_own(raw)
        sums.add(row)
    return sums.plan(batch, journal, salt)


@attrs.frozen
class _Seen:
    row: int
    digest: bytes


class _Sums:
    """What is known after so many rows."""

    def __init__(self, placed: Placed, defaults: LinkDefaults) -> None:
        self._placed, self._defaults = placed, defaults
        self._rows = self._ready = 0
        self._seen: dict[str, _Seen] = {}
        self._amounts: dict[str, list[AmountAt]] = {}
        self._problems: list[RowProblem] = []
        self._settings: tuple[str, ...] | None = None
        self._lifetimes: Counter[int | None] = Counter()
        self._nameless: set[int] = set()
        self._bad: set[str] = set()
        self._lossy: Counter[str] = Counter()
        self._errors: Counter[str] = Counter()
        self._meant = frozenset(placed.fields.values())

    def look_at_own(self, row: TableRow) -> None:
        """See what is lost in the merchant's own columns."""
        for place, cell in enumerate(row.cells[: len(self._placed.headers)]):
            if isinstance(cell, str) or place in self._meant:
                continue
            header = self._placed.headers[place]
            if cell.kind in {CellKind.ERROR, CellKind.NO_VALUE}:
                # Told, and not refused: nobody pays by a column of the merchant's own.
                self._errors[header] += 1
            elif _is_lossy(cell):
                self._lossy[header] += 1

    def add(self, row: ReadRow) -> None:
        """Take a row into account."""
        self._rows += 1
        problems = list(row.problems)
        ready: PreparedRow | None = None
        if row.item is None:
            self._nameless.add(row.number)
        else:
            # Without the settings: what they lack is said once, and not of every row.
            ready = prepared(row.item, row.number, None)
            # A number and a digest, not the row: 200 000 of them fit into any memory.
            first = self._seen.setdefault(
                ready.planned.key,
                _Seen(row.number, bytes.fromhex(ready.planned.digest)),
            )
            if first.row != row.number:
                self._nameless.add(row.number)
                problems.append(Problem(ORDER, f"is the same as in row {first.row}"))
            told = {one.path for one in problems}
            # What was said of a cell need not be said of the field again.
            problems.extend(
                one
                for one in (ready.invalid.problems if ready.invalid else ())
                if one.path not in told
            )
        for problem in problems:
            self._problems.append(self._told(row, problem))
        if ready is not None and ready.request is not None and not problems:
            self._complete(ready.request)
            self._count(row.number, ready)
        elif ready is not None and row.number not in self._nameless:
            self._bad.add(ready.planned.key)

    def _complete(self, request: CreateLink) -> None:
        """See, once, what no row gives and the configuration does not, either."""
        if self._settings is None:
            self._settings = ()
            try:
                request.completed(self._defaults)
            except ValidationError as error:
                self._settings = tuple(str(problem) for problem in error.problems)

    def _told(self, row: ReadRow, problem: Problem) -> RowProblem:
        column = _BY_PATH.get(problem.path)
        header, fix = problem.path, row.fixes.get(problem.path, "")
        if column is not None:
            place = self._placed.fields.get(column.field)
            header = column.field if place is None else self._placed.headers[place]
            fix = fix or column.fix
        return RowProblem(
            row=row.number,
            column=header,
            reason=problem.message,
            fix=fix or _WHOLE_ROW,
        )

    def _count(self, number: int, ready: PreparedRow) -> None:
        self._ready += 1
        amount = Decimal(ready.planned.amount)
        self._amounts.setdefault(ready.planned.currency, []).append(
            AmountAt(row=number, amount=amount)
        )
        fields = getattr(ready.item, "fields", {})
        self._lifetimes[_seconds(fields.get("expires_in"))] += 1

    def plan(self, batch: str, journal: Iterable[JournalRow], salt: str) -> BatchPlan:
        """What all rows come to."""
        known: Counter[RowState] = Counter()
        changed: list[int] = []
        mended = there = 0
        for row in journal:
            seen = self._seen.get(row.planned.key)
            if seen is None:
                continue
            known[row.result.state] += 1
            # A row that breaks a rule makes no link, and is not among those that are
            # ready.
            there += row.result.state.exists and row.planned.key not in self._bad
            if seen.digest.hex() != row.planned.digest:
                changed.append(seen.row)
                mended += row.result.state is RowState.REFUSED
        return BatchPlan(
            batch=batch,
            hash=self._hash(batch, salt),
            rows=self._rows,
            ready=self._ready,
            to_make=self._ready - there,
            totals=tuple(
                _total(currency, amounts)
                for currency, amounts in sorted(self._amounts.items())
            ),
            problems=tuple(self._problems),
            settings=self._settings or (),
            notices=tuple(self._notices()),
            known=dict(known),
            changed=tuple(sorted(changed)),
            mended=mended,
            lifetimes=dict(self._lifetimes),
            ids=frozenset(self._seen),
            nameless=frozenset(self._nameless),
        )

    def _hash(self, batch: str, salt: str) -> str:
        whole = hashlib.sha256(f"{batch}\n{salt}\n".encode())
        # Each holds its own id: sorted, the order of rows makes no difference.
        for digest in sorted(seen.digest for seen in self._seen.values()):
            whole.update(digest)
        return whole.hexdigest()

    def _notices(self) -> Iterator[str]:
        for header, count in self._errors.items():
            yield (
                f"column '{header}': {count} cell{'s' * (count > 1)} with an error or "
                "without a value, carried through as such"
            )
        for header, count in self._lossy.items():
            yield (
                f"column '{header}': {count} number{'s' * (count > 1)} of more than "
                f"{_DIGITS} digits, which a spreadsheet does not keep: make the column "
                "text"
            )


def _is_lossy(cell: Special) -> bool:
    if cell.kind is not CellKind.NUMBER:
        return False
    return len(cell.text.replace(".", "").strip("-0")) > _DIGITS


def _seconds(value: object) -> int | None:
    whole = getattr(value, "total_seconds", None)
    return None if whole is None else int(whole())


def _total(currency: str, amounts: list[AmountAt]) -> CurrencyTotal:
    rising = sorted(amounts, key=lambda one: (one.amount, one.row))
    median = rising[(len(rising) - 1) // 2].amount
    largest = max(amounts, key=lambda one: one.amount)
    return CurrencyTotal(
        currency=currency,
        rows=len(amounts),
        amount=total(one.amount for one in amounts),
        smallest=rising[0],
        largest=largest,
        median=median,
        unusual=tuple(one for one in amounts if one.amount >= _TIMES * median),
    )
