"""Workers in processes of their own against the sandbox, with and without accidents.

``python -m benchmarks.fleet --links 2000 --workers 4`` needs PAYERMAX_TEST_POSTGRES. It
makes the links of one batch, kills and stops workers on the way with ``--accidents``,
and holds the sandbox's ledger against the journal: links made twice, and lost ones.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import resource
import secrets
import signal
import sys
import time
from collections import Counter
from pathlib import Path

import attrs
import psycopg

from payermax_async import CreateLink, MerchantConfig, UserInfo
from payermax_async.bulk import RowState
from payermax_async.fleet import Fleet, FleetBatch
from payermax_async.sandbox import (
    Duplicates,
    LedgerPolicy,
    SandboxOptions,
    SandboxServer,
)

# A gateway that makes whatever it is asked for: only the fleet keeps a double away.
CARELESS = SandboxOptions(ledger=LedgerPolicy(duplicate_links=Duplicates.SECOND))
_PATIENCE = 1200.0


@attrs.frozen(kw_only=True)
class FleetFigures:
    """What came of a run."""

    links: int
    twice: int
    lost: int
    seconds: float
    cpu_ms_a_link: float
    """Of all workers, in milliseconds."""
    wal_kb_a_link: float
    commits_a_link: float
    accidents: int

    @property
    def told(self) -> str:
        """In a line."""
        return (
            f"{self.links} links in {self.seconds:.0f} s "
            f"({self.links / self.seconds:.0f}/s): TWICE {self.twice}, LOST "
            f"{self.lost}; {self.cpu_ms_a_link:.1f} ms of workers' CPU and "
            f"{self.wal_kb_a_link:.1f} KB of WAL and {self.commits_a_link:.2f} "
            f"commits a link; {self.accidents} accidents"
        )


def link(number: int) -> CreateLink:
    """One of the batch."""
    return CreateLink(
        merchant_link_id=f"fleet-{number}",
        total_amount="19.90",
        currency="USD",
        country="US",
        description="Blue T-shirt",
        user_info=UserInfo(user_id="customer-98"),
    )


def _children(process: int) -> list[int]:
    path = Path(f"/proc/{process}/task/{process}/children")
    with contextlib.suppress(OSError):
        return [int(number) for number in path.read_text(encoding="ascii").split()]
    return []


async def _accidents(process: int, chance: random.Random, log: list[str]) -> None:
    """Kill a worker, or stop one for a while and wake it, again and again."""
    while True:
        await asyncio.sleep(chance.uniform(2, 5))
        children = _children(process)
        if not children:
            continue
        victim = chance.choice(children)
        with contextlib.suppress(ProcessLookupError):
            if chance.random() < 0.5:
                os.kill(victim, signal.SIGKILL)
                log.append("killed")
            else:
                os.kill(victim, signal.SIGSTOP)
                await asyncio.sleep(chance.uniform(1, 4))
                os.kill(victim, signal.SIGCONT)
                log.append("stopped")


async def _open(fleet: Fleet, batch: FleetBatch) -> int:
    counts = await asyncio.to_thread(fleet.journal(batch).status)
    waiting = (RowState.PLANNED, RowState.SENDING, RowState.UNKNOWN)
    return sum(counts.counts.get(state, 0) for state in waiting)


def _cost(address: str) -> tuple[int, int]:
    """Bytes of WAL and commits so far; others' are in it, too."""
    with psycopg.connect(address, autocommit=True) as connection:
        row = connection.execute(
            "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0'), "
            "(SELECT xact_commit FROM pg_stat_database "
            "WHERE datname = current_database())"
        ).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])


async def measure(
    links: int, workers: int, *, accidents: bool, seed: int, address: str
) -> FleetFigures:
    """Make so many links, and compare what the sandbox and the journal say."""
    schema = f"fleet_{secrets.token_hex(6)}"
    log: list[str] = []
    try:
        async with (
            # By the machine's own time: what is too old is refused as PayerMax does.
            SandboxServer(options=CARELESS) as sandbox,
            Fleet(address, schema=schema) as fleet,
        ):
            config = MerchantConfig.from_env(sandbox.settings)
            batch = await fleet.open_batch("fleet", config)
            await fleet.enqueue(batch, map(link, range(links)))
            before, (wal, commits) = time.monotonic(), _cost(address)
            cpu = resource.getrusage(resource.RUSAGE_CHILDREN)
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", "payermax_async", "worker", "--schema", schema),
                *("--processes", str(workers)),
                env={**os.environ, **sandbox.settings, "PAYERMAX_DATABASE": address},
            )
            harm = None
            if accidents:
                harm = asyncio.create_task(
                    _accidents(process.pid, random.Random(seed), log)
                )
            async with asyncio.timeout(_PATIENCE):
                while await _open(fleet, batch):  # noqa: ASYNC110 - others do it
                    await asyncio.sleep(0.5)
            if harm is not None:
                harm.cancel()
            seconds, cost = time.monotonic() - before, _cost(address)
            process.terminate()
            await process.wait()
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            used = (after.ru_utime + after.ru_stime) - (cpu.ru_utime + cpu.ru_stime)
            made = Counter(
                one.merchant_link_id for one in sandbox.engine.ledger.repository.links()
            )
            counts = fleet.journal(batch).status().counts
    finally:
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(f'DROP SCHEMA IF EXISTS "{schema}" CASCADE'.encode())
    created = counts.get(RowState.CREATED, 0)
    return FleetFigures(
        links=links,
        twice=sum(count - 1 for count in made.values()),
        lost=links - min(created, len(made)),
        seconds=seconds,
        cpu_ms_a_link=1000 * used / links,
        wal_kb_a_link=(cost[0] - wal) / 1024 / links,
        commits_a_link=(cost[1] - commits) / links,
        accidents=len(log),
    )


def main() -> int:
    """Run it, and fail if anything was made twice or lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--links", type=int, default=2000)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--accidents", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    found = asyncio.run(
        measure(
            given.links,
            given.workers,
            accidents=given.accidents,
            seed=given.seed,
            address=os.environ["PAYERMAX_TEST_POSTGRES"],
        )
    )
    print(found.told)
    return 1 if found.twice or found.lost else 0


if __name__ == "__main__":
    sys.exit(main())
