"""The one source of chance, in which each decision has a place of its own.

What is drawn at one place hangs on the seed and the place alone, so that leaving one
fault out moves no other: a failing run can be shrunk.
"""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Collection

import attrs

__all__ = ["FAMILIES", "Chance", "Struck"]

FAMILIES = ("way", "gateway", "storage", "host", "user", "post")
"""What the faults come from; the first word of the name of each."""


@attrs.frozen
class Struck:
    """A fault that happened."""

    kind: str
    """Such as ``storage: slow``."""
    place: str
    """Where; the same in each run of the seed."""
    state: str
    """How things stood there."""

    @property
    def name(self) -> str:
        """What to leave it out by."""
        return f"{self.kind} @ {self.place}"


class Chance:
    """Draws everything that is not decided.

    Args:
        seed: What everything hangs on.
        only: Families or kinds of faults that may strike; all when left out.
        without: Names of faults that may not.
    """

    def __init__(
        self,
        seed: int,
        *,
        only: Collection[str] | None = None,
        without: Collection[str] = (),
    ) -> None:
        self.seed = seed
        self.struck: list[Struck] = []
        self.places: Counter[str] = Counter()
        self._without = frozenset(without)
        self._only = None if only is None else frozenset(only)
        bad = self.at("weather")
        # Swarms: what never fails in one run leaves room for the rest in it.
        self._shares = {
            family: bad.choice((0.0, 0.0, 0.1, 0.25, 0.5)) for family in FAMILIES
        }
        self.calm = False

    def at(self, place: str) -> random.Random:
        """Chance for one place."""
        return random.Random(f"{self.seed}/{place}")

    def next_at(self, place: str) -> str:
        """The place for what happens at a place once more."""
        self.places[place] += 1
        return f"{place}/{self.places[place]}"

    def pick(
        self,
        family: str,
        kinds: Collection[str],
        place: str,
        state: str,
        *,
        weight: float = 1.0,
    ) -> tuple[str, random.Random] | None:
        """A fault of a family that strikes here, and chance for its details."""
        share = self._shares[family] * weight
        if self.calm or not share:
            return None
        if self._roll(f"{family}/{place}") >= share:
            return None
        chance = self.at(f"{family}/{place}")
        kind = f"{family}: {chance.choice(tuple(kinds))}"
        fault = Struck(kind, place, state)
        if fault.name in self._without or not self._may(family, kind):
            return None
        self.struck.append(fault)
        return kind.removeprefix(f"{family}: "), chance

    def _roll(self, place: str) -> float:
        """A number below 1 for one place: most often nothing else is drawn there."""
        digest = hashlib.blake2b(f"{self.seed}/{place}".encode(), digest_size=8)
        return int.from_bytes(digest.digest()) / 2**64

    def _may(self, family: str, kind: str) -> bool:
        return self._only is None or bool(self._only & {family, kind})
