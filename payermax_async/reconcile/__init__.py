"""What never arrived: ask PayerMax, and let it take effect once all the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from payermax_async._lazy import homes_of, lazy_names

if TYPE_CHECKING:
    from payermax_async.reconcile.limits import ReconcilerLimits
    from payermax_async.reconcile.polling import Polling
    from payermax_async.reconcile.reconciler import Reconciler
    from payermax_async.reconcile.rounds import (
        AskAgain,
        Found,
        LinkState,
        OpenLink,
        OpenLinks,
        Round,
    )
    from payermax_async.reconcile.waiting import LinkOutcome, wait_until_paid

__all__ = [
    "AskAgain",
    "Found",
    "LinkOutcome",
    "LinkState",
    "OpenLink",
    "OpenLinks",
    "Polling",
    "Reconciler",
    "ReconcilerLimits",
    "Round",
    "wait_until_paid",
]

_HOMES = homes_of(
    __all__,
    {
        "reconcile.limits": "ReconcilerLimits",
        "reconcile.polling": "Polling",
        "reconcile.reconciler": "Reconciler",
        "reconcile.rounds": "AskAgain Found LinkState OpenLink OpenLinks Round",
        "reconcile.waiting": "LinkOutcome wait_until_paid",
    },
)
"""The module that each name lives in, below ``payermax_async``."""

__getattr__: Callable[[str], object]
__dir__: Callable[[], list[str]]
__getattr__, __dir__ = lazy_names(__name__, _HOMES)
