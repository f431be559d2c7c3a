"""JSON lines: an object a line, its names in place of headers."""

from __future__ import annotations

import codecs
from collections.abc import Generator
from contextlib import closing
from decimal import Decimal

from payermax_async.bulk.files.cells import Cell, CellKind, Special, TableRow, limited
from payermax_async.bulk.files.limits import FileLimits, OrderFileError
from payermax_async.bulk.files.scan import FileFacts, opened
from payermax_async.core.strict_json import (
    JsonError,
    JsonObject,
    JsonValue,
    read_json,
    write_json,
)

__all__ = ["JsonLinesTable"]


class JsonLinesTable:
    """Reads a file of JSON lines one by one; see :class:`~.cells.OrderTable`.

    The columns are the names of all lines, in the order in which they come. An
    object within the object makes one column for each of its names.
    """

    notices: tuple[str, ...] = ()

    def __init__(self, facts: FileFacts, limits: FileLimits) -> None:
        """Learn which columns there are.

        Raises:
            OrderFileError: There are none, or too many.
        """
        if facts.codec not in {"utf-8", "utf-8-sig"}:
            raise OrderFileError("JSON lines are read as UTF-8 only")
        self._facts, self._limits = facts, limits
        names: dict[str, None] = {}
        with closing(self._objects()) as objects:
            for _, value, _ in objects:
                # Of all lines, before the first row: each row has the same columns.
                names.update(dict.fromkeys(value))
                if len(names) > limits.columns:
                    raise OrderFileError(
                        f"the lines have more than {limits.columns} names"
                    )
        self._names = tuple(names)

    @property
    def digest(self) -> str:
        """See :class:`~.cells.OrderTable`."""
        return self._facts.digest

    def headers(self) -> TableRow:
        """See :class:`~.cells.OrderTable`."""
        if not self._names:
            raise OrderFileError("no line of the file is a JSON object")
        return TableRow(0, self._names)

    def rows(self) -> Generator[TableRow]:
        """See :class:`~.cells.OrderTable`."""
        return limited(self._read(), self._limits)

    def _read(self) -> Generator[TableRow]:
        with closing(self._objects()) as objects:
            for number, value, flaw in objects:
                cells = tuple(_cell(value.get(name)) for name in self._names)
                yield TableRow(number, cells, flaw)

    def _objects(self) -> Generator[tuple[int, JsonObject, str]]:
        limit = self._limits.record
        with opened(self._facts) as file:
            number = 0
            while line := file.readline(limit + 1):
                number += 1
                if number > self._limits.rows:
                    # Before the columns of all of them are kept.
                    raise OrderFileError(
                        f"the file has more than {self._limits.rows} lines: split it "
                        "into several"
                    )
                if len(line) > limit:
                    raise OrderFileError(
                        f"line {number} is longer than {limit} bytes: is it one object "
                        "a line?"
                    )
                if number == 1:
                    line = line.removeprefix(codecs.BOM_UTF8)
                if line.strip():
                    yield number, *_object(line)


def _object(line: bytes) -> tuple[JsonObject, str]:
    try:
        value = read_json(line)
    except JsonError as error:
        return {}, f"is no JSON: {error}"
    if not isinstance(value, dict):
        return {}, "is no JSON object"
    flat: JsonObject = {}
    for name, part in value.items():
        # One level, as a link has: what lies deeper stays JSON in its cell.
        if isinstance(part, dict) and part:
            flat |= {f"{name}.{inner}": one for inner, one in part.items()}
        else:
            flat[name] = part
    return flat, ""


def _cell(value: JsonValue) -> Cell:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return Special(CellKind.BOOLEAN, "true" if value else "false")
    if isinstance(value, int | Decimal):
        return Special(CellKind.NUMBER, format(Decimal(value), "f"))
    return write_json(value).decode()
