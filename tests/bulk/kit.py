"""A gateway that makes whatever it is asked for, rows for it, and a clock in hand."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

from payermax_async.bulk import (
    BulkItem,
    BulkSource,
    DoneRow,
    DoneState,
    Journal,
    MemoryJournal,
    SqliteJournal,
    create_links,
)
from payermax_async.client import PayerMaxClient
from payermax_async.storage.lease_clock import LeaseClock
from tests.pipeline.gateway import order
from tests.pipeline.merchant import Gateways

BOOT = "boot-1"
_RUNS = itertools.count(1)


def orders(count: int, first: int = 1) -> list[BulkItem]:
    return [order(f"order-{number}") for number in range(first, first + count)]


def clock_of(gateways: Gateways, boot: str = BOOT) -> LeaseClock:
    """Leases go by the gateway's own seconds, from a million on."""
    return LeaseClock(
        boot=boot, micros=lambda: 10**12 + round(gateways.clock.seconds * 10**6)
    )


def memory(gateways: Gateways) -> MemoryJournal:
    return MemoryJournal(lease_clock=clock_of(gateways), clock=gateways.clock)


def on_disk(file: Path, gateways: Gateways, boot: str = BOOT) -> SqliteJournal:
    return SqliteJournal(
        file, lease_clock=clock_of(gateways, boot), clock=gateways.clock
    )


async def ran(
    client: PayerMaxClient,
    source: BulkSource,
    journal: Journal,
    **options: Any,
) -> list[DoneRow]:
    """Every row of a run, in the order of their positions."""
    async with create_links(
        client, source, journal=journal, names=name, **options
    ) as run:
        return sorted([done async for done in run], key=lambda done: done.position)


def name() -> str:
    return f"run-{next(_RUNS)}"


def states(rows: Iterable[DoneRow]) -> list[DoneState]:
    return [row.state for row in rows]


def made(gateways: Gateways) -> dict[str, int]:
    """How many links the gateway made under each id."""
    places = (gateways.first, gateways.backup)
    return {key: gateways.count(key) for place in places for key in place.made}


def paused(gateways: Gateways, journal: Journal, begin: float, end: float) -> None:
    """Have somebody pause the batch then, and take it back, in seconds from now."""
    start, sleep = gateways.clock.seconds, gateways.clock.sleep
    due = [(begin, True), (end, False)]

    async def slow(seconds: float) -> None:
        while due and gateways.clock.seconds - start >= due[0][0]:
            await journal.control(paused=due.pop(0)[1])
        await sleep(seconds)

    gateways.clock.sleep = slow  # type: ignore[method-assign]


class Wrapped:
    """A journal with something done before or after some of its methods."""

    def __init__(
        self,
        inner: Journal,
        *,
        before: dict[str, Callable[..., Awaitable[None]]] | None = None,
        after: dict[str, Callable[..., Awaitable[None]]] | None = None,
    ) -> None:
        self.inner = inner
        self.before, self.after = before or {}, after or {}
        self.calls: list[str] = []

    def __getattr__(self, method: str) -> Any:
        inner = getattr(self.inner, method)
        if method in {"is_open", "read", "status"}:
            return inner

        async def call(*args: Any, **more: Any) -> Any:
            self.calls.append(method)
            if method in self.before:
                await self.before[method](*args, **more)
            result = await inner(*args, **more)
            if method in self.after:
                await self.after[method](*args, **more)
            return result

        return call
