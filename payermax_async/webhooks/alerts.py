"""What somebody should look at: told to a hook and to the log, and counted."""

from __future__ import annotations

import enum
import logging
from collections import Counter
from collections.abc import Callable, Mapping

import attrs

__all__ = ["Alert", "AlertHook", "AlertKind", "Tally"]

_LOG = logging.getLogger("payermax_async.webhooks")


class AlertKind(enum.StrEnum):
    """Why somebody should look."""

    MISMATCHED = "mismatched"
    """Paid with another amount or currency than the order's. Not fulfilled."""
    PARKED = "parked"
    """Genuine, but unusable; the raw bytes are in the inbox."""
    NOT_OURS = "not ours"
    """Genuine, but for another merchant or app: a wrong address, or a replay."""
    GAVE_UP = "gave up"
    """A handler failed as often as it may."""
    REFUNDED_FIRST = "refunded first"
    """A payment was given back before its success was known. Not fulfilled."""
    INBOX_FAILED = "inbox failed"
    """The inbox could not be used; PayerMax was asked to send again."""


@attrs.frozen(kw_only=True)
class Alert:
    """Something somebody should look at. Holds no body, key, card or person."""

    kind: AlertKind
    """Why."""
    merchant_key: str = ""
    """The id of the link, order or refund, where one is known."""
    number: int | None = None
    """The entry's number in the inbox, where there is one."""
    problem: str = ""
    """What is wrong."""


AlertHook = Callable[[Alert], None]
"""Gets every alert, at once and on the event loop: hand over, do not wait."""


class Tally:
    """Counts by reason, and passes alerts on."""

    def __init__(self, hook: AlertHook | None) -> None:
        self._hook = hook
        self._counts: Counter[str] = Counter()

    @property
    def counts(self) -> Mapping[str, int]:
        """How often each thing happened."""
        return dict(self._counts)

    def count(self, what: str, times: int = 1) -> None:
        """Something happened."""
        if times:
            self._counts[what] += times

    def alert(self, alert: Alert) -> None:
        """Somebody should look; what the hook raises reaches nobody else."""
        self.count(f"alert: {alert.kind}")
        _LOG.error(
            "notification %s: %s (entry %s, %s)",
            alert.kind,
            alert.problem or "-",
            alert.number or "-",
            alert.merchant_key or "-",
        )
        if self._hook is None:
            return
        try:
            self._hook(alert)
        except Exception as error:  # noqa: BLE001 - money first, alarms second
            self.failed("the alert hook", error)

    def failed(self, what: str, error: BaseException) -> None:
        """Tell the log that something raised."""
        # Its text may hold anything, so only its kind is told.
        _LOG.warning("%s failed: %s", what, type(error).__name__)
