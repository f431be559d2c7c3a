"""One request to a real receiver, and what must be seen of it afterwards."""

from __future__ import annotations

from payermax_async.core.errors import WebhookError, WebhookReason
from payermax_async.webhooks import (
    ACKNOWLEDGEMENT,
    Alert,
    AlertKind,
    HeaderSource,
    MemoryInbox,
    NotificationVerifier,
    Receiver,
    ReceiverLimits,
)
from tests.webhooks import kit

REFUSAL_HEADERS = {"Content-Type": "application/json"}


async def check_reception(
    verifier: NotificationVerifier,
    headers: HeaderSource,
    body: bytes,
    refused: WebhookReason | None,
) -> None:
    """Hand a request in twice: it is stored once, parked once, or leaves no trace."""
    alerts: list[Alert] = []
    inbox = MemoryInbox()
    receiver = Receiver(
        verifier,
        inbox,
        on_alert=alerts.append,
        clock=kit.CLOCK,
        limits=ReceiverLimits(workers=0),
    )
    async with receiver:
        replies = [await receiver.handle(headers, body) for _ in range(2)]
        entries = await inbox.entries()
    assert replies[0] == replies[1], "the second delivery looks like the first"
    (reply, _) = replies
    assert dict(reply.headers) == REFUSAL_HEADERS
    if refused is None:
        assert (reply.status, reply.body) == (200, ACKNOWLEDGEMENT)
        assert receiver.counts["stored"] == len(entries) > 0
        assert receiver.counts["duplicate"] == len(entries)
        assert {(entry.body, entry.deliveries) for entry in entries} == {(body, 2)}
        assert not alerts
        return
    assert (reply.status, reply.body) == (kit.STATUS[refused], WebhookError.body)
    assert receiver.counts[refused.value] == 2
    assert "stored" not in receiver.counts
    kinds = [alert.kind for alert in alerts]
    if reply.status == 500:
        (entry,) = entries
        assert (entry.state, entry.body, entry.deliveries) == ("parked", body, 2)
        assert kinds == [AlertKind.PARKED]
        assert alerts[0].number == entry.id
    else:
        assert not entries
        assert kinds == [AlertKind.NOT_OURS] * (2 * (reply.status == 403))
    assert kit.CANARY not in repr(alerts)
