"""One row per type of notification: all that is particular to it.

A new type is its model and a row in :mod:`.notice_table`. What reads, addresses,
orders, sums up, tells of and makes samples of notifications reads it from here. Only
what a payment, a refund or other money does is ruled elsewhere, by the row's kind: see
:mod:`payermax_async.webhooks.inbox.rulings`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import cast

import attrs

from payermax_async.core.models.notifications import Notification
from payermax_async.core.notice_rows import Loudness, NoticeType, State
from payermax_async.core.notice_table import NOTICES

__all__ = [
    "INDEX",
    "NOTICES",
    "NoticeIndex",
    "NoticeType",
    "deadline_of",
    "index_of",
    "loudness_of",
    "notice_type",
    "payload_amount",
    "payload_text",
    "state_of",
    "told_apart",
]

_NEW = NoticeType(name="")


def notice_type(name: str) -> NoticeType:
    """The row of a type, by its name in any spelling; an empty one for a new type."""
    return INDEX.by_name.get(_folded(name), _NEW)


def told_apart(name: str, fields: Collection[str]) -> str | None:
    """The type that the fields tell, where the name does not.

    Args:
        name: The type it comes under; empty for none.
        fields: The names in its payload, under the gateway's own names.
    """
    rows = INDEX.apart.get(_folded(name))
    if rows is None:
        return None
    there = {_spelled(one) for one in fields}
    return next(
        (row for row, by, unless in rows if by & there and unless not in there), None
    )


def state_of(notification: Notification) -> State:
    """What the state means that a notification of at most one payment tells."""
    row = notice_type(notification.notify_type)
    if not row.fits(notification):
        # It could not be read as what it is, so nothing is known of its state.
        return State(
            "UnknownEvent", loudness=Loudness.MONEY if row.flow else Loudness.REST
        )
    word = payload_text(notification, row.state_field or row.status_field)
    return row.states.get(word, row.otherwise)


def loudness_of(notification: Notification) -> Loudness:
    """How loud it is that nobody handles a notification of at most one payment."""
    found = state_of(notification).loudness
    row = notice_type(notification.notify_type)
    return Loudness.DEADLINE if row.has_deadline else found


def payload_text(notification: Notification, name: str) -> str:
    """An attribute of the payload as text; empty where there is none."""
    found = _within(notification, name)
    return "" if found is None else str(found)


def payload_amount(notification: Notification) -> Decimal | None:
    """The money that went to or fro, by the row of the type; ``None`` for none."""
    row = notice_type(notification.notify_type)
    amount = _within(notification, row.amount_field)
    return amount if isinstance(amount, Decimal) else None


def deadline_of(notification: Notification) -> str:
    """Until when it has to be answered, as it came; empty where it does not say."""
    row = notice_type(notification.notify_type)
    return payload_text(notification, row.deadline_field)


def _within(notification: Notification, name: str) -> object:
    found = cast("object", getattr(notification, "data", None))
    # No attribute has a blank for its name.
    for step in name.split(".") if name else (" ",):
        found = cast("object", getattr(found, step, None))
    return found


def _spelled(name: str) -> str:
    # As tolerant as the models: names were seen with blanks and other capitals.
    return "".join(name.split()).replace("_", "").lower()


@attrs.frozen
class NoticeIndex:
    """The rows by what they are looked up by: several times a notification."""

    by_name: Mapping[str, NoticeType]
    """By their names."""
    apart: Mapping[str, tuple[tuple[str, frozenset[str], str | None], ...]]
    """By the name they come under: theirs, fields that tell them, one that does not."""


def index_of(rows: Iterable[NoticeType]) -> NoticeIndex:
    """The index of a table."""
    by_name = {row.name: row for row in rows}
    apart: dict[str, tuple[tuple[str, frozenset[str], str | None], ...]] = {}
    for row in by_name.values():
        if row.sent_as is not None:
            by = frozenset(map(_spelled, row.told_by))
            unless = _spelled(row.unless) if row.unless else None
            apart[row.sent_as] = (
                *apart.get(row.sent_as, ()),
                (row.name, by, unless),
            )
    return NoticeIndex(by_name, apart)


# Asked for several times a notification, and nearly always of the same few.
@lru_cache(maxsize=64)
def _folded(name: str) -> str:
    return " ".join(name.replace("_", " ").upper().split())


INDEX = index_of(NOTICES)
"""Of the table."""
