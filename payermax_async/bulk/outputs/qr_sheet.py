"""QR codes to be printed and cut apart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from os import PathLike

import attrs

from payermax_async.bulk.outputs.cards import (
    ROOM,
    LinkCard,
    cards_of,
)
from payermax_async.bulk.records import JournalRow
from payermax_async.core.errors import ConfigurationError
from payermax_async.pages.markup import pieces
from payermax_async.pages.style import Style, read_style
from payermax_async.private_file import write_text

__all__ = ["write_sheet"]

_PAPERS = {"a4": ("A4", "210mm", "296.5mm"), "letter": ("letter", "215.9mm", "278.9mm")}
"""Half a millimetre short of the paper: a sheet that is rounded up takes two."""
_ON_A_SHEET = 12


@attrs.frozen(kw_only=True)
class QrSheet:
    """What the template shows, sheet by sheet."""

    title: str
    style: Style
    sheets: Iterator[list[LinkCard]]


def write_sheet(
    path: str | PathLike[str],
    rows: Iterable[JournalRow],
    *,
    title: str,
    paper: str,
) -> int:
    """Write the page and give the number of codes; see ``BulkReport.to_qr_sheet``."""
    found = _PAPERS.get(paper.casefold())
    if found is None:
        raise ConfigurationError("the paper is A4 or Letter")
    size, width, height = found
    style = read_style(
        ROOM,
        "qr_sheet.css",
        f"@page{{size:{size};margin:0}}:root{{--width:{width};--height:{height}}}",
    )
    written = 0

    def sheets() -> Iterator[list[LinkCard]]:
        nonlocal written
        sheet: list[LinkCard] = []
        for card in cards_of(rows):
            # What cannot be scanned has no place on paper.
            if card.code is None:
                continue
            written += 1
            sheet.append(card)
            if len(sheet) == _ON_A_SHEET:
                yield sheet
                sheet = []
        if sheet:
            yield sheet

    page = QrSheet(title=title, style=style, sheets=sheets())
    write_text(path, pieces(ROOM, "qr_sheet.html", page))
    return written
