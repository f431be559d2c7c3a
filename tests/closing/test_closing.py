"""A day against itself over a real inbox, journal and sandbox."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import attrs
import pytest

from payermax_async import (
    ClientOptions,
    ConfigurationError,
    CreateLink,
    CreateRefund,
    MerchantConfig,
    PayerMaxClient,
    RetryPolicy,
    UserInfo,
)
from payermax_async.bulk import MemoryJournal, create_links, refresh
from payermax_async.closing import (
    DayClose,
    DifferenceKind,
    SideSum,
    close_day,
    closing_day,
)
from payermax_async.closing.page import write_close
from payermax_async.models import RefundStatus
from payermax_async.sandbox import SandboxServer, VirtualClock
from payermax_async.sandbox.admin.actions import pay
from payermax_async.sandbox.state.credentials import SandboxCredentials
from payermax_async.webhooks import (
    MemoryInbox,
    NotificationVerifier,
    NotifiedEvent,
    Receiver,
)
from payermax_async.webhooks.samples import build_notification, sign_notification
from tests.money.test_finding import TurnedClock

KEYS = SandboxCredentials.generate()
DAY = date(2026, 11, 25)
NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


@attrs.define
class Counter:
    """A merchant at the end of a day."""

    inbox: MemoryInbox
    receiver: Receiver[None]
    client: PayerMaxClient
    server: SandboxServer
    journal: MemoryJournal
    clock: VirtualClock

    async def hear(self, kind: str, **fields: Any) -> None:
        notice = build_notification(
            kind, merchant_no=KEYS.merchant_no, app_id=KEYS.app_id, **fields
        )
        signed = sign_notification(KEYS.platform_key, notice)
        assert (await self.receiver.handle(signed.headers, signed.body)).status == 200
        await self.receiver.settled()

    async def sold(self, *numbers: int) -> list[str]:
        """Links of a batch, paid at the gateway; their order numbers."""
        requests = [
            CreateLink(
                merchant_link_id=f"order-{n}",
                total_amount="40000",
                currency="IDR",
                country="ID",
                description="Shoes",
                user_info=UserInfo(user_id=f"u-{n}"),
            )
            for n in numbers
        ]
        async with create_links(self.client, requests, journal=self.journal) as run:
            async for _ in run:
                pass
        engine = self.server.engine
        return [
            pay(engine, row.result.link_url).out_trade_no for row in self.journal.read()
        ]

    async def notified(self, number: int, trade_no: str, **more: Any) -> None:
        told: dict[str, Any] = {
            "total_amount": "40000",
            "currency": "IDR",
            "complete_at": NOON,
            **more,
        }
        link = f"order-{number}"
        await self.hear(
            "PAYBYLINK", merchant_link_id=link, out_trade_no=trade_no, **told
        )

    async def close(self, zone: str = "UTC", **more: Any) -> DayClose:
        # To the end of the next day: by whatever clock, this one is over.
        end = datetime(2026, 11, 27, tzinfo=UTC)
        await self.clock.advance((end - self.clock.now()).total_seconds())
        given: dict[str, Any] = {
            "inbox": self.inbox,
            "journals": [self.journal],
            "client": self.client,
            # The pace of the questions takes no time.
            "clock": TurnedClock(end),
            "per_second": 1000.0,
        }
        return await close_day(closing_day(DAY, zone), **{**given, **more})


@pytest.fixture
async def counter() -> AsyncGenerator[Counter]:
    # One clock for both sides, so that the day can be over at the gateway as well.
    clock = VirtualClock(NOON)
    async with SandboxServer(credentials=KEYS, clock=clock) as server:
        config = MerchantConfig.from_env(server.settings)
        inbox, journal = MemoryInbox(), MemoryJournal()
        receiver = Receiver(NotificationVerifier.for_merchant(config), inbox)

        @receiver.on(NotifiedEvent)
        async def take(event: NotifiedEvent) -> None:
            del event

        async with receiver, PayerMaxClient(config, clock=clock) as client, journal:
            yield Counter(inbox, receiver, client, server, journal, clock)


async def test_a_day_on_which_all_agree_agrees(counter: Counter) -> None:
    first, second = await counter.sold(1, 2)
    await refresh(counter.client, counter.journal, per_second=1000)
    await counter.notified(1, first)
    await counter.notified(2, second)
    close = await counter.close()
    assert close.differences == ()
    assert close.agrees
    (one,) = close.currencies
    assert one.currency == "IDR"
    both = SideSum(2, Decimal(80000))
    assert one.journal == one.inbox == one.gateway == both
    assert one.fees == Decimal(2000)
    assert one.balance is not None
    assert one.balance.inflow == Decimal(80000)
    # The fees went out, and are named as what links do not explain.
    assert [odd.kind for odd in close.normal] == [DifferenceKind.OTHER_PRODUCT]


async def test_what_one_side_lacks_is_named(counter: Counter) -> None:
    first, second, third = await counter.sold(1, 2, 3)
    await counter.notified(1, first)
    await refresh(counter.client, counter.journal, per_second=1000, at_most=2)
    await counter.notified(3, third)
    close = await counter.close()
    found = {odd.trade_no: odd.kind for odd in close.differences}
    assert found == {
        second: DifferenceKind.NO_NOTICE,
        third: DifferenceKind.NOT_NOTED,
    }
    assert not close.agrees


async def test_a_refund_is_held_against_payermaxs_answer(counter: Counter) -> None:
    (trade_no,) = await counter.sold(1)
    await refresh(counter.client, counter.journal, per_second=1000)
    await counter.notified(1, trade_no)
    # Of this amount, it stays under way until somebody ends it.
    made = await counter.client.refund(
        CreateRefund(
            out_refund_no="r-1",
            refund_amount="20000",
            refund_currency="IDR",
            out_trade_no=trade_no,
        )
    )
    told = {
        "out_refund_no": "r-1",
        "out_trade_no": trade_no,
        "refund_amount": "20000",
        "refund_currency": "IDR",
        "refund_finish_time": NOON,
    }
    await counter.hear("REFUND", **told)
    close = await counter.close()
    assert [odd.kind for odd in close.differences] == [DifferenceKind.REFUND]
    assert DifferenceKind.UNDER_WAY in [odd.kind for odd in close.normal]
    assert close.currencies[0].refunds == SideSum(0, Decimal(0))
    assert made.refund_trade_no is not None
    counter.server.engine.ledger.finish_refund(
        made.refund_trade_no, RefundStatus.REFUND_SUCCESS
    )
    close = await counter.close()
    assert close.currencies[0].refunds == SideSum(1, Decimal(20000))
    # It ended, but the account moved on another day than the notification says.
    assert [odd.kind for odd in close.differences] == [DifferenceKind.BALANCE]


async def test_without_answers_a_day_is_not_certain(counter: Counter) -> None:
    (trade_no,) = await counter.sold(1)
    await refresh(counter.client, counter.journal, per_second=1000)
    await counter.notified(1, trade_no)
    for operation in ("orderQuery", "dayEndBalanceQuery"):
        counter.server.engine.faults.add_table(
            {"kind": "wrong-signature", "operation": operation}
        )
    options = ClientOptions(retry=RetryPolicy(max_attempts=1))
    async with PayerMaxClient(counter.client.config, options=options) as client:
        close = await counter.close(client=client)
    assert (close.differences, close.unanswered, close.agrees) == ((), 2, False)


@pytest.mark.parametrize("zone", ["UTC", "CST"])
async def test_the_balance_is_asked_for_by_the_same_clock(
    counter: Counter, zone: str
) -> None:
    await counter.close(zone)
    (asked,) = [
        one
        for one in counter.server.engine.gateway.exchanges
        if one.operation == "dayEndBalanceQuery"
    ]
    data = json.loads(asked.body)["data"]
    assert (data["timezone"], data["inquiryDate"][:10]) == (zone, "2026-11-25")


async def test_a_day_by_another_clock_has_no_balance(counter: Counter) -> None:
    close = await counter.close("Asia/Manila")
    assert [odd.kind for odd in close.normal] == [DifferenceKind.NO_BALANCE]


async def test_a_day_that_is_not_over_is_not_closed(counter: Counter) -> None:
    day = closing_day(DAY, "UTC")
    for early in (timedelta(seconds=1), timedelta(0)):
        clock = TurnedClock(day.end - early)
        close = close_day(day, inbox=counter.inbox, clock=clock)
        if not early:
            assert (await close).agrees
            continue
        with pytest.raises(ConfigurationError, match="is not over by UTC"):
            await close


async def test_what_makes_no_sense_is_refused(counter: Counter) -> None:
    with pytest.raises(ConfigurationError, match="give an inbox or a journal"):
        await counter.close(inbox=None, journals=[])
    with pytest.raises(ConfigurationError, match="per_second"):
        await counter.close(per_second=0)


async def test_bytes_that_are_gone_are_named(counter: Counter) -> None:
    await counter.notified(1, "T1")
    later = NOON + timedelta(days=36500)
    await counter.inbox.scrub(later, later)
    close = await counter.close(client=None)
    assert [odd.kind for odd in close.differences] == [DifferenceKind.UNREAD]


async def test_what_came_before_the_day_is_not_looked_at(counter: Counter) -> None:
    await counter.notified(1, "T1")
    before = closing_day(DAY - timedelta(days=1), "UTC")
    # Received by the machine's own clock, which is long after either day.
    close = await close_day(before, inbox=counter.inbox, clock=TurnedClock(NOON))
    assert (close.differences, close.currencies) == ((), ())
    later = closing_day(date(2200, 1, 1), "UTC")
    await counter.inbox.scrub(later.start, later.start)
    close = await close_day(later, inbox=counter.inbox, clock=TurnedClock(later.end))
    assert close.differences == ()


async def test_the_page_holds_what_was_found(counter: Counter) -> None:
    (trade_no,) = await counter.sold(1)
    await counter.notified(1, trade_no)
    page = "".join(write_close(await counter.close()))
    for words in (trade_no, "order-1", "1 to look into", "40,000", "not noted"):
        assert words in page
