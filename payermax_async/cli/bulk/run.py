"""``payermax bulk run`` and ``resume``: send what was planned."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import attrs
from cyclopts import Group, Parameter

from payermax_async.cli.bulk.consent import (
    check_ready,
    confirm,
    links_of,
    plan_name,
)
from payermax_async.cli.bulk.order_source import (
    JOURNAL,
    OrderSource,
    journal_at,
    status_of,
)
from payermax_async.cli.bulk.plan import read_orders
from payermax_async.cli.bulk.plan_text import show_plan
from payermax_async.cli.bulk.rails import RailOptions
from payermax_async.cli.bulk.steering import pause
from payermax_async.cli.bulk.summary import GoOn, summed_up
from payermax_async.cli.console import WORDS, clean, error_console
from payermax_async.cli.failures import INTERRUPTED, Exit, exit_code
from payermax_async.cli.failures import report as report_error
from payermax_async.cli.merchant import Flag, MerchantSource
from payermax_async.core.errors import PayerMaxError

if TYPE_CHECKING:
    from payermax_async.bulk import BatchPlan
    from payermax_async.cli.bulk.sending import Sending

__all__ = ["RunOptions", "resume", "run"]

_RUN = Group("Run", sort_key=3)


@Parameter(name="*", group=_RUN)
@attrs.frozen(kw_only=True)
class RunOptions:
    """How a batch is sent."""

    yes: Annotated[bool, Flag, Parameter(help="Send it.")] = False
    """Whether to send without being asked."""
    links: Annotated[
        int | None,
        Parameter(help="In production, with --yes: the number of links to be made."),
    ] = None
    """The number typed back."""
    plan: Annotated[
        str | None, Parameter(help="Send only if the plan has this hash.")
    ] = None
    """The plan that somebody has looked at."""
    skip_bad: Annotated[
        bool, Flag, Parameter(help="Send the other orders; refuse what is wrong.")
    ] = False
    """Whether to go on although rows have problems."""
    changed: Annotated[
        bool, Flag, Parameter(help="The file was changed on purpose since it began.")
    ] = False
    """Whether another plan may go on in the journal."""
    journal_lost: Annotated[
        bool, Flag, Parameter(help="Ask about every order first: a journal was lost.")
    ] = False
    """Whether rows may have been sent that the journal does not know."""
    at_once: Annotated[int, Parameter(help="Creates under way.")] = 16
    """How many creates are under way."""
    per_second: Annotated[
        float | None, Parameter(help="Creates a second, at the most.")
    ] = None
    """How many creates are begun a second."""
    events: Annotated[
        Path | None, Parameter(help="JSON lines to write each event to.")
    ] = None
    """Where events go."""
    on_finish: Annotated[
        str | None, Parameter(help="Command to run at the end, without a shell.")
    ] = None
    """A command for the end."""
    as_json: Annotated[
        bool, Flag, Parameter(name="--json", help="Progress and end as JSON lines.")
    ] = False
    """Whether programs read along."""


def run(
    file: Annotated[Path, Parameter(name="FILE")],
    /,
    *,
    journal: Annotated[Path, JOURNAL],
    options: RunOptions | None = None,
    rails: RailOptions | None = None,
    orders: OrderSource | None = None,
    source: MerchantSource | None = None,
) -> int:
    """Make the link of every order of a file, each exactly once.

    Shows the plan first, and sends nothing without --yes. Ctrl-C stops it cleanly; the
    same command goes on.

    Exit codes: 0 every order that was worked on has its link, 1 some have none, 2
    nothing was sent, 3 of some it is not known, 4 a rail stopped it, 5 it was told to
    stop.

    Args:
        file: CSV, .xlsx or JSON lines.
        journal: Remembers the batch; keep it.
        options: How it is sent.
        rails: Where it stops by itself.
        orders: How the file is to be read.
        source: Where the merchant's settings are.
    """
    return _run(
        file,
        journal,
        options or RunOptions(),
        rails or RailOptions(),
        orders or OrderSource(),
        source or MerchantSource(),
    )


def resume(
    file: Annotated[Path | None, Parameter(name="FILE")] = None,
    /,
    *,
    journal: Annotated[Path, JOURNAL],
    options: RunOptions | None = None,
    rails: RailOptions | None = None,
    orders: OrderSource | None = None,
    source: MerchantSource | None = None,
) -> int:
    """Take a pause back and, with the file, go on where a batch stopped.

    Args:
        file: The file of the batch; without it, runs that are paused go on.
        journal: Of the batch; it must be there.
        options: How it is sent.
        rails: Where it stops by itself.
        orders: How the file is to be read.
        source: Where the merchant's settings are.
    """
    journal_at(journal, must_exist=True)
    pause(journal, off=True)
    if file is None:
        return Exit.DONE
    return run(
        file,
        journal=journal,
        options=options,
        rails=rails,
        orders=orders,
        source=source,
    )


def _run(
    file: Path,
    journal: Path,
    options: RunOptions,
    rails: RailOptions,
    orders: OrderSource,
    source: MerchantSource,
) -> int:
    from payermax_async.cli.bulk.aftermath import finish_command, on_finish
    from payermax_async.cli.bulk.sending import Sending

    config = source.read()
    # Whatever was typed before anything is opened: a wrong word makes no journal.
    limits = rails.read(datetime.now().astimezone())
    asked = options.on_finish
    words = None if asked is None else finish_command(asked)
    book = journal_at(journal, must_exist=False)
    known = status_of(book, journal)
    found = read_orders(orders, file, known[1] if known else None)
    plan = found.plan(config.defaults, journal=book.read() if known else ())
    if not options.as_json:
        show_plan(found, plan, config.environment, datetime.now(UTC))
    begun = known[0].batch.plan if known and known[0].batch else None
    name = plan_name(plan, begun, orders, options)
    check_ready(plan, options)
    confirm(config, links_of(plan, rails.first), options)
    order = Sending(
        config=config,
        # The plan told of them, and nothing can be sent without an id.
        source=found.orders(without=plan.nameless),
        rows=plan.rows - len(plan.nameless),
        journal=book,
        plan=name,
        rails=limits,
        at_once=options.at_once,
        per_second=options.per_second,
        journal_lost=options.journal_lost,
        events=options.events,
        as_json=options.as_json,
    )
    code = int(Exit.UNKNOWN)  # as long as nothing else is certain
    try:
        code = _ended(order, plan, GoOn.of(WORDS.get(), file, journal))
    except KeyboardInterrupt:
        code = INTERRUPTED
        raise
    except PayerMaxError as error:
        code = exit_code(error)
        raise
    finally:
        # Also when nobody could be told: whoever waits for it has to hear of the end.
        if words is not None:
            facts = {"PAYERMAX_BULK_EXIT": str(code), "PAYERMAX_BULK": str(journal)}
            on_finish(words, facts)
    return code


def _ended(order: Sending, plan: BatchPlan, go_on: GoOn) -> Exit:
    """Send it, and tell how it ended."""
    from payermax_async.cli.bulk.sending import sent

    try:
        ended = sent(order)
    except KeyboardInterrupt:
        with suppress(OSError):
            error_console().print(
                "Broken off: what was under way is asked about first.\n"
                f"To go on: {clean(go_on.again)}",
                style="care",
                soft_wrap=True,
            )
        raise
    code = summed_up(ended, plan, order.journal, go_on, as_json=order.as_json)
    # A rail was asked for: stopping there is no error.
    if ended.error is not None and code is not Exit.RAIL:
        # What became of the rows stands above; it is not about one call.
        report_error(ended.error, error_console(), advises=ended.progress is None)
    return code
