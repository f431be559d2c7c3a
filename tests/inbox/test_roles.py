"""What no handler was begun for took no effect: the next one is not a further one."""

from __future__ import annotations

import pytest

from payermax_async.webhooks import AlertKind, Expected, LinkPaid, LinkPaidAgain
from payermax_async.webhooks.handling.comparison import PaidEvent
from tests.inbox import kit
from tests.webhooks.post import HOUR, Post, failing, running


async def _paid(post: Post, trade: str, amount: str = "10000") -> None:
    status = await post.deliver(
        merchant_link_id="o-1", out_trade_no=trade, total_amount=amount
    )
    assert status == 200


@pytest.mark.parametrize("second", [("T1", "10001"), ("T2", "10000")])
async def test_after_a_look_up_gave_up_the_next_payment_is_the_first(
    inbox: kit.AnyInbox, second: tuple[str, str]
) -> None:
    due: list[Expected | None] = [None]

    def expect(_: PaidEvent) -> Expected | None:
        return due[0]

    post = Post(inbox=inbox, expect=expect)
    post.receiver.on(LinkPaid)(post.note)
    post.receiver.on(LinkPaidAgain)(post.note)
    async with running(post):
        await _paid(post, "T1")
        for _ in range(3):
            await post.advance(HOUR)
        assert await post.states() == ["failed"]
        post.alerts.clear()
        due[0] = Expected(second[1], "IDR")
        await _paid(post, *second)
    assert post.seen == ["LinkPaid o-1"]
    assert post.alerts == []


async def test_after_a_handler_gave_up_the_next_payment_is_a_further_one(
    inbox: kit.AnyInbox,
) -> None:
    lacking = False

    def expect(_: PaidEvent) -> Expected | None:
        return None if lacking else Expected("10000", "IDR")

    post = Post(inbox=inbox, expect=expect)
    post.receiver.on(LinkPaid)(failing(post, times=1, error=OSError("half done")))
    post.receiver.on(LinkPaidAgain)(post.note)
    async with running(post):
        await _paid(post, "T1")
        # It began once; that the look-up fails later does not undo that.
        lacking = True
        for _ in range(3):
            await post.advance(HOUR)
        assert await post.states() == ["failed"]
        lacking = False
        await _paid(post, "T2")
    assert post.seen == ["LinkPaidAgain o-1"]
    assert [alert.kind for alert in post.alerts] == [
        AlertKind.GAVE_UP,
        AlertKind.PAID_AGAIN,
    ]


async def test_after_a_payment_nobody_wanted_the_next_one_is_the_first(
    inbox: kit.AnyInbox,
) -> None:
    post = Post(inbox=inbox)
    async with running(post):
        await _paid(post, "T1")
        await post.advance(60)
        post.receiver.on(LinkPaid)(post.note)
        post.receiver.on(LinkPaidAgain)(post.note)
        await _paid(post, "T2")
        assert post.seen == ["LinkPaid o-1"]
        assert await post.receiver.replay(1)
        await post.receiver.settled()
    assert post.seen[1:] == ["LinkPaidAgain o-1"]
