"""Signatures made in threads, which wake the event loop once for many of them."""

from __future__ import annotations

import asyncio
import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import Protocol

import attrs

__all__ = ["InThreads", "Made", "OneByOne", "SigningWorker"]

_BURST = 0.004
"""Seconds for which finished signatures may wait for more of them."""

Made = str | BaseException
"""A signature, or what making it raised."""


class SigningWorker(Protocol):
    """Makes signatures for one thread."""

    most: int
    """How many it is given at once."""

    def sign(self, bodies: Sequence[bytes]) -> list[Made]:
        """Make one signature for each body, in their order."""
        ...

    def end(self, *, here: bool) -> None:
        """Let go of what it holds, which is another process's unless ``here``."""
        ...


class OneByOne:
    """Makes signatures in the thread itself."""

    most = 1

    def __init__(self, sign: Callable[[bytes], str]) -> None:
        self._sign = sign

    def sign(self, bodies: Sequence[bytes]) -> list[Made]:
        """Make them, one after the other."""
        return list(map(self._made, bodies))

    def _made(self, body: bytes) -> Made:
        try:
            return self._sign(body)
        except BaseException as error:  # noqa: BLE001 - raised where it is awaited
            return error

    def end(self, *, here: bool) -> None:
        """Nothing is held."""


@attrs.frozen(eq=False)
class _Wanted:
    body: bytes
    asked_by: _Asker
    future: asyncio.Future[str]


class _Asker:
    """An event loop that asks for signatures, and is woken once for many of them."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._made: deque[tuple[asyncio.Future[str], Made]] = deque()
        self._woken = False

    def hand_over(self, future: asyncio.Future[str], made: Made) -> None:
        """Keep a result for the next wake-up; in a thread."""
        self._made.append((future, made))

    def wake(self) -> None:
        """Have the results taken, unless that is about to happen; in a thread."""
        # Two threads may both get past this: one of their wake-ups finds nothing.
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


class InThreads:
    """Makes signatures in some threads, which start as they are needed.

    Args:
        make_worker: Makes what signs in one thread; called at most ``count`` times in
            a process.
        count: How many threads there may be.
    """

    def __init__(self, make_worker: Callable[[], SigningWorker], count: int) -> None:
        self._make_worker = make_worker
        self._count = count
        self._threads: ThreadPoolExecutor | None = None
        self._process = 0
        self._workers: list[SigningWorker] = []
        self._forget()

    def _forget(self) -> None:
        for worker in self._workers:
            worker.end(here=False)
        self._workers = []
        self._idle: list[SigningWorker] = []
        self._lock = Lock()
        self._jobs: deque[_Wanted] = deque()
        self._asker: _Asker | None = None
        self._busy = 0
        self._runs: set[Future[None]] = set()

    async def sign(self, body: bytes) -> str:
        """Have a signature made; cancelled before it is begun, it is not made."""
        threads = self._pool()
        loop = asyncio.get_running_loop()
        asker = self._asker
        if asker is None or asker.loop is not loop:
            asker = self._asker = _Asker(loop)
        future: asyncio.Future[str] = loop.create_future()
        wanted = _Wanted(body, asker, future)
        with self._lock:
            self._jobs.append(wanted)
            more = self._busy < self._count
            self._busy += more
        if more:
            try:
                run = threads.submit(self._work)
            except BaseException:
                # The interpreter is ending: nobody would make it.
                with self._lock:
                    self._busy -= 1
                    if wanted in self._jobs:
                        self._jobs.remove(wanted)
                raise
            self._runs.add(run)
            run.add_done_callback(self._runs.discard)
        return await future

    def _pool(self) -> ThreadPoolExecutor:
        # A forked child has the object but not its threads: work handed to them would
        # wait for ever, and a lock held in the other process would never be free.
        if self._threads is None or self._process != os.getpid():
            self._forget()
            self._process = os.getpid()
            self._threads = ThreadPoolExecutor(
                self._count, thread_name_prefix="payermax-sign"
            )
        return self._threads

    def _work(self) -> None:
        """Make all signatures that are asked for, and wake who waits once a burst."""
        with self._lock:
            worker = self._idle.pop() if self._idle else None
        if worker is None:
            worker = self._make_worker()
            self._workers.append(worker)
        since, waiting = 0.0, set[_Asker]()
        while True:
            with self._lock:
                jobs = self._taken(worker.most)
                if not jobs and not self._jobs:
                    self._busy -= 1
                    self._idle.append(worker)
                    break
            if not jobs:
                continue  # all of them were cancelled
            made = _made_by(worker, jobs)
            now = time.monotonic()
            since = since if waiting else now
            for job, one in zip(jobs, made, strict=True):
                job.asked_by.hand_over(job.future, one)
                waiting.add(job.asked_by)
            if now - since >= _BURST or not self._jobs:
                for asker in waiting:
                    asker.wake()
                waiting.clear()
        for asker in waiting:
            asker.wake()

    def _taken(self, most: int) -> list[_Wanted]:
        # Shared out, so that no worker has all of them and another none.
        share = -(-len(self._jobs) // self._count)
        taken = [self._jobs.popleft() for _ in range(min(most, share))]
        return [job for job in taken if not job.future.cancelled()]

    async def aclose(self) -> None:
        """Let the signatures already asked for finish, and end the threads."""
        threads, runs = self._threads, list(self._runs)
        if threads is None or self._process != os.getpid():
            return
        # Shielded, so that a caller who gives up cannot cancel what was asked for.
        await asyncio.shield(
            asyncio.gather(*map(asyncio.wrap_future, runs), return_exceptions=True)
        )
        threads.shutdown(wait=True)  # of threads without work
        for worker in self._workers:
            worker.end(here=True)
        self._workers = []
        self._threads = None


def _made_by(worker: SigningWorker, jobs: Sequence[_Wanted]) -> list[Made]:
    try:
        return worker.sign([job.body for job in jobs])
    except BaseException as error:  # noqa: BLE001 - raised where they are awaited
        # Each waits for an answer, and would without one do so for ever.
        return [error for _ in jobs]
