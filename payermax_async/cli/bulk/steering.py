"""``payermax bulk pause | rate``: what runs are told, wherever they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from payermax_async.cli.bulk.options import JournalFile
from payermax_async.cli.bulk.order_source import journal_at
from payermax_async.cli.bulk.status import told_of
from payermax_async.cli.console import clean, output_console
from payermax_async.cli.merchant import Flag
from payermax_async.core.errors import ConfigurationError

if TYPE_CHECKING:
    from payermax_async.bulk.control import BulkControl

__all__ = ["pause", "rate"]


def pause(journal: JournalFile, /, *, off: Annotated[bool, Flag] = False) -> int:
    """Have the runs of a batch begin nothing new; what is under way ends.

    They notice within about a second and wait. The pause is kept in the journal: it
    holds for runs that are started later, too.

    Args:
        journal: The batch's journal.
        off: Let them go on.
    """
    _say(_tell(journal, paused=not off))
    return 0


def rate(
    journal: JournalFile,
    /,
    *,
    per_second: float | None = None,
    at_once: int | None = None,
) -> int:
    """Set the pace of the runs of a batch; they follow within about a second.

    Args:
        journal: The batch's journal.
        per_second: How many links each run begins a second; 0 for as it was given.
        at_once: How many are under way in each run; 0 for as it was given.
    """
    if per_second is None and at_once is None:
        raise ConfigurationError("give --per-second, --at-once or both")
    _say(_tell(journal, per_second=per_second, at_once=at_once))
    return 0


def _tell(
    journal: JournalFile,
    /,
    *,
    paused: bool | None = None,
    per_second: float | None = None,
    at_once: int | None = None,
) -> BulkControl:
    import asyncio

    opened = journal_at(journal, must_exist=True)
    # Of a file that is none yet, or none of a batch, nothing is made here.
    if opened.status().batch is None:
        raise ConfigurationError(f"{clean(journal)}: no run has begun this batch")

    async def tell() -> BulkControl:
        async with opened:
            return await opened.control(
                paused=paused, per_second=per_second, at_once=at_once
            )

    return asyncio.run(tell())


def _say(control: BulkControl) -> None:
    told = told_of(control) or "nothing: they go by what they were given"
    output_console().print(f"The runs of this batch are told: {told}.")
