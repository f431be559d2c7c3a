"""A row of a journal as the named values that every table of it has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Final

from payermax_async.bulk.records import JournalRow

__all__ = [
    "LINK_ID",
    "NAMES",
    "own_columns",
    "own_of",
    "row_values",
    "written_time",
]

LINK_ID: Final = "Merchant link id"
"""By this header a file tells those who read it that it was written here; what is wrong
and what to do stand in the two columns behind it."""

NAMES: Final = (
    "position",
    "order",
    "merchant_link_id",
    "state",
    "amount",
    "currency",
    "link_url",
    "link_id",
    "reason",
    "remedy",
    "settled_at",
    "expires_at",
    "ended_at",
    "trade_no",
    "payment_problem",
)
"""What they are called, in their order."""


def row_values(row: JournalRow) -> dict[str, str | int]:
    """The values by their names; times in UTC, empty where there is none."""
    planned, result = row.planned, row.result
    return {
        "position": planned.position,
        "order": planned.order,
        "merchant_link_id": planned.key,
        "state": result.state.value,
        "amount": planned.amount,
        "currency": planned.currency,
        "link_url": result.link_url,
        "link_id": result.link_id,
        "reason": result.reason,
        "remedy": result.remedy,
        "settled_at": written_time(row.settled_at),
        "expires_at": written_time(result.expires_at),
        "ended_at": written_time(row.ended_at),
        "trade_no": row.trade_no,
        "payment_problem": row.payment_problem,
    }


def written_time(moment: datetime | None) -> str:
    """Such as ``2026-11-03T09:15:00Z``; empty for none."""
    return "" if moment is None else f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def own_of(row: JournalRow) -> Mapping[str, str]:
    """A row's own columns, without what a repair file has added to them."""
    own = row.planned.columns
    # By the id in it: a column that the merchant calls so themselves stays.
    if own.get(LINK_ID) != row.planned.key:
        return own
    names = list(own)
    place = names.index(LINK_ID)
    # By their place: where their names were taken, they are called otherwise.
    added = set(names[place : place + 3])
    return {name: text for name, text in own.items() if name not in added}


def own_columns(rows: Iterable[JournalRow]) -> list[str]:
    """The merchant's columns, in the order in which rows first have them."""
    found: dict[str, None] = {}
    for row in rows:
        found.update(dict.fromkeys(own_of(row)))
    return list(found)
