"""No link twice and none lost, wherever a bulk run is killed.

Run it with ``python -m benchmarks.bulk_kill``. Processes work on one journal, one after
the other, against a sandbox that makes any link a second time if it is asked to, and
loses some answers; each is killed with SIGKILL at a random moment. The last run goes to
the end, by a clock that is wound on. It fails unless the sandbox made each link once.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from payermax_async import ClientOptions
from payermax_async.bulk import DoneRow, DoneState, SqliteJournal, create_links
from payermax_async.sandbox import (
    Duplicates,
    FaultKind,
    FaultRule,
    LedgerPolicy,
    SandboxOptions,
)
from payermax_async.storage.lease_clock import LeaseClock, system_lease_clock
from payermax_async.testing import LocalSandbox
from tests.bulk.kit import orders

SEED = 4711
LONGEST = 0.6
"""Seconds that a process works."""


def options() -> SandboxOptions:
    return SandboxOptions(
        ledger=LedgerPolicy(duplicate_links=Duplicates.SECOND),
        faults=tuple(
            FaultRule(kind=kind, operation="createPaybylink", probability=0.03)
            for kind in (FaultKind.DONE_NO_ANSWER, FaultKind.NOT_DONE_NO_ANSWER)
        ),
        seed=SEED,
    )


async def killed(
    environment: dict[str, str], file: Path, rows: int, after: float
) -> None:
    """Let a process work from its first row on for so long, and kill it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.bulk.killed",
        *(str(file), str(rows), "never", "0", "16"),
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdout is not None
    await process.stdout.readline()
    try:
        async with asyncio.timeout(after):
            await process.communicate()
    except TimeoutError:
        process.kill()
        await process.communicate()


async def main(rows: int, kills: int) -> bool:
    chance, begun = random.Random(SEED), time.perf_counter()
    async with LocalSandbox.running(port=True, options=options()) as sandbox:
        server = sandbox._server  # pyright: ignore[reportPrivateUsage]
        environment = dict(server.settings) if server is not None else {}
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "november.sqlite3"
            for _ in range(kills):
                after = chance.uniform(0, LONGEST)
                await killed(environment, file, rows, after)
            made_by_killed = len(sandbox.engine.ledger.repository.links())
            ends = await last(sandbox, file, rows)
    made = Counter(
        link.merchant_link_id for link in sandbox.engine.ledger.repository.links()
    )
    twice = sum(count > 1 for count in made.values())
    lost = rows - len(made)
    states = Counter(done.state for done in ends)
    settled = states[DoneState.CREATED] + states[DoneState.FOUND] == rows
    if not settled:
        print("the others:", *others(ends), sep="\n  ")
    print(
        f"{rows} rows, {kills} kills, {made_by_killed} links by then: {twice} twice, "
        f"{lost} lost, {dict(states)}, {time.perf_counter() - begun:.0f} s"
    )
    return not twice and not lost and settled


def others(ends: list[DoneRow]) -> list[str]:
    """Why rows got no link, the most frequent reason first."""
    why = Counter(
        (str(done.state), done.reason)
        for done in ends
        if done.state not in (DoneState.CREATED, DoneState.FOUND)
    )
    return [
        f"{count} {state}: {reason}" for (state, reason), count in why.most_common()
    ]


async def last(sandbox: LocalSandbox, file: Path, rows: int) -> list[DoneRow]:
    system, start = system_lease_clock(), sandbox.clock.monotonic()

    def micros() -> int:
        return system.micros() + round((sandbox.clock.monotonic() - start) * 10**6)

    clock = LeaseClock(boot=system.boot, micros=micros)
    journal = SqliteJournal(file, lease_clock=clock)
    # That clock is wound on while the answers of a busy machine are under way.
    patient = ClientOptions(timeout=24 * 3600.0)
    async with (
        sandbox.client(options=patient) as client,
        create_links(client, orders(rows), journal=journal) as run,
    ):
        return [done async for done in run]


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rows", type=int, default=2000)
    arguments.add_argument("--kills", type=int, default=200)
    given = arguments.parse_args()
    sys.exit(0 if asyncio.run(main(given.rows, given.kills)) else 1)
