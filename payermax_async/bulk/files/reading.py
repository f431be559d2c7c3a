"""From a row of a file to an order: what it asks for, and what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import attrs

from payermax_async.bulk.files.cells import Cell, CellKind, Special, TableRow, text_of
from payermax_async.bulk.files.columns import BY_FIELD, EXAMPLE, LINK_ID, ORDER, Placed
from payermax_async.bulk.rows import OrderRow, link_id_of
from payermax_async.core.durations import read_duration
from payermax_async.core.errors import ConfigurationError, Problem
from payermax_async.core.models.link_parts import UserInfo
from payermax_async.core.money import decimals_for

__all__ = ["ReadRow", "RowReader"]

# All that str.strip() takes for blank, and two marks that nobody sees.
_BLANK = "".join(filter(str.isspace, map(chr, range(0x3001)))) + "\u200b\ufeff"
_DIGITS = 15
"""As many as a spreadsheet keeps of a number."""
_GROUPED = re.compile(r"[0-9]{1,3}(?:[ ,.'\u00a0\u202f’][0-9]{3})+(?:[,.][0-9]{1,2})?")
_EITHER = re.compile(r"[0-9]{1,3}[,.][0-9]{3}")
"""Thousands to one reader, three decimals to the next."""
_COMMA = re.compile(r"[0-9]+,[0-9]{1,2}")
_PLAIN = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,4})?")
_UNITS = (
    (re.compile(r"\s*(?:days?|天|日)\s*"), "d"),
    (re.compile(r"\s*(?:hours?|hrs?|小时|小時)\s*"), "h"),
    (re.compile(r"\s*(?:minutes?|mins?|分钟|分鐘|分)\s*"), "m"),
)
_PERSON = ("user_id", "username")


class _Wrong(Exception):  # noqa: N818 - never leaves this module
    """A cell cannot be what its column asks for."""

    def __init__(self, reason: str, fix: str = "") -> None:
        super().__init__(reason)
        self.fix = fix


@attrs.frozen(kw_only=True)
class ReadRow:
    """A row, read."""

    number: int
    """As people see it numbered."""
    item: OrderRow | None
    """What it asks for; ``None`` where it cannot even be named."""
    problems: tuple[Problem, ...]
    """What is wrong with its cells; paths are those of a link's fields."""
    fixes: Mapping[str, str]
    """What to do, by path, where that is not what is always said of the column."""


@attrs.frozen(kw_only=True)
class RowReader:
    """Reads rows of one file, each on its own."""

    batch: str
    """The batch that the orders are of."""
    placed: Placed
    """Where the columns are."""
    fixed: Mapping[str, str] = attrs.field(repr=False)
    """Cells for fields that every row has alike."""
    decimal_comma: bool
    """Whether amounts of text are written with a comma."""
    by_row: bool
    """Whether the number of the row is the order's."""

    def read(self, row: TableRow) -> ReadRow:
        """Read a row."""
        problems: list[Problem] = []
        fixes: dict[str, str] = {}
        if row.flaw:
            problems.append(Problem("", row.flaw))
            return ReadRow(
                number=row.number, item=None, problems=tuple(problems), fixes=fixes
            )
        found: dict[str, Any] = {}
        for field in BY_FIELD:
            cell = self._cell(row, field)
            try:
                value = self._value(field, cell)
            except _Wrong as wrong:
                path = BY_FIELD[field].path
                problems.append(Problem(path, str(wrong)))
                if wrong.fix:
                    fixes[path] = wrong.fix
                # For whoever looks at the row alone: it must not pass.
                value = text_of(cell) if isinstance(cell, Special) else cell
            if value is not None:
                found[field] = value
        # A comma too many shifts cells to the right, amounts among them.
        if any(cell != "" for cell in row.cells[len(self.placed.headers) :]):
            reason = (
                "has more cells than there are headers: is text with commas quoted?"
            )
            problems.append(Problem("", reason))
        item = self._item(row, found, problems, fixes)
        return ReadRow(
            number=row.number, item=item, problems=tuple(problems), fixes=fixes
        )

    def _cell(self, row: TableRow, field: str) -> Cell:
        place = self.placed.fields.get(field)
        if place is None:
            return self.fixed.get(field, "")
        return row.cells[place] if place < len(row.cells) else ""

    def _value(self, field: str, cell: Cell) -> object:
        """What a cell says; ``None`` if nothing.

        Raises:
            _Wrong: It cannot be that.
        """
        if isinstance(cell, Special):
            return _special(field, cell, is_id=BY_FIELD[field].is_id)
        text = cell.strip(_BLANK)
        if not text:
            return None
        if field == "total_amount":
            return _amount(text, decimal_comma=self.decimal_comma)
        if field == "expires_in":
            return _span(text)
        # usd is no other currency; anything but its case is left to the rules.
        return text.upper() if field in {"currency", "country"} else text

    def _item(
        self,
        row: TableRow,
        found: dict[str, Any],
        problems: list[Problem],
        fixes: dict[str, str],
    ) -> OrderRow | None:
        order = f"row-{row.number}" if self.by_row else found.pop(ORDER, None)
        written = found.pop(LINK_ID, None)
        if order is None:
            problems.append(Problem(ORDER, "is empty"))
        if order == EXAMPLE:
            problems.append(Problem(ORDER, "is the example of the template"))
            fixes[ORDER] = "Delete the row."
        if order is None or any(problem.path == ORDER for problem in problems):
            return None
        if written is not None and written != link_id_of(self.batch, order):
            problems.append(Problem(LINK_ID, "is of another batch or order"))
        if "total_amount" in found:
            found["total_amount"] = _canonical(
                found["total_amount"], found.get("currency")
            )
        fields: dict[str, Any] = {
            name: value for name, value in found.items() if name not in _PERSON
        }
        person = {name: found[name] for name in _PERSON if name in found}
        if "user_id" in person:
            fields["user_info"] = UserInfo(**person)
        return OrderRow(
            batch=self.batch,
            order=order,
            fields=fields,
            columns={
                header: text_of(row.cells[place]) if place < len(row.cells) else ""
                for place, header in enumerate(self.placed.headers)
            },
            problems=tuple(problems),
        )


def _special(field: str, cell: Special, *, is_id: bool) -> object:
    kind, text = cell.kind, cell.text
    if kind is CellKind.ERROR:
        raise _Wrong(f"is the error {text}", "Mend the formula, or write the value.")
    if kind is CellKind.NO_VALUE:
        raise _Wrong(
            "is a formula that was never worked out",
            "Open the file in a spreadsheet and save it, or write the value.",
        )
    if is_id:
        raise _Wrong(
            f"is {kind.value} in the sheet, where zeros in front and digits behind the "
            "15th are lost",
            "Make the column text (Excel: Data > Text to Columns > Text) and look at "
            "each cell.",
        )
    if field == "total_amount":
        if kind is not CellKind.NUMBER:
            raise _Wrong(f"is {kind.value}")
        # So many digits were rounded by the spreadsheet already: to what, nobody knows.
        if len(text.replace(".", "").replace("-", "").strip("0")) > _DIGITS:
            raise _Wrong(
                "has more digits than the 15 that a spreadsheet keeps",
                "Round it, as in =ROUND(A2,2).",
            )
        return Decimal(text)
    if field == "expires_in":
        raise _Wrong(f"is {kind.value}, without a unit")
    if kind is CellKind.NUMBER or field not in {"currency", "country"}:
        return text
    raise _Wrong(f"is {kind.value}")


def _amount(text: str, *, decimal_comma: bool) -> str:
    if _EITHER.fullmatch(text):
        mark = "comma" if decimal_comma else "point"
        raise _Wrong(
            "may be read in two ways: with thousands, or with three decimals",
            "Write thousands without a separator, and at most two decimals behind "
            f"a {mark}.",
        )
    if decimal_comma:
        # 1.234,50 might be guessed, 1.234 might not: neither is.
        if "." in text:
            raise _Wrong("has a point, although decimals stand behind a comma here")
        return text.replace(",", ".", 1)
    if _COMMA.fullmatch(text):
        raise _Wrong(
            "has a comma",
            "Write a point before the decimals; if all amounts have a comma there, "
            "say --decimal-comma.",
        )
    if _GROUPED.fullmatch(text):
        raise _Wrong("has separators between its digits")
    return text


def _canonical(amount: object, currency: object) -> object:
    """With as many decimals as are usual: 19.9 and 19.90 are the same order."""
    text = str(amount)
    if not _PLAIN.fullmatch(text) or not isinstance(currency, str):
        return amount
    whole, _, fraction = text.partition(".")
    fraction = fraction.rstrip("0").ljust(decimals_for(currency), "0")
    return f"{whole}.{fraction}" if fraction else whole


def _span(text: str) -> object:
    written = text.casefold()
    for unit, letter in _UNITS:
        written = unit.sub(letter, written)
    if written.isdigit():
        raise _Wrong("has no unit")
    try:
        return read_duration(written)
    except ConfigurationError:
        raise _Wrong("is no length of time") from None
