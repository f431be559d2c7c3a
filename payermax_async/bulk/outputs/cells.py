"""Cells of text that no spreadsheet works out, whoever wrote what stands in them."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable

__all__ = ["BYTE_ORDER_MARK", "harmless", "is_formula", "line", "restored"]

_FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What a spreadsheet may take for the beginning of a formula:
https://owasp.org/www-community/attacks/CSV_Injection."""

BYTE_ORDER_MARK = "\ufeff"
"""By which spreadsheets know UTF-8."""


def is_formula(cell: str) -> bool:
    """Whether a spreadsheet may take it for a formula."""
    # Spreadsheets skip blanks before they look.
    return cell.lstrip(" ").startswith(_FORMULAS)


def harmless(cell: str) -> str:
    """The cell with a ``'`` before it, if a spreadsheet might take it for a formula.

    One that begins with such marks already gets one more, so that taking one away
    always gives what there was.
    """
    return f"'{cell}" if is_formula(cell.lstrip("'")) else cell


_PHONE = re.compile(r"\+[0-9][0-9 ]{4,20}")


def line(cells: Iterable[str], *, phones: bool = False) -> str:
    """A line of CSV for spreadsheets.

    Args:
        cells: Its texts.
        phones: Whether ``+``, digits and blanks alone may stand as they are: who sends
            messages by the file needs numbers, and nothing can be worked out of them.
    """
    safe = (
        cell if phones and _PHONE.fullmatch(cell) else harmless(cell) for cell in cells
    )
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow(safe)
    return out.getvalue()


def restored(cell: str) -> str:
    """What :func:`harmless` was given."""
    if cell.startswith("'") and is_formula(cell.lstrip("'")):
        return cell[1:]
    return cell
