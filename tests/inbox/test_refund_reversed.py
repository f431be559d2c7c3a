"""A refund that fails after it was told of as successful: heard, handled, in order."""

from __future__ import annotations

import pytest

from payermax_async.webhooks import AlertKind, RefundFailed, RefundSucceeded
from payermax_async.webhooks.inbox.ordering import Kind
from payermax_async.webhooks.inbox.rulings import Ruling, Success, reverse
from tests.inbox import kit
from tests.webhooks.post import Post, failing, running

REVERSED = [AlertKind.REFUND_REVERSED]


async def _told(post: Post, status: str, **fields: str) -> None:
    assert await post.deliver("REFUND", status=f"REFUND_{status}", **fields) == 200


def _kinds(post: Post) -> list[AlertKind]:
    return [alert.kind for alert in post.alerts]


def _shop(inbox: kit.AnyInbox) -> Post:
    post = Post(inbox=inbox)
    post.receiver.on(RefundSucceeded)(post.note)
    post.receiver.on(RefundFailed)(post.note)
    return post


async def test_a_failure_after_a_success_is_handled_and_loud_once(
    inbox: kit.AnyInbox,
) -> None:
    post = _shop(inbox)
    async with running(post):
        for status in ("SUCCESS", "FAILED", "FAILED", "SUCCESS"):
            await _told(post, status)
        assert await post.states() == ["done", "done"]
    assert post.seen == ["RefundSucceeded R1001", "RefundFailed R1001"]
    assert _kinds(post) == REVERSED
    assert (post.alerts[0].number, post.alerts[0].merchant_key) == (2, "R1001")


async def test_it_is_loud_too_where_nobody_handles_failures(
    inbox: kit.AnyInbox,
) -> None:
    post = Post(inbox=inbox)
    async with running(post):
        await _told(post, "SUCCESS")
        await _told(post, "FAILED")
    assert _kinds(post) == REVERSED


async def test_a_failure_that_is_still_to_be_handled_when_the_success_comes_is_loud(
    inbox: kit.AnyInbox,
) -> None:
    post = Post(inbox=inbox)
    post.receiver.on(RefundSucceeded)(post.note)
    post.receiver.on(RefundFailed)(failing(post, times=1, error=OSError("down")))
    async with running(post):
        await _told(post, "FAILED")
        await _told(post, "SUCCESS")
        await post.advance(10)
    assert sorted(post.seen) == ["RefundFailed R1001", "RefundSucceeded R1001"]
    assert _kinds(post) == REVERSED


async def test_a_failure_alone_is_no_reversal(inbox: kit.AnyInbox) -> None:
    post = _shop(inbox)
    async with running(post):
        await _told(post, "PENDING")
        await _told(post, "FAILED")
    assert post.alerts == []
    assert post.seen[-1] == "RefundFailed R1001"


async def test_the_failure_of_another_refund_is_no_reversal(
    inbox: kit.AnyInbox,
) -> None:
    post = _shop(inbox)
    async with running(post):
        await _told(post, "SUCCESS", out_refund_no="R1")
        await _told(post, "FAILED", out_refund_no="R2")
    assert post.alerts == []
    assert post.seen == ["RefundSucceeded R1", "RefundFailed R2"]


async def test_a_failure_waits_for_the_success_before_it(inbox: kit.AnyInbox) -> None:
    post = Post(inbox=inbox)
    post.receiver.on(RefundSucceeded)(failing(post, times=2, error=OSError("down")))
    post.receiver.on(RefundFailed)(failing(post, times=1, error=OSError("down")))
    async with running(post):
        await _told(post, "SUCCESS")
        await _told(post, "FAILED")
        assert post.seen == []
        await post.advance(10)
        assert post.seen == []
        await post.advance(20)
        await post.advance(10)
    assert post.seen == ["RefundSucceeded R1001", "RefundFailed R1001"]
    assert _kinds(post) == REVERSED * 2, "with each attempt"


async def test_a_success_that_was_taken_back_is_replayed_by_force_only(
    inbox: kit.AnyInbox,
) -> None:
    post = _shop(inbox)
    async with running(post):
        await _told(post, "SUCCESS")
        await _told(post, "FAILED")
        assert await post.receiver.replay(1)
        await post.receiver.settled()
        assert await post.states() == ["superseded", "done"]
        assert len(post.seen) == 2
        assert await post.receiver.replay(1, force=True)
        await post.receiver.settled()
    assert post.seen[2:] == ["RefundSucceeded R1001"]


def _success(number: int, *, waiting: bool) -> Success:
    return Success(
        id=number,
        kind=Kind.REFUND,
        trade="T",
        amount="5",
        currency="USD",
        is_waiting=waiting,
    )


@pytest.mark.parametrize(
    ("known", "ruling", "by_force"),
    [
        ([], Ruling.EFFECT, Ruling.EFFECT),
        ([(1, False)], Ruling.REVERSED, Ruling.REVERSED),
        ([(1, True)], Ruling.WAIT, Ruling.REVERSED),
        ([(1, False), (2, True)], Ruling.WAIT, Ruling.REVERSED),
        ([(9, True)], Ruling.REVERSED, Ruling.REVERSED),
        ([(1, True), (9, False)], Ruling.WAIT, Ruling.REVERSED),
    ],
)
def test_the_order_of_arrival_decides(
    known: list[tuple[int, bool]], ruling: Ruling, by_force: Ruling
) -> None:
    successes = [_success(number, waiting=waiting) for number, waiting in known]
    assert reverse(5, successes) is ruling
    assert reverse(5, successes, forced=True) is by_force
