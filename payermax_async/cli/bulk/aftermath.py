"""What a run leaves behind: its events in a file, and a command when it ends."""

from __future__ import annotations

import errno
import json
import os
import shlex
import stat
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Self

import attrs

from payermax_async.bulk import RowInDoubt, RowSettled, RunPaused, RunResumed
from payermax_async.cli.console import clean, error_console, plain
from payermax_async.core.errors import ConfigurationError
from payermax_async.pipeline.observe import Event

__all__ = ["EventFile", "finish_command", "on_finish"]

_KEPT = (RowInDoubt, RowSettled, RunPaused, RunResumed)
_PATIENCE = 300.0
"""Seconds that the command may take."""


@attrs.define
class EventFile:
    """Writes the events of a run as JSON lines, readable by the owner alone."""

    path: Path
    _file: IO[str] | None = None
    _failure: str = ""

    def __enter__(self) -> Self:
        """Open it; what is there stays.

        Raises:
            ConfigurationError: It cannot be written.
        """
        try:
            descriptor = _private(self.path)
        except OSError as error:
            raise ConfigurationError(
                f"{clean(self.path)} cannot be written: {error.strerror}"
            ) from None
        # Line by line: whoever follows the file sees each event.
        self._file = os.fdopen(descriptor, "a", buffering=1, encoding="utf-8")
        return self

    def __exit__(self, *_: object) -> None:
        """Close it, and say so if something was not written."""
        if self._file is not None:
            try:
                self._file.close()
            except OSError as error:
                self._failure = self._failure or error.strerror or "no reason"
        if self._failure:
            error_console().print(
                f"Not all events were written: {clean(self._failure)}", style="bad"
            )

    def __call__(self, event: Event) -> None:
        """Write an event, if it is one of the run's."""
        if self._file is None or self._failure or not isinstance(event, _KEPT):
            return
        value = plain(event)
        fields = value if isinstance(value, dict) else {}
        told = {"event": type(event).__name__, **fields}
        try:
            self._file.write(json.dumps(told, ensure_ascii=False) + "\n")
        except OSError as error:
            # The links go on: a full disk of the events is none of the journal.
            self._failure = error.strerror or type(error).__name__


def _private(path: Path) -> int:
    """Open a file to add to, with its owner as the only reader, or a device.

    Raises:
        ConfigurationError: It is a link to somebody's file.
        OSError: It cannot be opened.
    """
    # Never waited for: a pipe that nobody reads would hold the run up.
    flags = os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK
    try:
        descriptor = os.open(path, flags | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        # /dev/stderr is one, too; what is no file of anybody's may be written to.
        descriptor = os.open(path, flags)
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise ConfigurationError(
                f"{clean(path)} is a link to another file: name that one"
            ) from None
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        try:
            # It was there, readable by others: from now on it names people's orders.
            os.fchmod(descriptor, 0o600)
        except OSError:
            os.close(descriptor)
            raise
    return descriptor


def finish_command(text: str) -> list[str]:
    """The words of a command, as a shell would split them, run without one.

    Raises:
        ConfigurationError: There is none, or a quote is not closed.
    """
    try:
        words = shlex.split(text)
    except ValueError:
        words = []
    if not words:
        raise ConfigurationError("--on-finish takes a command; is a quote not closed?")
    return words


def on_finish(words: list[str], facts: Mapping[str, str]) -> None:
    """Run the command; how it ends changes nothing of the batch.

    Args:
        words: The command, which gets no settings of the merchant: no keys.
        facts: Variables it gets.
    """
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("PAYERMAX_")
    }
    console = error_console()
    try:
        ended = subprocess.run(  # noqa: S603 - the merchant's own, without a shell
            words, env=environment | dict(facts), timeout=_PATIENCE, check=False
        )
    except OSError as error:
        console.print(f"--on-finish could not be run: {error.strerror}", style="bad")
    except subprocess.TimeoutExpired:
        console.print(f"--on-finish was ended after {_PATIENCE:.0f} s", style="bad")
    else:
        if ended.returncode:
            console.print(f"--on-finish ended with {ended.returncode}", style="bad")
