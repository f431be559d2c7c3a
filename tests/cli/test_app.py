from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from payermax_async import __version__
from payermax_async.cli import main
from tests.cli.conftest import Shell


async def test_the_version_is_the_packages(shell: Shell) -> None:
    told = await shell("--version")
    assert (told.code, told.out.strip(), told.err) == (0, __version__, "")


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--help"],
        ["demo", "--help"],
        ["sandbox", "--help"],
        ["links", "--help"],
        ["links", "create", "--help"],
        ["links", "query", "--help"],
        ["links", "expire", "--help"],
        ["webhooks", "verify", "--help"],
        ["inbox", "list", "--help"],
        ["inbox", "show", "--help"],
        ["inbox", "replay", "--help"],
        ["inbox", "park", "--help"],
        ["keys", "generate", "--help"],
        ["keys", "check", "--help"],
        ["call", "--help"],
        ["codes", "--help"],
        ["doctor", "--help"],
        ["acceptance", "--help"],
        ["close", "--help"],
        ["money", "late", "--help"],
        ["listen", "--help"],
    ],
    ids=" ".join,
)
async def test_every_help_page_fits_and_describes_each_option(
    shell: Shell, words: list[str]
) -> None:
    told = await shell(*words)
    assert (told.code, told.err) == (0, "")
    assert "Usage: payermax" in told.out
    # What cyclopts makes up for lists and flags is no option that anybody wants.
    assert "--empty-" not in told.out
    assert all(len(line) <= 80 for line in told.out.splitlines())
    for line in told.out.splitlines():
        # A row of the table is an option and what it does.
        if line.startswith("│ ") and " --" in line[:8]:
            assert len(line.strip("│ *").split()) > 2, line


@pytest.mark.parametrize(
    "words",
    [
        ["fly"],
        ["links"],
        ["links", "create"],
        ["links", "query"],
        ["links", "query", "a", "b"],
        ["links", "query", "a", "--timeout", "soon"],
        ["links", "query", "a", "--timeout", "-1"],
        ["webhooks", "verify"],
        ["inbox", "list"],
        ["inbox", "show", "one", "--inbox", "sqlite:///x"],
        ["keys", "generate", "--bits", "many"],
        ["call", "orderQuery", "--data", "{}"],
        ["demo", "--port", "x"],
        ["codes", "--kind", "strange"],
        ["doctor", "--timeout", "soon"],
    ],
    ids=" ".join,
)
async def test_wrong_usage_ends_with_2_and_is_told_on_standard_error(
    shell: Shell, words: list[str]
) -> None:
    told = await shell(*words)
    if words == ["links"]:
        assert (told.code, told.err) == (0, "")  # a group alone shows its help
        return
    assert (told.code, told.out) == (2, "")
    assert told.err.strip()
    assert "Traceback" not in told.err


def test_the_commands_module_loads_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from payermax_async.cli.app import run\n"
        "assert run(['--version']) == 0\n"
        "heavy = {'aiohttp', 'asyncio', 'Crypto', 'cattrs', 'jinja2', 'segno'}\n"
        "sys.exit(', '.join(heavy & set(sys.modules)) or 0)\n"
    )
    child = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (child.returncode, child.stderr) == (0, "")


def test_a_reader_that_leaves_early_causes_no_traceback() -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        child = subprocess.run(
            [sys.executable, "-m", "payermax_async", "--help"],
            stdout=write,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        os.close(write)
    assert "Traceback" not in child.stderr
    assert "Exception ignored" not in child.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no such device")
@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("codes", "--json"), 1, "NOT DONE"),
        (("docs", "bulk"), 1, "NOT DONE"),
        (("links", "--help"), 1, "NOT DONE"),
        (("keys", "generate", "--out", "FOLDER"), 3, "UNKNOWN"),
    ],
)
def test_a_disk_that_is_full_is_told_and_may_hide_what_was_done(
    words: tuple[str, ...], code: int, said: str, tmp_path: Path
) -> None:
    words = tuple(word.replace("FOLDER", str(tmp_path)) for word in words)
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        child = subprocess.run(
            [sys.executable, "-m", "payermax_async", *words],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert child.returncode == code
    assert child.stderr.startswith(f"{said}  what was to be told could not be written")
    assert ("may have been done" in child.stderr) == (code == 3)
    assert "Traceback" not in child.stderr
    assert "Exception ignored" not in child.stderr


def unread(*words: str, both: bool = False) -> subprocess.CompletedProcess[str]:
    """A command whose reader has left."""
    read, write = os.pipe()
    os.close(read)
    try:
        return subprocess.run(
            [sys.executable, "-m", "payermax_async", *words],
            stdout=write,
            stderr=write if both else subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        os.close(write)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("keys", "generate", "--out", "FOLDER"), 3),
        (("codes", "--json"), 0),
        (("docs", "bulk"), 0),
        (("bulk", "run", "--help"), 0),
        ((), 0),
    ],
)
def test_whoever_did_not_wait_for_the_answer_does_not_know_what_was_done(
    words: tuple[str, ...], code: int, tmp_path: Path
) -> None:
    words = tuple(word.replace("FOLDER", str(tmp_path)) for word in words)
    child = unread(*words)
    assert (child.returncode, child.stderr) == (code, "")


@pytest.mark.parametrize("words", [(), ("--json",)])
def test_a_failure_keeps_its_exit_code_though_nobody_reads(
    words: tuple[str, ...],
) -> None:
    query = ("refunds", "query", "R-1", *words)
    assert unread(*query, both=True).returncode == 2


def test_a_terminal_without_unicode_still_gets_its_help() -> None:
    child = subprocess.run(
        [sys.executable, "-m", "payermax_async", "links", "--help"],
        env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert child.returncode == 0
    assert b"withdraw" in child.stdout.lower()


def test_an_interrupt_is_told_in_one_word(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("payermax_async.signing.keys.PrivateKey.generate", interrupt)
    assert main(["keys", "generate"]) == 130
    captured = capsys.readouterr()
    assert captured.err == "interrupted\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["bulk", "run"], 'Command "bulk run" needs FILE and --journal.'),
        (["bulk", "run", "--yes", "f"], "parameter --journal requires an argument."),
        (["bulk", "run", "f", "--journal"], "--journal requires an argument."),
        (["bulk", "failed"], 'Command "bulk failed" needs JOURNAL and --out.'),
        (["bulk", "status"], "parameter JOURNAL requires an argument."),
        (
            ["links", "create", "--currency", "USD"],
            "needs --id, --amount, --country, --description and --user-id.",
        ),
    ],
)
def test_all_that_is_missing_is_said_at_once(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    err = capsys.readouterr().err
    assert said in " ".join(err.replace("\u2502", " ").split())


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
def test_a_shell_completes_commands_and_options(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["completion", "bash"]) == 0
    script = capsys.readouterr().out
    ask = (
        "{script}\ncomplete -p payermax | grep -o 'F [^ ]*' | (read _ name; "
        "COMP_WORDS=({words}); COMP_CWORD={at}; $name; echo ${{COMPREPLY[@]}})"
    )
    for words, at, said in (
        ("payermax bulk te", 2, "template"),
        ("payermax bulk run f.csv --max-f", 4, "--max-failures"),
        ("payermax doc", 1, "docs doctor"),
    ):
        asked = ask.format(script=script, words=words, at=at)
        child = subprocess.run(
            ["bash", "-c", asked], capture_output=True, text=True, check=True
        )
        assert set(said.split()) <= set(child.stdout.split()), child


@pytest.mark.parametrize("command", ["sandbox", "listen", "demo"])
@pytest.mark.parametrize("port", ["-1", "65536"])
def test_a_port_that_is_none_is_no_port_that_is_taken(
    command: str, port: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, "--port", port]) == 2
    assert "Invalid value" in capsys.readouterr().err
