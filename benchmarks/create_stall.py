"""How long the event loop stands still while 200 links are created at once.

Run it with ``python -m benchmarks.create_stall``. Each create is validated, encoded,
signed, sent over a transport in memory, and its reply verified and read: all that a
client does to the loop, without a server on the same processor. The replies are signed
before the clock starts. A ticker wakes every millisecond; told are the 99th percentile
and the longest of the gaps between two wakes, medians over all turns, of each library
for RSA and each place where signatures are made. The floor is the idle loop of the same
run.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator

from payermax_async import (
    ClientOptions,
    CreateLink,
    Environment,
    LinkDefaults,
    MerchantConfig,
    PayerMaxClient,
    PrivateKey,
    UserInfo,
)
from payermax_async.signing.backends import BackendName, backend_of
from payermax_async.signing.places import PlaceName
from payermax_async.testing.fake import FakeTransport, RecordedRequest
from payermax_async.testing.replies import signed_reply
from payermax_async.transport.base import HttpRequest, HttpResponse

TICK = 0.001  # seconds

Gaps = tuple[float, float]
"""The 99th percentile and the longest, in milliseconds."""


async def gaps_during(work: Callable[[], Awaitable[object]]) -> Gaps:
    """Run ``work`` beside the ticker."""
    gaps: list[float] = []
    done = False

    async def ticker() -> None:
        last = time.perf_counter()
        while not done:
            await asyncio.sleep(TICK)
            now = time.perf_counter()
            gaps.append(max(now - last - TICK, 0.0) * 1000)
            last = now

    ticking = asyncio.create_task(ticker())
    await asyncio.sleep(10 * TICK)
    gaps.clear()
    await work()
    done = True
    await ticking
    return statistics.quantiles(gaps, n=100, method="inclusive")[98], max(gaps)


def _order(number: int) -> CreateLink:
    return CreateLink(
        merchant_link_id=f"order-{number}",
        total_amount="19.90",
        currency="USD",
        country="US",
        description="Blue T-shirt",
        user_info=UserInfo(user_id=f"u-{number}"),
    )


def _reply(platform: PrivateKey, number: int) -> HttpResponse:
    data = {
        "merchantLinkId": f"order-{number}",
        "linkId": f"L{number}",
        "linkUrl": f"https://pay.invalid/{number}",
    }
    return signed_reply(platform, {**data})


async def turns(
    config: MerchantConfig,
    options: ClientOptions,
    replies: dict[str, HttpResponse],
    numbers: Iterator[range],
) -> list[Gaps]:
    """Create the links of one range a turn."""

    async def answer(request: HttpRequest) -> HttpResponse:
        await asyncio.sleep(0.02)
        return replies[str(RecordedRequest(request=request).data["merchantLinkId"])]

    found: list[Gaps] = []
    async with PayerMaxClient(
        config, transport=FakeTransport(answer), options=options
    ) as client:
        for some in numbers:

            async def creates(some: range = some) -> None:
                await asyncio.gather(*(client.create_link(_order(n)) for n in some))

            found.append(await gaps_during(creates))
    return found[1:]  # the first one warmed up


def measure(count: int, repeats: int) -> dict[str, list[Gaps]]:
    """The idle loop, then each library and place."""
    platform = PrivateKey.generate()
    config = MerchantConfig(
        merchant_no="010213834784554",
        app_id="6666c8b036a24579974497c2f9a33333",
        private_key=PrivateKey.generate(),
        platform_keys=platform.public_key,
        environment=Environment.at("https://gateway.invalid"),
        defaults=LinkDefaults(
            contact_email="shop@shop.invalid",
            notify_url="https://shop.invalid/notify",
            logo_url="https://shop.invalid/logo.png",
        ),
    )
    # An id is never used twice: of what exists, a client only asks.
    every = range(count * (repeats + 1))
    replies = {f"order-{number}": _reply(platform, number) for number in every}

    async def idle() -> list[Gaps]:
        return [await gaps_during(lambda: asyncio.sleep(0.3)) for _ in range(repeats)]

    found = {"idle loop": asyncio.run(idle())}
    backends: tuple[BackendName, ...] = ("pycryptodome", "cryptography")
    places: tuple[PlaceName, ...] = ("thread", "loop")
    for backend, place in itertools.product(backends, places):
        if backend not in {"pycryptodome", backend_of().name}:
            continue
        options = ClientOptions(max_in_flight=count, rsa_backend=backend, sign_in=place)
        parts = (every[n * count : (n + 1) * count] for n in range(repeats + 1))
        found[f"{backend}, {place}"] = asyncio.run(
            turns(config, options, replies, parts)
        )
    return found


def figures(found: dict[str, list[Gaps]]) -> dict[str, float]:
    """What has a goal: the gaps of the place that a client takes by itself."""
    told: dict[str, float] = {}
    for name, gaps in found.items():
        backend, _, place = name.partition(", ")
        if place == "thread":
            told[f"stall p99, {backend} (ms)"] = statistics.median(p for p, _ in gaps)
            longest = statistics.median(longest for _, longest in gaps)
            told[f"stall longest, {backend} (ms)"] = longest
    return told


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200, help="creates in flight")
    parser.add_argument("--repeats", type=int, default=7, help="turns of each way")
    parser.add_argument("--json", action="store_true", help="figures alone")
    options = parser.parse_args()
    found = measure(options.count, options.repeats)
    if options.json:
        print(json.dumps(figures(found)))
        return
    print(f"{options.count} creates at once, {options.repeats} turns, medians")
    print(f"{'':24}{'p99':>12}{'longest':>12}{'worst':>12}")
    for name, gaps in found.items():
        p99 = statistics.median(p99 for p99, _ in gaps)
        longest = [longest for _, longest in gaps]
        middle, worst = statistics.median(longest), max(longest)
        print(f"{name:24}{p99:9.2f} ms{middle:9.2f} ms{worst:9.2f} ms")


if __name__ == "__main__":
    main()
