"""Where the events of a run go: a file that its owner alone reads, or a device."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from payermax_async import ConfigurationError
from payermax_async.bulk import RunPaused
from payermax_async.cli.bulk.aftermath import EventFile

EVENT = RunPaused(run="one", why="it is paused")


def test_a_file_that_others_could_read_is_its_owners_from_now_on(
    tmp_path: Path,
) -> None:
    file = tmp_path / "events.jsonl"
    file.write_text("from before\n")
    file.chmod(0o644)
    with EventFile(file) as events:
        events(EVENT)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    first, second = file.read_text().splitlines()
    assert (first, '"RunPaused"' in second) == ("from before", True)


def test_a_link_to_another_file_is_not_followed(tmp_path: Path) -> None:
    other, link, nowhere = (tmp_path / name for name in ("other", "link", "nowhere"))
    other.write_text("kept")
    other.chmod(0o644)
    link.symlink_to(other)
    with pytest.raises(ConfigurationError, match="is a link to another file"):
        EventFile(link).__enter__()
    assert (other.read_text(), stat.S_IMODE(other.stat().st_mode)) == ("kept", 0o644)
    link.unlink()
    link.symlink_to(nowhere)
    with pytest.raises(ConfigurationError, match="cannot be written"):
        EventFile(link).__enter__()
    assert not nowhere.exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no such device")
def test_a_device_that_takes_nothing_ends_no_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    link = tmp_path / "link"
    link.symlink_to("/dev/full")
    with EventFile(link) as events:
        events(EVENT)
        events(EVENT)
    assert "Not all events were written: No space left" in capsys.readouterr().err


def test_a_pipe_that_nobody_reads_is_not_waited_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(ConfigurationError, match="cannot be written"):
        EventFile(pipe).__enter__()
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with EventFile(pipe) as events:
            for _ in range(5000):
                events(EVENT)
        assert os.read(reader, 12) == b'{"event": "R'
    finally:
        os.close(reader)
    assert "Not all events were written" in capsys.readouterr().err
