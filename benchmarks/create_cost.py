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
import json
import os
import statistics
import time
from collections.abc import Callable

import aiohttp

from benchmarks.canned import (
    IN_FLIGHT,
    Canned,
    ChecksNothing,
    SignsNothing,
    canned_gateway,
    many,
    order,
    reply_of,
)
from payermax_async import (
    ClientOptions,
    PayerMaxClient,
    PrivateKey,
    RsaSigner,
    RsaVerifier,
    Signer,
    Verifier,
)
from payermax_async.signing.backends import BackendName, backend_of
from payermax_async.signing.places import PlaceName


def _each(one: Callable[[], object], count: int) -> float:
    before = time.process_time()
    for _ in range(count):
        one()
    return (time.process_time() - before) / count * 1e6


class Measuring:
    """The keys, the server's address, and what is measured against it."""

    def __init__(self, gateway: Canned) -> None:
        self.count = gateway.count
        self.url = gateway.url
        self.config = gateway.config
        self.body = (
            b'{"data":{"merchantLinkId":"order-%d","fill":"' + b"x" * 600 + b'"}}'
        )
        # Any key has it: what a check costs does not depend on whose it is.
        own = PrivateKey.generate()
        self.reply = reply_of(0)
        self.signature = RsaSigner(own).sign_now(self.reply)
        self.own_public = own.public_key

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
        verifier = RsaVerifier(self.own_public, backend=backend)
        check = verifier.verify_now
        return _each(lambda: check(self.reply, self.signature), self.count // 4)

    async def bare_post(self) -> float:
        """What a POST by aiohttp costs."""
        headers = {"content-type": "application/json", "sign": "A" * 344}
        connector = aiohttp.TCPConnector(limit=IN_FLIGHT)
        async with aiohttp.ClientSession(connector=connector) as session:

            async def post(number: int) -> bytes:
                url = f"{self.url}/createPaybylink"
                body = self.body % number
                async with session.post(url, data=body, headers=headers) as response:
                    return await response.read()

            return await many(post, self.count)

    async def whole(self, backend: BackendName | None, place: PlaceName) -> float:
        """What a link costs; without a backend nothing is signed."""
        key = self.config.private_key
        assert key is not None
        signer: Signer
        verifier: Verifier
        if backend is None:
            signer, verifier = SignsNothing(), ChecksNothing()
        else:
            signer = RsaSigner(key, backend=backend, place=place)
            verifier = RsaVerifier(*self.config.platform_keys, backend=backend)
        client = PayerMaxClient(
            self.config,
            signer=signer,
            verifier=verifier,
            hooks=[lambda _: None],
            options=ClientOptions(max_in_flight=IN_FLIGHT),
        )
        async with client:
            took = await many(lambda n: client.create_link(order(n)), self.count)
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


def figures(found: dict[str, float]) -> dict[str, float]:
    """What has a goal: the ratios of the best place, and the own cost."""
    told = {"own cost, nothing signed (us)": found["whole"] - found["post"]}
    for backend in _backends():
        bare = found[f"{backend} sign"] + found[f"{backend} check"] + found["post"]
        best = min(found[f"{backend} {place}"] for place in _PLACES)
        told[f"create to bare parts, {backend}"] = best / bare
    return told


def main() -> None:
    """Start the server, measure, and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1024, help="links in a turn")
    parser.add_argument("--repeats", type=int, default=5, help="turns")
    parser.add_argument("--json", action="store_true", help="figures alone")
    given = parser.parse_args()
    with canned_gateway(given.count) as gateway:
        found = measure(Measuring(gateway), given.repeats)
    if given.json:
        print(json.dumps(figures(found)))
    else:
        report(found)


if __name__ == "__main__":
    main()
