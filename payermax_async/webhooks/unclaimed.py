"""How loud it is when no handler wants what came."""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from payermax_async.core.cleaning import clean_id
from payermax_async.core.models.notifications import LinkNotification
from payermax_async.webhooks.alerts import Alert, AlertKind, Tally
from payermax_async.webhooks.events import (
    LinkPaid,
    LinkPaidAgain,
    NotifiedEvent,
    PaymentSucceeded,
    UnknownEvent,
)
from payermax_async.webhooks.inbox.entries import StoredNotification

__all__ = ["Loudness", "Unclaimed", "loudness"]

_WITH_A_DEADLINE = frozenset(
    {"CHARGEBACK", "COMPLAINT", "CUSTOMER COMPLAINT", "DISPUTE", "FRAUD", "RFI"}
)
"""Types that a merchant must answer within days, by their names without underscores.

Unanswered, a dispute is lost and an account is closed."""
_MOST_TYPES = 50
_OTHER = "other types"
_COUNTED = "unclaimed: "


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
    if isinstance(event, LinkPaid | LinkPaidAgain | PaymentSucceeded):
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


class Unclaimed:
    """Says that no handler wants something, as loudly as it matters.

    Of money it says so only when the same was not handled under its other type, and
    gives that some time to come. Not for one worker's time alone: what it has not
    told by the time it is closed, it tells then.
    """

    def __init__(self, tally: Tally, patience: timedelta) -> None:
        self._tally = tally
        self._patience = patience
        self._money: list[tuple[datetime, StoredNotification, str]] = []

    def tell(
        self, event: NotifiedEvent, entry: StoredNotification, now: datetime
    ) -> None:
        """Count it, and say so, or wait for its other type first."""
        kind, first = self._counted(entry, event)
        match loudness(event):
            case Loudness.DEADLINE:
                problem = f"nobody handles {kind}, which must be answered in time"
                self._alert(entry, problem)
            case Loudness.MONEY:
                problem = f"money came, and nobody handles {kind}"
                self._money.append((now + self._patience, entry, problem))
            case Loudness.REST if first:
                self._tally.warn(
                    f"unclaimed {kind}",
                    ": nobody handles %s (entry %s, %s); it is kept, and further ones "
                    "are only counted: register a handler, or one for all others",
                    type(event).__name__,
                    entry.id,
                    clean_id(entry.merchant_key) or "-",
                )
            case Loudness.REST:
                pass

    async def tell_of_money(
        self,
        was_handled: Callable[[StoredNotification], Awaitable[bool]],
        now: datetime,
        *,
        early: bool = False,
    ) -> None:
        """Raise the alarm over money that nobody handled in the meantime.

        Args:
            was_handled: Whether it was, under whichever type. When it raises, that
                is asked again the next time, or taken for no when there is none.
            now: The time.
            early: There may be no next time.
        """
        due = [one for one in self._money if early or now >= one[0]]
        # Taken out first: two who ask at once must not both raise the alarm.
        self._money = [one for one in self._money if one not in due]
        while due:
            _, entry, problem = due[0]
            try:
                handled = await was_handled(entry)
            except Exception:
                if not early:
                    self._money += due
                    raise
                handled = False
            del due[0]
            if not handled:
                self._alert(entry, problem)

    def _counted(
        self, entry: StoredNotification, event: NotifiedEvent
    ) -> tuple[str, bool]:
        """What the type is called, and whether it is the first of it."""
        kind = clean_id(entry.notify_type, 32) or type(event).__name__
        counts = self._tally.counts
        known = [name for name in counts if name.startswith(_COUNTED)]
        if f"{_COUNTED}{kind}" not in known and len(known) >= _MOST_TYPES:
            # Types are PayerMax's to invent; counters live as long as the process.
            kind = _OTHER
        self._tally.count("unclaimed")
        self._tally.count(f"{_COUNTED}{kind}")
        return kind, f"{_COUNTED}{kind}" not in known

    def _alert(self, entry: StoredNotification, problem: str) -> None:
        self._tally.alert(
            Alert(
                kind=AlertKind.UNCLAIMED,
                merchant_key=entry.merchant_key,
                number=entry.id,
                problem=problem,
            )
        )
