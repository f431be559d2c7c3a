from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from payermax_async.sandbox.state.credentials import SandboxCredentials
from payermax_async.webhooks.samples import SignedNotification, sign_notification
from tests.cli.conftest import Shell


@pytest.fixture
def genuine(
    credentials: SandboxCredentials, settings: Callable[[str], None]
) -> SignedNotification:
    settings("http://127.0.0.1:9/gateway")
    return sign_notification(
        credentials.platform_key,
        "PAYBYLINK",
        merchant_no=credentials.merchant_no,
        app_id=credentials.app_id,
        merchant_link_id="order-1001",
        notify_time=None,
    )


@pytest.fixture
def file(genuine: SignedNotification, tmp_path: Path) -> Path:
    path = tmp_path / "body.json"
    path.write_bytes(genuine.body)
    return path


async def test_a_genuine_notification_is_shown_by_what_it_means(
    shell: Shell, file: Path, genuine: SignedNotification
) -> None:
    told = await shell(
        "webhooks", "verify", str(file), "--sign", genuine.headers["sign"]
    )
    assert (told.code, told.err) == (0, "")
    assert told.out.startswith("Genuine PAYBYLINK")
    assert "LinkPaid order-1001" in told.out


async def test_json_is_for_programs_and_holds_the_key_of_the_event(
    shell: Shell, file: Path, genuine: SignedNotification
) -> None:
    sign = genuine.headers["sign"]
    told = await shell("webhooks", "verify", str(file), "--sign", sign, "--json")
    found = json.loads(told.out)
    assert (told.code, told.err) == (0, "")
    assert found["data"]["merchant_link_id"] == "order-1001"
    assert "order-1001" in found["dedupe_key"]


async def test_all_headers_can_be_given_as_they_were_caught(
    shell: Shell, file: Path, genuine: SignedNotification, tmp_path: Path
) -> None:
    headers = tmp_path / "headers.txt"
    right = genuine.headers["sign"]
    lines = ["POST /payermax HTTP/1.1", "Host: shop.example", f"Sign: {right}", ""]
    headers.write_text("\r\n".join(lines))
    told = await shell("webhooks", "verify", str(file), "--headers", str(headers))
    assert (told.code, told.err) == (0, "")
    headers.write_text("\r\n".join([*lines, f"sign: {right}"]))
    told = await shell("webhooks", "verify", str(file), "--headers", str(headers))
    assert told.code == 1
    assert "more than one sign header" in told.err


async def test_a_forged_one_is_refused_with_the_status_an_endpoint_answers(
    shell: Shell, file: Path, genuine: SignedNotification
) -> None:
    file.write_bytes(genuine.body.replace(b"1001", b"1002"))
    told = await shell(
        "webhooks", "verify", str(file), "--sign", genuine.headers["sign"]
    )
    assert (told.code, told.out) == (1, "")
    assert told.err.startswith("REFUSED  the signature does not belong to the body")
    assert "answers 401" in told.err
    assert "line break" not in told.err


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
async def test_a_line_break_that_an_editor_added_is_named(
    shell: Shell, file: Path, genuine: SignedNotification, end: bytes
) -> None:
    file.write_bytes(genuine.body + end)
    told = await shell(
        "webhooks", "verify", str(file), "--sign", genuine.headers["sign"]
    )
    assert told.code == 1
    assert "Without the line break at its end" in told.err


async def test_another_key_can_be_tried(
    shell: Shell,
    file: Path,
    genuine: SignedNotification,
    credentials: SandboxCredentials,
    tmp_path: Path,
) -> None:
    words = ("webhooks", "verify", str(file), "--sign", genuine.headers["sign"])
    other = tmp_path / "other.pem"
    other.write_text(credentials.merchant_key.public_key.to_pem())
    assert (await shell(*words, "--platform", str(other))).code == 1
    other.write_text(credentials.platform_key.public_key.to_pem())
    assert (await shell(*words, "--platform", str(other))).code == 0


@pytest.mark.parametrize("both", [True, False])
async def test_one_of_sign_and_headers_is_needed(
    shell: Shell, file: Path, both: bool
) -> None:
    words = ["--sign", "x", "--headers", str(file)] if both else []
    told = await shell("webhooks", "verify", str(file), *words)
    assert (told.code, told.out) == (2, "")
    assert "either --sign or --headers" in told.err


async def test_missing_files_and_settings_are_named(
    shell: Shell, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = tmp_path / "none.json"
    told = await shell("webhooks", "verify", str(missing), "--sign", "x")
    assert told.code == 2
    assert "none.json cannot be read" in " ".join(told.err.split())
    monkeypatch.delenv("PAYERMAX_PLATFORM_PUBLIC_KEY")
    told = await shell("webhooks", "verify", str(file), "--sign", "x")
    assert told.code == 2
    assert "PAYERMAX_PLATFORM_PUBLIC_KEY is not set" in " ".join(told.err.split())
