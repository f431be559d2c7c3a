"""How many bytes of bodies are held at once, over all requests of a receiver: pure.

A limit for each body alone lets three thousand connections hold 256 KiB each.
"""

from __future__ import annotations

import enum
from typing import Self

from payermax_async.webhooks.limits import ReceiverLimits

__all__ = ["ORDINARY", "NoRoomError", "Reading", "Share", "Unread"]

ORDINARY = 16 * 1024
"""Bytes. A notification has a few thousand; more is possible, but rare."""


class Unread(enum.StrEnum):
    """Why a body was not read to its end."""

    TOO_SLOW = "too slow"
    """It did not come within ``ReceiverLimits.body_timeout``."""
    NO_ROOM = "no room"
    """It would have exceeded ``ReceiverLimits.max_reading``."""


class NoRoomError(Exception):
    """So many bytes are held already that no more are read."""


class Reading:
    """Counts what is held of bodies, for one receiver.

    What really came counts, not what was declared: to open connections and promise
    large bodies shuts nobody out. And only bodies of ordinary size may use the second
    half, so that a few hundred large ones do not either.
    """

    def __init__(self, limits: ReceiverLimits) -> None:
        self.body_timeout: float = limits.body_timeout
        """Seconds for one body."""
        self._limit = limits.max_reading
        self._held = 0

    @property
    def held(self) -> int:
        """Bytes held at the moment."""
        return self._held

    def share(self) -> Share:
        """For one request: a context in which it holds what it takes."""
        return Share(self)

    def take(self, size: int, total: int) -> None:
        """Hold more.

        Args:
            size: How many bytes more.
            total: How many bytes the request holds with these.

        Raises:
            NoRoomError: There is no room; nothing more is held.
        """
        # By what the request holds in all: large ones do not come in as many small
        # pieces.
        limit = self._limit if total <= ORDINARY else self._limit // 2
        if self._held + size > limit:
            raise NoRoomError
        self._held += size

    def give_back(self, size: int) -> None:
        """Hold less."""
        self._held -= size


class Share:
    """What one request holds."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._held = 0

    def take(self, size: int) -> None:
        """Hold more; see :meth:`Reading.take`."""
        self._reading.take(size, self._held + size)
        self._held += size

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._reading.give_back(self._held)
        self._held = 0
