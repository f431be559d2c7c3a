"""Bars of a plot, worked out to the unit: templates only draw them."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise

import attrs

from payermax_async.bulk.figures import BatchFigures
from payermax_async.bulk.records import RowState
from payermax_async.storage.sql import from_micros

__all__ = [
    "Bar",
    "Plot",
    "Tick",
    "latencies",
    "percentile",
    "time_line",
    "written_span",
]

WIDTH = 720
HEIGHT = 200
_LEFT = 44
_TOP = 16
_BASE = HEIGHT - 26
_MOST_BARS = 48
_SECOND = 10**6
_STEPS = tuple(
    seconds * _SECOND
    for seconds in (
        *(
            1,
            2,
            5,
            10,
            15,
            30,
            60,
            120,
            300,
            600,
            900,
            1800,
            3600,
            7200,
            21_600,
            43_200,
        ),
        *(86_400 * days for days in (1, 2, 7, 14, 30, 90, 365, 3650, 36_500)),
    )
)
_EDGES = tuple(
    round(seconds * _SECOND)
    for seconds in (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60, 300, 3600)
)
_KINDS: Mapping[str, tuple[RowState, ...]] = {
    "good": (RowState.CREATED, RowState.PAID, RowState.EXPIRED),
    "bad": (RowState.REFUSED, RowState.CONFLICTING),
    "care": (RowState.UNKNOWN, RowState.SENDING, RowState.PLANNED),
}
"""Colours of the time line, from the ground up."""


@attrs.frozen
class Bar:
    """A rectangle of a plot."""

    kind: str
    """Its colour."""
    x: str
    """From the left."""
    y: str
    """From the top."""
    width: str
    """To the right."""
    height: str
    """To the ground."""
    label: str
    """What it stands for, for whoever points at it."""


@attrs.frozen
class Tick:
    """A word along an axis."""

    at: str
    """Where, along the axis."""
    text: str
    """What it says."""


@attrs.frozen(kw_only=True)
class Plot:
    """All that is drawn."""

    label: str
    """In a sentence, for those who do not see it."""
    bars: tuple[Bar, ...]
    """The bars."""
    ticks: tuple[Tick, ...]
    """Below the ground line."""
    levels: tuple[Tick, ...]
    """Beside the lines across."""
    width: int = WIDTH
    """Units from left to right."""
    height: int = HEIGHT
    """Units from top to bottom."""
    left: int = _LEFT
    """Where the ground line begins."""
    base: int = _BASE
    """Where the ground line is."""


def _units(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _stacks(
    stacks: Sequence[Sequence[tuple[str, int, str]]],
    ticks: tuple[Tick, ...],
    label: str,
) -> Plot:
    """Bars upon each other, as many beside each other as there are stacks."""
    highest = _nice(max(sum(count for _, count, _ in stack) for stack in stacks))
    step = (WIDTH - _LEFT) / len(stacks)
    bars: list[Bar] = []
    for place, stack in enumerate(stacks):
        ground = 0.0
        for kind, count, text in stack:
            if not count:
                continue
            # Few among very many are still to be seen.
            height = max(count / highest * (_BASE - _TOP), 1.5)
            ground += height
            bars.append(
                Bar(
                    kind=kind,
                    x=_units(_LEFT + place * step + step * 0.08),
                    y=_units(_BASE - ground),
                    width=_units(step * 0.84),
                    height=_units(height),
                    label=text,
                )
            )
    halves = (highest,) if highest % 2 else (highest // 2, highest)
    return Plot(
        label=label,
        bars=tuple(bars),
        ticks=ticks,
        levels=tuple(
            Tick(_units(_BASE - level / highest * (_BASE - _TOP)), f"{level:,}")
            for level in halves
        ),
    )


def _nice(count: int) -> int:
    """A round number that is at least the count."""
    power: int = 10 ** max(len(str(count)) - 1, 0)
    return next(
        power * factor for factor in (1, 2, 4, 5, 6, 8, 10) if power * factor >= count
    )


def time_line(figures: BatchFigures) -> Plot | None:
    """When rows were settled; ``None`` where none was."""
    kinds = {
        kind: array(
            "q", sorted(m for state in states for m in figures.settled.get(state, ()))
        )
        for kind, states in _KINDS.items()
    }
    moments = [m for found in kinds.values() if found for m in (found[0], found[-1])]
    if not moments:
        return None
    first, last = min(moments), max(moments)
    step = next(
        s for s in _STEPS if (last - first) // s < _MOST_BARS or s == _STEPS[-1]
    )
    # At round times: bars of two reports of one batch lie side by side.
    start = first - first % step
    count = (last - start) // step + 1
    stacks = [
        [
            (kind, found, f"{_clock(begin)}: {found:,} {_KIND_WORDS[kind]}")
            for kind, times in kinds.items()
            for found in [bisect_left(times, begin + step) - bisect_left(times, begin)]
        ]
        for begin in range(start, start + count * step, step)
    ]
    # A single bar would fill the page.
    stacks += [[]] * (8 - len(stacks))
    return _stacks(
        stacks,
        _time_ticks(start, step, len(stacks)),
        f"Rows settled over time, from {_clock(first)} to {_clock(last)} (UTC), "
        f"one bar for {written_span(step)}",
    )


_KIND_WORDS = {"good": "with a link", "bad": "without", "care": "in doubt"}


def _time_ticks(start: int, step: int, bars: int) -> tuple[Tick, ...]:
    every = max(bars // 6, 1)
    seconds = step < 60 * _SECOND
    days = step * bars >= 2 * 86_400 * _SECOND
    shape = "%d %b" if days else "%H:%M:%S" if seconds else "%H:%M"
    width = (WIDTH - _LEFT) / bars
    return tuple(
        Tick(
            _units(_LEFT + (place + 0.5) * width),
            f"{_moment(start + place * step):{shape}}",
        )
        for place in range(0, bars, every)
    )


def _moment(moment: int) -> datetime:
    return from_micros(moment).astimezone(UTC)


def _clock(moment: int) -> str:
    return f"{_moment(moment):%Y-%m-%d %H:%M:%S}"


def latencies(found: array[int]) -> Plot | None:
    """How long rows took, shortest first; ``None`` where nobody knows."""
    if not found:
        return None
    # They are sorted: found by halving, and nothing is gone through once more.
    counts = [0, *(bisect_right(found, edge) for edge in _EDGES), len(found)]
    each = [after - before for before, after in pairwise(counts)]
    names = [f"≤ {written_span(edge)}" for edge in _EDGES]
    names.append(f"> {written_span(_EDGES[-1])}")
    last = max(place for place, count in enumerate(each) if count)
    # Up to the longest there was; with fewer bars each would be a wall.
    shown = max(last + 1, 8)
    width = (WIDTH - _LEFT) / shown
    return _stacks(
        [
            [("plain", count, f"{name}: {count:,}")]
            for name, count in zip(names[:shown], each[:shown], strict=True)
        ],
        tuple(
            Tick(_units(_LEFT + (place + 0.5) * width), name)
            for place, name in enumerate(names[:shown])
        ),
        f"Time from taking a row up to its end: half of {len(found):,} rows took at "
        f"most {written_span(percentile(found, 50))}",
    )


def percentile(rising: array[int], percent: int) -> int:
    """The smallest that at least so many in a hundred do not exceed."""
    # In whole numbers: with floats it is off by one row at some lengths.
    return rising[max(-(-len(rising) * percent // 100), 1) - 1]


def written_span(span: int) -> str:
    """Microseconds for people: ``80 ms``, ``2.5 s``, ``3 min``, ``2 h``, ``5 d``."""
    seconds = span / _SECOND
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    for size, unit in ((60, "s"), (3600, "min"), (86_400, "h")):
        if seconds < size:
            scale = {"s": 1, "min": 60, "h": 3600}[unit]
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds / 86_400:.3g} d"
