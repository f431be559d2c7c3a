"""How a run ended, for whoever waited for it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

import attrs

from payermax_async.cli.bulk.progress_view import counts_of
from payermax_async.cli.console import clean, output_console
from payermax_async.cli.failures import Exit, exit_code

if TYPE_CHECKING:
    from payermax_async.bulk import BatchPlan, Journal, RowState
    from payermax_async.cli.bulk.sending import Ended

__all__ = ["summed_up"]


@attrs.frozen
class GoOn:
    """Which commands go on."""

    again: str
    """With the rest."""
    mend: str
    """With what was refused."""

    @classmethod
    def of(cls, words: Sequence[str], file: Path, journal: Path) -> Self:
        """After a run.

        Args:
            words: What was given after ``payermax``.
            file: Of its orders.
            journal: Of the batch.
        """
        fix = file.with_name(f"{file.stem}-fix{file.suffix}")
        mend = ["bulk", "failed", str(journal), "--out", str(fix)]
        return cls(
            again=shlex.join(["payermax", *_without_trial(words)]),
            mend=shlex.join(["payermax", *mend]),
        )


def _without_trial(words: Sequence[str]) -> Iterator[str]:
    """The words without ``--first N``: after the trial comes the rest."""
    left = iter(words)
    for word in left:
        if word == "--first":
            next(left, None)
        elif not word.startswith("--first="):
            yield word


def summed_up(
    ended: Ended,
    plan: BatchPlan,
    journal: Journal,
    go_on: GoOn,
    *,
    as_json: bool,
) -> Exit:
    """Tell how it ended and how to go on.

    Args:
        ended: How.
        plan: What was to be done.
        journal: What is known now.
        go_on: The commands that go on.
        as_json: Whether a program reads along.

    Returns:
        The exit code.
    """
    from payermax_async.bulk import BulkReport, RowState

    if ended.progress is None:
        return Exit.USAGE  # it never began
    report = BulkReport(journal.read)
    counts = report.counts()
    # The journal may know more than the file, of which this speaks.
    exist = sum(
        row.result.state.exists for row in report.rows() if row.planned.key in plan.ids
    )
    code = _code(ended, plan, counts)
    word, style = _word(ended, plan, exist, code)
    if as_json:
        told = {
            "event": "finished",
            "exit": int(code),
            "how": word,
            "orders": plan.rows,
            "links": exist,
            "journal": {state.value: count for state, count in counts.items()},
        }
        print(json.dumps(told), flush=True)
        return code
    console = output_console()
    console.print(word, style=style, soft_wrap=True)
    console.print(f"  this run: {counts_of(ended.progress)}", soft_wrap=True)
    # What was only planned is part of the rest, of which the first line speaks.
    for total in (one for one in report.totals() if one.state is not RowState.PLANNED):
        line = f"  {total.rows} {total.state.value}"
        # Of a row whose amount cannot be read there is none to add up.
        if total.currency:
            line += f": {total.amount:f} {clean(total.currency)}"
        console.print(line, soft_wrap=True)
    for group in report.failures()[:10]:
        reason = clean(group.reasons[0][0]) if group.reasons else ""
        console.print(
            f"  {group.rows} {group.state.value}, such as: {reason.rstrip('.')}. "
            f"{clean(group.remedy)}",
            soft_wrap=True,
            style="care",
        )
    if plan.nameless:
        console.print(
            f"  {len(plan.nameless)} left out, without an order number of their own: "
            "'payermax bulk plan' lists them",
            soft_wrap=True,
            style="care",
        )
    if exist < plan.rows:
        # The same again would only be refused again.
        is_over = code is Exit.FAILED and ended.error is None and ended.rail is None
        what = ("To mend them", go_on.mend) if is_over else ("To go on", go_on.again)
        console.print(f"{what[0]}: {clean(what[1])}", soft_wrap=True)
    return code


def _code(ended: Ended, plan: BatchPlan, counts: dict[RowState, int]) -> Exit:
    from payermax_async.bulk import Rail

    progress = ended.progress
    if progress is None or progress.unknown or progress.in_doubt:
        return Exit.UNKNOWN
    # What was under way when it broke off, such as by a disk that was full.
    in_doubt = any(state.value in {"sending", "unknown"} for state in counts)
    error = ended.error if ended.rail is None else None
    if error is not None and (in_doubt or exit_code(error) is Exit.UNKNOWN):
        return Exit.UNKNOWN
    if ended.rail not in {None, Rail.FIRST}:
        return Exit.RAIL
    if ended.is_stopped:
        return Exit.STOPPED
    failed = progress.refused + progress.conflicting + len(plan.nameless)
    refused = any(
        not state.exists and state.value in {"refused", "conflicting"}
        for state in counts
    )
    return Exit.FAILED if failed or refused or ended.error else Exit.DONE


def _word(ended: Ended, plan: BatchPlan, exist: int, code: Exit) -> tuple[str, str]:
    from payermax_async.bulk import Rail

    links = f"{exist} of {plan.rows} orders have their link"
    if code is Exit.STOPPED or ended.is_stopped:
        return f"Stopped. {links}; the rest was not begun or is looked up next.", "care"
    if code is Exit.RAIL and ended.error is not None:
        return f"{clean(ended.error)}. {links}.", "care"
    if ended.rail is Rail.FIRST and ended.error is None:
        return f"The trial is over. {links}.", "good"
    if ended.error is not None:
        return f"Broken off. {links}.", "bad"
    if exist == plan.rows:
        return f"Finished. All {exist} orders have their link.", "good"
    return f"Finished. {links}.", "care"
