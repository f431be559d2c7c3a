from __future__ import annotations

import json
import os
import re
import stat
from decimal import Decimal
from pathlib import Path

import pytest

from payermax_async.acceptance import CASES
from payermax_async.acceptance.refund_cases import refund_amounts
from payermax_async.sandbox.admin.actions import pay
from payermax_async.webhooks import (
    NotificationVerifier,
    NotifiedEvent,
    Receiver,
    SqliteInbox,
)
from payermax_async.webhooks.aiohttp import webhook_handler
from tests.acceptance.conftest import Shop, honest, webhook
from tests.cli.conftest import Told
from tests.cli.running import running


async def test_a_sound_merchant_passes_every_case(shop: Shop) -> None:
    async with webhook(honest(shop.config)) as url:
        shop.set("PAYERMAX_NOTIFY_URL", url)
        told = await shop.accept()
    assert shop.verdicts() == dict.fromkeys((case.name for case in CASES), "passed"), (
        told
    )
    assert told.code == 0
    assert "Ready for PayerMax's acceptance." in told.out
    called = {
        one["operation"] for case in shop.kept["results"] for one in case["exchanges"]
    }
    assert called == {
        *("createPaybylink", "queryPaybylink", "expirePaybylink"),
        *("orderQuery", "refund", "refundQuery"),
    }
    # The number that support finds each by, and when, with its zone.
    (link,) = [
        one
        for one in shop.server.engine.ledger.repository.links()
        if one.merchant_link_id.endswith("_paid")
    ]
    assert shop.case("paid")["ids"]["merchantLinkId"] == link.merchant_link_id
    assert all(
        one["at"].endswith("+00:00")
        for case in shop.kept["results"]
        for one in (*case["exchanges"], *case["notices"])
    )


def _cards(shop: Shop) -> set[str]:
    """The masked numbers of the cards that PayerMax told of."""
    told = "".join(
        one.response.body.decode()
        for one in shop.server.engine.gateway.exchanges
        if one.response is not None
    )
    found = set(re.findall(r'"cardIdentifierNo":"([^"]+)"', told))
    assert found
    return found


async def test_the_pack_holds_no_key_token_card_name_or_address(shop: Shop) -> None:
    shop.set("PAYERMAX_MERCHANT_AUTH_TOKEN", "tok-3xYq81aa")
    shop.set("PAYERMAX_CONTACT_EMAIL", "till@shop.example")
    async with webhook(honest(shop.config)) as url:
        shop.set("PAYERMAX_NOTIFY_URL", url)
        told = await shop.accept()
    # All that could be written down was sent, and came.
    assert set(shop.verdicts().values()) == {"passed"}, told
    sent = shop.server.engine.gateway.exchanges
    assert any(b"till@shop.example" in one.body for one in sent)
    page = shop.file.with_suffix(".html").read_text("utf-8")
    shown = told.out + shop.file.read_text("utf-8") + page
    keys = shop.server.engine.credentials
    for secret in (
        keys.merchant_key.to_base64()[40:70],
        keys.platform_key.public_key.to_base64()[60:90],
        "tok-3xYq81aa",
        "till@shop.example",
        "@",
        "James Smith",
        "CVV",
        *_cards(shop),
    ):
        assert secret not in shown.replace("@media", "").replace("@page", ""), secret
    assert "scrubbed" not in shown
    # Nor a signature, nor a page that somebody could still pay.
    for exchange in shop.server.engine.gateway.exchanges:
        sign = dict(exchange.headers).get("sign", "")
        assert not sign or sign[:24] not in shown
    for link in shop.server.engine.ledger.repository.links():
        assert f"/{link.link_id}" not in shown


async def test_the_files_are_their_owners_alone(shop: Shop) -> None:
    await shop.accept()
    for file in (shop.file, shop.file.with_suffix(".html")):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


async def test_what_has_passed_is_not_done_again(shop: Shop) -> None:
    await shop.accept()
    links = len(shop.server.engine.ledger.repository.links())
    before = shop.kept
    told = await shop.accept()
    assert told.code == 0
    assert len(shop.server.engine.ledger.repository.links()) == links
    assert len(shop.server.engine.ledger.repository.refunds()) == 2
    assert shop.kept["run"] == before["run"]
    assert shop.case("paid") in before["results"]


async def test_a_run_that_nobody_pays_waits_and_goes_on(shop: Shop) -> None:
    words = ("acceptance", "--evidence", str(shop.file), "--patience", "0.3")
    told = await shop.run(*words)
    assert told.code == 5
    assert shop.case("paid")["verdict"] == "waiting"
    link = next(
        one
        for one in shop.server.engine.ledger.repository.links()
        if one.merchant_link_id.endswith("_paid")
    )
    # The link, and its code.
    assert f"/{link.link_id}" in told.out
    assert "Please pay 40000 IDR" in told.out
    assert told.out.count("█") > 100
    assert (await shop.accept()).code == 0
    assert shop.case("paid")["verdict"] == "passed"
    assert shop.case("paid")["ids"]["merchantLinkId"] == link.merchant_link_id


async def test_a_run_that_was_stopped_finds_what_it_made(shop: Shop) -> None:
    await shop.accept()
    kept = shop.kept
    # As if the machine had gone down before anything was noted.
    kept["results"] = []
    shop.file.write_text(json.dumps(kept), "utf-8")
    told = await shop.accept()
    assert told.code == 0, told
    assert len(shop.server.engine.ledger.repository.links()) == 4
    assert len(shop.server.engine.ledger.repository.refunds()) == 2
    assert "was there from an earlier try" in shop.case("create")["what"]


async def _with_inbox(shop: Shop, file: Path, *, handles: bool) -> Told:
    receiver = Receiver(
        NotificationVerifier.for_merchant(shop.config), SqliteInbox(file)
    )

    async def take(event: NotifiedEvent) -> None:
        del event

    if handles:
        receiver.on(NotifiedEvent)(take)
    async with receiver, webhook(webhook_handler(receiver)) as url:
        shop.set("PAYERMAX_NOTIFY_URL", url)
        return await shop.accept("--inbox", f"sqlite:///{file}")


async def test_the_merchants_inbox_is_a_witness(shop: Shop, tmp_path: Path) -> None:
    told = await _with_inbox(shop, tmp_path / "inbox.sqlite3", handles=True)
    assert told.code == 0, told
    verdicts = shop.verdicts()
    assert (verdicts["notice"], verdicts["refund"]) == ("passed", "passed")
    # PayerMax cannot be made to repeat what was acknowledged.
    assert verdicts["repeated"] == "skipped"
    (seen,) = shop.case("notice")["notices"]
    assert "the merchant's own webhook" in seen["witness"]
    assert seen["notice"]["data"]["merchantLinkId"] == seen["number"]


async def test_what_no_handler_wants_is_told(shop: Shop, tmp_path: Path) -> None:
    told = await _with_inbox(shop, tmp_path / "inbox.sqlite3", handles=False)
    assert told.code == 1
    assert "is not handled so far: no handler" in shop.case("notice")["what"]


@pytest.mark.parametrize(
    "settings",
    [
        {"PAYERMAX_ENVIRONMENT": "production"},
        {
            "PAYERMAX_BASE_URL": "https://pay-gate.payermax.com/aggregate-pay/api/gateway"
        },
        {
            "PAYERMAX_BASE_URL": "https://pay-gate.shareitpay.in/aggregate-pay/api/gateway"
        },
        {"PAYERMAX_BASE_URL": "https://pay.example/gateway"},
    ],
)
async def test_production_and_what_may_be_it_are_refused(
    shop: Shop, settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PAYERMAX_BASE_URL")
    for name, value in settings.items():
        shop.set(name, value)
    for words in ((), ("--pay",)):
        told = await shop.run("acceptance", "--evidence", str(shop.file), *words)
        assert told.code == 2
        assert "nothing was sent" in " ".join(told.err.split())
    assert not shop.file.exists()


async def test_the_evidence_of_another_merchant_is_left_alone(shop: Shop) -> None:
    await shop.accept()
    before = shop.file.read_bytes()
    shop.set("PAYERMAX_APP_ID", "testffffffffffffffffffffffffffff")
    told = await shop.accept()
    assert told.code == 2
    assert "of another merchant" in told.err
    assert shop.file.read_bytes() == before


async def test_what_is_no_evidence_is_left_alone(shop: Shop) -> None:
    for content in (b"", b"[]", b'{"format": 2}', b'{"format": 1, "results": [{}]}'):
        shop.file.write_bytes(content)
        told = await shop.accept()
        assert told.code == 2
        assert "cannot be read" in " ".join(told.err.split())
        assert shop.file.read_bytes() == content


async def test_json_holds_the_verdicts(shop: Shop) -> None:
    told = await shop.accept("--json")
    found = json.loads(told.out)
    assert (told.code, found["ok"]) == (0, False)
    assert [one["name"] for one in found["cases"]] == [case.name for case in CASES]


async def test_the_command_can_listen_itself(shop: Shop) -> None:
    told = await shop.accept("--listen")
    verdicts = shop.verdicts()
    assert told.code == 0, told
    assert (verdicts["notice"], verdicts["forged"]) == ("passed", "passed")
    assert verdicts["repeated"] == "skipped"
    (seen,) = shop.case("notice")["notices"]
    assert "not that the merchant's application" in seen["witness"]


@pytest.mark.parametrize(
    ("total", "failing", "part"),
    [
        ("40000", "10000", "5000"),
        ("80000", "10000", "9999"),
        ("10000", "102", "1250"),
        ("816", "102", "101"),
        ("100", None, "12"),
        ("7.99", None, None),
    ],
)
def test_the_amounts_that_fail_and_succeed(
    total: str, failing: str | None, part: str | None
) -> None:
    found = refund_amounts(Decimal(total))
    assert found == (
        None if failing is None else Decimal(failing),
        None if part is None else Decimal(part),
    )


async def test_ctrl_c_while_somebody_has_to_pay_loses_nothing(shop: Shop) -> None:
    words = ("acceptance", "--evidence", str(shop.file), "--patience", "60")
    async with running(*words, env=dict(os.environ)) as command:
        await command.until("Please pay 40000 IDR")
        await command.until("Waiting. Ctrl-C stops")
        _, err = await command.stop()
        assert command.process.returncode == 130
        assert "Traceback" not in err
    assert shop.verdicts()["create"] == "passed"
    told = await shop.accept()
    assert told.code == 0, told
    assert len(shop.server.engine.ledger.repository.links()) == 4


async def test_a_payment_that_ends_otherwise_than_asked_is_told(shop: Shop) -> None:
    words = ("acceptance", "--evidence", str(shop.file), "--patience", "0.2")
    await shop.run(*words)
    engine = shop.server.engine
    # The person chose success on both pages that ask for another end.
    for link in engine.ledger.repository.links():
        if not link.merchant_link_id.endswith("_withdrawn"):
            pay(engine, link.link_id)
    told = await shop.run(*words)
    assert told.code == 1
    for name in ("failed", "pending"):
        found = shop.case(name)
        assert found["verdict"] == "failed"
        assert "The link was paid, where its payment was to end as" in found["what"]
    # A try later does not turn it around: another run has to.
    assert (await shop.accept()).code == 1
    assert shop.case("paid")["verdict"] == "passed"


async def test_where_nothing_can_be_kept_nothing_is_sent(shop: Shop) -> None:
    shop.file = shop.file.parent / "missing" / "acceptance.json"
    told = await shop.accept()
    assert told.code == 2
    assert "cannot be written" in told.err
    assert not shop.server.engine.gateway.exchanges
