"""Disputes, frauds and requests for information reach the merchant, with deadlines."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import cast

import pytest

from payermax_async.config import MerchantConfig
from payermax_async.core.errors import ConfigurationError
from payermax_async.core.models.disputes import DisputeStatus
from payermax_async.core.strict_json import JsonObject, read_json
from payermax_async.sandbox.admin import cases as acts
from payermax_async.sandbox.clock import VirtualClock
from payermax_async.sandbox.engine import SandboxEngine, SandboxOptions
from payermax_async.sandbox.ledger import cases
from payermax_async.sandbox.ledger.events import CaseTold
from payermax_async.sandbox.ledger.payloads import write_moment
from payermax_async.sandbox.ledger.refusals import RefusedError
from payermax_async.sandbox.ledger.repository import Repository
from payermax_async.sandbox.notifications.deliveries import DeliveryState
from payermax_async.sandbox.notifications.notices import NoticeKind
from payermax_async.sandbox.notifications.notifier import DEFAULT_KINDS
from payermax_async.sandbox.state.credentials import SandboxCredentials
from payermax_async.testing.sandbox import sandbox_in_process
from payermax_async.transport.base import Headers
from payermax_async.webhooks import (
    DisputeEnded,
    DisputeOpened,
    FraudReported,
    InformationRequested,
    MemoryInbox,
    NotificationVerifier,
    NotifiedEvent,
    Receiver,
    ReceiverLimits,
)

from .kit import OWNER, SAMPLE, START, Bench, payment

WEEK = timedelta(days=7)


class Shop:
    """A sandbox with a merchant's receiver behind it, on one virtual clock."""

    def __init__(self, engine: SandboxEngine, receiver: Receiver[None]) -> None:
        self.engine = engine
        self.receiver = receiver
        self.heard: list[NotifiedEvent] = []
        receiver.otherwise(self._hear)

    async def _hear(self, event: NotifiedEvent) -> None:
        self.heard.append(event)

    def paid(self) -> str:
        """Pay a link; the order number."""
        owner = self.engine.credentials
        asked = {**SAMPLE, "notifyUrl": "http://127.0.0.1:9/links"}
        ledger = self.engine.ledger
        made = ledger.perform(
            "createPaybylink",
            type(OWNER)(merchant_no=owner.merchant_no, app_id=owner.app_id),
            asked,
        )
        trade = ledger.pay_link(str(made.value["linkId"]), payment()).value
        return trade.out_trade_no

    async def settled(self) -> None:
        """Wait until everything that was told was handled."""
        await self.engine.notifier.settled()
        await self.receiver.settled()


@asynccontextmanager
async def open_shop(
    credentials: SandboxCredentials, options: SandboxOptions | None = None
) -> AsyncGenerator[Shop]:
    clock = VirtualClock(START)
    posted: list[Receiver[None]] = []

    async def post(url: str, headers: Headers, body: bytes) -> tuple[int, bytes]:
        reply = await posted[0].handle(headers, body)
        return reply.status, reply.body

    async with sandbox_in_process(
        credentials=credentials, clock=clock, options=options, post=post
    ) as engine:
        config = MerchantConfig.from_env(engine.environment("http://127.0.0.1:9"))
        receiver: Receiver[None] = Receiver(
            NotificationVerifier.for_merchant(config, clock=clock),
            MemoryInbox(),
            clock=clock,
            limits=ReceiverLimits(poll=86400.0 * 30),
        )
        posted.append(receiver)
        async with receiver:
            yield Shop(engine, receiver)


async def test_a_dispute_reaches_its_handler_and_is_lost_when_its_time_is_up(
    credentials: SandboxCredentials,
) -> None:
    async with open_shop(credentials) as shop:
        number = shop.paid()
        opened = acts.open_dispute(
            shop.engine, number, {"amount": "15000", "type": "CHARGEBACK"}
        )
        await shop.settled()
        (event,) = shop.heard
        assert isinstance(event, DisputeOpened)
        assert event.notification.notify_type == "CHARGEBACK"
        assert event.case_id == opened["case_id"]
        assert event.out_trade_no == number
        assert (str(event.amount), event.currency) == ("15000", "IDR")
        assert event.deadline == write_moment(START + WEEK)
        assert event.notification.data.extra == {}
        assert event.notification.extra == {}
        # The envelope names nobody: the receiver knows whose it is.
        (delivery,) = shop.engine.notifier.deliveries
        sent = read_json(delivery.attempts[0].body)
        assert isinstance(sent, dict)
        assert not {"merchantNo", "appId"} & sent.keys()
        assert event.notification.merchant_no == credentials.merchant_no
        clock = shop.engine.clock
        assert isinstance(clock, VirtualClock)
        await clock.advance(WEEK.total_seconds())
        await shop.settled()
    ended = shop.heard[1]
    assert isinstance(ended, DisputeEnded)
    assert ended.notification.data.case_result == "EXPIRED"
    assert ended.case_id == event.case_id


async def test_a_dispute_that_is_decided_is_told_and_ends_once(
    credentials: SandboxCredentials,
) -> None:
    async with open_shop(credentials) as shop:
        case = str(acts.open_dispute(shop.engine, shop.paid(), {})["case_id"])
        await shop.settled()
        told = acts.end_dispute(
            shop.engine, case, {"status": "CASE_CANCEL", "result": "MERCHANT"}
        )
        assert (told["status"], told["result"]) == ("CASE_CANCEL", "MERCHANT")
        with pytest.raises(ConfigurationError, match="over"):
            acts.end_dispute(shop.engine, case, {})
        clock = shop.engine.clock
        assert isinstance(clock, VirtualClock)
        await clock.advance(2 * WEEK.total_seconds())
        await shop.settled()
    # Its time is up later, and tells nothing more.
    opened, ended = shop.heard
    assert isinstance(opened, DisputeOpened)
    assert isinstance(ended, DisputeEnded)
    assert ended.notification.data.case_result == "MERCHANT"


async def test_a_fraud_and_a_request_for_information_reach_their_handlers(
    credentials: SandboxCredentials,
) -> None:
    async with open_shop(credentials) as shop:
        number = shop.paid()
        acts.report_fraud(shop.engine, number, {})
        await shop.settled()
        asked = acts.ask_information(shop.engine, number, {"remark": "Why?"})
        await shop.settled()
        kinds = [delivery.notice.kind for delivery in shop.engine.notifier.deliveries]
        bodies = [d.attempts[0].body for d in shop.engine.notifier.deliveries]
    fraud, rfi = shop.heard
    assert isinstance(fraud, FraudReported)
    assert fraud.out_trade_no == number
    assert isinstance(rfi, InformationRequested)
    assert (rfi.rfi_no, rfi.out_trade_nos) == (asked["rfi_no"], (number,))
    assert rfi.deadline == write_moment(START + timedelta(days=3))
    assert rfi.notification.data.remark == "Why?"
    assert fraud.notification.data.extra == rfi.notification.data.extra == {}
    assert kinds == [NoticeKind.FRAUD, NoticeKind.RFI]
    assert b"notifyType" not in bodies[1]


async def test_cases_go_to_the_address_of_the_dashboard_first(
    credentials: SandboxCredentials,
) -> None:
    url = "http://127.0.0.1:9/dashboard"
    async with open_shop(credentials, SandboxOptions(notify_url=url)) as shop:
        acts.report_fraud(shop.engine, shop.paid(), {})
        await shop.settled()
        (delivery,) = shop.engine.notifier.deliveries
    assert delivery.notice.url == url
    assert delivery.state is DeliveryState.DELIVERED


def test_cases_are_told_unless_somebody_says_which_are() -> None:
    assert frozenset(NoticeKind) - DEFAULT_KINDS == {NoticeKind.PAYMENT}


@pytest.mark.parametrize(
    ("act", "number", "body", "words"),
    [
        (acts.open_dispute, "", {"type": "FRAUD"}, "type must be one of DISPUTE"),
        (acts.open_dispute, "T1", {}, "no such trade"),
        (acts.end_dispute, "C1", {}, "does not exist"),
        (acts.end_dispute, "C1", {"status": "DISPUTE_RECEIVED"}, "status must be"),
        (acts.end_dispute, "C1", {"result": 5}, "result must be text"),
        (acts.report_fraud, "T1", {}, "no such trade"),
        (acts.report_fraud, "", {"x": "1"}, "no body"),
        (acts.ask_information, "T1", {}, "no such trade"),
        (acts.ask_information, "", {"note": "1"}, "means nothing"),
    ],
)
async def test_what_cannot_be_is_refused_in_words(
    credentials: SandboxCredentials,
    act: object,
    number: str,
    body: JsonObject,
    words: str,
) -> None:
    assert callable(act)
    async with open_shop(credentials) as shop:
        paid = shop.paid()
        with pytest.raises(ConfigurationError, match=words):
            act(shop.engine, number or paid, body)
        assert not shop.engine.notifier.deliveries


def test_only_a_paid_order_is_a_fraud_or_asked_about() -> None:
    bench = Bench()
    trade = bench.ledger.open_link(bench.link()).value
    with pytest.raises(RefusedError, match="not paid"):
        cases.report_fraud(bench.ledger, trade.out_trade_no)
    with pytest.raises(RefusedError, match="not paid"):
        cases.ask_information(bench.ledger, trade.out_trade_no, "Why?")


def test_a_deadline_is_kept_with_its_dispute_and_counts_once() -> None:
    bench = Bench()
    opened = cases.open_dispute(bench.ledger, bench.paid().out_trade_no)
    assert [type(event) for event in opened.events] == [CaseTold]
    state = bench.ledger.repository.to_state()
    # As after a restart: what is due is worked out from the records.
    bench.ledger.load(Repository.from_state(state))
    assert bench.ledger.next_due() == START + WEEK
    bench.clock.set(START + WEEK)
    (told,) = bench.ledger.settle()
    assert isinstance(told, CaseTold)
    assert told.data["caseResult"] == "EXPIRED"
    (dispute,) = bench.ledger.repository.disputes()
    assert dispute.status is DisputeStatus.DISPUTE_END
    assert bench.ledger.settle() == ()
    assert bench.ledger.next_due() is None


def test_a_state_from_before_kinds_and_results_can_be_read() -> None:
    bench = Bench()
    cases.open_dispute(bench.ledger, bench.paid().out_trade_no)
    state = bench.ledger.repository.to_state()
    (kept,) = cast("list[JsonObject]", state["disputes"])
    del kept["kind"], kept["result"]
    (dispute,) = Repository.from_state(state).disputes()
    assert (dispute.kind, dispute.result) == ("DISPUTE", None)
