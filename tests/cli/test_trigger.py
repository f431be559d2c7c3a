from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest

from payermax_async.cli.receiver import LoopbackReceiver
from payermax_async.cli.sandbox import PLATFORM_KEY
from payermax_async.config import MerchantConfig
from payermax_async.core.models.notifications import (
    LinkNotification,
    PaymentNotification,
    RefundNotification,
)
from payermax_async.sandbox.state.credentials import SandboxCredentials
from payermax_async.webhooks import NotificationVerifier
from tests.cli.conftest import Shell


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
        (("PAYOUT", "--to", "http://127.0.0.1:9/"), "PAYOUT"),
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
