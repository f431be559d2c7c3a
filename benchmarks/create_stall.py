"""How long the event loop stands still while 200 links are created at once.

Run it with ``python -m benchmarks.create_stall``. Each create is validated,
encoded, signed, sent over a transport in memory, and its reply verified and read:
all that a client does to the loop, without a server on the same processor. The
replies are signed before the clock starts. The floor is the idle loop of the same
run.
"""

from __future__ import annotations

import argparse
import asyncio

from benchmarks.sign_stall import Work, report, stall_during
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
from payermax_async.testing.fake import FakeTransport, RecordedRequest
from payermax_async.testing.replies import signed_reply
from payermax_async.transport.base import HttpRequest, HttpResponse


def _order(number: int) -> CreateLink:
    return CreateLink(
        merchant_link_id=f"order-{number}",
        total_amount="19.90",
        currency="USD",
        country="US",
        description="Blue T-shirt",
        user_info=UserInfo(user_id=f"u-{number}"),
    )


async def measure(count: int, repeats: int) -> dict[str, list[tuple[float, float]]]:
    """Let the idle loop and the creates take turns ``repeats`` times."""
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
    replies = {
        f"order-{number}": signed_reply(
            platform,
            {
                "merchantLinkId": f"order-{number}",
                "linkId": f"L{number}",
                "linkUrl": f"https://pay.invalid/{number}",
            },
        )
        for number in range(count)
    }

    async def answer(request: HttpRequest) -> HttpResponse:
        await asyncio.sleep(0.02)
        data = RecordedRequest(request=request).data
        return replies[str(data["merchantLinkId"])]

    transport = FakeTransport(answer)
    results: dict[str, list[tuple[float, float]]] = {}
    options = ClientOptions(max_in_flight=count)
    async with PayerMaxClient(config, transport=transport, options=options) as client:

        async def creates() -> None:
            await asyncio.gather(
                *(client.create_link(_order(number)) for number in range(count))
            )

        async def idle() -> None:
            await asyncio.sleep(0.3)

        await client.create_link(_order(0))
        ways: dict[str, Work] = {"idle loop": idle, "creates": creates}
        for _ in range(repeats):
            for name, work in ways.items():
                results.setdefault(name, []).append(await stall_during(work))
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200, help="creates in flight")
    parser.add_argument("--repeats", type=int, default=7, help="turns of each way")
    options = parser.parse_args()
    results = asyncio.run(measure(options.count, options.repeats))
    report(results, options.count, what="creates")


if __name__ == "__main__":
    main()
