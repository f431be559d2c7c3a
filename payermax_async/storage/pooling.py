"""Connections to a PostgreSQL that nobody waits for without end.

The only module that needs psycopg when it is imported.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Self

import psycopg
from psycopg import AsyncConnection
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from payermax_async.storage.errors import StorageError
from payermax_async.storage.postgres_address import PostgresAddress

__all__ = ["Bounded", "Pool", "is_lost", "sever"]

_CHECK = 1.0
"""Seconds in which a connection that was idle has to answer."""
_CANCEL = 1.0
"""Seconds for the server to hear that a merchant's statement is not wanted any more."""
_CLOSE = 2.0
_LIFETIME = 30 * 60.0
"""Seconds: a server that took over behind the same name is found by then."""
_RECONNECT = 4.0
"""Seconds of trying in the background; the next request begins anew."""
_READ_ONLY = "25006"
_LOST = ("08", "57P")
"""Classes of SQLSTATE after which the connection is of no more use."""


def is_lost(error: BaseException) -> bool:
    """Whether another connection may do what this one could not."""
    if not isinstance(error, psycopg.Error):
        return False
    if error.sqlstate is None:
        return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
    return error.sqlstate == _READ_ONLY or error.sqlstate.startswith(_LOST)


def sever(connection: AsyncConnection[Any]) -> None:
    """End every wait on a connection at once; it is of no use afterwards."""
    try:
        number = os.dup(connection.fileno())
    except (psycopg.Error, OSError):
        return  # it is closed
    with socket.socket(fileno=number) as own, contextlib.suppress(OSError):
        own.shutdown(socket.SHUT_RDWR)


class Bounded(AsyncConnection[TupleRow]):
    """A connection on which cancelling does not begin another wait."""

    asks_the_server: bool = False
    """Whether the server is asked to stop what was cancelled, for a moment."""
    given_up: bool = False
    """Whether it was closed on purpose, by whoever had it from the pool."""

    async def give_up(self) -> None:
        """Close it, without a wait for the server."""
        self.given_up = True
        sever(self)
        await self.close()

    async def cancel_safe(self, *, timeout: float = 30.0) -> None:  # noqa: ARG002
        """Cancel what runs, and give the connection up.

        psycopg calls it when a statement is cancelled, and then waits for the end of
        the statement: five seconds each, on a server that may be gone.
        """
        try:
            if self.asks_the_server:
                await super().cancel_safe(timeout=_CANCEL)
        finally:
            sever(self)


class _NotOfOurs(logging.Filter):
    """Drops the pool's warning about what was given up: the error was told already.

    One failover would be a warning for each connection, in words that name none of
    what was to be done. Connections that broke by themselves are warned of as ever.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        arguments = record.args if isinstance(record.args, tuple) else ()
        return not any(isinstance(one, Bounded) and one.given_up for one in arguments)


logging.getLogger("psycopg.pool").addFilter(_NotOfOurs())


class Pool:
    """A few connections to one server, made when they are needed.

    Made where it is used: what it holds belongs to the running loop.
    """

    def __init__(
        self,
        address: PostgresAddress,
        *,
        name: str,
        size: int,
        asks_the_server: bool = False,
    ) -> None:
        self._address = address
        self.asks_the_server = asks_the_server
        self._problem = ""
        self._pool = AsyncConnectionPool[Bounded](
            address.conninfo,
            connection_class=self._connection_class(),
            min_size=0,
            max_size=size,
            open=False,
            name=f"payermax_async {name}",
            check=self._check,
            max_lifetime=_LIFETIME,
            reconnect_timeout=_RECONNECT,
            # PgBouncer gives each transaction whatever connection is free.
            kwargs={"autocommit": True, "prepare_threshold": None},
        )

    def _connection_class(self) -> type[Bounded]:
        pool = self

        class BoundedConnection(Bounded):
            asks_the_server = pool.asks_the_server

            @classmethod
            async def connect(cls, conninfo: str = "", **kwargs: Any) -> Self:
                # Looking a name up, and more, is under no limit of libpq's.
                try:
                    async with asyncio.timeout(pool.connecting):
                        made = await super().connect(conninfo, **kwargs)
                except (psycopg.Error, OSError) as error:
                    problem = pool.note(error)
                else:
                    pool.note(None)
                    return made
                del conninfo, kwargs
                raise StorageError(problem)

        return BoundedConnection

    @property
    def connecting(self) -> float:
        """Seconds after which no connection will come."""
        return self._address.connecting

    def note(self, error: Exception | None) -> str:
        """Remember why there is no connection; ``None`` when there is one."""
        self._problem = "" if error is None else self._words(error)
        return self._problem

    def _words(self, error: Exception) -> str:
        if isinstance(error, TimeoutError):
            return f"no connection within {self.connecting:g} seconds"
        return self._address.told(str(error)) or type(error).__name__

    async def open(self) -> None:
        """Be ready to connect; nothing is connected yet."""
        await self._pool.open()

    async def aclose(self) -> None:
        """Close every connection."""
        await self._pool.close(timeout=_CLOSE)

    async def connect(self) -> Bounded:
        """A connection that the pool does not know, to see whether there is one.

        Raises:
            StorageError: There is none, and why.
        """
        return await self._pool.connection_class.connect(
            self._address.conninfo, autocommit=True, prepare_threshold=None
        )

    @asynccontextmanager
    async def take(self, seconds: float) -> AsyncGenerator[Bounded]:
        """A connection that answers; one that is not at rest afterwards is closed.

        Raises:
            StorageError: There was none in time.
        """
        connection = await self._get(seconds)
        try:
            yield connection
        finally:
            at_rest = connection.info.transaction_status == TransactionStatus.IDLE
            if not at_rest and not connection.closed:
                await connection.give_up()
            await self._pool.putconn(connection)

    async def _get(self, seconds: float) -> Bounded:
        try:
            async with asyncio.timeout(seconds):
                return await self._pool.getconn(timeout=seconds)
        except (PoolTimeout, TimeoutError):
            problem = self._problem or "all are in use"
        raise StorageError(
            f"no connection to PostgreSQL within {seconds:.3g} seconds: {problem}"
        )

    async def retire(self, connection: Bounded) -> None:
        """Close a connection, and all that lie idle: they are as old as it is."""
        await connection.give_up()
        await self._pool.drain()

    async def _check(self, connection: Bounded) -> None:
        try:
            async with asyncio.timeout(_CHECK):
                await connection.execute("")
        except (psycopg.Error, TimeoutError):
            await self.retire(connection)
            raise
