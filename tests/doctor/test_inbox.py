from __future__ import annotations

from pathlib import Path

import pytest

from payermax_async.doctor.findings import Status
from payermax_async.doctor.inbox import check_inbox
from payermax_async.storage import sqlite_mode
from payermax_async.webhooks.inbox.sqlite import SqliteInbox


def answer(*, sound: bool) -> bool:
    return sound


async def test_a_file_as_it_should_be_is_good(tmp_path: Path) -> None:
    file = tmp_path / "inbox.sqlite3"
    async with SqliteInbox(file):
        (found,) = check_inbox(f"sqlite:///{file}")
    assert found.status is Status.OK


async def test_a_file_that_others_may_read_is_told_of(tmp_path: Path) -> None:
    file = tmp_path / "inbox.sqlite3"
    async with SqliteInbox(file):
        pass
    file.chmod(0o644)
    (found,) = check_inbox(f"sqlite:///{file}")
    assert found.status is Status.WARN
    assert "chmod 600" in found.what


async def test_a_file_in_a_mode_that_can_lose_a_commit_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "inbox.sqlite3"
    monkeypatch.setattr(sqlite_mode, "wal_is_sound", lambda: answer(sound=True))
    async with SqliteInbox(file):
        monkeypatch.setattr(sqlite_mode, "wal_is_sound", lambda: answer(sound=False))
        (found,) = check_inbox(f"sqlite:///{file}")
    assert found.status is Status.WARN
    assert "can lose a commit" in found.what


def test_a_file_that_is_not_there_is_told_of(tmp_path: Path) -> None:
    (found,) = check_inbox(f"sqlite:///{tmp_path}/inbox.sqlite3")
    assert found.status is Status.WARN
    assert "gone" in found.what


def test_without_a_file_nothing_is_said_of_one() -> None:
    assert [*check_inbox("")] == []
    (found,) = check_inbox("postgresql://shop:secret@db/shop")
    assert found.status is Status.SKIPPED
    assert "secret" not in found.what
