"""``payermax worker``: make the links of a fleet's batches until told to stop."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, Annotated

from cyclopts import Group, Parameter

from payermax_async.cli.bulk.options import Database, DatabaseSchema
from payermax_async.cli.console import WORDS
from payermax_async.cli.failures import Exit
from payermax_async.cli.merchant import Flag, MerchantSource

if TYPE_CHECKING:
    from payermax_async.config import MerchantConfig
    from payermax_async.fleet import FleetWorker

__all__ = ["worker"]

_WORKER = Group("Worker", sort_key=1)
_ORPHANED_EVERY = 1.0


def worker(
    *,
    database: Database,
    schema: DatabaseSchema = "payermax",
    engine: Annotated[
        str | None,
        Parameter(
            group=_WORKER,
            env_var="PAYERMAX_ENGINE_DATABASE",
            help="The database itself, where --database is a pooler.",
        ),
    ] = None,
    processes: Annotated[
        int, Parameter(group=_WORKER, help="How many, each with a client.")
    ] = 1,
    at_once: Annotated[
        int, Parameter(group=_WORKER, help="Creates under way in a chunk.")
    ] = 16,
    chunks: Annotated[int, Parameter(group=_WORKER, help="Chunks in a process.")] = 2,
    per_second: Annotated[
        float | None,
        Parameter(
            group=_WORKER, help="Attempts a second, over all workers of the merchant."
        ),
    ] = None,
    health: Annotated[
        int | None,
        Parameter(
            group=_WORKER,
            help="Port of /live, /ready and /metrics on 127.0.0.1, one more for each "
            "further process.",
        ),
    ] = None,
    child: Annotated[int, Flag, Parameter(show=False)] = -1,
    parent: Annotated[int, Flag, Parameter(show=False)] = 0,
    source: MerchantSource | None = None,
) -> int:
    """Make the links of whatever is enqueued, with others on any machines.

    SIGTERM or Ctrl-C: nothing new is sent, what is under way gets 10 seconds, and
    within 15 it has ended, whatever the database does.

    Args:
        database: Of the fleet; a PgBouncer in transaction mode will do.
        schema: Where its tables stand.
        engine: Address of the database itself.
        processes: How many workers to start and to keep running.
        at_once: How many creates of a chunk are under way.
        chunks: How many chunks a worker is at.
        per_second: The quota of all workers together; without it none is kept.
        health: Where orchestrators ask.
        child: The worker itself, started by this command.
        parent: The process that started it.
        source: Where the merchant's settings are.
    """
    import asyncio

    config = (source or MerchantSource()).read()
    if child < 0:
        return _supervised(database, engine, processes)
    return asyncio.run(
        _work(
            config,
            database,
            engine,
            schema=schema,
            at_once=at_once,
            chunks=chunks,
            per_second=per_second,
            port=None if health is None else health + child,
            parent=parent,
        )
    )


def _supervised(database: str, engine: str | None, processes: int) -> int:
    from payermax_async.core.errors import ConfigurationError
    from payermax_async.fleet.supervisor import Supervisor

    if not 1 <= processes <= 256:
        raise ConfigurationError("--processes is from 1 to 256")
    # Through the environment: a command line can be read by others on the machine.
    os.environ["PAYERMAX_DATABASE"] = database
    if engine is not None:
        os.environ["PAYERMAX_ENGINE_DATABASE"] = engine
    words = [*_without_addresses(WORDS.get()), "--parent", str(os.getpid())]
    return Supervisor().run(
        [
            [sys.executable, "-m", "payermax_async", *words, "--child", str(number)]
            for number in range(processes)
        ]
    )


def _without_addresses(words: tuple[str, ...]) -> list[str]:
    kept: list[str] = []
    skips = False
    for word in words:
        if skips:
            skips = False
        elif word in {"--database", "--engine"}:
            skips = True
        elif not word.startswith(("--database=", "--engine=")):
            kept.append(word)
    return kept


async def _work(
    config: MerchantConfig,
    database: str,
    engine: str | None,
    *,
    schema: str,
    at_once: int,
    chunks: int,
    per_second: float | None,
    port: int | None,
    parent: int,
) -> int:
    import asyncio
    from contextlib import AsyncExitStack

    from payermax_async.cli.worker_health import served_health
    from payermax_async.client import PayerMaxClient
    from payermax_async.fleet import FleetWorker, SharedQuota
    from payermax_async.options import ClientOptions

    async with AsyncExitStack() as last:
        quota = None
        if per_second is not None:
            quota = SharedQuota(
                database, config, per_second, at_once=at_once * chunks, schema=schema
            )
            await last.enter_async_context(quota.opened())
        client = await last.enter_async_context(
            PayerMaxClient(config, options=ClientOptions(limiter=quota))
        )
        made = FleetWorker(
            client,
            database,
            engine_address=engine,
            schema=schema,
            at_once=at_once,
            chunks=chunks,
        )
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            # Not by an exception anywhere: what is under way has to be written down.
            loop.add_signal_handler(number, made.stop)
        if port is not None:
            await last.enter_async_context(served_health(made, port))
        orphaned = asyncio.create_task(_stop_when_orphaned(made, parent))
        try:
            await made.run()
        finally:
            orphaned.cancel()
    return Exit.DONE


async def _stop_when_orphaned(worker: FleetWorker, parent: int) -> None:
    """End with the supervisor: nobody else would end this one in time.

    That one says who it is: asked for here, it could be gone already. One that was
    started by hand, with the number 0, follows nobody.
    """
    import asyncio

    while parent in {0, os.getppid()}:  # noqa: ASYNC110 - no event tells of it
        await asyncio.sleep(_ORPHANED_EVERY)
    worker.stop()
