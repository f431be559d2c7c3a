"""Steps in PostgreSQL: each call one transaction, none without an end.

Needs the extra ``postgres``: ``pip install 'payermax_async[postgres]'``. This module
can be imported without it; whoever makes a :class:`PostgresDatabase` is told.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import (
    AbstractAsyncContextManager,
    asynccontextmanager,
    contextmanager,
)
from typing import TYPE_CHECKING, TypeVar

from payermax_async.core.errors import ConfigurationError
from payermax_async.storage.errors import StorageError
from payermax_async.storage.migrations import Component, Standing, script
from payermax_async.storage.postgres_address import PostgresAddress
from payermax_async.storage.postgres_dialect import (
    PostgresConnection,
    before_migrating,
    postgres_dialect,
)
from payermax_async.storage.sql import Plan, Steps

if TYPE_CHECKING:
    from payermax_async.storage.postgres_reading import StateReader
    from payermax_async.storage.postgres_runner import Runner

__all__ = ["PostgresConnection", "PostgresDatabase"]

T = TypeVar("T")


class PostgresDatabase:
    """One component's tables in a schema, for any number of processes."""

    def __init__(
        self,
        address: PostgresAddress | ConfigurationError,
        component: Component,
        *,
        schema: str,
        connections: int,
        handler_connections: int,
        timeout: float,
    ) -> None:
        """Keep the settings; nothing is opened yet.

        Args:
            address: What :meth:`PostgresAddress.read` gave.
            component: Whose tables they are.
            schema: Where the tables stand.
            connections: How many connections are held at the most.
            handler_connections: The same for :meth:`transaction`.
            timeout: Seconds for a call, unless its caller has a limit of its own.

        Raises:
            ConfigurationError: psycopg is not installed, or a setting is wrong. The
                address is not repeated.
        """
        if isinstance(address, ConfigurationError):
            raise address
        self._address = address
        self._dialect = postgres_dialect(schema)
        if connections < 1 or handler_connections < 1:
            raise ConfigurationError("PostgreSQL needs at least 1 connection of a kind")
        if not 0 < timeout < float("inf"):
            raise ConfigurationError("timeout is more than 0 seconds, and an end")
        self._component = component
        self._schema = schema
        self._sizes = (connections, handler_connections)
        self._timeout = timeout
        self._runner: Runner | None = None

    @property
    def component(self) -> Component:
        """Whose tables they are."""
        return self._component

    @property
    def is_open(self) -> bool:
        """Whether it can be used."""
        return self._runner is not None

    async def open(self) -> None:
        """Connect, and check the tables; make them where the role may and must.

        Raises:
            StorageError: The server cannot be reached or used, or the tables are of
                a form that this code may not use.
        """
        runner = self._made()
        await runner.open()
        self._runner = runner

    def _made(self) -> Runner:
        from payermax_async.storage.postgres_runner import Runner

        return Runner(
            self._address,
            self._component,
            self._dialect,
            schema=self._schema,
            sizes=self._sizes,
            timeout=self._timeout,
        )

    async def standing(self) -> Standing:
        """Which version the tables have; connects by itself, and changes nothing.

        Raises:
            StorageError: The server cannot be reached, or the tables not be read.
        """
        return await self._made().standing()

    def script(self, now: Standing) -> str:
        """What is to be done to the tables, for psql and whoever may."""
        return script(
            self._component, now, self._dialect, *before_migrating(self._schema)
        )

    async def aclose(self) -> None:
        """Close every connection; a second call does nothing."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.aclose()

    async def run(self, plan: Plan[T], *, again: Plan[T] | None = None) -> T:
        """Run steps in one transaction that is durable when this returns.

        They are run once more, on another connection, when the first was lost or may
        not write, and after a conflict with others.

        Args:
            plan: Makes the steps; each may be run twice.
            again: Makes the steps for when nobody knows whether the first ones were
                committed: they look for that by key. ``plan`` where it is left out.

        Raises:
            StorageError: It was not done in time, or cannot be done. Nothing is
                stored, or what is stored is found by the next call about it.
        """
        return await self._opened().run(plan, again=again)

    def transaction(
        self, last: Callable[[], Steps[None]], *, settled: Callable[[], Steps[bool]]
    ) -> AbstractAsyncContextManager[PostgresConnection]:
        """A transaction for the merchant's own statements, ended with ours.

        Nothing in it is repeated: the merchant's code has run. Its limits are the
        caller's, and only those.

        Args:
            last: Makes our steps, run when the block has ended: so that no row of
                ours stays locked while a handler runs.
            settled: Makes the steps that tell from the tables whether it was
                committed, when the connection was lost over that.
        """
        return self._opened().transaction(last, settled=settled)

    async def drive(self, connection: PostgresConnection, steps: Steps[T]) -> T:
        """Run steps on the merchant's connection: no limit of ours, never again."""
        return await self._opened().drive(connection, steps)

    @asynccontextmanager
    async def take(self) -> AsyncGenerator[PostgresConnection]:
        """One of the connections that steps are run on, to look at it.

        Raises:
            StorageError: There was none in time.
        """
        async with self._opened().take() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Generator[StateReader]:
        """One state of the tables, for code that blocks; connects by itself.

        Raises:
            StorageError: The tables cannot be read, and why.
        """
        from payermax_async.storage.postgres_reading import reading

        with reading(
            self._address,
            self._component,
            self._dialect,
            schema=self._schema,
            seconds=self._timeout,
        ) as reader:
            yield reader

    def _opened(self) -> Runner:
        if self._runner is None:
            raise StorageError(
                f"the {self._component.name} is not open: use it within 'async with'"
            )
        return self._runner
