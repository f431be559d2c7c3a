"""Ids in the shape of the gateway's own, from a source that can be seeded."""

from __future__ import annotations

import random
import string
from collections.abc import Callable
from datetime import datetime

from payermax_async.sandbox.book import Book

__all__ = ["IdSource", "Identifiers", "id_source"]

_LETTERS = string.ascii_letters + string.digits

IdSource = random.Random | Callable[[str], random.Random]
"""Chance to draw all ids from; or what makes a fresh one for each id, by a text that
is another for every id."""


def id_source(seed: int | None) -> IdSource:
    """Where a sandbox's ids come from.

    Args:
        seed: Makes ids repeatable: they then follow from the records there are, so
            that a restart or a snapshot that is put back changes nothing.
    """
    if seed is None:
        # A link's id is all that keeps strangers off its page.
        return random.SystemRandom()

    def fresh(place: str) -> random.Random:
        return random.Random(f"{seed}/{place}")  # noqa: S311

    return fresh


class Identifiers:
    """Makes ids that the book does not know yet."""

    def __init__(self, source: IdSource, book: Book) -> None:
        """Draw from ``source`` and look into ``book``."""
        self._source = source
        self._book = book

    def link_id(self) -> str:
        """An id for a link."""
        source = self._chance("BYL")
        while True:
            made = "BYL" + "".join(source.choices(_LETTERS, k=7))
            if not self._book.knows(made):
                return made

    def number(self, prefix: str, now: datetime) -> str:
        """An id for a trade or a refund, with the time in it."""
        source = self._chance(prefix)
        while True:
            digits = "".join(source.choices(string.digits, k=10))
            made = f"{prefix}{now:%Y%m%d%H%M%S}{digits}"
            if not self._book.knows(made):
                return made

    def _chance(self, prefix: str) -> random.Random:
        if isinstance(self._source, random.Random):
            return self._source
        return self._source(f"{prefix}/{self._book.size}")
