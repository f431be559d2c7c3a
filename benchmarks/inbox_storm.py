"""What an inbox costs, and that it keeps its word when processes are killed.

Run it with ``python -m benchmarks.inbox_storm``. It lets 10 000 events come in, some
of them doubled, late or out of order, to two processes on one inbox, and kills these
with SIGKILL all the while. It fails if an event was lost or took effect twice. The
floor for the rate is what the same disk does in bare transactions, in the same run.

PostgreSQL takes part where ``PAYERMAX_TEST_POSTGRES`` names a server.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sqlite3
import sys
import tempfile
import time
from pathlib import Path

import psycopg

from tests.inbox import kit, storm

_COMMITS = 300


async def floor(place: kit.Place) -> float:
    """Transactions of one row in a second, one after the other."""
    begun = time.perf_counter()
    if place.kind == "sqlite":
        connection = sqlite3.connect(f"{place.where}.floor", isolation_level=None)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("CREATE TABLE t (body TEXT)")
        begun = time.perf_counter()
        for _ in range(_COMMITS):
            connection.execute("INSERT INTO t VALUES ('x')")
        connection.close()
        return _COMMITS / (time.perf_counter() - begun)
    async with await psycopg.AsyncConnection.connect(
        place.where, autocommit=True
    ) as other:
        await other.execute(f"CREATE SCHEMA IF NOT EXISTS {place.schema}".encode())
        await other.execute(f"CREATE TABLE {place.schema}.floor (body TEXT)".encode())
        insert = f"INSERT INTO {place.schema}.floor VALUES ('x')".encode()
        begun = time.perf_counter()
        for _ in range(_COMMITS):
            await other.execute(insert)
        return _COMMITS / (time.perf_counter() - begun)


async def measure(kind: str, how_much: storm.Storm, address: str) -> bool:
    """Let it storm over one kind of inbox; whether the inbox kept its word."""
    with tempfile.TemporaryDirectory() as folder:
        async with kit.place(kind, Path(folder), address) as place:
            bare = await floor(place)
            report = await storm.run(how_much, place, patience=600)
    lost = report.expected - report.effects.keys()
    twice = [order for order, times in report.effects.items() if times != 1]
    rate = how_much.events / report.seconds
    print(
        f"{kind:10}{how_much.events:8} events {report.posts:8} requests "
        f"{report.kills:5} kills {report.unanswered:6} cut off "
        f"{report.given_up:4} given up {len(lost):4} lost {len(twice):4} twice "
        f"{report.seconds:7.1f} s {rate:7.0f}/s {bare / rate:6.1f} commits' time each"
    )
    return not lost and not twice and len(report.expected) == how_much.events


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=4711)
    options = parser.parse_args()
    how_much = storm.Storm(
        events=options.events, kills=options.kills, seed=options.seed
    )
    address = os.environ.get("PAYERMAX_TEST_POSTGRES", "")
    kinds = ["sqlite", "postgres"] if address else ["sqlite"]
    kept = [asyncio.run(measure(kind, how_much, address)) for kind in kinds]
    sys.exit(0 if all(kept) else 1)


if __name__ == "__main__":
    main()
