"""Writes under way, left in doubt and known to be done, by the merchant's id."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import attrs

from payermax_async.clock import Clock
from payermax_async.core.asked import Asked
from payermax_async.core.errors import NotSentError
from payermax_async.core.models.common import Received

__all__ = ["Memory", "Twin", "Writes"]

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


@attrs.frozen(kw_only=True)
class Memory:
    """What is remembered of a write."""

    hosts: tuple[str, ...]
    """Base URLs of those that may have seen it."""
    made_from: str | None
    """The fingerprint of what was asked for, if this client may have made it."""
    until: float
    """When it is forgotten, by the monotonic clock."""


@attrs.define
class _Memories:
    """The youngest memories of one kind."""

    clock: Clock
    capacity: int
    seconds: float
    _kept: dict[_Name, Memory] = attrs.field(factory=dict[_Name, Memory], init=False)

    def get(self, name: _Name) -> Memory | None:
        memory = self._kept.get(name)
        if memory is None or memory.until <= self.clock.monotonic():
            return None
        return memory

    def keep(self, name: _Name, hosts: tuple[str, ...], made_from: str | None) -> None:
        until = self.clock.monotonic() + self.seconds
        self.forget(name)  # the youngest comes last
        self._kept[name] = Memory(hosts=hosts, made_from=made_from, until=until)
        while len(self._kept) > self.capacity:
            del self._kept[next(iter(self._kept))]

    def forget(self, name: _Name) -> None:
        self._kept.pop(name, None)


@attrs.define
class Writes:
    """What a client remembers of its writes, bounded in number and time.

    What is forgotten is sent like something new. Another process knows nothing of
    it: there the error, or a journal of the merchant's, has to remember.
    """

    clock: Clock
    capacity: int = 10_000
    """How many ids of each kind are kept; over that, the oldest is forgotten."""
    seconds: float = 24 * 3600.0
    """How long each is kept."""
    doubts: _Memories = attrs.field(init=False)
    """Of those that may have been done."""
    existing: _Memories = attrs.field(init=False)
    """Of those under whose id PayerMax said that something exists."""
    _under_way: dict[_Name, Twin] = attrs.field(factory=dict[_Name, Twin], init=False)

    def __attrs_post_init__(self) -> None:
        self.doubts = _Memories(self.clock, self.capacity, self.seconds)
        self.existing = _Memories(self.clock, self.capacity, self.seconds)

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
