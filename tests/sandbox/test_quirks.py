"""However the gateway writes its answers, the client reads the same in them."""

from __future__ import annotations

import asyncio
import functools
from decimal import Decimal

import pytest

from payermax_async import (
    CreateLink,
    CreateRefund,
    MerchantConfig,
    NotificationVerifier,
    PayerMaxClient,
    UserInfo,
)
from payermax_async.core.strict_json import JsonObject, JsonValue
from payermax_async.sandbox.clock import VirtualClock
from payermax_async.sandbox.engine import SandboxEngine, SandboxOptions
from payermax_async.sandbox.ledger.payment_methods import PaymentOutcome
from payermax_async.sandbox.ledger.policy import LedgerPolicy
from payermax_async.sandbox.ledger.quirks import Quirk, respelled
from payermax_async.sandbox.state.credentials import SandboxCredentials
from payermax_async.testing.sandbox import SandboxTransport, sandbox_in_process
from payermax_async.transport.base import Headers
from payermax_async.webhooks import LinkNotification, RefundNotification

from .kit import START, Bench, payment

DATA: JsonObject = {
    "linkStatus": "ACTIVE",
    "totalAmount": "19.90",
    "expiresAt": "2030-01-31T10:00:00.500Z",
    "goodsDetails": [{"price": "5", "goodsName": "a"}, {"price": "6"}],
    "payByLinkInfo": [
        {
            "completeAt": "2030-01-31T10:00:00.500Z",
            "paymentDetails": [
                {"payAmount": Decimal("19.90"), "cardInfo": {"cardNumber": "4**"}}
            ],
        }
    ],
}


def inside(place: JsonValue, step: str) -> JsonValue:
    if isinstance(place, list):
        return place[int(step)]
    assert isinstance(place, dict)
    return place[step]


@pytest.mark.parametrize(
    ("quirk", "path", "expected"),
    [
        (Quirk.LOWER_CASE_STATUS, "linkStatus", "active"),
        (Quirk.AMOUNTS_AS_NUMBERS, "totalAmount", Decimal("19.90")),
        (Quirk.AMOUNTS_AS_NUMBERS, "goodsDetails.0.price", Decimal(5)),
        (
            Quirk.AMOUNTS_AS_TEXT,
            "payByLinkInfo.0.paymentDetails.0.payAmount",
            "19.90",
        ),
        (Quirk.GOODS_AS_OBJECT, "goodsDetails.goodsName", "a"),
        (Quirk.TIMES_WITHOUT_FRACTION, "expiresAt", "2030-01-31T10:00:00Z"),
        (
            Quirk.TIMES_WITH_OFFSET,
            "payByLinkInfo.0.completeAt",
            "2030-01-31T10:00:00.500+00:00",
        ),
        (
            Quirk.BLANK_AFTER_CARD_NUMBER,
            "payByLinkInfo.0.paymentDetails.0.cardInfo.cardNumber ",
            "4**",
        ),
        (
            Quirk.OLD_CARD_NUMBER,
            "payByLinkInfo.0.paymentDetails.0.cardInfo.cardIidentifierNo ",
            "4**",
        ),
    ],
)
def test_each_quirk_writes_its_field_in_its_way(
    quirk: Quirk, path: str, expected: JsonValue
) -> None:
    start: JsonValue = respelled(DATA, {quirk})
    place = functools.reduce(inside, path.split("."), start)
    assert (place, type(place)) == (expected, type(expected))
    assert respelled(DATA, set()) == DATA


def test_a_withdrawn_link_may_be_told_as_active_until_it_is_asked_for() -> None:
    bench = Bench(LedgerPolicy(quirks=frozenset({Quirk.EXPIRY_SAYS_ACTIVE})))
    bench.link()
    key: JsonObject = {"merchantLinkId": "paylinktest001"}
    assert bench.ask("expirePaybylink", key)["linkStatus"] == "ACTIVE"
    assert bench.ask("queryPaybylink", key)["linkStatus"] == "EXPIRED"


def test_a_refund_may_be_told_with_the_name_of_a_total() -> None:
    bench = Bench(LedgerPolicy(quirks=frozenset({Quirk.REFUND_AMOUNT_AS_TOTAL})))
    bench.refund(bench.paid())
    told = bench.ask("refundQuery", {"outRefundNo": "refund-1"})
    assert told["totalAmount"] == 100
    assert "refundAmount" not in told


COMBINATIONS = [
    *(frozenset({quirk}) for quirk in Quirk),
    frozenset(Quirk),
    frozenset(Quirk) - {Quirk.AMOUNTS_AS_TEXT, Quirk.OLD_CARD_NUMBER},
]


@pytest.mark.parametrize(
    "quirks", COMBINATIONS, ids=lambda quirks: "+".join(q.value for q in quirks)[:40]
)
async def test_a_client_reads_every_way_of_writing(
    credentials: SandboxCredentials, quirks: frozenset[Quirk]
) -> None:
    posts: list[tuple[Headers, bytes]] = []

    async def post(url: str, headers: Headers, body: bytes) -> tuple[int, bytes]:
        posts.append((headers, body))
        return 200, b'{"code":"SUCCESS","msg":"Success"}'

    clock = VirtualClock(START)
    options = SandboxOptions(
        ledger=LedgerPolicy(quirks=quirks), notify_url="http://127.0.0.1:9/hook"
    )
    async with sandbox_in_process(
        credentials=credentials, clock=clock, options=options, post=post
    ) as engine:
        config = MerchantConfig.from_env(
            {
                **engine.environment("http://127.0.0.1:9/gateway"),
                "PAYERMAX_NOTIFY_URL": "http://127.0.0.1:9/hook",
                "PAYERMAX_CONTACT_EMAIL": "shop@example.com",
                "PAYERMAX_SHOW_URL": "http://127.0.0.1:9/",
            }
        )
        verifier = NotificationVerifier.for_merchant(config, clock=clock)
        transport = SandboxTransport(engine.gateway)
        async with PayerMaxClient(config, transport=transport, clock=clock) as client:
            await walk(client, engine, clock)
    told = [await verifier.verify(dict(headers), body) for headers, body in posts]
    paid, refunded = told
    assert isinstance(paid, LinkNotification)
    assert paid.data.is_paid
    assert paid.data.total_amount == Decimal("19.90")
    (attempt,) = paid.data.pay_by_link_info
    (details,) = attempt.payment_details
    assert details.card_info is not None
    assert isinstance(refunded, RefundNotification)
    assert refunded.data.refund_amount == Decimal("9.90")


async def walk(
    client: PayerMaxClient, engine: SandboxEngine, clock: VirtualClock
) -> None:
    for number in (1, 2):
        await client.create_link(
            CreateLink(
                merchant_link_id=f"order-{number}",
                total_amount="19.90",
                currency="USD",
                country="US",
                description="Blue T-shirt",
                user_info=UserInfo(user_id="98"),
            )
        )
    await client.expire_link("order-2")
    first = engine.ledger.repository.links()[0]
    engine.tell(
        engine.ledger.pay_link(first.link_id, payment(PaymentOutcome.SUCCEED)).events
    )
    link = await client.query_link("order-1")
    assert link.is_paid
    assert link.total_amount == Decimal("19.90")
    assert [item.goods_name for item in link.goods_details] == ["Blue T-shirt"]
    trade_no = link.pay_by_link_info[0].out_trade_no
    assert trade_no is not None
    order = await client.query_order(trade_no)
    assert order.is_paid
    assert order.total_amount == Decimal("19.90")
    await client.refund(
        CreateRefund(
            out_refund_no="refund-1",
            out_trade_no=trade_no,
            refund_amount="9.90",
            refund_currency="USD",
        )
    )
    await engine.notifier.settled()
    await clock.advance("1m")
    await asyncio.sleep(0)
    await engine.notifier.settled()
    refund = await client.query_refund("refund-1")
    assert refund.refund_amount == Decimal("9.90")
