from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from payermax_async import CreateLink, MerchantConfig, PayerMaxClient, UserInfo
from payermax_async.bulk import BulkBatch, SqliteJournal
from payermax_async.bulk.create import fingerprint_of
from payermax_async.money import MoneyBook, refund_number
from payermax_async.sandbox import SandboxServer
from payermax_async.sandbox.admin.actions import pay
from tests.cli.conftest import Shell
from tests.money.test_finding import TurnedClock


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that is given no book makes one where it is called."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
async def trade(gateway: SandboxServer, tmp_path: Path) -> str:
    """A link that is paid after its withdrawal was noted; its order number."""
    clock = TurnedClock(datetime.now(UTC) - timedelta(hours=1))
    async with MoneyBook(tmp_path / "book.sqlite3", clock=clock) as book:
        await book.withdrawn("order-1")
    config = MerchantConfig.from_env(gateway.settings)
    async with PayerMaxClient(config) as client:
        made = await client.create_link(
            CreateLink(
                merchant_link_id="order-1",
                total_amount="40000",
                currency="IDR",
                country="ID",
                description="Shoes",
                user_info=UserInfo(user_id="u-1"),
            )
        )
    return pay(gateway.engine, made.link_url).out_trade_no


async def test_late_money_is_listed_and_given_back_when_somebody_says_so(
    gateway: SandboxServer, trade: str, shell: Shell, tmp_path: Path
) -> None:
    where = ("--book", str(tmp_path / "book.sqlite3"), "--ask")
    told = await shell("money", "late", *where)
    assert told.code == 1, told
    assert f"{trade}  40000 IDR  new" in told.out
    assert f"40000 IDR as {refund_number(trade)}" in told.out
    assert "1 open." in told.out
    # Listed again, and new no more.
    told = await shell("money", "late", *where, "--new", "--json")
    assert (told.code, json.loads(told.out)["items"]) == (1, [])
    # Nothing goes back before somebody says so.
    told = await shell("money", "refund", trade, *where)
    assert told.code == 2
    assert "say --yes to give 40000 IDR back" in " ".join(told.err.split())
    assert gateway.engine.ledger.repository.refunds() == ()
    told = await shell("money", "refund", trade, *where, "--yes", "--amount", "39999")
    assert told.code == 2
    assert gateway.engine.ledger.repository.refunds() == ()
    told = await shell("money", "refund", trade, *where, "--yes")
    assert told.code == 0, told
    (refund,) = gateway.engine.ledger.repository.refunds()
    assert (refund.out_refund_no, refund.out_trade_no) == (refund_number(trade), trade)
    told = await shell("money", "refund", trade, *where, "--yes")
    assert told.code == 2
    assert "under way" in told.err
    gateway.engine.ledger.finish_refund(refund.refund_trade_no, None)
    told = await shell("money", "late", *where, "--json")
    (item,) = json.loads(told.out)["items"]
    assert (told.code, item["open"]) == (0, False)
    assert item["payment"]["amount"] == "40000"


async def test_what_is_not_in_the_list_is_not_given_back(
    gateway: SandboxServer, trade: str, shell: Shell, tmp_path: Path
) -> None:
    where = ("--book", str(tmp_path / "other.sqlite3"), "--ask")
    told = await shell("money", "refund", trade, *where, "--yes")
    assert told.code == 2
    assert "is not in the list" in told.err


async def test_nothing_to_look_at_is_wrong_usage(
    gateway: SandboxServer, shell: Shell, tmp_path: Path
) -> None:
    told = await shell("money", "late", "--book", str(tmp_path / "b.sqlite3"))
    assert told.code == 2
    assert "give an inbox or a journal" in told.err


async def test_a_withdrawal_by_command_is_noted(
    gateway: SandboxServer, trade: str, shell: Shell, tmp_path: Path
) -> None:
    config = MerchantConfig.from_env(gateway.settings)
    async with PayerMaxClient(config) as client:
        await client.create_link(
            CreateLink(
                merchant_link_id="order-2",
                total_amount="40000",
                currency="IDR",
                country="ID",
                description="Shoes",
                user_info=UserInfo(user_id="u-1"),
            )
        )
    file = tmp_path / "book.sqlite3"
    told = await shell("links", "expire", "order-2", "--book", str(file))
    assert told.code == 0
    # One that PayerMax refuses to withdraw was not withdrawn.
    told = await shell("links", "expire", "order-9", "--book", str(file))
    assert told.code == 1
    async with MoneyBook(file) as book:
        assert set(await book.withdrawals()) == {"order-1", "order-2"}


async def test_a_journal_has_to_be_there_and_this_merchants(
    gateway: SandboxServer,
    shell: Shell,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    where = ("--book", str(tmp_path / "book.sqlite3"), "--journal")
    file = tmp_path / "journal.sqlite3"
    told = await shell("money", "late", *where, str(file))
    assert (told.code, file.exists()) == (2, False)
    assert "there is no journal" in told.err
    config = MerchantConfig.from_env(gateway.settings)
    async with SqliteJournal(file) as journal:
        await journal.begin(BulkBatch(plan="", fingerprint=fingerprint_of(config)))
    assert (await shell("money", "late", *where, str(file))).code == 0
    monkeypatch.setenv("PAYERMAX_MERCHANT_NO", "TEST99999999")
    for words in (("money", "late"), ("close", "--day", "2026-01-01")):
        told = await shell(*words, "--journal", str(file))
        assert told.code == 2, told
        assert "and the settings are of" in " ".join(told.err.split())


async def test_a_second_ctrl_c_says_what_may_have_been_done(
    gateway: SandboxServer, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("payermax_async.cli.money.ask", interrupted)
    told = await shell("money", "refund", "T1", "--ask", "--yes")
    assert told.code == 3
    assert "payermax refunds query late_T1" in " ".join(told.err.split())
