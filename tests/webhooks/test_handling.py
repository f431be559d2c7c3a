"""Behind the acknowledgement: each event to its handler, once, until it is done."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from payermax_async.core.errors import ConfigurationError, WebhookError
from payermax_async.core.strict_json import JsonObject, write_json
from payermax_async.sandbox.clock import VirtualClock
from payermax_async.sandbox.notifications.notifier import SCHEDULE
from payermax_async.storage.lease_clock import LeaseClock
from payermax_async.webhooks import (
    AlertKind,
    EntryState,
    Expected,
    ExpectedLookup,
    HandlerBackoff,
    LinkNotPaid,
    LinkPaid,
    MemoryInbox,
    NotifiedEvent,
    PaymentFailed,
    PaymentSucceeded,
    ReceiverLimits,
    RefundSucceeded,
)
from payermax_async.webhooks.handling.comparison import PaidEvent
from payermax_async.webhooks.inbox.entries import ParkedBody
from payermax_async.webhooks.samples import build_notification
from tests.webhooks import kit
from tests.webhooks.post import BACKOFF, HOUR, Post, failing, running


@pytest.mark.parametrize(
    ("kind", "status", "event"),
    [
        ("PAYBYLINK", "SUCCESS", "LinkPaid"),
        ("PAYBYLINK", "CLOSE", "LinkNotPaid"),
        ("PAYBYLINK", "PENDING", "LinkNotPaid"),
        ("PAYBYLINK", "SETTLING", "UnknownEvent"),
        ("PAYMENT", "SUCCESS", "PaymentSucceeded"),
        ("PAYMENT", "FAILED", "PaymentFailed"),
        ("PAYMENT", "CLOSED", "PaymentClosed"),
        ("PAYMENT", "CLOSE", "PaymentClosed"),
        ("PAYMENT", "PENDING", "PaymentPending"),
        ("PAYMENT", "SETTLING", "UnknownEvent"),
        ("REFUND", "REFUND_SUCCESS", "RefundSucceeded"),
        ("REFUND", "REFUND_FAILED", "RefundFailed"),
        ("REFUND", "REFUND_PENDING", "RefundPending"),
        ("REFUND", "ODD", "UnknownEvent"),
    ],
)
async def test_the_status_inside_decides_which_event_it_is(
    kind: str, status: str, event: str
) -> None:
    post = Post()
    post.receiver.otherwise(post.note)
    async with running(post):
        # Says the opposite of every status; it is not to be believed.
        await post.deliver(kind, status=status, code="PAYMENT_FAILED")
    (seen,) = post.seen
    name, key = seen.split()
    assert name == event
    assert key in {"paybylinktest001", "P2024022711020000001", "R1001"}


async def test_each_event_goes_to_the_nearest_handler() -> None:
    post = Post()
    got: list[str] = []

    @post.receiver.on(LinkPaid)
    async def paid(event: LinkPaid) -> None:
        assert (event.total_amount, event.currency) == (Decimal(10000), "IDR")
        got.append(f"paid {event.merchant_link_id} {event.out_trade_no}")

    @post.receiver.on(RefundSucceeded)
    async def refunded(event: RefundSucceeded) -> None:
        assert (event.refund_amount, event.refund_currency) == (Decimal(10000), "IDR")
        got.append(f"refunded {event.out_refund_no} {event.out_trade_no}")

    @post.receiver.on(PaymentFailed)
    async def failed(event: PaymentFailed) -> None:
        got.append(f"failed {event.out_trade_no}")

    post.receiver.otherwise(post.note)
    odd: JsonObject = {**kit.link_payload(), "notifyType": "CHARGEBACK"}
    async with running(post):
        await post.link("o-1")
        await post.deliver("REFUND", out_refund_no="R1", out_trade_no="T2")
        await post.deliver("PAYMENT", out_trade_no="T3", status="FAILED")
        await post.deliver("PAYMENT", out_trade_no="T4")
        await post.deliver(odd)
        assert set(await post.states()) == {"done"}
    assert got == ["paid o-1 T-o-1", "refunded R1 T2", "failed T3"]
    assert post.seen == ["PaymentSucceeded T4", "UnknownEvent "]


async def test_what_nobody_wants_is_kept_until_somebody_does() -> None:
    post = Post()
    async with running(post):
        await post.link()
        await post.advance(60.0)  # its other type may come
        (entry,) = await post.inbox.entries(state=EntryState.UNCLAIMED)
        post.receiver.on(LinkPaid)(post.note)
        assert await post.receiver.replay(entry.id)
        await post.receiver.settled()
        assert await post.states() == ["done"]
    assert post.seen == ["LinkPaid o-1"]


async def test_a_failing_handler_is_tried_again_until_it_succeeds(
    caplog: pytest.LogCaptureFixture,
) -> None:
    post = Post()
    post.receiver.otherwise(failing(post, times=2, error=ValueError(kit.CANARY)))
    async with running(post):
        await post.link()
        (entry,) = await post.inbox.entries()
        assert (entry.state, entry.problem) == ("waiting", "ValueError")
        assert entry.due_at == kit.NOW + timedelta(seconds=10)
        await post.advance(9.9)
        assert (await post.inbox.entries())[0].attempts == 1
        await post.advance(0.1)
        assert (await post.inbox.entries())[0].attempts == 2
        await post.advance(20)
        assert await post.states() == ["done"]
    assert post.seen == ["LinkPaid o-1"]
    assert post.receiver.counts["handler failed"] == 2
    assert "a handler failed: ValueError" in caplog.text
    assert kit.CANARY not in caplog.text


async def test_a_handler_that_fails_too_often_is_given_up_and_can_be_replayed() -> None:
    post = Post()
    post.receiver.otherwise(failing(post, times=3, error=ValueError("no")))
    async with running(post):
        await post.link()
        for _ in range(5):
            await post.advance(HOUR)
        (entry,) = await post.inbox.entries(state=EntryState.FAILED)
        assert entry.attempts == BACKOFF.max_attempts
        (alert,) = post.alerts
        assert (alert.kind, alert.number) == (AlertKind.GAVE_UP, entry.id)
        assert (alert.merchant_key, alert.problem) == ("o-1", "ValueError")
        assert await post.receiver.replay(entry.id)
        await post.receiver.settled()
        assert await post.states() == ["done"]
        assert not await post.receiver.replay(10_000)


def test_the_backoff_doubles_up_to_its_cap_and_ends() -> None:
    backoff = HandlerBackoff(base=1, cap=10, max_attempts=7, draw=lambda low, high: low)
    assert [backoff.next_delay(n) for n in range(1, 8)] == [0.5, 1, 2, 4, 5, 5, None]
    for_ever = HandlerBackoff(max_attempts=None)
    assert 1800 <= (for_ever.next_delay(10**6) or 0) <= 3600


@pytest.mark.parametrize(
    "numbers", [{"base": 0}, {"base": 2, "cap": 1}, {"cap": float("inf")}]
)
def test_a_backoff_without_sense_is_refused(numbers: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError, match="base and cap"):
        HandlerBackoff(**numbers)  # type: ignore[arg-type]


def test_a_handler_is_tried_at_least_once() -> None:
    with pytest.raises(ConfigurationError, match="at least 1"):
        HandlerBackoff(max_attempts=0)


async def test_a_handler_that_takes_too_long_has_failed() -> None:
    limits = ReceiverLimits(handler_timeout=0.01, poll=HOUR)
    post = Post(limits=limits)

    @post.receiver.on(LinkPaid)
    async def paid(event: LinkPaid) -> None:
        await asyncio.Event().wait()

    async with running(post):
        await post.link()
        (entry,) = await post.inbox.entries()
    assert (entry.state, entry.problem) == ("waiting", "TimeoutError")


# --- amounts ---------------------------------------------------------------------

_OTHER = {
    "other amount": {"total_amount": "9999"},
    "other currency": {"currency": "USD"},
    "currency in lower case": {"currency": "idr"},
}


@pytest.mark.parametrize("way", ["lookup", "async lookup", "registered"])
@pytest.mark.parametrize("name", _OTHER)
@pytest.mark.parametrize("kind", ["PAYBYLINK", "PAYMENT"])
async def test_a_payment_of_another_amount_is_kept_told_and_not_fulfilled(
    kind: str, name: str, way: str
) -> None:
    async def ask(event: PaidEvent) -> Expected:
        return Expected(10000, "IDR")

    def look(event: PaidEvent) -> Expected:
        return Expected("10000.00", "IDR")

    ways: dict[str, ExpectedLookup] = {"lookup": look, "async lookup": ask}
    post = Post(expect=ways.get(way))
    post.receiver.otherwise(post.note)
    async with running(post):
        if way == "registered":
            for key in ("paybylinktest001", "P2024022711020000001"):
                await post.receiver.expect(key, 10000, "IDR")
        assert await post.deliver(kind, **_OTHER[name]) == 200
        (entry,) = await post.inbox.entries(state=EntryState.MISMATCHED)
        (alert,) = post.alerts
        assert (alert.kind, alert.number) == (AlertKind.MISMATCHED, entry.id)
        assert alert.problem == entry.problem
        assert post.seen == []
        await post.advance(HOUR)
        assert post.seen == []


@pytest.mark.parametrize("kind", ["PAYBYLINK", "PAYMENT"])
async def test_a_payment_of_the_expected_amount_is_fulfilled(kind: str) -> None:
    post = Post(expect=lambda event: Expected("10000.0", "IDR"))
    post.receiver.otherwise(post.note)
    async with running(post):
        await post.deliver(kind)
    assert len(post.seen) == 1


async def test_only_payments_that_succeeded_are_compared() -> None:
    def expect(event: PaidEvent) -> Expected:
        assert isinstance(event, LinkPaid | PaymentSucceeded)
        return Expected(1, "USD")

    post = Post(expect=expect)
    post.receiver.otherwise(post.note)
    async with running(post):
        await post.deliver("REFUND")
        await post.deliver("PAYMENT", out_trade_no="T2", status="FAILED")
        await post.link(status="CLOSE")
    assert len(post.seen) == 3


@pytest.mark.parametrize("way", ["lookup", "registered"])
async def test_a_notification_that_overtakes_its_order_waits_for_it(way: str) -> None:
    orders: dict[str, Expected] = {}
    if way == "lookup":
        post = Post(expect=lambda event: orders.get(event.merchant_key))
    else:
        post = Post(must_expect=True)
    post.receiver.otherwise(post.note)
    async with running(post):
        assert await post.link("o-1") == 200
        (entry,) = await post.inbox.entries()
        assert entry.state is EntryState.WAITING
        assert "nothing is known yet" in entry.problem
        if way == "lookup":
            orders["o-1"] = Expected(10000, "IDR")
        else:
            await post.receiver.expect("o-1", "10000", "IDR")
        await post.advance(10)
    assert post.seen == ["LinkPaid o-1"]


async def test_without_any_expectation_the_handler_gets_it_unchecked() -> None:
    post = Post()
    post.receiver.otherwise(post.note)
    async with running(post):
        await post.link()
    assert post.seen == ["LinkPaid o-1"]


async def test_who_asks_a_lookup_registers_nothing() -> None:
    async with running(Post(expect=lambda event: None)) as post:
        with pytest.raises(ConfigurationError, match="lookup"):
            await post.receiver.expect("o-1", 1, "USD")


async def test_a_lookup_that_fails_is_asked_again() -> None:
    asked = 0

    def expect(event: PaidEvent) -> Expected:
        nonlocal asked
        asked += 1
        if asked == 1:
            raise OSError("database down")
        return Expected(10000, "IDR")

    post = Post(expect=expect)
    post.receiver.otherwise(post.note)
    async with running(post):
        await post.link()
        await post.advance(10)
    assert post.seen == ["LinkPaid o-1"]


# --- deliveries ------------------------------------------------------------------


async def test_six_deliveries_on_schedule_have_one_effect() -> None:
    post = Post()
    post.receiver.otherwise(post.note)
    async with running(post):
        statuses: list[int] = []
        for due in SCHEDULE:
            await post.advance(due - (post.clock.now() - kit.NOW).total_seconds())
            statuses.append(await post.link())
        (entry,) = await post.inbox.entries()
    assert statuses == [200] * 6
    assert entry.deliveries == 6
    assert post.seen == ["LinkPaid o-1"]


async def test_a_late_older_state_does_not_reach_a_handler() -> None:
    post = Post()
    post.receiver.otherwise(post.note)
    async with running(post):
        for status in ("SUCCESS", "PENDING", "CLOSE"):
            assert await post.link(status=status) == 200
        assert await post.states() == ["done", "superseded", "superseded"]
    assert post.seen == ["LinkPaid o-1"]
    assert post.receiver.counts["superseded"] == 2


async def test_a_failing_older_state_is_dropped_when_a_newer_one_comes() -> None:
    post = Post()
    post.receiver.on(LinkPaid)(post.note)

    @post.receiver.on(LinkNotPaid)
    async def cancel(event: LinkNotPaid) -> None:
        raise ValueError("not now")

    async with running(post):
        await post.link(status="CLOSE")
        await post.link(status="SUCCESS")
        await post.advance(HOUR)
        assert await post.states() == ["superseded", "done"]


async def test_a_success_after_its_refund_is_told_and_not_fulfilled() -> None:
    post = Post()
    post.receiver.otherwise(post.note)
    async with running(post):
        await post.deliver("REFUND", out_trade_no="T-o-1")
        await post.link()
    assert post.seen == ["RefundSucceeded R1001"]
    (alert,) = post.alerts
    assert (alert.kind, alert.merchant_key) == (AlertKind.REFUNDED_FIRST, "o-1")


async def test_two_receivers_on_one_inbox_have_one_effect() -> None:
    inbox, clock = MemoryInbox(), VirtualClock(kit.NOW)
    posts = [Post(inbox=inbox, clock=clock) for _ in range(2)]
    async with inbox, running(posts[0]), running(posts[1]):
        for post in posts:
            post.receiver.otherwise(post.note)
        for _ in range(20):
            await asyncio.gather(*(post.link() for post in posts))
        (entry,) = await inbox.entries()
    assert entry.deliveries == 40
    assert posts[0].seen + posts[1].seen == ["LinkPaid o-1"]


async def test_tenants_on_one_inbox_handle_their_own() -> None:
    inbox, clock = MemoryInbox(), VirtualClock(kit.NOW)
    posts = [Post(inbox=inbox, clock=clock, tenant=name) for name in ("a", "b")]
    async with inbox, running(posts[0]), running(posts[1]):
        for number, post in enumerate(posts):
            post.receiver.otherwise(post.note)
            await post.receiver.expect(f"o-{number}", 10000, "IDR")
            await post.link(f"o-{number}")
            await post.link("both")
    assert posts[0].seen == ["LinkPaid o-0", "LinkPaid both"]
    assert posts[1].seen == ["LinkPaid o-1", "LinkPaid both"]


async def test_parked_bytes_are_replayed_once_they_can_be_read() -> None:
    stale = build_notification("PAYBYLINK", clock=kit.CLOCK, merchant_link_id="o-1")
    post = Post()
    post.receiver.otherwise(post.note)
    vars(vars(post.receiver)["_verifier"])["_max_age"] = timedelta(hours=48)
    async with running(post):
        await post.advance(72 * HOUR)
        assert await post.deliver(stale) == 500
        assert await post.raw(b"[") == 500
        old, unreadable = await post.inbox.entries(state=EntryState.PARKED)
        assert await post.receiver.replay(old.id)
        await post.receiver.settled()
        assert post.seen == ["LinkPaid o-1"]
        assert not await post.receiver.replay(old.id)
        with pytest.raises(WebhookError):
            await post.receiver.replay(unreadable.id)


async def test_parked_bytes_are_replayed_only_at_their_own_endpoint() -> None:
    post = Post()
    post.receiver.otherwise(post.note)
    own = kit.link_payload()
    texts: list[JsonObject] = [
        {**own, "merchantNo": "999999999999999", "appId": "another"},
        {**own, "merchantNo": ["999999999999999"]},
        {**own, "appId": {"is": "another"}},
        {**own, "merchantNo": None, "appId": None},
    ]
    async with running(post):
        for text in texts:
            body = ParkedBody(
                body=write_json(text), problem="unreadable", received_at=kit.NOW
            )
            assert await post.inbox.park(body)
        for entry in await post.inbox.entries():
            with pytest.raises(WebhookError):
                await post.receiver.replay(entry.id)
        await post.receiver.settled()
        assert await post.states() == ["parked"] * len(texts)
    assert post.seen == []


async def test_nobody_replays_what_another_tenant_has() -> None:
    inbox = MemoryInbox()
    posts = [Post(inbox=inbox, tenant=name) for name in ("a", "b")]
    async with inbox, running(posts[0]), running(posts[1]):
        await posts[0].link()
        body = ParkedBody(
            body=kit.body_of(), problem="x", received_at=kit.NOW, tenant="a"
        )
        assert await inbox.park(body)
        for entry in await inbox.entries():
            assert not await posts[1].receiver.replay(entry.id, force=True)
            assert await posts[0].receiver.replay(entry.id, force=True)
        assert {entry.tenant for entry in await inbox.entries()} == {"a"}


# --- lifetime --------------------------------------------------------------------


async def test_closing_waits_for_running_handlers() -> None:
    inbox = MemoryInbox()
    post = Post(inbox=inbox)
    begun, go_on = asyncio.Event(), asyncio.Event()

    @post.receiver.on(LinkPaid)
    async def paid(event: LinkPaid) -> None:
        begun.set()
        await go_on.wait()
        await post.note(event)

    async with inbox:
        async with running(post):
            await post.raw(kit.body_of())
            await begun.wait()
            asyncio.get_running_loop().call_soon(go_on.set)
        assert await post.states() == ["done"]


async def test_closing_cancels_what_takes_too_long_and_keeps_it_due() -> None:
    inbox = MemoryInbox()
    limits = ReceiverLimits(drain=0.01, poll=HOUR)
    post = Post(inbox=inbox, limits=limits)
    begun = asyncio.Event()

    @post.receiver.on(LinkPaid)
    async def paid(event: LinkPaid) -> None:
        begun.set()
        await asyncio.Event().wait()

    async with inbox:
        async with running(post):
            await post.raw(kit.body_of())
            await begun.wait()
        (entry,) = await inbox.entries()
        assert (entry.state, entry.problem) == ("waiting", "interrupted")
        other = Post(inbox=inbox, clock=post.clock)
        other.receiver.otherwise(other.note)
        async with running(other):
            await other.receiver.settled()
        assert other.seen == [f"LinkPaid {kit.CANARY}"]


async def test_what_a_dead_process_held_is_taken_over_after_its_lease() -> None:
    clock = VirtualClock(kit.NOW)
    inbox = MemoryInbox(
        lease_clock=LeaseClock(boot="", micros=lambda: int(clock.monotonic() * 1e6))
    )
    post = Post(inbox=inbox, clock=clock)
    post.receiver.otherwise(post.note)
    async with inbox:
        dead = Post(inbox=inbox, limits=ReceiverLimits(workers=0))
        async with running(dead):
            await dead.raw(kit.body_of(merchant_link_id="o-1"))
        await inbox.claim(
            tenant="", holder="dead", now=kit.NOW, lease=timedelta(minutes=1), limit=1
        )
        async with running(post):
            await post.advance(59)
            assert post.seen == []
            await post.advance(1)
            assert post.seen == ["LinkPaid o-1"]


async def test_the_lease_of_a_long_handler_is_renewed() -> None:
    clock = VirtualClock(kit.NOW)
    inbox = MemoryInbox(
        lease_clock=LeaseClock(boot="", micros=lambda: int(clock.monotonic() * 1e6))
    )
    posts = [Post(inbox=inbox, clock=clock) for _ in range(2)]
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(event: NotifiedEvent) -> None:
        begun.set()
        await go_on.wait()
        posts[0].seen.append("slow")

    for post in posts:
        post.receiver.otherwise(slow)
    async with inbox, running(posts[0]), running(posts[1]):
        await posts[0].raw(kit.body_of())
        await begun.wait()
        await clock.advance(HOUR)
        go_on.set()
        for post in posts:
            await post.receiver.settled()
        (entry,) = await inbox.entries()
    assert (entry.state, entry.attempts, posts[0].seen) == ("done", 1, ["slow"])


async def test_the_worker_outlives_an_inbox_that_fails(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Moody(MemoryInbox):
        bad = 0

        async def next_due(self, tenant: str, now: datetime) -> datetime | None:
            if self.bad:
                self.bad -= 1
                raise OSError(kit.CANARY)
            return await super().next_due(tenant, now)

    inbox = Moody()
    post = Post(inbox=inbox)
    post.receiver.otherwise(post.note)
    async with running(post):
        await post.receiver.settled()
        inbox.bad = 2
        await post.raw(kit.body_of(merchant_link_id="o-1"))
        await post.clock.advance(5)
        await post.receiver.settled()
    assert post.seen == ["LinkPaid o-1"]
    assert post.receiver.counts["worker failed"] == 2
    assert kit.CANARY not in caplog.text


async def test_bytes_are_scrubbed_when_their_time_is_over() -> None:
    post = Post()
    post.receiver.otherwise(post.note)
    async with running(post):
        await post.link()
        await post.advance(29 * 24 * HOUR)
        (entry,) = await post.inbox.entries()
        assert entry.body is not None
        await post.advance(2 * 24 * HOUR)
        (entry,) = await post.inbox.entries()
        assert entry.body is None
        assert not await post.receiver.replay(entry.id)


async def test_no_more_handlers_run_at_once_than_allowed() -> None:
    limits = ReceiverLimits(workers=3, poll=HOUR)
    post = Post(limits=limits)
    running_now, most = 0, 0

    async def handler(event: NotifiedEvent) -> None:
        nonlocal running_now, most
        running_now += 1
        most = max(most, running_now)
        await asyncio.sleep(0)
        running_now -= 1
        await post.note(event)

    post.receiver.otherwise(handler)
    async with running(post):
        for number in range(20):
            await post.raw(
                kit.body_of(merchant_link_id=f"o-{number}", out_trade_no=f"{number}")
            )
        await post.receiver.settled()
    assert (most, len(post.seen)) == (3, 20)
