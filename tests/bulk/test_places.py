"""Where a journal may not be kept, and what two of one batch make."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from payermax_async.bulk import DoneState, SqliteJournal, create_links
from payermax_async.storage import sqlite_file
from payermax_async.storage.errors import StorageError
from tests.bulk.kit import made, name, on_disk, orders, ran, states
from tests.pipeline.merchant import CREATE, HELD_UP, LOST, Gateways
from tests.storage.kit import as_user

C, F = DoneState.CREATED, DoneState.FOUND
NOBODY = 65534


@pytest.fixture
def of_nobody() -> Iterator[Path]:
    """A folder that root's rights to everything do not help with."""
    if os.name == "nt" or os.geteuid() != 0:
        pytest.skip("needs root, to become somebody with fewer rights")
    # pytest's own folders are closed to everybody else.
    folder = Path(tempfile.mkdtemp())
    os.chown(folder, NOBODY, -1)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.parametrize("closed", ["file", "folder"])
async def test_with_a_journal_that_may_not_be_written_nothing_is_sent(
    of_nobody: Path, closed: str
) -> None:
    gateways, file = Gateways(), of_nobody / "november.sqlite3"
    async with gateways.client() as client:
        await ran(client, orders(2), on_disk(file, gateways))
        gateways.seen.clear()
        os.chown(file, NOBODY, -1)
        (file if closed == "file" else of_nobody).chmod(0o500)
        with (
            as_user(NOBODY),
            pytest.raises(StorageError, match="may not write"),
        ):
            await ran(client, orders(5), on_disk(file, gateways))
    assert gateways.seen == []
    # It can still be looked at.
    assert len(list(SqliteJournal(file).read())) == 2


async def test_on_a_network_file_system_nothing_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nfs(folder: str, mounts: str) -> str:
        return "nfs4"

    monkeypatch.setattr(sqlite_file, "kind_of", nfs)
    gateways = Gateways()
    async with gateways.client() as client:
        with pytest.raises(StorageError, match="network file system"):
            await ran(client, orders(5), SqliteJournal(tmp_path / "j.sqlite3"))
    assert gateways.seen == []
    assert list(tmp_path.iterdir()) == []


async def test_a_file_that_is_torn_in_the_middle_is_told_and_no_row_is_sent_unseen(
    tmp_path: Path,
) -> None:
    """What of it can be read may be too little: it stops, or it knows the row."""
    gateways, file = Gateways(), tmp_path / "november.sqlite3"
    async with gateways.client() as client:
        await ran(client, orders(120), on_disk(file, gateways))
        whole = file.read_bytes()
        gateways.seen.clear()
        pages = len(whole) // 4096
        for page in range(1, pages, 3):
            torn = tmp_path / f"torn-{page}.sqlite3"
            torn.write_bytes(
                whole[: page * 4096] + b"\xa5" * 4096 + whole[(page + 1) * 4096 :]
            )
            torn.chmod(0o600)
            try:
                await ran(client, orders(120), on_disk(torn, gateways))
            except StorageError as error:
                assert "torn" in str(error)  # noqa: PT017 - some pages are free
    assert gateways.seen == []


async def test_two_runs_on_copies_of_a_journal_make_each_link_once() -> None:
    """As far as PayerMax refuses repeated ids: no file knows of the other."""
    gateways = Gateways(checks=True)
    gateways.first.script[CREATE] = [LOST, HELD_UP] * 4
    with tempfile.TemporaryDirectory() as folder:
        file, copy = Path(folder) / "november.sqlite3", Path(folder) / "copy.sqlite3"
        async with gateways.client() as one, gateways.client() as other:
            journal = on_disk(file, gateways)
            async with create_links(
                one, orders(60), journal=journal, names=name, at_once=4
            ) as run:
                for _ in range(20):
                    await anext(run)
            shutil.copy(file, copy)
            both = await asyncio.gather(
                ran(one, orders(60), on_disk(file, gateways), at_once=8),
                ran(other, orders(60), on_disk(copy, gateways), at_once=8),
            )
    assert set(made(gateways).values()) == {1}
    assert len(made(gateways)) == 60
    for rows in both:
        assert set(states(rows)) <= {C, F}
    links = [{row.merchant_link_id: row.link_url for row in rows} for rows in both]
    assert links[0] == links[1]
