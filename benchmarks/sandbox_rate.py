"""How many requests a second the sandbox answers on one core, less what RSA costs.

Run it with ``python -m benchmarks.sandbox_rate``. The sandbox runs in a process of
its own and is asked over real sockets, by requests that were signed before the clock
starts. Its own processor time is what counts, so the sender costs it nothing. The
floor is RSA alone, one verification and one signature per request, timed in the same
process in the same run.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import cast

import aiohttp

from payermax_async import MerchantConfig, RsaSigner, RsaVerifier
from payermax_async.core.envelope import write_request
from payermax_async.sandbox.server import SandboxServer
from payermax_async.sandbox.state.credentials import SandboxCredentials

AT_ONCE = 32


async def serve() -> None:
    """Child: answer until told to stop; report processor time when asked."""
    credentials = SandboxCredentials.generate()
    async with SandboxServer(credentials=credentials) as sandbox:
        print(json.dumps(dict(sandbox.settings)), flush=True)
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
        while line := await reader.readline():
            if line.strip() == b"rsa":
                print(json.dumps(rsa_seconds(credentials)), flush=True)
            else:
                print(json.dumps(time.process_time()), flush=True)


def rsa_seconds(credentials: SandboxCredentials, count: int = 200) -> float:
    """Processor seconds of one verification and one signature."""
    signer = RsaSigner(credentials.merchant_key)
    verifier = RsaVerifier(credentials.merchant_key.public_key)
    body = b'{"data":{"merchantLinkId":"order-1"}}' * 20
    signature = signer.sign_now(body)
    start = time.process_time()
    for _ in range(count):
        verifier.verify_now(body, signature)
        signer.sign_now(body)
    return (time.process_time() - start) / count


class Child:
    """The sandbox's process, asked line by line."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def line(self) -> object:
        """What it printed last."""
        assert self._process.stdout is not None
        return json.loads(await self._process.stdout.readline())

    async def ask(self, word: str) -> float:
        """Its answer to a word."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{word}\n".encode())
        await self._process.stdin.drain()
        answer = await self.line()
        assert isinstance(answer, float)
        return answer


def signed_creates(
    settings: Mapping[str, str], first: int, count: int
) -> list[tuple[bytes, str]]:
    """Bodies of creates with different ids, and their signatures."""
    config = MerchantConfig.from_env(settings)
    assert config.private_key is not None
    signer = RsaSigner(config.private_key)
    found: list[tuple[bytes, str]] = []
    for number in range(first, first + count):
        body = write_request(
            config.identity,
            version="1.1",
            request_time=datetime.now(UTC),
            data={
                "merchantLinkId": f"order-{number}",
                "linkType": "ONETIME",
                "country": "US",
                "currency": "USD",
                "totalAmount": "19.90",
                "description": "Blue T-shirt",
                "userInfo": {"userId": f"u-{number}"},
                "goodsDetails": [
                    {
                        "goodsName": "Blue T-shirt",
                        "goodsDescription": "Cotton",
                        "quantity": "1",
                        "price": "19.90",
                        "goodsCurrency": "USD",
                        "showUrl": "https://shop.example/t-shirt",
                    }
                ],
                "merchantInfo": {"contactEmail": "shop@shop.example"},
                "notifyUrl": settings["PAYERMAX_NOTIFY_URL"],
            },
        )
        found.append((body, signer.sign_now(body)))
    return found


async def send_all(base_url: str, requests: list[tuple[bytes, str]]) -> None:
    """Send them, some at once, and insist on success."""
    waiting = iter(requests)

    async def worker(http: aiohttp.ClientSession) -> None:
        for body, signature in waiting:
            headers = {"sign": signature, "content-type": "application/json"}
            async with http.post(
                f"{base_url}/createPaybylink", data=body, headers=headers
            ) as response:
                assert b"APPLY_SUCCESS" in await response.read()

    async with aiohttp.ClientSession() as http:
        await asyncio.gather(*(worker(http) for _ in range(AT_ONCE)))


async def measure(count: int, repeats: int) -> None:
    """Let requests and bare RSA take turns, and print the medians."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        __file__,
        "--serve",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    child = Child(process)
    try:
        settings = cast("dict[str, str]", await child.line())
        totals: list[float] = []
        floors: list[float] = []
        for turn in range(repeats + 1):
            requests = signed_creates(settings, turn * count, count)
            before = await child.ask("time")
            await send_all(settings["PAYERMAX_BASE_URL"], requests)
            total = (await child.ask("time") - before) / count
            floor = await child.ask("rsa")
            if turn:  # the first turn warms up
                totals.append(total)
                floors.append(floor)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()
    total, floor = statistics.median(totals), statistics.median(floors)
    rest = statistics.median(one - two for one, two in zip(totals, floors, strict=True))
    print(f"{count} creates over sockets, {repeats} repeats, medians of processor time")
    print(f"{'a request in all':28}{total * 1e3:8.3f} ms {1 / total:9.0f} a second")
    print(f"{'RSA alone':28}{floor * 1e3:8.3f} ms {floor / total:9.0%} of it")
    print(f"{'everything else':28}{rest * 1e3:8.3f} ms {1 / rest:9.0f} a second")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000, help="requests a turn")
    parser.add_argument("--repeats", type=int, default=5, help="turns")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        asyncio.run(serve())
    else:
        asyncio.run(measure(options.count, options.repeats))


if __name__ == "__main__":
    main()
