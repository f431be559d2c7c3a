"""Writes under way, left in doubt and known to be done, by the merchant's id."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from types import TracebackType

import attrs

from payermax_async.clock import Clock
from payermax_async.core.asked import Asked
from payermax_async.core.errors import NotSentError
from payermax_async.core.models.common import Received

__all__ = ["Memory", "Turn", "Twin", "Writes"]

_Name = tuple[str, str]


@attrs.define(kw_only=True)
class Twin:
    """A write under way, for others that want the same id."""

    asked: Asked
    """What it asks for."""
    made: Received | None = None
    """What it got, once it did."""
    # Made when somebody waits, which seldom happens.
    _ended: asyncio.Event | None = attrs.field(default=None, init=False)

    async def ended(self) -> None:
        """Wait until it is over, whichever way."""
        if self._ended is None:
            self._ended = asyncio.Event()
        await self._ended.wait()

    def end(self) -> None:
        """Let those who wait go on."""
        if self._ended is not None:
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
    # Of a dict, the oldest of many is found the later the more were forgotten.
    _kept: OrderedDict[_Name, Memory] = attrs.field(
        factory=OrderedDict[_Name, Memory], init=False
    )

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
            self._kept.popitem(last=False)

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

    def alone(self, operation: str, asked: Asked, *, patience: float) -> Turn:
        """Keep others with this id waiting, after waiting for those before.

        Entered, it gives this write, or the one before it that got what it ``made``.
        That raises ``NotSentError`` when those before took longer than ``patience``
        seconds.
        """
        name = operation, asked.merchant_key
        return Turn(self._under_way, name, asked, patience)


# A class, for every write goes through it, and a generator's frames cost more.
class Turn:
    """The turn of one write among those with its id."""

    __slots__ = ("_asked", "_mine", "_name", "_patience", "_under_way")

    def __init__(
        self, under_way: dict[_Name, Twin], name: _Name, asked: Asked, patience: float
    ) -> None:
        self._under_way = under_way
        self._name = name
        self._asked = asked
        self._patience = patience
        self._mine: Twin | None = None

    async def __aenter__(self) -> Twin:
        if self._name in self._under_way:
            earlier = await self._wait()
            if earlier is not None:
                return earlier
        mine = self._mine = self._under_way[self._name] = Twin(asked=self._asked)
        return mine

    async def _wait(self) -> Twin | None:
        deadline = asyncio.get_running_loop().time() + max(self._patience, 0.0)
        while (earlier := self._under_way.get(self._name)) is not None:
            try:
                async with asyncio.timeout_at(deadline):
                    await earlier.ended()
            except TimeoutError:
                raise NotSentError(
                    "another call with this id is still under way; nothing of this "
                    "one was sent"
                ) from None
            if earlier.made is not None:
                return earlier
        return None

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._mine is not None:
            del self._under_way[self._name]
            self._mine.end()
