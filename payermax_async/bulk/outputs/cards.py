"""Links as cards with their QR codes."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

import attrs

from payermax_async.bulk.figures import STATE_WORDS
from payermax_async.bulk.records import JournalRow, RowState
from payermax_async.core.errors import ValidationError
from payermax_async.core.money import decimals_for
from payermax_async.pages.markup import web_host
from payermax_async.pages.qr import QrPath, qr_path

__all__ = [
    "KINDS",
    "ROOM",
    "LinkCard",
    "cards_of",
    "written_amount",
]

ROOM: Final = "payermax_async.bulk.outputs"
KINDS: Final = {
    RowState.PAID: "paid",
    RowState.CREATED: "good",
    RowState.EXPIRED: "over",
    RowState.REFUSED: "bad",
    RowState.CONFLICTING: "bad",
    RowState.UNKNOWN: "care",
    RowState.SENDING: "care",
    RowState.PLANNED: "plain",
}
"""In which colour a state is shown."""


@attrs.frozen
class LinkCard:
    """A link to be scanned or clicked."""

    order: str
    """The merchant's own number."""
    amount: str
    """With its currency."""
    state: str
    """Where it stands, in words."""
    kind: str
    """In which colour."""
    url: str
    """Where it leads; empty if that is no web page."""
    host: str
    """To whom, in clear."""
    code: QrPath | None
    """Its code; ``None`` for a link that is too long, or leads to no web page."""


def cards_of(rows: Iterable[JournalRow]) -> Iterable[LinkCard]:
    """The rows' links, one by one."""
    for row in rows:
        url = row.result.link_url
        host = web_host(url)
        yield LinkCard(
            order=row.planned.order,
            amount=written_amount(row.planned.amount, row.planned.currency),
            state=STATE_WORDS[row.result.state],
            kind=KINDS[row.result.state],
            # The address is from an answer: javascript: and the like lead nowhere.
            url=url if host else "",
            host=host or "no web page",
            code=_code(url) if host else None,
        )


def _code(url: str) -> QrPath | None:
    try:
        return qr_path(url)
    except ValidationError:
        return None


def written_amount(amount: str | Decimal, currency: str) -> str:
    """An amount for people: ``1,234.50 USD``."""
    if amount == "":
        return "no amount"
    value = Decimal(amount)
    text = f"{value:,f}"
    whole, _, fraction = text.partition(".")
    # Never rounded: what stands beyond the usual decimals is somebody's mistake, to be
    # seen.
    fraction = fraction.rstrip("0").ljust(decimals_for(currency), "0")
    return f"{whole}.{fraction} {currency}".replace(". ", " ").strip()
