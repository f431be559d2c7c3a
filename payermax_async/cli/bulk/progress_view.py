"""How far a run is: a bar in a terminal, lines in a pipe, JSON for programs."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from payermax_async.cli.console import error_console, plain

if TYPE_CHECKING:
    from payermax_async.bulk import BulkProgress

__all__ = ["ProgressView", "counts_of", "progress_line", "view_for"]

_COUNTS = (
    ("created", "created now"),
    ("found", "found"),
    ("known", "known before"),
    ("refused", "refused"),
    ("conflicting", "conflicting"),
    ("unknown", "unknown"),
    ("in_doubt", "in doubt"),
    ("throttled", "throttled"),
)
_ALWAYS = frozenset({"created", "known", "refused", "in_doubt"})


class ProgressView(Protocol):
    """Shows progress as it comes."""

    every: float
    """Seconds between two looks."""

    def show(self, progress: BulkProgress) -> None:
        """Show it."""
        ...

    def close(self) -> None:
        """Leave the terminal as it was."""
        ...


def view_for(*, as_json: bool) -> ProgressView:
    """The view that fits where the output goes."""
    console = error_console()
    if as_json:
        return _ProgressJson()
    return _ProgressBars(console) if console.is_terminal else _ProgressLines(console)


def progress_line(progress: BulkProgress) -> str:
    """How far, how fast, and how long it still takes."""
    of = f" of {progress.rows}" if progress.rows is not None else ""
    parts = [f"{progress.settled}{of}", f"{progress.rate:.0f}/s"]
    if progress.remaining is not None:
        parts.append(f"{_span(progress.remaining)} left")
    if progress.waits_for:
        parts.append(f"waits: {progress.waits_for}")
    return "  ".join(parts)


def counts_of(progress: BulkProgress) -> str:
    """What became of the rows so far."""
    return "  ".join(
        f"{words} {count}"
        for name, words in _COUNTS
        if (count := int(getattr(progress, name))) or name in _ALWAYS
    )


def _span(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))


class _ProgressLines:
    """A line now and then, for pipes and logs."""

    every = 5.0

    def __init__(self, console: Console) -> None:
        self._console = console

    def show(self, progress: BulkProgress) -> None:
        line = f"{progress_line(progress)}  {counts_of(progress)}"
        self._console.print(line, soft_wrap=True)

    def close(self) -> None:
        pass


class _ProgressJson:
    """An object now and then."""

    every = 2.0

    def show(self, progress: BulkProgress) -> None:
        # At once: whoever reads a pipe would get it a buffer later.
        print(json.dumps({"event": "progress", **_numbers(progress)}), flush=True)

    def close(self) -> None:
        pass


def _numbers(progress: BulkProgress) -> dict[str, object]:
    value = plain(progress)
    return {**value} if isinstance(value, dict) else {}


class _ProgressBars:
    """A bar and two lines that change in their place."""

    every = 0.25

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, auto_refresh=False, transient=True)
        self._live.start()

    def show(self, progress: BulkProgress) -> None:
        done = ProgressBar(
            total=progress.rows or 1,
            # Of a source of unknown length there is no share to show.
            completed=progress.settled if progress.rows else 0,
            width=min(self._live.console.width, 60),
        )
        what = Text(progress_line(progress), style="title", no_wrap=True)
        counts = Text(counts_of(progress))
        lines = Table.grid()
        for line in (done, what, counts):
            lines.add_row(line)
        self._live.update(lines, refresh=True)

    def close(self) -> None:
        self._live.stop()
