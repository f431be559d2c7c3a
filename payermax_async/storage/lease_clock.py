"""The clock of leases in SQLite: it counts since the machine was started.

PostgreSQL has a clock of its own, the same for all that ask it. A SQLite file has none,
but all who share it are on one machine: what that machine counts since it was started
is the same for them all, and nobody sets it. A count from before a restart says nothing
afterwards, so each lease is noted with the start that it counts from.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import attrs

__all__ = ["LeaseClock", "install", "system_lease_clock"]

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@attrs.frozen(kw_only=True)
class LeaseClock:
    """Counts since a start."""

    boot: str
    """Tells this start of the machine from others; empty where nothing does."""
    micros: Callable[[], int]
    """Microseconds since then."""


def system_lease_clock() -> LeaseClock:
    """The machine's own.

    On Linux it goes on while the machine sleeps, and the kernel names each start. In
    other systems it is Python's monotonic clock, which all processes share there, and
    a start has no name: a lease from before a restart then looks like one of this
    start once the machine has run for as long as when it was taken, and stands in the
    way for its length at most.
    """
    try:
        boot = _BOOT_ID.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        boot = ""
    # Not CLOCK_MONOTONIC, which stands still in sleep: a lease would outlive its
    # holder.
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    if clock is None:
        return LeaseClock(boot=boot, micros=lambda: time.monotonic_ns() // 1000)
    return LeaseClock(boot=boot, micros=lambda: time.clock_gettime_ns(clock) // 1000)


def install(connection: sqlite3.Connection, clock: LeaseClock) -> None:
    """Make a clock known to the statements of a connection."""
    connection.create_function("payermax_clock", 0, clock.micros)
    connection.create_function("payermax_boot", 0, lambda: clock.boot)
