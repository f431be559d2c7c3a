"""However PayerMax's open questions turn out, a sound merchant passes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from payermax_async.sandbox import SandboxOptions, SandboxServer, read_scenario
from payermax_async.sandbox.state.credentials import SandboxCredentials
from payermax_async.sandbox.switches import SWITCHES
from tests.acceptance.conftest import Shop, honest, webhook
from tests.cli.conftest import Shell


def _scenario(choose: int) -> SandboxOptions:
    """A sandbox that plays one answer of each open question."""
    tables: dict[str, list[str]] = {}
    for switch in SWITCHES:
        line = f"{switch.name} = {switch.values[choose]}"
        tables.setdefault(switch.table, []).append(line)
    lines = [f"[{name}]\n" + "\n".join(found) for name, found in tables.items()]
    return read_scenario("\n".join(lines))


READINGS = {"the second answer": 1, "the last answer": -1}


@pytest.mark.parametrize("name", READINGS)
async def test_a_sound_merchant_passes_by_every_reading(
    credentials: SandboxCredentials,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    shell: Shell,
    name: str,
) -> None:
    async with SandboxServer(
        credentials=credentials, options=_scenario(READINGS[name])
    ) as server:
        set_to: Callable[[str, str], None] = monkeypatch.setenv
        shop = Shop(server, tmp_path / "acceptance.json", shell, set_to)
        async with webhook(honest(shop.config)) as url:
            for setting, value in server.settings.items():
                set_to(setting, value)
            set_to("PAYERMAX_NOTIFY_URL", url)
            told = await shop.accept()
        assert set(shop.verdicts().values()) == {"passed"}, told.out
