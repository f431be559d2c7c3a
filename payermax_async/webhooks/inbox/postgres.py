"""An inbox in the PostgreSQL where the shop's own tables are.

Needs the extra ``postgres``: ``pip install 'payermax_async[postgres]'``.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from typing import TypeVar

from payermax_async.storage.postgres import PostgresConnection, PostgresDatabase
from payermax_async.storage.postgres_address import PostgresAddress
from payermax_async.storage.sql import Plan, Steps
from payermax_async.webhooks.inbox import leases, recovery, storing
from payermax_async.webhooks.inbox.entries import (
    Arrival,
    EntryState,
    InboxError,
    LeaseLostError,
    Stored,
    StoredNotification,
    Verdict,
)
from payermax_async.webhooks.inbox.schema import INBOX
from payermax_async.webhooks.inbox.sql_inbox import SqlInbox

__all__ = ["PostgresConnection", "PostgresInbox"]

T = TypeVar("T")


class PostgresInbox(SqlInbox[PostgresConnection]):
    """Keeps notifications in PostgreSQL, for any number of processes.

    Its tables stand in a schema of their own. The shop's tables may stand in any
    other one of the same database; a change to them and the inbox's row can then
    be one transaction, in either of two ways:

    - a handler registered with :meth:`Receiver.in_transaction` gets the connection
      on which the entry is marked as done when the handler returns;
    - code that receives notifications by itself hands its own connection to
      :meth:`store`.

    Connections that are dead, or whose server may not write any more, are replaced;
    a step that they failed is done once more on another one. Nothing that the
    merchant's code did is repeated by itself: a handler is run anew. A role that may
    only use the tables will do once another has opened the inbox.

    On Windows psycopg needs a selector event loop; its documentation says how.

    Example:
        >>> inbox = PostgresInbox("postgresql://shop@db.internal/shop")
        >>> async with inbox, Receiver(verifier, inbox) as receiver: ...
    """

    def __init__(
        self,
        address: str,
        *,
        schema: str = "payermax",
        connections: int = 4,
        handler_connections: int = 4,
        timeout: float = 10.0,
    ) -> None:
        """Keep the settings; nothing is opened yet.

        Args:
            address: Of the database, in any form that libpq reads.
            schema: Where the tables stand; created when it is missing.
            connections: How many connections are held at the most to store and
                hand out; they are made when needed.
            handler_connections: The same for handlers that share a transaction.
                They are apart so that slow handlers never keep a notification
                from being stored.
            timeout: Seconds for a call, unless its caller has a limit of its own, as
                a receiver has.

        Raises:
            ConfigurationError: psycopg is not installed, the address cannot be read
                (it is not repeated), the schema is no plain name, or there is less
                than one connection of a kind.
        """
        found = PostgresAddress.read(address, application=INBOX.name)
        # Whoever prints the variables of this frame finds no password in them.
        del address
        self._connections = PostgresDatabase(
            found,
            INBOX,
            schema=schema,
            connections=connections,
            handler_connections=handler_connections,
            timeout=timeout,
        )

    @property
    def is_open(self) -> bool:
        """Whether it can be used."""
        return self._connections.is_open

    async def open(self) -> None:
        """Connect, and create or check the schema and its tables.

        Raises:
            InboxError: It is open already.
            StorageError: The database cannot be reached or used, or a later or an
                unreleased version made the tables.
        """
        if self.is_open:
            raise InboxError("the inbox is open already")
        await self._connections.open()

    async def aclose(self) -> None:
        """Close every connection; a second call does nothing."""
        await self._connections.aclose()

    async def store(
        self,
        arrival: Arrival,
        *,
        connection: PostgresConnection | None = None,
        handled: bool = False,
    ) -> Stored:
        """Keep an arrival durably; what is known already is only counted.

        Args:
            arrival: What came.
            connection: Your own, to this database. The arrival is then part of the
                transaction it is in, and durable when you commit.
            handled: You act on what is ``fresh`` in the same transaction, so no
                handler is to get it.

        Example:
            >>> async with connection.transaction():
            ...     stored = await inbox.store(
            ...         arrival, connection=connection, handled=True
            ...     )
            ...     for event in stored.fresh:
            ...         await connection.execute("UPDATE orders ...")
        """
        if connection is None:
            return await self._run(
                lambda: storing.store(arrival, handled=handled),
                again=lambda: recovery.store(arrival, handled=handled),
            )
        self._check_open()
        # Once: the commit is the merchant's, and so is what to do when it fails.
        return await self._connections.drive(
            connection, storing.store(arrival, handled=handled)
        )

    def work(
        self, entry: StoredNotification, now: datetime
    ) -> AbstractAsyncContextManager[PostgresConnection]:
        """A transaction at whose end a claimed entry is done."""
        return self._work(entry, now)

    @asynccontextmanager
    async def _work(
        self, entry: StoredNotification, now: datetime
    ) -> AsyncGenerator[PostgresConnection]:
        self._check_open()

        def last() -> Steps[None]:
            # At the end, so that no row of the inbox is locked while the handler runs.
            done = Verdict(state=EntryState.DONE)
            if not (yield from leases.finish(entry, done, now)):
                raise LeaseLostError("another worker may have begun the same entry")

        async with self._connections.transaction(
            last, settled=lambda: recovery.is_done(entry, now)
        ) as connection:
            yield connection

    async def _run(self, plan: Plan[T], *, again: Plan[T] | None = None) -> T:
        self._check_open()
        return await self._connections.run(plan, again=again)

    def _check_open(self) -> None:
        if not self.is_open:
            raise InboxError("the inbox is not open: use it within 'async with inbox:'")
