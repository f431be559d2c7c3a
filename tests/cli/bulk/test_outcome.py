"""``payermax bulk report | failed | unpaid``, and ``status --refresh``."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from payermax_async import MerchantConfig, PayerMaxClient
from payermax_async.bulk import (
    AskedLink,
    AskedLinks,
    BulkBatch,
    BulkProgress,
    BulkReport,
    PlannedRow,
    RowPayment,
    RowResult,
    RowState,
    SqliteJournal,
    create_links,
)
from payermax_async.cli.app import run
from payermax_async.cli.failures import Exit
from payermax_async.sandbox.server import SandboxServer
from tests.bulk.contract import LEASE
from tests.cli.conftest import Shell
from tests.pipeline.gateway import InstantClock, order

RESULTS = (
    RowResult(state=RowState.CREATED, link_url="https://pay.test/1"),
    RowResult(state=RowState.REFUSED, reason="no amount", remedy="Mend it."),
    RowResult(state=RowState.UNKNOWN, reason="no answer", remedy="Run it again."),
    RowResult(state=RowState.CREATED, link_url="https://pay.test/4"),
)


async def fill(file: Path, results: tuple[RowResult, ...], rows: int) -> None:
    async with SqliteJournal(file, clock=InstantClock()) as journal:
        await journal.begin(BulkBatch(plan="p", fingerprint="merchant P1 at gate.test"))
        for number, result in enumerate(results, start=1):
            row = PlannedRow(
                key=f"november.A-{number}",
                order=f"A-{number}",
                position=number,
                digest="d",
                amount="19.90",
                currency="USD",
                columns={"Order": f"A-{number}", "Phone": "+49 151 234567"},
            )
            claim = await journal.claim(row, run="a", lease=LEASE)
            await journal.settle(row.key, claim.token, result)
        await journal.attend("a", BulkProgress(rows=rows), ended="finished")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "november.sqlite3"
    asyncio.run(fill(file, RESULTS, 4))
    return file


def out(capsys: pytest.CaptureFixture[str]) -> str:
    return " ".join(capsys.readouterr().out.split())


def test_what_a_batch_came_to_is_told(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["bulk", "report", str(file)]) == Exit.DONE
    told = out(capsys)
    for words in (
        "Not finished: 1 of 4 rows open",
        "1 row in doubt",
        "waits to be paid 2 39.80 USD",
        "1 refused: Mend it. 1 x no amount",
    ):
        assert words in told


def test_rows_that_no_run_has_reached_are_open(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "j.sqlite3"
    asyncio.run(fill(file, RESULTS[:1], 50))
    assert run(["bulk", "report", str(file), "--json"]) == Exit.DONE
    told = json.loads(capsys.readouterr().out)
    assert told["headline"] == "Not finished: 49 of 50 rows open"
    assert told["is_good"] is False
    assert (told["rows"], told["open"], told["links"]) == (50, 49, 1)


def test_files_are_written_for_their_owner_alone_and_never_over_others(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kinds = {"html": "r.html", "xlsx": "r.xlsx", "csv": "r.csv", "jsonl": "r.jsonl"}
    kinds["qr-sheet"] = "q.html"
    words = [
        word
        for kind, name in kinds.items()
        for word in (f"--{kind}", str(tmp_path / name))
    ]
    assert run(["bulk", "report", str(file), *words, "--paper", "letter"]) == Exit.DONE
    for name in kinds.values():
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
    page = (tmp_path / "r.html").read_text("utf-8")
    assert "<h1>Payment links: november</h1>" in page
    assert "merchant P1 at gate.test" in page
    capsys.readouterr()
    (tmp_path / "orders.csv").write_text("mine")
    mine = str(tmp_path / "orders.csv")
    for command in (
        ["report", str(file), "--jsonl", str(tmp_path / "new"), "--csv", mine],
        ["failed", str(file), "--out", mine],
        ["unpaid", str(file), "--export", mine],
    ):
        assert run(["bulk", *command]) == Exit.USAGE
        assert "is there already" in " ".join(capsys.readouterr().err.split())
        assert (tmp_path / "orders.csv").read_text() == "mine"
    assert not (tmp_path / "new").exists()
    assert run(["bulk", "failed", str(file), "--out", mine, "--force"]) == Exit.DONE


def test_the_repair_file_leaves_out_what_is_in_doubt_and_says_so(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fix = tmp_path / "to mend.jsonl"
    assert run(["bulk", "failed", str(file), "--out", str(fix)]) == Exit.DONE
    told = out(capsys)
    assert "1 rows to be mended" in told
    assert "Not in it: 1 that are open." in told
    # To be pasted: also where a name has a blank.
    assert f"bulk run '{fix}' --journal {file} --changed" in told
    (line,) = fix.read_text("utf-8").splitlines()
    assert json.loads(line)["Order"] == "A-2"


def test_open_links_are_told_by_age_and_exported_but_not_sent(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    to = tmp_path / "remind.csv"
    words = ["--older-than", "3d", "--export", str(to), "--phone", "Phone"]
    assert run(["bulk", "unpaid", str(file), *words]) == Exit.DONE
    told = out(capsys)
    assert "USD 30 days or more 2 39.80 USD" in told
    assert "Exported: 2 links" in told
    assert "Nothing was sent." in told
    assert "https://wa.me/49151234567?text=" in to.read_text("utf-8")
    young = timedelta(days=40_000) // timedelta(days=1)
    assert run(["bulk", "unpaid", str(file), "--older-than", f"{young}d"]) == Exit.DONE
    assert "No link waits to be paid." in out(capsys)
    assert run(["bulk", "unpaid", str(file), "--json"]) == Exit.DONE
    assert json.loads(capsys.readouterr().out)["lines"][0]["rows"][-1] == 2


@pytest.mark.parametrize(
    "words",
    [
        ["failed", "J", "--out", "fix.ods"],
        ["unpaid", "J", "--export", "r.txt"],
        ["unpaid", "J", "--export", "r.csv", "--phone", "Mobile"],
        ["unpaid", "J", "--phone", "Phone"],
        ["unpaid", "J", "--older-than", "soon"],
        ["report", "J", "--qr-sheet", "q.html", "--paper", "A0"],
        ["report", "J", "--csv", "no/such/folder/r.csv"],
        ["failed", "missing.sqlite3", "--out", "fix.csv"],
        ["unpaid", "missing.sqlite3"],
        *(
            [command, "missing.sqlite3"]
            for command in ("status", "pause", "expire", "report")
        ),
        ["rate", "missing.sqlite3", "--at-once", "4"],
    ],
)
def test_what_cannot_be_done_is_said_and_leaves_no_file(
    file: Path,
    tmp_path: Path,
    words: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    assert run(["bulk", *(str(file) if w == "J" else w for w in words)]) == Exit.USAGE
    assert "NOT DONE" in capsys.readouterr().err
    assert sorted(tmp_path.iterdir()) == before


# --- status --refresh ----------------------------------------------------------------


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, object]]:
    """What asking comes to: by default one paid and one open link."""
    calls: list[dict[str, object]] = []

    async def refresh(client: object, journal: SqliteJournal, **more: object) -> object:
        calls.append(more)
        payment = RowPayment(
            key="november.A-1", amount=Decimal("19.90"), currency="USD"
        )
        await journal.mark_paid(payment)
        counts = {AskedLink.PAID: 1, AskedLink.OPEN: 1}
        return AskedLinks(counts=counts, left=3)

    monkeypatch.setattr("payermax_async.bulk.refresh", refresh, raising=False)
    return calls


@pytest.fixture
def merchant(settings: Callable[[str], None]) -> None:
    settings("http://127.0.0.1:9/nobody")


def test_a_refreshed_status_shows_what_was_learned(
    file: Path,
    merchant: None,
    asked: list[dict[str, object]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ["--refresh", "--per-second", "2", "--at-most", "2"]
    assert run(["bulk", "status", str(file), *words]) == Exit.DONE
    captured = capsys.readouterr()
    assert asked == [{"per_second": 2.0, "at_most": 2}]
    assert "Asked about 2 links, 3 left" in captured.err
    assert "paid" in captured.out


def test_a_status_asks_nobody_unless_told_to(
    file: Path, asked: list[dict[str, object]]
) -> None:
    assert run(["bulk", "status", str(file)]) == Exit.DONE
    assert asked == []


def test_a_question_without_an_answer_shows_in_the_exit_code(
    file: Path, merchant: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refresh(*_: object, **more: object) -> AskedLinks:
        return AskedLinks(counts={AskedLink.FAILED: 1, AskedLink.PAID: 1}, left=0)

    monkeypatch.setattr("payermax_async.bulk.refresh", refresh, raising=False)
    assert run(["bulk", "status", str(file), "--refresh"]) == Exit.FAILED


def test_a_journal_of_another_merchant_is_not_refreshed(
    file: Path, merchant: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["bulk", "status", str(file), "--refresh"]) != Exit.DONE
    assert "merchant P1 at gate.test" in " ".join(capsys.readouterr().err.split())


async def test_asking_the_gateway_finds_what_was_paid(
    gateway: SandboxServer, shell: Shell, tmp_path: Path
) -> None:
    journal = SqliteJournal(tmp_path / "j.sqlite3")
    orders = [order(f"order-{number}") for number in (1, 2)]
    async with (
        PayerMaxClient(MerchantConfig.from_env()) as client,
        create_links(client, orders, journal=journal) as done,
    ):
        urls = {row.merchant_link_id: row.link_url or "" async for row in done}
    await gateway.pay(urls["order-1"])
    told = await shell("bulk", "status", str(tmp_path / "j.sqlite3"), "--refresh")
    assert told.code == Exit.DONE
    assert "Asked about 2 links" in told.err
    assert BulkReport(journal.read).counts() == {
        RowState.CREATED: 1,
        RowState.PAID: 1,
    }
