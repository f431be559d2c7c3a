from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from payermax_async.core.errors import (
    AuthenticationError,
    ClientStateError,
    ConfigurationError,
    NoReplyError,
)
from payermax_async.core.strict_json import JsonValue, write_json
from payermax_async.reconcile import (
    LinkOutcome,
    LinkState,
    Polling,
    wait_until_paid,
)
from payermax_async.webhooks import Expected, Source
from payermax_async.webhooks.handling.comparison import PaidEvent
from payermax_async.webhooks.samples import build_notification
from payermax_async.webhooks.verifying.parsing import read_notification
from tests.reconcile.conftest import Shop

STEADY = Polling(draw=lambda low, high: high)
DUE = Expected("19.90", "USD")


def refund_body(**fields: JsonValue) -> bytes:
    return write_json(build_notification("REFUND", quirks=(), clock=None, **fields))


async def waiting(
    shop: Shop,
    *,
    timeout: float = 3600,
    expected: Expected | None = None,
    with_receiver: bool = False,
    polling: Polling = STEADY,
) -> asyncio.Task[LinkOutcome]:
    task = asyncio.create_task(
        wait_until_paid(
            shop.client,
            "order-1",
            timeout=timeout,
            expected=expected,
            receiver=shop.receiver if with_receiver else None,
            polling=polling,
            clock=shop.clock,
        )
    )
    await shop.clock.advance(0)
    return task


async def test_asking_finds_out_without_any_receiver(shop: Shop) -> None:
    shop.receiving = False
    url = await shop.sell("order-1")
    task = await waiting(shop)
    await shop.clock.advance(60)
    assert not task.done()
    await shop.sandbox.pay(url)
    await shop.clock.advance(31)
    outcome = await task
    assert outcome.is_paid
    assert (outcome.source, outcome.total_amount, outcome.currency) == (
        Source.QUERY,
        Decimal("19.90"),
        "USD",
    )
    assert outcome.out_trade_no


async def test_a_notification_ends_the_wait_before_the_next_question(
    shop: Shop,
) -> None:
    url = await shop.sell("order-1")
    rarely = Polling(first=1800, longest=1800, draw=lambda low, high: high)
    task = await waiting(shop, with_receiver=True, polling=rarely)
    await shop.sandbox.pay(url)
    await shop.sandbox.notifications()
    await shop.clock.advance(1)
    outcome = await task
    assert (outcome.is_paid, outcome.source) == (True, Source.NOTICE)
    await shop.receiver.settled()
    assert shop.paid == ["order-1"]


async def test_what_the_receiver_found_to_be_another_amount_is_not_paid(
    shop: Shop,
) -> None:
    url = await shop.sell("order-1")
    await shop.receiver.expect("order-1", "5", "USD")
    await shop.sandbox.pay(url)
    await shop.sandbox.notifications()
    await shop.receiver.settled()
    rarely = Polling(first=1800, longest=1800, draw=lambda low, high: high)
    task = await waiting(shop, with_receiver=True, polling=rarely)
    await shop.clock.advance(1)
    outcome = await task
    assert (outcome.is_paid, outcome.state) == (False, LinkState.MISMATCHED)
    assert shop.paid == []


async def test_what_asking_tells_is_handled_once_with_or_without_a_notification(
    shop: Shop,
) -> None:
    shop.receiving = False
    url = await shop.sell("order-1")
    task = await waiting(shop, with_receiver=True)
    await shop.sandbox.pay(url)
    await shop.clock.advance(31)
    assert (await task).source is Source.QUERY
    await shop.receiver.settled()
    shop.receiving = True
    await shop.clock.advance("13h")
    await shop.receiver.settled()
    assert shop.paid == ["order-1"]


async def test_an_expired_link_ends_the_wait_unpaid(shop: Shop) -> None:
    await shop.sell("order-1")
    task = await waiting(shop, timeout=100_000)
    await shop.client.expire_link("order-1")
    await shop.clock.advance(60)
    outcome = await task
    assert (outcome.is_paid, outcome.state) == (False, LinkState.EXPIRED)


async def test_a_payment_under_way_keeps_an_expired_link_waited_for(
    shop: Shop,
) -> None:
    await shop.sandbox.pay(await shop.sell("order-1"), "pending")
    task = await waiting(shop)
    await shop.client.expire_link("order-1")
    await shop.clock.advance(60)
    assert not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize(
    ("amount", "currency", "state"),
    [
        ("19.9", "USD", LinkState.PAID),
        ("19.91", "USD", LinkState.MISMATCHED),
        ("19.90", "SGD", LinkState.MISMATCHED),
    ],
)
@pytest.mark.parametrize("notified", [True, False])
async def test_another_amount_or_currency_is_not_paid(
    shop: Shop, amount: str, currency: str, state: LinkState, notified: bool
) -> None:
    shop.receiving = notified
    await shop.sandbox.pay(await shop.sell("order-1"))
    await shop.sandbox.notifications()
    expected = Expected(Decimal(amount), currency)
    task = await waiting(shop, expected=expected, with_receiver=True)
    await shop.clock.advance(31)
    outcome = await task
    assert (outcome.state, outcome.is_paid) == (state, state is LinkState.PAID)
    assert outcome.source is (Source.NOTICE if notified else Source.QUERY)


async def test_time_that_is_over_is_an_error_and_not_an_answer(shop: Shop) -> None:
    await shop.sell("order-1")
    task = await waiting(shop, timeout=600)
    await shop.clock.advance(601)
    with pytest.raises(TimeoutError, match="may still be paid"):
        await task


async def test_questions_without_an_answer_are_repeated_and_told_of_at_the_end(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0

    async def dead(merchant_link_id: str, *, timeout: float | None = None) -> object:
        nonlocal asked
        asked += 1
        raise NoReplyError("the line went dead")

    monkeypatch.setattr(shop.client, "query_link", dead)
    task = await waiting(shop, timeout=600)
    await shop.clock.advance(601)
    with pytest.raises(TimeoutError) as caught:
        await task
    assert isinstance(caught.value.__cause__, NoReplyError)
    # 2, 3, 4.5 ... 30 seconds apart, so about 25 in ten minutes, not hundreds.
    assert 20 < asked < 30


async def test_a_refusal_that_asking_again_cannot_change_ends_the_wait(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refused(merchant_link_id: str, *, timeout: float | None = None) -> object:
        raise AuthenticationError("no such app", code="APPID_INVALID")

    monkeypatch.setattr(shop.client, "query_link", refused)
    task = await waiting(shop)
    await shop.clock.advance(3)
    with pytest.raises(AuthenticationError):
        await task


async def test_cancelling_the_wait_leaves_nothing_behind(shop: Shop) -> None:
    await shop.sell("order-1")
    task = await waiting(shop, with_receiver=True)
    before = len(asyncio.all_tasks())
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    # The wait itself, and its three ways to know.
    assert before - len(asyncio.all_tasks()) == 4


@pytest.mark.parametrize(
    "numbers",
    [{"first": 0}, {"first": 40}, {"growth": 0.9}, {"inbox": 0}],
    ids=str,
)
def test_a_pace_without_a_meaning_is_refused(numbers: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError, match="Polling"):
        Polling(**numbers)  # type: ignore[arg-type]


RARELY = Polling(first=1800, longest=1800, draw=lambda low, high: high)


@pytest.mark.parametrize("notified", [True, False])
async def test_what_still_waits_for_its_comparison_is_compared_and_not_called_paid(
    shop: Shop, notified: bool
) -> None:
    shop.receiving = notified
    async with await shop.without_handling():
        await shop.receiver.expect("order-1", "5", "USD")
        await shop.sandbox.pay(await shop.sell("order-1"))
        await shop.sandbox.notifications()
        task = await waiting(
            shop, with_receiver=True, polling=RARELY if notified else STEADY
        )
        await shop.clock.advance(31)
        outcome = await task
    assert (outcome.state, outcome.is_paid) == (LinkState.MISMATCHED, False)


async def test_while_nothing_is_known_of_what_was_to_be_paid_it_is_not_paid(
    shop: Shop,
) -> None:
    known: list[Expected] = []

    def look_up(event: PaidEvent) -> Expected | None:
        return known[0] if known else None

    async with await shop.without_handling(look_up):
        await shop.sandbox.pay(await shop.sell("order-1"))
        await shop.sandbox.notifications()
        task = await waiting(shop, with_receiver=True)
        given = await waiting(shop, with_receiver=True, expected=DUE)
        await shop.clock.advance(120)
        assert not task.done()
        assert (await given).is_paid
        known.append(DUE)
        await shop.clock.advance(31)
        assert (await task).is_paid


@pytest.mark.parametrize("handled", [True, False])
async def test_what_was_given_back_as_a_whole_is_not_paid(
    shop: Shop, handled: bool
) -> None:
    await shop.sandbox.pay(await shop.sell("order-1"))
    if handled:
        await shop.sandbox.notifications()
        await shop.receiver.settled()
        assert shop.paid == ["order-1"]
    (trade,) = (await shop.client.query_link("order-1")).pay_by_link_info
    assert trade.out_trade_no is not None
    for number, amount in (("R1", "10"), ("R2", "9.90")):
        body = refund_body(
            out_refund_no=number,
            out_trade_no=trade.out_trade_no,
            refund_amount=amount,
            refund_currency="USD",
            merchant_no=shop.client.config.merchant_no,
            app_id=shop.client.config.app_id,
        )
        task = await waiting(shop, with_receiver=True, polling=RARELY)
        await shop.clock.advance(1)
        if task.done():
            assert (await task).is_paid
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await shop.receiver.accept(read_notification(body), body)
    await shop.sandbox.notifications()
    task = await waiting(shop, with_receiver=True, polling=RARELY)
    await shop.clock.advance(1)
    outcome = await task
    assert (outcome.state, outcome.is_paid) == (LinkState.REFUNDED, False)


async def test_a_receiver_that_was_closed_ends_the_wait(shop: Shop) -> None:
    shop.receiving = False
    url = await shop.sell("order-1")
    task = await waiting(shop, with_receiver=True)
    await shop.receiver.aclose()
    await shop.sandbox.pay(url)
    await shop.clock.advance(31)
    assert task.done()
    with pytest.raises(ClientStateError):
        await task


@pytest.mark.parametrize("notified", [True, False])
async def test_a_payment_that_cannot_be_what_is_expected_is_not_paid(
    shop: Shop, notified: bool
) -> None:
    shop.receiving = notified
    async with await shop.without_handling(lambda _: Expected("19.905", "USD")):
        await shop.sandbox.pay(await shop.sell("order-1"))
        await shop.sandbox.notifications()
        task = await waiting(
            shop, with_receiver=True, polling=RARELY if notified else STEADY
        )
        await shop.clock.advance(31)
        outcome = await task
    assert (outcome.state, outcome.is_paid) == (LinkState.MISMATCHED, False)


async def test_while_the_look_up_of_what_is_expected_fails_it_is_not_paid(
    shop: Shop,
) -> None:
    broken = True

    def look_up(event: PaidEvent) -> Expected | None:
        if broken:
            raise RuntimeError("the shop's table is away")
        return DUE

    async with await shop.without_handling(look_up):
        await shop.sandbox.pay(await shop.sell("order-1"))
        await shop.sandbox.notifications()
        short = await waiting(shop, with_receiver=True, timeout=20)
        long = await waiting(shop, with_receiver=True)
        await shop.clock.advance(21)
        with pytest.raises(TimeoutError) as caught:
            await short
        assert isinstance(caught.value.__cause__, RuntimeError)
        assert not long.done()
        broken = False
        await shop.clock.advance(31)
        assert (await long).is_paid
