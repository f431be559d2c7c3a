"""A run from its first row to its end, whoever stops it on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from payermax_async.cli.bulk.progress_view import ProgressView, view_for
from payermax_async.cli.console import error_console
from payermax_async.cli.stopping import stop_signal

if TYPE_CHECKING:
    from payermax_async.bulk import (
        BulkItem,
        BulkProgress,
        BulkRails,
        BulkRun,
        Rail,
        SqliteJournal,
    )
    from payermax_async.config import MerchantConfig
    from payermax_async.core.errors import PayerMaxError

__all__ = ["Ended", "Sending", "Stopping", "sent"]

_UNHEARD = suppress(OSError)
"""Around what is said on the way: a disk that is full or a reader that has left may not
decide about the run."""


@attrs.frozen(kw_only=True)
class Sending:
    """What is to be sent, and how."""

    config: MerchantConfig
    source: Generator[BulkItem] = attrs.field(repr=False)
    rows: int
    journal: SqliteJournal
    plan: str
    rails: BulkRails
    at_once: int
    per_second: float | None
    journal_lost: bool
    events: Path | None
    as_json: bool


@attrs.frozen(kw_only=True)
class Ended:
    """How a run ended."""

    progress: BulkProgress | None
    """How far it came; ``None`` if it never began."""
    is_stopped: bool
    """Whether somebody said stop."""
    rail: Rail | None
    """At which rail it stopped."""
    error: PayerMaxError | None
    """What ended it early."""


def sent(order: Sending) -> Ended:
    """Send it all, and wait for the end.

    Raises:
        KeyboardInterrupt: Somebody said stop twice.
    """
    return asyncio.run(_sent(order))


async def _sent(order: Sending) -> Ended:
    from payermax_async.bulk import create_links
    from payermax_async.cli.bulk.aftermath import EventFile
    from payermax_async.client import PayerMaxClient
    from payermax_async.core.errors import PayerMaxError

    failure: PayerMaxError | None = None
    stopping: Stopping | None = None
    run: BulkRun | None = None
    with ExitStack() as last, stop_signal() as stop:
        hooks = []
        if order.events is not None:
            hooks = [last.enter_context(EventFile(order.events))]
        # A run that stops early leaves it where it is, with its file open.
        last.callback(order.source.close)
        view = view_for(as_json=order.as_json)
        last.callback(view.close)
        try:
            async with (
                PayerMaxClient(order.config, hooks=hooks) as client,
                create_links(
                    client,
                    order.source,
                    journal=order.journal,
                    at_once=order.at_once,
                    per_second=order.per_second,
                    rails=order.rails,
                    rows=order.rows,
                    plan=order.plan,
                    journal_lost=order.journal_lost,
                ) as run,
            ):
                stopping = Stopping(run, stop)
                await _followed(run, view, stopping)
        except PayerMaxError as error:
            failure = error
        # After the second signal it is our own; anybody else's goes on.
        except asyncio.CancelledError:
            if stopping is None or not stopping.twice:
                raise
            raise KeyboardInterrupt from None
    return Ended(
        progress=run.progress if run is not None else None,
        is_stopped=stopping is not None and stopping.once,
        rail=run.rail if run is not None else None,
        error=failure,
    )


class Stopping:
    """The first signal lets end what is under way, the second one ends it."""

    def __init__(self, run: BulkRun, stop: asyncio.Event) -> None:
        self._run, self._stop = run, stop
        self.once: bool = False
        self.twice: bool = False

    async def watch(self, work: asyncio.Task[object]) -> None:
        """Wait for signals until the work is over."""
        await self._stop.wait()
        # So that the second signal is told from the first.
        self._stop.clear()
        self.once = True
        self._run.stop()
        # Ctrl-C ends a 'tee' behind the command, too: then nobody reads on.
        with _UNHEARD:
            error_console().print(
                "Stopping: what is under way ends first. Once more to stop at once.",
                style="care",
            )
        await self._stop.wait()
        self.twice = True
        work.cancel()


async def _followed(run: BulkRun, view: ProgressView, stopping: Stopping) -> None:
    """Take every row, and show how far it is."""

    async def show() -> None:
        while True:
            with _UNHEARD:
                view.show(run.progress)
            await asyncio.sleep(view.every)

    work = asyncio.current_task()
    aside = [asyncio.create_task(show())]
    if work is not None:
        aside.append(asyncio.create_task(stopping.watch(work)))
    try:
        async for _ in run:
            pass
        with _UNHEARD:
            view.show(run.progress)
    finally:
        for task in aside:
            task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*aside, return_exceptions=True)
