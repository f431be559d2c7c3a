from __future__ import annotations

import json
from pathlib import Path

import pytest

from payermax_async.sandbox.server import SandboxServer
from payermax_async.sandbox.state.credentials import SandboxCredentials
from tests.cli.conftest import Shell


async def test_a_well_merchant_is_sent_away_with_0(
    gateway: SandboxServer, shell: Shell
) -> None:
    told = await shell("doctor")
    assert (told.code, told.err) == (0, "")
    assert "ORDER_NOT_EXIST" in told.out
    assert told.out.rstrip().splitlines()[-1].startswith("Nothing to mend")
    assert all(len(line.rstrip()) <= 80 for line in told.out.splitlines())


async def test_what_is_wrong_comes_with_its_fix_and_1(
    gateway: SandboxServer,
    credentials: SandboxCredentials,
    shell: Shell,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own = credentials.merchant_key.public_key.to_base64()
    monkeypatch.setenv("PAYERMAX_PLATFORM_PUBLIC_KEY", own)
    told = await shell("doctor")
    assert (told.code, told.err) == (1, "")
    assert "FAIL  platform key" in told.out
    assert "take the other one" in " ".join(told.out.split())
    assert "1 to mend" in told.out


async def test_json_holds_the_same_findings(
    gateway: SandboxServer, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAYERMAX_CONTACT_EMAIL", "bob")
    told = await shell("doctor", "--json")
    assert (told.code, told.err) == (1, "")
    report = json.loads(told.out)
    assert report["ok"] is False
    (wrong,) = [one for one in report["findings"] if one["status"] == "fail"]
    assert wrong["check"] == "settings"
    assert "PAYERMAX_CONTACT_EMAIL" in wrong["what"]
    assert wrong["fix"]


async def test_offline_asks_nobody(
    gateway: SandboxServer, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise AssertionError("the network was touched")

    monkeypatch.setattr("asyncio.open_connection", fail)
    monkeypatch.setattr("payermax_async.transport.aiohttp.AiohttpTransport.open", fail)
    told = await shell("doctor", "--offline")
    assert (told.code, told.err) == (0, "")
    assert not gateway.engine.gateway.exchanges


async def test_nothing_set_at_all_is_told_setting_by_setting(shell: Shell) -> None:
    told = await shell("doctor", "--offline", "--json")
    assert told.code == 1
    said = " ".join(one["what"] for one in json.loads(told.out)["findings"])
    for name in ("MERCHANT_NO", "APP_ID", "PRIVATE_KEY", "PLATFORM_PUBLIC_KEY"):
        assert f"PAYERMAX_{name} is not set" in said


async def test_a_profile_of_a_file_is_looked_at(
    credentials: SandboxCredentials, shell: Shell, tmp_path: Path
) -> None:
    file = tmp_path / "payermax.toml"
    settings = credentials.environment("http://127.0.0.1:9/gateway")
    lines = [f'{name[9:].lower()} = "{value}"' for name, value in settings.items()]
    file.write_text("\n".join(["[shop]", *lines, 'logo = "x"']))
    words = ("--config", str(file), "--profile", "shop")
    told = await shell("doctor", "--offline", *words)
    assert told.code == 1
    assert "logo is no setting; did you mean logo_url?" in " ".join(told.out.split())


async def test_settings_that_cannot_be_read_are_wrong_usage(shell: Shell) -> None:
    told = await shell("doctor", "--config", "/nowhere/p.toml")
    assert told.code == 2
    assert "NOT DONE" in told.err


@pytest.mark.parametrize("way", ["option", "variable"])
async def test_authorities_that_cannot_be_read_are_found(
    shell: Shell, gateway: SandboxServer, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    words = ["--ca-file", "/nowhere/ca.pem"] if way == "option" else []
    if way == "variable":
        monkeypatch.setenv("PAYERMAX_CA_FILE", "/nowhere/ca.pem")
    told = await shell("doctor", "--offline", *words)
    assert told.code == 1
    assert "FAIL  authorities" in told.out
    assert "ca_file cannot be read (No such file" in " ".join(told.out.split())


async def test_the_output_can_be_pasted_into_a_ticket(
    gateway: SandboxServer,
    credentials: SandboxCredentials,
    shell: Shell,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PAYERMAX_MERCHANT_AUTH_TOKEN", "T0psecret")
    for words in (["doctor"], ["doctor", "--json"], ["doctor", "--offline"]):
        told = await shell(*words)
        shown = told.out + told.err
        for secret in (
            credentials.merchant_key.to_base64()[40:80],
            credentials.platform_key.public_key.to_base64()[60:100],
            credentials.merchant_no,
            credentials.app_id,
            "shop@example.com",
            "T0psecret",
        ):
            assert secret not in shown


async def test_the_switch_is_held_against_what_was_shown_before(
    gateway: SandboxServer, shell: Shell, tmp_path: Path
) -> None:
    file = tmp_path / "acceptance.json"
    await shell("acceptance", "--pay", "--evidence", str(file))
    told = await shell("doctor", "--offline", "--production", "--evidence", str(file))
    shown = " ".join(told.out.split())
    assert told.code == 1
    assert "These settings are for another gateway (sandbox)." in shown
    assert "Not passed in the sandbox: notice, repeated, forged." in shown
    assert "The merchant's key is the one of the test environment." in shown
    assert "No inbox was named" in shown
    file.write_text("{}", encoding="utf-8")
    told = await shell("doctor", "--production", "--evidence", str(file))
    assert told.code == 2
