"""Chunks for whoever brings them with an engine of their own."""

from __future__ import annotations

import secrets
import socket
from types import TracebackType
from typing import Self

from payermax_async.bulk.control import checked_pace
from payermax_async.client import PayerMaxClient
from payermax_async.clock import Clock, SystemClock
from payermax_async.fleet import statements
from payermax_async.fleet.chunk_runner import ChunkRunner
from payermax_async.fleet.database import FleetDatabase
from payermax_async.fleet.records import ChunkId

__all__ = ["ChunkWork"]

_WINDOW = 4


class ChunkWork:
    """Says which chunks are due, and works them off; the engine carries their names.

    An engine may lose any name and bring any name twice: due is what the journal says,
    and each row is held by one at a time.

    Example:
        >>> async with ChunkWork(client, "postgresql://shop@db.internal/shop") as work:
        ...     for name in await work.due():
        ...         await work.off(name)
    """

    def __init__(
        self,
        client: PayerMaxClient,
        address: str,
        *,
        schema: str = "payermax",
        at_once: int = 16,
        timeout: float = 10.0,
        clock: Clock | None = None,
    ) -> None:
        """Keep the settings; nothing is opened yet.

        Args:
            client: Open, and open until this is closed.
            address: Of the database, or of a PgBouncer in transaction mode before it.
            schema: Where the tables stand; made when they are missing.
            at_once: How many creates of a chunk are under way.
            timeout: Seconds for a call of the database.
            clock: For times in reports; no hold goes by it.

        Raises:
            ConfigurationError: The extra ``postgres`` is not installed, or a setting is
                wrong. The address is not repeated.
        """
        checked_pace(at_once, None)
        self._database = FleetDatabase(address, schema=schema, timeout=timeout)
        del address
        self._runner = ChunkRunner(
            worker=f"{socket.gethostname()}.{secrets.token_hex(4)}",
            client=client,
            database=self._database,
            clock=clock or SystemClock(),
            at_once=at_once,
            on_settled=lambda: None,
            on_done=lambda: None,
        )

    async def __aenter__(self) -> Self:
        await self._database.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._database.aclose()

    async def due(self) -> tuple[str, ...]:
        """Names of chunks that somebody should be told of, those first that go first.

        Asked once a second or so, by one or by many: a chunk is named to one of them,
        and again after a minute if nobody took it.

        Raises:
            StorageError: The database did not say.
        """
        due = await self._database.run(lambda: statements.sweep(_WINDOW))
        ordered = sorted(due, key=lambda one: -one.priority)
        return tuple(str(one.chunk) for one in ordered)

    async def off(self, name: str) -> None:
        """Settle what is open of a chunk, as far as that goes; nothing if it is done.

        Raises:
            ValueError: It names no chunk.
        """
        await self._runner.work(ChunkId.read(name))

    def stop(self) -> None:
        """Send nothing new, at once; what is under way ends."""
        self._runner.stop()
