"""The database of a fleet: its own tables, and the journals of its batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from payermax_async.bulk.postgres_journal import PostgresJournal, named
from payermax_async.bulk.schema import SHARED_JOURNAL
from payermax_async.fleet.records import FleetBatch
from payermax_async.fleet.schema import FLEET
from payermax_async.storage.group_writer import GroupWriter
from payermax_async.storage.migrations import checked
from payermax_async.storage.postgres import PostgresConnection, PostgresDatabase
from payermax_async.storage.postgres_address import PostgresAddress
from payermax_async.storage.sql import Steps

__all__ = ["FleetDatabase"]

T = TypeVar("T")


class FleetDatabase:
    """Runs the steps of a fleet, each call one transaction with an end.

    Two small pools: what workers say of themselves and the sweep never wait behind the
    writes of rows.
    """

    def __init__(self, address: str, *, schema: str, timeout: float) -> None:
        """Keep the settings; nothing is opened yet.

        Raises:
            ConfigurationError: psycopg is not installed, or a setting is wrong. The
                address is not repeated.
        """
        found = PostgresAddress.read(address, application=FLEET.name)
        # Whoever prints the variables of this frame finds no password in them.
        del address
        self._own, self._rows = (
            PostgresDatabase(
                found,
                component,
                schema=schema,
                connections=2,
                handler_connections=1,
                timeout=timeout,
            )
            for component in (FLEET, SHARED_JOURNAL)
        )
        # Of all chunks together: their rows settle in bursts, and share one commit.
        self._writer = GroupWriter(self._rows.run, timeout=timeout)

    @property
    def is_open(self) -> bool:
        """Whether it can be used."""
        return self._own.is_open

    async def open(self) -> None:
        """Connect, and make or check both components' tables.

        Raises:
            StorageError: The database cannot be used, and why.
        """
        await self._rows.open()
        try:
            await self._own.open()
        except BaseException:
            await self._rows.aclose()
            raise

    async def aclose(self) -> None:
        """Close every connection; a second call does nothing."""
        try:
            await self._own.aclose()
        finally:
            await self._rows.aclose()

    async def run(self, make: Callable[[], Steps[T]]) -> T:
        """Run steps over both components' tables in one transaction of their own."""
        return await self._own.run(lambda: checked(SHARED_JOURNAL, make()))

    async def drive(self, connection: PostgresConnection, steps: Steps[T]) -> T:
        """Run steps on the merchant's connection, in the merchant's transaction."""
        return await self._own.drive(connection, checked(SHARED_JOURNAL, steps))

    async def number_of(self, name: str) -> int:
        """The number of a batch in the tables; made by whoever asks first."""
        return await self._rows.run(lambda: named(name))

    def journal(self, batch: FleetBatch) -> PostgresJournal:
        """The journal of a batch, as long as this is open."""
        return PostgresJournal.within(
            self._rows, self._writer, batch=batch.name, number=batch.number
        )
