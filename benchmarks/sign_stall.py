"""How long the event loop stands still while 200 requests are signed at once.

Run it with ``python -m benchmarks.sign_stall``. A ticker wakes every millisecond
and notes the longest gap between two wakes: with nothing to do, with signatures
made on the loop, and with ``RsaSigner``. All three take turns in one run, so that
the ratios hold on a busy machine too.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable

from payermax_async.signing import PrivateKey, RsaSigner

TICK = 0.001  # seconds

Work = Callable[[], Awaitable[object]]


async def stall_during(work: Work) -> tuple[float, float]:
    """Run ``work`` beside the ticker: its longest gap and the time taken, in ms."""
    longest, last, done = 0.0, time.perf_counter(), False

    async def ticker() -> None:
        nonlocal longest, last
        while not done:
            await asyncio.sleep(TICK)
            now = time.perf_counter()
            longest = max(longest, now - last - TICK)
            last = now

    ticking = asyncio.create_task(ticker())
    await asyncio.sleep(10 * TICK)
    longest, last = 0.0, time.perf_counter()
    start = last
    await work()
    took = time.perf_counter() - start
    done = True
    await ticking
    return longest * 1000, took * 1000


async def measure(count: int, repeats: int) -> dict[str, list[tuple[float, float]]]:
    """Let the three ways take turns ``repeats`` times."""
    signer = RsaSigner(PrivateKey.generate())
    bodies = [b'{"data":{"merchantLinkId":"%d"}}' % number for number in range(count)]

    async def inline(body: bytes) -> str:
        return signer.sign_now(body)

    async def signed_inline() -> None:
        await asyncio.gather(*map(inline, bodies))

    async def signed_in_thread() -> None:
        await asyncio.gather(*map(signer.sign, bodies))

    async def idle() -> None:
        await asyncio.sleep(0.3)

    ways: dict[str, Work] = {
        "idle loop": idle,
        "signed on the loop": signed_inline,
        "RsaSigner": signed_in_thread,
    }
    await signer.sign(b"warm up")
    results: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, work in ways.items():
            results[name].append(await stall_during(work))
    await signer.aclose()
    return results


def report(
    results: dict[str, list[tuple[float, float]]], count: int, what: str = "signatures"
) -> None:
    """Print the table; the ratio is to the idle loop of the same run."""
    floor = statistics.median(stall for stall, _ in results["idle loop"])
    print(f"{count} {what} at once, {len(results['idle loop'])} repeats, medians")
    print(f"{'':20}{'longest stall':>15}{'worst':>12}{'to idle':>10}{'in all':>12}")
    for name, pairs in results.items():
        stalls = [stall for stall, _ in pairs]
        stall = statistics.median(stalls)
        took = statistics.median(took for _, took in pairs)
        print(
            f"{name:20}{stall:12.2f} ms{max(stalls):9.2f} ms"
            f"{stall / floor:9.1f}x{took:9.0f} ms"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200, help="signatures at once")
    parser.add_argument("--repeats", type=int, default=7, help="turns of each way")
    options = parser.parse_args()
    results = asyncio.run(measure(options.count, options.repeats))
    report(results, options.count)


if __name__ == "__main__":
    main()
