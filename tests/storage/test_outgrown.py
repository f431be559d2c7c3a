"""Tables that newer code changes under an older process, which has them open."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncGenerator
from pathlib import Path

import attrs
import pytest

from payermax_async.bulk import SqliteJournal
from payermax_async.storage.errors import StorageError
from payermax_async.storage.migrations import Component, Migration
from payermax_async.storage.postgres import PostgresDatabase
from payermax_async.storage.postgres_address import PostgresAddress
from payermax_async.storage.sql import Query, Steps
from payermax_async.storage.sqlite import SqliteDatabase
from tests.bulk.contract import LEASE, planned
from tests.inbox import kit as inboxes
from tests.storage import kit

OLD = Component(
    name="things",
    migrations=(
        Migration(
            number=1,
            statements="CREATE TABLE {things} (id {number}, name TEXT NOT NULL)",
            least_reader=1,
        ),
    ),
)
# Nothing that a transaction of the older code has locked: what changes is the meaning.
MEANS = Migration(
    number=2, statements="CREATE TABLE {meanings} (id {number})", least_reader=2
)
NEW = attrs.evolve(OLD, migrations=(*OLD.migrations, MEANS))
REFUSED = r"things are of version 2 and want code .* version 2; this package knows 1"
LATER = "UPDATE payermax_components SET version = 99, least_reader = 99"


def names() -> Steps[list[str]]:
    rows = yield Query("SELECT name FROM {things} ORDER BY id")
    return [name for (name,) in rows]


def add() -> Steps[None]:
    yield Query("INSERT INTO {things} (name) VALUES (:name)", {"name": "of an old one"})


def nothing() -> Steps[None]:
    yield from ()


def yes() -> Steps[bool]:
    yield from ()
    return True


def in_postgres(address: str, schema: str, component: Component) -> PostgresDatabase:
    return PostgresDatabase(
        PostgresAddress.read(address, application="test"),
        component,
        schema=schema,
        connections=2,
        handler_connections=1,
        timeout=10,
    )


@pytest.fixture
async def schema(postgres_address: str) -> AsyncGenerator[str]:
    async with inboxes.own_schema(postgres_address) as schema:
        yield schema


# --- a file ----------------------------------------------------------------------


async def test_a_file_that_moved_on_is_written_and_read_no_more(tmp_path: Path) -> None:
    path = tmp_path / "things.sqlite3"

    def of(component: Component, *, read_only: bool = False) -> SqliteDatabase:
        return SqliteDatabase(path, component, busy_timeout=10, read_only=read_only)

    old, new = of(OLD), of(NEW)
    await old.open()
    await old.run(add)
    reader = of(OLD, read_only=True)
    await reader.open()
    await new.open()
    for database in (old, reader):
        with pytest.raises(StorageError, match=rf"things\.sqlite3: .*{REFUSED}"):
            await database.run(names)
    with pytest.raises(StorageError, match=REFUSED):
        await old.run(add)
    assert await new.run(names) == ["of an old one"]
    for database in (old, reader, new):
        await database.aclose()


async def test_a_journal_that_moved_on_is_written_no_more(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite3"
    async with SqliteJournal(path) as journal:
        with contextlib.closing(sqlite3.connect(path)) as newer, newer:
            newer.execute(LATER)
        with pytest.raises(StorageError, match="version 99 and want code"):
            await journal.claim(planned(), run="a", lease=LEASE)
        with pytest.raises(StorageError, match="version 99 and want code"):
            list(journal.read())


# --- PostgreSQL ------------------------------------------------------------------


@pytest.mark.postgres
async def test_a_schema_that_moved_on_is_written_and_read_no_more(
    postgres_address: str, schema: str
) -> None:
    old = in_postgres(postgres_address, schema, OLD)
    new = in_postgres(postgres_address, schema, NEW)
    await old.open()
    await old.run(add)
    await new.open()
    for plan in (names, add):
        with pytest.raises(StorageError, match=REFUSED):
            await old.run(plan)
    assert await new.run(names) == ["of an old one"]
    await old.aclose()
    await new.aclose()


@pytest.mark.postgres
async def test_what_a_handler_did_is_taken_back_when_the_tables_moved_on(
    postgres_address: str, schema: str
) -> None:
    old = in_postgres(postgres_address, schema, OLD)
    new = in_postgres(postgres_address, schema, NEW)
    await old.open()

    async def handle() -> None:
        async with old.transaction(nothing, settled=yes) as connection:
            insert = f"INSERT INTO {schema}.things (name) VALUES ('a handler''s')"
            await connection.execute(insert.encode())
            await new.open()  # A handler in progress keeps nobody from changing them.

    with pytest.raises(StorageError, match=REFUSED):
        await handle()
    assert await new.run(names) == []
    await old.aclose()
    await new.aclose()


@pytest.mark.postgres
async def test_tables_move_on_when_whoever_looked_at_them_has_ended(
    postgres_address: str, schema: str
) -> None:
    old = in_postgres(postgres_address, schema, OLD)
    new = in_postgres(postgres_address, schema, NEW)
    await old.open()
    async with old.take() as connection:
        async with connection.transaction():
            await old.drive(connection, add())
            opening = asyncio.create_task(new.open())
            await _waits_for_a_lock(postgres_address, schema)
            assert not opening.done()
        await opening
    assert await new.run(names) == ["of an old one"]
    with pytest.raises(StorageError, match=REFUSED):
        await old.run(add)
    await old.aclose()
    await new.aclose()


async def _waits_for_a_lock(address: str, schema: str) -> None:
    waiting = (
        "SELECT 1 FROM pg_locks WHERE NOT granted "
        f"AND relation = to_regclass('{schema}.components')"
    )
    async with asyncio.timeout(20):
        while not await kit.execute(address, waiting):
            await asyncio.sleep(0.01)
