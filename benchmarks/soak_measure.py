"""What the soak reads off this process and off bare signatures."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Protocol

__all__ = ["Slope", "descriptors", "floor", "resident"]

_MIB = 2**20


def resident() -> int:
    """Bytes of memory this process holds."""
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def descriptors() -> int:
    """How many are open, this look apart."""
    return len(list(Path("/proc/self/fd").iterdir())) - 1


class Slope:
    """The line through samples of memory over work done."""

    def __init__(self) -> None:
        self._samples: list[tuple[int, int]] = []

    def sample(self, done: int) -> None:
        """Look now."""
        self._samples.append((done, resident()))

    def per_100k(self) -> float:
        """MiB that 100 000 more creates add, the first fifth left out as warming up."""
        tail = self._samples[len(self._samples) // 5 :]
        if len(tail) < 2:
            return 0.0
        middle = sum(x for x, _ in tail) / len(tail)
        level = sum(y for _, y in tail) / len(tail)
        over = sum((x - middle) * (y - level) for x, y in tail)
        under = sum((x - middle) ** 2 for x, _ in tail)
        return over / under * 100_000 / _MIB if under else 0.0


class _Key(Protocol):
    def sign_now(self, payload: bytes) -> str: ...


class _Check(Protocol):
    async def verify(self, payload: bytes, signature: str) -> None: ...


async def floor(key: _Key, check: _Check, rounds: int) -> float:
    """Rounds a second of nothing but one signature and one check of it."""
    body = b'{"data":{"merchantLinkId":"order-000000"}}'.ljust(700, b" ")
    started = time.perf_counter()
    for _ in range(rounds):
        await check.verify(body, key.sign_now(body))
    return rounds / (time.perf_counter() - started)
