from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
import pytest

from payermax_async.doctor import (
    Examination,
    Finding,
    ShownRun,
    Status,
    check_log,
    examine,
    production,
)
from payermax_async.sandbox.state.credentials import SandboxCredentials
from payermax_async.webhooks import SqliteInbox
from payermax_async.webhooks.inbox.entries import Arrival
from payermax_async.webhooks.samples import build_notification, sign_notification
from payermax_async.webhooks.verifying.parsing import read_notification
from tests.doctor.conftest import examination_of, of

REAL = {
    "PAYERMAX_ENVIRONMENT": "production",
    "PAYERMAX_MERCHANT_NO": "P01010113843429",
    "PAYERMAX_APP_ID": "6666c8b036a24579974497c2f9a33333",
    "PAYERMAX_NOTIFY_URL": "https://shop.example/payermax",
}


def variables(credentials: SandboxCredentials, **changed: str) -> dict[str, str]:
    own = credentials.environment("http://127.0.0.1:9/gateway")
    keys = {name: own[name] for name in own if "KEY" in name}
    return {**keys, **REAL, **changed}


def run_of(
    credentials: SandboxCredentials | None = None, **changed: object
) -> ShownRun:
    key = "SHA256:0" if credentials is None else credentials.merchant_key.fingerprint
    found = ShownRun(
        merchant_no="TEST081764",
        app_id="test6666",
        key=key,
        environment="test",
        missing=(),
    )
    return attrs.evolve(found, **changed)  # type: ignore[arg-type]


async def looked(
    credentials: SandboxCredentials,
    test_run: ShownRun | None = None,
    inbox: str = "",
    **changed: Any,
) -> list[Finding]:
    examination: Examination = attrs.evolve(
        examination_of(variables(credentials, **changed)),
        switch=True,
        test_run=test_run,
        inbox=inbox,
    )
    return [found async for found in examine(examination)]


async def test_a_merchant_who_is_ready_has_nothing_to_mend(
    credentials: SandboxCredentials, tmp_path: Path
) -> None:
    file = tmp_path / "inbox.sqlite3"
    async with SqliteInbox(file):
        pass
    found = await looked(credentials, run_of(), f"sqlite:///{file}")
    assert [one for one in found if one.status is Status.FAIL] == []
    for check in ("production", "acceptance", "key of its own", "inbox lasts", "log"):
        assert of(found, check).status is Status.OK, check


async def test_without_the_switch_nothing_of_it_is_looked_at(
    credentials: SandboxCredentials,
) -> None:
    examination = examination_of(variables(credentials))
    checks = {found.check async for found in examine(examination)}
    assert not checks & {"production", "acceptance", "inbox lasts", "versions", "log"}


@pytest.mark.parametrize(
    "settings",
    [
        {"PAYERMAX_ENVIRONMENT": "test"},
        {"PAYERMAX_BASE_URL": "https://pay.example/gateway"},
        {"PAYERMAX_BASE_URL": "http://127.0.0.1:8080/aggregate-pay/api/gateway"},
    ],
)
async def test_settings_of_another_gateway_are_found(
    credentials: SandboxCredentials, settings: dict[str, Any]
) -> None:
    changed = dict(settings)
    if "PAYERMAX_BASE_URL" in changed:
        changed["PAYERMAX_ENVIRONMENT"] = ""
    found = of(await looked(credentials, **changed), "production")
    assert found.status is Status.FAIL
    assert "production dashboard" in found.fix


async def test_the_key_of_the_test_environment_is_found(
    credentials: SandboxCredentials,
) -> None:
    found = of(await looked(credentials, run_of(credentials)), "key of its own")
    assert found.status is Status.FAIL
    assert "payermax keys generate" in found.fix


async def test_ids_of_the_test_environment_are_found(
    credentials: SandboxCredentials,
) -> None:
    run = run_of(merchant_no=REAL["PAYERMAX_MERCHANT_NO"])
    found = of(await looked(credentials, run), "ids of its own")
    assert found.status is Status.FAIL
    assert "PAYERMAX_MERCHANT_NO" in found.what


async def test_what_has_not_passed_is_named(credentials: SandboxCredentials) -> None:
    found = of(
        await looked(credentials, run_of(missing=("notice", "refund"))), "acceptance"
    )
    assert found.status is Status.FAIL
    assert "notice, refund" in found.what


async def test_a_run_in_the_sandbox_is_not_payermaxs(
    credentials: SandboxCredentials,
) -> None:
    found = await looked(credentials, run_of(environment="sandbox"))
    assert of(found, "acceptance").status is Status.WARN
    assert of(await looked(credentials), "acceptance").status is Status.WARN


async def test_an_inbox_that_others_may_read_is_too_much_in_production(
    credentials: SandboxCredentials, tmp_path: Path
) -> None:
    file = tmp_path / "inbox.sqlite3"
    async with SqliteInbox(file):
        pass
    file.chmod(0o644)
    found = await looked(credentials, run_of(), f"sqlite:///{file}")
    assert of(found, "inbox").status is Status.FAIL
    assert of(found, "inbox").fix


async def test_no_inbox_is_found(credentials: SandboxCredentials) -> None:
    found = of(await looked(credentials), "inbox lasts")
    assert found.status is Status.FAIL
    assert "--inbox" in found.fix


async def test_a_database_is_left_to_its_own_command(
    credentials: SandboxCredentials,
) -> None:
    found = await looked(credentials, inbox="postgresql://127.0.0.1:9/shop")
    assert of(found, "inbox lasts").status is Status.WARN


def test_packages_that_are_too_old_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    versions = {"aiohttp": "3.14.3", "attrs": "24.2", "pycryptodome": "3.23.0"}

    def version(name: str) -> str:
        return versions.get(name, "99.0")

    monkeypatch.setattr(production, "version", version)
    found = of(list(production.check_versions()), "versions")
    assert found.status is Status.FAIL
    assert "aiohttp 3.14.3, needed is 3.14.4" in found.what
    assert "pycryptodome 3.23.0" in found.what
    assert "attrs" not in found.what


def test_a_sqlite_with_the_bug_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for is_sound, status in ((True, Status.OK), (False, Status.WARN)):
        monkeypatch.setattr(production, "wal_is_sound", lambda it=is_sound: it)
        found = next(
            one for one in production.check_versions() if one.check == "SQLite"
        )
        assert found.status is status


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    found = logging.getLogger("payermax_async_log_check")
    yield found
    found.handlers.clear()
    found.disabled, found.propagate = False, True
    found.setLevel(logging.NOTSET)


def test_a_log_that_nobody_would_see_is_found(logger: logging.Logger) -> None:
    assert check_log(logger.name).status is Status.OK
    logger.propagate = False
    # Python prints what has no handler at all to standard error.
    assert check_log(logger.name).status is Status.OK
    quiet = logging.StreamHandler()
    quiet.setLevel(logging.CRITICAL)
    logger.addHandler(quiet)
    assert check_log(logger.name).status is Status.FAIL
    quiet.setLevel(logging.WARNING)
    assert check_log(logger.name).status is Status.OK
    logger.setLevel(logging.ERROR)
    assert check_log(logger.name).status is Status.FAIL
    logger.setLevel(logging.NOTSET)
    logger.disabled = True
    assert check_log(logger.name).status is Status.FAIL


async def test_nothing_that_is_told_holds_a_key_or_a_whole_id(
    credentials: SandboxCredentials,
) -> None:
    shown = str(await looked(credentials, run_of(credentials)))
    assert credentials.merchant_key.to_base64()[40:80] not in shown
    assert REAL["PAYERMAX_MERCHANT_NO"] not in shown
    assert REAL["PAYERMAX_APP_ID"] not in shown


async def test_whether_a_notification_was_ever_kept_is_told(
    credentials: SandboxCredentials, tmp_path: Path
) -> None:
    file = tmp_path / "inbox.sqlite3"
    address = f"sqlite:///{file}"
    async with SqliteInbox(file) as inbox:
        found = of(await looked(credentials, run_of(), address), "notification kept")
        assert found.status is Status.WARN
        assert "one small link" in found.fix
        notice = build_notification("PAYBYLINK")
        signed = sign_notification(credentials.platform_key, notice)
        await inbox.store(
            Arrival(
                notification=read_notification(signed.body),
                body=signed.body,
                received_at=datetime(2026, 11, 25, tzinfo=UTC),
            )
        )
    found = of(await looked(credentials, run_of(), address), "notification kept")
    assert found.status is Status.OK
    # One that is not there is told of by the check of its file alone.
    none = f"sqlite:///{tmp_path}/none.sqlite3"
    without = await looked(credentials, run_of(), none)
    assert of(without, "inbox").status is Status.FAIL
    assert "notification kept" not in {one.check for one in without}
    assert not (tmp_path / "none.sqlite3").exists()
