"""``payermax worker`` in processes of its own: killed, told to end, cut off."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from payermax_async.bulk import RowState
from payermax_async.fleet import Fleet, FleetBatch
from payermax_async.testing import LocalSandbox
from tests.bulk.kit import orders
from tests.fleet.kit import Place, counts
from tests.storage.kit import half_open

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.skipif(not Path("/proc/self").exists(), reason="there is no /proc"),
]
PATIENCE = 120.0


def links_of(sandbox: LocalSandbox) -> Counter[str]:
    links = sandbox.engine.ledger.repository.links()
    return Counter(link.merchant_link_id for link in links)


@asynccontextmanager
async def workers(
    sandbox: LocalSandbox,
    place: Place,
    *words: str,
    address: str = "",
    clock: str = "",
) -> AsyncGenerator[asyncio.subprocess.Process]:
    """``payermax worker``, which is gone at the end with all its processes."""
    assert sandbox._server is not None  # pyright: ignore[reportPrivateUsage]
    settings = sandbox._server.settings  # pyright: ignore[reportPrivateUsage]
    process = await asyncio.create_subprocess_exec(
        *(("faketime", "-f", clock) if clock else ()),
        sys.executable,
        "-m",
        "payermax_async",
        "worker",
        "--schema",
        place.schema,
        *words,
        # Its supervisor's sleep is not made for a clock that is not the kernel's.
        *(("--child", "0") if clock else ()),
        env={
            **os.environ,
            **settings,
            "PAYERMAX_DATABASE": address or place.address,
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        },
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await asyncio.wait_for(process.wait(), PATIENCE)


def children_of(process: int) -> list[int]:
    found = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii")
    return [int(number) for number in found.split()]


async def settled(fleet: Fleet, batch: FleetBatch, least: int) -> None:
    """Wait until so many rows have their links."""
    async with asyncio.timeout(PATIENCE):
        while (await counts(fleet, batch)).get(RowState.CREATED, 0) < least:
            await asyncio.sleep(0.1)


async def test_told_to_end_they_end_and_others_go_on(
    sandbox: LocalSandbox, place: Place
) -> None:
    async with sandbox.client() as client, place.fleet() as fleet:
        batch = await fleet.open_batch("n", client.config, chunk=20)
        await fleet.enqueue(batch, orders(300))
        async with workers(sandbox, place, "--processes", "2") as process:
            await settled(fleet, batch, 40)
            began = time.monotonic()
            process.terminate()
            assert await asyncio.wait_for(process.wait(), 20) == 0
            assert time.monotonic() - began < 15
        assert (await fleet.status()).workers == ()
        async with workers(sandbox, place):
            await settled(fleet, batch, 300)
    assert sorted(links_of(sandbox).values()) == [1] * 300


async def test_killed_workers_leave_nothing_twice_and_nothing_behind(
    sandbox: LocalSandbox, place: Place
) -> None:
    async with sandbox.client() as client, place.fleet() as fleet:
        batch = await fleet.open_batch("n", client.config, chunk=20)
        await fleet.enqueue(batch, orders(200))
        async with workers(sandbox, place, "--processes", "2") as process:
            await settled(fleet, batch, 20)
            children = children_of(process.pid)
            assert len(children) == 2
            for child in children:
                os.kill(child, signal.SIGKILL)
            # Time goes on by the database's clock: holds run out, and what was let out
            # is too old to be taken.
            await place.sql(
                "UPDATE {}journal SET held_until = 1, sent_at = sent_at - 300000000 "
                "WHERE state IN ('planned', 'sending')"
            )
            await place.sql("UPDATE {}fleet_range SET due = 1")
            # The supervisor starts others in their place.
            await settled(fleet, batch, 200)
    assert sorted(links_of(sandbox).values()) == [1] * 200


async def test_stopped_past_its_hold_and_woken_a_worker_makes_no_second_link(
    sandbox: LocalSandbox, place: Place
) -> None:
    async with sandbox.client() as client, place.fleet() as fleet:
        batch = await fleet.open_batch("n", client.config, chunk=20)
        await fleet.enqueue(batch, orders(120))
        async with workers(sandbox, place) as first:
            await settled(fleet, batch, 10)
            (child,) = children_of(first.pid)
            os.kill(child, signal.SIGSTOP)
            # Not older by what was let out: that one may still arrive once it wakes.
            await place.sql("UPDATE {}journal SET held_until = 1 WHERE holder <> ''")
            await place.sql("UPDATE {}fleet_range SET due = 1")
            async with workers(sandbox, place):
                await asyncio.sleep(1)
                os.kill(child, signal.SIGCONT)
                await settled(fleet, batch, 120)
    assert sorted(links_of(sandbox).values()) == [1] * 120


async def test_with_a_mute_database_they_end_in_time(
    sandbox: LocalSandbox, place: Place
) -> None:
    async with (
        sandbox.client() as client,
        place.fleet() as fleet,
        half_open(place.address) as (proxy, through),
    ):
        batch = await fleet.open_batch("n", client.config, chunk=20)
        await fleet.enqueue(batch, orders(400))
        async with workers(sandbox, place, address=through) as process:
            await settled(fleet, batch, 20)
            proxy.mutes_all = True
            proxy.swallow()
            began = time.monotonic()
            process.send_signal(signal.SIGTERM)
            await asyncio.wait_for(process.wait(), 25)
            assert time.monotonic() - began < 16
    assert max(links_of(sandbox).values()) == 1


async def test_every_backend_terminated_they_go_on(
    sandbox: LocalSandbox, place: Place
) -> None:
    async with sandbox.client() as client, place.fleet() as fleet:
        batch = await fleet.open_batch("n", client.config, chunk=20)
        await fleet.enqueue(batch, orders(200))
        async with workers(sandbox, place):
            await settled(fleet, batch, 20)
            await place.sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() "
                "AND application_name LIKE 'payermax_async%'"
            )
            await asyncio.sleep(0.5)
            # What was let out and not noted is asked about at once, or after a while.
            await place.sql(
                "UPDATE {}journal SET held_until = 1, sent_at = sent_at - 300000000 "
                "WHERE state = 'sending' AND holder = ''"
            )
            await place.sql("UPDATE {}fleet_range SET due = LEAST(due, 1)")
            await settled(fleet, batch, 200)
    assert sorted(links_of(sandbox).values()) == [1] * 200
