"""The guide is executed, one section's names going on into the next."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path

import attrs
import psycopg
import pytest

import payermax_async
from payermax_async.cli import main
from payermax_async.sandbox.server import SandboxServer
from tests.test_snippets import blocks, run_section

pytestmark = pytest.mark.postgres
GUIDE = Path(payermax_async.__file__).parent / "guides" / "fleet.md"
FOUND = [
    attrs.evolve(block, section="")
    for block in blocks(GUIDE.read_text(encoding="utf-8"))
]


@pytest.fixture
def address(postgres_address: str) -> Iterator[str]:
    """Of a database whose schema ``payermax`` is not there, before and afterwards."""
    for _ in range(2):
        with psycopg.connect(postgres_address, autocommit=True) as connection:
            connection.execute("DROP SCHEMA IF EXISTS payermax CASCADE")
        if not _:
            yield postgres_address


def test_the_guide_does_what_it_says(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PAYERMAX_DATABASE", address)
    assert sum(block.language == "python" for block in FOUND) == 6
    run_section(FOUND, SandboxServer())


@pytest.mark.parametrize("language", ["ini", "yaml"])
def test_what_is_installed_calls_the_command_as_it_is(
    language: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (text,) = [block.text for block in FOUND if block.language == language]
    if language == "ini":
        (line,) = [it for it in text.splitlines() if it.startswith("ExecStart=")]
        words = shlex.split(line.partition("=")[2])
    else:
        (line,) = [it for it in text.splitlines() if "command:" in it]
        words = json.loads(line.partition(":")[2])
    assert words[0].rpartition("/")[2] == "payermax"
    # Its options are known, and what is missing is the merchant.
    assert main([*words[1:], "--database", "postgresql://127.0.0.1/x"]) == 2
    assert "PAYERMAX_MERCHANT_NO" in capsys.readouterr().err
