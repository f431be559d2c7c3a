"""The inbox of the package over a disk of the world."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from typing import TypeVar

from payermax_async.storage.sql import Plan
from payermax_async.webhooks.inbox import leases
from payermax_async.webhooks.inbox.entries import (
    EntryState,
    InboxError,
    LeaseLostError,
    StoredNotification,
    Verdict,
)
from payermax_async.webhooks.inbox.sql_inbox import SqlInbox
from tests.world.disk import Disk, Effect

__all__ = ["Changes", "DiskInbox"]

T = TypeVar("T")


class Changes:
    """What a handler wants committed with the mark that it is done."""

    def __init__(self) -> None:
        self.effects: list[Effect] = []


class DiskInbox(SqlInbox[Changes]):
    """A process's way to the disk."""

    def __init__(self, disk: Disk, place: str) -> None:
        self._disk = disk
        self._place = place
        self._is_open = False

    @property
    def is_open(self) -> bool:
        return self._is_open

    async def open(self) -> None:
        await asyncio.sleep(0.001)
        self._is_open = True

    async def aclose(self) -> None:
        self._is_open = False

    def work(
        self, entry: StoredNotification, now: datetime
    ) -> AbstractAsyncContextManager[Changes]:
        return self._work(entry, now)

    @asynccontextmanager
    async def _work(
        self, entry: StoredNotification, now: datetime
    ) -> AsyncGenerator[Changes]:
        changes = Changes()
        yield changes
        done = Verdict(state=EntryState.DONE)
        finish = self._disk.steps_of(lambda: leases.finish(entry, done, now))

        def commit() -> None:
            if not finish():
                raise LeaseLostError("another worker may have begun the same entry")
            for effect in changes.effects:
                self._disk.take_effect(effect)

        await self._disk.transact("work", self._place, commit)

    async def _run(self, plan: Plan[T], *, again: Plan[T] | None = None) -> T:
        if not self._is_open:
            raise InboxError("the inbox is not open")
        return await self._disk.run(self._place, plan, again=again)
