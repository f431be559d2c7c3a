"""What the figures of the benchmarks are to be, in one table."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

__all__ = ["GOALS", "PEERS", "RUNS", "Goal", "Run"]


@attrs.frozen
class Run:
    """A benchmark, and how it is asked for its figures."""

    module: str
    """Below ``benchmarks``."""
    what: str
    """In half a sentence."""
    quick: tuple[str, ...] = ()
    """Arguments for a first look; without them it takes minutes."""


RUNS = (
    Run(
        "create_cost",
        "what a create costs beside its bare parts",
        ("--count", "384", "--repeats", "3"),
    ),
    Run(
        "create_stall",
        "how long the event loop stands still under 200 creates",
        ("--repeats", "3"),
    ),
    Run(
        "peers",
        "other clients against the same gateway",
        (
            "--count",
            "384",
        ),
    ),
    Run(
        "ack_rate",
        "how many notifications are acknowledged a second",
        ("--count", "512", "--repeats", "1"),
    ),
    Run(
        "cores",
        "links a second on all cores",
        ("--count", "512", "--repeats", "1"),
    ),
)


@attrs.frozen
class Goal:
    """Where a figure should be."""

    limit: float
    """The last value that is good."""
    most: bool = True
    """Whether more than that is bad, or less."""

    def is_met(self, value: float) -> bool:
        """Whether a figure is good."""
        return value <= self.limit if self.most else value >= self.limit

    def __str__(self) -> str:
        return f"at {'most' if self.most else 'least'} {self.limit:g}"


GOALS: Mapping[str, Goal] = {
    "create to bare parts, pycryptodome": Goal(1.15),
    "create to bare parts, cryptography": Goal(1.25),
    "own cost, nothing signed (us)": Goal(70),
    "stall p99, pycryptodome (ms)": Goal(20),
    "stall longest, pycryptodome (ms)": Goal(50),
    "stall p99, cryptography (ms)": Goal(20),
    "stall longest, cryptography (ms)": Goal(50),
    **{
        f"acknowledgements, {kind} to memory, {at_once} at once": Goal(0.8, most=False)
        for kind in ("SQLite", "PostgreSQL")
        for at_once in (16, 256)
    },
    **{
        f"acknowledged p99, {kind}, 256 at once (ms)": Goal(30)
        for kind in ("SQLite", "PostgreSQL")
    },
    "share of the cores, pycryptodome, 2 processes of clients": Goal(0.9, most=False),
    "share of the cores, cryptography, 2 processes of clients": Goal(0.9, most=False),
}
"""By the name of the figure; a figure without a goal is told all the same."""

PEERS = "links/s, "
"""What stands before the names of those that are compared with each other."""
