"""What a spreadsheet's own XML tells beyond values: errors, formulas, hidden rows.

Read with expat, nothing resolved: a document type, a deep nest or a cell outside the
limits ends it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

import attrs

from payermax_async.bulk.files.cells import CellKind, Special
from payermax_async.bulk.files.limits import FileLimits, OrderFileError

if TYPE_CHECKING:
    from xml.parsers.expat import XMLParserType

__all__ = ["SheetFacts", "XmlLook", "look_at_sheet", "relations", "sheet_parts"]

_DEPTH = 64
_TEXT = 1 << 20
_REFERENCE = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6})")
_MALFORMED = "the workbook's XML is damaged: open it in a spreadsheet and save it anew"
_YES = frozenset({"1", "true"})


@attrs.define(kw_only=True)
class SheetFacts:
    """What is peculiar in a sheet; rows and columns from 1."""

    odd: dict[tuple[int, int], Special] = attrs.field(
        factory=dict[tuple[int, int], Special], repr=False
    )
    """Cells with an error, or with a formula that was never worked out."""
    hidden_rows: list[int] = attrs.field(factory=list[int])
    """Rows with cells that nobody sees."""
    hidden_columns: list[int] = attrs.field(factory=list[int])
    """Columns that nobody sees, within the limits."""


class XmlLook:
    """Walks through XML; what is met is told to the methods below."""

    def __init__(self) -> None:
        self._depth = 0

    def walk(self, chunks: Iterable[bytes]) -> None:
        """Read it to its end.

        Raises:
            OrderFileError: It is no XML, or such as no spreadsheet writes.
        """
        from xml.parsers import expat

        parser: XMLParserType = expat.ParserCreate("utf-8")
        parser.buffer_text = True
        # Entities made of entities fill any memory.
        parser.StartDoctypeDeclHandler = _refuse
        parser.EntityDeclHandler = _refuse
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self.text
        try:
            for chunk in chunks:
                parser.Parse(chunk, False)
            parser.Parse(b"", True)
        except expat.ExpatError:
            raise OrderFileError(_MALFORMED) from None

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > _DEPTH:
            raise OrderFileError("the workbook's XML is nested far too deep")
        self.start(name.rpartition(":")[2], attributes)

    def _end(self, name: str) -> None:
        self._depth -= 1
        self.end(name.rpartition(":")[2])

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins."""

    def end(self, name: str) -> None:
        """An element ends."""

    def text(self, piece: str) -> None:
        """Text, or a piece of it."""


def _refuse(*_: object) -> None:
    raise OrderFileError(
        "the workbook's XML declares entities, which no spreadsheet writes: it is not "
        "read"
    )


class _Sheet(XmlLook):
    """Looks at every cell of a sheet."""

    def __init__(self, limits: FileLimits) -> None:
        super().__init__()
        self.facts = SheetFacts()
        self._limits = limits
        self._row = self._column = self._widest = 0
        self._hidden = False
        self._type = ""
        self._formula = self._in_value = False
        self._value = ""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "c":
            self._begin_cell(attributes)
        elif name == "v":
            self._in_value, self._value = True, ""
        elif name == "f":
            self._formula = True
        elif name == "row":
            self._begin_row(attributes)
        elif name == "col" and attributes.get("hidden") in _YES:
            first, last = _whole(attributes.get("min")), _whole(attributes.get("max"))
            last = min(last, self._limits.columns)
            self.facts.hidden_columns.extend(range(first, last + 1))

    def _begin_row(self, attributes: dict[str, str]) -> None:
        number, before = attributes.get("r"), self._row
        self._row = before + 1 if number is None else _whole(number)
        self._column = 0
        if self._row <= before:
            # Readers do not agree about which of two counts.
            raise OrderFileError(_MALFORMED)
        self._hidden = attributes.get("hidden") in _YES
        if self._row > self._limits.rows:
            raise OrderFileError(
                f"the sheet has more than {self._limits.rows} rows: split it into "
                "several"
            )

    def _begin_cell(self, attributes: dict[str, str]) -> None:
        reference, before = attributes.get("r"), self._column
        if reference is None:
            self._column += 1
        else:
            found = _REFERENCE.fullmatch(reference)
            # Which of two places counts, readers do not agree about.
            if found is None or int(found[2]) != self._row:
                raise OrderFileError(_MALFORMED)
            self._column = column_of(found[1])
        if self._column <= before:
            raise OrderFileError(_MALFORMED)
        if self._column > self._limits.columns:
            raise OrderFileError(
                f"row {self._row} has more than {self._limits.columns} columns"
            )
        self._widest = max(self._widest, self._column)
        # The whole rectangle is laid out by its reader, whatever is empty in it.
        if self._row * self._widest > self._limits.cells:
            raise OrderFileError(
                f"the sheet has more than {self._limits.cells} cells from its first to "
                "its last: delete what stands far away, or split it into several"
            )
        self._type = attributes.get("t", "n")
        self._formula, self._value = False, ""
        if self._hidden and self.facts.hidden_rows[-1:] != [self._row]:
            self.facts.hidden_rows.append(self._row)

    def text(self, piece: str) -> None:
        if self._in_value:
            self._value += piece
            if len(self._value) > _TEXT:
                raise OrderFileError(_MALFORMED)

    def end(self, name: str) -> None:
        if name == "v":
            self._in_value = False
        elif name == "c":
            place = self._row, self._column
            if self._type == "e":
                # The name of an error, not whatever stands there.
                shown = self._value if len(self._value) < 20 else "#?"
                self.facts.odd[place] = Special(CellKind.ERROR, shown)
            elif self._formula and not self._value and self._type != "str":
                self.facts.odd[place] = Special(CellKind.NO_VALUE, "")


def look_at_sheet(chunks: Iterable[bytes], limits: FileLimits) -> SheetFacts:
    """Look through the XML of a sheet.

    Raises:
        OrderFileError: It is damaged, or holds more than it may.
    """
    look = _Sheet(limits)
    look.walk(chunks)
    return look.facts


class _Attributes(XmlLook):
    """Keeps the attributes of all elements of a name."""

    def __init__(self, name: str, most: int) -> None:
        super().__init__()
        self._name, self._most = name, most
        self.found: list[dict[str, str]] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == self._name:
            self.found.append(attributes)
            if len(self.found) > self._most:
                raise OrderFileError("the workbook has far too many sheets")


_MOST_SHEETS = 1000


def relations(chunks: Iterable[bytes]) -> dict[str, str]:
    """Which part stands behind each name, of a file of relations.

    Raises:
        OrderFileError: It is damaged.
    """
    look = _Attributes("Relationship", 10 * _MOST_SHEETS)
    look.walk(chunks)
    return {one.get("Id", ""): one.get("Target", "") for one in look.found}


def sheet_parts(chunks: Iterable[bytes]) -> dict[str, str]:
    """The relation of each sheet, by its name, of the workbook's own part.

    Raises:
        OrderFileError: It is damaged.
    """
    look = _Attributes("sheet", _MOST_SHEETS)
    look.walk(chunks)
    return {
        one.get("name", ""): next(
            (value for name, value in one.items() if name.rpartition(":")[2] == "id"),
            "",
        )
        for one in look.found
    }


def column_of(letters: str) -> int:
    """The number of a column, from 1."""
    number = 0
    for letter in letters:
        number = 26 * number + ord(letter) - ord("A") + 1
    return number


def _whole(text: str | None) -> int:
    # int() takes digits of every script, signs and underscores.
    if text is None or not text.isascii() or not text.isdigit() or len(text) > 9:
        raise OrderFileError(_MALFORMED)
    return int(text)
