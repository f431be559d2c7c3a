"""A run goes by its orders and its signals, whoever reads what it says, or nobody."""

from __future__ import annotations

import asyncio
import errno
from pathlib import Path
from typing import Any, cast

import attrs
import pytest

from payermax_async.bulk import BulkProgress, BulkReport, BulkRun, SqliteJournal
from payermax_async.bulk.records import RowState
from payermax_async.cli.bulk import sending
from payermax_async.sandbox.server import SandboxServer
from tests.bulk.sheets import csv_text, order
from tests.cli.conftest import Shell

UNHEARD = [OSError(errno.ENOSPC, "full"), BrokenPipeError()]


@attrs.define
class Deaf:
    """A console and a view that nobody reads."""

    error: OSError
    shown: int = 0
    every = 0.01

    def print(self, *_args: Any, **_more: Any) -> None:
        raise self.error

    def show(self, _progress: BulkProgress) -> None:
        self.shown += 1
        raise self.error

    def close(self) -> None:
        pass


class Told:
    """A run that notes whether it was told to stop."""

    stopped = False

    def stop(self) -> None:
        self.stopped = True


@pytest.mark.parametrize("error", UNHEARD)
async def test_a_signal_stops_it_though_that_cannot_be_said(
    error: OSError, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "error_console", lambda: Deaf(error))
    run, signal = Told(), asyncio.Event()
    stopping = sending.Stopping(cast("BulkRun", run), signal)
    work = asyncio.create_task(asyncio.Event().wait())
    watch = asyncio.create_task(stopping.watch(cast("asyncio.Task[object]", work)))
    signal.set()
    while signal.is_set():
        await asyncio.sleep(0)
    assert run.stopped
    assert not stopping.twice
    signal.set()
    await watch
    with pytest.raises(asyncio.CancelledError):
        await work
    assert stopping.twice


@pytest.mark.parametrize("error", UNHEARD)
async def test_its_progress_may_be_told_to_nobody(
    error: OSError,
    gateway: SandboxServer,
    shell: Shell,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    deaf = Deaf(error)

    def view(*, as_json: bool) -> Deaf:
        return deaf

    monkeypatch.setattr(sending, "view_for", view)
    file, journal = tmp_path / "n.csv", tmp_path / "j.sqlite3"
    file.write_text(csv_text([order(f"A-{n}") for n in range(3)]))
    told = await shell("bulk", "run", str(file), "--journal", str(journal), "--yes")
    assert told.code == 0, told.err
    assert deaf.shown
    assert BulkReport(SqliteJournal(journal).read).counts() == {RowState.CREATED: 3}
    (run,) = SqliteJournal(journal).status().runs
    assert run.ended == "finished"
