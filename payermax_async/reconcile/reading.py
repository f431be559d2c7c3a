"""The shop's open links, one after another, in no more than a bounded time each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable

import attrs

from payermax_async.reconcile.rounds import OpenLink
from payermax_async.webhooks.time_limit import BrokenOffError, TimeLimits

__all__ = ["Reader"]


@attrs.frozen
class _End:
    error: BaseException | None = None


class Reader:
    """Reads what the shop names in a task of its own, for any number who ask.

    In one task from the first link to the last, as its author expects: what he
    began in one he may have to end in the same.

    Args:
        links: The shop's; nobody has checked what it names.
        seconds: How long it may take to name the next.
        time_limits: Keep it when it does not end.
    """

    def __init__(
        self, links: AsyncIterable[OpenLink], seconds: float, time_limits: TimeLimits
    ) -> None:
        self._links = links
        self._seconds = seconds
        self._time_limits = time_limits
        self._turn = asyncio.Lock()
        self._ready: asyncio.Queue[OpenLink | _End] = asyncio.Queue(1)
        self._end: _End | None = None
        self._task = asyncio.create_task(self._read())

    @property
    def error(self) -> BaseException | None:
        """Why there are no more, if not because there are none."""
        return None if self._end is None else self._end.error

    async def next(self) -> OpenLink | None:
        """The next link; ``None`` when there is no more, or it could not be had."""
        # One at a time: who waits for its turn is not waiting for the shop.
        async with self._turn:
            if self._end is not None:
                return None
            try:
                async with asyncio.timeout(self._seconds):
                    found = await self._ready.get()
            except TimeoutError:
                limit = f"{self._seconds:g} s"
                found = _End(TimeoutError(f"the next link was not named in {limit}"))
            if isinstance(found, _End):
                self._end = found
                return None
            return found

    async def aclose(self) -> None:
        """Let go of the shop's links, whether or not they let go."""
        if not self._task.done():
            await self._time_limits.end(self._task)

    async def _read(self) -> None:
        end = _End()
        try:
            await self._read_all()
        except BaseException as error:
            # Cancelled from here it ends; cancelled by the shop's own code it has
            # failed.
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            if isinstance(error, asyncio.CancelledError):
                error = BrokenOffError("cancelled from within")
            end = _End(error)
        await self._ready.put(end)

    async def _read_all(self) -> None:
        links = aiter(self._links)
        try:
            async for link in links:
                await self._ready.put(_checked(link))
        finally:
            # A generator left half read would hold the shop's cursor until it is
            # collected.
            if (close := getattr(links, "aclose", None)) is not None:
                await close()


def _checked(link: object) -> OpenLink:
    if not isinstance(link, OpenLink):
        raise TypeError(f"open_links names an OpenLink each, not {type(link).__name__}")
    return link
