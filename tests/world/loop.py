"""One loop on which several processes live, and die in the middle of a step.

A process that crashes is not told: none of its callbacks runs any more, so no
``finally`` and no ``except CancelledError`` tidies up, as when power is lost.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import warnings
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context, ContextVar, copy_context
from typing import Any, TypeVar

from tests.world.virtual_time import VirtualLoop

__all__ = ["PROCESS", "Life", "WorldLoop", "nobodys"]

T = TypeVar("T")


class Life:
    """One run of a process.

    Attributes:
        name: Such as ``shop-1.2``, for the second life of the first process.
        steps: How many callbacks it has run.
        gone: Set when it is dead.
    """

    def __init__(self, name: str, died: Callable[[], None]) -> None:
        self.name = name
        self.steps = 0
        self.is_dead = False
        self.gone = asyncio.Event()
        self.tasks: list[asyncio.Task[Any]] = []
        self._dies_at: int | None = None
        self._died = died

    def crash_after(self, steps: int) -> None:
        """Let it die in place of one of its next steps."""
        if not self.is_dead:
            self._dies_at = self.steps + steps

    def spare(self) -> None:
        """Let it live on after all."""
        self._dies_at = None

    def die(self) -> None:
        """Let none of its callbacks run any more."""
        if not self.is_dead:
            self.is_dead = True
            self.gone.set()
            self._died()

    def lives_on(self) -> bool:
        """Count one more step; whether it is taken."""
        if self.is_dead:
            return False
        self.steps += 1
        if self._dies_at is not None and self.steps >= self._dies_at:
            self.die()
            return False
        return True


PROCESS: ContextVar[Life | None] = ContextVar("PROCESS", default=None)
"""Whose code runs; ``None`` for the rest of the world."""


def nobodys() -> Context:
    """A copy of the present context that belongs to no process."""
    context = copy_context()
    context.run(PROCESS.set, None)
    return context


_ENDLESS = 60_000
"""Steps; a world takes some thousand."""


class _Task(asyncio.Task[Any]):
    """Sets of tasks are gone through in the same order in each run."""

    def __init__(self, *args: Any, loop: WorldLoop, **facts: Any) -> None:
        self._number = next(loop.numbers)
        super().__init__(*args, loop=loop, **facts)

    def __hash__(self) -> int:
        return self._number

    def __eq__(self, other: object) -> bool:
        return self is other


class _Future(asyncio.Future[Any]):
    def __init__(self, *, loop: WorldLoop) -> None:
        self._number = next(loop.numbers)
        super().__init__(loop=loop)

    def __hash__(self) -> int:
        return self._number

    def __eq__(self, other: object) -> bool:
        return self is other


class WorldLoop(VirtualLoop):
    """Knows which process each callback belongs to.

    Attributes:
        steps: How many callbacks it ran.
        is_changed: Whether something happened that is worth a look.
        look: Called after each step in which it did; what it raises ends the world.
    """

    def __init__(self) -> None:
        self.numbers = itertools.count()
        self.steps = 0
        self.is_changed = False
        self.look: Callable[[], None] | None = None
        super().__init__()
        self.set_task_factory(_make_task)

    def _run_once(self) -> None:
        # Here, where nobody else's ``except`` is in between.
        if self.steps > _ENDLESS:
            raise AssertionError("it goes round in circles")
        super()._run_once()
        if self.is_changed and self.look is not None:
            self.is_changed = False
            self.look()

    def run_one(self, handle: asyncio.Handle) -> None:
        self.steps += 1
        life = handle._context.get(PROCESS)  # type: ignore[attr-defined]
        if life is None or life.lives_on():
            handle._run()

    def create_future(self) -> asyncio.Future[Any]:
        return _Future(loop=self)

    def start(
        self, work: Coroutine[Any, Any, T], life: Life | None = None
    ) -> asyncio.Task[T]:
        """Begin some work of a process, or of nobody's."""
        context = copy_context()
        context.run(PROCESS.set, life)
        return self.create_task(work, context=context)

    def bury(self, tasks: list[asyncio.Task[Any]]) -> None:
        """Take apart what will not run any more, so that nobody complains of it."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for task in tasks:
                task._log_destroy_pending = False  # type: ignore[attr-defined]
                coroutine = task.get_coro()
                # Some want to go on even then.
                with contextlib.suppress(RuntimeError, ValueError):
                    if not task.done():
                        coroutine.close()
            tasks.clear()
            gc.collect()


def _make_task(
    loop: asyncio.AbstractEventLoop,
    work: Coroutine[Any, Any, T] | Generator[Any, None, T],
    context: Context | None = None,
    **facts: Any,
) -> asyncio.Task[T]:
    assert isinstance(loop, WorldLoop)
    task: asyncio.Task[T] = _Task(work, loop=loop, context=context, **facts)
    life = PROCESS.get() if context is None else context.get(PROCESS)
    if life is not None:
        life.tasks.append(task)
    return task
