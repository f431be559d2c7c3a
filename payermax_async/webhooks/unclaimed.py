"""How loud it is when no handler wants what came."""

from __future__ import annotations

import enum

from payermax_async.core.cleaning import clean_id
from payermax_async.core.models.notifications import LinkNotification
from payermax_async.webhooks.alerts import Alert, AlertKind, Tally
from payermax_async.webhooks.entries import StoredNotification
from payermax_async.webhooks.events import (
    LinkPaid,
    NotifiedEvent,
    PaymentSucceeded,
    UnknownEvent,
)

__all__ = ["Loudness", "loudness", "tell_unclaimed"]

_WITH_A_DEADLINE = frozenset(
    {"CHARGEBACK", "COMPLAINT", "CUSTOMER COMPLAINT", "DISPUTE", "FRAUD", "RFI"}
)
"""Types that a merchant must answer within days, by their names without underscores.

Unanswered, a dispute is lost and an account is closed."""
_MOST_TYPES = 50
_OTHER = "other types"


class Loudness(enum.Enum):
    """Who has to hear of it."""

    MONEY = "money"
    """Somebody paid; loud, unless the same is handled under another type."""
    DEADLINE = "deadline"
    """Somebody waits for an answer; loud."""
    REST = "rest"
    """Heard once for each type and process, and counted."""


def loudness(event: NotifiedEvent) -> Loudness:
    """How loud it is that nobody handles an event."""
    if isinstance(event, LinkPaid | PaymentSucceeded):
        return Loudness.MONEY
    found = event.notification
    if isinstance(event, UnknownEvent):
        if isinstance(found, LinkNotification) and not found.data.pay_by_link_info:
            # It is sent for a link that was paid, so the payment only is missing.
            return Loudness.MONEY
        name = " ".join(found.notify_type.upper().replace("_", " ").split())
        if name in _WITH_A_DEADLINE:
            return Loudness.DEADLINE
    return Loudness.REST


def tell_unclaimed(
    tally: Tally, event: NotifiedEvent, entry: StoredNotification
) -> None:
    """Count what no handler wants, and say so as loudly as it matters."""
    kind = clean_id(entry.notify_type, 32) or type(event).__name__
    seen = tally.counts
    known = sum(1 for name in seen if name.startswith(_COUNTED))
    if f"{_COUNTED}{kind}" not in seen and known >= _MOST_TYPES:
        # Types are PayerMax's to invent; counters live as long as the process.
        kind = _OTHER
    first = f"{_COUNTED}{kind}" not in seen
    tally.count("unclaimed")
    tally.count(f"{_COUNTED}{kind}")
    match loudness(event):
        case Loudness.DEADLINE:
            _alert(
                tally, entry, f"nobody handles {kind}, which must be answered in time"
            )
        case Loudness.MONEY:
            name = type(event).__name__
            _alert(tally, entry, f"money came, and nobody handles {kind} ({name})")
        case Loudness.REST if first:
            tally.warn(
                f"unclaimed {kind}",
                ": nobody handles %s (entry %s, %s); it is kept, further ones are "
                "only counted: register a handler, or one for all others",
                type(event).__name__,
                entry.id,
                clean_id(entry.merchant_key) or "-",
            )
        case Loudness.REST:
            pass


_COUNTED = "unclaimed: "


def _alert(tally: Tally, entry: StoredNotification, problem: str) -> None:
    tally.alert(
        Alert(
            kind=AlertKind.UNCLAIMED,
            merchant_key=entry.merchant_key,
            number=entry.id,
            problem=problem,
        )
    )
