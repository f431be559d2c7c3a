"""What foreign code raises beside the attempts, so that it cannot speak for a call.

A clock or a retry policy of the application may raise an error of this package, with
an outcome of its own. Of the call around it that says nothing.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from types import TracebackType

import attrs

from payermax_async.clock import Clock, SystemClock
from payermax_async.core.errors import PayerMaxError

__all__ = ["Disguised", "GuardedClock", "bare", "disguised", "guarded"]


class Disguised(Exception):  # noqa: N818 - it stands for any error
    """Stands for what foreign code raised, its cause, and might be misunderstood."""


# Nobody can cancel or close what does not wait: there these are mistakes.
_MISTAKES = (PayerMaxError, asyncio.CancelledError, GeneratorExit)


# A class, for this stands around every look at a clock: a generator's frame costs more
# than the look.
class disguised:  # noqa: N801 - used like a function
    """Run foreign code that waits for nothing, and let its errors not be the call's."""

    __slots__ = ()

    def __enter__(self) -> None:
        """Nothing is to be prepared."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Raise :class:`Disguised` for what might be misunderstood."""
        if isinstance(error, _MISTAKES):
            raise Disguised from error


def bare(error: BaseException) -> BaseException:
    """What was raised in the first place."""
    cause = error.__cause__ if isinstance(error, Disguised) else None
    return cause or error


def guarded(clock: Clock) -> Clock:
    """The clock, guarded unless it is this package's own, which raises no such thing.

    An attempt looks at it a dozen times.
    """
    return clock if type(clock) is SystemClock else GuardedClock(clock)


@attrs.frozen
class GuardedClock:
    """A clock whose errors are not to be taken for those of the call it serves."""

    inner: Clock

    def now(self) -> datetime:
        """The time of day."""
        try:
            return self.inner.now()
        except _MISTAKES as error:
            raise Disguised from error

    def monotonic(self) -> float:
        """Seconds that never step."""
        try:
            return self.inner.monotonic()
        except _MISTAKES as error:
            raise Disguised from error

    async def sleep(self, seconds: float) -> None:
        """Wait so long."""
        try:
            await self.inner.sleep(seconds)
        except PayerMaxError as error:
            raise Disguised from error
