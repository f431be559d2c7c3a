"""``payermax bulk status``: how a batch stands, from any terminal."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, cast

import attrs
from cyclopts import Parameter

from payermax_async.cli.bulk.options import JournalFile
from payermax_async.cli.bulk.order_source import journal_at
from payermax_async.cli.bulk.refreshing import refreshed
from payermax_async.cli.console import (
    Fact,
    output_console,
    plain,
    print_facts,
    print_json,
)
from payermax_async.cli.failures import Exit
from payermax_async.cli.merchant import Flag, MerchantSource
from payermax_async.core.errors import ConfigurationError

if TYPE_CHECKING:
    from payermax_async.bulk.control import BatchStatus, BulkControl, RunStatus
    from payermax_async.bulk.progress import BulkProgress

__all__ = ["status"]


def status(
    journal: JournalFile,
    /,
    *,
    watch: Annotated[bool, Flag] = False,
    every: float = 2.0,
    as_json: Annotated[bool, Flag, Parameter(name="--json")] = False,
    refresh: Annotated[bool, Flag] = False,
    per_second: float = 5.0,
    at_most: int | None = None,
    source: MerchantSource | None = None,
) -> int:
    """Say how a batch stands: its rows, what its runs are told and how far they are.

    It only reads the journal, also while a run is at it. With --refresh, PayerMax is
    asked first which of the open links were paid, or can no longer be.

    Args:
        journal: The batch's journal.
        watch: Say it again and again, until no run is at it any more.
        every: Seconds between, with --watch.
        as_json: Print JSON for another program.
        refresh: Ask PayerMax about every link that is open; only questions are sent.
        per_second: How many questions begin in a second at the most.
        at_most: How many links to ask about, those asked about longest ago first.
        source: Where the merchant's settings are, with --refresh.
    """
    if not 0 < every < float("inf"):
        raise ConfigurationError("--every is more than 0 seconds")
    opened, code = journal_at(journal, must_exist=True), Exit.DONE
    if refresh:
        config = (source or MerchantSource()).read()
        # First: what is said below is what PayerMax has just told.
        code = refreshed(journal, config, per_second=per_second, at_most=at_most)
    while True:
        found = opened.status()
        if as_json:
            print_json(plain(_exact(attrs.asdict(found))))
        else:
            console = output_console()
            # In a pipe each look stays, one below the other.
            if watch and console.is_terminal:
                console.clear()
            print_facts(console, facts_of(found))
        # Killed ones are none: else a watch over a crash would never end.
        if not watch or not any(run.is_alive for run in found.runs):
            return code
        time.sleep(every)


def _exact(value: object) -> object:
    """Seconds and rates as text, for JSON has no number that all programs agree on."""
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, timedelta):
        return f"{value.total_seconds():.3f}"
    if isinstance(value, dict):
        items = cast("dict[str, object]", value)
        return {name: _exact(item) for name, item in items.items()}
    if isinstance(value, tuple):
        return [_exact(item) for item in cast("tuple[object, ...]", value)]
    return value


def facts_of(found: BatchStatus) -> Iterator[Fact]:
    """What there is to say, line by line."""
    if found.batch is None:
        yield "batch", "no run has begun it"
        return
    yield "batch", found.batch.fingerprint
    if found.batch.plan:
        yield "plan", found.batch.plan
    if found.batch.journal_lost:
        yield "journal", "an earlier one was lost: each row is asked about first"
    yield "rows", f"{sum(found.counts.values())} in the journal"
    for state, count in found.counts.items():
        yield f"  {state}", str(count)
    told = told_of(found.control)
    if told:
        yield "told", told
    for run in found.runs:
        yield f"run {run.run}", standing_of(run)


def told_of(control: BulkControl) -> str:
    """What runs are told, in words; empty for nothing."""
    parts: list[str] = []
    if control.paused:
        parts.append("to pause")
    if control.at_once is not None:
        parts.append(f"{control.at_once} at once")
    if control.per_second is not None:
        parts.append(f"{control.per_second:g} a second")
    parts.extend(
        f"at most {most:f} {name} in all"
        for name, most in sorted(control.max_amount.items())
    )
    return ", ".join(parts)


def standing_of(run: RunStatus) -> str:
    """How a run stands, in words."""
    if run.ended:
        # Nothing of it is left to come.
        over = attrs.evolve(run.progress, remaining=None, waits_for="")
        return f"{run.ended}: {counts_of(over)}"
    ago = "before the machine was started again"
    if run.seen_ago is not None:
        ago = f"{run.seen_ago.total_seconds():.0f} s ago"
    if not run.is_alive:
        return f"says nothing any more, last {ago}: {counts_of(run.progress)}"
    return f"at work, seen {ago}: {counts_of(run.progress)}"


def counts_of(progress: BulkProgress) -> str:
    """How far a run is, in words."""
    of = f" of {progress.rows}" if progress.rows is not None else ""
    parts = [f"{progress.settled}{of} settled"]
    parts.extend(
        f"{count} {name}"
        for name in ("created", "found", "refused", "conflicting", "unknown")
        if (count := getattr(progress, name))
    )
    if progress.known:
        parts.append(f"{progress.known} known before")
    if progress.in_doubt:
        parts.append(f"{progress.in_doubt} in doubt")
    if progress.throttled:
        parts.append(f"throttled {progress.throttled} times")
    if progress.rate:
        parts.append(f"{progress.rate:.1f} a second")
    if progress.remaining is not None:
        left = timedelta(seconds=round(progress.remaining))
        parts.append(f"{left} left")
    if progress.waits_for:
        parts.append(progress.waits_for)
    return ", ".join(parts)
