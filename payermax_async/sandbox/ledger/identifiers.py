"""Ids in the shape of the gateway's own, from a source that can be seeded."""

from __future__ import annotations

import random
import string
from collections.abc import Callable
from datetime import datetime

from payermax_async.sandbox.ledger.repository import Repository

__all__ = ["IdSource", "Identifiers"]

_LETTERS = string.ascii_letters + string.digits

IdSource = random.Random | Callable[[str], random.Random]
"""Chance to draw all ids from; or what makes a fresh one for each id, by a text that
is another for every id."""


class Identifiers:
    """Makes ids that the repository does not know yet."""

    def __init__(self, source: IdSource, repository: Repository) -> None:
        """Draw from ``source`` and look into ``repository``."""
        self._source = source
        self._repository = repository

    def link_id(self) -> str:
        """An id for a link."""
        source = self._chance("BYL")
        # With seven letters two links may well draw the same.
        while True:
            made = "BYL" + "".join(source.choices(_LETTERS, k=7))
            if not self._repository.knows(made):
                return made

    def number(self, prefix: str, now: datetime) -> str:
        """An id for a trade or a refund, with the time in it."""
        source = self._chance(prefix)
        while True:
            digits = "".join(source.choices(string.digits, k=10))
            made = f"{prefix}{now:%Y%m%d%H%M%S}{digits}"
            if not self._repository.knows(made):
                return made

    def _chance(self, prefix: str) -> random.Random:
        if isinstance(self._source, random.Random):
            return self._source
        return self._source(f"{prefix}/{self._repository.size}")
