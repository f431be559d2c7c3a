"""How long the caller is going to wait, known to whatever waits for it.

A database that bounds its own waits has to know when nobody will be there any more:
a shorter limit would give up what the caller would still have waited for, a longer
one would let the server work for nobody.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from contextvars import ContextVar

__all__ = ["left", "within"]

_END: ContextVar[float | None] = ContextVar("payermax_deadline", default=None)
"""On the monotonic clock."""


@asynccontextmanager
async def within(seconds: float) -> AsyncGenerator[None]:
    """``asyncio.timeout`` that the databases inside know of.

    Raises:
        TimeoutError: It took longer.

    Example:
        >>> async with within(5.0):
        ...     await inbox.store(arrival)
    """
    end = time.monotonic() + seconds
    outer = _END.get()
    token = _END.set(end if outer is None else min(end, outer))
    try:
        async with asyncio.timeout(seconds):
            yield
    finally:
        _END.reset(token)


def left(otherwise: float) -> float:
    """Seconds until the caller gives up, at least 0.

    Args:
        otherwise: What holds where no caller said anything.
    """
    end = _END.get()
    return otherwise if end is None else max(0.0, end - time.monotonic())
