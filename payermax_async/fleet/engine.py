"""The engine that brings chunks to workers: procrastinate, and no more than that of it.

It may lose any job and run any job twice: what is left is said by the journal, who may
send by its tokens. So nothing here is about money. Needs the extra ``fleet``.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from payermax_async.core.errors import ConfigurationError
from payermax_async.fleet.records import ChunkId, DueChunk
from payermax_async.storage.errors import StorageError
from payermax_async.storage.pooling import Bounded
from payermax_async.storage.postgres_address import PostgresAddress

if TYPE_CHECKING:
    from procrastinate import App

__all__ = ["ChunkEngine", "queue_of"]

T = TypeVar("T")

_LOG = logging.getLogger("payermax_async.fleet")
_LIMIT = 10.0
"""Seconds for each wait on the engine's connections, the server's and our own."""
_POLL = 1.0
"""Seconds between looks for jobs, whatever is or is not heard of them."""
_AGAIN = 2.0
_MAKING = 7_269_377_415
"""Any number will do, as long as all processes take the same."""


def queue_of(fingerprint: str) -> str:
    """Where workers of a merchant and gateway look."""
    digest = hashlib.sha256(fingerprint.encode()).hexdigest()
    return f"payermax-{digest[:16]}"


class BoundedWaits(Bounded):
    """A connection on which no wait is without an end.

    libpq has no limit for a server that acknowledges and says nothing more.
    """

    async def wait(
        self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None
    ) -> T:
        """Wait as psycopg does, for so long."""
        try:
            async with asyncio.timeout(_LIMIT):
                return await super().wait(gen, interval, timeout)
        except TimeoutError:
            pass
        raise psycopg.OperationalError("no answer in time")


class ChunkEngine:
    """Tells workers of chunks, and hands a worker those that it was told of."""

    def __init__(self, address: str, *, schema: str) -> None:
        """Keep the settings; nothing is opened yet.

        Args:
            address: Of the database itself, not of a pooler.
            schema: Where the engine's tables stand; made when they are missing.

        Raises:
            ConfigurationError: The extra ``fleet`` is not installed, or the address
                cannot be used.
        """
        if find_spec("procrastinate") is None:
            raise ConfigurationError(
                "a fleet needs procrastinate: pip install 'payermax_async[fleet]'"
            )
        found = PostgresAddress.read(address, application="fleet engine")
        del address
        if isinstance(found, ConfigurationError):
            raise found
        self._conninfo = _with_settings(found.conninfo, schema)
        self._schema = schema
        self._handler: Callable[[ChunkId], Awaitable[None]] | None = None
        self._app: App | None = None

    async def open(self) -> None:
        """Connect, and make the engine's tables where there are none.

        Raises:
            StorageError: The database cannot be used.
        """
        from procrastinate import App, PsycopgConnector
        from psycopg_pool import AsyncConnectionPool

        app = App(
            connector=PsycopgConnector(
                conninfo=self._conninfo,
                pool_factory=AsyncConnectionPool,
                connection_class=BoundedWaits,
                min_size=1,
                max_size=4,
                timeout=_LIMIT,
                max_lifetime=30 * 60.0,
                kwargs={"prepare_threshold": None},
            )
        )
        app.task(name="payermax.chunk")(self._work)
        try:
            async with asyncio.timeout(3 * _LIMIT):
                await self._make_tables(app.schema_manager.get_schema())
                await app.open_async()
        except (psycopg.Error, TimeoutError, OSError) as error:
            problem = type(error).__name__
        else:
            self._app = app
            return
        raise StorageError(f"the engine of the fleet cannot be opened: {problem}")

    async def _make_tables(self, statements: str) -> None:
        async with await BoundedWaits.connect(
            self._conninfo, prepare_threshold=None
        ) as connection:
            await connection.execute(
                f"SELECT pg_advisory_xact_lock({_MAKING})".encode()
            )
            cursor = await connection.execute(
                "SELECT to_regclass('procrastinate_jobs')"
            )
            found = await cursor.fetchone()
            # Under the lock: of workers that start together one makes them.
            if found is not None and found[0] is None:
                await connection.execute(statements.encode())

    async def aclose(self) -> None:
        """Close every connection; a second call does nothing."""
        app, self._app = self._app, None
        if app is not None:
            await app.close_async()

    async def tell(self, due: Iterable[DueChunk]) -> None:
        """Tell whoever has time; a chunk that is waited with already is left out.

        Raises:
            StorageError: Not all were told: the sweep tells of them again.
        """
        from procrastinate.exceptions import AlreadyEnqueued, ConnectorException

        app = self._opened()
        for chunk in due:
            name = str(chunk.chunk)
            job = app.configure_task(
                "payermax.chunk",
                queue=queue_of(chunk.fingerprint),
                priority=chunk.priority,
                # A chunk that waits in the queue already is not put there twice.
                queueing_lock=name,
            )
            try:
                await job.defer_async(chunk=name)
            except AlreadyEnqueued:
                continue
            except ConnectorException as error:
                raise StorageError(
                    f"the engine of the fleet: {type(error).__name__}"
                ) from None

    async def run(
        self,
        handler: Callable[[ChunkId], Awaitable[None]],
        *,
        name: str,
        fingerprint: str,
        chunks: int,
    ) -> None:
        """Hand out chunks until it is cancelled; those under way then end first."""
        from procrastinate.exceptions import ConnectorException

        self._handler = handler
        app = self._opened()
        while True:
            try:
                await app.run_worker_async(
                    queues=[queue_of(fingerprint)],
                    name=name,
                    concurrency=chunks,
                    fetch_job_polling_interval=_POLL,
                    abort_job_polling_interval=60.0,
                    # Behind a pooler nothing is heard; looking goes on all the time.
                    listen_notify=False,
                    delete_jobs="always",
                    # Signals are the command's: it lets end what is under way.
                    install_signal_handlers=False,
                )
            except (ConnectorException, psycopg.Error) as error:
                # Its class alone: the words of a driver may hold an address with its
                # password.
                _LOG.warning("worker %s: %s: again soon", name, type(error).__name__)
            await asyncio.sleep(_AGAIN)

    async def sweep(self) -> None:
        """Delete jobs whose worker is gone: their chunks are told of anew."""
        from procrastinate.exceptions import ConnectorException

        app = self._opened()
        try:
            for job in await app.job_manager.get_stalled_jobs(
                seconds_since_heartbeat=60
            ):
                # Not run again by the engine: the journal alone says what is left.
                await app.job_manager.finish_job(job, status=_failed(), delete_job=True)
        except ConnectorException as error:
            raise StorageError(
                f"the engine of the fleet: {type(error).__name__}"
            ) from None

    async def _work(self, chunk: str) -> None:
        if self._handler is not None:
            await self._handler(ChunkId.read(chunk))

    def _opened(self) -> App:
        if self._app is None:
            raise StorageError("the engine of the fleet is not open")
        return self._app


def _failed() -> Any:
    from procrastinate.jobs import Status

    return Status.FAILED


def _with_settings(conninfo: str, schema: str) -> str:
    given: Mapping[str, Any] = conninfo_to_dict(conninfo)
    options = (
        f'{given.get("options") or ""} -c search_path="{schema}" '
        f"-c statement_timeout={round(_LIMIT * 1000)}"
    )
    return make_conninfo(conninfo, options=options.strip())
