"""Files of orders for tests, as spreadsheets write them."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from payermax_async import LinkDefaults
from payermax_async.bulk import BatchPlan, OrderFile

__all__ = [
    "DEFAULTS",
    "HEADERS",
    "csv_text",
    "new_book",
    "order",
    "plan_of",
    "repacked",
    "told",
    "workbook",
]

DEFAULTS = LinkDefaults(
    notify_url="https://shop.example/hook",
    contact_email="shop@example.com",
    show_url="https://shop.example/shirt.png",
)
HEADERS = ("Order", "Amount", "Currency", "Country", "Description", "User id")

Row = Sequence[str | float]


def order(number: str = "A-1", amount: str = "19.90", *own: str) -> list[str]:
    return [number, amount, "USD", "US", "Blue T-shirt", "u-1", *own]


def csv_text(
    rows: Sequence[Row], headers: Sequence[str] = HEADERS, delimiter: str = ","
) -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows([headers, *rows])
    return text.getvalue()


def new_book(path: Path) -> Any:
    """A workbook of XlsxWriter, which has no types."""
    return import_module("xlsxwriter").Workbook(str(path))


def workbook(
    path: Path,
    rows: Sequence[Row],
    headers: Sequence[str] = HEADERS,
    *,
    more: Callable[[Any, Any], None] = lambda _, __: None,
) -> Path:
    """A workbook with one sheet, as far as ``more`` leaves it at that."""
    book = new_book(path)
    sheet = book.add_worksheet("Orders")
    for number, row in enumerate([headers, *rows]):
        for place, cell in enumerate(row):
            if isinstance(cell, str):
                sheet.write_string(number, place, cell)
            else:
                sheet.write_number(number, place, cell)
    more(book, sheet)
    book.close()
    return path


def repacked(path: Path, changes: Mapping[str, bytes | None]) -> Path:
    """The archive with some parts changed, added or, with ``None``, left out."""
    with zipfile.ZipFile(path) as archive:
        parts: dict[str, bytes | None] = {
            name: archive.read(name) for name in archive.namelist()
        }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {**parts, **changes}.items():
            if content is not None:
                archive.writestr(name, content)
    return path


def plan_of(path: Path) -> BatchPlan:
    return OrderFile(path, batch="nov").plan(DEFAULTS)


def told(plan: BatchPlan) -> list[tuple[int, str, str]]:
    return [(one.row, one.column, one.reason) for one in plan.problems]
