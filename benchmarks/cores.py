"""Links a second on all cores, by where signatures are made.

Run it with ``python -m benchmarks.cores``. The gateway's replies were signed before the
clock starts. Told are links a second by the clock, of one process with each setting of
``sign_in``, and of as many processes as there are cores with the setting that costs
least; and, beside each, the share of what the cores could do: their number, divided by
the processor time of a link, the gateway's included, as measured in the same run.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import IO

import attrs

from benchmarks.canned import (
    IN_FLIGHT,
    Canned,
    canned_gateway,
    merchant,
    order,
    time_of,
)
from payermax_async import (
    ClientOptions,
    MerchantConfig,
    PayerMaxClient,
    PrivateKey,
    PublicKey,
)
from payermax_async.signing.backends import BackendName, backend_of
from payermax_async.signing.places import PlaceName


@attrs.frozen
class Seen:
    """One measurement."""

    rate: float
    """Links a second by the clock."""
    cost: float
    """Seconds of processor time a link, the gateway's included."""

    def share(self, cores: int) -> float:
        """Of what the cores could do."""
        return self.rate * self.cost / cores


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def _own_time() -> float:
    """Seconds of processor time of this process and of those that sign for it."""
    tasks = Path("/proc/self/task").glob("*/children")
    children = {int(pid) for one in tasks for pid in one.read_text("ascii").split()}
    return time.process_time() + sum(map(time_of, children))


async def _create(
    config: MerchantConfig,
    options: ClientOptions,
    ids: range,
    ready: Callable[[], None],
) -> Seen:
    """Make links; what is seen begins when all is loaded and ``ready`` returned."""
    async with PayerMaxClient(config, options=options) as client:
        numbers = iter(ids)

        async def worker() -> None:
            for number in numbers:
                await client.create_link(order(number))

        async def first() -> None:
            await client.create_link(order(next(numbers)))

        await asyncio.gather(*(first() for _ in range(IN_FLIGHT)))
        ready()
        count = len(ids) - IN_FLIGHT
        before = time.perf_counter(), _own_time()
        await asyncio.gather(*(worker() for _ in range(IN_FLIGHT)))
        took = time.perf_counter() - before[0]
        return Seen(count / took, (_own_time() - before[1]) / count)


def _options(backend: BackendName, place: PlaceName) -> ClientOptions:
    return ClientOptions(max_in_flight=IN_FLIGHT, rsa_backend=backend, sign_in=place)


def in_one(gateway: Canned, backend: BackendName, place: PlaceName) -> Seen:
    """One process."""
    before = 0.0

    def ready() -> None:
        nonlocal before
        before = gateway.processor_time()

    options, ids = _options(backend, place), range(gateway.count)
    seen = asyncio.run(_create(gateway.config, options, ids, ready))
    served = (gateway.processor_time() - before) / (gateway.count - IN_FLIGHT)
    return Seen(seen.rate, seen.cost + served)


def in_several(gateway: Canned, backend: BackendName, cores: int) -> Seen:
    """As many processes as there are cores, each with its share, begun at once."""
    key = gateway.config.private_key
    assert key is not None
    (platform,) = gateway.config.platform_keys
    share = gateway.count // cores
    command = [sys.executable, "-m", "benchmarks.cores", "--child"]
    with ExitStack() as last:
        children: list[tuple[IO[str], IO[str]]] = []
        for number in range(cores):
            child = last.enter_context(
                subprocess.Popen(
                    command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
                )
            )
            assert child.stdin is not None
            assert child.stdout is not None
            told = {
                "url": gateway.url,
                "key": key.to_base64(),
                "platform": platform.to_base64(),
                "backend": backend,
                "first": number * share,
                "count": share,
            }
            print(json.dumps(told), file=child.stdin, flush=True)
            children.append((child.stdin, child.stdout))
        for _, heard in children:
            assert heard.readline() == "ready\n"
        begun, served = time.perf_counter(), gateway.processor_time()
        for tell, _ in children:
            print("go", file=tell, flush=True)
        costs = [float(heard.readline()) for _, heard in children]
        took = time.perf_counter() - begun
    count = (share - IN_FLIGHT) * cores
    served = (gateway.processor_time() - served) / count
    # By the clock of the one who waits for the last of them.
    return Seen(count / took, statistics.mean(costs) + served)


def _child() -> None:
    told = json.loads(sys.stdin.readline())
    config = merchant(
        told["url"], PrivateKey.load(told["key"]), PublicKey.load(told["platform"])
    )

    def ready() -> None:
        print("ready", flush=True)
        sys.stdin.readline()

    ids = range(told["first"], told["first"] + told["count"])
    options = _options(told["backend"], "loop")
    print(asyncio.run(_create(config, options, ids, ready)).cost, flush=True)


_PLACES: tuple[PlaceName, ...] = ("thread", "threads", "processes", "loop")


def measure(count: int, repeats: int) -> dict[str, Seen]:
    """Medians, by library and place."""
    cores = _cores()
    found: dict[str, list[Seen]] = {}
    backends: tuple[BackendName, ...] = ("pycryptodome", "cryptography")
    with canned_gateway(count) as gateway:
        for _ in range(repeats):
            for backend in backends:
                if backend not in {"pycryptodome", backend_of().name}:
                    continue
                for place in _PLACES:
                    seen = in_one(gateway, backend, place)
                    found.setdefault(f"{backend}, {place}", []).append(seen)
                name = f"{backend}, {cores} processes of clients"
                found.setdefault(name, []).append(in_several(gateway, backend, cores))
    return {
        name: Seen(
            statistics.median(one.rate for one in seen),
            statistics.median(one.cost for one in seen),
        )
        for name, seen in found.items()
    }


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2048, help="links in a turn")
    parser.add_argument("--repeats", type=int, default=5, help="turns")
    parser.add_argument("--json", action="store_true", help="figures alone")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        _child()
        return
    cores, found = _cores(), measure(given.count, given.repeats)
    if given.json:
        told = {f"links/s, {name}": seen.rate for name, seen in found.items()}
        told |= {
            f"share of the cores, {name}": seen.share(cores)
            for name, seen in found.items()
            if name.endswith("clients")
        }
        print(json.dumps(told))
        return
    print(f"{cores} cores")
    for name, seen in found.items():
        print(
            f"{name:40}{seen.rate:7.0f} links/s {seen.cost * 1e6:7.0f} us a link"
            f"{seen.share(cores):7.2f} of the cores"
        )


if __name__ == "__main__":
    main()
