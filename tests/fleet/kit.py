"""A fleet in a schema of its own, with workers in this process."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import attrs

from payermax_async.bulk import RowState
from payermax_async.client import PayerMaxClient
from payermax_async.fleet import Fleet, FleetBatch, FleetWorker
from tests.storage.kit import execute

SECONDS = 90.0
"""So that a busy machine decides nothing."""


@attrs.frozen
class Place:
    """Where a fleet's tables are."""

    address: str
    schema: str

    def fleet(self) -> Fleet:
        return Fleet(self.address, schema=self.schema)

    def worker(self, client: PayerMaxClient, **settings: Any) -> FleetWorker:
        address = settings.pop("address", self.address)
        return FleetWorker(client, address, schema=self.schema, **settings)

    async def sql(self, statement: str) -> list[tuple[object, ...]]:
        """One statement with {} for the schema and a dot."""
        return await execute(self.address, statement.format(f'"{self.schema}".'))


@asynccontextmanager
async def working(worker: FleetWorker) -> AsyncGenerator[asyncio.Task[None]]:
    """A worker at work, which is stopped at the end."""
    task = asyncio.create_task(worker.run())
    try:
        yield task
    finally:
        worker.stop()
        with contextlib.suppress(asyncio.CancelledError):
            async with asyncio.timeout(SECONDS):
                await task


async def until(holds: Callable[[], bool], *tasks: asyncio.Task[None]) -> None:
    """Wait for something, unless a worker ends first."""
    async with asyncio.timeout(SECONDS):
        while not holds():
            for task in tasks:
                if task.done():
                    task.result()
                    assert holds(), "a worker ended by itself"
                    return
            await asyncio.sleep(0.05)


async def counts(fleet: Fleet, batch: FleetBatch) -> dict[RowState, int]:
    return dict(fleet.journal(batch).status().counts)
