"""A gateway in a process of its own whose replies were signed before the clock starts.

What creates links is measured against it, so that the figures are those of the one who
asks. Replies are found by the id in the request; what names none gets a short one.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from email.utils import formatdate
from pathlib import Path

import attrs

from payermax_async import (
    CreateLink,
    Environment,
    LinkDefaults,
    MerchantConfig,
    PrivateKey,
    PublicKey,
    RsaSigner,
    UserInfo,
)
from payermax_async.core.strict_json import write_json

__all__ = [
    "IN_FLIGHT",
    "Canned",
    "ChecksNothing",
    "SignsNothing",
    "canned_gateway",
    "many",
    "merchant",
    "order",
    "reply_of",
    "time_of",
]

IN_FLIGHT = 64
"""Creates under way at once."""

_MARK = b'"merchantLinkId":"'
_SHORT = (
    b"\r\nContent-Type: application/json\r\nContent-Length: 65\r\n\r\n"
    b'{"id": "plink_1", "object": "payment_link", "url": "https://p/1"}'
)


class _Gateway(asyncio.Protocol):
    """Answers each POST with the reply that was made for its id."""

    replies: dict[bytes, bytes]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._seen = b""

    def data_received(self, data: bytes) -> None:
        self._seen += data
        head, found, body = self._seen.partition(b"\r\n\r\n")
        at = head.lower().find(b"content-length:")
        if not found or len(body) < int(head[at + 15 :].split(b"\r\n")[0]):
            return
        self._seen = b""
        reply, start = _SHORT, body.find(_MARK) + len(_MARK)
        if start >= len(_MARK):
            reply = self.replies[body[start : body.index(b'"', start)]]
        assert isinstance(self._transport, asyncio.Transport)
        # Of now: a client compares its clock with it.
        date = formatdate(usegmt=True).encode()
        self._transport.write(b"HTTP/1.1 200 OK\r\nDate: " + date + reply)


async def _serve() -> None:
    _Gateway.replies = pickle.load(sys.stdin.buffer)
    server = await asyncio.get_running_loop().create_server(_Gateway, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def reply_of(number: int) -> bytes:
    """The body that answers one create."""
    data = {
        "merchantLinkId": f"order-{number}",
        "linkId": f"L{number}",
        "linkUrl": f"https://pay.invalid/l/{number}",
        "linkStatus": "ACTIVE",
        "qrCodeUrl": f"https://pay.invalid/q/{number}.png",
    }
    return write_json({"code": "APPLY_SUCCESS", "msg": "Success.", "data": data})


def _replies(platform: PrivateKey, count: int) -> dict[bytes, bytes]:
    signer = RsaSigner(platform)
    found: dict[bytes, bytes] = {}
    for number in range(count):
        body = reply_of(number)
        head = (
            f"\r\nContent-Type: application/json\r\nsign: {signer.sign_now(body)}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        found[b"order-%d" % number] = head.encode() + body
    return found


def time_of(pid: int) -> float:
    """Seconds of processor time that a process has used."""
    told = Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    fields = told.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@attrs.frozen(kw_only=True)
class Canned:
    """The gateway's address, and who asks it."""

    url: str
    """Without a path."""
    config: MerchantConfig
    """Of a merchant with keys made just now."""
    count: int
    """For how many orders it has replies, from 0."""
    pid: int
    """Its process."""

    def processor_time(self) -> float:
        """Seconds of processor time that the gateway used."""
        return time_of(self.pid)


@contextmanager
def canned_gateway(count: int) -> Generator[Canned]:
    """Start one, and end it."""
    platform = PrivateKey.generate()
    command = [sys.executable, "-m", "benchmarks.canned"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        try:
            pickle.dump(_replies(platform, count), server.stdin)
            server.stdin.flush()
            url = f"http://127.0.0.1:{int(server.stdout.readline())}"
            config = merchant(url, PrivateKey.generate(), platform.public_key)
            yield Canned(url=url, config=config, count=count, pid=server.pid)
        finally:
            server.kill()


def merchant(url: str, key: PrivateKey, platform: PublicKey) -> MerchantConfig:
    """Who asks a gateway."""
    return MerchantConfig(
        merchant_no="010213834784554",
        app_id="6666c8b036a24579974497c2f9a33333",
        private_key=key,
        platform_keys=platform,
        environment=Environment.at(url),
        defaults=LinkDefaults(
            contact_email="shop@shop.invalid",
            notify_url="https://shop.invalid/notify",
            logo_url="https://shop.invalid/logo.png",
        ),
    )


class SignsNothing:
    """A signer that costs nothing."""

    async def sign(self, payload: bytes) -> str:
        """Give back a text."""
        del payload
        return "AAAA"


class ChecksNothing:
    """A verifier that costs nothing."""

    async def verify(self, payload: bytes, signature: str) -> None:
        """Accept it."""
        del payload, signature


def order(number: int) -> CreateLink:
    """What is asked for."""
    return CreateLink(
        merchant_link_id=f"order-{number}",
        total_amount="19.90",
        currency="USD",
        country="US",
        description="Blue T-shirt",
        user_info=UserInfo(user_id=f"u-{number}"),
    )


async def many(one: Callable[[int], Awaitable[object]], count: int) -> float:
    """Microseconds of processor time for each, ``IN_FLIGHT`` at once."""
    numbers = iter(range(IN_FLIGHT, count))

    async def worker() -> None:
        for number in numbers:
            await one(number)

    # Connections are made before the clock starts.
    await asyncio.gather(*map(one, range(IN_FLIGHT)))
    before = time.process_time()
    await asyncio.gather(*(worker() for _ in range(IN_FLIGHT)))
    return (time.process_time() - before) / (count - IN_FLIGHT) * 1e6


if __name__ == "__main__":
    asyncio.run(_serve())
