"""The guide's commands do what it shows, one after the other."""

from __future__ import annotations

import asyncio
import shlex
from pathlib import Path

import pytest

from payermax_async.bulk import BulkReport, RowState, SqliteJournal
from payermax_async.cli import main
from payermax_async.sandbox.server import SandboxServer
from tests.bulk.test_guide import GUIDE
from tests.test_snippets import Block, blocks, compare

CHAPTER = "From a spreadsheet to a run"


def chapter() -> list[Block]:
    return [
        block
        for block in blocks(GUIDE.read_text(encoding="utf-8"))
        if block.section == CHAPTER and block.language != "python"
    ]


async def test_a_merchant_gets_from_the_template_to_the_repaired_batch(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    files = iter(["november.csv", "fix.csv"])
    ran: list[str] = []
    async with SandboxServer() as server:
        for name, value in server.settings.items():
            monkeypatch.setenv(name, value)
        printed = ""
        before: Block | None = None
        for block in chapter():
            if block.language == "csv":
                Path(next(files)).write_text(block.text, encoding="utf-8")
            elif block.language == "sh":
                words = shlex.split(block.text)
                assert words[:2] == ["payermax", "bulk"]
                assert await asyncio.to_thread(main, words[1:]) in {0, 1}
                printed = capsys.readouterr().out
                ran.append(words[2])
            elif block.language == "text" and before and before.language == "sh":
                compare(before, block.text, printed)
            before = block
    assert ran == ["template", "plan", "run", "run", "run"]
    counts = BulkReport(SqliteJournal("november.sqlite3").read).counts()
    assert counts == {RowState.CREATED: 4}
