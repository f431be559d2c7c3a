"""Several processes on one inbox, and what outlives them."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections import Counter
from collections.abc import AsyncGenerator
from pathlib import Path

import psycopg
import pytest

from payermax_async.core.errors import ConfigurationError
from payermax_async.storage.errors import StorageError
from payermax_async.webhooks.inbox.entries import (
    EntryState,
    LeaseLostError,
    Verdict,
)
from payermax_async.webhooks.inbox.postgres import PostgresInbox
from payermax_async.webhooks.inbox.sqlite import SqliteInbox
from tests.inbox import kit


async def test_what_was_stored_is_there_after_reopening(shared: kit.Place) -> None:
    inbox = shared.inbox()
    await inbox.open()
    await inbox.store(kit.link("o-1"))
    await inbox.aclose()
    await inbox.open()
    assert (await inbox.store(kit.link("o-1"))).duplicates
    await inbox.aclose()


async def test_of_many_at_once_one_stores_and_one_gets_each_event(
    shared: kit.Place,
) -> None:
    inboxes = [shared.inbox() for _ in range(3)]
    await asyncio.gather(*(inbox.open() for inbox in inboxes))
    chance = random.Random(4711)
    arrivals = [
        kit.link(f"o-{order}", trade=f"T{order}", status=status)
        for order in range(12)
        for status in ("PENDING", "SUCCESS", "CLOSE")
    ] * 3
    chance.shuffle(arrivals)
    stored = await asyncio.gather(
        *(chance.choice(inboxes).store(arrival) for arrival in arrivals)
    )
    kept = [event.merchant_key for one in stored for event in one.fresh]
    paid = Counter(
        event.merchant_key
        for one in stored
        for event in one.fresh
        if "SUCCESS" in str(event)
    )
    assert paid == Counter({f"o-{order}": 1 for order in range(12)})

    async def work(inbox: kit.AnyInbox, name: str) -> list[int]:
        done: list[int] = []
        for turn in range(40):
            for entry in await kit.claim(inbox, holder=f"{name}-{turn}", limit=3):
                async with inbox.work(entry, kit.NOW):
                    await asyncio.sleep(0)
                done.append(entry.id)
        return done

    done = await asyncio.gather(
        *(work(inbox, f"{n}") for n, inbox in enumerate(inboxes))
    )
    numbers = [number for one in done for number in one]
    assert len(numbers) == len(set(numbers))
    counts = await inboxes[0].counts()
    assert counts[EntryState.DONE] == len(numbers)
    assert EntryState.WAITING not in counts
    assert len(kept) >= len(numbers) >= 12
    await asyncio.gather(*(inbox.aclose() for inbox in inboxes))


async def test_tables_of_a_later_version_are_left_alone(shared: kit.Place) -> None:
    inbox = shared.inbox()
    await inbox.open()
    await inbox.aclose()
    await _move_past(shared)
    with pytest.raises(StorageError, match="version 99"):
        await inbox.open()
    assert not inbox.is_open


async def test_an_open_inbox_stops_when_the_tables_move_past_it(
    shared: kit.Place,
) -> None:
    inbox = shared.inbox()
    await inbox.open()
    await inbox.store(kit.link("o-1"))
    await inbox.store(kit.link("o-2"))
    begun, ended = await kit.claim(inbox)
    await _move_past(shared)
    past = pytest.raises(StorageError, match=r"version 99 .* update it")
    with past:
        await inbox.store(kit.link("o-3"))
    with past:
        await kit.claim(inbox, holder="b")
    with past:
        await inbox.renew(begun, kit.MINUTE)
    with past:
        await inbox.finish(begun, Verdict(state=EntryState.DONE), kit.NOW)
    with past:
        async with inbox.work(ended, kit.NOW):
            pass  # A handler that was at it: what it did is taken back.
    await _move_back(shared)
    # Whatever it was at is as it was, for the newer process to go on with.
    assert await kit.states(inbox) == ["waiting", "waiting"]
    assert await inbox.renew(ended, kit.MINUTE)
    await inbox.aclose()


async def _move_past(shared: kit.Place) -> None:
    await _set_versions(shared, 99)


async def _move_back(shared: kit.Place) -> None:
    await _set_versions(shared, 1)


async def _set_versions(shared: kit.Place, version: int) -> None:
    versions = f"SET version = {version}, least_reader = {version}"
    if shared.kind == "sqlite":
        connection = sqlite3.connect(shared.where)
        with connection:
            connection.execute(f"UPDATE payermax_components {versions}")
        connection.close()
    else:
        async with await psycopg.AsyncConnection.connect(shared.where) as other:
            update = f"UPDATE {shared.schema}.components {versions}"
            await other.execute(update.encode())


# --- SQLite ----------------------------------------------------------------------


@pytest.mark.parametrize("path", ["", ":memory:"])
def test_a_file_that_is_none_is_refused(path: str) -> None:
    with pytest.raises(ConfigurationError, match="MemoryInbox"):
        SqliteInbox(path)


async def test_a_file_that_is_held_too_long_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "inbox.sqlite3"
    async with SqliteInbox(path, busy_timeout=0.01) as inbox:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageError, match=r"inbox\.sqlite3: .*locked"):
            await inbox.store(kit.link("o-1"))
        other.execute("ROLLBACK")
        other.close()
        assert (await inbox.store(kit.link("o-1"))).fresh


async def test_changes_are_made_with_the_mark_that_it_is_done(tmp_path: Path) -> None:
    path = tmp_path / "inbox.sqlite3"

    def orders() -> list[tuple[str]]:
        connection = sqlite3.connect(path)
        try:
            return connection.execute("SELECT id FROM orders").fetchall()
        finally:
            connection.close()

    async with SqliteInbox(path) as inbox:
        connection = sqlite3.connect(path)
        connection.execute("CREATE TABLE orders (id TEXT PRIMARY KEY)")
        connection.close()
        await inbox.store(kit.link("o-1"))
        (entry,) = await kit.claim(inbox)

        async def pay(*statements: str) -> None:
            async with inbox.work(entry, kit.NOW) as changes:
                for statement in statements:
                    changes.execute(statement, {"id": "o-1"})

        insert = "INSERT INTO orders VALUES (:id)"
        with pytest.raises(sqlite3.OperationalError, match="no such table"):
            await pay(insert, "INSERT INTO elsewhere VALUES (:id)")
        assert (orders(), await kit.states(inbox)) == ([], ["waiting"])
        await pay(insert)
        assert (orders(), await kit.states(inbox)) == ([("o-1",)], ["done"])
        with pytest.raises(LeaseLostError):
            await pay("INSERT INTO orders VALUES ('o-2')")
        assert orders() == [("o-1",)]


# --- PostgreSQL ------------------------------------------------------------------


class Shop:
    """The shop's own table, beside an inbox in the same database."""

    def __init__(self, address: str, schema: str) -> None:
        self.inbox = PostgresInbox(address, schema=schema, handler_connections=1)
        self._table = f"{schema}.orders"
        self._address = address

    async def connect(self) -> psycopg.AsyncConnection[tuple[object, ...]]:
        return await psycopg.AsyncConnection.connect(self._address)

    async def create(self) -> None:
        async with await self.connect() as connection:
            text = f"CREATE TABLE {self._table} (id TEXT PRIMARY KEY)"
            await connection.execute(text.encode())

    async def pay(
        self, connection: psycopg.AsyncConnection[tuple[object, ...]], order: str
    ) -> None:
        text = f"INSERT INTO {self._table} VALUES (%s)"
        await connection.execute(text.encode(), [order])

    async def paid(self) -> list[object]:
        async with await self.connect() as connection:
            cursor = await connection.execute(f"SELECT id FROM {self._table}".encode())
            return [row[0] for row in await cursor.fetchall()]


@pytest.fixture
async def shop(postgres_address: str) -> AsyncGenerator[Shop]:
    async with kit.own_schema(postgres_address) as schema:
        found = Shop(postgres_address, schema)
        async with found.inbox:
            await found.create()
            yield found


@pytest.mark.postgres
async def test_the_inbox_and_the_shop_commit_together_where_it_arrives(
    shop: Shop,
) -> None:
    async with await shop.connect() as connection:
        stored = await shop.inbox.store(
            kit.link("o-1"), connection=connection, handled=True
        )
        for event in stored.fresh:
            await shop.pay(connection, event.merchant_key)
        assert await shop.paid() == []
        await connection.rollback()
    assert await kit.states(shop.inbox) == []
    for _ in range(2):
        async with await shop.connect() as connection:
            stored = await shop.inbox.store(
                kit.link("o-1"), connection=connection, handled=True
            )
            for event in stored.fresh:
                await shop.pay(connection, event.merchant_key)
    assert await shop.paid() == ["o-1"]
    assert await kit.states(shop.inbox) == ["done"]


@pytest.mark.postgres
async def test_the_inbox_and_the_shop_commit_together_in_a_handler(shop: Shop) -> None:
    await shop.inbox.store(kit.link("o-1"))
    (entry,) = await kit.claim(shop.inbox)

    async def pay(order: str, *, then: BaseException | None = None) -> None:
        async with shop.inbox.work(entry, kit.NOW) as connection:
            await shop.pay(connection, order)
            if then is not None:
                raise then

    with pytest.raises(ZeroDivisionError):
        await pay("o-1", then=ZeroDivisionError())
    assert (await shop.paid(), await kit.states(shop.inbox)) == ([], ["waiting"])
    await pay("o-1")
    assert (await shop.paid(), await kit.states(shop.inbox)) == (["o-1"], ["done"])
    with pytest.raises(LeaseLostError):
        await pay("o-2")
    assert await shop.paid() == ["o-1"]


@pytest.mark.postgres
async def test_a_slow_handler_keeps_nothing_from_being_stored(shop: Shop) -> None:
    await shop.inbox.store(kit.link("o-1", status="PENDING"))
    (entry,) = await kit.claim(shop.inbox)
    async with shop.inbox.work(entry, kit.NOW) as connection, asyncio.timeout(60):
        await shop.pay(connection, "o-1")
        assert (await shop.inbox.store(kit.link("o-1", status="PENDING"))).duplicates
        assert (await shop.inbox.store(kit.link("o-1"))).fresh
        assert await shop.inbox.renew(entry, 2 * kit.MINUTE)
    assert await kit.states(shop.inbox) == ["done", "waiting"]


@pytest.mark.postgres
async def test_work_that_is_cancelled_changes_nothing(shop: Shop) -> None:
    await shop.inbox.store(kit.link("o-1"))
    (entry,) = await kit.claim(shop.inbox)
    begun = asyncio.Event()

    async def work() -> None:
        async with shop.inbox.work(entry, kit.NOW) as connection:
            await shop.pay(connection, "o-1")
            begun.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await shop.paid() == []
    done = Verdict(state=EntryState.DONE)
    assert await shop.inbox.finish(entry, done, kit.NOW)


async def test_a_new_file_that_another_process_is_setting_up_is_waited_for(
    tmp_path: Path,
) -> None:
    file = tmp_path / "inbox.sqlite3"
    other = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    # Asked for WAL now, SQLite says "locked" at once, whatever its time-out.
    letting_go = asyncio.get_running_loop().call_later(0.05, other.execute, "ROLLBACK")
    async with SqliteInbox(file) as inbox:
        assert (await inbox.store(kit.link("o-1"))).fresh
    assert letting_go.when() <= asyncio.get_running_loop().time()
    other.close()


async def test_a_file_that_stays_locked_is_not_waited_for_any_longer(
    tmp_path: Path,
) -> None:
    file = tmp_path / "inbox.sqlite3"
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageError, match="locked"):
        await SqliteInbox(file, busy_timeout=0.05).open()
    other.close()
