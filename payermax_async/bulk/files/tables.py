"""Opens any file of orders: what kind it is, its bytes say."""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike

import attrs

from payermax_async.bulk.files.cells import OrderTable
from payermax_async.bulk.files.delimited import DELIMITERS, DelimitedTable
from payermax_async.bulk.files.encodings import encoding_named
from payermax_async.bulk.files.json_lines import JsonLinesTable
from payermax_async.bulk.files.limits import FileLimits, OrderFileError
from payermax_async.bulk.files.scan import look
from payermax_async.bulk.files.workbook import WorkbookTable

__all__ = ["FileSettings", "open_table"]

_JSON = (".jsonl", ".ndjson")


@attrs.frozen(kw_only=True)
class FileSettings:
    """How a file is to be read, where that is not to be found out."""

    sheet: str | None = None
    """Of a workbook; the first one that is not hidden when left out."""
    encoding: str | None = None
    """Of text; by its mark, else UTF-8 or UTF-16, when left out."""
    delimiter: str | None = None
    """Of CSV: comma, semicolon or tab; the one that fits when left out."""
    limits: FileLimits = attrs.field(factory=FileLimits)
    """How much it may hold."""


def open_table(
    path: str | PathLike[str],
    settings: FileSettings,
    known: Callable[[list[str]], int],
) -> OrderTable:
    """Look through a file; it blocks.

    Args:
        path: The file.
        settings: How it is to be read.
        known: How many of such headers mean something.

    Raises:
        OrderFileError: It cannot be read, and why.
    """
    limits = settings.limits
    codec = None if settings.encoding is None else encoding_named(settings.encoding)
    delimiter = None
    if settings.delimiter is not None:
        delimiter = DELIMITERS.get(settings.delimiter.casefold())
        if delimiter is None:
            raise OrderFileError("the delimiter is comma, semicolon or tab")
    facts = look(path, codec, limits)
    # By its bytes: exports are often called what they are not.
    if facts.is_workbook:
        return WorkbookTable(facts, limits, sheet=settings.sheet)
    if settings.sheet is not None:
        raise OrderFileError("only workbooks have sheets, and this is none")
    text = facts.head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if facts.path.suffix.casefold() in _JSON or text.startswith(b"{"):
        return JsonLinesTable(facts, limits)
    return DelimitedTable(facts, limits, delimiter=delimiter, known=known)
