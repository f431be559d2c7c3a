"""What never arrived: ask PayerMax, and let it take effect once all the same."""

from __future__ import annotations

from payermax_async.reconcile.limits import ReconcilerLimits
from payermax_async.reconcile.reconciler import Reconciler
from payermax_async.reconcile.rounds import (
    AskAgain,
    Found,
    LinkState,
    OpenLink,
    OpenLinks,
    Round,
)
from payermax_async.reconcile.waiting import LinkOutcome, Polling, wait_until_paid

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
