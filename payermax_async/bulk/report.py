"""What a journal knows, for people: sums, failures by what to do, files."""

from __future__ import annotations

import csv
import io
import json
import os
import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from decimal import Decimal
from os import PathLike
from pathlib import Path

import attrs

from payermax_async.bulk.records import JournalRow, RowState

__all__ = ["BulkReport", "FailureGroup", "StateTotal"]

_NAMES = (
    "position",
    "order",
    "merchant_link_id",
    "state",
    "amount",
    "currency",
    "link_url",
    "link_id",
    "reason",
    "remedy",
)
_FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What a spreadsheet may take for the beginning of a formula:
https://owasp.org/www-community/attacks/CSV_Injection."""
_NONE = Decimal(0)


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


class BulkReport:
    """Reads the journal each time that it is asked, row by row.

    It blocks while it reads and writes; in a server call it through
    ``asyncio.to_thread``. The same journal makes the same files, byte for byte.

    Example:
        >>> for total in run.report.totals():
        ...     print(total.state, total.currency, total.rows, total.amount)
    """

    def __init__(self, read: Callable[[], Iterable[JournalRow]]) -> None:
        """Report on what ``read`` gives in order."""
        self._read = read

    def rows(self, *states: RowState) -> Iterator[JournalRow]:
        """All rows, or those in some states, in the order of their positions.

        Raises:
            StorageError: The journal cannot be read.
        """
        return (row for row in self._read() if not states or row.result.state in states)

    def counts(self) -> dict[RowState, int]:
        """How many rows are in each state; those without any are left out."""
        found = Counter(row.result.state for row in self._read())
        return {state: found[state] for state in RowState if found[state]}

    @property
    def is_complete(self) -> bool:
        """Whether every row's link exists; an empty journal's do not."""
        counts = self.counts()
        return bool(counts) and all(state.exists for state in counts)

    def totals(self) -> tuple[StateTotal, ...]:
        """Counts and sums by state and currency."""
        rows, sums = (
            Counter[tuple[RowState, str]](),
            dict[tuple[RowState, str], Decimal](),
        )
        for row in self._read():
            place = row.result.state, row.planned.currency
            rows[place] += 1
            sums[place] = sums.get(place, _NONE) + Decimal(row.planned.amount or 0)
        order = {state: number for number, state in enumerate(RowState)}
        return tuple(
            StateTotal(state=state, currency=currency, rows=count, amount=sums[place])
            for place, count in sorted(
                rows.items(), key=lambda item: (order[item[0][0]], item[0][1])
            )
            for state, currency in [place]
        )

    def failures(self) -> tuple[FailureGroup, ...]:
        """Rows without a usable link by what to do, the largest group first."""
        groups: dict[tuple[RowState, str], Counter[str]] = {}
        for row in self._read():
            result = row.result
            if result.reason:
                place = result.state, result.remedy
                groups.setdefault(place, Counter())[result.reason] += 1
        found = [
            FailureGroup(
                state=state,
                remedy=remedy,
                rows=reasons.total(),
                reasons=tuple(
                    sorted(reasons.items(), key=lambda item: (-item[1], item[0]))[:20]
                ),
            )
            for (state, remedy), reasons in groups.items()
        ]
        return tuple(sorted(found, key=lambda it: (-it.rows, it.state, it.remedy)))

    def to_csv(self, path: str | PathLike[str]) -> None:
        """Write all rows as CSV for spreadsheets, readable by the owner alone.

        A cell that a spreadsheet would take for a formula gets a ``'`` before it.

        Raises:
            OSError: It cannot be written; a file that was there is as it was.
            StorageError: The journal cannot be read.
        """
        own = self._own_columns()

        def lines() -> Iterator[str]:
            # The mark by which spreadsheets know UTF-8.
            yield "\ufeff" + _line([*_NAMES, *own])
            for row in self._read():
                values = _values(row)
                carried = [row.planned.columns.get(name, "") for name in own]
                yield _line([*(str(values[name]) for name in _NAMES), *carried])

        _write(path, lines())

    def to_jsonl(self, path: str | PathLike[str]) -> None:
        """Write all rows as JSON, one a line, readable by the owner alone.

        The merchant's own columns stand under ``columns``; amounts are text.

        Raises:
            OSError: It cannot be written; a file that was there is as it was.
            StorageError: The journal cannot be read.
        """

        def lines() -> Iterator[str]:
            for row in self._read():
                columns = dict(sorted(row.planned.columns.items()))
                value = {**_values(row), "columns": columns}
                yield json.dumps(value, ensure_ascii=False) + "\n"

        _write(path, lines())

    def _own_columns(self) -> list[str]:
        """The merchant's columns, in the order in which rows first have them."""
        found: dict[str, None] = {}
        for row in self._read():
            found.update(dict.fromkeys(row.planned.columns))
        return list(found)


def _values(row: JournalRow) -> dict[str, str | int]:
    planned, result = row.planned, row.result
    return {
        "position": planned.position,
        "order": planned.order,
        "merchant_link_id": planned.key,
        "state": result.state.value,
        "amount": planned.amount,
        "currency": planned.currency,
        "link_url": result.link_url,
        "link_id": result.link_id,
        "reason": result.reason,
        "remedy": result.remedy,
    }


def _line(cells: Iterable[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(_harmless(cell) for cell in cells)
    return line.getvalue()


def _harmless(cell: str) -> str:
    # Spreadsheets skip blanks before they look.
    return f"'{cell}" if cell.lstrip(" ").startswith(_FORMULAS) else cell


def _write(path: str | PathLike[str], lines: Iterable[str]) -> None:
    """Write a file whole or not at all."""
    target = Path(path)
    beside = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(
            descriptor, "w", encoding="utf-8", errors="replace", newline=""
        ) as file:
            file.writelines(lines)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(target)
    except BaseException:
        with suppress(FileNotFoundError):
            beside.unlink()
        raise
