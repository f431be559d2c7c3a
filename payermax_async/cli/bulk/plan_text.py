"""A plan as people read it before they say yes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from payermax_async.cli.console import clean, output_console, print_facts, visible

if TYPE_CHECKING:
    from payermax_async.bulk import BatchPlan, CurrencyTotal, OrderFile, RowProblem
    from payermax_async.core.strict_json import JsonObject
    from payermax_async.environment import Environment

__all__ = ["environment_in_capitals", "plan_as_json", "show_plan", "show_samples"]

_ONE_BY_ONE = 1000
"""Problems that are listed row by row; more are listed by what is wrong."""
_SHOWN = 20
_DAY = 24 * 3600
SHORT = 12
"""Digits of a plan's hash that people compare."""


def environment_in_capitals(environment: Environment) -> str:
    """Where the links are going to be, so that nobody overlooks it."""
    from payermax_async.core.addresses import is_own_machine

    if environment.name == "custom":
        where = environment.base_url
        return f"{'SANDBOX' if is_own_machine(where) else 'GATEWAY'} at {where}"
    return environment.name.upper()


def show_plan(
    orders: OrderFile, plan: BatchPlan, environment: Environment, now: datetime
) -> None:
    """Show all of it."""
    console = output_console()
    where = environment_in_capitals(environment)
    # First of all and loud: people look at a plan to see where money is asked for.
    style = "bad" if environment.name == "production" else "care"
    console.print(Text.assemble((clean(where), style)), soft_wrap=True)
    print_facts(
        console,
        [
            ("batch", plan.batch),
            ("orders", f"{plan.rows}, {plan.ready} of them ready"),
            ("plan", plan.hash[:SHORT]),
            *_known(plan),
            *_lifetimes(plan, now),
        ],
    )
    if plan.totals:
        console.print(_totals(plan.totals))
    for total in plan.totals:
        _show_unusual(total)
    for notice in (*orders.notices, *plan.notices):
        console.print(Text(f"  note: {clean(notice)}", style="care"), soft_wrap=True)
    for lack in plan.settings:
        console.print(Text(f"  settings: {clean(lack)}", style="bad"), soft_wrap=True)
    if plan.problems:
        show_problems(plan.problems)
    if not plan.rows:
        console.print(Text("There is no order below the headers.", style="bad"))


def _known(plan: BatchPlan) -> Iterator[tuple[str, str]]:
    if plan.known:
        counts = ", ".join(f"{n} {state.value}" for state, n in plan.known.items())
        yield "journal", f"knows {counts}; {plan.new} are new to it"
    if plan.changed:
        yield "changed", f"{len(plan.changed)}, {plan.mended} of them were refused"


def _lifetimes(plan: BatchPlan, now: datetime) -> Iterator[tuple[str, str]]:
    for seconds, count in sorted(
        plan.lifetimes.items(), key=lambda item: item[0] or _DAY
    ):
        length = timedelta(seconds=seconds or _DAY)
        until = (now + length).strftime("%Y-%m-%d %H:%M UTC")
        hours = f"{length / timedelta(hours=1):g} h"
        yield "expires", f"{count} after {hours}: if made now, on {until}"


def _totals(totals: Iterable[CurrencyTotal]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2), header_style="quiet")
    table.add_column("")
    table.add_column("currency")
    for name in ("orders", "total", "smallest", "median", "largest"):
        table.add_column(name, justify="right")
    for total in totals:
        table.add_row(
            "",
            total.currency,
            str(total.rows),
            f"{total.amount:f}",
            f"{total.smallest.amount:f}",
            f"{total.median:f}",
            f"{total.largest.amount:f}",
        )
    return table


def _show_unusual(total: CurrencyTotal) -> None:
    if not total.unusual:
        return
    console = output_console()
    console.print(
        Text(
            f"  {total.currency}: ten times the median or more, "
            f"{len(total.unusual)} of {total.rows}:",
            style="care",
        )
    )
    for one in total.unusual[:_SHOWN]:
        console.print(Text(f"    row {one.row}  {one.amount:f} {total.currency}"))
    if len(total.unusual) > _SHOWN:
        console.print(Text(f"    and {len(total.unusual) - _SHOWN} more"))


def show_problems(problems: tuple[RowProblem, ...]) -> None:
    """Show every problem: row by row, or very many by what is wrong."""
    console = output_console()
    console.print(Text(f"{len(problems)} to be mended:", style="bad"))
    if len(problems) <= _ONE_BY_ONE:
        width = max(len(str(one.row)) for one in problems)
        for one in problems:
            line = Text(f"  row {one.row:<{width}}  ")
            line.append(_what(one.column, one.reason, one.fix))
            console.print(line, soft_wrap=True)
        return
    # Nobody mends thousands one by one: such a file has one mistake in all its rows.
    groups: dict[tuple[str, str, str], list[int]] = {}
    for one in problems:
        place = one.column, _alike(one.reason), one.fix
        groups.setdefault(place, []).append(one.row)
    from payermax_async.bulk.files.workbook import ranges

    for (column, reason, fix), rows in groups.items():
        console.print(Text(f"  {_what(column, reason, fix)}"), soft_wrap=True)
        console.print(Text(f"    rows {ranges(rows, most=len(rows))}"), soft_wrap=True)


def _alike(reason: str) -> str:
    """One reason for all rows that repeat some other row each."""
    head, words, _ = reason.partition("is the same as in row ")
    return f"{head}{words}".removesuffix(" row ") + " another" if words else reason


def _what(column: str, reason: str, fix: str) -> str:
    head = f"{clean(column)}: " if column else ""
    return f"{head}{_sentence(visible(reason))} {fix}"


def _sentence(words: str) -> str:
    return words if words.endswith(("?", "!", ".")) else f"{words}."


def show_samples(samples: tuple[tuple[str, tuple[str, ...]], ...]) -> None:
    """Show what three cells would be in each encoding that a file may have."""
    console = output_console()
    console.print("Three of its cells, in the encodings that can have them:")
    for name, cells in samples:
        line = Text(f"  --encoding {name:<7} ", style="name")
        # They are from a file: nothing in them is obeyed by a terminal.
        line.append(" | ".join(clean(cell) for cell in cells), style="default")
        console.print(line, soft_wrap=True)


def plan_as_json(
    orders: OrderFile, plan: BatchPlan, environment: Environment
) -> JsonObject:
    """The plan for another program; amounts are text."""
    return {
        "environment": environment_in_capitals(environment),
        "batch": plan.batch,
        "plan": plan.hash,
        "file": orders.digest,
        "rows": plan.rows,
        "ready": plan.ready,
        "new": plan.new,
        "known": {state.value: count for state, count in plan.known.items()},
        "changed": list(plan.changed),
        # Amounts as text: to most programs a number of JSON is a binary one.
        "totals": [
            {
                "currency": one.currency,
                "rows": one.rows,
                "amount": f"{one.amount:f}",
                "smallest": f"{one.smallest.amount:f}",
                "median": f"{one.median:f}",
                "largest": f"{one.largest.amount:f}",
                "unusual": [
                    {"row": at.row, "amount": f"{at.amount:f}"} for at in one.unusual
                ],
            }
            for one in plan.totals
        ],
        "notices": [*orders.notices, *plan.notices],
        "settings": list(plan.settings),
        "problems": [
            {
                "row": one.row,
                "column": one.column,
                "reason": one.reason,
                "fix": one.fix,
            }
            for one in plan.problems
        ],
    }
