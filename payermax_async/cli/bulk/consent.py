"""What has to be so before a batch is sent: its plan, its rows, and a yes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from payermax_async.cli.bulk.order_source import OrderSource
from payermax_async.cli.bulk.plan_text import SHORT
from payermax_async.cli.console import output_console
from payermax_async.core.errors import ConfigurationError

if TYPE_CHECKING:
    from payermax_async.bulk import BatchPlan
    from payermax_async.cli.bulk.run import RunOptions
    from payermax_async.config import MerchantConfig

__all__ = ["check_ready", "confirm", "links_of", "plan_name"]


def plan_name(
    plan: BatchPlan, begun: str | None, orders: OrderSource, options: RunOptions
) -> str:
    """Under which plan the journal goes on.

    Raises:
        ConfigurationError: The journal was begun with another one.
    """
    # No fewer digits than are shown: a few would fit another file as well.
    if options.plan is not None and (
        len(options.plan) < SHORT or not plan.hash.startswith(options.plan)
    ):
        raise ConfigurationError(
            f"the plan is {plan.hash[:SHORT]}, not the one that was named: the file is "
            "not what was looked at"
        )
    if begun is None or begun == plan.hash:
        return plan.hash
    # A repair file: nothing in it is new, and what it changes was refused.
    is_repair = plan.new == 0 and len(plan.changed) == plan.mended
    if not orders.by_row and (is_repair or options.changed):
        return begun
    told = (
        f"the journal was begun with plan {begun[:SHORT] or '(none)'}, and this file "
        f"is plan {plan.hash[:SHORT]}: {plan.new} orders are new, {len(plan.changed)} "
        "differ"
    )
    if orders.by_row:
        raise ConfigurationError(
            f"{told}. Where rows stand for orders, the file must not change"
        )
    raise ConfigurationError(
        f"{told}. Use the file as it was, another journal for another batch, or "
        "--changed if this is the same batch, changed on purpose"
    )


def check_ready(plan: BatchPlan, options: RunOptions) -> None:
    """See that something can be sent.

    Raises:
        ConfigurationError: Nothing is sent, and why.
    """
    if plan.settings:
        raise ConfigurationError("nothing was sent: " + "; ".join(plan.settings))
    if not plan.ready:
        raise ConfigurationError("nothing was sent: no order is ready")
    if plan.problems and not options.skip_bad:
        rows = len({problem.row for problem in plan.problems})
        raise ConfigurationError(
            f"nothing was sent: {rows} of {plan.rows} orders have to be mended, or "
            "left out with --skip-bad; 'payermax bulk plan' lists them"
        )


def links_of(plan: BatchPlan, first: int | None) -> int:
    """How many links may be made."""
    return plan.to_make if first is None else min(first, plan.to_make)


def confirm(config: MerchantConfig, links: int, options: RunOptions) -> None:
    """Hear a yes: in production, the number of links.

    Raises:
        ConfigurationError: It was not said.
    """
    is_real = config.environment.name == "production"
    if options.yes and not is_real:
        return
    if options.yes and options.links == links:
        return
    if sys.stdin.isatty() and not options.as_json and not options.yes:
        ask = (
            f"Type the number of links, {links}, to send: "
            if is_real
            else (f"Send {links} links? Type yes: ")
        )
        # A yes is typed without thought, a number has to be read.
        wanted = str(links) if is_real else "yes"
        if output_console().input(ask).strip().lower() == wanted:
            return
        raise ConfigurationError("nothing was sent")
    how = f"--yes --links {links}" if is_real else "--yes"
    raise ConfigurationError(f"nothing was sent: add {how} to send {links} links")
