"""Where signatures are made: in a thread of their own, or in the loop by turns."""

from __future__ import annotations

import asyncio
import os
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import Literal, Protocol

import attrs

__all__ = ["PLACES", "InLoop", "InThread", "PlaceName", "SigningPlace"]

PlaceName = Literal["thread", "loop"]
"""``thread``: the event loop goes on meanwhile. ``loop``: it stands still for a few
milliseconds at most, and nothing is spent on handing signatures over."""

_TURN = 0.004
"""Seconds of signing after which the event loop gets to do something else."""

_BURST = 0.004
"""Seconds for which finished signatures may wait for more of them."""

Sign = Callable[[bytes], str]


class SigningPlace(Protocol):
    """Where signatures are made."""

    async def sign(self, body: bytes) -> str:
        """Have a signature made."""
        ...

    async def aclose(self) -> None:
        """Let those already asked for finish."""
        ...


@attrs.frozen(eq=False)
class _Wanted:
    body: bytes
    asked_by: _Asker
    future: asyncio.Future[str]


class _Asker:
    """An event loop that asks for signatures, and is woken once for many of them."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._made: deque[tuple[asyncio.Future[str], str | BaseException]] = deque()
        self._woken = False

    def hand_over(self, future: asyncio.Future[str], made: str | BaseException) -> None:
        """Keep a result for the next wake-up; in the thread."""
        self._made.append((future, made))

    def wake(self) -> None:
        """Have the results taken, unless that is about to happen; in the thread."""
        if not self._made or self._woken:
            return
        self._woken = True
        try:
            self.loop.call_soon_threadsafe(self._take)
        except RuntimeError:  # the loop was closed, so nobody waits any more
            self._made.clear()

    def _take(self) -> None:
        # First of all: what is made from now on needs a wake-up of its own.
        self._woken = False
        while self._made:
            future, made = self._made.popleft()
            if future.done():
                continue
            if isinstance(made, BaseException):
                future.set_exception(made)
            else:
                future.set_result(made)


class InThread:
    """Makes signatures in one thread, which starts with the first one."""

    def __init__(self, sign: Sign) -> None:
        self._sign = sign
        self._thread: ThreadPoolExecutor | None = None
        self._process = 0
        self._last: Future[None] | None = None
        self._forget()

    def _forget(self) -> None:
        self._lock = Lock()
        self._jobs: deque[_Wanted] = deque()
        self._asker: _Asker | None = None
        self._busy = False

    async def sign(self, body: bytes) -> str:
        """Have a signature made; cancelled before it is begun, it is not made."""
        thread = self._worker()
        loop = asyncio.get_running_loop()
        asker = self._asker
        if asker is None or asker.loop is not loop:
            asker = self._asker = _Asker(loop)
        future: asyncio.Future[str] = loop.create_future()
        with self._lock:
            self._jobs.append(_Wanted(body, asker, future))
            idle, self._busy = not self._busy, True
        if idle:
            try:
                thread.submit(self._work)
            except BaseException:
                # The interpreter is ending: nobody would make it.
                self._forget()
                raise
        return await future

    def _worker(self) -> ThreadPoolExecutor:
        # A forked child has the object but not its thread: work handed to it would
        # wait for ever, and a lock held in the other process would never be free.
        if self._thread is None or self._process != os.getpid():
            self._process = os.getpid()
            self._forget()
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="payermax-sign")
        return self._thread

    def _work(self) -> None:
        """Make all signatures that are asked for, and wake who waits once a burst."""
        since, waiting = 0.0, set[_Asker]()
        while True:
            with self._lock:
                job = self._jobs.popleft() if self._jobs else None
                self._busy = job is not None
            if job is not None and not job.future.cancelled():
                made: str | BaseException
                try:
                    made = self._sign(job.body)
                except BaseException as error:  # noqa: BLE001 - raised where it is awaited
                    made = error
                now = time.monotonic()
                since = since if waiting else now
                job.asked_by.hand_over(job.future, made)
                waiting.add(job.asked_by)
                if now - since < _BURST and self._jobs:
                    continue
            elif job is not None:
                continue
            for asker in waiting:
                asker.wake()
            waiting.clear()
            if job is None:
                return

    async def aclose(self) -> None:
        """Let the signatures already asked for finish, and end the thread."""
        thread = self._thread
        if thread is None or self._process != os.getpid():
            return
        if self._last is None:
            self._last = thread.submit(_nothing)
            thread.shutdown(wait=False)
        # Shielded, so that a caller who gives up cannot cancel the marker for the
        # others who wait for it.
        await asyncio.shield(asyncio.wrap_future(self._last))
        # The queue is empty now: this joins a thread that is about to end.
        thread.shutdown(wait=True)
        self._thread = None


class InLoop:
    """Makes signatures in the event loop, and lets it do something else in between."""

    def __init__(self, sign: Sign) -> None:
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

    def __init__(self, loop: asyncio.AbstractEventLoop, sign: Sign) -> None:
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


PLACES: dict[PlaceName, Callable[[Sign], SigningPlace]] = {
    "thread": InThread,
    "loop": InLoop,
}
"""By the names of the setting."""


def _nothing() -> None:
    """The job that marks the end of the queue."""
