"""Writes under way and writes left in doubt, by the merchant's id."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import attrs

from payermax_async.clock import Clock
from payermax_async.core.asked import Asked
from payermax_async.core.errors import NotSentError
from payermax_async.core.models.common import Received

__all__ = ["Doubt", "Twin", "Writes"]

_Name = tuple[str, str]


@attrs.define(kw_only=True)
class Twin:
    """A write under way, for others that want the same id."""

    asked: Asked
    """What it asks for."""
    made: Received | None = None
    """What it got, once it did."""
    _ended: asyncio.Event = attrs.field(factory=asyncio.Event, init=False)

    async def ended(self) -> None:
        """Wait until it is over, whichever way."""
        await self._ended.wait()

    def end(self) -> None:
        """Let those who wait go on."""
        self._ended.set()


@attrs.frozen
class Doubt:
    """A write that was left in doubt."""

    hosts: tuple[str, ...]
    """Base URLs of those that may have seen it."""
    ours: bool
    """Whether this client may have made what there is, or only asked for it."""
    until: float
    """When it is forgotten, by the monotonic clock."""


@attrs.define
class Writes:
    """What a client remembers of its writes, bounded in number and time.

    What is forgotten is sent like something new. Another process knows nothing of
    it: there the error, or a journal of the merchant's, has to remember.
    """

    clock: Clock
    capacity: int = 10_000
    """How many ids in doubt are kept; over that, the oldest is forgotten."""
    seconds: float = 24 * 3600.0
    """How long each is kept."""
    _doubts: dict[_Name, Doubt] = attrs.field(factory=dict[_Name, Doubt], init=False)
    _under_way: dict[_Name, Twin] = attrs.field(factory=dict[_Name, Twin], init=False)

    def left_in_doubt(self, operation: str, key: str) -> Doubt | None:
        """What is remembered of a write with this id; ``None`` without doubt."""
        doubt = self._doubts.get((operation, key))
        if doubt is None or doubt.until <= self.clock.monotonic():
            return None
        return doubt

    def leave_in_doubt(
        self, operation: str, key: str, hosts: tuple[str, ...], *, ours: bool
    ) -> None:
        """Remember that a write with this id may have been done."""
        until = self.clock.monotonic() + self.seconds
        self._doubts.pop((operation, key), None)  # the youngest comes last
        self._doubts[operation, key] = Doubt(hosts, ours, until)
        while len(self._doubts) > self.capacity:
            del self._doubts[next(iter(self._doubts))]

    def settle(self, operation: str, key: str) -> None:
        """Forget the doubt about an id."""
        self._doubts.pop((operation, key), None)

    @asynccontextmanager
    async def alone(
        self, operation: str, asked: Asked, *, patience: float
    ) -> AsyncGenerator[Twin]:
        """Keep others with this id waiting, after waiting for those before.

        Yields:
            This write, or the one before it that got what it ``made``.

        Raises:
            NotSentError: Those before it took longer than ``patience`` seconds.
        """
        name = operation, asked.merchant_key
        deadline = asyncio.get_running_loop().time() + max(patience, 0.0)
        while (earlier := self._under_way.get(name)) is not None:
            try:
                async with asyncio.timeout_at(deadline):
                    await earlier.ended()
            except TimeoutError:
                raise NotSentError(
                    "another call with this id is still under way; nothing of this "
                    "one was sent"
                ) from None
            if earlier.made is not None:
                yield earlier
                return
        mine = self._under_way[name] = Twin(asked=asked)
        try:
            yield mine
        finally:
            del self._under_way[name]
            mine.end()
