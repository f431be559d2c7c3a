"""Starts workers in processes of their own, and sees that each of them ends in time.

It has no database, no loop and no client: whatever a worker waits for, this one does
not.
"""

from __future__ import annotations

import contextlib
import logging
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from types import FrameType

import attrs

__all__ = ["Supervisor"]

_LOG = logging.getLogger("payermax_async.fleet")
_ENDS_WITHIN = 14.0
"""Seconds from being told to end to being ended."""
_LOOK_EVERY = 0.2
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0
_WELL_AFTER = 60.0
"""Seconds after which a worker that ends is started again at once."""


@attrs.define
class _WorkerProcess:
    command: tuple[str, ...]
    process: subprocess.Popen[bytes] | None = None
    began: float = 0.0
    pause: float = _FIRST_PAUSE
    due: float = 0.0
    drained: bool = False


@attrs.define(kw_only=True)
class Supervisor:
    """Keeps some processes running until it is told to end."""

    ends_within: float = _ENDS_WITHIN
    """Seconds that a process has to end by itself."""
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _told: float | None = None
    _workers: list[_WorkerProcess] = attrs.field(factory=list[_WorkerProcess])

    def run(self, commands: Sequence[Sequence[str]]) -> int:
        """Start the commands, and again those that fail, until SIGTERM or SIGINT.

        Returns:
            The exit code: 0 if all ended by themselves, 1 if one had to be ended.
        """
        self._workers = [_WorkerProcess(tuple(command)) for command in commands]
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        ended_all = True
        try:
            while not self._is_over():
                for worker in self._workers:
                    self._look_after(worker)
                if self._told is not None and self._is_late():
                    ended_all = False
                    self._kill()
                self.sleep(_LOOK_EVERY)
        finally:
            # However this ends: what it started does not go on without it.
            self._kill()
        return 0 if ended_all else 1

    def _stop(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - a signal handler's
        if self._told is None:
            self._told = self.monotonic()
        for worker in self._workers:
            if worker.process is not None and worker.process.poll() is None:
                worker.process.send_signal(signal.SIGTERM)

    def _is_told(self) -> bool:
        return self._told is not None

    def _is_late(self) -> bool:
        return (
            self._told is not None and self.monotonic() - self._told >= self.ends_within
        )

    def _is_over(self) -> bool:
        if self._told is not None:
            return not any(
                worker.process is not None and worker.process.poll() is None
                for worker in self._workers
            )
        return all(worker.drained for worker in self._workers)

    def _look_after(self, worker: _WorkerProcess) -> None:
        now = self.monotonic()
        if worker.process is None:
            if self._told is None and not worker.drained and now >= worker.due:
                # In a group of its own: a Ctrl-C reaches this process, which passes it
                # on once.
                worker.process = subprocess.Popen(  # noqa: S603 - the command's own words
                    worker.command, start_new_session=True
                )
                worker.began = now
                # Told between its start and this, it was not told with the others.
                if self._is_told():
                    worker.process.send_signal(signal.SIGTERM)
            return
        code = worker.process.poll()
        if code is None:
            return
        worker.process = None
        if code == 0:
            worker.drained = True
            return
        if now - worker.began >= _WELL_AFTER:
            worker.pause = _FIRST_PAUSE
        worker.due = now + worker.pause
        worker.pause = min(2 * worker.pause, _LONGEST_PAUSE)
        if self._told is None:
            _LOG.warning("a worker ended with %s, and is started again", code)

    def _kill(self) -> None:
        for worker in self._workers:
            if worker.process is not None and worker.process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    worker.process.kill()
                worker.process.wait()
