"""An inbox in the PostgreSQL where the shop's own tables are.

Needs the extra ``postgres``: ``pip install 'payermax_async[postgres]'``.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from importlib.util import find_spec
from typing import TYPE_CHECKING, TypeAlias, TypeVar, cast

from payermax_async.core.errors import ConfigurationError
from payermax_async.webhooks.entries import (
    Arrival,
    EntryState,
    InboxError,
    LeaseLostError,
    Stored,
    StoredNotification,
    Verdict,
)
from payermax_async.webhooks.sql import handling, keeping
from payermax_async.webhooks.sql.base import SqlInbox
from payermax_async.webhooks.sql.schema import Dialect, create
from payermax_async.webhooks.sql.vocabulary import Query, Row, Steps

if TYPE_CHECKING:
    from psycopg import AsyncConnection
    from psycopg.rows import TupleRow

__all__ = ["PostgresConnection", "PostgresInbox"]

T = TypeVar("T")
PostgresConnection: TypeAlias = "AsyncConnection[TupleRow]"
"""What a handler gets that shares the inbox's transaction."""

_SCHEMA = re.compile(r"[a-z_][a-z0-9_]{0,62}")
# Any number will do, as long as all processes take the same.
_CREATING = 7_269_377_413


class PostgresInbox(SqlInbox[PostgresConnection]):
    """Keeps notifications in PostgreSQL, for any number of processes.

    Its tables stand in a schema of their own. The shop's tables may stand in any
    other one of the same database; a change to them and the inbox's row can then
    be one transaction, in either of two ways:

    - a handler registered with :meth:`Receiver.in_transaction` gets the connection
      on which the entry is marked as done when the handler returns;
    - code that receives notifications by itself hands its own connection to
      :meth:`store`.

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

        Raises:
            ConfigurationError: psycopg is not installed, the schema is no plain
                lower-case name, or there is less than one connection of a kind.
        """
        if find_spec("psycopg") is None:
            raise ConfigurationError(
                "PostgresInbox needs psycopg: pip install 'payermax_async[postgres]'"
            )
        if not _SCHEMA.fullmatch(schema):
            raise ConfigurationError(
                "schema is a name of lower-case letters, digits and underscores"
            )
        if connections < 1 or handler_connections < 1:
            raise ConfigurationError("PostgresInbox needs at least 1 of each kind")
        self._schema = schema
        self._connections = _Connections(address, connections)
        self._for_handlers = _Connections(address, handler_connections)
        self._open = False
        self._dialect = _dialect(schema)

    @property
    def is_open(self) -> bool:
        """Whether it can be used."""
        return self._open

    async def open(self) -> None:
        """Connect, and create or check the schema and its tables.

        Raises:
            InboxError: It is open already, or a later version made the tables.
            psycopg.Error: The database cannot be reached or used.
        """
        if self._open:
            raise InboxError("the inbox is open already")
        from psycopg import sql

        try:
            async with self._connections.take() as connection, connection.transaction():
                # CREATE IF NOT EXISTS fails when two do it at the same moment.
                await connection.execute(
                    "SELECT pg_advisory_xact_lock(%s)", (_CREATING,)
                )
                await connection.execute(
                    sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(
                        sql.Identifier(self._schema)
                    )
                )
                await self._drive(connection, create())
        except BaseException:
            await self._connections.aclose()
            raise
        self._open = True

    async def aclose(self) -> None:
        """Close every connection; a second call does nothing."""
        self._open = False
        await self._connections.aclose()
        await self._for_handlers.aclose()

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
        steps = keeping.store(arrival, handled=handled)
        if connection is None:
            return await self._run(steps)
        return await self._drive(connection, steps)

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
        done = Verdict(state=EntryState.DONE)
        async with self._for_handlers.take() as connection, connection.transaction():
            yield connection
            # Last, so that no row of the inbox stays locked while a handler runs.
            if not await self._drive(connection, handling.finish(entry, done, now)):
                raise LeaseLostError("another worker may have begun the same entry")

    async def _run(self, steps: Steps[T]) -> T:
        self._check_open()
        async with self._connections.take() as connection, connection.transaction():
            return await self._drive(connection, steps)

    async def _drive(self, connection: PostgresConnection, steps: Steps[T]) -> T:
        async with connection.cursor() as cursor:

            async def rows(query: Query) -> list[Row]:
                text = self._dialect.write(query.text)
                # The text is made of constants and a checked name; psycopg's type
                # for it admits literals only.
                await cursor.execute(text.encode(), query.parameters)
                return await cursor.fetchall() if cursor.description else []

            try:
                query = next(steps)
                while True:
                    query = steps.send(await rows(query))
            except StopIteration as ended:
                return cast("T", ended.value)

    def _check_open(self) -> None:
        if not self._open:
            raise InboxError("the inbox is not open: use it within 'async with inbox:'")


def _dialect(name: str) -> Dialect:
    return Dialect(
        table=f"{name}.",
        prefix="",
        number="BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
        bytes="BYTEA",
        lock="FOR UPDATE OF i, s SKIP LOCKED",
        parameter=r"%(\1)s",
    )


class _Connections:
    """A few connections, made when needed and given back in good order only."""

    def __init__(self, address: str, limit: int) -> None:
        self._address = address
        self._slots = asyncio.Semaphore(limit)
        self._idle: list[PostgresConnection] = []

    @asynccontextmanager
    async def take(self) -> AsyncGenerator[PostgresConnection]:
        """One connection for one transaction."""
        async with self._slots:
            connection = self._idle.pop() if self._idle else await self._connect()
            try:
                yield connection
            finally:
                if connection.info.transaction_status.name == "IDLE":
                    self._idle.append(connection)
                else:
                    # The server is gone, or this was cancelled half-way; what else
                    # lies idle may be dead as well.
                    await connection.close()
                    await self.aclose()

    async def aclose(self) -> None:
        """Close what lies idle."""
        while self._idle:
            await self._idle.pop().close()

    async def _connect(self) -> PostgresConnection:
        # Here and not above: the package must be importable without the extra.
        from psycopg import AsyncConnection

        return await AsyncConnection.connect(
            self._address, autocommit=True, application_name="payermax_async inbox"
        )
