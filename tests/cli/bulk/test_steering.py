"""``payermax bulk status | pause | rate``, against runs of another process."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from payermax_async.bulk import (
    BulkBatch,
    BulkControl,
    BulkProgress,
    RowResult,
    RowState,
    SqliteJournal,
)
from payermax_async.cli.app import run
from payermax_async.cli.failures import Exit
from tests.bulk.contract import LEASE, planned


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A batch of three rows, one run at it and one that ended."""
    file = tmp_path / "november.sqlite3"

    async def fill() -> None:
        async with SqliteJournal(file) as journal:
            await journal.begin(BulkBatch(plan="p1", fingerprint="merchant P1 at x"))
            for number in (1, 2, 3):
                claim = await journal.claim(
                    planned(f"order-{number}", number), run="a", lease=LEASE
                )
                if number > 1:
                    result = RowResult(state=RowState.CREATED)
                    await journal.settle(f"order-{number}", claim.token, result)
            await journal.attend("before", BulkProgress(refused=1), ended="finished")
            progress = BulkProgress(
                rows=9, taken=3, created=2, in_doubt=1, rate=0.5, remaining=14.0
            )
            await journal.attend("now", progress)

    asyncio.run(fill())
    return file


def test_how_a_batch_stands_is_told(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["bulk", "status", str(file)]) == Exit.DONE
    out = capsys.readouterr().out
    for words in (
        "merchant P1 at x",
        "p1",
        "3 in the journal",
        "planned  ",
        "created  ",
        "finished: 1 settled, 1 refused",
        "at work, seen",
        "2 of 9 settled, 2 created, 1 in doubt, 0.5 a second, 0:00:14 left",
    ):
        assert words in out


def test_another_program_reads_it_as_json(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["bulk", "status", str(file), "--json"]) == Exit.DONE
    found = json.loads(capsys.readouterr().out)
    assert found["batch"] == {
        "plan": "p1",
        "fingerprint": "merchant P1 at x",
        "journal_lost": False,
    }
    assert found["counts"] == {"planned": 1, "created": 2}
    assert [told["run"] for told in found["runs"]] == ["before", "now"]
    assert found["runs"][1]["progress"]["remaining"] == "14.000"
    assert 0 <= float(found["runs"][1]["seen_ago"]) < 60


def test_it_is_watched_until_no_run_is_at_it(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            asyncio.run(end())

    async def end() -> None:
        async with SqliteJournal(file) as journal:
            await journal.attend("now", BulkProgress(created=9), ended="finished")

    monkeypatch.setattr("time.sleep", sleep)
    words = ["bulk", "status", str(file), "--watch", "--every", "0.5"]
    assert run(words) == Exit.DONE
    assert slept == [0.5] * 3
    assert capsys.readouterr().out.count("at work") == 3


def test_runs_are_told_to_pause_and_to_go_on(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["bulk", "pause", str(file)]) == Exit.DONE
    assert "are told: to pause." in capsys.readouterr().out
    assert SqliteJournal(file).status().control == BulkControl(paused=True)
    assert run(["bulk", "pause", str(file), "--off"]) == Exit.DONE
    assert "told: nothing: they go by what they were given." in capsys.readouterr().out
    assert SqliteJournal(file).status().control == BulkControl()


def test_their_pace_is_set_and_taken_back(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["bulk", "rate", str(file)]
    assert run([*words, "--per-second", "2.5", "--at-once", "4"]) == Exit.DONE
    assert "4 at once, 2.5 a second" in capsys.readouterr().out
    assert run([*words, "--at-once", "0"]) == Exit.DONE
    assert SqliteJournal(file).status().control == BulkControl(per_second=2.5)


@pytest.mark.parametrize(
    "words",
    [
        ["rate"],
        ["rate", "--per-second", "-1"],
        ["rate", "--at-once", "1001"],
        ["status", "--every", "0"],
    ],
)
def test_what_makes_no_sense_is_refused(file: Path, words: list[str]) -> None:
    command, *options = words
    assert run(["bulk", command, str(file), *options]) == Exit.USAGE


@pytest.mark.parametrize("command", [["status"], ["pause"], ["rate", "--at-once", "2"]])
def test_of_a_file_that_is_no_journal_nothing_is_made(
    tmp_path: Path, command: list[str]
) -> None:
    name, *options = command
    file = tmp_path / "none.sqlite3"
    assert run(["bulk", name, str(file), *options]) == Exit.USAGE
    assert list(tmp_path.iterdir()) == []
