"""Paid or not: told by notifications, or by asking; noted once, and never undone."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import attrs
import pytest

from payermax_async import (
    AuthenticationError,
    CreateLink,
    NotFoundError,
    Outcome,
    PayerMaxClient,
)
from payermax_async.bulk import (
    AskedLink,
    AskedLinks,
    BatchMismatchError,
    MemoryJournal,
    PaymentMark,
    RowState,
    create_links,
    note_paid,
    refresh,
)
from payermax_async.core.errors import ConfigurationError, NoReplyError, PayerMaxError
from payermax_async.core.models.link_parts import UserInfo
from payermax_async.core.models.links import LinkDetails
from payermax_async.sandbox.clock import VirtualClock
from payermax_async.sandbox.state.credentials import SandboxCredentials
from payermax_async.testing.local import LocalSandbox
from payermax_async.testing.sandbox import SandboxTransport
from payermax_async.transport.base import Headers
from payermax_async.webhooks import (
    LinkPaid,
    LinkPaidAgain,
    MemoryInbox,
    NotificationVerifier,
    Receiver,
    ReceiverLimits,
)
from tests.pipeline.gateway import InstantClock
from tests.reconcile.conftest import START, PunctualClient


class Batch(PunctualClient):
    """A client whose questions may be answered by the test, and a journal."""

    def __init__(self, sandbox: LocalSandbox) -> None:
        super().__init__(sandbox)
        self.sandbox = sandbox
        self.journal = MemoryJournal(clock=sandbox.clock)
        self.errors: dict[str, PayerMaxError] = {}
        self.changed: Callable[[LinkDetails], LinkDetails] = lambda link: link
        self.asked: list[str] = []
        self.urls: dict[str, str] = {}

    async def query_link(
        self, merchant_link_id: str, *, timeout: float | None = None
    ) -> LinkDetails:
        self.asked.append(merchant_link_id)
        if merchant_link_id in self.errors:
            raise self.errors[merchant_link_id]
        return self.changed(await super().query_link(merchant_link_id, timeout=timeout))

    async def make(self, *keys: str, hours: int = 24) -> None:
        orders = [
            CreateLink(
                merchant_link_id=key,
                total_amount="19.90",
                currency="USD",
                country="US",
                description="Blue T-shirt",
                user_info=UserInfo(user_id="customer-98"),
                expires_in=3600 * hours,
            )
            for key in keys
        ]
        with self.sandbox.clock.hold():
            async with create_links(self, orders, journal=self.journal) as run:
                async for done in run:
                    self.urls[done.merchant_link_id] = done.link_url or ""
        if not self.journal.is_open:
            await self.journal.open()

    async def refreshed(self, **more: Any) -> AskedLinks:
        return await refresh(self, self.journal, clock=InstantClock(), **more)

    def states(self) -> dict[str, RowState]:
        return {row.planned.key: row.result.state for row in self.journal.read()}


@pytest.fixture(scope="module")
def credentials() -> SandboxCredentials:
    return SandboxCredentials.generate()


@pytest.fixture
async def batch(credentials: SandboxCredentials) -> AsyncGenerator[Batch]:
    clock = VirtualClock(START)
    async with (
        LocalSandbox.running(credentials=credentials, clock=clock) as sandbox,
        Batch(sandbox) as batch,
    ):
        yield batch


async def test_asking_finds_what_was_paid_what_is_over_and_what_is_open(
    batch: Batch,
) -> None:
    await batch.make("paid", "open", hours=48)
    await batch.make("over", hours=1)
    await batch.sandbox.pay(batch.urls["paid"])
    await batch.sandbox.clock.advance(timedelta(hours=2))
    told: list[tuple[str, AskedLink]] = []
    found = await refresh(
        batch,
        batch.journal,
        clock=InstantClock(),
        tell=lambda key, answer: told.append((key, answer)),
    )
    assert found.counts == {
        AskedLink.PAID: 1,
        AskedLink.EXPIRED: 1,
        AskedLink.OPEN: 1,
    }
    assert sorted(told) == [
        ("open", AskedLink.OPEN),
        ("over", AskedLink.EXPIRED),
        ("paid", AskedLink.PAID),
    ]
    assert batch.states() == {
        "paid": RowState.PAID,
        "open": RowState.CREATED,
        "over": RowState.EXPIRED,
    }
    (paid,) = [row for row in batch.journal.read() if row.planned.key == "paid"]
    assert paid.trade_no
    assert paid.ended_at == batch.sandbox.clock.now()
    batch.asked.clear()
    await batch.refreshed()
    assert batch.asked == ["open"]


async def test_only_questions_are_asked(batch: Batch) -> None:
    await batch.make("a", "b")
    exchanges = batch.sandbox.engine.gateway.exchanges
    before = len(exchanges)
    await batch.refreshed()
    asked = [exchange.operation for exchange in exchanges][before:]
    assert asked == ["queryPaybylink"] * 2


async def test_a_payment_of_another_amount_is_not_the_rows(batch: Batch) -> None:
    await batch.make("a")
    await batch.sandbox.pay(batch.urls["a"])
    batch.changed = lambda link: attrs.evolve(link, total_amount=Decimal("1.99"))
    found = await batch.refreshed()
    assert found[AskedLink.MISMATCHED] == 1
    (row,) = batch.journal.read()
    assert row.result.state is RowState.CREATED
    assert row.payment_problem == "1.99 USD was paid where 19.90 USD was asked for"


async def test_links_asked_about_longest_ago_come_first(batch: Batch) -> None:
    await batch.make("a", "b", "c")
    assert (await batch.refreshed(at_most=2)).left == 1
    assert sorted(batch.asked) == ["a", "b"]
    await batch.sandbox.clock.advance(timedelta(minutes=1))
    batch.asked.clear()
    await batch.refreshed(at_most=1)
    assert batch.asked == ["c"]


async def test_a_failed_question_stops_no_other_and_changes_nothing(
    batch: Batch,
) -> None:
    await batch.make("gone", "lost", "silent", "paid")
    await batch.sandbox.pay(batch.urls["paid"])
    gone = NotFoundError("no such link", code="X", outcome=Outcome.REJECTED)
    lost = NotFoundError("no such link", code="X", outcome=Outcome.UNKNOWN)
    batch.errors = {"gone": gone, "lost": lost, "silent": NoReplyError("no answer")}
    found = await batch.refreshed()
    assert found.counts == {
        AskedLink.PAID: 1,
        AskedLink.MISSING: 1,
        AskedLink.FAILED: 2,
    }
    states = batch.states()
    assert states.pop("paid") is RowState.PAID
    assert set(states.values()) == {RowState.CREATED}
    assert [row.asked_at for row in batch.journal.read()][:3] == [None] * 3


async def test_what_every_question_would_fail_with_is_raised(batch: Batch) -> None:
    await batch.make("a", "b", "c")
    batch.errors = {
        "a": AuthenticationError("wrong key", code="X", outcome=Outcome.REJECTED)
    }
    with pytest.raises(AuthenticationError):
        await batch.refreshed(at_once=1)
    assert batch.asked == ["a"]


async def test_no_more_questions_begin_in_a_second_than_asked_for(
    batch: Batch,
) -> None:
    await batch.make(*(f"k{number}" for number in range(12)))
    clock = InstantClock()
    await refresh(batch, batch.journal, per_second=4, at_once=3, clock=clock)
    assert clock.seconds == pytest.approx(11 / 4)


async def test_a_journal_of_another_merchant_is_not_asked_about(
    batch: Batch, credentials: SandboxCredentials
) -> None:
    await batch.make("a")
    other = attrs.evolve(batch.config, merchant_no="another")
    async with PayerMaxClient(
        other, transport=SandboxTransport(batch.sandbox.engine.gateway)
    ) as client:
        with pytest.raises(BatchMismatchError, match="another"):
            await refresh(client, batch.journal)


@pytest.mark.parametrize(
    "numbers",
    [{"per_second": 0}, {"at_once": 0}, {"at_most": 0}, {"per_second": 1e999}],
)
async def test_numbers_without_a_sense_are_refused(
    batch: Batch, numbers: dict[str, Any]
) -> None:
    with pytest.raises(ConfigurationError, match="1 or more"):
        await refresh(batch, batch.journal, **numbers)


async def test_notifications_feed_the_same_journal(
    batch: Batch, credentials: SandboxCredentials
) -> None:
    await batch.make("order-1", "order-2")
    receiver = Receiver(
        NotificationVerifier.for_merchant(batch.config, clock=batch.sandbox.clock),
        MemoryInbox(),
        clock=batch.sandbox.clock,
        limits=ReceiverLimits(poll=86_400.0),
    )
    marks: list[PaymentMark] = []

    async def post(url: str, headers: Headers, body: bytes) -> tuple[int, bytes]:
        reply = await receiver.handle(headers, body)
        return reply.status, reply.body

    batch.sandbox.post = post
    async with receiver:

        @receiver.on(LinkPaid)
        async def paid(event: LinkPaid) -> None:
            marks.append(await note_paid(batch.journal, event))
            marks.append(await note_paid(batch.journal, event))

        @receiver.on(LinkPaidAgain)
        async def again(event: LinkPaidAgain) -> None:
            marks.append(await note_paid(batch.journal, event))

        await batch.sandbox.pay(batch.urls["order-1"])
        await batch.sandbox.clock.advance("1m")
    assert marks == [PaymentMark.PAID, PaymentMark.KNOWN]
    assert batch.states() == {"order-1": RowState.PAID, "order-2": RowState.CREATED}
    batch.asked.clear()
    await batch.refreshed()
    assert batch.asked == ["order-2"]
