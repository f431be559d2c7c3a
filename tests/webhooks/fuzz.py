"""Anything at all against a whole receiver; by itself for as long as one likes.

``python -m tests.webhooks.fuzz --runs 1000000`` prints how many requests were made
and how they were answered. The suite makes a small number of the same.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import random
import resource
import time
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Self

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from payermax_async.core.errors import WebhookError
from payermax_async.signing import RsaVerifier, Verifier
from payermax_async.webhooks import ACKNOWLEDGEMENT, HeaderSource
from payermax_async.webhooks.http.body import Intake
from payermax_async.webhooks.inbox.memory import MemoryInbox
from payermax_async.webhooks.limits import ReceiverLimits
from payermax_async.webhooks.receiver import Receiver
from tests.webhooks import kit
from tests.webhooks.test_fuzz import bodies, mutants, sources

_BATCH = 1_000
_VARIANTS = 24
STATUSES = {200, 401, 403, 405, 413, 415, 500}

trusted: st.SearchStrategy[HeaderSource] = st.just({"sign": kit.RIGHT_SHAPE})
requests = st.tuples(
    st.sampled_from(["POST", "POST", "POST", "post", "GET", ""]),
    st.one_of(trusted, trusted, sources),
    # Chance alone seldom makes a whole notification that is somebody else's.
    st.one_of(mutants(), bodies, st.just(kit.body_of(merchant_no="1"))),
    st.integers(1, 400),
)
Request = tuple[str, HeaderSource, bytes, int]


async def _pieces(body: bytes, size: int) -> AsyncGenerator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


_TOKENS = (
    *(b'"', b"{", b"}", b"[", b"]", b",", b":", b"\\", b"\0", b"\xff", b"\xed\xa0\x80"),
    *(b"null", b"1e999", b"NaN", b"\\ud800", b"9" * 40, b'"SUCCESS"', b'"PENDING"'),
    *(b'"status":', b'"totalAmount":', b'"merchantNo":', b'"data":', b'"notifyTime":'),
)


def variant(request: Request, chance: random.Random) -> Request:
    """The request with up to four damages done to the bytes of its body.

    Drawing a request takes hypothesis far longer than answering it takes the
    receiver, so each one drawn is used many times.
    """
    method, headers, body, size = request
    for _ in range(chance.randint(1, 4)):
        start = chance.randint(0, len(body))
        end = min(len(body), start + chance.choice((0, 0, 1, 1, 2, 8, 40)))
        middle = chance.choice(
            (b"", body[end : end + 20], chance.randbytes(1), chance.choice(_TOKENS))
        )
        body = body[:start] + middle + body[end:]
    return method, headers, body, chance.randint(1, max(1, size))


class Target:
    """A receiver that only takes in, and what is true of every answer of it."""

    def __init__(self, verifier: Verifier) -> None:
        self._is_real = isinstance(verifier, RsaVerifier)
        self._receiver = Receiver(
            kit.notification_verifier(verifier),
            MemoryInbox(),
            clock=kit.CLOCK,
            limits=ReceiverLimits(workers=0),
        )
        self._intake = Intake(self._receiver)

    async def __aenter__(self) -> Self:
        await self._receiver.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._receiver.aclose()

    async def run(self, request: Request) -> int:
        """Make a request; its status, or a failed assertion."""
        method, headers, body, size = request
        before = self._kept()
        async with aclosing(_pieces(body, size)) as pieces:
            reply = await self._intake.answer(method, headers, pieces)
        assert reply.status in STATUSES
        is_right = reply.status == 200
        assert reply.body == (ACKNOWLEDGEMENT if is_right else WebhookError.body)
        assert is_right == (self._kept() > before), "acknowledged, or kept, not both"
        assert not (is_right and self._is_real), "forged"
        return reply.status

    async def run_variants(
        self, request: Request, chance: random.Random, statuses: Counter[int]
    ) -> None:
        """Make a request and variants of it, and count the answers."""
        statuses[await self.run(request)] += 1
        for _ in range(_VARIANTS):
            statuses[await self.run(variant(request, chance))] += 1

    def _kept(self) -> int:
        counts = self._receiver.counts
        return sum(counts.get(one, 0) for one in ("stored", "superseded", "duplicate"))


def batch(
    number: int, runs: int, statuses: Counter[int], runner: asyncio.Runner
) -> None:
    """Draw so many requests and make variants of each; the number decides which."""
    # Nearly all of them know the answer of RSA already: to reach what is behind it.
    verifier: Verifier = (
        kit.TrustingVerifier()
        if number % 10
        else RsaVerifier(kit.platform_key().public_key)
    )
    target = Target(verifier)

    @seed(number)
    @settings(
        max_examples=runs,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(requests, st.integers(0, 2**64))
    def each(request: Request, chance: int) -> None:
        runner.run(target.run_variants(request, random.Random(chance), statuses))

    runner.run(target.__aenter__())
    try:
        each()
    finally:
        runner.run(target.__aexit__())


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument(
        "--first", type=int, default=0, help="number of the first batch"
    )
    options = parser.parse_args()
    statuses: Counter[int] = Counter()
    # What is authentic but unusable is told to the log each time.
    logging.disable(logging.CRITICAL)
    started = time.monotonic()
    number = options.first
    with asyncio.Runner() as runner:
        while (left := options.runs - statuses.total()) > 0:
            drawn = min(left // (_VARIANTS + 1) + 1, _BATCH)
            batch(number, drawn, statuses, runner)
            number += 1
            rate = statuses.total() / (time.monotonic() - started)
            print(  # noqa: T201
                f"{statuses.total()} runs, {rate:.0f}/s, {dict(statuses)}", flush=True
            )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(  # noqa: T201
        f"batches {options.first} to {number - 1}, peak memory {peak} MiB, no failure"
    )


if __name__ == "__main__":
    main()
