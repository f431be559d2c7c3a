"""Workbooks in which nothing is worked out: every text is text, whatever it holds."""

from __future__ import annotations

import io
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal, InvalidOperation
from importlib import import_module
from os import PathLike
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

from payermax_async.bulk.figures import STATE_WORDS, BatchFigures
from payermax_async.bulk.outputs.values import NAMES, own_columns, own_of, row_values
from payermax_async.bulk.records import JournalRow
from payermax_async.core.errors import ConfigurationError
from payermax_async.pages.markup import web_host
from payermax_async.private_file import private_file

__all__ = ["SheetLink", "SheetWriter", "workbook", "write_report"]

_MOST_ROWS = 1_048_576
_MOST_CHARACTERS = 32_767
_MOST_LINKS = 60_000
"""Excel opens no sheet with more than 65 530 of them."""
_LONGEST_LINK = 2_000
_MADE = datetime(2020, 1, 1)  # noqa: DTZ001 - a workbook's times have no offset
"""The same in every file, so that the same rows make the same bytes."""
_EXACT_DIGITS = 15
Workbook: TypeAlias = Any
"""Its library has no types of its own."""
_SURROGATES = dict.fromkeys(range(55296, 57344), "�")


class SheetLink(str):
    """A web address that the cell is to lead to."""

    __slots__ = ()


SheetCell: TypeAlias = str | int | Decimal


class SheetWriter:
    """Writes a sheet from the top, row by row; no row is held."""

    def __init__(self, book: Workbook, name: str, widths: Sequence[int]) -> None:
        self._sheet: Any = book.add_worksheet(name)
        self._bold: Any = book.add_format({"bold": True})
        # So that a cell that is edited does not become a formula.
        self._text: Any = book.add_format({"num_format": "@", "quote_prefix": True})
        self._amounts: dict[int, Any] = {}
        self._book = book
        self._row = self._links = 0
        for place, width in enumerate(widths):
            self._sheet.set_column(place, place, width)

    def headers(self, names: Sequence[str]) -> None:
        """Write the row of headers, which stays in sight."""
        for place, name in enumerate(names):
            self._sheet.write_string(0, place, _fitting(name), self._bold)
        self._sheet.freeze_panes(1, 0)
        self._row = 1

    def add(self, cells: Iterable[SheetCell]) -> None:
        """Write a row: text as text, decimals as numbers, links as links.

        A link that leads to no web page is text as well.

        Raises:
            ValueError: A sheet has no more rows.
        """
        if self._row >= _MOST_ROWS:
            raise ValueError(f"a sheet has {_MOST_ROWS:,} rows: write CSV instead")
        for place, cell in enumerate(cells):
            if isinstance(cell, SheetLink):
                self._link(place, cell)
            elif isinstance(cell, str):
                self._sheet.write_string(self._row, place, _fitting(cell), self._text)
            elif isinstance(cell, int):
                self._sheet.write_number(self._row, place, cell)
            else:
                self._amount(place, cell)
        self._row += 1

    def _amount(self, place: int, amount: Decimal) -> None:
        text = format(amount, "f")
        if len(text.replace(".", "").strip("-0")) > _EXACT_DIGITS:
            # A number would be rounded without a word.
            self._sheet.write_string(self._row, place, text, self._text)
            return
        decimals = len(text.partition(".")[2])
        shape = self._amounts.get(decimals)
        if shape is None:
            written = "#,##0" + ("." + "0" * decimals if decimals else "")
            shape = self._book.add_format({"num_format": written})
            self._amounts[decimals] = shape
        self._sheet.write_number(self._row, place, float(amount), shape)

    def _link(self, place: int, url: str) -> None:
        if self._links < _MOST_LINKS and len(url) <= _LONGEST_LINK and web_host(url):
            self._links += 1
            self._sheet.write_url(self._row, place, url, string=url)
        else:
            self._sheet.write_string(self._row, place, _fitting(url), self._text)


def _fitting(text: str) -> str:
    text = text.translate(_SURROGATES)
    if len(text) <= _MOST_CHARACTERS:
        return text
    return text[: _MOST_CHARACTERS - 1] + "…"


@contextmanager
def workbook(path: str | PathLike[str]) -> Generator[Workbook]:
    """A workbook to be filled, readable by the owner alone, whole or not at all.

    Raises:
        ConfigurationError: XlsxWriter is not installed (extra ``files``).
        OSError: It cannot be written; a file that was there is as it was.
    """
    try:
        library: Any = import_module("xlsxwriter")
        errors: Any = import_module("xlsxwriter.exceptions")
    except ModuleNotFoundError as error:
        if error.name != "xlsxwriter":
            raise
        raise ConfigurationError(
            "workbooks are written with XlsxWriter: pip install "
            "'payermax_async[files]', or ask for a .csv"
        ) from None
    # In memory, as its library leaves the archive open where it fails; unpacked, the
    # rows are on the disk, and beside the file, as they are about people, too.
    packed = io.BytesIO()
    with TemporaryDirectory(prefix=".payermax-", dir=Path(path).parent) as folder:
        options: dict[str, Any] = {
            "constant_memory": True,
            "strings_to_formulas": False,
            "strings_to_numbers": False,
            "strings_to_urls": False,
            "tmpdir": folder,
        }
        book: Workbook = library.Workbook(packed, options)
        book.set_properties({"created": _MADE})
        try:
            yield book
            book.close()
        except errors.FileCreateError as error:
            # What its library says in place of the error that there was.
            raise OSError(str(error)) from error
        finally:
            _let_go(book)
    with private_file(path) as file:
        file.write(packed.getbuffer())


def _let_go(book: Workbook) -> None:
    """Close what the sheets are kept in until then, which only closing well does."""
    for sheet in book.worksheets():
        close: Callable[[], None] | None = getattr(sheet, "_opt_close", None)
        if close is not None:
            close()


def write_report(
    path: str | PathLike[str],
    read: Callable[[], Iterable[JournalRow]],
    figures: BatchFigures,
) -> None:
    """Write rows, totals and failures; see ``BulkReport.to_xlsx``."""
    own = own_columns(read())
    with workbook(path) as book:
        _rows(book, own, read())
        totals = SheetWriter(book, "totals", (16, 20, 10, 10, 20))
        totals.headers(("state", "means", "currency", "rows", "amount"))
        for total in figures.totals:
            words = STATE_WORDS[total.state]
            totals.add(
                (total.state.value, words, total.currency, total.rows, total.amount)
            )
        verdict = figures.verdict()
        totals.add(())
        for text in (verdict.headline, *verdict.details):
            totals.add((text,))
        failures = SheetWriter(book, "failures", (14, 50, 8, 60, 8, 40))
        failures.headers(
            ("state", "what to do", "rows", "reason", "times", "first orders")
        )
        for group in figures.failures:
            about: tuple[SheetCell, ...] = (group.state.value, group.remedy, group.rows)
            orders = ", ".join(group.orders)
            for reason, times in group.reasons:
                failures.add((*about, reason, times, orders))
                about, orders = ("", "", ""), ""


def _rows(book: Workbook, own: list[str], rows: Iterable[JournalRow]) -> None:
    sheet = SheetWriter(book, "rows", (8, 18, 28, 12, 12, 8, 44))
    sheet.headers((*NAMES, *own))
    for row in rows:
        values = row_values(row)
        cells: list[SheetCell] = [values[name] for name in NAMES]
        cells[NAMES.index("amount")] = _number(row.planned.amount)
        cells[NAMES.index("link_url")] = SheetLink(row.result.link_url)
        cells += [own_of(row).get(name, "") for name in own]
        sheet.add(cells)


def _number(amount: str) -> SheetCell:
    try:
        return Decimal(amount) if amount else ""
    except InvalidOperation:
        return amount
