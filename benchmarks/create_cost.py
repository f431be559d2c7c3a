"""What creating a link costs of the processor, beside the parts it cannot do without.

Run it with ``python -m benchmarks.create_cost``. A server in a process of its own
answers with replies that were signed before the clock starts. Of each library for RSA
the bare parts are measured in the same run: a signature, a check, a POST by aiohttp.
Then come whole ``create_link`` calls, 64 in flight, through the public client: request
object made, validated, signed, sent, verified, held against the request, a hook on. All
take turns, and medians are told; processor time is that of this process, threads
included.

``ratio`` is the whole call to the sum of its bare parts, ``own`` the difference. The
last line signs nothing and checks nothing. With ``OPENSSL_ia32cap=":~0x200000"`` in
the environment the same is measured on a processor without AVX-512 IFMA.

What did not help: to take the first step of foreign code in the caller's own task and
to make one only for what waits (that step would see the wrong current task, and a time
limit that it sets would end the wrong one); to remember what a write asked for in place
of its fingerprint (12 MiB for ten thousand of them, to save 2 us each); to write a
request's JSON with the encoder of the standard library, as that takes floats.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import os
import pickle
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from email.utils import formatdate

import aiohttp

from payermax_async import (
    ClientOptions,
    CreateLink,
    Environment,
    LinkDefaults,
    MerchantConfig,
    PayerMaxClient,
    PrivateKey,
    RsaSigner,
    RsaVerifier,
    Signer,
    UserInfo,
    Verifier,
)
from payermax_async.core.strict_json import write_json
from payermax_async.signing.backends import BackendName, backend_of
from payermax_async.signing.places import PlaceName

_IN_FLIGHT = 64
_MARK = b'"merchantLinkId":"'


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
        start = body.index(_MARK) + len(_MARK)
        key = body[start : body.index(b'"', start)]
        assert isinstance(self._transport, asyncio.Transport)
        # Of now: a client compares its clock with it.
        date = formatdate(usegmt=True).encode()
        self._transport.write(b"HTTP/1.1 200 OK\r\nDate: " + date + self.replies[key])


async def _serve() -> None:
    _Gateway.replies = pickle.load(sys.stdin.buffer)
    server = await asyncio.get_running_loop().create_server(_Gateway, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def _replies(platform: PrivateKey, count: int) -> dict[bytes, bytes]:
    signer = RsaSigner(platform)
    found: dict[bytes, bytes] = {}
    for number in range(count):
        data = {
            "merchantLinkId": f"order-{number}",
            "linkId": f"L{number}",
            "linkUrl": f"https://pay.invalid/l/{number}",
            "linkStatus": "ACTIVE",
            "qrCodeUrl": f"https://pay.invalid/q/{number}.png",
        }
        body = write_json({"code": "APPLY_SUCCESS", "msg": "Success.", "data": data})
        head = (
            f"\r\nContent-Type: application/json\r\nsign: {signer.sign_now(body)}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        found[b"order-%d" % number] = head.encode() + body
    return found


class _SignsNothing:
    async def sign(self, payload: bytes) -> str:
        del payload
        return "AAAA"


class _ChecksNothing:
    async def verify(self, payload: bytes, signature: str) -> None:
        del payload, signature


def _order(number: int) -> CreateLink:
    return CreateLink(
        merchant_link_id=f"order-{number}",
        total_amount="19.90",
        currency="USD",
        country="US",
        description="Blue T-shirt",
        user_info=UserInfo(user_id=f"u-{number}"),
    )


async def _many(one: Callable[[int], Awaitable[object]], count: int) -> float:
    """Microseconds of processor time for each, ``_IN_FLIGHT`` at once."""
    numbers = iter(range(_IN_FLIGHT, count))

    async def worker() -> None:
        for number in numbers:
            await one(number)

    # Connections are made before the clock starts.
    await asyncio.gather(*map(one, range(_IN_FLIGHT)))
    before = time.process_time()
    await asyncio.gather(*(worker() for _ in range(_IN_FLIGHT)))
    return (time.process_time() - before) / (count - _IN_FLIGHT) * 1e6


def _each(one: Callable[[], object], count: int) -> float:
    before = time.process_time()
    for _ in range(count):
        one()
    return (time.process_time() - before) / count * 1e6


class Measuring:
    """The keys, the server's address, and what is measured against it."""

    def __init__(self, port: int, platform: PrivateKey, count: int) -> None:
        self.count = count
        self.url = f"http://127.0.0.1:{port}"
        self.config = MerchantConfig(
            merchant_no="010213834784554",
            app_id="6666c8b036a24579974497c2f9a33333",
            private_key=PrivateKey.generate(),
            platform_keys=platform.public_key,
            environment=Environment.at(self.url),
            defaults=LinkDefaults(
                contact_email="shop@shop.invalid",
                notify_url="https://shop.invalid/notify",
                logo_url="https://shop.invalid/logo.png",
            ),
        )
        self.body = (
            b'{"data":{"merchantLinkId":"order-%d","fill":"' + b"x" * 600 + b'"}}'
        )
        self.reply = b"{" + b" " * 240 + b"}"
        self.signature = RsaSigner(platform).sign_now(self.reply)

    def bare_signature(self, backend: BackendName) -> float:
        """What a signature costs, in place."""
        key = self.config.private_key
        assert key is not None
        if backend == "pycryptodome":
            return _each(lambda: key.sign_raw(self.body), self.count // 16)
        from cryptography.hazmat.primitives.asymmetric import padding
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.serialization import load_der_private_key

        loaded = load_der_private_key(base64.b64decode(key.to_base64()), None)
        assert isinstance(loaded, RSAPrivateKey)
        scheme, digest = padding.PKCS1v15(), SHA256()
        return _each(lambda: loaded.sign(self.body, scheme, digest), self.count // 8)

    def bare_check(self, backend: BackendName) -> float:
        """What a check costs."""
        verifier = RsaVerifier(*self.config.platform_keys, backend=backend)
        check = verifier.verify_now
        return _each(lambda: check(self.reply, self.signature), self.count // 4)

    async def bare_post(self) -> float:
        """What a POST by aiohttp costs."""
        headers = {"content-type": "application/json", "sign": "A" * 344}
        connector = aiohttp.TCPConnector(limit=_IN_FLIGHT)
        async with aiohttp.ClientSession(connector=connector) as session:

            async def post(number: int) -> bytes:
                url = f"{self.url}/createPaybylink"
                body = self.body % number
                async with session.post(url, data=body, headers=headers) as response:
                    return await response.read()

            return await _many(post, self.count)

    async def whole(self, backend: BackendName | None, place: PlaceName) -> float:
        """What a link costs; without a backend nothing is signed."""
        key = self.config.private_key
        assert key is not None
        signer: Signer
        verifier: Verifier
        if backend is None:
            signer, verifier = _SignsNothing(), _ChecksNothing()
        else:
            signer = RsaSigner(key, backend=backend, place=place)
            verifier = RsaVerifier(*self.config.platform_keys, backend=backend)
        client = PayerMaxClient(
            self.config,
            signer=signer,
            verifier=verifier,
            hooks=[lambda _: None],
            options=ClientOptions(max_in_flight=_IN_FLIGHT),
        )
        async with client:
            took = await _many(lambda n: client.create_link(_order(n)), self.count)
        if isinstance(signer, RsaSigner):
            await signer.aclose()
        return took


_RSA: tuple[BackendName, ...] = ("pycryptodome", "cryptography")
_PLACES: tuple[PlaceName, ...] = ("thread", "loop")


def _backends() -> list[BackendName]:
    found = backend_of().name
    return [name for name in _RSA if name in {found, "pycryptodome"}]


def measure(work: Measuring, repeats: int) -> dict[str, float]:
    """Medians in microseconds, by name."""
    found: dict[str, list[float]] = {}

    def note(name: str, took: float) -> None:
        found.setdefault(name, []).append(took)

    for _ in range(repeats):
        note("post", asyncio.run(work.bare_post()))
        note("whole", asyncio.run(work.whole(None, "thread")))
        for backend in _backends():
            note(f"{backend} sign", work.bare_signature(backend))
            note(f"{backend} check", work.bare_check(backend))
            for place in _PLACES:
                took = asyncio.run(work.whole(backend, place))
                note(f"{backend} {place}", took)
    return {name: statistics.median(took) for name, took in found.items()}


def report(found: dict[str, float]) -> None:
    """Print the table."""
    post = found["post"]
    print(
        f"{'':24}{'whole':>9}{'bare':>9}{'ratio':>8}{'own':>8}   us of processor time"
    )
    for backend in _backends():
        sign, check = found[f"{backend} sign"], found[f"{backend} check"]
        bare = sign + check + post
        for place in _PLACES:
            whole = found[f"{backend} {place}"]
            print(
                f"{backend + ', ' + place:24}{whole:9.0f}{bare:9.0f}{whole / bare:8.2f}"
                f"{whole - bare:8.0f}   sign {sign:.0f}, check {check:.0f}"
            )
    whole = found["whole"]
    print(f"{'nothing signed':24}{whole:9.0f}{post:9.0f}{'':8}{whole - post:8.0f}")
    one, five, fifteen = os.getloadavg()
    print(f"load of the machine: {one:.1f} {five:.1f} {fifteen:.1f}")


def main() -> None:
    """Start the server, measure, and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1024, help="links in a turn")
    parser.add_argument("--repeats", type=int, default=5, help="turns")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        asyncio.run(_serve())
        return
    platform = PrivateKey.generate()
    command = [sys.executable, "-m", "benchmarks.create_cost", "--serve"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        try:
            pickle.dump(_replies(platform, given.count), server.stdin)
            server.stdin.flush()
            port = int(server.stdout.readline())
            report(measure(Measuring(port, platform, given.count), given.repeats))
        finally:
            server.kill()


if __name__ == "__main__":
    main()
