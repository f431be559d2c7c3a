"""From a spreadsheet to links, as somebody at a terminal does it."""

from __future__ import annotations

import json
import os
import shlex
import signal
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import attrs
import pytest

from payermax_async import LinkDefaults
from payermax_async.bulk import (
    BulkProgress,
    BulkReport,
    MemoryJournal,
    OrderFile,
    PlannedRow,
    Rail,
    RowResult,
    RowState,
    SqliteJournal,
)
from payermax_async.bulk.schema import JOURNAL
from payermax_async.cli.bulk.sending import Ended
from payermax_async.cli.bulk.summary import GoOn, summed_up
from payermax_async.cli.failures import Exit
from payermax_async.sandbox.server import SandboxServer
from payermax_async.storage.errors import StorageError
from payermax_async.storage.migrations import Component, migrate
from payermax_async.storage.sqlite_dialect import drive
from tests.bulk.sheets import csv_text, order, workbook
from tests.cli.conftest import Shell
from tests.cli.running import running


@pytest.fixture(autouse=True)
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def november(count: int = 5, **changed: str) -> Path:
    rows = [order(f"A-{n}") for n in range(1, count + 1)]
    for place, amount in changed.items():
        rows[int(place.removeprefix("at"))][1] = amount
    path = Path("november.csv")
    path.write_text(csv_text(rows))
    return path


def states() -> dict[RowState, int]:
    return BulkReport(SqliteJournal("nov.sqlite3").read).counts()


RUN = ("bulk", "run", "november.csv", "--journal", "nov.sqlite3")


async def test_from_a_template_to_a_plan(shell: Shell) -> None:
    told = await shell("bulk", "template", "november.xlsx")
    assert told.code == 0
    told = await shell("bulk", "plan", "november.xlsx")
    assert told.code == 1
    assert "row 2  Order: is the example of the template. Delete the row." in told.out
    told = await shell("bulk", "template", "november.xlsx")
    assert (told.code, told.out) == (2, "")
    assert "is there already" in told.err


async def test_a_plan_needs_no_keys_and_says_where_in_capitals(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    november(3, at1="19,90", at2="400")
    told = await shell("bulk", "plan", "november.csv")
    assert told.code == 1
    assert told.out.startswith("TEST\n")
    assert "row 3  Amount: has a comma. Write a point" in told.out
    monkeypatch.setenv("PAYERMAX_ENVIRONMENT", "production")
    told = await shell("bulk", "plan", "november.csv", "--json")
    read = json.loads(told.out)
    assert read["environment"] == "PRODUCTION"
    assert read["batch"] == "november"
    assert [(one["row"], one["column"]) for one in read["problems"]] == [(3, "Amount")]
    assert read["totals"][0]["unusual"] == [{"row": 4, "amount": "400.00"}]


async def test_an_unknown_encoding_is_shown_in_three_cells(shell: Shell) -> None:
    rows = [[*order(f"A-{n}")[:4], "冬季新款", "u"] for n in range(3)]
    Path("n.csv").write_bytes(csv_text(rows).encode("gbk"))
    told = await shell("bulk", "plan", "n.csv")
    assert told.code == 2
    assert "--encoding gbk     冬季新款 | 冬季新款 | 冬季新款" in told.out
    assert "neither UTF-8 nor UTF-16" in told.err
    told = await shell("bulk", "plan", "n.csv", "--encoding", "gbk")
    assert "3, 3 of them ready" in told.out


async def test_nothing_is_sent_without_a_yes(
    gateway: SandboxServer, shell: Shell
) -> None:
    november()
    told = await shell(*RUN)
    assert told.code == 2
    assert told.out.startswith("SANDBOX at http://127.0.0.1")
    assert "add --yes to send 5 links" in told.err
    assert not Path("nov.sqlite3").exists()


async def test_production_wants_the_number_of_links_typed_back(
    gateway: SandboxServer, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    november()
    monkeypatch.delenv("PAYERMAX_BASE_URL")
    monkeypatch.setenv("PAYERMAX_ENVIRONMENT", "production")
    for words in ([], ["--yes"], ["--yes", "--links", "4"], ["--links", "5"]):
        told = await shell(*RUN, *words)
        assert told.code == 2, words
        assert told.out.startswith("PRODUCTION\n")
        assert "add --yes --links 5 to send 5 links" in " ".join(told.err.split())
    assert not Path("nov.sqlite3").exists()


async def test_a_trial_then_all_of_it_then_nothing_more(
    gateway: SandboxServer, shell: Shell
) -> None:
    november()
    told = await shell(*RUN, "--yes", "--first", "2", "--at-once", "1")
    assert told.code == 0, told.err
    assert "The trial is over. 2 of 5 orders have their link." in told.out
    told = await shell(*RUN, "--yes", "--events", "e.jsonl")
    assert told.code == 0
    assert "Finished. All 5 orders have their link." in told.out
    assert "created now 3  known before 2  refused 0" in told.out
    assert states() == {RowState.CREATED: 5}
    assert stat.S_IMODE(Path("e.jsonl").stat().st_mode) == 0o600
    events = [json.loads(line) for line in Path("e.jsonl").read_text().splitlines()]
    assert sum(one["event"] == "RowSettled" for one in events) == 5
    told = await shell(*RUN, "--yes")
    assert "created now 0  known before 5" in told.out


async def test_rows_with_problems_stop_it_or_are_refused_and_mended(
    gateway: SandboxServer, shell: Shell
) -> None:
    november(4, at1="19,90")
    told = await shell(*RUN, "--yes")
    assert told.code == 2
    assert "1 of 4 orders have to be mended" in " ".join(told.err.split())
    assert not Path("nov.sqlite3").exists()
    told = await shell(*RUN, "--yes", "--skip-bad")
    assert told.code == 1
    assert "Finished. 3 of 4 orders have their link." in told.out
    assert "All" not in told.out
    assert "total_amount: has a comma" in told.out
    # The repair: only what was refused, mended; under the batch of the journal.
    Path("fix.csv").write_text(csv_text([order("A-2", "19.90")]))
    told = await shell("bulk", "run", "fix.csv", "--journal", "nov.sqlite3", "--yes")
    assert told.code == 0, told.err
    assert states() == {RowState.CREATED: 4}


async def test_another_file_is_not_mixed_in(
    gateway: SandboxServer, shell: Shell
) -> None:
    november(2)
    assert (await shell(*RUN, "--yes")).code == 0
    november(3, at0="5")
    told = await shell(*RUN, "--yes")
    assert told.code == 2
    flat = " ".join(told.err.split())
    assert "the journal was begun with plan" in flat
    assert "1 orders are new, 1 differ" in flat
    told = await shell(*RUN, "--yes", "--batch", "december")
    assert "the journal is of the batch november" in " ".join(told.err.split())
    told = await shell(*RUN, "--yes", "--plan", "0" * 12)
    assert "not the one that was named" in " ".join(told.err.split())
    # On purpose: the new order is made, the made one is told and left alone.
    told = await shell(*RUN, "--yes", "--changed")
    assert told.code == 1
    assert states() == {RowState.CREATED: 3}
    assert "conflicting 1" in told.out


async def test_a_rail_stops_it_with_its_own_code_and_it_goes_on(
    gateway: SandboxServer, shell: Shell
) -> None:
    november(6)
    told = await shell(*RUN, "--yes", "--max-amount", "USD=60", "--at-once", "1")
    assert told.code == 4, told.err
    assert "60 USD is the most" in told.out
    assert "3 of 6 orders have their link" in told.out
    # The journal keeps it: going on without it does not lift it.
    assert (await shell(*RUN, "--yes")).code == 4
    assert (await shell(*RUN, "--yes", "--max-amount", "USD=600")).code == 0
    assert states() == {RowState.CREATED: 6}


async def test_what_every_order_would_meet_with_ends_it_at_once(
    gateway: SandboxServer, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    november(40)
    monkeypatch.setenv("PAYERMAX_MERCHANT_NO", "NOBODY")
    told = await shell(*RUN, "--yes")
    assert told.code == 1
    assert "Broken off. 0 of 40 orders have their link." in told.out
    assert "MERCHANT_INVALID" in told.err
    # Nothing of it is held against the orders: they are planned, and can be sent.
    assert set(states()) == {RowState.PLANNED}


@pytest.mark.parametrize(
    ("progress", "stopped", "rail", "code"),
    [
        (BulkProgress(created=1), False, None, Exit.DONE),
        (BulkProgress(created=1), False, Rail.FIRST, Exit.DONE),
        (BulkProgress(created=1), False, Rail.OUTAGE, Exit.RAIL),
        (BulkProgress(created=1), True, None, Exit.STOPPED),
        (BulkProgress(refused=1), False, None, Exit.FAILED),
        (BulkProgress(conflicting=1), False, None, Exit.FAILED),
        # What is not known goes before all else.
        (BulkProgress(unknown=1), True, Rail.MAX_FAILURES, Exit.UNKNOWN),
        (BulkProgress(in_doubt=1), True, None, Exit.UNKNOWN),
    ],
)
def test_the_exit_code_says_the_worst(
    progress: BulkProgress, stopped: bool, rail: Rail | None, code: Exit
) -> None:
    plan = OrderFile(november(1), batch="nov").plan(LinkDefaults())
    ended = Ended(progress=progress, is_stopped=stopped, rail=rail, error=None)
    journal = MemoryJournal()
    go_on = GoOn(again="again", mend="mend")
    assert summed_up(ended, plan, journal, go_on, as_json=True) is code


async def test_what_is_in_doubt_after_a_run_broke_off_is_no_plain_failure() -> None:
    plan = OrderFile(november(2), batch="nov").plan(LinkDefaults())
    full = StorageError("disk full")
    ended = Ended(progress=BulkProgress(), is_stopped=False, rail=None, error=full)
    async with MemoryJournal() as journal:
        row = PlannedRow(key="nov.A-1", order="A-1", position=1, digest="d")
        claim = await journal.claim(row, run="a", lease=timedelta(seconds=9))
        go_on = GoOn(again="again", mend="mend")
        assert summed_up(ended, plan, journal, go_on, as_json=True) is Exit.FAILED
        result = RowResult(state=RowState.UNKNOWN)
        await journal.settle("nov.A-1", claim.token, result)
        assert summed_up(ended, plan, journal, go_on, as_json=True) is Exit.UNKNOWN
    never = attrs.evolve(ended, progress=None)
    assert summed_up(never, plan, journal, go_on, as_json=True) is Exit.USAGE


def test_after_a_trial_comes_the_rest_and_after_a_refusal_the_mending() -> None:
    words = ("bulk", "run", "a b.csv", "--first", "2", "--yes", "--first=3")
    go_on = GoOn.of(words, Path("in/a b.csv"), Path("j.sqlite3"))
    assert go_on.again == "payermax bulk run 'a b.csv' --yes"
    assert go_on.mend == "payermax bulk failed j.sqlite3 --out 'in/a b-fix.csv'"


async def test_very_many_problems_are_told_by_what_is_wrong(shell: Shell) -> None:
    rows = [order(f"A-{n}", "1,50" if n != 7 else "1.50") for n in range(1, 1102)]
    Path("november.csv").write_text(csv_text(rows))
    told = await shell("bulk", "plan", "november.csv")
    assert told.code == 1
    assert "1100 to be mended:" in told.out
    assert "rows 2-7, 9-1102" in told.out


async def test_the_command_for_the_end_gets_no_keys(
    gateway: SandboxServer, shell: Shell
) -> None:
    november(1)
    code = "import os,json;json.dump(dict(os.environ),open('end.json','w'))"
    words = f'{sys.executable} -c "{code}"'
    assert (await shell(*RUN, "--yes", "--on-finish", words)).code == 0
    given = json.loads(Path("end.json").read_text())
    assert {name for name in given if name.startswith("PAYERMAX")} == {
        "PAYERMAX_BULK",
        "PAYERMAX_BULK_EXIT",
    }
    assert given["PAYERMAX_BULK_EXIT"] == "0"
    told = await shell(*RUN, "--yes", "--on-finish", "no-such-command-here")
    assert told.code == 0
    assert "could not be run" in told.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--max-failures", "many"], "--max-failures is a number"),
        (["--max-failures", "101%"], "--max-failures is a number"),
        (["--max-amount", "USD"], "--max-amount takes"),
        (["--max-amount", "usd=5"], "--max-amount takes"),
        (["--stop-at", "soon"], "--stop-at is a time"),
        (["--stop-at", "2020-01-01T00:00Z"], "is over already"),
        (["--on-finish", "'"], "--on-finish takes a command"),
        (["--on-finish", ""], "--on-finish takes a command"),
        (["--batch", ""], "a batch is named with"),
        (["--set", "currency"], "--set takes FIELD="),
        (["--set", "price=1"], "there is no column 'price'; there are: order, "),
        (["--column", "order=None"], "no header is 'None'"),
        (["--delimiter", "dot"], "comma, semicolon or tab"),
        (["--first", "0"], "first must be at least 1"),
        (["--events", "no/such/file"], "cannot be written"),
    ],
)
async def test_what_cannot_be_meant_ends_before_anything_is_sent(
    gateway: SandboxServer, shell: Shell, words: list[str], said: str
) -> None:
    november(2)
    told = await shell(*RUN, "--yes", *words)
    assert told.code == 2, told.out
    assert said in " ".join(told.err.split())
    assert not Path("nov.sqlite3").exists()


async def test_resume_takes_a_pause_back_and_goes_on_with_the_file(
    gateway: SandboxServer, shell: Shell
) -> None:
    november(2)
    where = ("--journal", "nov.sqlite3")
    told = await shell("bulk", "resume", *where)
    assert told.code == 2
    assert "there is no journal nov.sqlite3" in told.err
    assert not Path("nov.sqlite3").exists()
    assert (await shell(*RUN, "--yes", "--first", "1")).code == 0
    assert (await shell("bulk", "pause", "nov.sqlite3")).code == 0
    assert SqliteJournal("nov.sqlite3").status().control.paused
    assert (await shell("bulk", "resume", *where)).code == 0
    assert not SqliteJournal("nov.sqlite3").status().control.paused
    told = await shell("bulk", "resume", "november.csv", *where, "--yes")
    assert told.code == 0
    assert "created now 1  known before 1" in told.out


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_stops_it_cleanly_and_the_same_command_goes_on(
    gateway: SandboxServer, shell: Shell, number: signal.Signals
) -> None:
    november(40)
    words = (*RUN, "--yes", "--json", "--per-second", "20")
    async with running(*words, env={**os.environ}) as run:
        await run.until('"created": ')
        out, err = await run.stop(number)
        assert run.process.returncode == 5, err
    ended = json.loads(out.splitlines()[-1])
    assert ended["event"] == "finished"
    assert "what is under way ends first" in err
    assert set(states()) <= {RowState.CREATED, RowState.PLANNED}
    told = await shell(*RUN, "--yes")
    assert told.code == 0
    assert states() == {RowState.CREATED: 40}


async def test_a_workbook_goes_all_the_way(
    gateway: SandboxServer, shell: Shell
) -> None:
    rows: list[list[str | float]] = [
        [*order("A-1")],
        ["A-2", 5, "USD", "US", "Shirt", "u-2"],
    ]
    workbook(Path("orders.xlsx"), rows)
    told = await shell(
        *("bulk", "run", "orders.xlsx", "--journal", "nov.sqlite3", "--yes")
    )
    assert told.code == 0, told.err
    assert "All 2 orders have their link" in told.out


def test_the_commands_need_no_heavy_module_to_show_help() -> None:
    code = (
        "import sys\n"
        "from payermax_async.cli.app import run\n"
        "assert run(['bulk', 'run', '--help']) == 0\n"
        "heavy = {'aiohttp', 'asyncio', 'python_calamine', 'xlsxwriter'}\n"
        "sys.exit(', '.join(heavy & set(sys.modules)) or 0)\n"
    )
    child = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (child.returncode, child.stderr) == (0, "")


async def test_a_journal_of_an_older_version_is_brought_up_as_it_is_said(
    gateway: SandboxServer, shell: Shell
) -> None:
    november(2)
    older = Component(name=JOURNAL.name, migrations=JOURNAL.migrations[:4])
    with closing(sqlite3.connect("old one.sqlite3")) as connection, connection:
        drive(connection, migrate(older))
    run = ("bulk", "run", "november.csv", "--journal", "old one.sqlite3", "--yes")
    told = await shell(*run)
    assert told.code == 2
    command = " ".join(told.err.split()).partition("bring it up: payermax ")[2]
    assert (await shell(*shlex.split(command))).code == 0
    assert (await shell(*run)).code == 0


async def test_a_database_of_something_else_is_no_journal(
    gateway: SandboxServer, shell: Shell
) -> None:
    november(2)
    with closing(sqlite3.connect("other.sqlite3")) as connection, connection:
        connection.execute("CREATE TABLE mine (x)")
    told = await shell(
        *("bulk", "run", "november.csv", "--journal", "other.sqlite3", "--yes")
    )
    assert (told.code, "it is no journal of a batch" in told.err) == (2, True)
