"""Databases that only read, poolers, and a worker whose clock is wrong."""

from __future__ import annotations

import asyncio
import shutil
from datetime import timedelta

import pytest

from payermax_async.bulk import RowState
from payermax_async.fleet import statements
from payermax_async.fleet.records import ChunkId
from payermax_async.testing import LocalSandbox
from tests.bulk.kit import made, orders
from tests.fleet.kit import Place, counts, until, working
from tests.fleet.test_processes import links_of, settled, workers
from tests.pipeline.merchant import Gateways
from tests.storage.kit import at, pgbouncer

pytestmark = pytest.mark.postgres


async def test_a_database_that_only_reads_for_a_while_lets_nothing_out(
    place: Place,
) -> None:
    gateways = Gateways()
    async with gateways.client() as client, place.fleet() as fleet:
        batch = await fleet.open_batch("n", client.config, chunk=10)
        await fleet.enqueue(batch, orders(40))
        worker = place.worker(client)
        await place.sql("ALTER TABLE {}journal ADD CHECK (state <> 'sending')")
        async with working(worker) as task:
            await until(lambda: bool(worker.health.error), task)
            assert made(gateways) == {}
            (name,) = (
                await place.sql(
                    "SELECT conname FROM pg_constraint WHERE conrelid = "
                    f"'\"{place.schema}\".journal'::regclass AND contype = 'c'"
                )
            )[0]
            await place.sql(f"ALTER TABLE {{}}journal DROP CONSTRAINT {name}")
            await place.sql("UPDATE {}fleet_range SET due = 0")
            await place.sql("UPDATE {}journal SET held_until = 0")
            await until(lambda: len(made(gateways)) == 40, task)
        assert await counts(fleet, batch) == {RowState.CREATED: 40}
    assert set(made(gateways).values()) == {1}


async def test_behind_pgbouncer_in_transaction_mode(place: Place) -> None:
    gateways = Gateways()
    async with (
        pgbouncer(place.address) as through,
        gateways.client() as client,
        place.fleet() as fleet,
    ):
        batch = await fleet.open_batch("n", client.config, chunk=20)
        await fleet.enqueue(batch, orders(60))
        worker = place.worker(client, address=through, engine_address=place.address)
        async with working(worker) as task:
            await until(lambda: worker.health.settled == 60, task)
    assert sorted(made(gateways).values()) == [1] * 60


@pytest.mark.skipif(shutil.which("faketime") is None, reason="there is no faketime")
async def test_a_worker_whose_clock_is_wrong_takes_nothing_from_others(
    sandbox: LocalSandbox, place: Place
) -> None:
    async with sandbox.client() as client, place.fleet() as fleet:
        batch = await fleet.open_batch("n", client.config, chunk=20)
        await fleet.enqueue(batch, orders(120))
        run = fleet._database.run  # pyright: ignore[reportPrivateUsage]
        held = await run(
            lambda: statements.take(
                ChunkId(batch.number, 0),
                batch,
                run="somebody",
                lease=timedelta(seconds=60),
            )
        )
        await place.sql("UPDATE {}fleet_range SET due = 0")
        # By its clock every hold is over for four minutes.
        async with workers(sandbox, place, clock="+5m"):
            # Alone until it has looked at what is left, more than once.
            async with asyncio.timeout(30):
                while not (await fleet.status()).workers:
                    await asyncio.sleep(0.1)
            await asyncio.sleep(3)
            async with workers(sandbox, place):
                await settled(fleet, batch, 120 - len(held))
        rows = fleet.journal(batch).read()
        kept = {row.row.planned.key for row in held}
        for row in rows:
            if row.planned.key in kept:
                assert row.result.state is RowState.PLANNED
    found = links_of(sandbox)
    assert sorted(found.values()) == [1] * (120 - len(held))
    assert not kept & found.keys()


async def test_a_server_that_went_over_to_reading_is_left(place: Place) -> None:
    """After a failover the old address answers, and may not write any more."""
    gateways = Gateways()
    only_reads = at(place.address, options="-c default_transaction_read_only=on")
    async with gateways.client() as client, place.fleet() as fleet:
        batch = await fleet.open_batch("n", client.config, chunk=10)
        await fleet.enqueue(batch, orders(10))
        worker = place.worker(client, address=only_reads, engine_address=place.address)
        with pytest.raises(Exception, match=r"read-only|read-write"):
            async with asyncio.timeout(20):
                await worker.run()
    assert made(gateways) == {}
