from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payermax_async.core.errors import (
    ConfigurationError,
    NoReplyError,
    NotFoundError,
    Outcome,
)
from payermax_async.reconcile import (
    AskAgain,
    Found,
    LinkState,
    OpenLink,
    Reconciler,
    ReconcilerLimits,
)
from payermax_async.webhooks import AlertKind, Source
from tests.reconcile.conftest import START, Shop


def asked(shop: Shop) -> int:
    """How often the gateway was asked about links."""
    exchanges = shop.sandbox.engine.gateway.exchanges
    return sum(one.operation == "queryPaybylink" for one in exchanges)


async def test_a_payment_of_which_every_notification_was_lost_takes_effect_once(
    shop: Shop,
) -> None:
    shop.receiving = False
    await shop.sandbox.pay(await shop.sell("order-1"))
    await shop.clock.advance("13h")  # all six deliveries are over
    assert len(await shop.sandbox.notifications()) == 6
    assert shop.paid == []
    reconciler = Reconciler(
        shop.client, shop.receiver, shop.open_links, clock=shop.clock
    )
    found = await reconciler.run_once()
    await shop.receiver.settled()
    assert (found[LinkState.PAID], shop.paid) == (1, ["order-1"])
    (entry,) = await shop.receiver.inbox.entries()
    assert entry.source is Source.QUERY


@pytest.mark.parametrize("first", ["question", "notification"])
async def test_whichever_is_first_takes_effect_and_the_other_is_a_duplicate(
    shop: Shop, first: str
) -> None:
    shop.receiving = first == "notification"
    await shop.sandbox.pay(await shop.sell("order-1"))
    await shop.sandbox.notifications()
    await shop.clock.advance("20m")
    link = shop.links["order-1"]

    async def still_open(created_before: datetime) -> AsyncIterator[OpenLink]:
        yield link  # the shop's database is slow to learn

    reconciler = Reconciler(shop.client, shop.receiver, still_open, clock=shop.clock)
    found = await reconciler.run_once()
    expected = LinkState.PAID if first == "question" else LinkState.NOTICED
    assert found.counts == {expected: 1}
    shop.receiving = True
    await shop.clock.advance("13h")
    await shop.sandbox.notifications()
    await shop.receiver.settled()
    assert shop.paid == ["order-1"]
    (entry,) = await shop.receiver.inbox.entries()
    assert entry.deliveries == (2 if first == "question" else 1)


async def test_young_links_are_left_to_their_notification(shop: Shop) -> None:
    shop.receiving = False
    await shop.sandbox.pay(await shop.sell("order-1"))
    link = shop.links["order-1"]

    async def all_links(created_before: datetime) -> AsyncIterator[OpenLink]:
        assert created_before == shop.clock.now() - timedelta(minutes=10)
        yield link

    reconciler = Reconciler(shop.client, shop.receiver, all_links, clock=shop.clock)
    await shop.clock.advance("9m")
    assert (await reconciler.run_once()).counts == {LinkState.RESTING: 1}
    assert asked(shop) == 0
    await shop.clock.advance("1m")
    assert (await reconciler.run_once()).counts == {LinkState.PAID: 1}


async def test_an_open_link_is_asked_about_ever_more_rarely(shop: Shop) -> None:
    await shop.sell("order-1")
    reconciler = Reconciler(
        shop.client, shop.receiver, shop.open_links, clock=shop.clock
    )
    questions: list[int] = []
    for minute in range(5, 24 * 60, 5):
        await shop.clock.advance("5m")
        if (await reconciler.run_once())[LinkState.OPEN]:
            questions.append(minute)
    gaps = [late - early for early, late in pairwise(questions)]
    assert questions[0] == 10
    assert gaps == sorted(gaps)
    assert max(gaps) == 6 * 60
    assert len(questions) == asked(shop) <= 12


async def test_links_that_will_not_be_paid_are_told_of(shop: Shop) -> None:
    told: list[tuple[str, LinkState]] = []

    async def tell(found: Found) -> None:
        told.append((found.link.merchant_link_id, found.state))

    await shop.sell("order-1")
    shop.links["order-2"] = OpenLink(merchant_link_id="order-2", created_at=START)
    reconciler = Reconciler(
        shop.client, shop.receiver, shop.open_links, clock=shop.clock, tell=tell
    )
    await shop.clock.advance("25h")
    found = await reconciler.run_once()
    assert found.counts == {LinkState.EXPIRED: 1, LinkState.UNKNOWN: 1}
    assert sorted(told) == [
        ("order-1", LinkState.EXPIRED),
        ("order-2", LinkState.UNKNOWN),
    ]
    assert shop.paid == []


async def test_that_nothing_is_known_counts_only_when_payermax_signed_it(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Found] = []

    async def tell(found: Found) -> None:
        told.append(found)

    async def unsigned(*_: object, **__: object) -> None:
        raise NotFoundError(
            "not signed", code="ORDER_NOT_EXIST", outcome=Outcome.UNKNOWN
        )

    await shop.sell("order-1")
    await shop.clock.advance("20m")
    monkeypatch.setattr(shop.client, "query_link", unsigned)
    reconciler = Reconciler(
        shop.client, shop.receiver, shop.open_links, clock=shop.clock, tell=tell
    )
    assert (await reconciler.run_once()).counts == {LinkState.FAILED: 1}
    assert told == []


async def test_a_failed_payment_is_handed_on_and_the_link_stays_open(
    shop: Shop,
) -> None:
    shop.receiving = False
    await shop.sandbox.pay(await shop.sell("order-1"), "fail")
    await shop.clock.advance("20m")
    reconciler = Reconciler(
        shop.client, shop.receiver, shop.open_links, clock=shop.clock
    )
    assert (await reconciler.run_once()).counts == {LinkState.OPEN: 1}
    await shop.receiver.settled()
    assert (shop.paid, shop.not_paid) == ([], ["order-1"])


async def test_a_wrong_amount_is_kept_and_alerted_and_never_fulfilled(
    shop: Shop,
) -> None:
    shop.receiving = False
    await shop.sandbox.pay(await shop.sell("order-1", amount="19.91"))
    await shop.clock.advance("20m")
    reconciler = Reconciler(
        shop.client, shop.receiver, shop.open_links, clock=shop.clock
    )
    assert (await reconciler.run_once()).counts == {LinkState.PAID: 1}
    await shop.receiver.settled()
    assert shop.paid == []
    assert [alert.kind for alert in shop.alerts] == [AlertKind.MISMATCHED]


async def test_a_question_without_an_answer_is_asked_again_and_stops_no_other(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.receiving = False
    for name in ("order-1", "order-2", "order-3"):
        await shop.sandbox.pay(await shop.sell(name))
    await shop.clock.advance("20m")
    query = shop.client.query_link

    async def unlucky(merchant_link_id: str, *, timeout: float | None = None) -> object:
        if merchant_link_id == "order-2":
            raise NoReplyError("the line went dead")
        return await query(merchant_link_id)

    monkeypatch.setattr(shop.client, "query_link", unlucky)
    reconciler = Reconciler(
        shop.client, shop.receiver, shop.open_links, clock=shop.clock
    )
    found = await reconciler.run_once()
    assert found.counts == {LinkState.PAID: 2, LinkState.FAILED: 1}
    monkeypatch.undo()
    await shop.receiver.settled()
    await shop.clock.advance("20m")
    assert (await reconciler.run_once()).counts == {LinkState.PAID: 1}
    await shop.receiver.settled()
    assert sorted(shop.paid) == ["order-1", "order-2", "order-3"]


async def test_no_more_questions_than_allowed_are_under_way(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    under_way = most = 0

    async def slow(merchant_link_id: str, *, timeout: float | None = None) -> object:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        for _ in range(20):
            await asyncio.sleep(0)
        under_way -= 1
        raise NoReplyError("busy")

    monkeypatch.setattr(shop.client, "query_link", slow)

    async def many(created_before: datetime) -> AsyncIterator[OpenLink]:
        for number in range(50):
            yield OpenLink(merchant_link_id=f"order-{number}", created_at=START)

    await shop.clock.advance("1h")
    reconciler = Reconciler(
        shop.client,
        shop.receiver,
        many,
        clock=shop.clock,
        limits=ReconcilerLimits(concurrency=3),
    )
    found = await reconciler.run_once()
    assert (found[LinkState.FAILED], most, under_way) == (50, 3, 0)


async def test_rounds_go_on_until_cancelled_and_survive_the_shops_database(
    shop: Shop,
) -> None:
    shop.receiving = False
    await shop.sandbox.pay(await shop.sell("order-1"))
    rounds = 0

    async def moody(created_before: datetime) -> AsyncIterator[OpenLink]:
        nonlocal rounds
        rounds += 1
        if rounds == 2:
            raise OSError("the database is down")
        async for link in shop.open_links(created_before):
            yield link

    reconciler = Reconciler(
        shop.client,
        shop.receiver,
        moody,
        clock=shop.clock,
        draw=lambda low, high: (low + high) / 2,
    )
    running = asyncio.create_task(reconciler.run(every=300))
    for _ in range(4):
        await shop.clock.advance(301)
    running.cancel()
    assert isinstance(
        (await asyncio.gather(running, return_exceptions=True))[0],
        asyncio.CancelledError,
    )
    await shop.receiver.settled()
    assert rounds >= 4
    assert shop.paid == ["order-1"]


@given(
    age=st.timedeltas(timedelta(0), timedelta(days=60)),
    grace=st.timedeltas(timedelta(seconds=1), timedelta(hours=6)),
)
def test_the_next_question_is_within_its_bounds(
    age: timedelta, grace: timedelta
) -> None:
    rule = AskAgain(grace=grace)
    pause = rule.next_question(START, START + age) - (START + age)
    assert grace <= pause <= timedelta(hours=6)


@pytest.mark.parametrize(
    ("grace", "longest"),
    [(timedelta(0), timedelta(1)), (timedelta(2), timedelta(1))],
)
def test_times_without_a_meaning_are_refused(
    grace: timedelta, longest: timedelta
) -> None:
    with pytest.raises(ConfigurationError, match="grace"):
        AskAgain(grace=grace, longest=longest)


def test_a_moment_without_an_offset_is_refused() -> None:
    with pytest.raises(ValueError, match="offset"):
        OpenLink(merchant_link_id="order-1", created_at=START.replace(tzinfo=None))


async def test_numbers_without_a_meaning_are_refused(shop: Shop) -> None:
    with pytest.raises(ConfigurationError, match="every"):
        await Reconciler(shop.client, shop.receiver, shop.open_links).run(every=0)


@pytest.mark.parametrize("number", [0, -1, float("nan"), float("inf"), "30", True])
@pytest.mark.parametrize("name", ["concurrency", "read_timeout", "tell_timeout"])
def test_limits_without_a_meaning_are_refused(name: str, number: object) -> None:
    with pytest.raises(ConfigurationError, match=name):
        ReconcilerLimits(**{name: number})  # type: ignore[arg-type]
