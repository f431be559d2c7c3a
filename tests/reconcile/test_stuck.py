"""A reconciler, and a wait, whose shop or inbox fails or never comes back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from typing import Any

import pytest

from payermax_async import NotificationVerifier
from payermax_async.reconcile import (
    Found,
    LinkOutcome,
    LinkState,
    OpenLink,
    Reconciler,
    ReconcilerLimits,
    wait_until_paid,
)
from payermax_async.webhooks import (
    Failure,
    LinkPaid,
    MemoryInbox,
    Receiver,
    ReceiverLimits,
    time_limit,
)
from payermax_async.webhooks.inbox.entries import StoredNotification
from tests.reconcile.conftest import START, Shop
from tests.webhooks.stuck import Stuck, StuckInbox

SHORT = 0.05
SOON = 60.0
"""Seconds: far more than any limit here, far less than for ever."""


class StuckEntries(StuckInbox):
    async def entries(
        self, *args: object, **asked: object
    ) -> tuple[StoredNotification, ...]:
        await self._may_stick("entries")
        return await super().entries(*args, **asked)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def _little_time_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time_limit, "_TO_END", SHORT)


@pytest.fixture
def failures() -> list[Failure]:
    return []


def receiver(shop: Shop, inbox: MemoryInbox, failures: list[Failure]) -> Receiver[None]:
    found = Receiver(
        NotificationVerifier.for_merchant(shop.sandbox.config, clock=shop.clock),
        inbox,
        clock=shop.clock,
        on_failure=failures.append,
        limits=ReceiverLimits(poll=86_400 * 7, store_timeout=SHORT),
    )

    @found.on(LinkPaid)
    async def paid(event: LinkPaid) -> None:
        shop.paid.append(event.merchant_link_id)

    return found


@pytest.mark.parametrize("stubborn", [False, True])
async def test_open_links_that_never_come_end_the_round_and_not_the_ones_before(
    shop: Shop, stubborn: bool
) -> None:
    shop.receiving = False
    await shop.sandbox.pay(await shop.sell("order-1"))
    await shop.clock.advance("20m")
    stuck = Stuck(stubborn=stubborn)

    async def links(created_before: datetime) -> AsyncIterator[OpenLink]:
        yield shop.links["order-1"]
        await stuck.wait()

    reconciler = Reconciler(
        shop.client,
        shop.receiver,
        links,
        clock=shop.clock,
        limits=ReconcilerLimits(read_timeout=SHORT),
    )
    with stuck.until_the_end():
        async with asyncio.timeout(SOON):
            with pytest.raises(TimeoutError, match="next link"):
                await reconciler.run_once()
    await shop.receiver.settled()
    assert (stuck.reached, shop.paid) == (1, ["order-1"])


@pytest.mark.parametrize("stubborn", [False, True])
async def test_a_shop_that_does_not_take_what_it_is_told_stops_no_other_link(
    shop: Shop, failures: list[Failure], stubborn: bool
) -> None:
    stuck = Stuck(stubborn=stubborn)
    told: list[str] = []

    async def tell(found: Found) -> None:
        if found.link.merchant_link_id == "order-0":
            await stuck.wait()
        told.append(found.link.merchant_link_id)

    async def links(created_before: datetime) -> AsyncIterator[OpenLink]:
        for number in range(3):
            yield OpenLink(merchant_link_id=f"order-{number}", created_at=START)

    async with receiver(shop, MemoryInbox(), failures) as receiving:
        await shop.clock.advance("1h")
        reconciler = Reconciler(
            shop.client,
            receiving,
            links,
            tell=tell,
            clock=shop.clock,
            limits=ReconcilerLimits(concurrency=1, tell_timeout=SHORT),
        )
        with stuck.until_the_end():
            async with asyncio.timeout(SOON):
                found = await reconciler.run_once()
            assert told == ["order-1", "order-2"]
    assert found.counts == {LinkState.UNKNOWN: 2, LinkState.FAILED: 1}
    (failure,) = failures
    assert failure.part == "telling of a link"
    assert failure.name.endswith("tell")
    assert (failure.merchant_key, failure.error) == ("order-0", "TimeoutError")
    assert failure.retry_in == 1800.0


def raises(error: BaseException) -> Callable[[Found], Awaitable[None]]:
    async def tell(found: Found) -> None:
        raise error

    return tell


def answers_at_once(found: Found) -> Any:
    """No ``async def``."""


@pytest.mark.parametrize(
    ("tell", "error"),
    [
        (raises(ValueError("card 4111111111111111")), "ValueError"),
        (raises(asyncio.CancelledError()), "BrokenOffError"),
        (answers_at_once, "TypeError"),
    ],
    ids=["raises", "cancels itself", "no coroutine"],
)
async def test_what_the_shop_raises_is_told_with_the_link_and_the_next_time(
    shop: Shop,
    tell: Callable[[Found], Awaitable[None]],
    error: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    shop.links["order-1"] = OpenLink(merchant_link_id="order-1", created_at=START)
    await shop.clock.advance("1h")
    reconciler = Reconciler(
        shop.client, shop.receiver, shop.open_links, tell=tell, clock=shop.clock
    )
    with caplog.at_level(logging.WARNING):
        found = await reconciler.run_once()
    assert found.counts == {LinkState.FAILED: 1}
    (line,) = [one.getMessage() for one in caplog.records]
    assert line.startswith(f"telling of a link failed: {error} (")
    assert "order-1" in line
    assert "the next in 1800 s: mend it" in line
    assert "4111" not in line


async def names_only(created_before: datetime) -> AsyncIterator[Any]:
    yield "order-1"


def no_async_iterable(created_before: datetime) -> Any:
    return ["order-1"]


@pytest.mark.parametrize("links", [names_only, no_async_iterable])
async def test_what_is_no_open_link_is_a_defect_of_the_shop(
    shop: Shop, links: Callable[[datetime], Any]
) -> None:
    reconciler = Reconciler(shop.client, shop.receiver, links, clock=shop.clock)
    with pytest.raises(TypeError):
        await reconciler.run_once()


async def test_open_links_are_read_and_closed_in_one_task(shop: Shop) -> None:
    tasks: set[object] = set()

    async def links(created_before: datetime) -> AsyncIterator[OpenLink]:
        try:
            for number in range(20):
                tasks.add(asyncio.current_task())
                yield OpenLink(
                    merchant_link_id=f"order-{number}", created_at=shop.clock.now()
                )
        finally:
            tasks.add(asyncio.current_task())

    reconciler = Reconciler(shop.client, shop.receiver, links, clock=shop.clock)
    assert (await reconciler.run_once()).counts == {LinkState.RESTING: 20}
    assert len(tasks) == 1


async def test_a_round_that_is_cancelled_closes_the_open_links(shop: Shop) -> None:
    reached, closed = asyncio.Event(), asyncio.Event()

    async def links(created_before: datetime) -> AsyncIterator[OpenLink]:
        try:
            while True:
                yield OpenLink(merchant_link_id="order-1", created_at=START)
                reached.set()
                await asyncio.sleep(0)
        finally:
            closed.set()

    reconciler = Reconciler(shop.client, shop.receiver, links, clock=shop.clock)
    task = asyncio.create_task(reconciler.run_once())
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert closed.is_set()


async def test_failing_open_links_are_told_of_with_their_name_and_tried_again(
    shop: Shop, failures: list[Failure]
) -> None:
    async def links(created_before: datetime) -> AsyncIterator[OpenLink]:
        if created_before != START:
            raise OSError("password=hunter22")
        yield OpenLink(merchant_link_id="order-1", created_at=START)

    async with receiver(shop, MemoryInbox(), failures) as receiving:
        reconciler = Reconciler(
            shop.client,
            receiving,
            links,
            clock=shop.clock,
            draw=lambda low, high: (low + high) / 2,
        )
        running = asyncio.create_task(reconciler.run(every=300))
        await shop.clock.advance(301)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    failure = failures[0]
    assert (failure.part, failure.error) == ("reading the open links", "OSError")
    assert failure.name.endswith("links")
    assert (failure.retry_in, failure.text) == (300.0, "password=***")


@pytest.mark.parametrize("method", ["entries", "expect", "store"])
@pytest.mark.parametrize("stubborn", [False, True])
async def test_an_inbox_that_never_answers_fails_the_link_and_not_the_round(
    shop: Shop, failures: list[Failure], method: str, stubborn: bool
) -> None:
    shop.receiving = False
    await shop.sandbox.pay(await shop.sell("order-1"))
    await shop.clock.advance("20m")
    stuck = Stuck(stubborn=stubborn)
    inbox = StuckEntries(stuck, method)
    with stuck.until_the_end():
        async with receiver(shop, inbox, failures) as receiving:
            reconciler = Reconciler(
                shop.client, receiving, shop.open_links, clock=shop.clock
            )
            async with asyncio.timeout(SOON):
                found = await reconciler.run_once()
            assert found.counts == {LinkState.FAILED: 1}
            inbox.names.clear()
            await shop.clock.advance("20m")
            assert (await reconciler.run_once()).counts == {LinkState.PAID: 1}
            await receiving.settled()
    assert shop.paid == ["order-1"]
    (failure,) = failures
    assert failure.part == "asking about a link"
    assert (failure.merchant_key, failure.error) == ("order-1", "TimeoutError")


async def waited(
    shop: Shop, receiving: Receiver[None], *, until: Callable[[], object] = lambda: True
) -> asyncio.Task[LinkOutcome]:
    """The wait, done; the clock stands still until something has happened."""
    task = asyncio.create_task(
        wait_until_paid(
            shop.client,
            "order-1",
            timeout=200,
            receiver=receiving,
            clock=shop.clock,
        )
    )
    while not until():
        await asyncio.sleep(SHORT / 5)
    while not task.done():
        await shop.clock.advance(1)
        await asyncio.sleep(SHORT / 5)
    return task


@pytest.mark.parametrize("method", ["entries", "store"])
@pytest.mark.parametrize("stubborn", [False, True])
async def test_a_wait_outlives_an_inbox_that_never_answers(
    shop: Shop, failures: list[Failure], method: str, stubborn: bool
) -> None:
    shop.receiving = False
    await shop.sandbox.pay(await shop.sell("order-1"))
    stuck = Stuck(stubborn=stubborn)
    with stuck.until_the_end():
        async with receiver(shop, StuckEntries(stuck, method), failures) as receiving:
            async with asyncio.timeout(SOON):
                task = await waited(
                    shop,
                    receiving,
                    until=lambda: method == "store" or failures,
                )
    assert task.result().is_paid
    assert {(one.part, one.merchant_key) for one in failures} == {
        ("the inbox", "order-1")
    }


async def test_a_wait_that_ends_unpaid_names_what_the_inbox_did(
    shop: Shop, failures: list[Failure]
) -> None:
    await shop.sell("order-1")

    class Broken(MemoryInbox):
        async def entries(self, *_: object, **__: object) -> tuple[()]:
            raise OSError("the disk is gone")

    async with receiver(shop, Broken(), failures) as receiving:
        task = await waited(shop, receiving)
    with pytest.raises(TimeoutError, match="may still be paid"):
        await task
    assert failures[0].error == "OSError"


async def test_an_id_that_forges_a_line_is_told_on_one(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    failure = Failure(part="a part", error="OSError", merchant_key="a\nERROR b")
    with caplog.at_level(logging.WARNING):
        shop.receiver.report(failure)
    (line,) = [one.getMessage() for one in caplog.records]
    assert "a\\nERROR b" in line
    assert "\n" not in line
