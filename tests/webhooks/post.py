"""A receiver on a virtual clock, and PayerMax in one line."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from payermax_async.core.strict_json import JsonObject, JsonValue, write_json
from payermax_async.sandbox.clock import VirtualClock
from payermax_async.signing import Verifier
from payermax_async.webhooks import (
    Alert,
    AlertHook,
    ExpectedLookup,
    FailureHook,
    HandlerBackoff,
    Inbox,
    MemoryInbox,
    NotificationVerifier,
    NotifiedEvent,
    Receiver,
    ReceiverLimits,
)
from payermax_async.webhooks.samples import (
    APP_ID,
    MERCHANT_NO,
    build_notification,
)
from tests.webhooks import kit

HOUR = 3600.0
BACKOFF = HandlerBackoff(max_attempts=3, base=10, draw=lambda low, high: high)


class Post:
    """One endpoint, what is posted to it, and what came of that."""

    def __init__(
        self,
        *,
        inbox: Inbox[Any] | None = None,
        clock: VirtualClock | None = None,
        verifier: Verifier | None = None,
        expect: ExpectedLookup | None = None,
        must_expect: bool = False,
        limits: ReceiverLimits | None = None,
        tenant: str = "",
        on_alert: AlertHook | None = None,
        on_failure: FailureHook | None = None,
    ) -> None:
        self.clock = clock or VirtualClock(kit.NOW)
        self.inbox = inbox or MemoryInbox()
        self.alerts: list[Alert] = []
        self.seen: list[str] = []
        self.receiver: Receiver[Any] = Receiver(
            NotificationVerifier(
                verifier or kit.TrustingVerifier(),
                merchant_no=MERCHANT_NO,
                app_id=APP_ID,
                max_age=None,
                clock=self.clock,
            ),
            self.inbox,
            expect=expect,
            must_expect=must_expect,
            on_alert=on_alert or self.alerts.append,
            on_failure=on_failure,
            clock=self.clock,
            backoff=BACKOFF,
            limits=limits or ReceiverLimits(poll=HOUR),
            tenant=tenant,
        )

    async def note(self, event: NotifiedEvent) -> None:
        """A handler that remembers what it got."""
        self.seen.append(f"{type(event).__name__} {event.merchant_key}")

    async def raw(self, body: bytes) -> int:
        """Post these bytes; the status of the answer."""
        reply = await self.receiver.handle({"sign": kit.RIGHT_SHAPE}, body)
        return reply.status

    async def deliver(
        self, kind: str | JsonObject = "PAYBYLINK", **fields: JsonValue
    ) -> int:
        """Post a notification of this kind and let its handler run."""
        if isinstance(kind, str):
            kind = build_notification(kind, quirks=(), clock=self.clock, **fields)
        status = await self.raw(write_json(kind))
        await self.receiver.settled()
        return status

    async def link(self, order: str = "o-1", status: str = "SUCCESS") -> int:
        return await self.deliver(
            merchant_link_id=order, out_trade_no=f"T-{order}", status=status
        )

    async def advance(self, seconds: float) -> None:
        await self.clock.advance(seconds)
        await self.receiver.settled()

    async def states(self) -> list[str]:
        return [entry.state.value for entry in await self.inbox.entries()]


@asynccontextmanager
async def running(post: Post) -> AsyncGenerator[Post]:
    async with post.receiver:
        yield post


def failing(
    post: Post, *, times: int, error: Exception
) -> Callable[[NotifiedEvent], Awaitable[None]]:
    """A handler that fails so many times before it notes the event."""
    left = times

    async def handler(event: NotifiedEvent) -> None:
        nonlocal left
        if left:
            left -= 1
            raise error
        await post.note(event)

    return handler
