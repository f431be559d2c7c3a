"""``payermax bulk enqueue``: hand a file of orders to workers on other machines."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Group, Parameter

from payermax_async.cli.bulk.consent import check_ready, confirm
from payermax_async.cli.bulk.options import Database, DatabaseSchema
from payermax_async.cli.bulk.order_source import OrderSource
from payermax_async.cli.bulk.plan import read_orders
from payermax_async.cli.bulk.plan_text import show_plan
from payermax_async.cli.bulk.run import RunOptions
from payermax_async.cli.console import output_console, print_json
from payermax_async.cli.failures import Exit
from payermax_async.cli.merchant import Flag, MerchantSource

if TYPE_CHECKING:
    from payermax_async.bulk import OrderFile
    from payermax_async.config import MerchantConfig
    from payermax_async.fleet import EnqueuedRows

__all__ = ["enqueue"]

_FLEET = Group("Fleet", sort_key=3)


def enqueue(
    file: Annotated[Path, Parameter(name="FILE")],
    /,
    *,
    database: Database,
    schema: DatabaseSchema = "payermax",
    priority: Annotated[int, Parameter(group=_FLEET, help="Higher ones go first.")] = 0,
    chunk: Annotated[
        int, Parameter(group=_FLEET, help="Orders that a worker takes at once.")
    ] = 200,
    yes: Annotated[bool, Flag, Parameter(help="Hand them over.")] = False,
    links: Annotated[
        int | None,
        Parameter(help="In production, with --yes: the number of links to be made."),
    ] = None,
    skip_bad: Annotated[
        bool, Flag, Parameter(help="Hand over the other orders.")
    ] = False,
    as_json: Annotated[bool, Flag, Parameter(name="--json")] = False,
    orders: OrderSource | None = None,
    source: MerchantSource | None = None,
) -> int:
    """Hand the orders of a file to the workers of a fleet; each id is taken once.

    Shows the plan first, and hands nothing over without --yes. Workers begin at once:
    'payermax worker'. Run again, it goes on where it stopped.

    Args:
        file: CSV, .xlsx or JSON lines.
        database: Of the fleet.
        schema: Where its tables stand.
        priority: Of the batch, against others.
        chunk: How many orders a worker takes at once, from 10 to 500.
        yes: Whether to go on without being asked.
        links: The number typed back.
        skip_bad: Whether orders with problems are left out.
        as_json: Print JSON for another program.
        orders: How the file is to be read.
        source: Where the merchant's settings are.
    """
    import asyncio

    config = (source or MerchantSource()).read()
    found = read_orders(orders or OrderSource(), file, None)
    plan = found.plan(config.defaults, journal=())
    if not as_json:
        show_plan(found, plan, config.environment, datetime.now(UTC))
    options = RunOptions(yes=yes, links=links, skip_bad=skip_bad, as_json=as_json)
    # As for a run: what is handed over is sent without anybody being asked again.
    check_ready(plan, options)
    confirm(config, plan.to_make, options)
    told = asyncio.run(
        _enqueued(
            found,
            plan.nameless,
            config,
            database,
            schema=schema,
            priority=priority,
            chunk=chunk,
        )
    )
    if as_json:
        print_json(
            {
                "batch": found.batch,
                "new": told.new,
                "known": told.known,
                "refused": told.refused,
                "conflicting": list(told.conflicting),
            }
        )
    else:
        output_console().print(
            f"{found.batch}: {told.new} orders are new, {told.known} were there, "
            f"{told.refused} are refused, {len(told.conflicting)} conflict"
        )
        for key in told.conflicting[:20]:
            output_console().print(f"  {key} is there with other fields", markup=False)
    return Exit.FAILED if told.refused or told.conflicting else Exit.DONE


async def _enqueued(
    found: OrderFile,
    nameless: frozenset[int],
    config: MerchantConfig,
    database: str,
    *,
    schema: str,
    priority: int,
    chunk: int,
) -> EnqueuedRows:
    from payermax_async.fleet import Fleet

    rows = found.orders(without=nameless)
    try:
        async with Fleet(database, schema=schema) as fleet:
            batch = await fleet.open_batch(
                found.batch, config, priority=priority, chunk=chunk
            )
            return await fleet.enqueue(batch, rows)
    finally:
        # Left early, its file is closed now.
        rows.close()
