"""The whole product in a simulated world, one seed a run: ``--seeds 10000``.

Run it with ``python -m benchmarks.world``. Client, receiver, worker and reconciler of
several processes, the sandbox's gateway and the network between them live on one loop
of virtual time, in which everything that can fail does: see :mod:`tests.world`. After
each second and after healing, both sides are compared. It prints what was seen and
each seed that failed, and ends with status 1 if one did.

``--seed N --trace`` plays one seed again and tells it as a story, with ``--shrink``
with as few faults as it fails with. ``--faults way,storage`` lets only these happen:
families (way, gateway, storage, host, user, post) or kinds as the table names them.

``--seconds 45`` plays seeds that nobody has seen, up to the first that fails.

The same seed gives the same story on one minor version of Python with one set of
packages. What it cannot show: real sockets and TLS (``tests/transport``), real SQL
servers and files (``tests/inbox``), threads, forks and torn files.
"""

from __future__ import annotations

import argparse
import logging
import random
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable

import attrs

from tests.world.shrink import shrunk
from tests.world.world import Told, play


def _story(told: Told) -> str:
    end = f"BROKEN: {told.broken}" if told.broken else "Everything holds."
    return "\n".join(
        [
            f"seed {told.seed}: {told.setting}",
            "time in s, faults marked by !",
            *told.lines,
            "",
            end,
            f"{len(told.struck)} faults, {told.steps} steps, {told.digest[:16]}",
        ]
    )


_IN_DOUBT = "is unknown in the end"


def _documented(told: Told) -> str:
    """Whether longer waits keep doubles from being made, as is promised."""
    patient = play(told.seed, patient=True)
    # The longer waits outlast the time of some calls, so that a row of a batch may
    # stay in doubt: what was promised is that nothing is made twice.
    if patient.doubles or (patient.broken and _IN_DOUBT not in patient.broken):
        return f"made twice also with patience: {patient.broken or patient.doubles}"
    return ""


def _table(title: str, rows: Iterable[tuple[str, int]]) -> str:
    return "\n".join([title, *(f"{count:>9}  {name}" for name, count in rows)])


def _one(args: argparse.Namespace, only: Collection[str] | None) -> int:
    told = play(args.seed, only=only)
    if told.broken and args.shrink:
        told = shrunk(told, only=only)
    if args.trace or told.broken:
        print(_story(told))
    else:
        print(f"seed {args.seed} holds, {told.digest}")
    return 1 if told.broken else 0


@attrs.define
class _Seen:
    """What many runs showed."""

    runs: int = 0
    steps: int = 0
    doubles: int = 0
    kinds: Counter[str] = attrs.field(factory=Counter[str])
    pairs: Counter[tuple[str, str]] = attrs.field(factory=Counter[tuple[str, str]])
    failing: dict[int, str] = attrs.field(factory=dict[int, str])

    def add(self, told: Told) -> None:
        """One more run."""
        self.runs += 1
        self.steps += told.steps
        broken = told.broken
        if told.doubles and not broken:
            self.doubles += 1
            broken = _documented(told)
        for one in told.struck:
            self.kinds[one.kind] += 1
            self.pairs[one.state, one.kind] += 1
        if broken:
            self.failing[told.seed] = broken
            print(f"seed {told.seed}: {broken}", flush=True)

    def report(self, took: float, used: float) -> None:
        """Print it all."""
        faults = sum(self.kinds.values())
        print(_table("faults by kind:", sorted(self.kinds.items())))
        states: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for (state, kind), count in self.pairs.items():
            states[kind.partition(":")[0]][state] += count
        for family, found in sorted(states.items()):
            print(_table(f"states in which {family} failed:", sorted(found.items())))
        rarest = min(self.pairs.values(), default=0)
        print(f"{len(self.pairs)} pairs of state and fault, the rarest {rarest}x")
        print(
            f"{self.runs} runs, {self.runs / took:.1f} a second, "
            f"{self.runs / used:.1f} a second of CPU, {self.steps} steps, "
            f"{faults} faults"
        )
        print(
            f"{self.doubles} runs made something twice, beyond the waits, as documented"
        )
        print(f"{len(self.failing)} failed: {' '.join(map(str, self.failing)) or '-'}")
        for seed in self.failing:
            print(f"  python -m benchmarks.world --seed {seed} --trace --shrink")


def _many(args: argparse.Namespace, only: Collection[str] | None) -> int:
    begun, used = time.monotonic(), time.process_time()
    first, seeds = args.first, args.seeds
    if args.seconds is not None:
        # Seeds that nobody has seen, until the time is over or one fails.
        first = random.SystemRandom().randrange(10**9) if first is None else first
        seeds = 10**9
        print(f"from seed {first} on", flush=True)
    first, seen = first or 0, _Seen()
    for seed in range(first, first + seeds):
        seen.add(play(seed, only=only))
        over = args.seconds is not None and time.monotonic() - begun > args.seconds
        if over or (args.seconds is not None and seen.failing):
            break
    seen.report(time.monotonic() - begun, time.process_time() - used)
    return 1 if seen.failing else 0


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description="one seed, one world")
    parser.add_argument("--seeds", type=int, default=1000, help="how many")
    parser.add_argument("--first", type=int, help="the first of them")
    parser.add_argument(
        "--seconds", type=float, help="new seeds for so long, up to the first failure"
    )
    parser.add_argument("--seed", type=int, help="one only")
    parser.add_argument("--trace", action="store_true", help="tell what happens")
    parser.add_argument("--shrink", action="store_true", help="with few faults")
    parser.add_argument("--faults", help="only these families or kinds")
    args = parser.parse_args()
    logging.disable(logging.CRITICAL)
    only = None
    if args.faults:
        only = frozenset(name.strip() for name in args.faults.split(","))
    return _many(args, only) if args.seed is None else _one(args, only)


if __name__ == "__main__":
    sys.exit(main())
