"""Fifty thousand links against the sandbox, and what their reports take.

Run it with ``python -m benchmarks.bulk_sandbox``. The sandbox has a process of its own
and checks every signature, over sockets of this machine; so has each run, whose replies
are verified. One run meets no trouble; of the other's creates 5 % are done and lose
their answer. Then each report is written by a process of its own from the journal of
the second run. It fails unless each link was made once and every row has its own.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from benchmarks.bulk_rate import SIGNATURES, orders
from payermax_async import MerchantConfig, PayerMaxClient, RsaSigner
from payermax_async.bulk import BulkReport, DoneState, SqliteJournal, create_links
from payermax_async.sandbox import (
    Duplicates,
    FaultKind,
    FaultRule,
    LedgerPolicy,
    SandboxOptions,
)
from payermax_async.sandbox.server import SandboxServer

DOUBTFUL = 0.05
SEED = 4711


def options(doubtful: float) -> SandboxOptions:
    lost = FaultRule(
        kind=FaultKind.DONE_NO_ANSWER, operation="createPaybylink", probability=doubtful
    )
    return SandboxOptions(
        # Without a check: a second create would make a second link, and be counted.
        ledger=LedgerPolicy(duplicate_links=Duplicates.SECOND),
        faults=(lost,) if doubtful else (),
        seed=SEED,
    )


async def measure(rows: int, file: Path) -> None:
    """Child: one run, told as JSON."""
    config = MerchantConfig.from_env()
    assert config.private_key is not None
    signer = RsaSigner(config.private_key)
    begun = time.process_time()
    for number in range(SIGNATURES):
        signer.sign_now(b"%d" % number * 100)
    bare = SIGNATURES / (time.process_time() - begun)
    states = Counter[DoneState]()
    async with PayerMaxClient(config) as client:
        begun, processor = time.perf_counter(), time.process_time()
        async with create_links(
            client, orders(rows), journal=SqliteJournal(file), rows=rows
        ) as run:
            async for done in run:
                states[done.state] += 1
        seconds = time.perf_counter() - begun
        processor = time.process_time() - processor
        progress = run.progress
    told(
        states=states,
        seconds=seconds,
        processor=processor,
        bare=bare,
        doubts=progress.doubts,
    )


def written(kind: str, file: Path, out: Path) -> None:
    """Child: one report, told as JSON."""
    report = BulkReport.of(SqliteJournal(file))
    writers: dict[str, Callable[[Path], object]] = {
        "csv": report.to_csv,
        "html": report.to_html,
        "jsonl": report.to_jsonl,
        "xlsx": report.to_xlsx,
        "qr": report.to_qr_sheet,
    }
    begun = time.process_time()
    writers[kind](out)
    told(processor=time.process_time() - begun, bytes=out.stat().st_size)


def told(**facts: object) -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({**facts, "peak_mib": peak}))


async def child(*words: str, environment: dict[str, str]) -> dict[str, float]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.bulk_sandbox", *words),
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    if process.returncode:
        raise SystemExit(f"{words}: exit {process.returncode}")
    found: dict[str, float] = json.loads(out)
    return found


async def run_of(rows: int, file: Path, doubtful: float) -> tuple[float, bool]:
    """The rate of one run, and whether each row has just one link."""
    async with SandboxServer(options=options(doubtful)) as server:
        found = await child(
            "--run", str(rows), str(file), environment=dict(server.settings)
        )
        made = Counter(
            link.merchant_link_id for link in server.engine.ledger.repository.links()
        )
    rate = rows / found["seconds"]
    share = rate / found["bare"]
    print(
        f"{rows} rows, {doubtful:.0%} doubtful: {found['states']}, {found['doubts']} "
        f"doubts; {rate:.0f}/s, {share:.1%} of {found['bare']:.0f} bare signatures/s; "
        f"{found['processor'] / rows * 1000:.2f} ms of processor a link, "
        f"{found['peak_mib']:.0f} MiB",
        flush=True,
    )
    return rate, len(made) == rows and made.total() == rows


async def main(rows: int, folder: Path) -> bool:
    plain, each = await run_of(rows, folder / "plain.sqlite3", 0)
    file = folder / "doubtful.sqlite3"
    doubtful, each_too = await run_of(rows, file, DOUBTFUL)
    print(f"with doubts {doubtful / plain:.0%} of the rate without", flush=True)
    for kind in ("csv", "jsonl", "xlsx", "html", "qr"):
        out = folder / f"report.{kind}"
        found = await child("--write", kind, str(file), str(out), environment={})
        print(
            f"{kind}: {found['processor']:.1f} s of processor, "
            f"{found['peak_mib']:.0f} MiB, file of {found['bytes'] / 2**20:.1f} MiB",
            flush=True,
        )
    print("each link once:", each and each_too)
    return each and each_too and doubtful >= 0.8 * plain


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rows", type=int, default=50_000)
    arguments.add_argument("--keep", type=Path, help="folder for journals and reports")
    arguments.add_argument("--run", nargs=2, metavar=("ROWS", "JOURNAL"))
    arguments.add_argument("--write", nargs=3, metavar=("KIND", "JOURNAL", "OUT"))
    given = arguments.parse_args()
    if given.run:
        asyncio.run(measure(int(given.run[0]), Path(given.run[1])))
    elif given.write:
        written(given.write[0], *map(Path, given.write[1:]))
    else:
        with tempfile.TemporaryDirectory() as scratch:
            folder = given.keep or Path(scratch)
            sys.exit(0 if asyncio.run(main(given.rows, folder)) else 1)
