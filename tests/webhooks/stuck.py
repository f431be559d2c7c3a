"""Parts of a merchant's that never come back, politely or not."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

from payermax_async.storage.lease_clock import LeaseClock
from payermax_async.webhooks import Expected, MemoryInbox
from payermax_async.webhooks.inbox.entries import (
    Arrival,
    ParkedBody,
    Stored,
    StoredNotification,
    Verdict,
)


class Stuck:
    """Never comes back; a stubborn one does not heed its cancellation either."""

    def __init__(self, *, stubborn: bool = False) -> None:
        self._stubborn = stubborn
        self._free = asyncio.Event()
        self.reached = 0

    async def wait(self) -> None:
        self.reached += 1
        while not self._free.is_set():
            try:
                await self._free.wait()
            except asyncio.CancelledError:
                if not self._stubborn:
                    raise

    @contextlib.contextmanager
    def until_the_end(self) -> Generator[None]:
        """Lets everything go, so that no task outlives its test."""
        try:
            yield
        finally:
            self._free.set()


class StuckInbox(MemoryInbox):
    """Never answers to the methods named."""

    def __init__(
        self, stuck: Stuck, *names: str, lease_clock: LeaseClock | None = None
    ) -> None:
        super().__init__(lease_clock=lease_clock)
        self._stuck = stuck
        self.names = set(names)

    async def _may_stick(self, name: str) -> None:
        if name in self.names:
            await self._stuck.wait()

    async def open(self) -> None:
        await self._may_stick("open")
        await super().open()

    async def aclose(self) -> None:
        await self._may_stick("aclose")
        await super().aclose()

    async def store(self, arrival: Arrival) -> Stored:
        await self._may_stick("store")
        return await super().store(arrival)

    async def park(self, arrival: ParkedBody) -> int | None:
        await self._may_stick("park")
        return await super().park(arrival)

    async def claim(self, **asked: Any) -> tuple[StoredNotification, ...]:
        await self._may_stick("claim")
        return await super().claim(**asked)

    async def renew(self, entry: StoredNotification, lease: timedelta) -> bool:
        await self._may_stick("renew")
        return await super().renew(entry, lease)

    async def finish(
        self, entry: StoredNotification, verdict: Verdict, now: datetime
    ) -> bool:
        await self._may_stick("finish")
        return await super().finish(entry, verdict, now)

    async def next_due(self, tenant: str, now: datetime) -> datetime | None:
        await self._may_stick("next_due")
        return await super().next_due(tenant, now)

    async def scrub(self, before: datetime, now: datetime) -> int:
        await self._may_stick("scrub")
        return await super().scrub(before, now)

    async def entry(self, number: int) -> StoredNotification | None:
        await self._may_stick("entry")
        return await super().entry(number)

    async def replay(self, number: int, now: datetime, *, force: bool = False) -> bool:
        await self._may_stick("replay")
        return await super().replay(number, now, force=force)

    async def expect(
        self, merchant_key: str, expected: Expected, *, tenant: str = ""
    ) -> None:
        await self._may_stick("expect")
        await super().expect(merchant_key, expected, tenant=tenant)

    async def expected(self, merchant_key: str, *, tenant: str = "") -> Expected | None:
        await self._may_stick("expected")
        return await super().expected(merchant_key, tenant=tenant)

    def work(
        self, entry: StoredNotification, now: datetime
    ) -> AbstractAsyncContextManager[None]:
        return self._stuck_work(entry, now)

    @asynccontextmanager
    async def _stuck_work(
        self, entry: StoredNotification, now: datetime
    ) -> AsyncGenerator[None]:
        await self._may_stick("begin")
        async with super().work(entry, now):
            yield
            await self._may_stick("commit")


def counted(counts: Mapping[str, int], *names: str) -> int:
    return sum(counts.get(name, 0) for name in names)
