"""``payermax db``: what the people who run a database see of the inbox's tables."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from pathlib import Path

import pytest

from payermax_async.bulk import PostgresJournal
from payermax_async.bulk.schema import SHARED_JOURNAL
from payermax_async.webhooks import SqliteInbox
from payermax_async.webhooks.inbox.schema import INBOX
from tests.cli.conftest import Shell
from tests.inbox import kit
from tests.storage.kit import at, execute

WANTED = INBOX.version


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "inbox.sqlite3"


def _set(file: Path, version: int, least: int) -> None:
    with contextlib.closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(
            "UPDATE payermax_components SET version = ?, least_reader = ?",
            (version, least),
        )


async def test_upgrade_makes_the_tables_and_may_be_run_twice(
    shell: Shell, file: Path
) -> None:
    address = f"sqlite:///{file}"
    for _ in range(2):
        told = await shell("db", "upgrade", "--inbox", address)
        assert (told.code, told.err) == (0, "")
        assert f"inbox: version {WANTED}" in told.out
    told = await shell("db", "check", "--inbox", address, "--json")
    assert told.code == 0
    found = json.loads(told.out)
    assert (found["version"], found["to do"], found["usable"]) == (WANTED, [], True)
    async with SqliteInbox(file) as inbox:
        assert (await inbox.store(kit.link("o-1"))).fresh


async def test_check_is_not_content_with_tables_that_are_behind(
    shell: Shell, file: Path
) -> None:
    file.touch(0o600)
    told = await shell("db", "check", "--inbox", f"sqlite:///{file}")
    assert told.code == 1
    assert "version 0" in told.out
    assert "payermax db upgrade" in told.out
    assert file.stat().st_size == 0, "it only looks"


@pytest.mark.parametrize(("least", "code"), [(1, 0), (99, 1)])
async def test_check_says_whether_newer_tables_may_be_used(
    shell: Shell, file: Path, least: int, code: int
) -> None:
    address = f"sqlite:///{file}"
    await shell("db", "upgrade", "--inbox", address)
    _set(file, 99, least)
    told = await shell("db", "check", "--inbox", address)
    assert told.code == code
    assert ("it may be used" in told.out) == (code == 0)
    assert ("update it wherever" in told.out) == (code == 1)
    told = await shell("db", "upgrade", "--inbox", address)
    assert (told.code == 0) == (code == 0)
    told = await shell("db", "sql", "--inbox", address)
    assert (told.code, "nothing is to be done" in told.out) == (2 * code, code == 0)


async def test_a_file_that_is_missing_is_not_checked(shell: Shell, file: Path) -> None:
    for word in ("check", "sql"):
        told = await shell("db", word, "--inbox", f"sqlite:///{file}")
        assert told.code == 2
        assert "there is no file" in told.err
    assert not file.exists()


@pytest.mark.postgres
async def test_a_dba_runs_what_is_printed_and_the_role_only_uses_it(
    shell: Shell, postgres_address: str
) -> None:
    async with kit.own_schema(postgres_address) as schema:
        role = f"{schema}_role"
        await execute(postgres_address, f"CREATE ROLE {role} LOGIN")
        try:
            address = at(postgres_address, user=role)
            url = "postgresql:///?" + "&".join(
                word.replace("'", "") for word in address.split()
            )
            where = ("--inbox", url, "--schema", schema)
            told = await shell("db", "upgrade", *where)
            assert told.code == 1
            for word in ("upgrade", "check", "sql"):
                assert f"payermax db {word}" in " ".join(told.err.split())
            told = await shell("db", "check", *where)
            assert (told.code, "version 0" in told.out) == (1, True)
            printed = await shell("db", "sql", *where)
            assert printed.code == 0
            await execute(
                postgres_address,
                printed.out,
                f"GRANT USAGE ON SCHEMA {schema} TO {role}",
                f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {role}",
            )
            told = await shell("db", "check", *where)
            assert (told.code, "Up to date" in told.out) == (0, True)
        finally:
            await execute(
                postgres_address, f"DROP OWNED BY {role} CASCADE", f"DROP ROLE {role}"
            )


@pytest.mark.postgres
async def test_the_tables_of_journals_are_made_checked_and_printed(
    shell: Shell, postgres_address: str
) -> None:
    async with kit.own_schema(postgres_address) as schema:
        where = ["--database", postgres_address, "--schema", schema]
        where += ["--component", "journal"]
        told = await shell("db", "sql", *where)
        assert "journal_learned" in told.out
        assert (await shell("db", "check", *where)).code == 1
        await execute(postgres_address, told.out)
        told = await shell("db", "check", *where)
        assert (told.code, told.err) == (0, "")
        assert f"journal: version {SHARED_JOURNAL.version}" in told.out
        told = await shell("db", "upgrade", *where)
        assert told.code == 0
        async with PostgresJournal(
            postgres_address, batch="b", schema=schema
        ) as journal:
            assert journal.status().batch is None
