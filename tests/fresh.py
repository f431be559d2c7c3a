"""Examples that nobody has seen before: ``python -m tests.fresh [path ...]``.

The suite draws the same examples in every run. This runs the tests that draw with a
new seed, and with ``--seconds`` with one seed after the other until the time is over,
up to the first failure. It ends by saying how to repeat that; with ``--shrink`` the
repetition looks for the smallest example, which can take minutes.

What a seed leads to depends on the commit and on the paths that were given, too.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Sequence

_GRACE = 30.0
"""Seconds that a run has to report what it found when it is interrupted."""
_NOTHING_RAN = 5
_FAILED = 1


def command_of(
    seed: int, paths: Sequence[str], *, shrink: bool = False, limit: float = 600.0
) -> list[str]:
    """The run of pytest that a seed stands for."""
    profile = "fresh-shrinking" if shrink else "fresh"
    return [
        *(sys.executable, "-m", "pytest", "-q", "-x", "-m", "hypothesis"),
        *(f"--hypothesis-profile={profile}", f"--hypothesis-seed={seed}"),
        *(f"--timeout={limit:g}", "-p", "no:cacheprovider", *paths),
    ]


@contextlib.contextmanager
def _interruptible() -> Generator[None]:
    """Let children hear SIGINT: what a shell starts with ``&`` is to ignore it."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _run(command: Sequence[str], left: float | None) -> int | None:
    """How it ended; ``None`` when the time was over and nothing had failed."""
    with _interruptible(), subprocess.Popen(command) as process:
        try:
            return process.wait(left)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
        try:
            ended = process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    return ended if ended == _FAILED else None


def search(
    paths: Sequence[str],
    seconds: float,
    chance: random.Random,
    now: Callable[[], float] = time.monotonic,
) -> int:
    """One seed after the other until the time is over or a test fails."""
    ends = now() + seconds
    rounds = 0
    while True:
        seed = chance.getrandbits(32)
        print(f"--- seed {seed}", flush=True)
        left = max(ends - now(), 1.0) if seconds else None
        ended = _run(command_of(seed, paths), left)
        if ended is None:
            print(f"--- {rounds} seeds without a failure, one more was cut short")
            return 0
        if ended:
            _tell(seed, paths, ended)
            return ended
        rounds += 1
        if now() >= ends:
            print(f"--- {rounds} seeds without a failure")
            return 0


def _tell(seed: int, paths: Sequence[str], ended: int) -> None:
    if ended == _NOTHING_RAN:
        print("--- no test there draws examples")
        return
    again = shlex.join(["python", "-m", "tests.fresh", "--seed", str(seed), *paths])
    print(f"--- seed {seed} fails. To repeat it: {again}")
    print("    --shrink looks for its smallest example. Keep that as a test.")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.fresh",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("paths", nargs="*", default=[], help="tests; all of them")
    parser.add_argument("--seed", type=int, help="the one to repeat")
    parser.add_argument("--shrink", action="store_true", help="the smallest example")
    parser.add_argument("--seconds", type=float, default=0.0, help="for new seeds")
    options = parser.parse_args(arguments)
    if options.seed is None:
        return search(options.paths, options.seconds, random.SystemRandom())
    command = command_of(options.seed, options.paths, shrink=options.shrink)
    return subprocess.call(command)


if __name__ == "__main__":
    sys.exit(main())
