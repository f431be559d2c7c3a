"""Sheets of Excel and LibreOffice: values by calamine, the rest from their XML."""

from __future__ import annotations

import io
import posixpath
from collections.abc import Generator, Iterable, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from payermax_async.bulk.files.cells import (
    Cell,
    CellKind,
    Special,
    TableRow,
    first_of,
    limited,
)
from payermax_async.bulk.files.limits import FileLimits, OrderFileError
from payermax_async.bulk.files.package import Package
from payermax_async.bulk.files.scan import FileFacts, whole
from payermax_async.bulk.files.sheet_xml import (
    SheetFacts,
    XmlLook,
    look_at_sheet,
    relations,
    sheet_parts,
)

if TYPE_CHECKING:
    from python_calamine import CalamineSheet, CalamineWorkbook

__all__ = ["WorkbookTable", "ranges"]

_BOOK, _RELATIONS = "xl/workbook.xml", "xl/_rels/workbook.xml.rels"
_READ_TOO = ("xl/sharedStrings.xml", "xl/styles.xml")
_UNREADABLE = (
    "the workbook cannot be read: open it in a spreadsheet and save it anew as .xlsx"
)
_LISTED = 12


class WorkbookTable:
    """One sheet of a workbook, held in memory; see :class:`~.cells.OrderTable`."""

    def __init__(
        self, facts: FileFacts, limits: FileLimits, *, sheet: str | None
    ) -> None:
        """Look through the workbook and read one sheet.

        Args:
            facts: From the first look.
            limits: What it may hold.
            sheet: Its name; the first one that is not hidden when left out.

        Raises:
            OrderFileError: There is no such sheet, or it cannot be read.
        """
        self._file, self._limits = facts, limits
        content = whole(facts)
        package = Package(content, limits)
        if _BOOK not in package.names():
            raise OrderFileError(
                "the file is a zip archive, but no .xlsx workbook: save it as .xlsx or "
                "CSV"
            )
        for name in _READ_TOO:
            if name in package.names():
                XmlLook().walk(package.part(name))
        parts = _parts(package)
        book = _loaded(content)
        name, notices = _chosen(book, sheet)
        if name not in parts:
            raise OrderFileError(_UNREADABLE)
        # Before the cells are laid out: one far away makes a very large sheet.
        self._odd = look_at_sheet(package.part(parts[name]), limits)
        self._sheet = _sheet(book, name)
        self.notices: tuple[str, ...] = notices + _hidden(self._odd)

    @property
    def digest(self) -> str:
        """See :class:`~.cells.OrderTable`."""
        return self._file.digest

    def headers(self) -> TableRow:
        """See :class:`~.cells.OrderTable`."""
        row = first_of(self._all())
        if row is not None:
            return row
        raise OrderFileError("the sheet has no row with anything in it")

    def rows(self) -> Generator[TableRow]:
        """See :class:`~.cells.OrderTable`."""
        rows = self._all()
        next(rows, None)
        return rows

    def _all(self) -> Generator[TableRow]:
        return limited(self._read(), self._limits)

    def _read(self) -> Generator[TableRow]:
        odd: dict[int, dict[int, Special]] = {}
        for (row, column), special in self._odd.odd.items():
            odd.setdefault(row, {})[column] = special
        first = self._sheet.start
        # calamine gives the empty rows above the first value, and no columns before it.
        beside = first[1] if first is not None else 0
        for number, values in enumerate(self._rows(), start=1):
            cells: list[Cell] = [""] * beside
            cells.extend(_cell(value) for value in values)
            yield TableRow(number, _laid_over(cells, odd.pop(number, {})))
        # An error in a corner of its own is no value, so calamine's sheet ends before.
        for number in sorted(odd):
            yield TableRow(number, _laid_over([], odd[number]))

    def _rows(self) -> Iterable[Sequence[object]]:
        return self._sheet.iter_rows()


def _laid_over(cells: list[Cell], odd: dict[int, Special]) -> tuple[Cell, ...]:
    if odd:
        cells.extend([""] * (max(odd) - len(cells)))
        for column, special in odd.items():
            cells[column - 1] = special
    return tuple(cells)


def _parts(package: Package) -> dict[str, str]:
    """Where in the archive each sheet is."""
    targets = relations(package.part(_RELATIONS))
    found: dict[str, str] = {}
    for name, relation in sheet_parts(package.part(_BOOK)).items():
        target = targets.get(relation, "")
        path = posixpath.normpath(posixpath.join("/xl", target)).removeprefix("/")
        if path in package.names():
            found[name] = path
    return found


def _loaded(content: bytes) -> CalamineWorkbook:
    try:
        from python_calamine import CalamineError, CalamineWorkbook
    except ModuleNotFoundError as error:
        if error.name != "python_calamine":
            raise
        raise OrderFileError(
            "workbooks are read with python-calamine: "
            "pip install 'payermax_async[files]', or save the sheet as CSV"
        ) from None
    try:
        return CalamineWorkbook.from_filelike(io.BytesIO(content))
    except (CalamineError, OSError, ValueError):
        raise OrderFileError(_UNREADABLE) from None


def _sheet(book: CalamineWorkbook, name: str) -> CalamineSheet:
    from python_calamine import CalamineError

    try:
        return book.get_sheet_by_name(name)
    except (CalamineError, OSError, ValueError):
        raise OrderFileError(_UNREADABLE) from None


def _chosen(book: CalamineWorkbook, wanted: str | None) -> tuple[str, tuple[str, ...]]:
    """Which sheet is read, and what is said of the others."""
    from python_calamine import SheetTypeEnum, SheetVisibleEnum

    sheets = [one for one in book.sheets_metadata if one.typ is SheetTypeEnum.WorkSheet]
    names = [one.name for one in sheets]
    seen = [one.name for one in sheets if one.visible is SheetVisibleEnum.Visible]
    if wanted is not None and wanted not in names:
        raise OrderFileError(
            f"the workbook has no sheet of that name; it has {_listed(names)}"
        )
    name = wanted if wanted is not None else next(iter(seen), None)
    if name is None:
        raise OrderFileError("the workbook has no sheet that can be seen")
    notices: list[str] = []
    hidden = [one for one in names if one not in seen and one != name]
    others = [one for one in seen if one != name]
    if name not in seen:
        notices.append(f"the sheet {_listed([name])} is hidden, and is read")
    if hidden:
        notices.append(f"hidden and not read: {_listed(hidden)}")
    if others:
        notices.append(f"read is {_listed([name])}; not read: {_listed(others)}")
    return name, tuple(notices)


def _hidden(facts: SheetFacts) -> tuple[str, ...]:
    found: list[str] = []
    if facts.hidden_rows:
        many = len(facts.hidden_rows)
        found.append(
            f"{many} hidden row{'s' * (many > 1)}: {ranges(facts.hidden_rows)}; hidden "
            "rows are read like all others: delete what is not meant"
        )
    if facts.hidden_columns:
        found.append(f"hidden columns that are read: {ranges(facts.hidden_columns)}")
    return tuple(found)


def ranges(numbers: Iterable[int], most: int = 20) -> str:
    """Numbers in rising order, those in a row as a range.

    Example:
        >>> ranges([2, 3, 4, 9])
        '2-4, 9'
    """
    found: list[list[int]] = []
    for number in numbers:
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    shown = [str(a) if a == b else f"{a}-{b}" for a, b in found[:most]]
    rest = sum(b - a + 1 for a, b in found[most:])
    return ", ".join(shown) + (f" and {rest} more" if rest else "")


def _listed(names: Sequence[str]) -> str:
    rest = len(names) - _LISTED
    shown = ", ".join(f"'{name}'" for name in names[:_LISTED])
    return shown + (f" and {rest} more" if rest > 0 else "")


def _cell(value: object) -> Cell:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return Special(CellKind.BOOLEAN, "TRUE" if value else "FALSE")
    if isinstance(value, int | float):
        return _number(value)
    if isinstance(value, date | datetime | time):
        return Special(CellKind.DATE, value.isoformat())
    if isinstance(value, timedelta):
        return Special(CellKind.SPAN, str(value))
    return Special(CellKind.ERROR, type(value).__name__)


def _number(value: float) -> Special:
    # repr: the shortest digits that stand for it, as a spreadsheet would show them.
    number = Decimal(repr(value))
    if not number.is_finite():
        return Special(CellKind.ERROR, "#NUM!")
    return Special(CellKind.NUMBER, format(number, "f").removesuffix(".0"))
