"""Tables change step by step, once, under whoever is at work on them."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncGenerator
from pathlib import Path

import attrs
import psycopg
import pytest

from payermax_async.storage.errors import StorageError
from payermax_async.storage.migrations import Component, Migration
from payermax_async.storage.postgres import PostgresDatabase
from payermax_async.storage.postgres_address import PostgresAddress
from payermax_async.storage.sql import Query, Steps
from payermax_async.storage.sqlite import SqliteDatabase
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
ADDS = Migration(
    number=2,
    statements="ALTER TABLE {things} ADD COLUMN size INTEGER NOT NULL DEFAULT 0; "
    "INSERT INTO {things} (name) VALUES ('of the second step')",
    least_reader=1,
)
NEW = attrs.evolve(OLD, migrations=(*OLD.migrations, ADDS))
REMOVES = Migration(
    number=3, statements="ALTER TABLE {things} DROP COLUMN size", least_reader=3
)
NEWEST = attrs.evolve(NEW, migrations=(*NEW.migrations, REMOVES))
Database = PostgresDatabase | SqliteDatabase


def names() -> Steps[list[str]]:
    rows = yield Query("SELECT name FROM {things} ORDER BY id")
    return [name for (name,) in rows]


def add() -> Steps[None]:
    yield Query("INSERT INTO {things} (name) VALUES (:name)", {"name": "of an old one"})


class Place:
    def __init__(self, kind: str, where: str, schema: str = "") -> None:
        self.kind, self.where, self.schema = kind, where, schema

    def of(self, component: Component) -> Database:
        if self.kind == "sqlite":
            return SqliteDatabase(
                self.where, component, busy_timeout=10, read_only=False
            )
        return PostgresDatabase(
            PostgresAddress.read(self.where, application="test"),
            component,
            schema=self.schema,
            connections=1,
            handler_connections=1,
            timeout=10,
        )


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def place(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncGenerator[Place]:
    if request.param == "sqlite":
        yield Place("sqlite", str(tmp_path / "things.sqlite3"))
        return
    address = str(request.getfixturevalue("postgres_address"))
    async with inboxes.own_schema(address) as schema:
        # A role may begin its transactions with a view that never moves on.
        where = kit.at(address, options="-c default_transaction_isolation=serializable")
        yield Place("postgres", where, schema)


async def test_each_step_is_done_once_also_by_many_at_once(place: Place) -> None:
    for component in (NEW, NEW):
        many = [place.of(component) for _ in range(4)]
        await asyncio.gather(*(each.open() for each in many))
        assert await many[0].run(names) == ["of the second step"]
        await asyncio.gather(*(each.aclose() for each in many))
    now = await place.of(NEW).standing()
    assert (now.found, now.todo) == (2, ())


async def test_from_an_older_version_only_the_rest_is_done(place: Place) -> None:
    old = place.of(OLD)
    await old.open()
    behind = await place.of(NEW).standing()
    assert (behind.found, behind.todo) == (1, (ADDS,))
    await old.run(add)
    new = place.of(NEW)
    await new.open()
    await old.run(add)  # It has the tables open, and only knows the older ones.
    await old.aclose()
    found = await new.run(names)
    assert found == ["of an old one", "of the second step", "of an old one"]
    await new.aclose()


async def test_older_code_may_use_what_only_grew(place: Place) -> None:
    new = place.of(NEW)
    await new.open()
    await new.aclose()
    old = place.of(OLD)
    await old.open()
    await old.run(add)
    assert await old.run(names) == ["of the second step", "of an old one"]
    await old.aclose()
    assert (await place.of(OLD).standing()).found == 2, "it is not taken back"


async def test_older_code_is_refused_once_something_was_removed(place: Place) -> None:
    newest = place.of(NEWEST)
    await newest.open()
    await newest.aclose()
    with pytest.raises(StorageError, match=r"version 3.*this package knows 2: update"):
        await place.of(NEW).open()
    assert (await place.of(NEW).standing()).least_reader == 3


async def test_what_is_printed_does_what_opening_does(place: Place) -> None:
    if place.kind == "sqlite":
        Path(place.where).touch(0o600)
    database = place.of(NEW)
    text = database.script(await database.standing())
    await _by_hand(place, text)
    now = await database.standing()
    assert (now.found, now.todo, database.script(now)) == (2, (), "")
    with pytest.raises((sqlite3.Error, psycopg.Error)):
        await _by_hand(place, text)
    await database.open()
    assert await database.run(names) == ["of the second step"]
    await database.aclose()


async def _by_hand(place: Place, text: str) -> None:
    if place.kind == "postgres":
        await kit.execute(place.where, text)
        return
    with contextlib.closing(sqlite3.connect(place.where)) as connection:
        connection.executescript(text)
