"""What a file holds: rows of cells, before anybody asks what they mean."""

from __future__ import annotations

import enum
from collections.abc import Generator
from contextlib import closing
from typing import Protocol, TypeAlias

import attrs

from payermax_async.bulk.files.limits import FileLimits, OrderFileError

__all__ = [
    "Cell",
    "CellKind",
    "OrderTable",
    "Special",
    "TableRow",
    "first_of",
    "limited",
    "text_of",
]


class CellKind(enum.Enum):
    """What a cell is that is no text."""

    NUMBER = "a number"
    DATE = "a date"
    SPAN = "a length of time"
    BOOLEAN = "true or false"
    ERROR = "an error of the sheet"
    NO_VALUE = "a formula without a value"


@attrs.frozen
class Special:
    """A cell that is no text."""

    kind: CellKind
    """What it is."""
    text: str = attrs.field(repr=False)
    """How it is written out; of an error, its name."""


Cell: TypeAlias = str | Special
"""Text as it stands in the file, or what else it is."""


@attrs.frozen
class TableRow:
    """A row, as people see it numbered in their spreadsheet."""

    number: int
    """From 1, with the row of headers; of JSON lines, the line."""
    cells: tuple[Cell, ...] = attrs.field(repr=False)
    """In the order of the columns."""
    flaw: str = ""
    """Why it cannot be read at all; empty otherwise."""


class OrderTable(Protocol):
    """A file that was looked through once and can be read any number of times."""

    @property
    def digest(self) -> str:
        """SHA-256 of its bytes, in hexadecimal digits."""
        ...

    @property
    def notices(self) -> tuple[str, ...]:
        """What people may overlook in it, such as hidden rows."""
        ...

    def headers(self) -> TableRow:
        """The row with the names of the columns.

        Raises:
            OrderFileError: There is none.
        """
        ...

    def rows(self) -> Generator[TableRow]:
        """The rows below the headers that are not empty, one by one.

        Raises:
            OrderFileError: It cannot be read on.
        """
        ...


def text_of(cell: Cell) -> str:
    """A cell for people and files."""
    return cell if isinstance(cell, str) else cell.text


def first_of(rows: Generator[TableRow]) -> TableRow | None:
    """The first row, if there is one; then the file is let go of."""
    with closing(rows):
        return next(rows, None)


def limited(rows: Generator[TableRow], limits: FileLimits) -> Generator[TableRow]:
    """The rows that are not empty, as long as they keep the limits.

    Raises:
        OrderFileError: One does not.
    """
    # Left early, or ended by a limit: its file is closed then, not some day.
    with closing(rows):
        for row in rows:
            if row.number > limits.rows:
                raise OrderFileError(
                    f"the file has more than {limits.rows} rows: split it into several"
                )
            filled = len(row.cells)
            # Spreadsheets write empty cells behind the last one, by the hundred.
            while filled and row.cells[filled - 1] == "":
                filled -= 1
            if not filled and not row.flaw:
                continue
            cells = row.cells[:filled]
            _check(row.number, cells, limits)
            yield TableRow(row.number, cells, row.flaw)


def _check(number: int, cells: tuple[Cell, ...], limits: FileLimits) -> None:
    if len(cells) > limits.columns:
        raise OrderFileError(f"row {number} has more than {limits.columns} columns")
    for place, cell in enumerate(cells, start=1):
        text = text_of(cell)
        if len(text) > limits.cell:
            raise OrderFileError(
                f"row {number}, column {place}: the cell has more than {limits.cell} "
                "characters"
            )
        if "\0" in text:
            raise OrderFileError(
                f"row {number}, column {place} holds a NUL: the file is damaged, or no "
                "text; export it again"
            )
