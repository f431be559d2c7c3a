"""Creates by the million while one request in twenty goes wrong, then two ledgers.

Run it with ``python -m benchmarks.soak``. A client creates ``--count`` links with
bounded workers over a network that loses, delays, cuts, forges and garbles, and
now and then fails altogether; some callers give up half-way. Then all is well
again: every unknown outcome is resolved, and what the merchant was told is held
against what the gateway keeps, link by link. It ends with status 1 if a single
link is there twice, is missing, or is not as asked.

The gateway runs in a process of its own and does *not* check for duplicates unless
``--check-duplicates`` is given: whatever is sent twice becomes two links. Requests
reach it through a pipe, or with ``--socket`` through the sandbox's server.
``--null-signatures`` puts hashes in the place of RSA on both sides, which makes a
million feasible; everything else stays as it is.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal

import attrs

from benchmarks.soak_gateway import ChildGateway, Order
from benchmarks.soak_measure import Slope, descriptors, floor, resident
from payermax_async.client import PayerMaxClient
from payermax_async.config import Environment, MerchantConfig
from payermax_async.core.errors import Outcome, PayerMaxError
from payermax_async.core.models.link_request import CreateLink, LinkDefaults, UserInfo
from payermax_async.options import ClientOptions
from payermax_async.pipeline.breaker import BreakerPolicy
from payermax_async.pipeline.retry import RetryPolicy
from payermax_async.sandbox.state.credentials import DEFAULT_APP_ID, DEFAULT_MERCHANT_NO
from payermax_async.signing.keys import PrivateKey
from payermax_async.signing.rsa import RsaSigner, RsaVerifier
from payermax_async.transport.aiohttp import AiohttpTransport
from payermax_async.transport.base import HttpRequest, Transport
from tests.model.network import AMBIGUOUS, DEFINITE, Fate, Kind, Network
from tests.model.stand_in import StandInKey

_KINDS = [kind for kind in Kind if kind is not Kind.NOTHING]
_OUTAGE = [Kind.REFUSED, Kind.BROKEN, Kind.STATUS]
_OUTAGE_LENGTH = 200
_OUTAGE_SHARE = 0.2
_MIB = 2**20
# Longer than anything below is late, with room for a busy machine.
_SETTLE_WAITS = (0.05, 0.25, 1.5)
_CREATED, _REJECTED, _NOT_SENT, _UNKNOWN, _FOUND, _ABSENT = range(1, 7)
_COUNTRIES = (("US", "USD"), ("DE", "EUR"), ("ID", "IDR"))


@attrs.frozen(kw_only=True)
class Pace:
    """As much at once as the machine answers well within the time-outs."""

    workers: int
    in_flight: int
    attempt_timeout: float


QUICK = Pace(workers=256, in_flight=128, attempt_timeout=1.0)
SLOW = Pace(workers=64, in_flight=32, attempt_timeout=4.0)


def request_of(number: int) -> CreateLink:
    """The n-th link; the same whenever it is asked for."""
    country, currency = _COUNTRIES[number % 3]
    return CreateLink(
        merchant_link_id=f"order-{number}",
        total_amount=str(1 + number % 9973),
        currency=currency,
        country=country,
        description="Blue T-shirt",
        user_info=UserInfo(user_id=f"u-{number}"),
    )


class Weather:
    """Which request meets which fate, drawn from a seed."""

    def __init__(self, seed: int, share: float) -> None:
        self._chance = random.Random(seed)
        self._single = share * (1 - _OUTAGE_SHARE)
        outages = share * _OUTAGE_SHARE
        self._begins = outages / _OUTAGE_LENGTH if share else 0.0
        self._outage = 0
        self.fine = False
        self.requests = 0
        self.faults = 0

    def __call__(self, _request: HttpRequest) -> Fate | None:
        """The next fate; ``None`` when all goes well."""
        self.requests += 1
        if self.fine:
            return None
        chance = self._chance
        if not self._outage and chance.random() < self._begins:
            self._outage = _OUTAGE_LENGTH
        if self._outage:
            self._outage -= 1
            kind = chance.choice(_OUTAGE)
        elif chance.random() < self._single:
            kind = chance.choice(_KINDS)
        else:
            return None
        self.faults += 1
        coded = kind in {Kind.CODED, Kind.UNSIGNED_CODE}
        code = chance.choice(AMBIGUOUS + DEFINITE) if coded else ""
        return Fate(
            kind=kind,
            done=code not in DEFINITE and chance.random() < 0.6,
            there=chance.choice((0.0, 0.0, 0.01, 0.3)),
            back=chance.choice((0.0, 0.02)),
            code=code,
            status=chance.choice((302, 429, 502, 503)),
            retry_after=chance.choice((None, None, "1", "soon")),
        )


@attrs.define(kw_only=True)
class Merchant:
    """What the merchant does and remembers: one byte a link."""

    client: PayerMaxClient
    count: int
    cancels: float
    seed: int
    said: bytearray = attrs.field(init=False)
    repeated: int = 0
    cancelled: int = 0
    slope: Slope = attrs.field(factory=Slope)

    def __attrs_post_init__(self) -> None:
        self.said = bytearray(self.count)

    async def create_all(self, workers: int) -> None:
        """Create every link."""
        numbers = iter(range(self.count))
        chance = random.Random(self.seed + 1)
        every = max(self.count // 50, 1)

        async def work() -> None:
            for number in numbers:
                patience = 0.03 * chance.random()
                stays = chance.random() >= self.cancels
                give_up = None if stays else patience
                self.said[number] = await self._create(number, give_up)
                if number % every == 0:
                    self.slope.sample(number)

        await asyncio.gather(*(work() for _ in range(workers)))

    async def _create(self, number: int, give_up: float | None) -> int:
        while True:
            try:
                if give_up is None:
                    await self.client.create_link(request_of(number))
                else:
                    async with asyncio.timeout(give_up):
                        await self.client.create_link(request_of(number))
            except TimeoutError:
                self.cancelled += 1
                return _UNKNOWN
            except PayerMaxError as error:
                if error.outcome is Outcome.UNKNOWN:
                    return _UNKNOWN
                if error.outcome is Outcome.REJECTED:
                    return _REJECTED
                # Nothing was sent: the merchant simply tries again later.
                self.repeated += 1
                await asyncio.sleep(0.2)
            else:
                return _CREATED

    async def resolve_all(self, workers: int) -> int:
        """Resolve every unknown outcome; how many are left."""
        numbers = iter(list(self._unknown()))

        async def work() -> None:
            for number in numbers:
                try:
                    found = await self.client.resolve(request_of(number))
                except PayerMaxError:
                    continue
                self.said[number] = _ABSENT if found is None else _FOUND

        await asyncio.gather(*(work() for _ in range(workers)))
        return sum(1 for _ in self._unknown())

    def _unknown(self) -> Iterator[int]:
        return (n for n, said in enumerate(self.said) if said == _UNKNOWN)


@attrs.frozen(kw_only=True)
class Comparison:
    """The merchant's book against the gateway's."""

    duplicates: int
    losses: int
    denied: int
    altered: int

    @property
    def is_good(self) -> bool:
        """Whether both say the same."""
        return not (self.duplicates or self.losses or self.denied or self.altered)


async def compare(merchant: Merchant, gateway: ChildGateway) -> Comparison:
    """Read the gateway's ledger as a stream."""
    there = bytearray(merchant.count)
    altered = 0
    async for key, amount, currency, country in gateway.rows():
        number = int(key.removeprefix("order-"))
        there[number] = min(there[number] + 1, 255)
        asked = request_of(number)
        same = (asked.currency, asked.country) == (currency, country)
        altered += not (same and asked.total_amount == Decimal(amount))
    exists, denied = {_CREATED, _FOUND}, {_REJECTED, _NOT_SENT, _ABSENT}
    lost = denials = 0
    for said, links in zip(merchant.said, there, strict=True):
        lost += said in exists and not links
        denials += said in denied and links > 0
    return Comparison(
        duplicates=sum(links > 1 for links in there),
        losses=lost,
        denied=denials,
        altered=altered,
    )


@attrs.frozen(kw_only=True)
class Parts:
    """Keys of both sides, real or not."""

    merchant: RsaSigner | StandInKey
    merchant_check: RsaVerifier | StandInKey
    platform: RsaSigner | StandInKey
    platform_check: RsaVerifier | StandInKey
    stranger: RsaSigner | StandInKey
    pems: tuple[bytes | None, bytes | None] = (None, None)


def make_parts(*, null: bool) -> Parts:
    if null:
        merchant, platform = StandInKey(b"merchant"), StandInKey(b"platform")
        stranger = StandInKey(b"stranger")
        return Parts(
            merchant=merchant,
            merchant_check=merchant,
            platform=platform,
            platform_check=platform,
            stranger=stranger,
        )
    keys = PrivateKey.generate(), PrivateKey.generate()
    return Parts(
        merchant=RsaSigner(keys[0]),
        merchant_check=RsaVerifier(keys[0].public_key),
        platform=RsaSigner(keys[1]),
        platform_check=RsaVerifier(keys[1].public_key),
        stranger=RsaSigner(keys[0]),
        pems=(keys[0].to_pem().encode(), keys[1].to_pem().encode()),
    )


def make_client(
    parts: Parts, transport: Transport, url: str, pace: Pace
) -> PayerMaxClient:
    return PayerMaxClient(
        MerchantConfig(
            merchant_no=DEFAULT_MERCHANT_NO,
            app_id=DEFAULT_APP_ID,
            environment=Environment.at(url or "https://gateway.invalid"),
            defaults=LinkDefaults(
                contact_email="shop@shop.invalid",
                notify_url="https://shop.invalid/notify",
                show_url="https://shop.invalid/goods",
            ),
        ),
        options=ClientOptions(
            timeout=10 * pace.attempt_timeout,
            attempt_timeout=pace.attempt_timeout,
            max_in_flight=pace.in_flight,
            settle_waits=_SETTLE_WAITS,
            retry=RetryPolicy(base=0.01, throttled_base=0.05, cap=0.2),
            breaker=BreakerPolicy(window=2.0, min_calls=50, open_for=0.5),
        ),
        transport=transport,
        signer=parts.merchant,
        verifier=parts.platform_check,
    )


async def soak(options: argparse.Namespace) -> bool:
    """Run it and print what came of it."""
    parts = make_parts(null=options.null_signatures)
    pace = QUICK if options.null_signatures else SLOW
    gateway = ChildGateway(
        Order(
            check_duplicates=options.check_duplicates,
            merchant_pem=parts.pems[0],
            platform_pem=parts.pems[1],
            socket=options.socket,
        )
    )
    await gateway.start()
    rounds = 20_000 if options.null_signatures else 300
    bare = await floor(parts.merchant, parts.merchant_check, rounds)
    inner: Transport = (
        AiohttpTransport(limit=pace.in_flight) if options.socket else gateway
    )
    weather = Weather(options.seed, options.faults)
    network = Network(inner, weather, platform=parts.platform, stranger=parts.stranger)
    open_before = descriptors()
    async with make_client(parts, network, gateway.url, pace) as client:
        merchant = Merchant(
            client=client,
            count=options.count,
            cancels=options.cancels,
            seed=options.seed,
        )
        started = time.perf_counter()
        await merchant.create_all(pace.workers)
        took = time.perf_counter() - started
        said = Counter(merchant.said)
        weather.fine = True
        await network.arrived()
        await asyncio.sleep(1.0)
        left = await merchant.resolve_all(pace.workers)
    await network.settled()
    if isinstance(parts.merchant, RsaSigner):
        await parts.merchant.aclose()
    open_after = descriptors()
    held = resident()
    compared = await compare(merchant, gateway)
    now = Counter(merchant.said)
    rate = options.count / took
    print(f"requests           {weather.requests}, {weather.faults} went wrong")
    faults = sorted(network.counts.items(), key=lambda item: item[0].value)
    print("                   " + ", ".join(f"{k.value} {n}" for k, n in faults if n))
    print(f"created            {said[_CREATED]}")
    print(f"rejected           {said[_REJECTED]}")
    print(f"not sent, repeated {merchant.repeated}")
    print(f"unknown            {said[_UNKNOWN]}, of them given up {merchant.cancelled}")
    print(f"  resolved: there  {now[_FOUND]}")
    print(f"  resolved: absent {now[_ABSENT]}")
    print(f"  still unknown    {left}")
    print(f"duplicates         {compared.duplicates}")
    print(f"losses             {compared.losses}")
    print(f"there, but denied  {compared.denied}")
    print(f"not as asked       {compared.altered}")
    print(
        f"memory of client   {held / _MIB:.0f} MiB, "
        f"{merchant.slope.per_100k():+.2f} MiB per 100 000"
    )
    print(f"memory of gateway  {await gateway.memory() / _MIB:.0f} MiB")
    print(f"descriptors        {open_before} before, {open_after} after")
    print(
        f"creates a second   {rate:.0f}, {rate / bare:.3f} of the floor: "
        f"{bare:.0f} bare signatures with a check each"
    )
    await gateway.stop()
    return compared.is_good and not left and not network.bugs


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=1_000_000, help="creates")
    parser.add_argument("--faults", type=float, default=0.05, help="share of requests")
    parser.add_argument("--cancels", type=float, default=0.001, help="share of creates")
    parser.add_argument("--seed", type=int, default=1, help="makes faults repeatable")
    parser.add_argument("--null-signatures", action="store_true")
    parser.add_argument("--check-duplicates", action="store_true")
    parser.add_argument("--socket", action="store_true", help="real HTTP, real RSA")
    options = parser.parse_args()
    if options.socket and options.null_signatures:
        parser.error("the sandbox's server signs for real: drop --null-signatures")
    logging.getLogger("payermax_async").setLevel(logging.CRITICAL)
    signs = "hashes in the place of RSA" if options.null_signatures else "RSA"
    check = "checks" if options.check_duplicates else "does not check"
    way = "HTTP" if options.socket else "a pipe"
    print(
        f"{options.count} creates, {options.faults:.0%} faults, seed {options.seed}, "
        f"{signs}, over {way}, the gateway {check} for duplicates"
    )
    return 0 if asyncio.run(soak(options)) else 1


if __name__ == "__main__":
    sys.exit(main())
