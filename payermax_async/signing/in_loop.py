"""Signatures made in the event loop, a few at a time."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable

__all__ = ["InLoop"]

_TURN = 0.004
"""Seconds of signing after which the event loop gets to do something else."""

_Sign = Callable[[bytes], str]


class InLoop:
    """Makes signatures in the event loop, and lets it do something else in between."""

    def __init__(self, sign: _Sign) -> None:
        self._sign = sign
        self._turns: _LoopTurns | None = None

    async def sign(self, body: bytes) -> str:
        """Make a signature now, or in a later turn of the loop."""
        loop = asyncio.get_running_loop()
        turns = self._turns
        if turns is None or turns.loop is not loop:
            turns = self._turns = _LoopTurns(loop, self._sign)
        return await turns.sign(body)

    async def aclose(self) -> None:
        """Nothing is to be ended: turns go on while somebody waits for one."""


class _LoopTurns:
    """The turns of one event loop, each with some time for signatures."""

    def __init__(self, loop: asyncio.AbstractEventLoop, sign: _Sign) -> None:
        self.loop = loop
        self._sign = sign
        self._left = _TURN
        self._next_is_due = False
        self._waiting: deque[tuple[bytes, asyncio.Future[str]]] = deque()

    async def sign(self, body: bytes) -> str:
        if self._left > 0 and not self._waiting:
            return self._spend(body)
        future: asyncio.Future[str] = self.loop.create_future()
        self._waiting.append((body, future))
        return await future

    def _spend(self, body: bytes) -> str:
        """Make a signature in this turn, and see to it that there is a next one."""
        if not self._next_is_due:
            self._next_is_due = True
            self.loop.call_soon(self._next)
        before = time.perf_counter()
        try:
            return self._sign(body)
        finally:
            self._left -= time.perf_counter() - before

    def _next(self) -> None:
        self._next_is_due, self._left = False, _TURN
        while self._waiting and self._left > 0:
            body, future = self._waiting.popleft()
            if future.done():  # cancelled before it was begun
                continue
            try:
                future.set_result(self._spend(body))
            except Exception as error:  # noqa: BLE001 - raised where it is awaited
                future.set_exception(error)
