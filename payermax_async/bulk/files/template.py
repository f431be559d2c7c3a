"""An empty file of orders, to be filled in by people."""

from __future__ import annotations

import csv
import io
import os
from importlib import import_module
from os import PathLike
from pathlib import Path
from typing import Any

from payermax_async.bulk.files.columns import COLUMNS, LINK_ID
from payermax_async.bulk.files.limits import OrderFileError

__all__ = ["write_template"]

_FILLED_IN = tuple(column for column in COLUMNS if column.field != LINK_ID)
_SHEETS = (("Orders", "Columns"), ("订单", "说明"))
_HEADERS = ("Column", "Required", "Example", "What belongs there")
_WIDTH = 18
_WIDE = 70


def write_template(path: str | PathLike[str], *, chinese: bool = False) -> None:
    """Write a file with headers and an example row, as CSV or, by its name, ``.xlsx``.

    A workbook has a second sheet that explains the columns, and its ids are text.
    The example row is refused when it is left in. The file is readable by its owner
    alone, as what is going to stand in it is about people.

    Args:
        path: Where; a file that is there is never written over.
        chinese: Whether the headers are Chinese.

    Raises:
        OrderFileError: It is there, cannot be written, or is to be a workbook without
            XlsxWriter to write it.
    """
    target = Path(path).expanduser()
    headers = [column.titles[chinese] for column in _FILLED_IN]
    if target.suffix.casefold() == ".csv":
        content = _csv(headers)
    elif target.suffix.casefold() == ".xlsx":
        content = _workbook(headers, _SHEETS[chinese])
    else:
        raise OrderFileError("a template is a .csv or an .xlsx file")
    try:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
    except FileExistsError:
        raise OrderFileError("the file is there already: it is left as it is") from None
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise OrderFileError(f"the template cannot be written: {reason}") from None


def _csv(headers: list[str]) -> bytes:
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\r\n")
    lines.writerow(headers)
    lines.writerow([column.example for column in _FILLED_IN])
    # With the mark by which spreadsheets know UTF-8.
    return text.getvalue().encode("utf-8-sig")


def _workbook(headers: list[str], sheets: tuple[str, str]) -> bytes:
    try:
        # It has no types of its own.
        writer: Any = import_module("xlsxwriter")
    except ModuleNotFoundError as error:
        if error.name != "xlsxwriter":
            raise
        raise OrderFileError(
            "workbooks are written with XlsxWriter: pip install "
            "'payermax_async[files]', or ask for a .csv"
        ) from None
    packed = io.BytesIO()
    book = writer.Workbook(packed, {"in_memory": True, "strings_to_urls": False})
    bold, text = book.add_format({"bold": True}), book.add_format({"num_format": "@"})
    orders, columns = (book.add_worksheet(name) for name in sheets)
    orders.freeze_panes(1, 0)
    for place, column in enumerate(_FILLED_IN):
        # All of it as text: what is typed stays as it was typed.
        orders.set_column(place, place, _WIDTH, text)
        orders.write_string(0, place, headers[place], bold)
        orders.write_string(1, place, column.example, text)
    for place, header in enumerate(_HEADERS):
        columns.set_column(place, place, _WIDE if place == 3 else _WIDTH)
        columns.write_string(0, place, header, bold)
    for row, column in enumerate(_FILLED_IN, start=1):
        told = " / ".join(column.titles), "yes" if column.is_required else ""
        for place, cell in enumerate((*told, column.example, column.about)):
            columns.write_string(row, place, cell)
    book.close()
    return packed.getvalue()
