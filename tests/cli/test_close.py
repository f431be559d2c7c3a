from __future__ import annotations

import json
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from payermax_async import MerchantConfig
from payermax_async.sandbox import SandboxServer
from payermax_async.webhooks import (
    NotificationVerifier,
    NotifiedEvent,
    Receiver,
    SqliteInbox,
)
from payermax_async.webhooks.samples import build_notification, sign_notification
from tests.cli.conftest import Shell

PAID_AT = datetime.now(UTC) - timedelta(days=1)


@pytest.fixture
async def inbox(gateway: SandboxServer, tmp_path: Path) -> str:
    """One with a payment of yesterday that PayerMax knows nothing of."""
    file = tmp_path / "inbox.sqlite3"
    config = MerchantConfig.from_env(gateway.settings)
    receiver = Receiver(NotificationVerifier.for_merchant(config), SqliteInbox(file))

    @receiver.on(NotifiedEvent)
    async def take(event: NotifiedEvent) -> None:
        del event

    async with receiver:
        notice = build_notification(
            "PAYBYLINK",
            merchant_no=config.merchant_no,
            app_id=config.app_id,
            merchant_link_id="order-1",
            out_trade_no="T1",
            total_amount="40000",
            currency="IDR",
            complete_at=PAID_AT,
        )
        key = gateway.engine.credentials.platform_key
        signed = sign_notification(key, notice)
        assert (await receiver.handle(signed.headers, signed.body)).status == 200
        await receiver.settled()
    return f"sqlite:///{file}"


async def test_a_day_is_closed_and_what_differs_is_told(
    gateway: SandboxServer, inbox: str, shell: Shell, tmp_path: Path
) -> None:
    page = tmp_path / "close.html"
    words = ("close", "--day", PAID_AT.date().isoformat(), "--inbox", inbox)
    told = await shell(*words, "--html", str(page))
    assert told.code == 1, told
    assert "not paid  40000 IDR" in told.out
    assert "PayerMax says of the order: unknown" in told.out
    assert "1 to look into." in told.out
    assert stat.S_IMODE(page.stat().st_mode) == 0o600
    assert "1 to look into" in page.read_text("utf-8")
    told = await shell(*words, "--json")
    found = json.loads(told.out)
    (one,) = found["differences"]
    assert (one["trade_no"], one["amount"]) == ("T1", "40000")
    assert found["day"]["zone"] == "UTC"


async def test_a_day_on_which_nothing_was_agrees(
    gateway: SandboxServer, inbox: str, shell: Shell
) -> None:
    day = (datetime.now(UTC) - timedelta(days=9)).date().isoformat()
    told = await shell("close", "--day", day, "--zone", "CST", "--inbox", inbox)
    assert told.code in {0, 1}, told
    assert "T1" not in told.out


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--day", "yesterday"), "--day is a date"),
        (("--day", "2026-13-01"), "--day is a date"),
        (("--day", "2026-01-01", "--zone", "PST9"), "the zone is UTC"),
        (("--day", "2026-01-01"), "give an inbox or a journal"),
    ],
)
async def test_what_makes_no_sense_is_wrong_usage(
    gateway: SandboxServer, shell: Shell, words: tuple[str, ...], why: str
) -> None:
    told = await shell("close", *words)
    assert told.code == 2
    assert why in " ".join(told.err.split())


async def test_today_is_not_over(
    gateway: SandboxServer, inbox: str, shell: Shell
) -> None:
    day = (datetime.now(UTC) + timedelta(days=1)).date().isoformat()
    told = await shell("close", "--day", day, "--inbox", inbox)
    assert told.code == 2
    assert "is not over by UTC" in " ".join(told.err.split())
