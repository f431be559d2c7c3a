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
from concurrent.futures import ThreadPoolExecutor

import attrs

from benchmarks.canned import IN_FLIGHT, Canned, canned_gateway, merchant, order
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


async def _create(config: MerchantConfig, options: ClientOptions, ids: range) -> float:
    """Seconds by the clock for all of them, once connections are made."""
    async with PayerMaxClient(config, options=options) as client:
        numbers = iter(ids)

        async def worker() -> None:
            for number in numbers:
                await client.create_link(order(number))

        async def first() -> None:
            await client.create_link(order(next(numbers)))

        await asyncio.gather(*(first() for _ in range(IN_FLIGHT)))
        before = time.perf_counter()
        await asyncio.gather(*(worker() for _ in range(IN_FLIGHT)))
        return time.perf_counter() - before


def _options(backend: BackendName, place: PlaceName) -> ClientOptions:
    return ClientOptions(max_in_flight=IN_FLIGHT, rsa_backend=backend, sign_in=place)


def in_one(gateway: Canned, backend: BackendName, place: PlaceName) -> Seen:
    """One process."""
    before = os.times(), gateway.processor_time()
    took = asyncio.run(
        _create(gateway.config, _options(backend, place), range(gateway.count))
    )
    after = os.times(), gateway.processor_time()
    # Of this process and of those that signed for it, which have ended.
    used = sum(after[0][:4]) - sum(before[0][:4]) + after[1] - before[1]
    return Seen((gateway.count - IN_FLIGHT) / took, used / gateway.count)


def in_several(gateway: Canned, backend: BackendName, cores: int) -> Seen:
    """As many processes as there are cores, each with its share."""
    key = gateway.config.private_key
    assert key is not None
    (platform,) = gateway.config.platform_keys
    share = gateway.count // cores
    before = os.times(), gateway.processor_time()
    command = [sys.executable, "-m", "benchmarks.cores", "--child"]

    def one(number: int) -> float:
        told = {
            "url": gateway.url,
            "key": key.to_base64(),
            "platform": platform.to_base64(),
            "backend": backend,
            "first": number * share,
            "count": share,
        }
        done = subprocess.run(
            command, input=json.dumps(told), capture_output=True, text=True, check=True
        )
        return float(done.stdout)

    with ThreadPoolExecutor(cores) as pool:
        took = list(pool.map(one, range(cores)))
    after = os.times(), gateway.processor_time()
    used = sum(after[0][:4]) - sum(before[0][:4]) + after[1] - before[1]
    # What starting an interpreter and loading a key costs is no part of a link.
    idle = json.loads(
        subprocess.run(
            [*command, "--idle"],
            input=json.dumps({"key": key.to_base64()}),
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    )
    used -= cores * idle
    rate = sum((share - IN_FLIGHT) / each for each in took)
    return Seen(rate, used / (share * cores))


def _child(idle: bool) -> None:
    told = json.loads(sys.stdin.read())
    key = PrivateKey.load(told["key"])
    if idle:
        print(sum(os.times()[:2]))
        return
    config = merchant(told["url"], key, PublicKey.load(told["platform"]))
    ids = range(told["first"], told["first"] + told["count"])
    print(asyncio.run(_create(config, _options(told["backend"], "loop"), ids)))


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
    parser.add_argument("--idle", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        _child(given.idle)
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
