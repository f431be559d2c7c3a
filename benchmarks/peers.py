"""Links a second on one core: this client beside others and beside the bare parts.

Run it with ``python -m benchmarks.peers`` after ``pip install requests httpx stripe
uvloop``; who is not installed is left out. All ask the same gateway, whose replies were
signed before the clock starts, by the same key; told are links for each second of
processor time of the one who asks, medians over turns. The clients beside ours are as
short as one would write them: JSON, a signature, a POST, a check of the reply's
signature, no retries, no comparison with what was asked, no limits. Stripe's signs
nothing, and makes a payment link of its own kind. The last two are floors: a protocol
on bare sockets, and RSA alone.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import importlib.util
import json
import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Any, cast
from urllib.parse import urlsplit

import aiohttp

from benchmarks.canned import IN_FLIGHT, Canned, canned_gateway, many, order
from payermax_async import (
    ClientOptions,
    PayerMaxClient,
    RsaSigner,
    RsaVerifier,
)
from payermax_async.signing.backends import BackendName, backend_of

Took = float
"""Microseconds of processor time a link."""


class Parts:
    """The signature and the check that everybody needs."""

    def __init__(self, gateway: Canned, backend: BackendName) -> None:
        key = gateway.config.private_key
        assert key is not None
        self._sign = backend_of(backend).arithmetic.signs_with(key)
        self._verifier = RsaVerifier(*gateway.config.platform_keys, backend=backend)

    def request(self, number: int) -> tuple[bytes, dict[str, str]]:
        """A body and its headers."""
        body = json.dumps(
            {
                "version": "1.1",
                "keyVersion": "1",
                "requestTime": "2026-01-01T00:00:00.000+00:00",
                "appId": "6666c8b036a24579974497c2f9a33333",
                "merchantNo": "010213834784554",
                "data": {
                    "merchantLinkId": f"order-{number}",
                    "totalAmount": "19.90",
                    "currency": "USD",
                    "country": "US",
                    "description": "Blue T-shirt",
                    "userInfo": {"userId": f"u-{number}"},
                    "notifyUrl": "https://shop.invalid/notify",
                },
            },
            # The gateway looks for the id in the bytes.
            separators=(",", ":"),
        ).encode()
        sign = base64.b64encode(self._sign(body)).decode()
        return body, {"sign": sign, "content-type": "application/json"}

    def check(self, body: bytes, signature: str) -> object:
        """The reply's data, if it is genuine."""
        self._verifier.verify_now(body, signature)
        return json.loads(body)["data"]["linkUrl"]


async def with_aiohttp(gateway: Canned, parts: Parts) -> Took:
    """A few lines on aiohttp."""
    connector = aiohttp.TCPConnector(limit=IN_FLIGHT)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def create(number: int) -> object:
            body, headers = parts.request(number)
            url = f"{gateway.url}/createPaybylink"
            async with session.post(url, data=body, headers=headers) as answer:
                return parts.check(await answer.read(), answer.headers["sign"])

        return await many(create, gateway.count)


async def with_httpx(gateway: Canned, parts: Parts) -> Took:
    """A few lines on httpx."""
    import httpx

    limits = httpx.Limits(max_connections=IN_FLIGHT)
    async with httpx.AsyncClient(limits=limits, trust_env=False) as session:

        async def create(number: int) -> object:
            body, headers = parts.request(number)
            url = f"{gateway.url}/createPaybylink"
            answer = await session.post(url, content=body, headers=headers)
            return parts.check(answer.content, answer.headers["sign"])

        return await many(create, gateway.count)


def with_requests(gateway: Canned, parts: Parts) -> Took:
    """A few lines on requests, one link after the other."""
    requests: Any = importlib.import_module("requests")
    with requests.Session() as session:
        session.trust_env = False

        def create(number: int) -> object:
            body, headers = parts.request(number)
            url = f"{gateway.url}/createPaybylink"
            answer = session.post(url, data=body, headers=headers)
            return parts.check(answer.content, answer.headers["sign"])

        create(0)
        before = time.process_time()
        for number in range(gateway.count // 2):
            create(number)
        return (time.process_time() - before) / (gateway.count // 2) * 1e6


async def with_stripe(gateway: Canned) -> Took:
    """Stripe's own client, which signs nothing."""
    stripe: Any = importlib.import_module("stripe")
    client = stripe.StripeClient(
        "sk_test_1",
        base_addresses={"api": gateway.url},
        http_client=stripe.HTTPXClient(),
        max_network_retries=0,
    )

    async def create(number: int) -> object:
        line = {"price": f"price_{number}", "quantity": 1}
        link = await client.v1.payment_links.create_async({"line_items": [line]})
        return link.url

    return await many(create, gateway.count)


class _Socket(asyncio.Protocol):
    """One connection, one question at a time."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._seen = b""
        self.answer: asyncio.Future[object] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._seen += data
        head, found, body = self._seen.partition(b"\r\n\r\n")
        names = head.lower()
        at = names.find(b"content-length:")
        if not found or len(body) < int(head[at + 15 :].split(b"\r\n")[0]):
            return
        self._seen = b""
        at = names.find(b"\r\nsign: ") + 8
        sign = head[at : head.index(b"\r\n", at)].decode()
        assert self.answer is not None
        self.answer.set_result(self._parts.check(body, sign))


async def with_sockets(gateway: Canned, parts: Parts) -> Took:
    """A protocol written by hand."""
    loop = asyncio.get_running_loop()
    address = urlsplit(gateway.url)
    idle = [
        (
            await loop.create_connection(
                lambda: _Socket(parts), address.hostname or "", address.port or 80
            )
        )[1]
        for _ in range(IN_FLIGHT)
    ]
    every = list(idle)

    async def create(number: int) -> object:
        body, headers = parts.request(number)
        connection = idle.pop()
        connection.answer = loop.create_future()
        head = (
            f"POST /createPaybylink HTTP/1.1\r\nHost: gateway\r\n"
            f"Content-Type: application/json\r\nsign: {headers['sign']}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        connection.transport.write(head.encode() + body)
        found = await connection.answer
        idle.append(connection)
        return found

    try:
        return await many(create, gateway.count)
    finally:
        for connection in every:
            connection.transport.close()


async def with_ours(gateway: Canned, backend: BackendName) -> Took:
    """This client, with everything on."""
    key = gateway.config.private_key
    assert key is not None
    signer = RsaSigner(key, backend=backend, place="loop")
    options = ClientOptions(max_in_flight=IN_FLIGHT, rsa_backend=backend)
    async with PayerMaxClient(
        gateway.config, signer=signer, hooks=[lambda _: None], options=options
    ) as client:
        took = await many(lambda n: client.create_link(order(n)), gateway.count)
    await signer.aclose()
    return took


def rsa_alone(gateway: Canned, parts: Parts, other: RsaVerifier) -> Took:
    """A signature and a check."""
    body, headers = parts.request(0)
    before = time.process_time()
    for _ in range(gateway.count // 2):
        parts.request(0)
        other.verify_now(body, headers["sign"])
    return (time.process_time() - before) / (gateway.count // 2) * 1e6


def ways(gateway: Canned) -> dict[str, Callable[[], Took]]:
    """Everybody who is installed."""

    def there(*names: str) -> bool:
        return all(importlib.util.find_spec(name) is not None for name in names)

    def run(coroutine: Callable[[], Awaitable[Took]], loop: Any = None) -> Took:
        async def main() -> Took:
            return await coroutine()

        with asyncio.Runner(loop_factory=loop) as runner:
            return runner.run(main())

    slow = Parts(gateway, "pycryptodome")
    found: dict[str, Callable[[], Took]] = {
        "this client, pycryptodome": lambda: run(
            lambda: with_ours(gateway, "pycryptodome")
        ),
        "aiohttp by hand, pycryptodome": lambda: run(
            lambda: with_aiohttp(gateway, slow)
        ),
    }
    if backend_of().name != "cryptography":
        return found
    fast = Parts(gateway, "cryptography")
    assert gateway.config.private_key is not None
    own = RsaVerifier(gateway.config.private_key.public_key, backend="cryptography")
    found["this client, cryptography"] = lambda: run(
        lambda: with_ours(gateway, "cryptography")
    )
    found["aiohttp by hand, cryptography"] = lambda: run(
        lambda: with_aiohttp(gateway, fast)
    )
    if there("httpx"):
        found["httpx by hand, cryptography"] = lambda: run(
            lambda: with_httpx(gateway, fast)
        )
    if there("requests"):
        found["requests by hand, cryptography"] = lambda: with_requests(gateway, fast)
    if there("stripe", "httpx"):
        found["stripe (signs nothing)"] = lambda: run(lambda: with_stripe(gateway))
    if there("uvloop"):
        loop = importlib.import_module("uvloop").new_event_loop
        found["bare sockets on uvloop, cryptography"] = lambda: run(
            lambda: with_sockets(gateway, fast), loop
        )
    found["RSA by cryptography alone"] = lambda: rsa_alone(gateway, fast, own)
    return found


def measure(count: int, repeats: int) -> dict[str, float]:
    """Links for a second of processor time, by who makes them."""
    with canned_gateway(count) as gateway:
        took: dict[str, list[float]] = {}
        for _ in range(repeats):
            for name, way in ways(gateway).items():
                took.setdefault(name, []).append(way())
    return {name: 1e6 / statistics.median(all_) for name, all_ in took.items()}


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1024, help="links in a turn")
    parser.add_argument("--repeats", type=int, default=5, help="turns")
    parser.add_argument("--json", action="store_true", help="figures alone")
    given = parser.parse_args()
    found = measure(given.count, given.repeats)
    if given.json:
        print(json.dumps({f"links/s, {name}": rate for name, rate in found.items()}))
        return
    for name, rate in sorted(found.items(), key=lambda one: one[1]):
        print(f"{name:40}{rate:8.0f} links a second of processor time")


if __name__ == "__main__":
    main()
