"""What a shop tells a fleet: orders to make links of, and how to go about them."""

from __future__ import annotations

import itertools
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from functools import partial
from types import TracebackType
from typing import Self

from payermax_async.bulk.create import fingerprint_of
from payermax_async.bulk.outcomes import result_of_error
from payermax_async.bulk.postgres_journal import PostgresJournal
from payermax_async.bulk.records import RowResult, RowState
from payermax_async.bulk.rows import BulkItem, prepared
from payermax_async.bulk.source import BulkSource, each_of
from payermax_async.clock import Clock, SystemClock
from payermax_async.config import MerchantConfig
from payermax_async.core.errors import ConfigurationError
from payermax_async.fleet import statements, worker_statements
from payermax_async.fleet.database import FleetDatabase
from payermax_async.fleet.payloads import written_item
from payermax_async.fleet.records import EnqueuedRows, FleetBatch, FleetStatus
from payermax_async.fleet.statements import Enqueuable
from payermax_async.storage.postgres import PostgresConnection

__all__ = ["Fleet"]

_AT_ONCE = 500
_LEAST_CHUNK, _MOST_CHUNK = 10, 500


class Fleet:
    """Hands orders to workers on any machines, through one PostgreSQL.

    Nothing is sent from here: :class:`FleetWorker` does that, ``payermax worker`` on
    the command line.

    Example:
        >>> async with Fleet("postgresql://shop@db.internal/shop") as fleet:
        ...     batch = await fleet.open_batch("november", config)
        ...     print(await fleet.enqueue(batch, orders))
    """

    def __init__(
        self,
        address: str,
        *,
        schema: str = "payermax",
        timeout: float = 10.0,
        clock: Clock | None = None,
    ) -> None:
        """Keep the settings; nothing is opened yet.

        Args:
            address: Of the database, in any form that libpq reads; it may be that of a
                PgBouncer in transaction mode.
            schema: Where the tables stand; made when it is missing.
            timeout: Seconds for a call.
            clock: The time of day that is noted for reports; nothing goes by it.

        Raises:
            ConfigurationError: The extra ``fleet`` is not installed, or a setting is
                wrong. The address is not repeated.
        """
        self._database = FleetDatabase(address, schema=schema, timeout=timeout)
        del address
        self._clock = clock or SystemClock()

    async def open(self) -> None:
        """Connect, and make or check the tables.

        Raises:
            StorageError: The database cannot be used, and why.
        """
        await self._database.open()

    async def aclose(self) -> None:
        """Close every connection; a second call does nothing."""
        await self._database.aclose()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    # --- batches -----------------------------------------------------------------

    async def open_batch(
        self, name: str, config: MerchantConfig, *, priority: int = 0, chunk: int = 200
    ) -> FleetBatch:
        """Make a batch known, or find it; it may take rows for as long as you like.

        Args:
            name: 1 to 100 ASCII letters, digits, dots, ``-`` and ``_``.
            config: Whose links they are; workers of another merchant leave it alone.
            priority: Higher ones go first; it may be changed by calling this again.
            chunk: How many rows a worker takes at once, from 10 to 500; the first call
                decides.

        Raises:
            ConfigurationError: The batch is another merchant's, or a setting is wrong.
            StorageError: The database did not do it.
        """
        if not _LEAST_CHUNK <= chunk <= _MOST_CHUNK:
            raise ConfigurationError(f"chunk is from {_LEAST_CHUNK} to {_MOST_CHUNK}")
        if not -(2**31) <= priority < 2**31:
            raise ConfigurationError("priority is a number of 32 bits")
        wanted = FleetBatch(
            number=await self._database.number_of(name),
            name=name,
            fingerprint=fingerprint_of(config),
            priority=priority,
            chunk=chunk,
        )
        return await self._database.run(lambda: statements.register(wanted))

    async def find_batch(self, name: str, config: MerchantConfig) -> FleetBatch:
        """A batch that is known.

        Raises:
            ConfigurationError: There is none of this name, or it is another merchant's.
            StorageError: The database cannot be asked.
        """
        number = await self._database.number_of(name)
        found = await self._database.run(lambda: statements.batch_of(number))
        if found is None or found.fingerprint != fingerprint_of(config):
            raise ConfigurationError("this merchant has no batch of that name")
        return found

    def journal(self, batch: FleetBatch) -> PostgresJournal:
        """The batch's journal: its reports, its status, its payments.

        It is open as long as this fleet is.
        """
        return self._database.journal(batch)

    async def enqueue(self, batch: FleetBatch, orders: BulkSource) -> EnqueuedRows:
        """Hand over many orders, 500 a transaction; each id is taken once.

        Run again after whatever happened, it goes on where it stopped: what is there
        already is counted as known.

        Args:
            batch: As :meth:`open_batch` gave it.
            orders: Requests or rows, such as :class:`~payermax_async.bulk.OrderFile`
                reads them from a file; also from an async iterable.

        Raises:
            ConfigurationError: The batch was cancelled.
            StorageError: The database did not do it; rows before may be there.
        """
        total = EnqueuedRows()
        async with aclosing(_parts(orders)) as parts:
            async for part in parts:
                rows = await self._placed(batch, part)
                steps = partial(statements.enqueue, batch.number, rows)
                total = total.plus(await self._database.run(steps))
        return total

    async def add(
        self, batch: FleetBatch, *orders: BulkItem, connection: PostgresConnection
    ) -> EnqueuedRows:
        """Hand over orders in your own transaction: both are kept, or neither is.

        Args:
            batch: As :meth:`open_batch` gave it, outside of this transaction.
            orders: Requests or rows; a few of them.
            connection: Your own, to this database. Workers see the orders once you
                commit.

        Raises:
            ConfigurationError: The batch was cancelled, or there is no transaction.
            StorageError: The database did not do it; roll back.

        Example:
            >>> async with connection.transaction():
            ...     await connection.execute("INSERT INTO orders ...")
            ...     await fleet.add(batch, link, connection=connection)
        """
        if connection.autocommit and connection.info.transaction_status.name == "IDLE":
            # A row without its request would wait for ever.
            raise ConfigurationError(
                "add() wants a transaction: use it in 'async with "
                "connection.transaction()'"
            )
        # Positions in a transaction of their own: no two merchants' transactions wait
        # for each other's end over a counter.
        rows = await self._placed(batch, orders)
        return await self._database.drive(
            connection, statements.enqueue(batch.number, rows)
        )

    async def _placed(
        self, batch: FleetBatch, orders: Iterable[object]
    ) -> list[Enqueuable]:
        items = list(orders)
        first = await self._database.run(
            lambda: statements.reserve(batch.number, len(items))
        )
        return [
            _enqueuable(item, position)
            for item, position in zip(items, itertools.count(first), strict=False)
        ]

    async def pause(self, batch: FleetBatch, *, off: bool = False) -> None:
        """Begin nothing more of a batch, until it is taken back with ``off``."""
        await self.journal(batch).control(paused=not off)

    async def cancel(self, batch: FleetBatch) -> int:
        """Send nothing more of a batch, for good; how many rows that refuses at once.

        Once it returns, nothing is let out that had not left. Rows whose create may
        have left are asked about until that is settled.

        Raises:
            StorageError: Not all rows were refused; workers see to the others where
                the batch was marked. Call it again.
        """
        run, now = self._database.run, self._clock.now()
        await run(lambda: statements.cancel(batch.number))
        refused = 0
        while some := await run(lambda: statements.refuse_planned(batch.number, now)):
            refused += some
        return refused

    # --- workers -----------------------------------------------------------------

    async def drain(self, worker: str = "") -> int:
        """Tell a worker, or all, to take nothing more and end; how many were told."""
        return await self._database.run(lambda: worker_statements.drain(worker))

    async def status(self) -> FleetStatus:
        """How workers and chunks are."""
        return await self._database.run(worker_statements.status)


def _enqueuable(item: object, position: int) -> Enqueuable:
    row = prepared(item, position, None)
    if row.invalid is not None:
        return row.planned, "", result_of_error(row.invalid)
    return row.planned, written_item(row), RowResult(state=RowState.PLANNED)


async def _parts(orders: BulkSource) -> AsyncGenerator[list[object]]:
    part: list[object] = []
    async with aclosing(each_of(orders)) as items:
        async for _, item in items:
            part.append(item)
            if len(part) == _AT_ONCE:
                yield part
                part = []
    if part:
        yield part
