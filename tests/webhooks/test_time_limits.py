"""No part of a merchant's keeps a receiver waiting for longer than its limit."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import cast

import pytest

from payermax_async.core.errors import SignatureError, WebhookError, WebhookReason
from payermax_async.core.models.notifications import Notification
from payermax_async.sandbox.clock import VirtualClock
from payermax_async.signing import Verifier
from payermax_async.storage.lease_clock import LeaseClock
from payermax_async.webhooks import (
    AlertKind,
    EntryState,
    Expected,
    LinkPaid,
    MemoryInbox,
    NotificationVerifier,
    ReceiverLimits,
    time_limit,
)
from payermax_async.webhooks.handling.comparison import PaidEvent
from payermax_async.webhooks.inbox.entries import InboxError
from payermax_async.webhooks.time_limit import BrokenOffError, TimeLimits
from payermax_async.webhooks.verifying.verifier import SignedBody
from tests.webhooks import kit
from tests.webhooks.post import HOUR, Post, running
from tests.webhooks.stuck import Stuck, StuckInbox

HEADERS = {"sign": kit.RIGHT_SHAPE}
SOON = 0.05
SHORT = ReceiverLimits(
    verify_timeout=SOON,
    store_timeout=SOON,
    open_timeout=SOON,
    lookup_timeout=SOON,
    handler_timeout=SOON,
    drain=SOON,
    lease=HOUR,
    poll=HOUR,
    max_verifying=2,
)
# Everything here is over in a few tenths; who waits for ever is seen, not met.
A_LOT = 60.0


@pytest.fixture(autouse=True)
def _little_time_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time_limit, "_TO_END", SOON)


@pytest.fixture(params=[False, True], ids=["polite", "stubborn"])
def stuck(request: pytest.FixtureRequest) -> Iterator[Stuck]:
    part = Stuck(stubborn=request.param)
    with part.until_the_end():
        yield part


class Mended:
    """Checks signatures once it is mended; before that somebody else does."""

    def __init__(self, broken: Callable[[], Awaitable[object]]) -> None:
        self.broken: Callable[[], Awaitable[object]] | None = broken

    async def verify(self, payload: bytes, signature: str) -> None:
        if self.broken is not None:
            return cast("None", await self.broken())
        return None


# --- the verifier ----------------------------------------------------------------


async def test_a_silent_verifier_shuts_the_endpoint_for_no_longer_than_its_time(
    stuck: Stuck,
) -> None:
    verifier = Mended(stuck.wait)
    post = Post(verifier=verifier, limits=SHORT)
    post.receiver.otherwise(post.note)
    async with asyncio.timeout(A_LOT), running(post):
        replies = await asyncio.gather(
            *(post.receiver.handle(HEADERS, kit.body_of()) for _ in range(200))
        )
        assert {reply.status for reply in replies} == {503}
        assert {reply.body for reply in replies} == {WebhookError.body}
        assert stuck.reached >= 2
        assert post.receiver.counts["overloaded"] >= 200 - 22
        assert {alert.kind for alert in post.alerts} == {AlertKind.VERIFIER_FAILED}
        verifier.broken = None
        assert (await post.receiver.handle(HEADERS, kit.body_of())).status == 200
        await post.receiver.settled()
    assert len(post.seen) == 1


async def _answers(answer: object) -> object:
    return answer


@pytest.mark.parametrize("answer", [True, False, 0, "", "ok", (), object()], ids=repr)
async def test_a_verifier_that_answers_is_a_defect_and_not_a_signature(
    answer: object, caplog: pytest.LogCaptureFixture
) -> None:
    post = Post(verifier=Mended(lambda: _answers(answer)), limits=SHORT)
    async with running(post):
        reply = await post.receiver.handle(HEADERS, kit.body_of())
        assert (reply.status, reply.body) == (500, WebhookError.body)
        assert await post.inbox.entries() == ()
        assert post.receiver.counts["verifier failed"] == 1
    (alert,) = post.alerts
    assert alert.kind is AlertKind.VERIFIER_FAILED
    assert "Mended" in alert.problem
    assert type(answer).__name__ in alert.problem
    assert "Mended" in caplog.text


async def _raises(error: BaseException) -> None:
    raise error


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ConnectionError(kit.CANARY), 500),
        (ValueError(kit.CANARY), 500),
        (RuntimeError(kit.CANARY), 500),
        (InboxError(kit.CANARY), 500),
        (asyncio.CancelledError(), 500),
        (TimeoutError(kit.CANARY), 500),
        (WebhookError(kit.CANARY, reason=WebhookReason.STALE, authentic=True), 500),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_what_a_verifier_raises_is_no_forgery_and_no_crash(
    error: BaseException, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    verifier = Mended(lambda: _raises(error))
    post = Post(verifier=verifier, limits=SHORT)
    async with running(post):
        reply = await post.receiver.handle(HEADERS, kit.body_of())
        assert (reply.status, reply.body) == (status, WebhookError.body)
        assert await post.inbox.entries() == ()
        assert "signature wrong" not in post.receiver.counts
        verifier.broken = None
        assert (await post.receiver.handle(HEADERS, kit.body_of())).status == 200
    (alert,) = post.alerts
    assert alert.kind is AlertKind.VERIFIER_FAILED
    assert alert.failure is not None
    assert alert.failure.error in {type(error).__name__, "BrokenOffError"}
    assert "_raises" in " ".join(alert.failure.frames) or status == 500
    assert kit.CANARY not in caplog.text


@pytest.mark.parametrize("answer", [True, None, False])
async def test_a_verifier_that_is_no_coroutine_lets_nothing_pass(
    answer: object,
) -> None:
    class Sync:
        def verify(self, payload: bytes, signature: str) -> object:
            return answer

    post = Post(verifier=cast("Verifier", Sync()), limits=SHORT)
    async with running(post):
        assert (await post.receiver.handle(HEADERS, kit.body_of())).status == 500
    assert [alert.kind for alert in post.alerts] == [AlertKind.VERIFIER_FAILED]


@pytest.mark.parametrize("broken", [lambda: _answers(True), lambda: _raises(OSError())])
async def test_without_a_receiver_a_broken_verifier_is_refused_as_well(
    broken: Callable[[], Awaitable[object]],
) -> None:
    verifier = kit.notification_verifier(Mended(broken))
    with pytest.raises(WebhookError) as caught:
        await verifier.verify(HEADERS, kit.body_of())
    assert caught.value.reason is WebhookReason.VERIFIER_FAILED
    assert (caught.value.status, caught.value.authentic) == (500, False)


async def test_without_a_receiver_a_silent_verifier_is_bounded_as_well(
    stuck: Stuck,
) -> None:
    verifier = kit.notification_verifier(Mended(stuck.wait))
    async with asyncio.timeout(A_LOT):
        with pytest.raises(WebhookError) as caught:
            await verifier.verify(HEADERS, kit.body_of(), timeout=SOON)
    assert caught.value.status == 503


async def test_a_wrong_signature_is_still_just_that() -> None:
    post = Post(verifier=kit.RefusingVerifier(), limits=SHORT)
    async with running(post):
        assert (await post.receiver.handle(HEADERS, kit.body_of())).status == 401
    assert post.alerts == []


# --- the inbox -------------------------------------------------------------------


@pytest.mark.parametrize(("body", "name"), [(kit.body_of(), "store"), (b"{", "park")])
async def test_an_inbox_that_never_answers_has_payermax_send_again(
    stuck: Stuck, body: bytes, name: str
) -> None:
    inbox = StuckInbox(stuck, name)
    post = Post(inbox=inbox, limits=SHORT)
    async with asyncio.timeout(A_LOT), running(post):
        assert (await post.receiver.handle(HEADERS, body)).status == 500
        assert [alert.kind for alert in post.alerts] == [AlertKind.INBOX_FAILED]
        inbox.names.clear()
        again = await post.receiver.handle(HEADERS, body)
        assert again.status == (200 if name == "store" else 500)
        assert len(await inbox.entries()) == 1


@pytest.mark.parametrize("name", ["scrub", "claim", "next_due", "finish"])
async def test_a_step_of_the_inbox_that_hangs_once_holds_nothing_up_for_good(
    stuck: Stuck, name: str
) -> None:
    clock = VirtualClock(kit.NOW)
    leases = LeaseClock(boot="", micros=lambda: int(clock.monotonic() * 1e6))
    inbox = StuckInbox(stuck, name, lease_clock=leases)
    limits = ReceiverLimits(
        store_timeout=SOON, open_timeout=SOON, lease=60, poll=HOUR, drain=SOON
    )
    post = Post(inbox=inbox, clock=clock, limits=limits)
    post.receiver.otherwise(post.note)
    async with asyncio.timeout(A_LOT), running(post):
        while not stuck.reached:
            await post.receiver.handle(HEADERS, kit.body_of(merchant_link_id="o-1"))
            await asyncio.sleep(SOON)
        inbox.names.clear()
        await asyncio.sleep(5 * SOON)
        # Past the wait after trouble, and past a lease that nobody gave back.
        for _ in range(3):
            await post.clock.advance(61)
            await post.receiver.settled()
        assert await post.states() == ["done"]
        assert post.receiver.counts["worker failed"] >= 1
    assert set(post.seen) == {"LinkPaid o-1"}


@pytest.mark.parametrize("name", ["begin", "commit"])
async def test_a_transaction_that_hangs_has_failed_and_is_tried_again(
    stuck: Stuck, name: str
) -> None:
    inbox = StuckInbox(stuck, name)
    post = Post(inbox=inbox, limits=SHORT)
    done: list[str] = []

    @post.receiver.in_transaction(LinkPaid)
    async def paid(event: LinkPaid, _: object) -> None:
        done.append(event.merchant_link_id)

    async with asyncio.timeout(A_LOT), running(post):
        await post.link("o-1")
        (entry,) = await inbox.entries()
        assert (entry.state, entry.problem) == (EntryState.WAITING, "TimeoutError")
        inbox.names.clear()
        await post.advance(10)
        assert await post.states() == ["done"]


async def test_a_stubborn_transaction_that_ends_late_changes_nothing() -> None:
    stuck = Stuck(stubborn=True)
    inbox = StuckInbox(stuck, "commit")
    post = Post(inbox=inbox, limits=SHORT)

    @post.receiver.in_transaction(LinkPaid)
    async def paid(event: LinkPaid, _: object) -> None: ...

    async with asyncio.timeout(A_LOT), running(post):
        with stuck.until_the_end():
            await post.link("o-1")
        await asyncio.sleep(SOON)
        (entry,) = await inbox.entries()
        # Its lease was given back, so its mark that it is done came to nothing.
        assert (entry.state, entry.problem) == (EntryState.WAITING, "TimeoutError")


async def test_a_renewal_that_hangs_is_told_and_the_handler_goes_on(
    stuck: Stuck,
) -> None:
    inbox = StuckInbox(stuck, "renew")
    limits = ReceiverLimits(store_timeout=SOON, lease=30, poll=HOUR)
    post = Post(inbox=inbox, limits=limits)
    go_on = asyncio.Event()

    @post.receiver.on(LinkPaid)
    async def paid(event: LinkPaid) -> None:
        await go_on.wait()

    async with asyncio.timeout(A_LOT), running(post):
        assert await post.raw(kit.body_of()) == 200
        while not stuck.reached:
            await post.clock.advance(10)
            await asyncio.sleep(0)
        while not post.receiver.counts.get("worker failed"):
            await asyncio.sleep(SOON)
        go_on.set()
        await post.receiver.settled()
        assert await post.states() == ["done"]


@pytest.mark.parametrize(("name", "body"), [("store", kit.body_of()), ("park", b"{")])
async def test_payermax_is_answered_when_the_named_limit_is_over_and_no_later(
    stuck: Stuck, name: str, body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    # However long what was cancelled takes to end.
    monkeypatch.setattr(time_limit, "_TO_END", 1_000.0)
    inbox = StuckInbox(stuck, name)
    async with asyncio.timeout(A_LOT), running(Post(inbox=inbox, limits=SHORT)) as post:
        assert await post.raw(body) == 500
        (alert,) = post.alerts
        assert alert.kind is AlertKind.INBOX_FAILED
        assert alert.merchant_key == (kit.CANARY if name == "store" else "")


async def test_waiting_for_a_turn_is_part_of_the_time_for_the_check(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given: list[float] = []
    begun, go_on = asyncio.Event(), asyncio.Event()

    class Slow:
        async def verify(self, payload: bytes, signature: str) -> None:
            begun.set()
            await go_on.wait()

    limits = ReceiverLimits(verify_timeout=A_LOT, max_verifying=1, workers=0)
    post = Post(verifier=Slow(), limits=limits)
    authenticate = NotificationVerifier.authenticate

    async def watched(
        self: NotificationVerifier, signed: SignedBody, *, timeout: float
    ) -> Notification:
        given.append(timeout)
        return await authenticate(self, signed, timeout=timeout)

    monkeypatch.setattr(NotificationVerifier, "authenticate", watched)
    async with asyncio.timeout(A_LOT), running(post):
        both = [asyncio.create_task(post.raw(kit.body_of())) for _ in range(2)]
        await begun.wait()
        await asyncio.sleep(SOON)
        go_on.set()
        assert [await one for one in both] == [200, 200]
    first, second = given
    assert second <= A_LOT - SOON
    assert second < first


async def test_who_waited_for_a_turn_does_not_call_the_verifier_slow() -> None:
    class Deaf:
        async def verify(self, payload: bytes, signature: str) -> None:
            await asyncio.Event().wait()

    limits = ReceiverLimits(verify_timeout=SOON, max_verifying=1, workers=0)
    post = Post(verifier=Deaf(), limits=limits)
    async with asyncio.timeout(A_LOT), running(post):
        posted = [post.raw(kit.body_of()) for _ in range(2)]
        assert await asyncio.gather(*posted) == [503, 503]
    assert [alert.kind for alert in post.alerts] == [AlertKind.VERIFIER_FAILED]
    assert post.receiver.counts["overloaded"] == 1


async def test_an_inbox_that_does_not_open_or_close_is_not_waited_for(
    stuck: Stuck, caplog: pytest.LogCaptureFixture
) -> None:
    async with asyncio.timeout(A_LOT):
        with pytest.raises(InboxError, match=r"not open within 0\.05 s"):
            async with Post(inbox=StuckInbox(stuck, "open"), limits=SHORT).receiver:
                raise AssertionError
        closing = StuckInbox(stuck, "aclose")
        async with Post(inbox=closing, limits=SHORT).receiver:
            pass
    assert "the inbox failed: TimeoutError" in caplog.text
    closing.names.clear()
    await closing.aclose()


async def _expects(post: Post) -> None:
    await post.receiver.expect("o-1", 1, "USD")


async def _replays(post: Post) -> None:
    await post.receiver.replay(1)


@pytest.mark.parametrize(
    ("name", "ask"), [("expect", _expects), ("entry", _replays), ("replay", _replays)]
)
async def test_who_asks_a_receiver_for_something_gets_an_answer_in_time(
    stuck: Stuck, name: str, ask: Callable[[Post], Awaitable[None]]
) -> None:
    inbox = StuckInbox(stuck)
    post = Post(inbox=inbox, limits=SHORT)
    async with asyncio.timeout(A_LOT), running(post):
        await post.link("o-1")
        inbox.names.add(name)
        with pytest.raises(TimeoutError):
            await ask(post)
        inbox.names.clear()


# --- the merchant's own code -----------------------------------------------------


async def test_a_look_up_that_never_answers_is_asked_again(stuck: Stuck) -> None:
    mended = False

    async def expect(event: PaidEvent) -> Expected:
        if not mended:
            await stuck.wait()
        return Expected(10000, "IDR")

    post = Post(expect=expect, limits=SHORT)
    post.receiver.otherwise(post.note)
    async with asyncio.timeout(A_LOT), running(post):
        await post.link("o-1")
        assert post.receiver.counts["lookup failed"] == 1
        mended = True
        await post.advance(10)
    assert post.seen == ["LinkPaid o-1"]


async def test_the_inboxs_own_expectation_has_the_time_of_the_inbox(
    stuck: Stuck,
) -> None:
    inbox = StuckInbox(stuck, "expected")
    post = Post(inbox=inbox, limits=SHORT)
    post.receiver.otherwise(post.note)
    async with asyncio.timeout(A_LOT), running(post):
        await post.link("o-1")
        inbox.names.clear()
        await post.advance(10)
    assert post.seen == ["LinkPaid o-1"]


@pytest.mark.parametrize("in_transaction", [False, True])
async def test_a_handler_that_does_not_end_frees_its_worker(
    stuck: Stuck, in_transaction: bool
) -> None:
    limits = ReceiverLimits(
        handler_timeout=SOON, store_timeout=SOON, poll=HOUR, workers=1, drain=SOON
    )
    post = Post(limits=limits)

    async def paid(event: LinkPaid, _: object = None) -> None:
        if event.merchant_link_id == "o-1":
            await stuck.wait()
        await post.note(event)

    if in_transaction:
        post.receiver.in_transaction(LinkPaid)(paid)
    else:
        post.receiver.on(LinkPaid)(paid)
    async with asyncio.timeout(A_LOT), running(post):
        await post.link("o-1")
        (entry,) = await post.inbox.entries()
        assert (entry.state, entry.problem) == (EntryState.WAITING, "TimeoutError")
        await post.link("o-2")
        assert post.seen == ["LinkPaid o-2"]


async def test_a_handler_that_cancels_itself_has_failed_and_waits() -> None:
    post = Post(limits=SHORT)

    @post.receiver.on(LinkPaid)
    async def paid(event: LinkPaid) -> None:
        raise asyncio.CancelledError

    async with asyncio.timeout(A_LOT), running(post):
        await post.link("o-1")
        (entry,) = await post.inbox.entries()
        assert (entry.state, entry.attempts) == (EntryState.WAITING, 1)
        assert entry.problem == "BrokenOffError"
        assert entry.due_at > post.clock.now()


async def test_closing_waits_no_longer_than_it_says(stuck: Stuck) -> None:
    inbox = MemoryInbox()
    limits = ReceiverLimits(drain=SOON, store_timeout=SOON, poll=HOUR)
    post = Post(inbox=inbox, limits=limits)

    @post.receiver.on(LinkPaid)
    async def paid(event: LinkPaid) -> None:
        await stuck.wait()

    async with asyncio.timeout(A_LOT):
        async with inbox:
            async with running(post):
                assert await post.raw(kit.body_of()) == 200
                while not stuck.reached:
                    await asyncio.sleep(0)
            assert await post.states() == ["waiting"]


# --- the limit itself ------------------------------------------------------------


async def test_within_its_time_a_result_and_an_error_come_through() -> None:
    limits = TimeLimits()
    assert await limits.within(A_LOT, _answers(7)) == 7
    with pytest.raises(SignatureError):
        await limits.within(A_LOT, _raises(SignatureError("no")))
    with pytest.raises(BrokenOffError):
        await limits.within(A_LOT, _raises(asyncio.CancelledError()))


async def test_who_is_cancelled_stops_waiting_and_the_work_with_it(
    stuck: Stuck,
) -> None:
    limits = TimeLimits()
    waiting = asyncio.create_task(limits.within(HOUR, stuck.wait()))
    while not stuck.reached:
        await asyncio.sleep(0)
    waiting.cancel()
    async with asyncio.timeout(A_LOT):
        with pytest.raises(asyncio.CancelledError):
            await waiting
    with stuck.until_the_end():
        pass
    while limits.left:
        await asyncio.sleep(0)


async def test_what_is_left_to_itself_is_kept_until_it_ends_and_not_complained_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    stuck, limits = Stuck(stubborn=True), TimeLimits()

    async def fails_at_last() -> None:
        await stuck.wait()
        raise ValueError(kit.CANARY)

    with stuck.until_the_end():
        with pytest.raises(TimeoutError):
            await limits.within(SOON, fails_at_last())
        assert limits.left == 1
    while limits.left:
        await asyncio.sleep(0)
    assert kit.CANARY not in caplog.text
