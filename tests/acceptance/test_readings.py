"""However PayerMax's open questions turn out, a sound merchant passes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from payermax_async.sandbox import (
    Duplicates,
    GatewayPolicy,
    LedgerPolicy,
    NoticeKind,
    SandboxOptions,
    SandboxServer,
)
from payermax_async.sandbox.ledger.quirks import Quirk
from payermax_async.sandbox.state.credentials import SandboxCredentials
from tests.acceptance.conftest import Shop, honest, webhook
from tests.cli.conftest import Shell

EITHER = frozenset(
    {
        Quirk.AMOUNTS_AS_TEXT,
        Quirk.LOWER_CASE_STATUS,
        Quirk.BLANK_AFTER_CARD_NUMBER,
        Quirk.EXPIRY_SAYS_ACTIVE,
        Quirk.TIMES_WITHOUT_FRACTION,
    }
)
READINGS = {
    "repeats are answered again, refusals are not signed": SandboxOptions(
        ledger=LedgerPolicy(
            quirks=EITHER,
            duplicate_links=Duplicates.SAME,
            duplicate_refunds=Duplicates.SAME,
        ),
        gateway=GatewayPolicy(sign_failures=False),
    ),
    "repeats are made again, orders are told of as well": SandboxOptions(
        ledger=LedgerPolicy(
            quirks=frozenset(Quirk) - EITHER, duplicate_links=Duplicates.SECOND
        ),
        kinds=frozenset({NoticeKind.PAYBYLINK, NoticeKind.PAYMENT, NoticeKind.REFUND}),
    ),
}


@pytest.mark.parametrize("name", READINGS)
async def test_a_sound_merchant_passes_by_every_reading(
    credentials: SandboxCredentials,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    shell: Shell,
    name: str,
) -> None:
    async with SandboxServer(credentials=credentials, options=READINGS[name]) as server:
        set_to: Callable[[str, str], None] = monkeypatch.setenv
        shop = Shop(server, tmp_path / "acceptance.json", shell, set_to)
        async with webhook(honest(shop.config)) as url:
            for setting, value in server.settings.items():
                set_to(setting, value)
            set_to("PAYERMAX_NOTIFY_URL", url)
            told = await shop.accept()
        assert set(shop.verdicts().values()) == {"passed"}, told.out
