"""Where the sandbox's chance comes from: the machine, or a seed."""

from __future__ import annotations

import random

from payermax_async.sandbox.ledger.identifiers import IdSource

__all__ = ["id_source"]


def id_source(seed: int | None) -> IdSource:
    """Where a sandbox's ids come from.

    Args:
        seed: Makes ids repeatable: they then follow from the records there are, so
            that a restart or a snapshot that is put back changes nothing.
    """
    if seed is None:
        # A link's id is all that keeps strangers off its page.
        return random.SystemRandom()

    # Another generator for each id: drawing from one would tie every id to all requests
    # before it, also to those that were refused.
    def fresh(place: str) -> random.Random:
        return random.Random(f"{seed}/{place}")  # noqa: S311

    return fresh
