"""Late money over a real inbox, journal, book and sandbox."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs
import pytest

from payermax_async import (
    ClientOptions,
    ConfigurationError,
    CreateLink,
    CreateRefund,
    MerchantConfig,
    OutcomeUnknownError,
    PayerMaxClient,
    PayerMaxError,
    RetryPolicy,
    UserInfo,
)
from payermax_async.bulk import MemoryJournal, create_links, expire_links
from payermax_async.models import RefundDetails, RefundStatus
from payermax_async.money import (
    LateMoney,
    LateMoneyError,
    LateReason,
    MoneyBook,
    RefundStanding,
    find_late_money,
    give_back,
    refund_number,
)
from payermax_async.sandbox import SandboxServer
from payermax_async.sandbox.admin.actions import pay
from payermax_async.sandbox.state.credentials import SandboxCredentials
from payermax_async.webhooks import (
    Expected,
    MemoryInbox,
    NotificationVerifier,
    NotifiedEvent,
    Receiver,
    StorageError,
)
from payermax_async.webhooks.samples import build_notification, sign_notification

KEYS = SandboxCredentials.generate()


@attrs.define
class TurnedClock:
    """A time of day that tests turn; the pace of questions takes no time."""

    at: datetime

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)


@attrs.define
class Till:
    """A merchant with an inbox, a book, a client, and a gateway to ask."""

    inbox: MemoryInbox
    receiver: Receiver[None]
    book: MoneyBook
    client: PayerMaxClient
    server: SandboxServer
    clock: TurnedClock

    async def hear(self, kind: str, **fields: Any) -> None:
        """Take a notification in, and handle it."""
        notice = build_notification(
            kind, merchant_no=KEYS.merchant_no, app_id=KEYS.app_id, **fields
        )
        signed = sign_notification(KEYS.platform_key, notice)
        reply = await self.receiver.handle(signed.headers, signed.body)
        assert reply.status == 200
        await self.receiver.settled()

    async def paid(self, link: str, trade_no: str, **fields: Any) -> None:
        told: dict[str, Any] = {
            "total_amount": "40000",
            "currency": "IDR",
            **fields,
        }
        await self.hear(
            "PAYBYLINK", merchant_link_id=link, out_trade_no=trade_no, **told
        )

    async def find(self, **more: Any) -> tuple[LateMoney, ...]:
        given: dict[str, Any] = {
            "inbox": self.inbox,
            "book": self.book,
            "client": self.client,
            "clock": self.clock,
        }
        return (await find_late_money(**{**given, **more})).items

    async def real_trade(self, link: str, amount: str = "40000") -> str:
        """A link that is made and paid at the gateway; its order number."""
        made = await self.client.create_link(
            CreateLink(
                merchant_link_id=link,
                total_amount=amount,
                currency="IDR",
                country="ID",
                description="Shoes",
                user_info=UserInfo(user_id="u-1"),
            )
        )
        return pay(self.server.engine, made.link_url).out_trade_no

    async def late_trade(self, link: str = "order-1") -> str:
        """One that is paid an hour after its withdrawal was noted."""
        self.clock.at -= timedelta(hours=1)
        await self.book.withdrawn(link)
        self.clock.at += timedelta(hours=1)
        return await self.real_trade(link)


@pytest.fixture
async def till(tmp_path: Path) -> AsyncGenerator[Till]:
    clock = TurnedClock(datetime.now(UTC))
    async with SandboxServer(credentials=KEYS) as server:
        config = MerchantConfig.from_env(server.settings)
        inbox = MemoryInbox()
        receiver = Receiver(NotificationVerifier.for_merchant(config), inbox)

        @receiver.on(NotifiedEvent)
        async def take(event: NotifiedEvent) -> None:
            del event

        async with (
            receiver,
            PayerMaxClient(config) as client,
            MoneyBook(tmp_path / "book.sqlite3", clock=clock) as book,
        ):
            yield Till(inbox, receiver, book, client, server, clock)


async def test_a_second_payment_of_a_link_is_found(till: Till) -> None:
    await till.paid("order-1", "T1")
    assert await till.find() == ()
    # Completed before the one that was handled, and heard of later.
    await till.paid("order-1", "T2", complete_at=till.clock.at - timedelta(hours=2))
    (found,) = await till.find()
    assert (found.payment.trade_no, found.reasons) == ("T2", (LateReason.PAID_TWICE,))
    assert found.refund.standing is RefundStanding.PROPOSED
    assert found.refund.out_refund_no == refund_number("T2")
    # Repetitions, and the same money under another type, are no third payment.
    await till.paid("order-1", "T2", complete_at=till.clock.at - timedelta(hours=2))
    await till.hear("PAYMENT", out_trade_no="T2", total_amount="40000", currency="IDR")
    assert await till.find() == (found,)


async def test_another_amount_than_expected_is_found(till: Till) -> None:
    await till.inbox.expect("order-1", Expected(Decimal(50000), "IDR"))
    await till.paid("order-1", "T1")
    (found,) = await till.find()
    assert found.reasons == (LateReason.OTHER_AMOUNT,)
    assert found.refund.amount == Decimal(40000)


async def test_a_refund_that_was_heard_of_is_not_proposed_again(till: Till) -> None:
    await till.paid("order-1", "T1")
    await till.paid("order-1", "T2")
    refund = {"out_trade_no": "T2", "refund_currency": "IDR"}
    await till.hear("REFUND", out_refund_no="own-1", refund_amount="15000", **refund)
    (found,) = await till.find()
    assert found.refund.amount == Decimal(25000)
    await till.hear("REFUND", out_refund_no="own-2", refund_amount="25000", **refund)
    (found,) = await till.find()
    assert found.refund.standing is RefundStanding.GIVEN_BACK


async def test_a_refund_that_succeeded_and_then_failed_is_not_counted(
    till: Till,
) -> None:
    await till.paid("order-1", "T1")
    await till.paid("order-1", "T2")
    for status in ("REFUND_SUCCESS", "REFUND_FAILED"):
        await till.hear(
            "REFUND",
            out_refund_no="own-1",
            out_trade_no="T2",
            refund_amount="40000",
            refund_currency="IDR",
            status=status,
        )
    # Without PayerMax's word nobody knows; and nothing is given back on a guess.
    (found,) = await till.find(client=None)
    assert found.refund.standing is RefundStanding.UNCLEAR


async def test_what_another_merchant_was_told_is_not_this_ones(till: Till) -> None:
    await till.paid("order-1", "T1")
    await till.paid("order-1", "T2")
    other = attrs.evolve(till.client.config, merchant_no="TEST99999999")
    async with PayerMaxClient(other) as client:
        assert await till.find(client=client) == ()


async def test_each_is_told_once_and_again_if_it_was_not_heard(till: Till) -> None:
    await till.paid("order-1", "T1")
    await till.paid("order-1", "T2")
    heard: list[str] = []

    async def deaf(late: LateMoney) -> None:
        raise OSError("nobody listens")

    async def tell(late: LateMoney) -> None:
        heard.append(late.payment.trade_no)

    with pytest.raises(OSError, match="nobody listens"):
        await till.find(tell=deaf)
    await till.find(tell=tell)
    await till.find(tell=tell)
    assert heard == ["T2"]
    await till.paid("order-1", "T3")
    await asyncio.gather(*(till.find(tell=tell) for _ in range(5)))
    assert heard == ["T2", "T3"]


async def test_bytes_that_are_gone_are_counted(till: Till) -> None:
    await till.paid("order-1", "T1")
    now = datetime.now(UTC) + timedelta(days=1)
    await till.inbox.scrub(now, now)
    report = await find_late_money(inbox=till.inbox)
    assert (report.items, report.unread) == ((), 1)


async def test_the_first_withdrawal_that_was_noted_counts(till: Till) -> None:
    first = await till.book.withdrawn("order-1")
    till.clock.at += timedelta(days=1)
    assert await till.book.withdrawn("order-1") == first
    assert await till.book.withdrawals() == {"order-1": first}


async def test_what_was_paid_after_a_withdrawal_is_found_by_asking(till: Till) -> None:
    trade_no = await till.late_trade()
    # Nothing was heard of it: a notification may be half a day late.
    assert await till.find() == ()
    (found,) = await till.find(ask=True)
    assert (found.payment.trade_no, found.reasons) == (
        trade_no,
        (LateReason.AFTER_WITHDRAWAL,),
    )


async def test_a_link_that_two_people_paid_is_found_by_asking(till: Till) -> None:
    first = await till.real_trade("order-1")
    (link,) = till.server.engine.ledger.repository.links()
    second = pay(till.server.engine, link.link_id, anyway=True).out_trade_no
    await till.book.withdrawn("order-1")
    (found,) = await till.find(ask=True)
    assert found.payment.trade_no in {first, second}
    assert found.reasons == (LateReason.PAID_TWICE,)
    made = await give_back(till.client, till.book, found)
    assert made.out_refund_no == refund_number(found.payment.trade_no)
    (refund,) = till.server.engine.ledger.repository.refunds()
    assert refund.out_trade_no == found.payment.trade_no


async def test_a_late_payment_is_given_back_once(till: Till) -> None:
    trade_no = await till.late_trade()
    (found,) = await till.find(ask=True)
    made = await give_back(till.client, till.book, found)
    assert made.out_refund_no == refund_number(trade_no)
    (refund,) = till.server.engine.ledger.repository.refunds()
    assert (refund.out_trade_no, refund.amount) == (trade_no, Decimal(40000))
    # It is under way now, and nobody can begin another one.
    (again,) = await till.find(ask=True)
    assert again.refund.standing is RefundStanding.UNDER_WAY
    for item in (found, again):
        with pytest.raises(LateMoneyError):
            await give_back(till.client, till.book, item)
    till.server.engine.ledger.finish_refund(refund.refund_trade_no, None)
    (done,) = await till.find(ask=True)
    assert done.refund.standing is RefundStanding.GIVEN_BACK
    assert len(till.server.engine.ledger.repository.refunds()) == 1


async def test_of_many_who_say_so_at_once_one_gives_back(till: Till) -> None:
    await till.late_trade()
    (found,) = await till.find(ask=True)
    ends = await asyncio.gather(
        *(give_back(till.client, till.book, found) for _ in range(8)),
        return_exceptions=True,
    )
    assert sum(not isinstance(end, BaseException) for end in ends) == 1
    assert sum(isinstance(end, LateMoneyError) for end in ends) == 7
    assert len(till.server.engine.ledger.repository.refunds()) == 1


async def test_a_refund_of_which_no_answer_came_is_not_begun_again(till: Till) -> None:
    trade_no = await till.late_trade()
    (found,) = await till.find(ask=True)
    number = refund_number(trade_no)

    class Lost(PayerMaxClient):
        async def refund(self, request: Any, *, timeout: float | None = None) -> Any:
            raise OutcomeUnknownError("no answer", merchant_key=number)

    async with Lost(till.client.config) as client:
        with pytest.raises(OutcomeUnknownError):
            await give_back(client, till.book, found)
    (item,) = await till.find(ask=True)
    assert item.refund.standing is RefundStanding.UNCLEAR
    with pytest.raises(LateMoneyError, match="begun before"):
        await give_back(till.client, till.book, found)
    assert till.server.engine.ledger.repository.refunds() == ()
    # Later PayerMax still knows nothing of it: by then it never left.
    till.clock.at += timedelta(minutes=11)
    (item,) = await till.find(ask=True)
    assert item.refund.standing is RefundStanding.PROPOSED
    made = await give_back(till.client, till.book, item)
    assert made.out_refund_no == number


async def test_what_is_unclear_is_not_given_back(till: Till) -> None:
    trade_no = await till.late_trade()
    # A refund that names no order, and of which PayerMax knows nothing.
    await till.hear(
        "REFUND",
        out_refund_no="own-1",
        out_trade_no=None,
        refund_amount="1",
        refund_currency="IDR",
    )
    (found,) = await till.find(ask=True)
    assert found.payment.trade_no == trade_no
    assert found.refund.standing is RefundStanding.UNCLEAR
    with pytest.raises(LateMoneyError, match="unclear"):
        await give_back(till.client, till.book, found)
    assert await till.book.refunds() == ()


async def test_an_amount_that_payermax_leaves_out_is_known_from_before(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    await till.late_trade()
    (found,) = await till.find(ask=True)
    await give_back(till.client, till.book, found)
    (refund,) = till.server.engine.ledger.repository.refunds()
    till.server.engine.ledger.finish_refund(refund.refund_trade_no, None)
    ask = till.client.query_refund

    async def without_amount(*words: Any, **more: Any) -> RefundDetails:
        return attrs.evolve(await ask(*words, **more), refund_amount=None)

    monkeypatch.setattr(till.client, "query_refund", without_amount)
    (item,) = await till.find(ask=True)
    assert item.refund.standing is RefundStanding.GIVEN_BACK


async def test_a_book_that_fails_afterwards_hides_no_refund(
    till: Till, caplog: pytest.LogCaptureFixture
) -> None:
    trade_no = await till.late_trade()
    (found,) = await till.find(ask=True)

    async def fail(trade_no: str, fate: object) -> None:
        raise StorageError("the disk is full")

    till.book.end_refund = fail  # type: ignore[method-assign]
    made = await give_back(till.client, till.book, found)
    assert made.out_refund_no == refund_number(trade_no)
    assert "the disk is full" in caplog.text
    # PayerMax knows it, whatever the book says.
    (item,) = await till.find(ask=True)
    assert item.refund.standing is RefundStanding.UNDER_WAY


async def test_a_refused_refund_may_be_tried_again(till: Till) -> None:
    trade_no = await till.late_trade()
    (found,) = await till.find(ask=True)
    # One that nobody here has heard of: PayerMax takes one at a time.
    await till.client.refund(
        CreateRefund(
            out_refund_no="own-1",
            refund_amount="20000",
            refund_currency="IDR",
            out_trade_no=trade_no,
        )
    )
    with pytest.raises(PayerMaxError, match="REFUND_FAILED"):
        await give_back(till.client, till.book, found)
    assert await till.book.refunds() == ()
    (own,) = till.server.engine.ledger.repository.refunds()
    till.server.engine.ledger.finish_refund(
        own.refund_trade_no, RefundStatus.REFUND_FAILED
    )
    made = await give_back(till.client, till.book, found)
    assert made.out_refund_no == refund_number(trade_no)


async def test_while_payermax_does_not_answer_nothing_is_given_back(
    till: Till,
) -> None:
    await till.late_trade()
    (found,) = await till.find(ask=True)
    till.server.engine.faults.add_table(
        {"kind": "wrong-signature", "operation": "refundQuery"}
    )
    options = ClientOptions(retry=RetryPolicy(max_attempts=1))
    async with PayerMaxClient(till.client.config, options=options) as client:
        (item,) = await till.find(ask=True, client=client)
        assert item.refund.standing is RefundStanding.UNCLEAR
        with pytest.raises(LateMoneyError):
            await give_back(client, till.book, found)
    assert till.server.engine.ledger.repository.refunds() == ()


async def test_a_batch_notes_its_withdrawals(till: Till) -> None:
    journal = MemoryJournal(clock=till.clock)
    async with journal:
        orders = [
            CreateLink(
                merchant_link_id=f"order-{n}",
                total_amount="40000",
                currency="IDR",
                country="ID",
                description="Shoes",
                user_info=UserInfo(user_id=f"u-{n}"),
            )
            for n in (1, 2)
        ]
        async with create_links(till.client, orders, journal=journal) as run:
            async for _ in run:
                pass
        till.clock.at -= timedelta(hours=1)
        await expire_links(till.client, journal, clock=till.clock)
        assert all(row.withdrawn_at == till.clock.at for row in journal.read())
        key = next(iter(journal.read())).planned.key
        # The first one counts, however often it is withdrawn.
        till.clock.at += timedelta(minutes=30)
        await journal.mark_withdrawn(key)
        till.clock.at -= timedelta(minutes=30)
        await till.paid(key, "T1", complete_at=till.clock.at + timedelta(minutes=6))
        (found,) = await till.find(journals=[journal])
        assert found.payment.merchant_link_id == key
        assert found.reasons == (LateReason.AFTER_WITHDRAWAL,)


async def test_what_makes_no_sense_is_refused(till: Till) -> None:
    async def tell(late: LateMoney) -> None:
        del late

    with pytest.raises(ConfigurationError):
        await find_late_money()
    with pytest.raises(ConfigurationError):
        await find_late_money(inbox=till.inbox, margin=timedelta(seconds=-1))
    with pytest.raises(ConfigurationError):
        await find_late_money(inbox=till.inbox, tell=tell)
    for pace in (0.0, -1.0, math.nan):
        with pytest.raises(ConfigurationError):
            await find_late_money(inbox=till.inbox, per_second=pace)
