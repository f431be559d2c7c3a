"""Make a failing run small: leave out what it fails without."""

from __future__ import annotations

from collections.abc import Collection

from tests.world.world import Told, play

__all__ = ["shrunk"]


def shrunk(failing: Told, *, only: Collection[str] | None = None) -> Told:
    """The same failure with as few faults as can be found.

    Each fault has a place, and what happens there without it hangs on the place
    alone; so halves are left out first, then one at a time.
    """
    best, without = failing, set[str]()
    size = max(len(best.struck) // 2, 1)
    while True:
        smaller = False
        names = [one.name for one in best.struck]
        for start in range(0, len(names), size):
            tried = without | set(names[start : start + size])
            told = play(failing.seed, only=only, without=tried)
            if told.broken:
                best, without, smaller = told, tried, True
                break
        if not smaller and size == 1:
            return best
        if not smaller:
            size = max(size // 2, 1)
