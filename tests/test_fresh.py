"""New seeds find what the suite's own examples do not, and say how to repeat it."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import fresh

_CHANCY = """
import pytest
from hypothesis import given, settings, strategies as st

@settings(max_examples=20)
@given(st.integers(0, 2**24))
def test_it(number: int) -> None:
    with open({noted!r}, "a") as notes:
        notes.write(f"{{number}}\\n")
    assert number < {below}

def test_that_draws_nothing() -> None:
    pytest.fail("it was not asked for")
"""


@pytest.fixture
def notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "notes"


def _write(notes: Path, below: int) -> str:
    path = notes.parent / "test_chancy.py"
    path.write_text(_CHANCY.format(noted=str(notes), below=below))
    own = Path(__file__).with_name("conftest.py").read_text(encoding="utf-8")
    path.with_name("conftest.py").write_text(own)
    return str(path)


def test_a_failure_is_repeated_by_its_seed(
    notes: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = _write(notes, 1000)
    assert fresh.search([path], 0.0, random.Random(1)) == 1
    told = capfd.readouterr().out
    seed = random.Random(1).getrandbits(32)
    assert f"python -m tests.fresh --seed {seed} {path}" in told
    first = notes.read_text()
    notes.unlink()
    assert fresh.main(["--seed", str(seed), path]) == 1
    assert notes.read_text() == first


def test_seeds_differ_until_the_time_is_over(
    notes: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = _write(notes, 2**25)
    times = iter([0.0, 0.0, 10.0, 10.0, 601.0])
    assert fresh.search([path], 600.0, random.Random(1), lambda: next(times)) == 0
    told = capfd.readouterr().out
    assert told.count("--- seed ") == 2
    assert "--- 2 seeds without a failure" in told
    drawn = notes.read_text().split()
    assert len(drawn) == 40
    assert drawn[:20] != drawn[20:]


def test_a_run_that_takes_too_long_is_cut_short(
    notes: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = _write(notes, 2**25)
    text = Path(path).read_text(encoding="utf-8")
    slow = text.replace("    assert", "    import time; time.sleep(60)\n    assert")
    Path(path).write_text(slow, encoding="utf-8")
    assert fresh.search([path], 3.0, random.Random(1)) == 0
    assert "0 seeds without a failure, one more was cut short" in capfd.readouterr().out


def test_what_a_shell_starts_in_the_background_is_cut_short_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waits = [sys.executable, "-c", "import time; time.sleep(60)"]

    def command_of(_seed: int, _paths: list[str]) -> list[str]:
        return waits

    monkeypatch.setattr(fresh, "command_of", command_of)
    monkeypatch.setattr(fresh, "_GRACE", 5.0)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert fresh.search([], 0.5, random.Random(1)) == 0
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_the_suite_draws_the_same_every_time(notes: Path) -> None:
    path = _write(notes, 2**25)
    command = [sys.executable, "-m", "pytest", "-q", "-m", "hypothesis", path]
    drawn: list[str] = []
    for _ in range(2):
        subprocess.run(command, check=True)
        drawn.append(notes.read_text())
        notes.unlink()
    assert drawn[0] == drawn[1]
