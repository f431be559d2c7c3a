"""How long the caller is going to wait, known to whatever waits for it.

A database that bounds its own waits has to know when nobody will be there any more:
a shorter limit would give up what the caller would still have waited for, a longer
one would let the server work for nobody.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["announced", "left"]

_END: ContextVar[float | None] = ContextVar("payermax_deadline", default=None)
"""On the monotonic clock."""


@contextmanager
def announced(seconds: float) -> Generator[None]:
    """Say within the block that its caller waits for so long; it has to see to that.

    Tasks that are started in the block know it as well.

    Example:
        >>> with announced(5.0):
        ...     async with asyncio.timeout(5.0):
        ...         await inbox.store(arrival)
    """
    end = time.monotonic() + seconds
    outer = _END.get()
    # The sooner of the two: a part cannot promise more time than the whole has.
    token = _END.set(end if outer is None else min(end, outer))
    try:
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
