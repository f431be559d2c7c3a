"""Who can see what became of a notification: the merchant's own inbox."""

from __future__ import annotations

from typing import Any

from payermax_async.acceptance.evidence import NoticeSeen
from payermax_async.acceptance.recorder import shown_of
from payermax_async.core.envelope import ACKNOWLEDGEMENT
from payermax_async.doctor.answers import ACKNOWLEDGED
from payermax_async.doctor.findings import Finding, fail, good, warn
from payermax_async.webhooks.inbox.entries import EntryState, StoredNotification
from payermax_async.webhooks.inbox.protocol import Inbox

__all__ = ["InboxWitness"]

_BAD = {
    EntryState.FAILED: "its handler failed as often as it may",
    EntryState.MISMATCHED: "its amount is not that of the order",
    EntryState.PARKED: "it could not be used",
}


class InboxWitness:
    """The merchant's own inbox: what is in it was verified and kept by their code.

    Args:
        inbox: Open.
    """

    def __init__(self, inbox: Inbox[Any]) -> None:
        self._inbox = inbox

    @property
    def name(self) -> str:
        """Who it is, and what that proves."""
        return (
            "the merchant's inbox: verified and kept by the merchant's own webhook, "
            "which acknowledges what it has kept"
        )

    async def saw(self, kind: str, number: str) -> tuple[NoticeSeen, Finding] | None:
        """The notification, once it is in the inbox."""
        entry = await self._entry(kind, number)
        # Kept is not dealt with: both go into the evidence.
        return None if entry is None else (_seen(entry, self.name), _judged(entry))

    async def repeat(self, kind: str, number: str) -> tuple[NoticeSeen, Finding] | None:
        """What became of it, if it came more than once."""
        entry = await self._entry(kind, number)
        # Counted by the inbox itself: an entry that came twice and stands once is the
        # proof.
        if entry is None or entry.deliveries < 2:
            return None
        told = good(
            ACKNOWLEDGED,
            f"It came {entry.deliveries} times and is one entry of the inbox.",
        )
        return _seen(entry, self.name), told

    async def _entry(self, kind: str, number: str) -> StoredNotification | None:
        found = await self._inbox.entries(merchant_key=number)
        return next((one for one in reversed(found) if one.notify_type == kind), None)


def _seen(entry: StoredNotification, witness: str) -> NoticeSeen:
    return NoticeSeen(
        at=entry.received_at,
        kind=entry.notify_type,
        number=entry.merchant_key,
        witness=witness,
        answer=ACKNOWLEDGEMENT.decode(),
        notice={} if entry.body is None else shown_of(entry.body),
    )


def _judged(entry: StoredNotification) -> Finding:
    why = _BAD.get(entry.state)
    if why is not None:
        return fail(
            ACKNOWLEDGED,
            f"It came and was kept, but {why}: {entry.problem or 'no reason is kept'}.",
            f"See 'payermax inbox show {entry.id}', mend the handler, and replay it.",
        )
    if entry.state is EntryState.UNCLAIMED:
        return fail(
            ACKNOWLEDGED,
            "It came and was kept, but no handler of yours wants it.",
            "Register a handler for LinkPaid (and RefundSucceeded, RefundFailed).",
        )
    # A handler was tried and failed: waiting longer will not end it.
    if entry.state is EntryState.WAITING and entry.problem:
        return fail(
            ACKNOWLEDGED,
            f"It came and was kept, and is not handled so far: {entry.problem}.",
            "Mend the handler, or register one for it; it is handed out again.",
        )
    if entry.state is EntryState.WAITING:
        return warn(ACKNOWLEDGED, "It was kept, and waits for its handler.")
    return good(ACKNOWLEDGED, f"It was verified, kept and handled ({entry.state}).")
