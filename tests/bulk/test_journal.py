"""The journals: what they share, and what a file can meet with."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import pytest

from payermax_async.bulk import (
    BatchMismatchError,
    ClaimStanding,
    DoneState,
    Journal,
    JournalError,
    MemoryJournal,
    RowState,
    SqliteJournal,
)
from payermax_async.config import MerchantConfig
from payermax_async.core.errors import ConfigurationError
from payermax_async.storage.lease_clock import LeaseClock
from payermax_async.webhooks import StorageError
from tests.bulk.contract import CREATED, LEASE, JournalContract, Seconds, planned
from tests.bulk.kit import made, on_disk, orders, ran, states
from tests.pipeline.merchant import CREATE, Gateways


class TestMemoryJournal(JournalContract):
    @pytest.fixture
    async def journal(self, seconds: Seconds) -> AsyncIterator[Journal]:
        clock = LeaseClock(boot="b", micros=seconds.micros)
        journal = MemoryJournal(lease_clock=clock)
        await journal.open()
        yield journal
        await journal.aclose()

    async def test_it_is_used_while_it_is_open(self) -> None:
        journal = MemoryJournal()
        with pytest.raises(JournalError, match="not open"):
            await journal.release("a")


class TestSqliteJournal(JournalContract):
    @pytest.fixture
    async def journal(self, seconds: Seconds, tmp_path: Path) -> AsyncIterator[Journal]:
        clock = LeaseClock(boot="b", micros=seconds.micros)
        async with SqliteJournal(tmp_path / "j.sqlite3", lease_clock=clock) as journal:
            yield journal

    async def test_writes_that_come_together_share_commits(
        self, journal: Journal
    ) -> None:
        connection = connection_of(journal)
        commits: list[str] = []
        connection.set_trace_callback(
            lambda text: commits.append(text) if text == "COMMIT" else None
        )
        claims = [
            journal.claim(planned(f"order-{n}", n), run="a", lease=LEASE)
            for n in range(200)
        ]
        await asyncio.gather(*claims)
        connection.set_trace_callback(None)
        assert len(commits) < 20


def connection_of(journal: Journal) -> sqlite3.Connection:
    found: Any = cast("Any", journal)._database._thread.connection
    assert isinstance(found, sqlite3.Connection)
    return found


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "november.sqlite3"


async def test_a_restart_of_the_machine_ends_every_hold(file: Path) -> None:
    async with SqliteJournal(
        file, lease_clock=LeaseClock(boot="b1", micros=lambda: 5)
    ) as journal:
        claim = await journal.claim(planned(), run="a", lease=LEASE)
        assert claim.standing is ClaimStanding.OURS
    async with SqliteJournal(
        file, lease_clock=LeaseClock(boot="b2", micros=lambda: 6)
    ) as journal:
        claim = await journal.claim(planned(), run="b", lease=LEASE)
        assert claim.standing is ClaimStanding.OURS
        assert claim.sent_ago is None


async def test_it_is_readable_by_its_owner_alone(file: Path) -> None:
    async with SqliteJournal(file) as journal:
        await journal.claim(planned(), run="a", lease=LEASE)
    assert file.stat().st_mode & 0o777 == 0o600


async def test_another_merchant_or_gateway_is_refused(file: Path) -> None:
    gateways = Gateways()
    async with gateways.client() as client:
        await ran(client, orders(1), SqliteJournal(file))
        gateways.seen.clear()
        with pytest.raises(BatchMismatchError, match="november-2"):
            await ran(client, orders(2), SqliteJournal(file), plan="november-2")
    assert gateways.seen == []
    other = Gateways()
    elsewhere = other.client()
    config: MerchantConfig = elsewhere.config
    object.__setattr__(elsewhere, "_config", _renamed(config))
    async with elsewhere:
        with pytest.raises(BatchMismatchError, match=r"010213834784554.*P0999"):
            await ran(elsewhere, orders(2), SqliteJournal(file))
    assert other.seen == []


def _renamed(config: MerchantConfig) -> MerchantConfig:
    return MerchantConfig(
        merchant_no="P0999",
        app_id=config.app_id,
        private_key=config.private_key,
        platform_keys=config.platform_keys,
        environment=config.environment,
        defaults=config.defaults,
    )


@pytest.mark.parametrize("content", [b"x" * 8192, b"SQLite format 3\0" + b"\1" * 9000])
async def test_a_torn_file_is_refused_before_anything_is_sent(
    file: Path, content: bytes
) -> None:
    file.write_bytes(content)
    file.chmod(0o600)
    gateways = Gateways()
    async with gateways.client() as client:
        with pytest.raises(StorageError, match="november"):
            await ran(client, orders(2), SqliteJournal(file))
    assert gateways.seen == []


async def test_a_folder_that_is_missing_is_refused(tmp_path: Path) -> None:
    gateways = Gateways()
    async with gateways.client() as client:
        with pytest.raises(StorageError, match="there is no folder"):
            await ran(client, orders(2), SqliteJournal(tmp_path / "no" / "j.sqlite3"))
    assert gateways.seen == []


async def test_no_file_can_have_an_empty_path() -> None:
    with pytest.raises(ConfigurationError, match="give the journal a file"):
        SqliteJournal("")


@pytest.mark.parametrize("room", range(5))
async def test_a_full_disk_lets_nothing_out_that_is_not_written_down(
    file: Path, room: int
) -> None:
    """With so many pages left, the disk is full at some write of the run."""
    gateways = Gateways()
    journal = on_disk(file, gateways)
    async with gateways.client() as client, journal:
        connection = connection_of(journal)
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages + room}")
        with pytest.raises(StorageError, match="make room"):
            await ran(client, orders(80), journal, at_once=4)
        known = {row.planned.key: row.result.state for row in journal.read()}
        for key in made(gateways):
            assert known[key] in {
                RowState.SENDING,
                RowState.UNKNOWN,
                RowState.CREATED,
            }
        connection.execute("PRAGMA max_page_count = 100000")
    async with gateways.client() as client:
        rows = await ran(client, orders(80), on_disk(file, gateways))
    assert set(states(rows)) <= {DoneState.CREATED, DoneState.FOUND}
    assert set(made(gateways).values()) == {1}
    assert len(made(gateways)) == 80


async def test_a_file_that_is_gone_stops_the_run(file: Path) -> None:
    gateways = Gateways()
    journal = on_disk(file, gateways)

    def remove(_host: str, _operation: str) -> None:
        if file.exists():
            file.rename(file.with_name("elsewhere.sqlite3"))

    gateways.before = remove
    async with gateways.client() as client:
        with pytest.raises(StorageError, match="gone"):
            await ran(client, orders(100), journal, at_once=1)
    assert gateways.names() == [CREATE]
    file.with_name("elsewhere.sqlite3").rename(file)
    gateways.before = lambda _host, _operation: None
    async with gateways.client() as client:
        await ran(client, orders(3), on_disk(file, gateways))
    assert set(made(gateways).values()) == {1}


async def test_what_it_wrote_is_read_by_a_later_run(file: Path) -> None:
    async with SqliteJournal(file) as journal:
        claim = await journal.claim(planned(), run="a", lease=LEASE)
        await journal.settle("order-1", claim.token, CREATED)
    assert [row.result for row in SqliteJournal(file).read()] == [CREATED]
    with pytest.raises(JournalError, match="open already"):
        async with SqliteJournal(file) as journal:
            await journal.open()
