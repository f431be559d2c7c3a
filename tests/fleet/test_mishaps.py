"""What goes wrong around a fleet: rows, batches, names and parts of a worker."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from datetime import timedelta
from typing import Any

import attrs
import psycopg
import pytest
from psycopg.rows import dict_row

from payermax_async.bulk import BulkBatch, RowState
from payermax_async.bulk.outcomes import REACH, rest
from payermax_async.bulk.records import (
    ClaimStanding,
    JournalRow,
    PlannedRow,
    RowClaim,
    RowResult,
)
from payermax_async.core.codec import to_wire
from payermax_async.core.errors import ConfigurationError
from payermax_async.fleet import Fleet, FleetBatch, statements
from payermax_async.fleet.records import ChunkId, ChunkRow
from payermax_async.fleet.supervisor import Supervisor
from payermax_async.storage.errors import StorageError
from payermax_async.testing import LocalSandbox
from tests.bulk.kit import made, orders
from tests.fleet.kit import Place, counts, until, working
from tests.fleet.test_processes import workers
from tests.pipeline.gateway import order
from tests.pipeline.merchant import CREATE, Gateways

pytestmark = pytest.mark.postgres

LEASE = timedelta(seconds=60)


def _run(fleet: Fleet) -> Any:
    return fleet._database.run  # pyright: ignore[reportPrivateUsage]


async def _taken(fleet: Fleet, batch: FleetBatch, run: str) -> list[ChunkRow]:
    taken: list[ChunkRow] = await _run(fleet)(
        lambda: statements.take(ChunkId(batch.number, 0), batch, run=run, lease=LEASE)
    )
    return taken


# --- rows ----------------------------------------------------------------------------


async def test_an_id_that_comes_again_is_held_against_its_first_row(
    place: Place,
) -> None:
    gateways = Gateways()
    other = attrs.evolve(order("order-1"), description="Another one")
    async with gateways.client() as client, place.fleet() as fleet:
        batch = await fleet.open_batch("n", client.config)
        told = await fleet.enqueue(batch, [order("order-1"), other, order("order-1")])
        assert (told.new, told.known, told.conflicting) == (1, 1, ("order-1",))
        worker = place.worker(client)
        async with working(worker) as task:
            await until(lambda: worker.health.settled == 1, task)
        assert await counts(fleet, batch) == {RowState.CREATED: 1}
    ((link,),) = gateways.first.made.values()
    assert link["description"] == order("order-1").description


@pytest.mark.parametrize(
    "item",
    [
        '{"merchant_link_id": "order-1", "total_amount": "Anna Petrova"}',
        '{"merchant_link_id": "order-1", "start_time": "Anna Petrova"}',
        '"Anna Petrova"',
        "Anna Petrova",
        # It can be read, and is not what was enqueued.
        None,
    ],
)
async def test_a_row_that_another_version_wrote_keeps_no_other_one_back(
    place: Place, item: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    gateways = Gateways()
    async with gateways.client() as client, place.fleet() as fleet:
        batch = await fleet.open_batch("n", client.config, chunk=10)
        await fleet.enqueue(batch, orders(3))
        written = "replace(item, 'USD', 'EUR')" if item is None else f"'{item}'"
        # Twice: the tables' place is filled in.
        written = written.replace("{", "{{").replace("}", "}}")
        await place.sql(
            "UPDATE {}fleet_order SET item = " + written + " WHERE link_key = 'order-1'"
        )
        worker = place.worker(client)
        async with working(worker) as task:
            await until(lambda: worker.health.settled == 2, task)
            await until(lambda: worker.health.chunks == 0, task)
            assert "another version" in worker.health.error
        ((state, rests, error),) = await place.sql(
            "SELECT state, due > extract(epoch FROM clock_timestamp()) * 1e6, error "
            "FROM {}fleet_range"
        )
        assert (state, rests) == ("rests", True)
        assert "1 stored requests cannot be read" in str(error)
        assert await counts(fleet, batch) == {RowState.CREATED: 2, RowState.PLANNED: 1}
    assert made(gateways) == {"order-2": 1, "order-3": 1}
    assert "Anna" not in caplog.text


async def test_where_a_journal_was_lost_each_row_is_asked_about_first(
    place: Place,
) -> None:
    gateways = Gateways()
    async with gateways.client() as client, place.fleet() as fleet:
        batch = await fleet.open_batch("n", client.config)
        await fleet.enqueue(batch, orders(1))
        lost = BulkBatch(plan="", fingerprint=batch.fingerprint, journal_lost=True)
        await fleet.journal(batch).begin(lost)
        gateways.first.make(CREATE, "order-1", dict(to_wire(order("order-1"))))
        worker = place.worker(client)
        async with working(worker) as task:
            await until(lambda: worker.health.settled == 1, task)
    assert made(gateways) == {"order-1": 1}
    assert ("gateway.test", CREATE) not in gateways.seen


async def test_rows_whose_taking_was_not_answered_are_taken_by_the_same_again(
    place: Place,
) -> None:
    async with Gateways().client() as client, place.fleet() as fleet:
        batch = await fleet.open_batch("n", client.config)
        await fleet.enqueue(batch, orders(3))
        await _taken(fleet, batch, "a")
        again = await _taken(fleet, batch, "a")
        assert [row.token for row in again] == [2, 2, 2]
        assert await _taken(fleet, batch, "b") == []


def test_a_clock_of_the_database_that_was_wrong_once_holds_no_row_for_long() -> None:
    row = JournalRow(
        planned=PlannedRow(key="a", order="a", position=1, digest="d"),
        result=RowResult(state=RowState.SENDING),
    )
    claim = RowClaim(
        standing=ClaimStanding.OURS, row=row, sent_ago=timedelta(days=-365)
    )
    assert rest(claim, Gateways().clock.now()) == REACH


# --- batches -------------------------------------------------------------------------


async def test_once_cancelled_nothing_leaves_that_a_worker_holds(place: Place) -> None:
    gateways = Gateways()
    async with gateways.client() as client, place.fleet() as fleet:
        batch = await fleet.open_batch("n", client.config)
        await fleet.enqueue(batch, orders(3))
        (held, *_) = await _taken(fleet, batch, "slow")
        assert await fleet.cancel(batch) == 3
        assert not await fleet.journal(batch).sending(
            held.row.planned.key,
            held.token,
            stamp=gateways.clock.now(),
            hosts=("h",),
            lease=LEASE,
        )
        assert await counts(fleet, batch) == {RowState.REFUSED: 3}
    assert await place.sql("SELECT count(*) FROM {}fleet_order") == [(0,)]


async def test_a_batch_that_cannot_be_refused_in_time_is_cancelled_all_the_same(
    place: Place,
) -> None:
    async with (
        Gateways().client() as client,
        Fleet(place.address, schema=place.schema, timeout=1.0) as fleet,
    ):
        batch = await fleet.open_batch("n", client.config)
        await fleet.enqueue(batch, orders(3))
        async with await psycopg.AsyncConnection.connect(place.address) as busy:
            await busy.execute(
                f'SELECT 1 FROM "{place.schema}".journal FOR UPDATE'.encode()
            )
            with pytest.raises(StorageError):
                await fleet.cancel(batch)
        known = await _run(fleet)(lambda: statements.batch_of(batch.number))
        assert known.cancelled
        assert await fleet.cancel(batch) == 3


async def test_a_long_batch_is_refused_some_rows_at_a_time(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statements, "_REFUSED_AT_ONCE", 4)
    async with Gateways().client() as client, place.fleet() as fleet:
        batch = await fleet.open_batch("n", client.config)
        await fleet.enqueue(batch, orders(11))
        assert await fleet.cancel(batch) == 11
        assert await counts(fleet, batch) == {RowState.REFUSED: 11}


async def test_what_a_killed_worker_did_not_forget_is_forgotten(place: Place) -> None:
    async with Gateways().client() as client, place.fleet() as fleet:
        batch = await fleet.open_batch("n", client.config, chunk=10)
        await fleet.enqueue(batch, orders(12))
        for row in await _taken(fleet, batch, "killed"):
            await fleet.journal(batch).settle(
                row.row.planned.key, row.token, RowResult(state=RowState.CREATED)
            )
        await place.sql("UPDATE {}fleet_range SET due = 1")
        await _run(fleet)(statements.forget_left)
    assert await place.sql("SELECT count(*) FROM {}fleet_order") == [(3,)]
    assert await place.sql("SELECT count(*) FROM {}fleet_range") == [(0,)]


# --- the shop's connection -----------------------------------------------------------


async def test_the_shops_connection_may_give_its_rows_as_dicts(place: Place) -> None:
    async with Gateways().client() as client, place.fleet() as fleet:
        batch = await fleet.open_batch("n", client.config)
        connect = psycopg.AsyncConnection[Any].connect
        async with await connect(place.address, row_factory=dict_row) as shop:
            told = await fleet.add(batch, *orders(2), connection=shop)
            assert told.new == 2
            told = await fleet.add(batch, *orders(3), connection=shop)
            assert (told.new, told.known) == (1, 2)
        assert await counts(fleet, batch) == {RowState.PLANNED: 3}


async def test_orders_are_not_added_without_a_transaction(place: Place) -> None:
    async with Gateways().client() as client, place.fleet() as fleet:
        batch = await fleet.open_batch("n", client.config)
        async with await psycopg.AsyncConnection.connect(
            place.address, autocommit=True
        ) as shop:
            with pytest.raises(ConfigurationError, match="transaction"):
                await fleet.add(batch, *orders(1), connection=shop)
            async with shop.transaction():
                await fleet.add(batch, *orders(1), connection=shop)
        assert await counts(fleet, batch) == {RowState.PLANNED: 1}


# --- processes -----------------------------------------------------------------------


def test_a_process_that_is_started_while_all_are_told_to_end_is_told_as_well(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    supervisor = Supervisor(ends_within=20.0)
    start = subprocess.Popen

    def started(*words: Any, **settings: Any) -> subprocess.Popen[Any]:
        process = start(*words, **settings)
        os.kill(os.getpid(), signal.SIGTERM)
        return process

    monkeypatch.setattr(subprocess, "Popen", started)
    before = [signal.getsignal(it) for it in (signal.SIGTERM, signal.SIGINT)]
    try:
        assert supervisor.run([["sleep", "60"]]) == 0
    finally:
        for number, handler in zip(
            (signal.SIGTERM, signal.SIGINT), before, strict=True
        ):
            signal.signal(number, handler)


async def test_a_worker_whose_supervisor_is_gone_before_it_looks_ends(
    sandbox: LocalSandbox, place: Place
) -> None:
    async with workers(
        sandbox, place, "--child", "0", "--parent", str(2**22 + 1)
    ) as process:
        assert await asyncio.wait_for(process.wait(), 60) == 0


# --- workers -------------------------------------------------------------------------


async def test_a_worker_is_not_told_what_one_of_its_name_was_told(
    place: Place,
) -> None:
    gateways = Gateways()
    async with gateways.client() as client, place.fleet() as fleet:
        batch = await fleet.open_batch("n", client.config)
        await place.sql(
            "INSERT INTO {}fleet_worker VALUES "
            "('one', '1', 'f', 1, 1, 0, 0, 0, '', 'drain')"
        )
        worker = place.worker(client, name="one")
        async with working(worker) as task:
            await until(lambda: worker.health.ready, task)
            await fleet.enqueue(batch, orders(3))
            await until(lambda: worker.health.settled == 3, task)


@pytest.mark.parametrize("part", ["_sweep", "_report", "engine"])
async def test_a_worker_ends_with_the_first_of_its_parts(
    place: Place, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    async with Gateways().client() as client:
        worker = place.worker(client)
        calls = 0

        async def fails(*_: object, **__: object) -> None:
            nonlocal calls
            calls += 1
            # The first report is awaited where it begins.
            if part != "_report" or calls > 1:
                raise RuntimeError("a part of it is broken")

        if part == "engine":
            engine = worker._engine  # pyright: ignore[reportPrivateUsage]
            monkeypatch.setattr(engine, "run", fails)
        else:
            monkeypatch.setattr(worker, part, fails)
        with pytest.raises(RuntimeError, match="broken"):
            async with asyncio.timeout(20):
                await worker.run()
        assert not worker.health.ready


@pytest.mark.parametrize("state", ["", "planned", "refused"])
async def test_rows_are_locked_in_one_order_whoever_enqueues_them(
    place: Place, state: str
) -> None:
    """Two who enqueue the same rows, in different orders, would wait for each other."""
    gateways = Gateways()
    rows = [order(name) for name in ("order-z", "order-m", "order-a")]
    async with gateways.client() as client, place.fleet() as fleet:
        batch = await fleet.open_batch("n", client.config)
        if state:
            await fleet.enqueue(batch, rows)
            await place.sql(f"UPDATE {{}}journal SET state = '{state}', again = 1")
        connecting = psycopg.AsyncConnection.connect
        async with (
            await connecting(place.address) as other,
            await connecting(place.address) as third,
        ):
            await fleet.add(batch, order("order-m"), connection=other)
            enqueueing = asyncio.create_task(fleet.enqueue(batch, rows))
            waiting = (
                "SELECT count(*) FROM pg_locks AS l, pg_stat_activity AS a "
                "WHERE NOT l.granted AND a.pid = l.pid AND a.query LIKE "
                f"'%{place.schema}%' AND a.query NOT LIKE '%pg_locks%'"
            )
            async with asyncio.timeout(30):
                while await place.sql(waiting) == [(0,)]:
                    await asyncio.sleep(0.01)
            # It waits for the one in the middle, and has not touched the last one.
            await third.execute("SET lock_timeout = '5s'")
            await fleet.add(batch, order("order-z"), connection=third)
            await third.rollback()
            await other.rollback()
            told = await enqueueing
    assert told.new + told.known == 3
