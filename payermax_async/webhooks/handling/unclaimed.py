"""How loud it is when no handler wants what came."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import attrs

from payermax_async.core.cleaning import clean_id
from payermax_async.core.notice_rows import Loudness
from payermax_async.core.notices import loudness_of
from payermax_async.webhooks.events.base import NotifiedEvent
from payermax_async.webhooks.inbox.entries import (
    EntryState,
    StoredNotification,
    Verdict,
)
from payermax_async.webhooks.telling.alerts import Alert, AlertKind, Tally

__all__ = ["Unclaimed"]

_MOST_TYPES = 50
_OTHER = "other types"
_COUNTED = "unclaimed: "
_WAITS = "no handler: waits for the same payment under its other type"


class Unclaimed:
    """Says that no handler wants something, as loudly as it matters.

    Of money it says so only when the same was not handled under its other type, and
    gives that some time to come. Until then its entry waits in the inbox, where it
    outlives the process. What was not told by the time it is closed, it tells then.
    """

    def __init__(
        self,
        tally: Tally,
        patience: timedelta,
        was_handled: Callable[[StoredNotification], Awaitable[bool]],
    ) -> None:
        """Keep the settings.

        Args:
            tally: Counts, and passes on what is told.
            patience: How long the other type is waited for.
            was_handled: Whether a payment was handled, under whichever type.
        """
        self._tally = tally
        self._patience = patience
        self._was_handled = was_handled
        self._untold: dict[int, tuple[StoredNotification, str]] = {}
        self._told_early: set[int] = set()

    async def end(
        self, event: NotifiedEvent, entry: StoredNotification, now: datetime
    ) -> Verdict:
        """Count it, and say so; of money only when it is time to."""
        ended = Verdict(state=EntryState.UNCLAIMED, untouched=True)
        waited = entry.problem == _WAITS
        kind, first = self._counted(entry, event, 0 if waited else 1)
        match loudness_of(event.notification):
            case Loudness.DEADLINE:
                problem = f"nobody handles {kind}, which must be answered in time"
                until = clean_id(event.deadline)
                self._alert(entry, f"{problem}: until {until}" if until else problem)
            case Loudness.MONEY:
                self._alert(entry, f"money moved, and nobody handles {kind}")
            case Loudness.PAYMENT:
                problem = f"money came, and nobody handles {kind}"
                if await self._was_handled(entry):
                    self._untold.pop(entry.id, None)
                elif not waited and self._patience > timedelta(0):
                    self._untold[entry.id] = entry, problem
                    due = now + self._patience
                    return attrs.evolve(
                        ended, state=EntryState.WAITING, problem=_WAITS, due_at=due
                    )
                # Told when somebody waited for all to be settled: not a second time.
                elif entry.id not in self._told_early:
                    self._alert(entry, problem)
                    self._untold.pop(entry.id, None)
                self._told_early.discard(entry.id)
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
        return ended

    async def tell_early(self) -> None:
        """Raise the alarm over money that nobody handled by now.

        There may be no next time; where there is one, that tells it once more. When
        the inbox does not say whether it was handled, it was not.
        """
        while self._untold:
            number, (entry, problem) = self._untold.popitem()
            try:
                handled = await self._was_handled(entry)
            except Exception:  # noqa: BLE001 - told for nothing rather than never
                handled = False
            if not handled:
                self._told_early.add(number)
                self._alert(entry, problem)

    def _counted(
        self, entry: StoredNotification, event: NotifiedEvent, times: int
    ) -> tuple[str, bool]:
        """What the type is called, and whether it is the first of it."""
        kind = clean_id(entry.notify_type, 32) or type(event).__name__
        counts = self._tally.counts
        known = [name for name in counts if name.startswith(_COUNTED)]
        if f"{_COUNTED}{kind}" not in known and len(known) >= _MOST_TYPES:
            # Types are PayerMax's to invent; counters live as long as the process.
            kind = _OTHER
        self._tally.count("unclaimed", times)
        self._tally.count(f"{_COUNTED}{kind}", times)
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
