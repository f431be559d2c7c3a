"""An inbox that is gone with the process: for tests and first steps."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from typing import TypeVar

from payermax_async.storage.lease_clock import (
    LeaseClock,
    install,
    system_lease_clock,
)
from payermax_async.storage.migrations import migrate
from payermax_async.storage.sql import Plan
from payermax_async.storage.sqlite_dialect import drive
from payermax_async.webhooks.inbox.entries import (
    EntryState,
    InboxError,
    LeaseLostError,
    StoredNotification,
    Verdict,
)
from payermax_async.webhooks.inbox.schema import INBOX
from payermax_async.webhooks.inbox.sql_inbox import SqlInbox

__all__ = ["MemoryInbox"]

T = TypeVar("T")


class MemoryInbox(SqlInbox[None]):
    """Keeps notifications in memory, by the same rules as the other inboxes.

    What it was given is lost when the process ends, although PayerMax was told
    that it was kept. So use it for tests, not for money.
    """

    def __init__(self, *, lease_clock: LeaseClock | None = None) -> None:
        """Keep the settings; nothing is opened yet.

        Args:
            lease_clock: What leases go by, for tests that turn time by hand.
        """
        self._lease_clock = lease_clock or system_lease_clock()
        self._connection: sqlite3.Connection | None = None

    @property
    def is_open(self) -> bool:
        """Whether it can be used."""
        return self._connection is not None

    async def open(self) -> None:
        """Begin empty.

        Raises:
            InboxError: It is open already.
        """
        if self._connection is not None:
            raise InboxError("the inbox is open already")
        # Without a thread: nothing in memory is worth waiting for.
        self._connection = sqlite3.connect(":memory:", isolation_level=None)
        install(self._connection, self._lease_clock)
        await self._run(lambda: migrate(INBOX))

    async def aclose(self) -> None:
        """Forget everything; a second call does nothing."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def work(
        self, entry: StoredNotification, now: datetime
    ) -> AbstractAsyncContextManager[None]:
        """Mark the entry as done at the end; there is no connection to share."""
        return self._work(entry, now)

    @asynccontextmanager
    async def _work(
        self, entry: StoredNotification, now: datetime
    ) -> AsyncGenerator[None]:
        yield
        if not await self.finish(entry, Verdict(state=EntryState.DONE), now):
            raise LeaseLostError("another worker may have begun the same entry")

    async def _run(self, plan: Plan[T], *, again: Plan[T] | None = None) -> T:  # noqa: ARG002 - nothing is lost on the way to memory
        if self._connection is None:
            raise InboxError("the inbox is not open: use it within 'async with inbox:'")
        self._connection.execute("BEGIN")
        try:
            result = drive(self._connection, plan())
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")
        return result
