"""The whole product in a simulated world, one seed a run: ``--seeds 10000``.

Run it with ``python -m benchmarks.world``. Client, receiver, worker and reconciler of
several processes, the sandbox's gateway and the network between them live on one loop
of virtual time, in which everything that can fail does: see :mod:`tests.world`. After
each second and after healing, both sides are compared. It prints what was seen and
each seed that failed, and ends with status 1 if one did.

``--seed N --trace`` plays one seed again and tells it as a story, with ``--shrink``
with as few faults as it fails with. ``--faults way,storage`` lets only these happen:
families (way, gateway, storage, host, user, post) or kinds as the table names them.

The same seed gives the same story on one minor version of Python with one set of
packages. What it cannot show: real sockets and TLS (``tests/transport``), real SQL
servers and files (``tests/inbox``), threads, forks and torn files.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections import Counter
from collections.abc import Collection, Iterable

from tests.world.shrink import shrunk
from tests.world.world import Told, play

_SLOW = 20


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


def _documented(told: Told) -> str:
    """Whether longer waits keep doubles from being made, as is promised."""
    patient = play(told.seed, patient=True)
    if patient.broken or patient.doubles:
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


def _many(args: argparse.Namespace, only: Collection[str] | None) -> int:
    begun = time.monotonic()
    kinds, pairs = Counter[str](), Counter[tuple[str, str]]()
    failing: dict[int, str] = {}
    steps = doubles = 0
    for seed in range(args.first, args.first + args.seeds):
        told = play(seed, only=only)
        broken = told.broken
        steps += told.steps
        if told.doubles and not broken:
            doubles += 1
            broken = _documented(told)
        for one in told.struck:
            kinds[one.kind] += 1
            pairs[one.state, one.kind] += 1
        if broken:
            failing[seed] = broken
            print(f"seed {seed}: {broken}", flush=True)
    took = time.monotonic() - begun
    print(_table("faults by kind:", sorted(kinds.items())))
    print(f"{len(pairs)} pairs of state and fault, the rarest {min(pairs.values())}x")
    print(
        f"{args.seeds} runs, {args.seeds / took:.1f} a second, {steps} steps, "
        f"{sum(kinds.values())} faults"
    )
    print(f"{doubles} runs made something twice beyond the waits, as documented")
    print(f"{len(failing)} failed: {' '.join(map(str, failing)) or '-'}")
    return 1 if failing else 0


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description="one seed, one world")
    parser.add_argument("--seeds", type=int, default=1000, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
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
