"""Runs steps on pooled connections: in time, and once more where that is safe."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import psycopg
from psycopg import IsolationLevel

from payermax_async.storage.deadlines import left
from payermax_async.storage.errors import StorageError
from payermax_async.storage.migrations import (
    Component,
    Standing,
    checked,
    migrate,
    pending,
    standing,
)
from payermax_async.storage.pooling import Bounded, Pool, is_lost
from payermax_async.storage.postgres_address import PostgresAddress
from payermax_async.storage.postgres_dialect import (
    PostgresConnection,
    before_migrating,
)
from payermax_async.storage.postgres_transactions import (
    UnknownEndError,
    drive,
    shared,
    transact,
)
from payermax_async.storage.postgres_words import words_of
from payermax_async.storage.sql import Dialect, Plan, Steps

__all__ = ["Runner"]

T = TypeVar("T")

_OPENING = 30.0  # seconds: another process may be at the tables
_CONFLICT = "40"


class Runner:
    """An open :class:`~payermax_async.storage.postgres.PostgresDatabase`."""

    def __init__(
        self,
        address: PostgresAddress,
        component: Component,
        dialect: Dialect,
        *,
        schema: str,
        sizes: tuple[int, int],
        timeout: float,
    ) -> None:
        self._address = address
        self._component = component
        self._dialect = dialect
        self._schema = schema
        self._timeout = timeout
        own, handlers = sizes
        self._own = Pool(address, name=component.name, size=own)
        self._for_handlers = Pool(
            address,
            name=f"{component.name}, handlers",
            size=handlers,
            asks_the_server=True,
        )

    async def open(self) -> None:
        """Connect, and check the tables; make them where the role may and must."""
        # A connection of its own first: a pool that finds no server only waits.
        connection = await self._own.connect()
        try:
            opening = left(max(self._timeout, _OPENING))
            await self._guarded(self._prepare(connection), opening)
        except _AgainError as failed:
            problem = failed.problem
        else:
            await self._own.open()
            await self._for_handlers.open()
            return
        finally:
            await connection.close()
        raise self._failed(problem)

    async def aclose(self) -> None:
        """Close every connection."""
        await self._own.aclose()
        await self._for_handlers.aclose()

    # --- own steps ---------------------------------------------------------------

    async def run(self, plan: Plan[T], *, again: Plan[T] | None = None) -> T:
        """Run steps in one transaction that is durable when this returns."""
        end = time.monotonic() + left(self._timeout)
        try:
            return await self._attempt(plan, end)
        except _AgainError as first:
            known = first.known
        once_more = plan if known or again is None else again
        try:
            return await self._attempt(once_more, end)
        except _AgainError as second:
            problem = second.problem
        raise self._failed(f"twice: {problem}")

    async def _attempt(self, plan: Plan[T], end: float) -> T:
        async with self._own.take(_until(end)) as connection:
            seconds = _until(end)
            work = transact(self._dialect, connection, self._component, plan, seconds)
            try:
                return await self._guarded(work, seconds)
            except _AgainError as failed:
                if failed.lost:
                    await self._own.retire(connection)
                raise

    @asynccontextmanager
    async def take(self) -> AsyncGenerator[Bounded]:
        """One of the connections that steps are run on."""
        async with self._own.take(left(self._timeout)) as connection:
            yield connection

    async def _guarded(self, work: Awaitable[T], seconds: float) -> T:
        """Wait for own work, and say what went wrong without a word of the data."""
        try:
            async with asyncio.timeout(seconds):
                return await work
        except TimeoutError:
            failed: Exception = self._failed(
                f"no answer within {seconds:.3g} seconds; whether it was done is not "
                "known"
            )
        except UnknownEndError as error:
            failed = _AgainError(self._words(error.error), known=False, lost=True)
        except psycopg.Error as error:
            words, lost = self._words(error), is_lost(error)
            conflict = (error.sqlstate or "").startswith(_CONFLICT)
            if lost or conflict:
                failed = _AgainError(words, known=True, lost=lost)
            else:
                failed = self._failed(words)
        # Outside, so that the driver's error and its frames do not travel along.
        raise failed

    def _failed(self, problem: str) -> StorageError:
        return StorageError(f"the {self._component.name} in PostgreSQL: {problem}")

    def _words(self, error: BaseException) -> str:
        return words_of(error, self._address, self._schema)

    # --- the merchant's ----------------------------------------------------------

    @asynccontextmanager
    async def transaction(
        self, last: Callable[[], Steps[None]], *, settled: Callable[[], Steps[bool]]
    ) -> AsyncGenerator[PostgresConnection]:
        """A transaction for the merchant's own statements, ended with ours."""
        try:
            ours = min(self._timeout, left(self._timeout))
            async with self._for_handlers.take(ours) as connection:
                try:
                    async with shared(connection, left(float("inf"))):
                        yield connection
                        async with asyncio.timeout(ours):
                            await self.drive(connection, last())
                except BaseException as error:
                    if is_lost(error):
                        await self._for_handlers.retire(connection)
                    raise
        except UnknownEndError as error:
            problem = self._words(error.error)
        else:
            return
        if not await self.run(settled):
            raise self._failed(f"the handler's changes were not committed: {problem}")

    async def drive(self, connection: PostgresConnection, steps: Steps[T]) -> T:
        """Run steps on the merchant's connection: no limit of ours, never again."""
        return await drive(self._dialect, connection, checked(self._component, steps))

    # --- the tables --------------------------------------------------------------

    async def standing(self) -> Standing:
        """Which version the tables have."""
        connection = await self._own.connect()

        async def look() -> Standing:
            async with connection.transaction():
                return await drive(self._dialect, connection, standing(self._component))

        try:
            return await self._guarded(look(), left(self._timeout))
        except _AgainError as failed:
            problem = failed.problem
        finally:
            await connection.close()
        raise self._failed(problem)

    async def _prepare(self, connection: PostgresConnection) -> None:
        # Whoever waited for the lock has to see what was done meanwhile, whatever
        # isolation the role has by default.
        await connection.set_isolation_level(IsolationLevel.READ_COMMITTED)
        async with connection.transaction():
            if not await drive(self._dialect, connection, pending(self._component)):
                return
        async with connection.transaction():
            for statement in before_migrating(self._schema):
                await connection.execute(statement.encode())
            await drive(self._dialect, connection, migrate(self._component))


def _until(end: float) -> float:
    return max(0.001, end - time.monotonic())


class _AgainError(Exception):
    """What failed may be tried once more."""

    def __init__(self, problem: str, *, known: bool, lost: bool) -> None:
        super().__init__(problem)
        self.problem = problem
        self.known = known
        """Whether it is certain that nothing was committed."""
        self.lost = lost
        """Whether the connection is of no more use."""
