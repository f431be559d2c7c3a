"""How fast links are made in bulk, what doubt costs, and what it holds in memory.

Run it with ``python -m benchmarks.bulk_rate``; ``--rows 1000 10000 50000`` shows
whether memory grows with them. Each measurement runs in a process of its own. PayerMax
is a transport in the process that makes every link and knows it again; requests are
signed with RSA as ever, replies are not, so that the client's own cost is what is seen.
The bare signing rate of the same key in the same process stands beside it. The answer
is lost for 5 % of creates, and queries show what came of them after 0.3 seconds; with
``--late`` only after all of ``settle_waits``, which the last of the rows then wait for.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import attrs

from payermax_async import (
    ClientOptions,
    CreateLink,
    Environment,
    HttpRequest,
    HttpResponse,
    LinkDefaults,
    MerchantConfig,
    NoReplyError,
    PayerMaxClient,
    PrivateKey,
    RsaSigner,
    UserInfo,
)
from payermax_async.bulk import Journal, MemoryJournal, SqliteJournal, create_links
from payermax_async.core.strict_json import JsonObject, read_json, write_json

SIGNATURES = 300
LOST_EVERY = 20
WAITS = (1.0, 4.0)
SHOWN_AFTER = 0.3
"""Seconds until queries show a link whose answer was lost."""


class Anybody:
    """Takes every reply."""

    async def verify(self, payload: bytes, signature: str) -> None:
        """Whoever it is."""


class Gateway:
    """Makes every link; every 20th create's answer is lost, if wanted."""

    def __init__(self, *, loses: bool, late: bool) -> None:
        self._loses = loses
        self._shown_after = sum(WAITS) if late else SHOWN_AFTER
        self.questions = 0
        self._creates = 0
        # Only those in doubt: nobody asks about the others.
        self.lost: dict[str, tuple[float, JsonObject]] = {}

    async def open(self) -> None:
        """Nothing to open."""

    async def aclose(self) -> None:
        """Nothing to close."""

    async def send(
        self,
        request: HttpRequest,
        *,
        timeout: float,  # noqa: ARG002 - it never waits
        on_sent: Callable[[], None],
    ) -> HttpResponse:
        """Answer at once."""
        on_sent()
        data = cast("JsonObject", cast("JsonObject", read_json(request.body))["data"])
        key = str(data["merchantLinkId"])
        if request.url.endswith("queryPaybylink"):
            self.questions += 1
            since, link = self.lost[key]
            if time.monotonic() - since < self._shown_after:
                return _reply(None, "ORDER_NOT_EXIST")
            del self.lost[key]  # nobody asks again
            return _reply(link)
        self._creates += 1
        made: JsonObject = {
            "merchantLinkId": key,
            "linkUrl": f"https://pay.example/{key}",
            "linkId": f"L{self._creates}",
            "totalAmount": data["totalAmount"],
            "currency": data["currency"],
        }
        if self._loses and self._creates % LOST_EVERY == 0:
            self.lost[key] = time.monotonic(), made
            raise NoReplyError("lost")
        return _reply(made)


@attrs.frozen(kw_only=True)
class Flags:
    """What a measurement is of."""

    loses: bool
    late: bool
    memory: bool
    traced: bool


def _reply(data: JsonObject | None, code: str = "APPLY_SUCCESS") -> HttpResponse:
    body = write_json({"code": code, "msg": "", "data": data})
    return HttpResponse(status=200, headers=(("sign", "any"),), body=body)


def orders(count: int) -> Iterator[CreateLink]:
    for number in range(count):
        yield CreateLink(
            merchant_link_id=f"order-{number}",
            total_amount="19.90",
            currency="USD",
            country="US",
            description="Blue T-shirt",
            user_info=UserInfo(user_id=f"u-{number}"),
        )


async def measure(rows: int, *, flags: Flags) -> None:
    """Child: one run, told as JSON."""
    key = PrivateKey.generate()
    signer = RsaSigner(key)
    begun = time.process_time()
    for number in range(SIGNATURES):
        signer.sign_now(b"%d" % number * 100)
    bare = SIGNATURES / (time.process_time() - begun)
    config = MerchantConfig(
        merchant_no="P1",
        app_id="a1",
        private_key=key,
        platform_keys=PrivateKey.generate().public_key,
        environment=Environment.at("https://gateway.example/gateway"),
        defaults=LinkDefaults(
            contact_email="shop@example.com",
            notify_url="https://shop.example/notify",
            show_url="https://shop.example/",
        ),
    )
    if flags.traced:
        tracemalloc.start()
    states: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as folder:
        journal: Journal = (
            MemoryJournal()
            if flags.memory
            else SqliteJournal(Path(folder) / "j.sqlite3")
        )
        gateway = Gateway(loses=flags.loses, late=flags.late)
        async with PayerMaxClient(
            config,
            transport=gateway,
            verifier=Anybody(),
            options=ClientOptions(settle_waits=WAITS),
        ) as client:
            begun, processor = time.perf_counter(), time.process_time()
            async with create_links(
                client, orders(rows), journal=journal, at_once=16
            ) as run:
                async for done in run:
                    states[done.state] = states.get(done.state, 0) + 1
            seconds = time.perf_counter() - begun
            processor = time.process_time() - processor
    print(
        json.dumps(
            {
                "states": states,
                "rate": rows / seconds,
                "processor_ms": processor / rows * 1000,
                "bare": bare,
                "questions": gateway.questions,
                "traced_mib": tracemalloc.get_traced_memory()[1] / 2**20
                if flags.traced
                else 0,
                "rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            }
        )
    )


def child(rows: int, *flags: str) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.bulk_rate", "--child", str(rows)]
    done = subprocess.run(
        [*command, *flags], capture_output=True, text=True, check=True
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def share_of(rows: int, late: list[str]) -> None:
    """Compare a run that loses answers with one that loses none."""
    plain, loses = child(rows), child(rows, "--loses", *late)
    share = loses["rate"] / plain["rate"]
    processor = plain["processor_ms"] / loses["processor_ms"]
    asked = loses["questions"] / (rows // LOST_EVERY)
    print(
        f"{rows} rows, 5 % of answers lost: {loses['rate']:.0f} of {plain['rate']:.0f}"
        f"/s, {share:.0%}; by processor {processor:.0%}; {asked:.1f} questions a doubt"
    )


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rows", type=int, nargs="*", default=[1000, 5000])
    arguments.add_argument("--child", type=int)
    arguments.add_argument("--loses", action="store_true")
    arguments.add_argument("--late", action="store_true")
    arguments.add_argument("--memory", action="store_true")
    arguments.add_argument("--traced", action="store_true")
    given = arguments.parse_args()
    if given.child is not None:
        flags = Flags(
            loses=given.loses,
            late=given.late,
            memory=given.memory,
            traced=given.traced,
        )
        asyncio.run(measure(given.child, flags=flags))
        return
    late = ["--late"] if given.late else []
    for count in given.rows:
        share_of(count, late)
    rows = given.rows[-1]
    plain, memory = child(rows), child(rows, "--memory")
    print(f"{rows} rows: {plain['rate']:.0f}/s; {plain['bare']:.0f} bare signatures/s")
    cost = plain["processor_ms"] - memory["processor_ms"]
    print(
        f"a link takes {plain['processor_ms']:.2f} ms of processor, the file's journal "
        f"{cost:.2f} ms of them over one in memory ({memory['rate']:.0f}/s)"
    )
    for count in given.rows:
        # Traced, it is several times slower.
        found = child(count, "--traced", "--memory")
        print(
            f"{count} rows hold {found['traced_mib']:.1f} MiB at most, the process "
            f"{found['rss_mib']:.0f} MiB"
        )


if __name__ == "__main__":
    main()
