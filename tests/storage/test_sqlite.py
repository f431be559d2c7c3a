"""A SQLite file that is new, old, wide, held, gone, full, or far away."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import stat
import sys
import tempfile
import time
from collections.abc import Generator
from pathlib import Path
from typing import cast

import pytest

from payermax_async.core.errors import ConfigurationError
from payermax_async.sandbox.state.store import SandboxStore
from payermax_async.storage import sqlite_file, sqlite_mode
from payermax_async.storage.deadlines import announced
from payermax_async.storage.errors import StorageError
from payermax_async.storage.sql import coded, decoded
from payermax_async.storage.sqlite import SqliteDatabase
from payermax_async.storage.sqlite_thread import FileThread
from payermax_async.webhooks.inbox.sqlite import SqliteInbox
from tests.inbox import kit as inboxes
from tests.storage import kit

SOUND = {True: ("wal", 2), False: ("persist", 3)}
NOBODY = 65534


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "inbox.sqlite3"


def connection_of(inbox: SqliteInbox) -> sqlite3.Connection:
    database = cast("SqliteDatabase", vars(inbox)["_database"])
    thread = cast("FileThread", vars(database)["_thread"])
    assert thread.connection is not None
    return thread.connection


def pragma(connection: sqlite3.Connection, name: str) -> object:
    return connection.execute(f"PRAGMA {name}").fetchone()[0]


def pretend(monkeypatch: pytest.MonkeyPatch, *, sound: bool) -> None:
    def answer() -> bool:
        return sound

    monkeypatch.setattr(sqlite_mode, "wal_is_sound", answer)


# --- the mode --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "sound"),
    [
        ((3, 40, 1), False),
        ((3, 44, 5), False),
        ((3, 44, 6), True),
        ((3, 45, 0), False),
        ((3, 50, 6), False),
        ((3, 50, 7), True),
        ((3, 51, 2), False),
        ((3, 51, 3), True),
        ((3, 52, 0), True),
        ((4, 0, 0), True),
    ],
)
def test_which_versions_have_the_fix_of_wal_mode(
    version: tuple[int, ...], sound: bool
) -> None:
    assert sqlite_mode.wal_is_sound(version) is sound


@pytest.mark.parametrize("sound", [True, False])
async def test_a_new_file_is_in_a_mode_that_keeps_commits(
    file: Path, monkeypatch: pytest.MonkeyPatch, sound: bool
) -> None:
    pretend(monkeypatch, sound=sound)
    async with SqliteInbox(file) as inbox:
        await inbox.store(inboxes.link("o-1"))
        connection = connection_of(inbox)
        found = pragma(connection, "journal_mode"), pragma(connection, "synchronous")
        assert found == SOUND[sound]


async def test_a_file_leaves_wal_mode_only_when_nobody_else_holds_it(
    file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    pretend(monkeypatch, sound=True)
    async with SqliteInbox(file) as first:
        await first.store(inboxes.link("o-1"))
        pretend(monkeypatch, sound=False)
        async with SqliteInbox(file) as second:
            assert pragma(connection_of(second), "journal_mode") == "wal"
            assert (await second.store(inboxes.link("o-2"))).fresh
    assert "in WAL mode and others hold it" in caplog.text
    caplog.clear()
    async with SqliteInbox(file) as third:
        assert pragma(connection_of(third), "journal_mode") == "persist"
        assert len(await third.entries()) == 2
    assert caplog.text == ""


async def test_a_file_with_a_rollback_journal_is_left_as_it_is(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend(monkeypatch, sound=False)
    async with SqliteInbox(file) as first:
        pretend(monkeypatch, sound=True)
        async with SqliteInbox(file) as second:
            assert pragma(connection_of(second), "journal_mode") == "persist"
            assert (await first.store(inboxes.link("o-1"))).fresh


# --- who may read it -------------------------------------------------------------


@pytest.mark.parametrize("sound", [True, False])
async def test_a_new_file_and_its_side_files_are_their_owners_alone(
    file: Path, monkeypatch: pytest.MonkeyPatch, sound: bool
) -> None:
    pretend(monkeypatch, sound=sound)
    async with SqliteInbox(file) as inbox:
        await inbox.store(inboxes.link("o-1"))
        found = {
            each.name: stat.S_IMODE(each.stat().st_mode)
            for each in file.parent.iterdir()
        }
    assert len(found) > 1
    assert set(found.values()) == {0o600}


async def test_a_wider_file_is_told_of_and_the_sandboxs_is_narrowed(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with SqliteInbox(file):
        pass
    file.chmod(0o644)
    async with SqliteInbox(file):
        pass
    assert "chmod 600" in caplog.text
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    assert "mode 644" in " ".join(sqlite_file.troubles(str(file)))
    state = file.with_name("sandbox.db")
    SandboxStore(state).close()
    state.chmod(0o664)
    SandboxStore(state).close()
    assert stat.S_IMODE(state.stat().st_mode) == 0o600


# --- looking without writing -----------------------------------------------------


@pytest.mark.parametrize("sound", [True, False])
async def test_a_reader_writes_nothing(
    file: Path, monkeypatch: pytest.MonkeyPatch, sound: bool
) -> None:
    pretend(monkeypatch, sound=sound)
    async with SqliteInbox(file) as inbox:
        await inbox.store(inboxes.link("o-1"))
        async with SqliteInbox(file, read_only=True) as reader:
            assert await inboxes.states(reader) == ["waiting"]
            with pytest.raises(StorageError, match="readonly"):
                await reader.store(inboxes.link("o-2"))
        assert (await inbox.store(inboxes.link("o-2"))).fresh


async def test_a_reader_makes_no_file(file: Path) -> None:
    with pytest.raises(StorageError, match=r"inbox\.sqlite3"):
        await SqliteInbox(file, read_only=True).open()
    assert not file.exists()


_KILLED = """
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA journal_mode = PERSIST")
connection.execute("PRAGMA cache_size = 1")
connection.execute("PRAGMA cache_spill = 1")
connection.execute("BEGIN IMMEDIATE")
connection.execute("CREATE TABLE much (x)")
for _ in range(200):
    connection.execute("INSERT INTO much VALUES (randomblob(4000))")
os._exit(9)
"""


async def test_a_journal_that_a_killed_process_left_is_named_with_its_remedy(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend(monkeypatch, sound=False)
    async with SqliteInbox(file) as inbox:
        await inbox.store(inboxes.link("o-1"))
    killed = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _KILLED, str(file)
    )
    assert await killed.wait() == 9
    with pytest.raises(StorageError, match="start the receiver"):
        await SqliteInbox(file, read_only=True).open()
    assert "start the receiver" in " ".join(sqlite_file.troubles(str(file)))
    async with SqliteInbox(file) as inbox:
        assert await inboxes.states(inbox) == ["waiting"]
    async with SqliteInbox(file, read_only=True) as reader:
        assert await inboxes.states(reader) == ["waiting"]


# --- files that go away, fill up or stay locked -----------------------------------


@pytest.mark.parametrize("replaced", [False, True])
async def test_nothing_is_acknowledged_once_the_file_is_gone(
    file: Path, replaced: bool
) -> None:
    async with SqliteInbox(file) as inbox:
        await inbox.store(inboxes.link("o-1"))
        file.rename(file.with_name("elsewhere"))
        if replaced:
            file.touch()
        with pytest.raises(StorageError, match=r"inbox\.sqlite3: .*in use"):
            await inbox.store(inboxes.link("o-2"))


async def test_a_file_that_goes_away_during_a_commit_is_noticed_after_it(
    file: Path,
) -> None:
    async with SqliteInbox(file) as inbox:
        connection = connection_of(inbox)

        def remove() -> None:
            file.unlink()

        connection.create_function("remove", 0, remove)
        await inbox.store(inboxes.link("o-1"))
        (entry,) = await inboxes.claim(inbox)
        with pytest.raises(StorageError, match="gone"):
            async with inbox.work(entry, inboxes.NOW) as changes:
                changes.execute("SELECT remove()")


async def test_a_full_disk_stores_nothing_and_says_so(file: Path) -> None:
    async with SqliteInbox(file) as inbox:
        connection = connection_of(inbox)
        pages = pragma(connection, "page_count")
        connection.execute(f"PRAGMA max_page_count = {pages}")
        large = inboxes.link("o" + "x" * 100_000)
        with pytest.raises(StorageError, match="make room"):
            await inbox.store(large)
        connection.execute("PRAGMA max_page_count = 100000")
        assert (await inbox.store(inboxes.link("o-last"))).fresh


async def test_a_caller_does_not_wait_longer_for_a_locked_file_than_it_said(
    file: Path,
) -> None:
    async with SqliteInbox(file, busy_timeout=60) as inbox:
        other = sqlite3.connect(file, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        begun = time.monotonic()
        with announced(0.3), pytest.raises(StorageError, match="another process"):
            await inbox.store(inboxes.link("o-1"))
        assert time.monotonic() - begun < 5
        other.close()
        assert (await inbox.store(inboxes.link("o-1"))).fresh


async def test_what_nobody_waits_for_any_more_is_not_stored(file: Path) -> None:
    async with SqliteInbox(file, busy_timeout=0.5) as inbox:
        other = sqlite3.connect(file, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await inbox.store(inboxes.link("o-1"))
        other.close()
        await asyncio.sleep(0.1)
        assert await inbox.entries() == ()


async def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"no folder .*nowhere"):
        await SqliteInbox(tmp_path / "nowhere" / "inbox.sqlite3").open()


async def test_a_folder_or_a_pipe_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in (".", "pipe"):
        with pytest.raises(StorageError, match="no file"):
            await SqliteInbox(tmp_path / name).open()


def test_a_path_that_no_file_can_have_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"U\+0000"):
        SqliteInbox("inbox\0.sqlite3")


async def test_a_file_from_before_the_first_release_is_refused_with_a_sentence(
    file: Path,
) -> None:
    connection = sqlite3.connect(file)
    connection.execute("CREATE TABLE payermax_about (version INTEGER)")
    connection.close()
    with pytest.raises(StorageError, match="before the first release"):
        await SqliteInbox(file).open()


@pytest.fixture
def of_nobody() -> Generator[Path]:
    if os.geteuid() != 0:
        pytest.skip("only root can be another user")
    folder = Path(tempfile.mkdtemp())
    os.chown(folder, NOBODY, -1)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.parametrize("closed", ["file", "folder"])
async def test_what_may_not_be_written_is_refused_when_opened(
    of_nobody: Path, closed: str
) -> None:
    file = of_nobody / "inbox.sqlite3"
    async with SqliteInbox(file):
        pass
    os.chown(file, NOBODY, -1)
    (file if closed == "file" else of_nobody).chmod(0o500)
    with kit.as_user(NOBODY), pytest.raises(StorageError, match="may not write"):
        await SqliteInbox(file).open()


_MOUNTS = """/dev/sda1 / ext4 rw 0 0
server:/shop /srv/shop nfs4 rw 0 0
tmpfs /srv/shop/cache tmpfs rw 0 0
/dev/sdb1 /srv/shop2 ext4 rw 0 0
//server/x /mnt/a\\040b cifs rw 0 0
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/var/lib", "ext4"),
        ("/srv/shop", "nfs4"),
        ("/srv/shop/data", "nfs4"),
        ("/srv/shop/cache", "tmpfs"),
        ("/srv/shop2", "ext4"),
        ("/mnt/a b/c", "cifs"),
    ],
)
def test_the_file_system_of_a_folder_is_that_of_its_nearest_mount(
    folder: str, kind: str
) -> None:
    assert sqlite_file.kind_of(folder, _MOUNTS) == kind


async def test_a_network_file_system_is_refused(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nfs(folder: str, mounts: str) -> str:
        return "nfs4"

    monkeypatch.setattr(sqlite_file, "kind_of", nfs)
    with pytest.raises(StorageError, match="network file system"):
        await SqliteInbox(file).open()


@pytest.mark.parametrize(
    "text", ["", "order-1", "\u8ba2", "\U0001f600", "a\\b", "\\u8ba2", "\0", "\ud800"]
)
def test_a_text_is_kept_in_plain_letters_and_comes_back(text: str) -> None:
    kept = coded(text)
    assert kept.isascii()
    assert "\0" not in kept
    assert decoded(kept) == text
