"""Processes that are killed at every step, and a gateway that makes any link twice."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from payermax_async.bulk import DoneState, RowState, SqliteJournal
from payermax_async.sandbox import (
    Duplicates,
    LedgerPolicy,
    SandboxCredentials,
    SandboxOptions,
)
from payermax_async.storage.lease_clock import LeaseClock, system_lease_clock
from payermax_async.testing import LocalSandbox
from tests.bulk.killed import STEPS
from tests.bulk.kit import orders, ran, states

ROWS = 4
CARELESS = SandboxOptions(ledger=LedgerPolicy(duplicate_links=Duplicates.SECOND))


@pytest.fixture(scope="module")
def credentials() -> SandboxCredentials:
    return SandboxCredentials.generate()


@pytest.fixture
async def sandbox(credentials: SandboxCredentials) -> AsyncIterator[LocalSandbox]:
    async with LocalSandbox.running(
        port=True, credentials=credentials, options=CARELESS
    ) as running:
        yield running


def links_of(sandbox: LocalSandbox) -> Counter[str]:
    links = sandbox.engine.ledger.repository.links()
    return Counter(link.merchant_link_id for link in links)


async def child(
    sandbox: LocalSandbox, file: Path, step: str, number: int, at_once: str = "2"
) -> asyncio.subprocess.Process:
    assert sandbox._server is not None  # pyright: ignore[reportPrivateUsage]
    settings = sandbox._server.settings  # pyright: ignore[reportPrivateUsage]
    arguments = [str(file), str(ROWS), step, str(number), at_once]
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.bulk.killed",
        *arguments,
        env={**os.environ, **settings},
        stdout=asyncio.subprocess.PIPE,
    )


def later(sandbox: LocalSandbox, file: Path) -> SqliteJournal:
    """The journal, by a clock that goes on when the sandbox's does."""
    system, begun = system_lease_clock(), sandbox.clock.monotonic()

    def micros() -> int:
        passed = sandbox.clock.monotonic() - begun
        return system.micros() + round(passed * 10**6)

    return SqliteJournal(file, lease_clock=LeaseClock(boot=system.boot, micros=micros))


@pytest.mark.parametrize("step", STEPS)
async def test_killed_at_any_step_each_link_is_made_once(
    sandbox: LocalSandbox, tmp_path: Path, step: str
) -> None:
    file = tmp_path / "november.sqlite3"
    process = await child(sandbox, file, step, 3)
    await process.communicate()
    assert process.returncode == -signal.SIGKILL
    async with sandbox.client() as client:
        rows = await ran(client, orders(ROWS), later(sandbox, file))
    assert set(states(rows)) <= {DoneState.CREATED, DoneState.FOUND}
    assert len(rows) == ROWS
    made = links_of(sandbox)
    assert set(made.values()) == {1}
    assert len(made) == ROWS
    known = {row.result.state for row in later(sandbox, file).read()}
    assert known == {RowState.CREATED}


@pytest.mark.skipif(not hasattr(os, "waitid"), reason="no waiting for a stop here")
@pytest.mark.parametrize("step", ["before-sending", "after-sending", "answered"])
async def test_stopped_past_its_hold_and_woken_it_makes_no_second_link(
    sandbox: LocalSandbox, tmp_path: Path, step: str
) -> None:
    file = tmp_path / "november.sqlite3"
    # One at a time: stopped in the middle of a commit, it would hold the file itself.
    process = await child(sandbox, file, step, -2, "1")
    try:
        await asyncio.to_thread(
            os.waitid, os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT
        )
        async with sandbox.client() as client:
            rows = await ran(client, orders(ROWS), later(sandbox, file))
    finally:
        process.send_signal(signal.SIGCONT)
        await process.communicate()
    assert set(states(rows)) <= {DoneState.CREATED, DoneState.FOUND}
    made = links_of(sandbox)
    assert set(made.values()) == {1}
    assert len(made) == ROWS
