"""Begins a run, and sees that it ends."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from payermax_async.bulk.control import checked_pace
from payermax_async.bulk.journal import Journal
from payermax_async.bulk.rails import BulkRails, RailWatch
from payermax_async.bulk.records import BulkBatch, JournalError
from payermax_async.bulk.run import BulkRun, RunPlan, ended
from payermax_async.bulk.source import BulkSource
from payermax_async.client import PayerMaxClient, engine_of
from payermax_async.config import MerchantConfig
from payermax_async.storage.errors import StorageError

__all__ = ["create_links", "fingerprint_of"]

_NAME_BYTES = 8


@asynccontextmanager
async def create_links(
    client: PayerMaxClient,
    orders: BulkSource,
    *,
    journal: Journal,
    at_once: int = 16,
    per_second: float | None = None,
    rails: BulkRails | None = None,
    rows: int | None = None,
    plan: str = "",
    journal_lost: bool = False,
    names: Callable[[], str] = lambda: secrets.token_hex(_NAME_BYTES),
) -> AsyncGenerator[BulkRun]:
    """Create the link of every order exactly once, however often it is run.

    The journal notes each row before its create leaves. Run again with the same
    journal and source, what exists is found, what is in doubt is asked about first,
    and what was not begun is done. Leaving the block early stops the run; nothing goes
    on in the background.

    Args:
        client: Open, and open until the block ends.
        orders: Requests or rows, also from an async iterable; taken one by one as
            there is room. Ids must not repeat.
        journal: Opened and closed here unless it is open already. One per batch.
        at_once: How many creates are under way; what waits to be settled is not
            counted. The client's own limits hold, too.
        per_second: How many creates are begun a second; ``None`` for as fast as can be.
            What the journal says goes before this and ``at_once``.
        rails: Where the run stops by itself.
        rows: How many the source holds, if that is known: for the remaining time.
        plan: Hash or name of the plan the rows come from: going on with another one
            is refused.
        journal_lost: Whether rows may have been sent that this journal knows nothing
            of: then PayerMax is asked about each before it is sent, and nothing is
            sent for 250 seconds. The journal keeps it for later runs.
        names: Makes a name for the run that no other has.

    Yields:
        The run: ``async for done in run``.

    Raises:
        BatchMismatchError: The journal belongs to another plan, merchant or gateway.
        ConfigurationError: Nothing can go by ``at_once`` or ``per_second``.
        RailTrippedError: The run met one of ``rails``, other than ``first``.
        StorageError: The journal cannot be used; nothing is sent without it.

    Example:
        >>> async with create_links(client, orders, journal=journal) as run:
        ...     async for done in run:
        ...         print(done.merchant_link_id, done.state, done.link_url)
    """
    checked_pace(at_once, per_second)
    engine = engine_of(client)
    # Before the journal is touched: a client that is not open could settle nothing.
    engine.in_flight.check()
    async with _opened(journal):
        batch = await journal.begin(
            BulkBatch(
                plan=plan,
                fingerprint=fingerprint_of(client.config),
                journal_lost=journal_lost,
            )
        )
        # By the journal, not by this run alone: begun again a hundred times, a batch
        # still asks for no more than its rail allows.
        rails = rails or BulkRails()
        if rails.max_amount:
            # Kept there: whoever goes on without naming it does not lift it.
            await journal.control(max_amount=rails.max_amount)
        watch = RailWatch(rails=rails, amounts=dict(await journal.committed()))
        how = RunPlan(
            name=names(),
            watch=watch,
            at_once=at_once,
            per_second=per_second,
            rows=rows,
            journal_lost=batch.journal_lost,
        )
        run = BulkRun(engine, journal, orders, client.config.defaults, how)
        # Before the first row: a pause that the batch was told lasts for runs that
        # begin later.
        await run.look()
        working = asyncio.create_task(run.work())
        try:
            yield run
        except BaseException as error:
            await _finished(working, run, journal, error)
            raise
        await _finished(working, run, journal, None)
        run.raise_error()


async def _finished(
    working: asyncio.Task[None],
    run: BulkRun,
    journal: Journal,
    error: BaseException | None,
) -> None:
    """End the run, then let go of its rows."""
    working.cancel()
    # Rows that were given back while a task still sends for one could be sent by two
    # runs at once.
    await ended({working})
    try:
        await journal.release(run.name)
        await run.say_over(error)
    except (JournalError, StorageError) as failure:
        # What ended the block is what its caller has to see; a journal that fails after
        # it is only told beside it.
        if error is None:
            raise
        error.add_note(f"the run's rows stay held for a while: {failure}")


@asynccontextmanager
async def _opened(journal: Journal) -> AsyncGenerator[None]:
    if journal.is_open:
        yield
        return
    await journal.open()
    try:
        yield
    finally:
        await journal.aclose()


def fingerprint_of(config: MerchantConfig) -> str:
    """Whose links they are, and where, in words without secrets."""
    provider = f" by {config.sp_merchant_no}" if config.sp_merchant_no else ""
    return (
        f"merchant {config.merchant_no}{provider}, app {config.app_id}, at "
        f"{config.environment.base_url}"
    )
