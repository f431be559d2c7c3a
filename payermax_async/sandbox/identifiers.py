"""Ids in the shape of the gateway's own, from a source that can be seeded."""

from __future__ import annotations

import random
import string
from datetime import datetime

from payermax_async.sandbox.book import Book

__all__ = ["Identifiers"]

_LETTERS = string.ascii_letters + string.digits


class Identifiers:
    """Makes ids that the book does not know yet."""

    def __init__(self, source: random.Random, book: Book) -> None:
        """Draw from ``source`` and look into ``book``."""
        self._source = source
        self._book = book

    def link_id(self) -> str:
        """An id for a link."""
        while True:
            made = "BYL" + "".join(self._source.choices(_LETTERS, k=7))
            if not self._book.knows(made):
                return made

    def number(self, prefix: str, now: datetime) -> str:
        """An id for a trade or a refund, with the time in it."""
        while True:
            digits = "".join(self._source.choices(string.digits, k=10))
            made = f"{prefix}{now:%Y%m%d%H%M%S}{digits}"
            if not self._book.knows(made):
                return made
