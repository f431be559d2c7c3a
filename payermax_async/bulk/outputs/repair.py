"""The rows that have to be mended: as they were, with what is wrong and what to do."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Final

from payermax_async.bulk.outputs import cells
from payermax_async.bulk.outputs.values import LINK_ID, own_of
from payermax_async.bulk.outputs.workbook import SheetWriter, workbook
from payermax_async.bulk.records import JournalRow, RowState
from payermax_async.core.errors import ConfigurationError
from payermax_async.private_file import write_text

__all__ = ["REPAIRED", "write_repair"]

REPAIRED: Final = frozenset({RowState.REFUSED, RowState.CONFLICTING})
"""States in which it is certain that no link of the row's own exists: all others, sent
a second time from another file, might make a second link."""

_REASON, _FIX = "Reason", "Fix"
_ORDER = "Order"
_WIDTH = 18
_NO_REMEDY = "Look at the row: no remedy is known."


def write_repair(
    path: str | PathLike[str], read: Callable[[], Iterable[JournalRow]]
) -> int:
    """Write the file and give the number of rows; see ``BulkReport.to_repair``."""
    kind = Path(path).suffix.casefold()
    writer = _WRITERS.get(kind)
    if writer is None:
        raise ConfigurationError("a repair file is a .csv, an .xlsx or a .jsonl file")
    headers = _headers(read())
    count = 0

    def lines() -> Iterator[Mapping[str, str]]:
        nonlocal count
        for row in _to_be_mended(read()):
            count += 1
            yield _line(row, headers)

    writer(path, headers, lines())
    return count


def _to_be_mended(rows: Iterable[JournalRow]) -> Iterator[JournalRow]:
    return (row for row in rows if row.result.state in REPAIRED)


def _headers(rows: Iterable[JournalRow]) -> list[str]:
    """Own columns in their order, then the id, what is wrong and what to do."""
    found: dict[str, None] = {}
    is_named = True
    for row in _to_be_mended(rows):
        own = own_of(row)
        found.update(dict.fromkeys(own))
        # Of rows that had no number: it has to stand in the file from now on.
        is_named &= row.planned.order in {text.strip() for text in own.values()}
    headers = list(found)
    if not is_named:
        headers.insert(0, _free(_ORDER, headers))
    for name in (LINK_ID, _REASON, _FIX):
        # A column that the merchant calls so keeps its name, for their own system.
        headers.append(_free(name, headers))
    return headers


def _free(name: str, taken: Sequence[str]) -> str:
    """The name, or one like it that no column has."""
    lower = {header.casefold() for header in taken}
    found, number = name, 1
    while found.casefold() in lower:
        number += 1
        found = f"{name} ({number})"
    return found


def _line(row: JournalRow, headers: Sequence[str]) -> Mapping[str, str]:
    own = own_of(row)
    line = {header: own.get(header, "") for header in headers[:-3]}
    if headers[0] not in own and headers[0].startswith(_ORDER):
        line[headers[0]] = row.planned.order
    added = (row.planned.key, row.result.reason, row.result.remedy or _NO_REMEDY)
    return {**line, **dict(zip(headers[-3:], added, strict=True))}


def _csv(
    path: str | PathLike[str],
    headers: Sequence[str],
    lines: Iterable[Mapping[str, str]],
) -> None:
    def texts() -> Iterator[str]:
        yield cells.BYTE_ORDER_MARK + cells.line(headers)
        for line in lines:
            yield cells.line(line.values())

    write_text(path, texts())


def _json_lines(
    path: str | PathLike[str],
    headers: Sequence[str],  # noqa: ARG001 - every line has them
    lines: Iterable[Mapping[str, str]],
) -> None:
    write_text(path, (json.dumps(line, ensure_ascii=False) + "\n" for line in lines))


def _workbook(
    path: str | PathLike[str],
    headers: Sequence[str],
    lines: Iterable[Mapping[str, str]],
) -> None:
    with workbook(path) as book:
        sheet = SheetWriter(book, "Orders", [_WIDTH] * len(headers))
        sheet.headers(headers)
        for line in lines:
            sheet.add(line.values())


_WRITERS = {".csv": _csv, ".xlsx": _workbook, ".jsonl": _json_lines}
