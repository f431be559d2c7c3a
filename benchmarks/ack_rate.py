"""How many notifications a second a receiver acknowledges durably, and how soon.

Run it with ``python -m benchmarks.ack_rate``; PostgreSQL takes part where
``PAYERMAX_TEST_POSTGRES`` names a server. Notifications of different orders are handed
to the front of a receiver in one process, 1, 16 and 256 at once: verified, read,
stored, and answered once they are on the disk. No handler runs, so that the
acknowledgement alone is seen. The memory inbox of the same run, which keeps nothing, is
the floor.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import tempfile
import time
import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs

from payermax_async import NotificationVerifier, PrivateKey, RsaSigner, RsaVerifier
from payermax_async.clock import SystemClock
from payermax_async.webhooks import Inbox, MemoryInbox, ReceiverLimits, SqliteInbox
from payermax_async.webhooks.reception import Reception
from payermax_async.webhooks.samples import (
    APP_ID,
    MERCHANT_NO,
    SignedNotification,
    sign_notification,
)
from payermax_async.webhooks.telling.alerts import Tally

AT_ONCE = (1, 16, 256)


@attrs.frozen
class Acks:
    """One measurement."""

    rate: float
    """A second, by the clock."""
    p99: float
    """Milliseconds."""


@asynccontextmanager
async def _postgres(address: str) -> AsyncGenerator[Inbox[Any]]:
    import psycopg
    from psycopg import sql

    from payermax_async.webhooks.inbox.postgres import PostgresInbox

    schema = f"acks_{uuid.uuid4().hex[:12]}"
    try:
        async with PostgresInbox(address, schema=schema) as inbox:
            yield inbox
    finally:
        with psycopg.connect(address, autocommit=True) as connection:
            drop = sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE")
            connection.execute(drop.format(sql.Identifier(schema)))


@asynccontextmanager
async def _inbox(kind: str, address: str) -> AsyncGenerator[Inbox[Any]]:
    if kind == "PostgreSQL":
        async with _postgres(address) as inbox:
            yield inbox
    elif kind == "SQLite":
        with tempfile.TemporaryDirectory() as name:
            async with SqliteInbox(Path(name) / "inbox.sqlite3") as inbox:
                yield inbox
    else:
        async with MemoryInbox() as inbox:
            yield inbox


async def measure(
    kind: str,
    address: str,
    verifier: NotificationVerifier,
    notices: list[SignedNotification],
    at_once: int,
) -> Acks:
    """Hand them all over."""
    took: list[float] = []
    async with _inbox(kind, address) as inbox:
        clock = SystemClock()
        # The front of a receiver, without the worker behind it.
        reception = Reception(
            verifier,
            inbox,
            clock=clock,
            tally=Tally(None, clock=clock),
            tenant="",
            limits=ReceiverLimits(),
            on_fresh=lambda: None,
        )
        waiting = iter(notices)

        async def sender() -> None:
            for notice in waiting:
                begun = time.perf_counter()
                reply = await reception.handle(notice.headers, notice.body)
                took.append((time.perf_counter() - begun) * 1000)
                assert reply.status == 200, reply

        begun = time.perf_counter()
        await asyncio.gather(*(sender() for _ in range(at_once)))
        seconds = time.perf_counter() - begun
    return Acks(len(notices) / seconds, statistics.quantiles(took, n=100)[98])


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2048, help="in a turn")
    parser.add_argument("--repeats", type=int, default=5, help="turns")
    parser.add_argument("--json", action="store_true", help="figures alone")
    given = parser.parse_args()
    key = PrivateKey.generate()
    signer = RsaSigner(key)
    verifier = NotificationVerifier(
        RsaVerifier(key.public_key), merchant_no=MERCHANT_NO, app_id=APP_ID
    )
    notices = [
        sign_notification(signer, "PAYBYLINK", merchant_link_id=f"order-{number}")
        for number in range(given.count)
    ]
    address = os.environ.get("PAYERMAX_TEST_POSTGRES", "")
    kinds = ("memory", "SQLite", "PostgreSQL") if address else ("memory", "SQLite")
    found: dict[tuple[str, int], list[Acks]] = {}
    for _ in range(given.repeats):
        for at_once in AT_ONCE:
            for kind in kinds:
                # One alone is slow, and each turn is like the other.
                some = notices if at_once > 1 else notices[: given.count // 8]
                acks = asyncio.run(measure(kind, address, verifier, some, at_once))
                found.setdefault((kind, at_once), []).append(acks)
    middle = {
        at: Acks(
            statistics.median(one.rate for one in all_),
            statistics.median(one.p99 for one in all_),
        )
        for at, all_ in found.items()
    }
    if given.json:
        print(json.dumps(figures(middle)))
        return
    for (kind, at_once), acks in middle.items():
        share = acks.rate / middle["memory", at_once].rate
        print(
            f"{kind:12}{at_once:4} at once{acks.rate:8.0f}/s{acks.p99:9.1f} ms p99"
            f"{share:7.2f} of the memory inbox"
        )


def figures(found: dict[tuple[str, int], Acks]) -> dict[str, float]:
    """What has a goal."""
    told: dict[str, float] = {}
    for (kind, at_once), acks in found.items():
        if kind == "memory" or at_once == 1:
            continue
        share = acks.rate / found["memory", at_once].rate
        told[f"acknowledgements, {kind} to memory, {at_once} at once"] = share
        told[f"acknowledged p99, {kind}, {at_once} at once (ms)"] = acks.p99
    return told


if __name__ == "__main__":
    main()
