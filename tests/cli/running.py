"""A command in a process of its own, that runs until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncGenerator, Mapping

import attrs

__all__ = ["PATIENCE", "Running", "running"]

PATIENCE = 60.0
"""Seconds until a test gives up on a process."""


@attrs.define
class Running:
    """A process and the lines it has printed."""

    process: asyncio.subprocess.Process
    lines: list[str] = attrs.field(factory=list[str])

    async def until(self, words: str) -> str:
        """Read on to a line with these words; gives that line."""
        assert self.process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            while line := (await self.process.stdout.readline()).decode().rstrip("\n"):
                self.lines.append(line)
                if words in line:
                    return line
        raise AssertionError(f"{words!r} was never printed: {self.lines}")

    async def stop(self, number: signal.Signals = signal.SIGINT) -> tuple[str, str]:
        """Send a signal; gives what was printed from then on."""
        self.process.send_signal(number)
        out, err = await asyncio.wait_for(self.process.communicate(), PATIENCE)
        return out.decode(), err.decode()


@contextlib.asynccontextmanager
async def running(
    *words: str, env: Mapping[str, str] | None = None
) -> AsyncGenerator[Running]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-W", "error", "-m", "payermax_async", *words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=env,
    )
    try:
        yield Running(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
