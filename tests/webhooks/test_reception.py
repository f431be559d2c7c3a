"""The front of a receiver: what PayerMax sees, whatever happens behind it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

from payermax_async.core.errors import (
    ClientStateError,
    ConfigurationError,
    WebhookError,
)
from payermax_async.core.strict_json import write_json
from payermax_async.signing import RsaVerifier
from payermax_async.webhooks import (
    ACKNOWLEDGEMENT,
    AlertKind,
    LinkPaid,
    MemoryInbox,
    NotifiedEvent,
    ReceiverLimits,
    Source,
)
from payermax_async.webhooks.inbox.entries import Arrival, ParkedBody, Stored
from payermax_async.webhooks.samples import MERCHANT_NO, build_notification
from payermax_async.webhooks.verifying.parsing import read_notification
from tests.webhooks import kit
from tests.webhooks.post import HOUR, Post, running

HEADERS = {"sign": kit.RIGHT_SHAPE}


class BrokenInbox(MemoryInbox):
    """Fails, or never answers, until it is mended."""

    def __init__(self, *, hangs: bool = False) -> None:
        super().__init__()
        self.broken = True
        self._hangs = hangs

    async def _trouble(self) -> None:
        if self.broken and self._hangs:
            await asyncio.Event().wait()
        if self.broken:
            raise OSError("disk full: " + kit.CANARY)

    async def store(self, arrival: Arrival) -> Stored:
        await self._trouble()
        return await super().store(arrival)

    async def park(self, arrival: ParkedBody) -> int | None:
        await self._trouble()
        return await super().park(arrival)


@pytest.mark.parametrize("hangs", [False, True])
@pytest.mark.parametrize("body", [kit.body_of(merchant_link_id="o-1"), b"{"])
async def test_when_the_inbox_fails_payermax_is_asked_to_send_again(
    hangs: bool, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    inbox = BrokenInbox(hangs=hangs)
    limits = ReceiverLimits(store_timeout=0.01, workers=0)
    async with running(Post(inbox=inbox, limits=limits)) as post:
        reply = await post.receiver.handle(HEADERS, body)
        assert (reply.status, reply.body) == (500, WebhookError.body)
        assert post.receiver.counts["inbox failed"] == 1
        assert [alert.kind for alert in post.alerts] == [AlertKind.INBOX_FAILED]
        inbox.broken = False
        again = await post.receiver.handle(HEADERS, body)
        assert again.status == (500 if body == b"{" else 200)
        assert len(await inbox.entries()) == 1
    assert "inbox failed" in caplog.text
    assert kit.CANARY not in caplog.text


@pytest.mark.parametrize("fails", [False, True])
async def test_a_handler_never_changes_what_payermax_sees(fails: bool) -> None:
    post = Post()
    begun = asyncio.Event()
    go_on = asyncio.Event()

    @post.receiver.on(LinkPaid)
    async def paid(event: LinkPaid) -> None:
        begun.set()
        await go_on.wait()
        if fails:
            raise ValueError("no")

    async with running(post):
        first = await post.receiver.handle(HEADERS, kit.body_of())
        await begun.wait()
        second = await post.receiver.handle(HEADERS, kit.body_of())
        go_on.set()
        await post.receiver.settled()
        third = await post.receiver.handle(HEADERS, kit.body_of())
    assert first == second == third
    assert (first.status, first.body) == (200, ACKNOWLEDGEMENT)


async def test_a_body_that_is_not_the_raw_bytes_is_the_developers_error() -> None:
    async with running(Post()) as post:
        with pytest.raises(TypeError, match="pass the raw body"):
            await post.receiver.handle(HEADERS, cast("bytes", "{}"))


async def test_a_receiver_that_is_not_open_says_so() -> None:
    post = Post()
    for _ in range(2):
        with pytest.raises(ClientStateError, match="not open"):
            await post.receiver.handle(HEADERS, kit.body_of())
        async with post.receiver:
            assert post.inbox.is_open
            with pytest.raises(ClientStateError, match="open already"):
                await post.receiver.__aenter__()
        await post.receiver.aclose()
        assert not post.inbox.is_open


async def test_an_inbox_that_was_open_stays_open() -> None:
    inbox = MemoryInbox()
    async with inbox:
        async with running(Post(inbox=inbox)) as post:
            await post.link()
        assert len(await inbox.entries()) == 1


async def test_of_too_many_at_once_the_rest_is_put_off_without_rsa(
    caplog: pytest.LogCaptureFixture,
) -> None:
    gate = asyncio.Event()
    checked = 0

    class Slow:
        async def verify(self, payload: bytes, signature: str) -> None:
            nonlocal checked
            checked += 1
            await gate.wait()

    limits = ReceiverLimits(max_verifying=2, poll=HOUR)
    async with running(Post(verifier=Slow(), limits=limits)) as post:
        flood = [
            asyncio.create_task(post.raw(kit.body_of(merchant_link_id=f"o-{number}")))
            for number in range(30)
        ]
        for _ in range(5):
            await asyncio.sleep(0)
        assert checked == 2
        shapeless = await post.receiver.handle({"sign": "x"}, b"{}")
        assert shapeless.status == 401, "what has no shape waits for nothing"
        gate.set()
        statuses = await asyncio.gather(*flood)
        assert sorted(statuses) == [200] * 22 + [503] * 8
        assert post.receiver.counts["overloaded"] == 8
        assert "raise ReceiverLimits.max_verifying" in caplog.text
        assert await post.raw(kit.body_of(merchant_link_id="o-29")) == 200
        assert checked == 23


async def test_what_is_parked_are_the_bytes_that_were_verified() -> None:
    buffer = bytearray(b"{ ")

    class Changing:
        async def verify(self, payload: bytes, signature: str) -> None:
            buffer[:] = b"[]"

    async with running(Post(verifier=Changing())) as post:
        reply = await post.receiver.handle(HEADERS, buffer)
        (entry,) = await post.inbox.entries()
    assert (reply.status, entry.body) == (500, b"{ ")


async def test_a_missing_merchant_number_makes_no_second_event() -> None:
    async with running(Post()) as post:
        for number in (None, MERCHANT_NO):
            await post.deliver(merchant_no=number)
        (entry,) = await post.inbox.entries()
    assert entry.key[0] == MERCHANT_NO
    assert entry.deliveries == 2
    assert entry.event().notification.merchant_no == MERCHANT_NO


async def test_what_was_learned_by_asking_takes_effect_once() -> None:
    post = Post()
    post.receiver.otherwise(post.note)
    body = write_json(
        build_notification("PAYBYLINK", clock=kit.CLOCK, merchant_link_id="o-1")
    )
    async with running(post):
        stored = await post.receiver.accept(
            read_notification(body), body, source=Source.QUERY
        )
        assert len(stored.fresh) == 1
        assert await post.deliver(merchant_link_id="o-1") == 200
        (entry,) = await post.inbox.entries()
    assert (entry.source, entry.deliveries) == (Source.QUERY, 2)
    assert post.seen == ["LinkPaid o-1"]


async def test_a_hook_that_raises_harms_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    post = Post()

    def hook(_: object) -> None:
        raise RuntimeError(kit.CANARY)

    vars(vars(post.receiver)["_tally"])["_hook"] = hook
    async with running(post):
        assert await post.raw(b"{") == 500
        assert len(await post.inbox.entries()) == 1
    assert "the alert hook failed: RuntimeError" in caplog.text
    assert kit.CANARY not in caplog.text


async def test_one_kind_of_event_has_one_handler_and_it_can_wait() -> None:
    receiver = Post().receiver

    @receiver.on(LinkPaid)
    async def paid(event: LinkPaid) -> None: ...

    with pytest.raises(ConfigurationError, match="LinkPaid has a handler"):
        receiver.on(LinkPaid)(paid)

    def at_once(event: NotifiedEvent) -> AsyncIterator[None]:
        raise AssertionError

    with pytest.raises(ConfigurationError, match="async def"):
        receiver.otherwise(at_once)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

    class Counting:
        async def __call__(self, event: NotifiedEvent) -> None: ...

    receiver.otherwise(Counting())


@pytest.mark.parametrize(
    "numbers",
    [
        {"workers": -1},
        {"max_verifying": 0},
        {"lease": 0},
        {"poll": float("inf")},
        {"store_timeout": float("nan")},
        {"handler_timeout": -1},
        {"drain": -0.1},
        {"body_timeout": 0},
        {"verify_timeout": float("nan")},
        {"open_timeout": float("inf")},
        {"lookup_timeout": True},
        {"other_type": -1},
        {"max_reading": 0},
        {"max_reading": 1.5},
        {"poll": "1"},
    ],
)
def test_limits_without_sense_are_refused(numbers: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="ReceiverLimits"):
        ReceiverLimits(**numbers)


def test_one_body_of_the_largest_size_always_has_room() -> None:
    limits = ReceiverLimits(max_reading=500_000)
    with pytest.raises(ConfigurationError, match="max_reading is at least twice"):
        Post(limits=limits)


async def test_a_crowd_waits_for_nobody_where_our_own_verifier_checks() -> None:
    limits = ReceiverLimits(max_verifying=1, poll=HOUR)
    own = RsaVerifier(kit.platform_key().public_key)
    async with running(Post(verifier=own, limits=limits)) as post:

        async def arrive(number: int) -> int:
            body = kit.body_of(merchant_link_id=f"o-{number}")
            signed = {"sign": kit.sign(body)}
            return (await post.receiver.handle(signed, body)).status

        assert await asyncio.gather(*map(arrive, range(60))) == [200] * 60
        forged = {"sign": kit.sign(b"{}")}
        reply = await post.receiver.handle(forged, kit.body_of(merchant_link_id="o-1"))
        assert reply.status == 401
        assert "overloaded" not in post.receiver.counts


async def test_of_a_verifier_derived_from_it_nothing_is_taken_for_granted() -> None:
    class Remote(RsaVerifier):
        async def verify(
            self, payload: bytes | bytearray | memoryview, signature: str
        ) -> None:
            await asyncio.Event().wait()

    limits = ReceiverLimits(verify_timeout=0.01, poll=HOUR)
    remote = Remote(kit.platform_key().public_key)
    async with running(Post(verifier=remote, limits=limits)) as post:
        body = kit.body_of(merchant_link_id="o-1")
        reply = await post.receiver.handle({"sign": kit.sign(body)}, body)
        assert reply.status == 503


async def test_a_fault_in_the_arithmetic_is_told_of_and_sent_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: object) -> None:
        raise OSError("no entropy")

    monkeypatch.setattr(RsaVerifier, "verify_now", broken)
    own = RsaVerifier(kit.platform_key().public_key)
    async with running(Post(verifier=own)) as post:
        assert await post.raw(kit.body_of(merchant_link_id="o-1")) == 500
        assert post.receiver.counts["verifier failed"] == 1
