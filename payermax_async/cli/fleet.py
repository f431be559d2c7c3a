"""``payermax fleet``: how workers and batches are, and what they are told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

from cyclopts import App, Parameter
from rich.table import Table
from rich.text import Text

from payermax_async.cli.bulk.options import Database, DatabaseSchema
from payermax_async.cli.console import clean, output_console, print_json
from payermax_async.cli.failures import Exit
from payermax_async.cli.merchant import Flag, MerchantSource

if TYPE_CHECKING:
    from payermax_async.core.strict_json import JsonObject
    from payermax_async.fleet import Fleet, FleetStatus

__all__ = ["app", "cancel", "drain", "pause", "status"]

T = TypeVar("T")

app: App = App(
    name="fleet", help="Workers on several machines: look at them, steer them."
)
_Batch = Annotated[str, Parameter(name="BATCH")]
_Json = Annotated[bool, Flag, Parameter(name="--json")]


@app.command
def status(
    *, database: Database, schema: DatabaseSchema = "payermax", as_json: _Json = False
) -> int:
    """Show workers and what does not get on; 1 when somebody should look, for alerts.

    Args:
        database: Of the fleet.
        schema: Where its tables stand.
        as_json: Print JSON for another program.
    """
    found = _asked(database, schema, lambda fleet: fleet.status())
    if as_json:
        print_json(_as_json(found))
    else:
        _show(found)
    # An alert needs no more than the code.
    return Exit.FAILED if found.problems else Exit.DONE


@app.command
def pause(
    batch: _Batch,
    /,
    *,
    database: Database,
    schema: DatabaseSchema = "payermax",
    off: Annotated[bool, Flag, Parameter(help="Go on.")] = False,
    source: MerchantSource | None = None,
) -> int:
    """Begin nothing more of a batch, or go on with it.

    Args:
        batch: Its name.
        database: Of the fleet.
        schema: Where its tables stand.
        off: Whether to go on.
        source: Where the merchant's settings are.
    """
    config = (source or MerchantSource()).read()

    async def work(fleet: Fleet) -> None:
        await fleet.pause(await fleet.find_batch(batch, config), off=off)

    _asked(database, schema, work)
    return Exit.DONE


@app.command
def cancel(
    batch: _Batch,
    /,
    *,
    database: Database,
    schema: DatabaseSchema = "payermax",
    yes: Annotated[bool, Flag, Parameter(help="Do it: it cannot be undone.")] = False,
    source: MerchantSource | None = None,
) -> int:
    """Send nothing more of a batch, for good; what may have left is asked about.

    Args:
        batch: Its name.
        database: Of the fleet.
        schema: Where its tables stand.
        yes: Whether to do it.
        source: Where the merchant's settings are.
    """
    from payermax_async.core.errors import ConfigurationError

    config = (source or MerchantSource()).read()
    if not yes:
        raise ConfigurationError("nothing was cancelled: add --yes, it is for good")

    async def work(fleet: Fleet) -> int:
        return await fleet.cancel(await fleet.find_batch(batch, config))

    refused = _asked(database, schema, work)
    output_console().print(f"{refused} orders were not begun, and never are")
    return Exit.DONE


@app.command
def drain(
    worker: Annotated[str, Parameter(name="WORKER")] = "",
    /,
    *,
    database: Database,
    schema: DatabaseSchema = "payermax",
) -> int:
    """Tell a worker, or all, to take nothing more, to end its chunks and itself.

    Args:
        worker: Its name, as status shows it; all of them when left out.
        database: Of the fleet.
        schema: Where its tables stand.
    """
    told = _asked(database, schema, lambda fleet: fleet.drain(worker))
    output_console().print(f"{told} workers are told")
    return Exit.DONE if told else Exit.FAILED


def _asked(database: str, schema: str, question: Callable[[Fleet], Awaitable[T]]) -> T:
    import asyncio

    async def run() -> T:
        from payermax_async.fleet import Fleet

        async with Fleet(database, schema=schema) as fleet:
            return await question(fleet)

    return asyncio.run(run())


def _as_json(found: FleetStatus) -> JsonObject:
    waits = found.oldest_notice
    return {
        "workers": [
            {
                "name": worker.name,
                "version": worker.version,
                "alive": worker.is_alive,
                "seen_ago": f"{worker.seen_ago.total_seconds():.1f}",
                "settled": worker.settled,
                "rate": f"{worker.rate:.2f}",
                "chunks": worker.chunks,
                "error": worker.error,
                "wanted": worker.wanted,
            }
            for worker in found.workers
        ],
        "stuck": [
            {
                "batch": chunk.batch,
                "chunk": chunk.number,
                "tries": chunk.tries,
                "error": chunk.error,
            }
            for chunk in found.stuck
        ],
        "open": found.open_rows,
        "oldest_notice": None if waits is None else f"{waits.total_seconds():.0f}",
        "problems": list(found.problems),
    }


def _show(found: FleetStatus) -> None:
    console = output_console()
    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in (
        "worker",
        "version",
        "seen",
        "rows/s",
        "settled",
        "chunks",
        "error",
    ):
        table.add_column(heading)
    for worker in found.workers:
        table.add_row(
            clean(worker.name),
            clean(worker.version),
            Text(
                f"{worker.seen_ago.total_seconds():.0f} s ago",
                "good" if worker.is_alive else "bad",
            ),
            f"{worker.rate:.1f}",
            str(worker.settled),
            str(worker.chunks),
            clean(worker.error),
        )
    console.print(table)
    console.print(f"{found.open_rows} orders are open")
    for problem in found.problems:
        console.print(Text(clean(problem), "bad"))
