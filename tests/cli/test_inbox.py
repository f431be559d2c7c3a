from __future__ import annotations

import asyncio
import json
import sqlite3
from pathlib import Path

import pytest

from payermax_async.core.errors import WebhookReason
from payermax_async.core.strict_json import write_json
from payermax_async.webhooks import (
    LinkPaid,
    NotificationVerifier,
    Receiver,
    ReceiverLimits,
    SqliteChanges,
    SqliteInbox,
)
from payermax_async.webhooks.samples import APP_ID, MERCHANT_NO
from tests.cli.conftest import Shell
from tests.webhooks import kit

LONG_AGO = "2020-01-01T00:00:00Z"


def receiver(file: Path, *, workers: int = 0) -> Receiver[SqliteChanges]:
    verifier = NotificationVerifier(
        kit.TrustingVerifier(), merchant_no=MERCHANT_NO, app_id=APP_ID
    )
    return Receiver(verifier, SqliteInbox(file), limits=ReceiverLimits(workers=workers))


@pytest.fixture
async def address(tmp_path: Path) -> str:
    """An inbox with a waiting entry, and one that was parked for its age."""
    file = tmp_path / "inbox.sqlite3"
    async with receiver(file) as desk:
        for name, when in (("order-1", None), ("order-2", LONG_AGO)):
            body = write_json(
                {**kit.link_payload(name), "notifyTime": when or "not a time"}
            )
            reply = await desk.handle({"sign": kit.RIGHT_SHAPE}, body)
            assert reply.status == (200 if when is None else 500)
        assert desk.counts[WebhookReason.STALE.value] == 1
    return f"sqlite:///{file}"


async def test_the_list_says_what_came_and_where_it_stands(
    shell: Shell, address: str
) -> None:
    told = await shell("inbox", "list", "--inbox", address)
    assert (told.code, told.err) == (0, "")
    first, second = told.out.splitlines()[:2]
    assert first.split()[0] == "1"
    assert "waiting" in first
    assert "PAYBYLINK order-1" in first
    assert "parked" in second
    assert "unreadable" in second


async def test_the_list_can_be_narrowed_and_continued(
    shell: Shell, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAYERMAX_INBOX", address)

    async def numbers(*words: str) -> list[int]:
        told = await shell("inbox", "list", "--json", *words)
        assert (told.code, told.err) == (0, "")
        return [entry["number"] for entry in json.loads(told.out)]

    assert await numbers() == [1, 2]
    assert await numbers("--state", "parked") == [2]
    assert await numbers("--key", "order-1") == [1]
    assert await numbers("--after", "1") == [2]
    told = await shell("inbox", "list", "--limit", "1")
    assert "More: --after 1" in told.out
    told = await shell("inbox", "list", "--state", "done")
    assert "Nothing of the kind" in told.out


async def test_what_is_shown_of_an_entry_names_no_buyer(
    shell: Shell, address: str
) -> None:
    for words in ([], ["--json"]):
        told = await shell("inbox", "show", "1", "--inbox", address, *words)
        assert (told.code, told.err) == (0, "")
        assert "order-1" in told.out
        assert "411111" not in told.out


async def test_a_parked_entry_is_read_anew_and_then_handled(
    shell: Shell, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("MERCHANT_NO", MERCHANT_NO), ("APP_ID", APP_ID)):
        monkeypatch.setenv(f"PAYERMAX_{name}", value)
    told = await shell("inbox", "replay", "2", "--inbox", address)
    assert (told.code, told.err) == (0, "")
    seen: list[str] = []
    desk = receiver(tmp_path / "inbox.sqlite3", workers=1)

    @desk.on(LinkPaid)
    async def paid(event: LinkPaid) -> None:
        seen.append(event.merchant_link_id)

    async with desk:
        await desk.settled()
    assert sorted(seen) == ["order-1", "order-2"]


@pytest.mark.parametrize(
    ("merchant_no", "app_id", "words"),
    [
        ("999999999999999", APP_ID, "for another merchant or app"),
        (MERCHANT_NO, "another", "for another merchant or app"),
        (None, APP_ID, "PAYERMAX_MERCHANT_NO"),
        (MERCHANT_NO, None, "PAYERMAX_APP_ID"),
    ],
)
async def test_unreadable_bytes_are_replayed_for_the_merchant_of_the_settings_only(
    shell: Shell,
    address: str,
    monkeypatch: pytest.MonkeyPatch,
    merchant_no: str | None,
    app_id: str | None,
    words: str,
) -> None:
    for name, value in (("MERCHANT_NO", merchant_no), ("APP_ID", app_id)):
        if value is None:
            monkeypatch.delenv(f"PAYERMAX_{name}", raising=False)
        else:
            monkeypatch.setenv(f"PAYERMAX_{name}", value)
    for force in ([], ["--force"]):
        told = await shell("inbox", "replay", "2", "--inbox", address, *force)
        assert (told.code, told.out) == (2, "")
        assert words in " ".join(told.err.split())
    told = await shell("inbox", "list", "--inbox", address, "--state", "parked")
    assert len(told.out.splitlines()) == 1
    # What was read when it came was for its merchant then.
    assert (await shell("inbox", "replay", "1", "--inbox", address)).code == 0


async def test_a_parked_entry_waits_until_it_is_replayed(
    shell: Shell, address: str, tmp_path: Path
) -> None:
    assert (await shell("inbox", "park", "1", "--inbox", address)).code == 0
    desk = receiver(tmp_path / "inbox.sqlite3", workers=1)
    seen: list[str] = []

    @desk.on(LinkPaid)
    async def paid(event: LinkPaid) -> None:
        seen.append(event.merchant_link_id)

    async with desk:
        await desk.settled()
        assert seen == []
        assert (await shell("inbox", "replay", "1", "--inbox", address)).code == 0
        await desk.settled()
    assert seen == ["order-1"]


@pytest.mark.parametrize("command", ["replay", "park"])
async def test_an_entry_that_is_not_there_is_said_to_be_missing(
    shell: Shell, address: str, command: str
) -> None:
    told = await shell("inbox", command, "99", "--inbox", address)
    assert (told.code, told.out) == (1, "")
    assert "Nothing was done" in told.err
    assert (await shell("inbox", "show", "99", "--inbox", address)).code == 2


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("inbox.sqlite3", "--inbox is sqlite:///FILE"),
        ("mysql://shop:secret@db/shop", "--inbox is sqlite:///FILE"),
        ("sqlite:////nowhere/inbox.sqlite3", "there is no file"),
        ("postgresql://shop:secret@127.0.0.1:1/shop", "cannot be used"),
        ("postgresql://shop:secret@@[", "cannot be used"),
    ],
)
async def test_an_address_that_leads_nowhere_is_told_without_its_password(
    shell: Shell, address: str, words: str
) -> None:
    told = await shell("inbox", "list", "--inbox", address)
    assert (told.code, told.out) == (2, "")
    assert words in " ".join(told.err.split())
    assert "secret" not in told.err


async def test_a_file_that_is_no_inbox_is_left_as_it_is(
    shell: Shell, tmp_path: Path
) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("not a database, but long enough to be looked at " * 10)
    told = await shell("inbox", "list", "--inbox", f"sqlite:///{file}")
    assert told.code == 2
    assert "not a database" in told.err
    assert file.read_text().startswith("not a database, but")


@pytest.mark.parametrize(
    "words", [("--state", "eaten"), ("--limit", "0")], ids=" ".join
)
async def test_wrong_usage_is_refused(
    shell: Shell, address: str, words: tuple[str, ...]
) -> None:
    told = await shell("inbox", "list", "--inbox", address, *words)
    assert (told.code, told.out) == (2, "")


async def test_the_raw_bytes_can_be_piped_on(
    address: str, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    from payermax_async.cli import main

    code = await asyncio.to_thread(
        main, ["inbox", "show", "1", "--raw", "--inbox", address]
    )
    shown = capfdbinary.readouterr()
    assert (code, shown.err) == (0, b"")
    file = Path(address.removeprefix("sqlite:///"))
    connection = sqlite3.connect(file)
    try:
        (body,) = connection.execute(
            "SELECT body FROM payermax_inbox WHERE id = 1"
        ).fetchone()
    finally:
        connection.close()
    assert shown.out == body
