"""Nothing a sandbox answered is lost, by a snapshot, a restart or a kill."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sqlite3
import stat
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from decimal import Decimal
from pathlib import Path

import attrs
import pytest

from payermax_async import (
    CreateLink,
    CreateRefund,
    MerchantConfig,
    PayerMaxClient,
    PayerMaxError,
    UserInfo,
)
from payermax_async.core.errors import ConfigurationError, NotSentError
from payermax_async.core.strict_json import JsonObject, JsonValue, read_json, write_json
from payermax_async.sandbox.clock import VirtualClock
from payermax_async.sandbox.engine import SandboxEngine, SandboxOptions
from payermax_async.sandbox.notifications.deliveries import DeliveryState
from payermax_async.sandbox.server import SandboxServer
from payermax_async.sandbox.state.credentials import SandboxCredentials
from payermax_async.sandbox.state.store import SandboxStore
from payermax_async.testing.sandbox import sandbox_in_process
from payermax_async.transport.base import Headers

from .kit import OWNER, START, create, payment, refund_of

HOOK = "http://127.0.0.1:9/hook"
ACKNOWLEDGED = (200, b'{"code":"SUCCESS","msg":"Success"}')


class Merchant:
    """What the merchant is told; refuses to listen while ``away``."""

    def __init__(self) -> None:
        self.away = False
        self.bodies: list[bytes] = []

    async def post(self, url: str, headers: Headers, body: bytes) -> tuple[int, bytes]:
        if self.away:
            raise NotSentError("nobody is here")
        self.bodies.append(body)
        return ACKNOWLEDGED


def ask(engine: SandboxEngine, operation: str, data: JsonObject) -> JsonObject:
    done = engine.ledger.perform(operation, OWNER, data)
    engine.tell(done.events)
    return done.value


def make_link(engine: SandboxEngine, key: str) -> str:
    made = ask(engine, "createPaybylink", create(merchantLinkId=key, notifyUrl=HOOK))
    return str(made["linkId"])


def pay(engine: SandboxEngine, link_id: str) -> str:
    done = engine.ledger.pay_link(link_id, payment())
    engine.tell(done.events)
    return done.value.out_trade_no


# --- snapshots -------------------------------------------------------------------


@pytest.fixture
def merchant() -> Merchant:
    return Merchant()


@pytest.fixture
async def engine(
    credentials: SandboxCredentials, merchant: Merchant
) -> AsyncIterator[SandboxEngine]:
    options = SandboxOptions(seed=7, notify_url=HOOK)
    async with sandbox_in_process(
        credentials=credentials,
        clock=VirtualClock(START),
        options=options,
        post=merchant.post,
    ) as made:
        yield made


def virtual(engine: SandboxEngine) -> VirtualClock:
    assert isinstance(engine.clock, VirtualClock)
    return engine.clock


async def test_a_snapshot_puts_everything_back_any_number_of_times(
    engine: SandboxEngine, merchant: Merchant
) -> None:
    merchant.away = True
    link_id = make_link(engine, "a")
    trade_no = pay(engine, link_id)
    await engine.notifier.settled()
    engine.faults.add("busy", times=3)
    # Through bytes: a snapshot is for files as well.
    snapshot = read_json(write_json(engine.snapshot()))
    assert isinstance(snapshot, dict)
    tales: list[tuple[object, ...]] = []
    for _ in range(2):
        second = make_link(engine, "b")
        engine.faults.clear()
        await virtual(engine).advance("12h")
        refunded = ask(engine, "refund", refund_of(engine.ledger.trade(trade_no)))
        tales.append((second, refunded["refundTradeNo"], engine.snapshot()["ledger"]))
        await engine.restore(snapshot)
        assert engine.snapshot() == snapshot
        assert engine.clock.now() == START
        assert [link.link_id for link in engine.ledger.repository.links()] == [link_id]
        assert engine.ledger.repository.refunds() == ()
    assert tales[0] == tales[1]


async def test_a_restored_notification_goes_on_where_it_stood(
    engine: SandboxEngine, merchant: Merchant
) -> None:
    merchant.away = True
    pay(engine, make_link(engine, "a"))
    await engine.notifier.settled()
    await virtual(engine).advance(20)
    snapshot = engine.snapshot()
    await virtual(engine).advance(3600)
    (before,) = engine.notifier.deliveries
    assert len(before.attempts) > 2
    await engine.restore(snapshot)
    merchant.away = False
    (delivery,) = engine.notifier.deliveries
    assert len(delivery.attempts) == 1
    await virtual(engine).advance(9)
    assert merchant.bodies == []
    await virtual(engine).advance(1)
    assert len(merchant.bodies) == 1
    assert delivery.state is DeliveryState.DELIVERED


async def test_reset_forgets_everything_but_the_time(
    engine: SandboxEngine, merchant: Merchant
) -> None:
    link_id = make_link(engine, "a")
    pay(engine, link_id)
    engine.faults.add("busy")
    await virtual(engine).advance(60)
    await engine.reset()
    state = engine.snapshot()
    assert state["deliveries"] == []
    assert engine.ledger.repository.size == 0
    assert engine.faults.placed() == ()
    assert (engine.clock.now() - START).total_seconds() == 60
    assert make_link(engine, "a") == link_id


DAMAGE: list[JsonObject] = [
    {"format": 2},
    {"ledger": {"format": 1, "links": [{}], "trades": [], "refunds": []}},
    {"deliveries": [{}]},
    {"faults": {"next": 1, "faults": [{}]}},
    {"now": "2030-01-31T10:00:00"},
    {"now": "yesterday"},
    {"now": 5},
]


@pytest.mark.parametrize("change", DAMAGE)
async def test_a_damaged_snapshot_changes_nothing(
    engine: SandboxEngine, change: JsonObject
) -> None:
    pay(engine, make_link(engine, "a"))
    await engine.notifier.settled()
    before = engine.snapshot()
    with pytest.raises(ConfigurationError):
        await engine.restore({**before, **change})
    assert engine.snapshot() == before


# --- a file ----------------------------------------------------------------------


async def test_a_sandbox_goes_on_from_its_file(
    credentials: SandboxCredentials, tmp_path: Path
) -> None:
    file = tmp_path / "sandbox.db"
    clock = VirtualClock(START)
    async with SandboxServer(credentials=credentials, clock=clock, state=file) as first:
        origin = first.origin
        trade_no = pay(first.engine, make_link(first.engine, "a"))
        make_link(first.engine, "b")
        ask(first.engine, "refund", refund_of(first.engine.ledger.trade(trade_no)))
        first.faults.add("busy", call=9)
        await first.engine.notifier.settled()
        before = first.engine.snapshot()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    async with SandboxServer(clock=VirtualClock(START), state=file) as second:
        assert second.origin == origin
        assert second.engine.credentials.merchant_key == credentials.merchant_key
        await second.engine.notifier.halt()
        after = second.engine.snapshot()
        assert after["ledger"] == before["ledger"]
        assert len(second.engine.notifier.deliveries) == 1
        assert second.engine.ledger.repository.link_of_merchant(OWNER, "b") is not None


async def test_the_faults_of_last_time_come_back_unless_others_are_given(
    credentials: SandboxCredentials, tmp_path: Path
) -> None:
    file = tmp_path / "sandbox.db"
    async with SandboxServer(credentials=credentials, state=file) as sandbox:
        sandbox.faults.add("busy", call=9)
        sandbox.engine.save()
    async with SandboxServer(state=file) as sandbox:
        (placed,) = sandbox.faults.placed()
        assert placed.rule.call == 9
        rule = attrs.evolve(placed.rule, call=3)
    options = SandboxOptions(faults=(rule,))
    async with SandboxServer(state=file, options=options) as sandbox:
        (placed,) = sandbox.faults.placed()
        assert placed.rule.call == 3


async def test_a_reset_and_a_restore_are_kept_too(
    credentials: SandboxCredentials, tmp_path: Path
) -> None:
    file = tmp_path / "sandbox.db"
    async with SandboxServer(credentials=credentials, state=file) as sandbox:
        make_link(sandbox.engine, "a")
        snapshot = sandbox.engine.snapshot()
        make_link(sandbox.engine, "b")
        await sandbox.engine.restore(snapshot)
    async with SandboxServer(state=file) as sandbox:
        keys = [
            link.merchant_link_id for link in sandbox.engine.ledger.repository.links()
        ]
        assert keys == ["a"]
        await sandbox.engine.reset()
    async with SandboxServer(state=file) as sandbox:
        assert sandbox.engine.ledger.repository.links() == ()


async def test_one_file_serves_one_sandbox_at_a_time(
    credentials: SandboxCredentials, tmp_path: Path
) -> None:
    file = tmp_path / "sandbox.db"
    async with SandboxServer(credentials=credentials, state=file):
        with pytest.raises(ConfigurationError, match="another sandbox is using it"):
            await SandboxServer(state=file).__aenter__()
    async with SandboxServer(state=file):
        pass


@pytest.mark.parametrize("content", ["text", "database", "newer", "folder"])
def test_a_file_of_another_kind_is_refused_and_left_as_it_is(
    tmp_path: Path, content: str
) -> None:
    file = tmp_path / "sandbox.db"
    if content == "text":
        file.write_bytes(b"these are my notes, not a database" * 100)
    elif content == "folder":
        file.mkdir()
    else:
        with contextlib.closing(sqlite3.connect(file)) as database:
            database.execute("CREATE TABLE notes (text TEXT)")
            if content == "newer":
                database.execute(f"PRAGMA application_id={0x504D5358}")
                database.execute("PRAGMA user_version=99")
            database.commit()
    with pytest.raises(ConfigurationError, match=r"sandbox\.db cannot be used"):
        SandboxStore(file)
    if content == "text":
        assert file.read_bytes().startswith(b"these are my notes")


def test_a_transaction_is_whole_or_not_at_all(tmp_path: Path) -> None:
    store = SandboxStore(tmp_path / "sandbox.db")
    store.write([("links", "1", {"a": Decimal("1.10")})], {"port": 1})
    with pytest.raises(TypeError):
        store.write(
            [("links", "2", {}), ("links", "3", {"a": object()})],  # type: ignore[dict-item]
            {"port": 2},
            afresh=True,
        )
    assert store.records() == [("links", {"a": Decimal("1.10")})]
    assert store.setting("port") == 1
    store.write([("links", "1", {"b": 2}), ("trades", "1", {})])
    store.write([("links", "1", {"b": 3})])
    assert store.records() == [("links", {"b": 3}), ("trades", {})]
    store.write([("links", "1", None)])
    assert store.records() == [("trades", {})]
    store.close()
    store.close()


async def test_what_could_not_be_written_is_written_later(
    credentials: SandboxCredentials,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = tmp_path / "sandbox.db"
    async with SandboxServer(credentials=credentials, state=file) as sandbox:
        with monkeypatch.context() as patch:

            def full(*_: object, **__: object) -> None:
                raise ConfigurationError("the disk is full")

            patch.setattr(SandboxStore, "write", full)
            with pytest.raises(ConfigurationError):
                make_link(sandbox.engine, "a")
        make_link(sandbox.engine, "b")
    async with SandboxServer(state=file) as sandbox:
        keys = [
            link.merchant_link_id for link in sandbox.engine.ledger.repository.links()
        ]
        assert keys == ["a", "b"]


# --- a kill ----------------------------------------------------------------------


@contextlib.asynccontextmanager
async def keeper(file: Path, url: str) -> AsyncGenerator[dict[str, str]]:
    """A sandbox in a process of its own, killed without a warning at the end."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-W", "error", "-m", "tests.sandbox.keeper", str(file), url),
        stdout=asyncio.subprocess.PIPE,
    )
    assert child.stdout is not None
    settings: dict[str, str] = {}
    try:
        async with asyncio.timeout(60):
            while (line := (await child.stdout.readline()).decode()) != "READY\n":
                assert line, "the sandbox ended"
                name, _, value = line.rstrip("\n").partition("=")
                settings[name] = value
        yield settings
    finally:
        with contextlib.suppress(ProcessLookupError):
            child.send_signal(signal.SIGKILL)
        await child.communicate()


def order(number: int) -> CreateLink:
    return CreateLink(
        merchant_link_id=f"order-{number}",
        total_amount="19.90",
        currency="USD",
        country="US",
        description="Blue T-shirt",
        user_info=UserInfo(user_id="98"),
        notify_url=HOOK,
    )


async def create_until_killed(config: MerchantConfig, answered: list[str]) -> None:
    async with PayerMaxClient(config) as client:
        for number in range(2, 10_000):
            try:
                link = await client.create_link(order(number), timeout=2)
            except PayerMaxError:
                return
            answered.append(link.merchant_link_id)


async def test_a_killed_sandbox_comes_back_with_all_that_it_answered(
    tmp_path: Path,
) -> None:
    file = tmp_path / "sandbox.db"
    answered: list[str] = []
    async with keeper(file, HOOK) as settings:
        config = MerchantConfig.from_env(settings)
        async with PayerMaxClient(config) as client:
            await client.create_link(order(1))
            link_id = await paid_over_http(settings, "order-1")
            details = await client.query_link("order-1")
            assert details.is_paid
            trade_no = details.pay_by_link_info[0].out_trade_no
            assert trade_no is not None
            await client.refund(
                CreateRefund(
                    out_refund_no="refund-1",
                    out_trade_no=trade_no,
                    refund_amount="9.90",
                    refund_currency="USD",
                )
            )
        creating = asyncio.create_task(create_until_killed(config, answered))
        while len(answered) < 20:
            await asyncio.sleep(0.01)
    await creating
    assert len(answered) >= 20
    # The same port, keys and merchant: the client's settings still hold.
    async with keeper(file, HOOK) as again:
        assert again == settings
        async with PayerMaxClient(config) as client:
            for key in answered:
                assert (await client.query_link(key)).merchant_link_id == key
            details = await client.query_link("order-1")
            assert (details.is_paid, details.link_id) == (True, link_id)
            assert (await client.query_order(trade_no)).is_paid
            refund = await client.query_refund("refund-1")
            assert refund.refund_amount == Decimal("9.90")
    store = SandboxStore(file)
    told = [value for kind, value in store.records() if kind == "deliveries"]
    store.close()
    assert [item["state"] for item in told] == ["waiting"]


async def paid_over_http(settings: dict[str, str], key: str) -> str:
    """Pay the link as an administrator; gives the gateway's id."""
    origin = settings["PAYERMAX_BASE_URL"].partition("/aggregate-pay")[0]
    links = await curl(f"{origin}/admin/api/links")
    assert isinstance(links, list)
    (link_id,) = (
        str(link["link_id"])
        for link in links
        if isinstance(link, dict) and link["merchant_link_id"] == key
    )
    await curl(f"{origin}/admin/api/links/{link_id}/pay", "-d", "{}")
    return link_id


async def curl(url: str, *words: str) -> JsonValue:
    child = await asyncio.create_subprocess_exec(
        "curl", "-sS", "--fail", url, *words, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await child.communicate()
    assert child.returncode == 0
    return read_json(out)
