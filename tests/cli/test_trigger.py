from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import get_args

import pytest

from payermax_async import PayerMaxClient
from payermax_async.cli.receiver import LoopbackReceiver
from payermax_async.cli.sandbox import PLATFORM_KEY
from payermax_async.cli.trigger import Event
from payermax_async.config import MerchantConfig
from payermax_async.core.models.notifications import (
    LinkNotification,
    PaymentNotification,
    RefundNotification,
)
from payermax_async.core.notice_table import NOTICES
from payermax_async.core.notices import notice_type, payload_text
from payermax_async.sandbox.server import SandboxServer
from payermax_async.sandbox.state.credentials import SandboxCredentials
from payermax_async.webhooks import DisputeNotification, NotificationVerifier
from tests.cli.conftest import Shell
from tests.pipeline.gateway import order


@pytest.fixture(autouse=True)
def keys(credentials: SandboxCredentials, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = credentials.environment("http://127.0.0.1:9/gateway")
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv(PLATFORM_KEY, credentials.platform_key.to_base64())


@pytest.fixture
async def receiver() -> AsyncIterator[LoopbackReceiver]:
    verifier = NotificationVerifier.for_merchant(MerchantConfig.from_env())
    async with LoopbackReceiver(verifier) as made:
        yield made


async def test_a_paid_link_is_told_with_what_was_asked_for(
    shell: Shell, receiver: LoopbackReceiver, credentials: SandboxCredentials
) -> None:
    told = await shell(
        *("trigger", "PAYBYLINK", "--to", receiver.url, "--id", "order-1001"),
        *("--amount", "19.90", "--currency", "USD"),
    )
    assert (told.code, told.err) == (0, "")
    assert told.out.startswith("acknowledged\n")
    delivery = await receiver.next(10)
    assert isinstance(delivery.notification, LinkNotification)
    assert delivery.notification.merchant_no == credentials.merchant_no
    link = delivery.notification.data
    assert (link.merchant_link_id, link.total_amount, link.currency) == (
        "order-1001",
        Decimal("19.90"),
        "USD",
    )
    assert link.is_paid
    assert b'"totalAmount":"19.90"' in delivery.body


async def test_orders_and_refunds_are_told_too(
    shell: Shell, receiver: LoopbackReceiver
) -> None:
    words = ("--to", receiver.url, "--id", "x1", "--amount", "5", "--currency", "EUR")
    assert (await shell("trigger", "PAYMENT", *words, "--status", "FAILED")).code == 0
    order = (await receiver.next(10)).notification
    assert isinstance(order, PaymentNotification)
    assert (order.data.out_trade_no, order.data.is_paid) == ("x1", False)
    refund = await shell("trigger", "REFUND", *words, "--status", "REFUND_FAILED")
    assert refund.code == 0
    back = (await receiver.next(10)).notification
    assert isinstance(back, RefundNotification)
    assert (back.data.out_refund_no, back.data.refund_amount) == ("x1", Decimal(5))


async def test_a_dispute_is_told_with_its_deadline_and_names_nobody(
    shell: Shell, receiver: LoopbackReceiver, credentials: SandboxCredentials
) -> None:
    told = await shell(
        *("trigger", "DISPUTE", "--to", receiver.url, "--id", "C1", "--amount", "5"),
        *("--currency", "EUR", "--status", "DISPUTE_INQUIRY", "--deadline", "soon"),
    )
    assert (told.code, told.err) == (0, "")
    delivery = await receiver.next(10)
    found = delivery.notification
    assert isinstance(found, DisputeNotification)
    data = found.data
    assert (data.case_id, data.amount, data.currency) == ("C1", Decimal(5), "EUR")
    assert (data.status, data.expiration_date) == ("DISPUTE_INQUIRY", "soon")
    assert b"merchantNo" not in delivery.body
    assert b'"amount":"5"' in delivery.body


async def test_every_type_can_be_told(shell: Shell, receiver: LoopbackReceiver) -> None:
    kinds = get_args(Event)
    assert [notice_type(kind).name for kind in kinds] == [
        kind.replace("_", " ") for kind in kinds
    ]
    assert {notice_type(kind).name for kind in kinds} == {row.name for row in NOTICES}
    for kind in kinds:
        told = await shell("trigger", kind, "--to", receiver.url, "--id", "x-1")
        assert told.code == 0, kind
        found = (await receiver.next(10)).notification
        assert found is not None
        assert found.notify_type.replace("_", " ") == kind.replace("_", " ")
        assert payload_text(found, notice_type(kind).id_field) == "x-1"


async def test_another_key_is_refused_by_the_handler_and_the_exit_code_says_so(
    shell: Shell,
    receiver: LoopbackReceiver,
    credentials: SandboxCredentials,
    tmp_path: Path,
) -> None:
    file = tmp_path / "other.pem"
    file.write_text(credentials.merchant_key.to_pem())
    told = await shell("trigger", "PAYMENT", "--to", receiver.url, "--key", str(file))
    assert told.code == 1
    assert told.out.startswith("NOT ACKNOWLEDGED\n")
    assert '{"code":"SUCCESS","msg":"Success"}' in told.out
    assert (await receiver.next(10)).refusal is not None


async def test_without_the_sandboxs_key_it_says_where_to_get_it(
    shell: Shell, receiver: LoopbackReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(PLATFORM_KEY)
    told = await shell("trigger", "PAYMENT", "--to", receiver.url)
    assert told.code == 2
    assert PLATFORM_KEY in told.err
    assert "payermax sandbox" in told.err


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("SURVEY", "--to", "http://127.0.0.1:9/"), "SURVEY"),
        (
            ("CANCEL", "--to", "http://127.0.0.1:9/", "--amount", "5"),
            "CANCEL has no amount",
        ),
        (
            ("PAYOUT", "--to", "http://127.0.0.1:9/", "--deadline", "5"),
            "PAYOUT has no deadline",
        ),
        (("PAYMENT", "--to", "nowhere"), "--to"),
        (("PAYMENT",), "--to"),
        (("PAYMENT", "--to", "http://127.0.0.1:9/", "--amount", "1e3"), "--amount"),
    ],
)
async def test_wrong_usage_is_told(
    shell: Shell, words: tuple[str, ...], expected: str
) -> None:
    told = await shell("trigger", *words)
    assert told.code == 2
    assert expected in told.err
    assert "Traceback" not in told.err


async def test_nobody_there_is_told(shell: Shell) -> None:
    told = await shell("trigger", "PAYMENT", "--to", "http://127.0.0.1:9/hook")
    assert told.code == 1
    assert "nobody listens" in told.err


async def test_the_receivers_patience_with_headers_that_never_end_is_bounded() -> None:
    verifier = NotificationVerifier.for_merchant(MerchantConfig.from_env())
    async with LoopbackReceiver(verifier, head_seconds=0.3) as receiver:
        port = int(receiver.url.split(":")[2].partition("/")[0])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /payermax/notifications HTTP/1.1\r\nHost: ")
        async with asyncio.timeout(30):
            with contextlib.suppress(ConnectionError):
                assert await reader.read() == b""
        writer.transport.abort()


async def test_what_a_link_of_the_sandbox_asks_for_is_looked_up(
    gateway: SandboxServer,
    shell: Shell,
    receiver: LoopbackReceiver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with PayerMaxClient(MerchantConfig.from_env()) as client:
        await client.create_link(order("order-7"))
    words = ("trigger", "PAYBYLINK", "--to", receiver.url, "--id")
    platform = gateway.engine.credentials.platform_key.to_base64()
    monkeypatch.setenv(PLATFORM_KEY, platform)
    told = await shell(*words, "order-7")
    assert (told.code, told.err) == (0, "")
    assert "posted     PAYBYLINK order-7 19.90 USD" in told.out
    assert "Whether it was handled, 'payermax inbox list' tells" in told.out
    first = (await receiver.next(10)).notification
    assert isinstance(first, LinkNotification)
    assert (first.data.total_amount, first.data.currency) == (Decimal("19.90"), "USD")
    told = await shell(*words, "order-8")
    assert (told.code, "order-8: amount and currency are made up" in told.err) == (
        0,
        True,
    )


async def test_no_payment_is_told_twice_unless_its_number_is_given(
    shell: Shell, receiver: LoopbackReceiver
) -> None:
    words = ("--to", receiver.url, "--amount", "5", "--currency", "EUR")
    trades = list[str]()
    for more in ((), (), ("--trade", "T1"), ("--trade", "T1")):
        assert (await shell("trigger", "PAYBYLINK", *words, *more)).code == 0
        link = (await receiver.next(10)).notification
        assert isinstance(link, LinkNotification)
        trades.extend(one.out_trade_no or "" for one in link.data.pay_by_link_info)
    assert trades[2:] == ["T1", "T1"]
    assert len(set(trades)) == 3
    for _ in range(2):
        assert (await shell("trigger", "PAYMENT", *words)).code == 0
    told = [(await receiver.next(10)).notification for _ in range(2)]
    numbers = {
        one.data.out_trade_no for one in told if isinstance(one, PaymentNotification)
    }
    assert len(numbers) == 2
    told_of = await shell("trigger", "FRAUD", "--to", receiver.url, "--trade", "T1")
    assert (told_of.code, "FRAUD has no trade" in told_of.err) == (2, True)
