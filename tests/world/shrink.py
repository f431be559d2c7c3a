"""Make a failing run small: leave out what it fails without."""

from __future__ import annotations

import re
from collections.abc import Collection

from tests.world.world import Told, play

__all__ = ["kind_of", "shrunk"]

_DETAILS = re.compile(r"\(.*\)|\[.*\]|\{.*\}|'[^']*'")


def kind_of(broken: str) -> str:
    """What does not hold, without ids, numbers and what else is of one run alone.

    Example:
        >>> kind_of("order-2#1 ended NotSentError('refused'), but ['L17'] exists")
        'ended NotSentError, but exists'
    """
    words = _DETAILS.sub("", broken).split()
    return " ".join(word for word in words if not re.search(r"\d", word))


def shrunk(failing: Told, *, only: Collection[str] | None = None) -> Told:
    """The same failure with as few faults as can be found.

    The same: what holds no more with fewer faults is another finding, of another run.

    Each fault has a place, and what happens there without it hangs on the place
    alone; so halves are left out first, then one at a time.
    """
    best, without, kind = failing, set[str](), kind_of(failing.broken)
    size = max(len(best.struck) // 2, 1)
    while True:
        smaller = False
        names = [one.name for one in best.struck]
        for start in range(0, len(names), size):
            tried = without | set(names[start : start + size])
            told = play(failing.seed, only=only, without=tried)
            if told.broken and kind_of(told.broken) == kind:
                best, without, smaller = told, tried, True
                break
        if not smaller and size == 1:
            return best
        if not smaller:
            size = max(size // 2, 1)
