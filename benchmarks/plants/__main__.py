"""How soon the simulated world finds mistakes that are planted in the package.

Run it with ``python -m benchmarks.plants``. Every plant is a small change of the text
of the package, made in a temporary copy; the world of :mod:`tests.world` is played over
that copy, seed by seed. It counts as found by the first seed that fails with it, in
words that are about it, and holds without.

``--seeds 1000`` is how many are played at the most, ``--only words`` and ``--room``
take some of the plants, ``--out file`` adds a line for each as it comes. It ends with
status 1 if one was not found, or cannot be planted any more.
"""

from __future__ import annotations

import argparse
import json
import logging
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import attrs

import payermax_async
from benchmarks.plants.plant import Plant, StaleError, plants_in
from tests.world.world import play

_HERE = Path(__file__).parents[2]
_ROOMS = {
    name: plants_in(Path(__file__).with_name(f"{name}.txt"))
    for name in ("client", "notices", "batches")
}
PLANTS = tuple(plant for room in _ROOMS.values() for plant in room)
_OTHERS = 3
_STARTS, _SLOWEST = 30.0, 1.0
"""Seconds that a process, and a seed, may take: some mistakes go round for ever."""


@attrs.frozen(kw_only=True)
class Found:
    """What the world made of a plant."""

    seed: int | None = None
    """The first one that is about it."""
    said: str = ""
    """By what."""
    others: tuple[str, ...] = ()
    """What else failed before."""


def _played(first: int, seeds: int, says: str) -> Found:
    """Play until something fails in these words."""
    others: list[str] = []
    for seed in range(first, first + seeds):
        broken = play(seed).broken
        if re.search(says, broken) and broken:
            return Found(seed=seed, said=broken, others=tuple(others[:_OTHERS]))
        if broken:
            others.append(f"{seed}: {broken[:120]}")
    return Found(others=tuple(others[:_OTHERS]))


def _copy(to: Path) -> Path:
    # With what is compiled, which saves a second for each plant.
    package = to / "payermax_async"
    shutil.copytree(_HERE / "payermax_async", package)
    for name in ("tests", "benchmarks"):
        (to / name).symlink_to(_HERE / name)
    return package


def _run(place: Path, first: int, seeds: int, says: str) -> Found:
    """The same in a process of its own, over the copy at a place."""
    command = [sys.executable, "-m", "benchmarks.plants", "--play", says]
    try:
        ended = subprocess.run(
            [*command, "--first", str(first), "--seeds", str(seeds)],
            cwd=place,
            env={"PYTHONPATH": str(place), "PYTHONHASHSEED": "0"},
            capture_output=True,
            text=True,
            check=False,
            timeout=_STARTS + seeds * _SLOWEST,
        )
    except subprocess.TimeoutExpired:
        return Found(others=("it comes to no end",))
    if ended.returncode != 0:
        return Found(others=(ended.stderr.strip()[-300:],))
    told = json.loads(ended.stdout.splitlines()[-1])
    return Found(seed=told["seed"], said=told["said"], others=tuple(told["others"]))


def _search(plant: Plant, first: int, seeds: int, control: Path) -> Found:
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        package = _copy(place)
        for change in plant.changes:
            change.apply(package)
        begun, others = first, list[str]()
        while True:
            found = _run(place, begun, first + seeds - begun, plant.says)
            others += found.others
            if found.seed is None:
                return attrs.evolve(found, others=tuple(others[:_OTHERS]))
            # Not by the plant, if it fails without it as well.
            if _run(control, found.seed, 1, ".").seed is None:
                return attrs.evolve(found, others=tuple(others[:_OTHERS]))
            others.append(f"{found.seed}: fails without the plant")
            begun = found.seed + 1


def _line(plant: Plant, found: Found, first: int, took: float) -> str:
    if found.seed is not None:
        count = found.seed - first + 1
        return f"{count:>5} seeds, {took:5.1f} s  {plant.name}: {found.said[:110]}"
    others = "; ".join(found.others) or "nothing fails"
    return f"NOT FOUND, {took:5.1f} s  {plant.name} ({others})"


def _all(args: argparse.Namespace) -> int:
    named = PLANTS if args.room is None else _ROOMS[args.room]
    plants = [one for one in named if not args.only or args.only in one.name]
    counts: list[int] = []
    missed: list[str] = []
    out = open(args.out, "a") if args.out else None  # noqa: SIM115, PTH123
    with tempfile.TemporaryDirectory() as control:
        _copy(Path(control))
        for plant in plants:
            begun = time.monotonic()
            try:
                found = _search(plant, args.first, args.seeds, Path(control))
            except StaleError as error:
                found = Found(others=(f"cannot be planted: {error}",))
            line = _line(plant, found, args.first, time.monotonic() - begun)
            print(line, flush=True)
            if out is not None:
                out.write(f"{line}\n")
                out.flush()
            if found.seed is None:
                missed.append(plant.name)
            else:
                counts.append(found.seed - args.first + 1)
    median = statistics.median(counts) if counts else float("nan")
    print(
        f"{len(counts)} of {len(plants)} found within {args.seeds} seeds, the median "
        f"within {median:g}, the slowest within {max(counts, default=0)}"
    )
    for name in missed:
        print(f"  not found: {name}")
    return 1 if missed else 0


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description="mistakes that the world has to find")
    parser.add_argument("--seeds", type=int, default=1000, help="how many at the most")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--room", choices=sorted(_ROOMS), help="the plants of one room")
    parser.add_argument("--only", help="plants whose names have these words")
    parser.add_argument("--out", help="a file for a line a plant")
    parser.add_argument("--play", help=argparse.SUPPRESS)
    args = parser.parse_args()
    logging.disable(logging.CRITICAL)
    if args.play is None:
        return _all(args)
    if not Path(payermax_async.__file__).is_relative_to(Path.cwd()):
        raise RuntimeError("it is the checkout's package that would be played")
    print(json.dumps(attrs.asdict(_played(args.first, args.seeds, args.play))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
