"""Orders handed to a fleet: each link once, whoever makes it and however it ends."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal

import psycopg
import pytest

from payermax_async.bulk import OrderRow, RowState
from payermax_async.core.codec import to_wire
from payermax_async.core.errors import ConfigurationError
from payermax_async.core.strict_json import JsonObject
from payermax_async.fleet import statements
from payermax_async.fleet.records import ChunkId
from payermax_async.webhooks import PostgresInbox
from tests.bulk.kit import made, orders
from tests.fleet.kit import Place, counts, until, working
from tests.inbox.kit import link
from tests.pipeline.gateway import order
from tests.pipeline.merchant import CREATE, LOST, QUERY, Gateways

pytestmark = pytest.mark.postgres


async def test_what_is_enqueued_is_made_once_by_two_workers(place: Place) -> None:
    gateways = Gateways()
    async with (
        gateways.client() as one,
        gateways.client() as two,
        place.fleet() as fleet,
    ):
        batch = await fleet.open_batch("november", one.config, chunk=20)
        told = await fleet.enqueue(batch, orders(150))
        assert (told.new, told.known, told.conflicting) == (150, 0, ())
        again = await fleet.enqueue(batch, orders(150))
        assert (again.new, again.known) == (0, 150)
        first, second = place.worker(one), place.worker(two)
        async with working(first) as a, working(second) as b:
            await until(lambda: len(made(gateways)) == 150, a, b)
            await until(lambda: first.health.settled + second.health.settled == 150)
        assert set(made(gateways).values()) == {1}
        assert await counts(fleet, batch) == {RowState.CREATED: 150}
        status = await fleet.status()
    assert (status.open_rows, status.workers, status.stuck) == (0, (), ())
    assert await place.sql("SELECT count(*) FROM {}fleet_order") == [(0,)]


# --- enqueueing ----------------------------------------------------------------------


async def test_the_shops_order_and_its_link_are_kept_together_or_not_at_all(
    place: Place,
) -> None:
    gateways = Gateways()
    async with gateways.client() as client, place.fleet() as fleet:
        await place.sql("CREATE TABLE {}orders (number TEXT)")
        batch = await fleet.open_batch("shop", client.config)
        async with await psycopg.AsyncConnection.connect(place.address) as connection:
            for number, is_kept in (("order-1", True), ("order-2", False)):
                await connection.execute(
                    f'INSERT INTO "{place.schema}".orders VALUES (%s)'.encode(),
                    (number,),
                )
                told = await fleet.add(batch, order(number), connection=connection)
                assert told.new == 1
                # Nobody sees it before the commit.
                assert await place.sql(
                    f"SELECT count(*) FROM {{}}journal WHERE link_key = '{number}'"
                ) == [(0,)]
                await (connection.commit() if is_kept else connection.rollback())
        worker = place.worker(client)
        async with working(worker) as task:
            await until(lambda: bool(made(gateways)), task)
            await until(lambda: worker.health.settled == 1, task)
        assert made(gateways) == {"order-1": 1}
        assert await place.sql("SELECT number FROM {}orders") == [("order-1",)]
        assert await counts(fleet, batch) == {RowState.CREATED: 1}


async def test_transactions_of_the_shop_do_not_wait_for_each_other(
    place: Place,
) -> None:
    async with Gateways().client() as client, place.fleet() as fleet:
        batch = await fleet.open_batch("shop", client.config)
        async with (
            await psycopg.AsyncConnection.connect(place.address) as one,
            await psycopg.AsyncConnection.connect(place.address) as two,
        ):
            await fleet.add(batch, order("order-1"), connection=one)
            async with asyncio.timeout(5):
                await fleet.add(batch, order("order-2"), connection=two)


async def test_rows_that_break_a_rule_are_told_and_come_again_mended(
    place: Place,
) -> None:
    gateways = Gateways()
    good = order("x")
    fields = {"total_amount": good.total_amount, "currency": good.currency}
    fields |= {"country": good.country, "description": good.description}
    fields |= {"user_info": good.user_info}
    row = OrderRow(batch="n", order="A-1", fields={**fields, "total_amount": "-1"})
    async with gateways.client() as client, place.fleet() as fleet:
        batch = await fleet.open_batch("n", client.config)
        told = await fleet.enqueue(batch, [row])
        assert (told.new, told.refused) == (0, 1)
        (kept,) = fleet.journal(batch).read()
        assert kept.result.state is RowState.REFUSED
        assert "total_amount" in kept.result.reason
        mended = OrderRow(batch="n", order="A-1", fields=fields, columns={"who": "李"})
        assert (await fleet.enqueue(batch, [mended])).new == 1
        worker = place.worker(client)
        async with working(worker) as task:
            await until(lambda: worker.health.settled == 1, task)
        changed = OrderRow(
            batch="n", order="A-1", fields={**fields, "total_amount": "7"}
        )
        told = await fleet.enqueue(batch, [changed])
        assert told.conflicting == ("n.A-1",)
    assert made(gateways) == {"n.A-1": 1}


async def test_a_batch_is_one_merchants(place: Place) -> None:
    async with Gateways().client() as client, place.fleet() as fleet:
        batch = await fleet.open_batch("n", client.config, priority=1)
        again = await fleet.open_batch("n", client.config, priority=5)
        assert (again.number, again.priority) == (batch.number, 5)
        await place.sql("UPDATE {}fleet_batch SET fingerprint = 'another'")
        with pytest.raises(ConfigurationError, match="another name"):
            await fleet.open_batch("n", client.config)


# --- who is told of what -------------------------------------------------------------


async def test_a_long_batch_does_not_stand_before_a_short_one(place: Place) -> None:
    async with Gateways().client() as client, place.fleet() as fleet:
        long = await fleet.open_batch("long", client.config, chunk=10)
        await fleet.enqueue(long, orders(2000))
        run = fleet._database.run  # pyright: ignore[reportPrivateUsage]
        first = await run(lambda: statements.sweep(4))
        assert [due.chunk.batch for due in first] == [long.number] * 4
        short = await fleet.open_batch("short", client.config, chunk=10)
        soon = await fleet.open_batch("soon", client.config, chunk=10, priority=9)
        await fleet.enqueue(short, orders(10, first=5000))
        await fleet.enqueue(soon, orders(10, first=6000))
        second = await run(lambda: statements.sweep(4))
        assert {due.chunk.batch for due in second} == {short.number, soon.number}
        assert second[0].priority == 9
        assert await run(lambda: statements.sweep(4)) == []


async def test_a_chunk_whose_job_was_lost_is_told_of_again(place: Place) -> None:
    async with Gateways().client() as client, place.fleet() as fleet:
        batch = await fleet.open_batch("n", client.config, chunk=10)
        await fleet.enqueue(batch, orders(10))
        run = fleet._database.run  # pyright: ignore[reportPrivateUsage]
        (first, *_) = await run(lambda: statements.sweep(4))
        assert await run(lambda: statements.sweep(4)) == []
        await place.sql("UPDATE {}fleet_range SET due = due - 61000000")
        (again, *_) = await run(lambda: statements.sweep(4))
        assert again == first


async def test_rows_that_somebody_holds_or_locks_are_not_taken(place: Place) -> None:
    async with Gateways().client() as client, place.fleet() as fleet:
        batch = await fleet.open_batch("n", client.config, chunk=10)
        await fleet.enqueue(batch, orders(9))
        run = fleet._database.run  # pyright: ignore[reportPrivateUsage]
        lease, chunk = timedelta(seconds=60), ChunkId(batch.number, 0)

        async def take(name: str) -> list[str]:
            rows = await run(
                lambda: statements.take(chunk, batch, run=name, lease=lease)
            )
            return [row.row.planned.key for row in rows]

        async with await psycopg.AsyncConnection.connect(place.address) as busy:
            await busy.execute(
                f'SELECT 1 FROM "{place.schema}".journal '
                "WHERE position <= 3 FOR UPDATE".encode()
            )
            async with asyncio.timeout(5):
                assert await take("a") == [f"order-{n}" for n in range(4, 10)]
        assert await take("b") == ["order-1", "order-2", "order-3"]
        assert await take("c") == []
        await place.sql("UPDATE {}journal SET held_until = held_until - 61000000")
        assert len(await take("c")) == 9


# --- what a worker leaves behind -----------------------------------------------------


async def test_a_row_left_sending_is_asked_about_and_not_sent_again(
    place: Place,
) -> None:
    """Its worker was killed after the create left: no answer, no settlement."""
    gateways = Gateways()
    async with gateways.client() as client, place.fleet() as fleet:
        batch = await fleet.open_batch("n", client.config, chunk=10)
        await fleet.enqueue(batch, orders(2))
        run = fleet._database.run  # pyright: ignore[reportPrivateUsage]
        chunk = ChunkId(batch.number, 0)
        (sent, unsent) = await run(
            lambda: statements.take(
                chunk, batch, run="killed", lease=timedelta(seconds=60)
            )
        )
        journal, key = fleet.journal(batch), sent.row.planned.key
        assert await journal.sending(
            key,
            sent.token,
            stamp=gateways.clock.now(),
            hosts=(client.config.environment.base_url,),
            lease=timedelta(seconds=60),
        )
        gateways.first.make(CREATE, key, _wire(key))
        await place.sql("UPDATE {}journal SET held_until = 1")
        await place.sql("UPDATE {}fleet_range SET due = 1")
        worker = place.worker(client)
        async with working(worker) as task:
            await until(lambda: worker.health.settled == 2, task)
        assert not await journal.sending(
            key,
            sent.token,
            stamp=gateways.clock.now(),
            hosts=(),
            lease=timedelta(seconds=60),
        )
        assert await counts(fleet, batch) == {RowState.CREATED: 2}
    assert made(gateways) == {key: 1, unsent.row.planned.key: 1}
    assert ("gateway.test", QUERY) in gateways.seen


def _wire(key: str) -> JsonObject:
    return dict(to_wire(order(key)))


# --- told to --------------------------------------------------------------------------


async def test_a_paused_batch_rests_and_goes_on(place: Place) -> None:
    gateways = Gateways()
    async with gateways.client() as client, place.fleet() as fleet:
        batch = await fleet.open_batch("n", client.config, chunk=10)
        other = await fleet.open_batch("m", client.config, chunk=10)
        await fleet.enqueue(batch, orders(30))
        await fleet.pause(batch)
        await fleet.enqueue(other, orders(5, first=100))
        worker = place.worker(client)
        async with working(worker) as task:
            await until(lambda: worker.health.settled == 5, task)
            await until(lambda: worker.health.chunks == 0, task)
            assert len(made(gateways)) == 5
            await fleet.pause(batch, off=True)
            await until(lambda: worker.health.settled == 35, task)
    assert set(made(gateways).values()) == {1}


async def test_cancelled_rows_are_refused_and_those_in_doubt_asked_about(
    place: Place,
) -> None:
    gateways = Gateways()
    gateways.first.script[CREATE] = [LOST]
    async with gateways.client() as client, place.fleet() as fleet:
        batch = await fleet.open_batch("n", client.config, chunk=10)
        await fleet.enqueue(batch, orders(12))
        run = fleet._database.run  # pyright: ignore[reportPrivateUsage]
        chunk = ChunkId(batch.number, 0)
        lease = timedelta(seconds=0)
        (sent, *_) = await run(
            lambda: statements.take(chunk, batch, run="killed", lease=lease)
        )
        key = sent.row.planned.key
        await fleet.journal(batch).sending(
            key,
            sent.token,
            stamp=gateways.clock.now(),
            hosts=(client.config.environment.base_url,),
            lease=lease,
        )
        gateways.first.make(CREATE, key, _wire(key))
        assert await fleet.cancel(batch) == 11
        worker = place.worker(client)
        async with working(worker) as task:
            async with asyncio.timeout(20):
                while (await counts(fleet, batch)).get(RowState.CREATED) != 1:
                    assert not task.done()
                    await asyncio.sleep(0.1)
        assert await counts(fleet, batch) == {RowState.CREATED: 1, RowState.REFUSED: 11}
        with pytest.raises(ConfigurationError, match="cancelled"):
            await fleet.enqueue(batch, orders(1, first=50))
    assert made(gateways) == {key: 1}
    assert ("gateway.test", CREATE) not in gateways.seen


async def test_workers_together_ask_for_no_more_than_a_batch_may(place: Place) -> None:
    gateways = Gateways()
    async with (
        gateways.client() as one,
        gateways.client() as two,
        place.fleet() as fleet,
    ):
        batch = await fleet.open_batch("n", one.config, chunk=10)
        await fleet.journal(batch).control(max_amount={"USD": Decimal("19.90") * 25})
        await fleet.enqueue(batch, orders(100))
        first, second = place.worker(one), place.worker(two)
        async with working(first) as a, working(second) as b:
            async with asyncio.timeout(30):
                while (await counts(fleet, batch)).get(RowState.CREATED, 0) < 25:
                    # A chunk that met the limit rests before it is tried again.
                    await place.sql("UPDATE {}fleet_range SET due = LEAST(due, 1)")
                    await asyncio.sleep(0.2)
            assert {a.done(), b.done()} == {False}
    assert sorted(made(gateways).values()) == [1] * 25


async def test_a_worker_that_is_drained_ends_its_chunks_and_itself(
    place: Place,
) -> None:
    gateways = Gateways()
    async with gateways.client() as client, place.fleet() as fleet:
        worker = place.worker(client, name="one")
        async with working(worker) as task:
            await until(lambda: worker.health.ready, task)
            assert await fleet.drain("another") == 0
            assert await fleet.drain("one") == 1
            async with asyncio.timeout(15):
                await task
        assert (await fleet.status()).workers == ()


async def test_what_somebody_should_look_at_is_told(place: Place) -> None:
    async with Gateways().client() as client, place.fleet() as fleet:
        assert (await fleet.status()).problems == ()
        batch = await fleet.open_batch("n", client.config, chunk=10)
        await fleet.enqueue(batch, orders(20))
        async with PostgresInbox(place.address, schema=place.schema) as inbox:
            await inbox.store(link("order-1", trade="T1"))
        await place.sql(
            "INSERT INTO {}fleet_worker VALUES ('old', '0', 'x', 0, 0, 0, 0, 0, '', '')"
        )
        await place.sql(
            f"INSERT INTO {{}}fleet_range VALUES ({batch.number}, 0, 'rests', '', 0, 5,"
            " 'StorageError')"
        )
        told = "; ".join((await fleet.status()).problems)
    for words in (
        "worker old says nothing",
        "chunk 0 of n does not get on after 5 tries: StorageError",
        "20 rows wait, and no worker is there",
        "a notification waits",
    ):
        assert words in told


async def test_what_was_let_out_stays_sending_when_it_is_let_go_of(
    place: Place,
) -> None:
    """A worker that is told to end leaves what had no answer: it is asked about."""
    gateways = Gateways()
    async with gateways.client() as client, place.fleet() as fleet:
        batch = await fleet.open_batch("n", client.config, chunk=10)
        await fleet.enqueue(batch, orders(2))
        run = fleet._database.run  # pyright: ignore[reportPrivateUsage]
        lease, chunk = timedelta(seconds=60), ChunkId(batch.number, 0)
        (sent, _) = await run(
            lambda: statements.take(chunk, batch, run="one", lease=lease)
        )
        assert await fleet.journal(batch).sending(
            sent.row.planned.key,
            sent.token,
            stamp=gateways.clock.now(),
            hosts=(),
            lease=lease,
        )
        await run(lambda: statements.let_go(batch.number, "one"))
        taken = await run(lambda: statements.take(chunk, batch, run="two", lease=lease))
        assert [row.row.result.state for row in taken] == [
            RowState.SENDING,
            RowState.PLANNED,
        ]
