"""CSV as spreadsheets write it: with commas, semicolons or tabs."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Generator, Iterator

from payermax_async.bulk.files.cells import TableRow, first_of, limited
from payermax_async.bulk.files.limits import FileLimits, OrderFileError
from payermax_async.bulk.files.scan import FileFacts, opened

__all__ = ["DELIMITERS", "DelimitedTable"]

DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t"}
"""By the names that people may give."""
_SEPARATOR = "sep="
"""How Excel is told the delimiter in a first line of its own."""


class DelimitedTable:
    """Reads a CSV file row by row; see :class:`~.cells.OrderTable`."""

    notices: tuple[str, ...] = ()

    def __init__(
        self,
        facts: FileFacts,
        limits: FileLimits,
        *,
        delimiter: str | None,
        known: Callable[[list[str]], int],
    ) -> None:
        """Find out which character separates cells.

        Args:
            facts: From the first look.
            limits: What it may hold.
            delimiter: What somebody said that it is.
            known: How many of such headers mean something.
        """
        self._facts, self._limits = facts, limits
        self._delimiter = delimiter or self._found(known)

    @property
    def digest(self) -> str:
        """See :class:`~.cells.OrderTable`."""
        return self._facts.digest

    def headers(self) -> TableRow:
        """See :class:`~.cells.OrderTable`."""
        row = first_of(self._records(self._delimiter))
        if row is not None:
            return row
        raise OrderFileError("the file has no row with anything in it")

    def rows(self) -> Generator[TableRow]:
        """See :class:`~.cells.OrderTable`."""
        records = self._records(self._delimiter)
        next(records, None)
        return records

    def _found(self, known: Callable[[list[str]], int]) -> str:
        rated: list[tuple[int, int, str]] = []
        for delimiter in DELIMITERS.values():
            try:
                row = first_of(self._records(delimiter))
            except OrderFileError:
                continue
            cells = [str(cell) for cell in row.cells] if row else []
            rated.append((known(cells), len(cells), delimiter))
        # Of equals the first one: max() keeps it.
        best = max(rated, key=lambda rating: rating[:2], default=None)
        return best[2] if best else ","

    def _records(self, delimiter: str) -> Generator[TableRow]:
        return limited(self._read(delimiter), self._limits)

    def _read(self, delimiter: str) -> Generator[TableRow]:
        number = 0
        with opened(self._facts) as raw:
            # Its own newlines: cells may hold some.
            file = io.TextIOWrapper(raw, self._facts.codec, newline="")
            lines = _Lines(file, self._limits)
            reader = csv.reader(lines, delimiter=delimiter, strict=True)
            while True:
                try:
                    cells = next(reader)
                except StopIteration:
                    return
                except csv.Error as error:
                    raise _told(error, number + 1) from None
                except UnicodeError:
                    raise OrderFileError(
                        f"row {number + 1}: the file was changed while it was read"
                    ) from None
                number += 1
                lines.begin(number + 1)
                if number == 1 and _is_separator(cells, delimiter):
                    continue
                yield TableRow(number, tuple(cells))


def _is_separator(cells: list[str], delimiter: str) -> bool:
    # "sep=," read with commas is two cells, the second one empty.
    return cells in ([_SEPARATOR, ""], [_SEPARATOR + delimiter])


def _told(error: csv.Error, number: int) -> OrderFileError:
    text = str(error)
    if "end of data" in text:
        reason = "has a quote that is never closed"
    elif "expected after" in text:
        reason = "has text behind a closing quote; a quote within a cell is doubled"
    elif "field limit" in text:
        reason = "has a cell that is far too long, or a quote that is never closed"
    else:
        reason = "is no CSV"
    return OrderFileError(f"row {number} {reason}")


class _Lines:
    """The lines of a file, as many as one record may have."""

    def __init__(self, file: io.TextIOWrapper, limits: FileLimits) -> None:
        self._file, self._limit = file, limits.record
        self.begin(1)

    def begin(self, number: int) -> None:
        """A record ends, and this one begins."""
        self._number, self._left = number, self._limit

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._file.readline(self._left + 1)
        self._left -= len(line)
        if self._left < 0:
            raise OrderFileError(
                f"row {self._number} is longer than {self._limit} characters: a quote "
                "is never closed, or lines do not end"
            )
        if not line:
            raise StopIteration
        return line
