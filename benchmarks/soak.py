"""Creates and refunds by the hundred thousand while all goes wrong, then two ledgers.

Run it with ``python -m benchmarks.soak --null-signatures``. A client creates
``--count`` links and makes ``--refunds`` refunds with bounded workers while, for all
kinds or those of ``--only``,

* ``network``: requests and answers are lost, delayed, cut, forged and garbled, or
  replaced by codes, some of which no list knows; now and then nothing goes through for
  a while, and some callers give up half-way;
* ``lag``: what is new stays hidden from queries, within the settling waits;
* ``backup``: the first host falls ill over an answer, the backup knows nothing of
  what was done there, and the first comes back;
* ``dates``: replies carry a ``Date`` that is minutes or a day off;
* ``codes``: answers are replaced by unsigned codes that no list knows;
* ``foreign``: signer, verifier, middleware and hook raise, hang and lie;
* ``again``: what is in doubt is created again, with the same or another amount, and
  what was made under ids that the gateway checks is, too, by the client that made it
  and by one that knows nothing of it.

Then all is well again: every unknown outcome is resolved, and what the merchant was
told is held against what the gateway keeps. It ends with status 1 if a single link or
refund is there twice, is missing, is denied, is not as asked or stays in doubt, or if
an error came out that is not the library's.

The gateway runs in a process of its own and does *not* check for duplicates unless
``--check-duplicates`` is given: whatever is sent twice is made twice. Requests reach
it through a pipe, or with ``--socket`` through the sandbox's server. With
``--null-signatures`` hashes take the place of RSA on both sides.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import time
from collections import Counter

import attrs

from benchmarks.soak_book import Book, Comparison, Said, checked, refund_of, request_of
from benchmarks.soak_faults import Foreign, Oddities, Trouble, Weather
from benchmarks.soak_gateway import ChildGateway, Order
from benchmarks.soak_ledger import BACKUP, CHECKED, Lag
from benchmarks.soak_measure import descriptors, floor, resident
from payermax_async.client import PayerMaxClient
from payermax_async.config import Environment, MerchantConfig
from payermax_async.core.models.link_request import LinkDefaults
from payermax_async.options import ClientOptions
from payermax_async.pipeline.breaker import BreakerPolicy
from payermax_async.pipeline.retry import RetryPolicy
from payermax_async.sandbox.state.credentials import (
    DEFAULT_APP_ID,
    DEFAULT_MERCHANT_NO,
)
from payermax_async.signing.keys import PrivateKey
from payermax_async.signing.rsa import RsaSigner, RsaVerifier
from payermax_async.transport.aiohttp import AiohttpTransport
from payermax_async.transport.base import Transport
from tests.world.network import Network
from tests.world.stand_in import StandInKey

_MIB = 2**20
# Longer than anything here is late or hidden, with room for a busy machine.
_SETTLE_WAITS = (0.05, 0.25, 1.5)
_LAG = Lag(own=0.8, backup=6.0)
_ODD = 0.005
"""Share of replies with a wrong date, and of those with an unknown code."""
_FOREIGN = 0.0005
"""How often each of the merchant's own parts misbehaves."""


@attrs.frozen(kw_only=True)
class Pace:
    """As much at once as the machine answers well within the time-outs."""

    workers: int
    in_flight: int
    attempt_timeout: float


QUICK = Pace(workers=256, in_flight=128, attempt_timeout=1.0)
SLOW = Pace(workers=64, in_flight=32, attempt_timeout=4.0)


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
    foreign: Foreign, transport: Transport, url: str, pace: Pace, *, backup: bool
) -> PayerMaxClient:
    environment = Environment.at(url or "https://gateway.invalid")
    if backup:
        environment = attrs.evolve(environment, backup_url=f"https://{BACKUP}")
    return PayerMaxClient(
        MerchantConfig(
            merchant_no=DEFAULT_MERCHANT_NO,
            app_id=DEFAULT_APP_ID,
            environment=environment,
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
            failover=backup,
        ),
        transport=transport,
        signer=foreign,
        verifier=foreign,
        middlewares=[foreign],
        hooks=[foreign.hook],
    )


@attrs.define(kw_only=True)
class Soak:
    """One run."""

    options: argparse.Namespace
    parts: Parts
    pace: Pace
    gateway: ChildGateway
    weather: Weather
    odd: Oddities
    network: Network
    foreign: Foreign
    books: list[tuple[Book, Comparison | None, int]] = attrs.field(
        factory=list[tuple[Book, Comparison | None, int]]
    )
    rate: float = 0.0

    @classmethod
    def of(cls, options: argparse.Namespace) -> Soak:
        """Put the parts together."""
        parts = make_parts(null=options.null_signatures)
        pace = QUICK if options.null_signatures else SLOW
        kinds: set[Trouble] = options.only
        lag = Lag(
            own=_LAG.own if Trouble.LAG in kinds else 0.0,
            backup=_LAG.backup if Trouble.BACKUP in kinds else 0.0,
        )
        gateway = ChildGateway(
            Order(
                check_duplicates=options.check_duplicates,
                merchant_pem=parts.pems[0],
                platform_pem=parts.pems[1],
                lag=lag,
                socket=options.socket,
            )
        )
        inner: Transport = gateway
        if options.socket:
            inner = AiohttpTransport(limit=pace.in_flight)
        share = options.faults if Trouble.NETWORK in kinds else 0.0
        weather = Weather(options.seed, share, backup=Trouble.BACKUP in kinds)
        network = Network(
            inner, weather, platform=parts.platform, stranger=parts.stranger
        )
        odd = Oddities(
            network,
            options.seed,
            dates=_ODD if Trouble.DATES in kinds else 0.0,
            codes=_ODD if Trouble.CODES in kinds else 0.0,
        )
        share = _FOREIGN if Trouble.FOREIGN in kinds else 0.0
        foreign = Foreign(parts.merchant, parts.platform_check, options.seed, share)
        return cls(
            options=options,
            parts=parts,
            pace=pace,
            gateway=gateway,
            weather=weather,
            odd=odd,
            network=network,
            foreign=foreign,
        )

    async def run(self) -> bool:
        """Run it and print what came of it."""
        await self.gateway.start()
        rounds = 20_000 if self.options.null_signatures else 300
        bare = await floor(self.parts.merchant, self.parts.merchant_check, rounds)
        before = descriptors()
        async with self._client() as client:
            await self._work(client)
        await self.network.settled()
        if isinstance(self.parts.merchant, RsaSigner):
            await self.parts.merchant.aclose()
        after, held = descriptors(), resident()
        good = await self._tell()
        slope = self.books[0][0].slope.per_100k()
        print(f"memory of client   {held / _MIB:.0f} MiB, {slope:+.2f} per 100 000")
        print(f"memory of gateway  {await self.gateway.memory() / _MIB:.0f} MiB")
        print(f"descriptors        {before} before, {after} after")
        print(
            f"creates a second   {self.rate:.0f}, {self.rate / bare:.3f} of the floor: "
            f"{bare:.0f} bare signatures with a check each"
        )
        await self.gateway.stop()
        return good and not self.network.bugs

    def _client(self) -> PayerMaxClient:
        backup = Trouble.BACKUP in self.options.only
        return make_client(
            self.foreign, self.odd, self.gateway.url, self.pace, backup=backup
        )

    async def _work(self, client: PayerMaxClient) -> None:
        again = 0.5 if Trouble.AGAIN in self.options.only else 0.0
        seed: int = self.options.seed
        creates = Book(
            name="creates",
            count=self.options.count,
            ask=lambda number, more: request_of(number, more=more),
            cancels=self.options.cancels,
            client=client,
            seed=seed,
            again=again,
        )
        self._be_fine(True)
        trades = await self._paid(client)
        self._be_fine(False)
        started = time.perf_counter()
        await creates.make_all(self.pace.workers)
        self.rate = self.options.count / (time.perf_counter() - started)
        books = [creates]
        if again:
            # Not while all goes wrong: a conflict is wanted, not a doubt.
            books.append(
                Book(
                    name="under checked ids",
                    count=max(self.options.count // 50, 10),
                    ask=checked,
                    client=client,
                    seed=seed,
                    again=again,
                )
            )
            await books[-1].make_all(self.pace.workers)
            await books[-1].repeat_all(self.pace.workers)
            async with self._client() as stranger:
                await books[-1].repeat_all(self.pace.workers, stranger)
        if self.options.refunds:
            refunds = Book(
                name="refunds",
                count=self.options.refunds,
                ask=lambda number, more: refund_of(
                    number, trades[number], more=min(more, 1)
                ),
                cancels=self.options.cancels,
                client=client,
                seed=seed,
                again=again,
            )
            await refunds.make_all(self.pace.workers)
            books.append(refunds)
        self._be_fine(True)
        await self.network.arrived()
        await asyncio.sleep(_LAG.backup + 1.0)
        for book in books:
            left = await book.resolve_all(self.pace.workers)
            self.books.append((book, None, left))

    def _be_fine(self, fine: bool) -> None:
        self.weather.fine = self.odd.fine = self.foreign.fine = fine

    async def _paid(self, client: PayerMaxClient) -> list[str]:
        """The orders of paid links of their own, to be refunded."""
        paid = Book(
            client=client,
            name="paid",
            count=self.options.refunds,
            ask=lambda number, more: request_of(number, more=more, prefix="paid-"),
            seed=self.options.seed,
        )
        await paid.make_all(self.pace.workers)
        return await self.gateway.pay([f"paid-{n}" for n in range(paid.count)])

    async def _tell(self) -> bool:
        good = True
        print(f"requests           {self.weather.requests}, {self.weather.faults} ill")
        counts = {kind.value: n for kind, n in self.network.counts.items() if n}
        for some in (counts, dict(self.odd.counts), dict(self.foreign.counts)):
            line = ", ".join(f"{name} {number}" for name, number in some.items())
            print(f"                   {line}")
        for book, _, left in self.books:
            prefix = {"refunds": "refund-", "creates": "order-"}.get(book.name, CHECKED)
            what = "refunds" if book.name == "refunds" else "links"
            compared = await book.compare(self.gateway.rows(what), prefix)
            _print_book(book, compared, left)
            good &= compared.is_good and not left and not book.escaped
            good &= not book.counts["wrong answer"]
        return good


def _print_book(book: Book, compared: Comparison, left: int) -> None:
    said = Counter(book.said)
    rows = (
        ("told as made", said[Said.MADE]),
        ("told as refused", said[Said.REJECTED]),
        ("resolved: there", said[Said.FOUND]),
        ("resolved: absent", said[Said.ABSENT]),
        *sorted(book.counts.items()),
        ("DUPLICATES", compared.duplicates),
        ("LOSSES", compared.losses),
        ("THERE BUT DENIED", compared.denied),
        ("NOT AS ASKED", compared.altered),
        ("UNRESOLVED", left),
        ("FOREIGN ERRORS", len(book.escaped)),
    )
    print(f"--- {book.name}: {book.count}")
    for name, number in rows:
        print(f"    {name:26} {number}")
    for line, number in Counter(book.escaped).most_common(5):
        print(f"      {number} times {line}")


def _kinds(text: str) -> set[Trouble]:
    return {Trouble(name) for name in text.split(",")}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=200_000, help="creates")
    parser.add_argument("--refunds", type=int, default=20_000, help="refunds")
    parser.add_argument(
        "--only", type=_kinds, default=set(Trouble), help="kinds, by commas; all"
    )
    parser.add_argument("--faults", type=float, default=0.05, help="share of requests")
    parser.add_argument("--cancels", type=float, default=0.001, help="share of creates")
    parser.add_argument("--seed", type=int, default=1, help="makes faults repeatable")
    parser.add_argument("--null-signatures", action="store_true")
    parser.add_argument("--check-duplicates", action="store_true")
    parser.add_argument("--socket", action="store_true", help="real HTTP, real RSA")
    options = parser.parse_args()
    if options.socket and options.null_signatures:
        parser.error("the sandbox's server signs for real: drop --null-signatures")
    if options.socket:
        # The sandbox's own ledger: it knows no lag, no backup and no second refund.
        options.only -= {Trouble.LAG, Trouble.BACKUP, Trouble.AGAIN}
        options.refunds = 0
    logging.getLogger("payermax_async").setLevel(logging.CRITICAL)
    signs = "hashes in the place of RSA" if options.null_signatures else "RSA"
    check = "checks" if options.check_duplicates else "does not check"
    way = "HTTP" if options.socket else "a pipe"
    kinds = ", ".join(sorted(kind.value for kind in options.only))
    print(
        f"{options.count} creates, {options.refunds} refunds, {options.faults:.0%} "
        f"faults of {kinds}; seed {options.seed}, {signs}, over {way}, the gateway "
        f"{check} for duplicates"
    )
    return 0 if asyncio.run(Soak.of(options).run()) else 1


if __name__ == "__main__":
    sys.exit(main())
