"""PostgreSQL that goes away, stands still, may not write, or is not ours alone."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncGenerator
from typing import Any

import psycopg
import pytest

from payermax_async.core.errors import ConfigurationError
from payermax_async.storage.deadlines import announced
from payermax_async.storage.errors import StorageError
from payermax_async.storage.pooling import Pool
from payermax_async.storage.postgres import PostgresDatabase
from payermax_async.storage.sql import Plan, Query, Steps
from payermax_async.webhooks.events.base import LinkPaid
from payermax_async.webhooks.inbox.entries import EntryState, InboxError, Verdict
from payermax_async.webhooks.inbox.postgres import PostgresConnection, PostgresInbox
from payermax_async.webhooks.limits import ReceiverLimits
from payermax_async.webhooks.receiver import Receiver
from payermax_async.webhooks.samples import APP_ID, MERCHANT_NO
from payermax_async.webhooks.verifying.verifier import NotificationVerifier
from tests.inbox import kit as inboxes
from tests.storage import kit
from tests.webhooks.kit import RIGHT_SHAPE, TrustingVerifier

pytestmark = pytest.mark.postgres
SECRET = "hunter2-correct"


@pytest.fixture
async def schema(postgres_address: str) -> AsyncGenerator[str]:
    async with inboxes.own_schema(postgres_address) as name:
        yield name


def inside(thing: object, *names: str) -> Any:
    """What nothing but its owner is to see."""
    for name in names:
        thing = vars(thing)[name]
    return thing


async def limits(connection: PostgresConnection) -> list[str]:
    found: list[str] = []
    for name in ("statement_timeout", "idle_in_transaction_session_timeout"):
        cursor = await connection.execute(f"SHOW {name}".encode())
        row = await cursor.fetchone()
        assert row is not None
        found.append(str(row[0]))
    return found


# --- connections that are of no more use -------------------------------------------


async def test_dropped_connections_are_found_out_by_nobodys_request(
    postgres_address: str, schema: str
) -> None:
    name = f"payermax test {secrets.token_hex(4)}"
    address = kit.at(postgres_address, application_name=name)
    async with PostgresInbox(address, schema=schema) as inbox:
        await asyncio.gather(*(inbox.store(inboxes.link(f"o-{n}")) for n in range(6)))
        await kit.execute(
            postgres_address,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            f"WHERE application_name = '{name}'",
        )
        for number in range(6, 10):
            assert (await inbox.store(inboxes.link(f"o-{number}"))).fresh


async def test_a_connection_whose_server_may_not_write_any_more_is_replaced(
    postgres_address: str, schema: str
) -> None:
    async with PostgresInbox(postgres_address, schema=schema, connections=1) as inbox:
        async with vars(inbox)["_connections"].take() as connection:
            await connection.execute("SET default_transaction_read_only = on")
            old = connection.info.backend_pid
        assert (await inbox.store(inboxes.link("o-1"))).fresh
        async with vars(inbox)["_connections"].take() as connection:
            assert connection.info.backend_pid != old


async def test_a_server_that_is_half_open_is_left_within_the_callers_time(
    postgres_address: str, schema: str
) -> None:
    async with (
        kit.half_open(postgres_address) as (proxy, address),
        PostgresInbox(address, schema=schema) as inbox,
    ):
        await asyncio.gather(*(inbox.store(inboxes.link(f"o-{n}")) for n in range(4)))
        proxy.swallow()
        begun = time.monotonic()
        with announced(5.0):
            async with asyncio.timeout(5.0):
                assert (await inbox.store(inboxes.link("o-9"))).fresh
        assert time.monotonic() - begun < 5.0
        assert len(await inboxes.claim(inbox)) == 5


async def test_a_receiver_on_a_half_open_server_answers_and_handles_within_its_lease(
    postgres_address: str, schema: str
) -> None:
    verifier = NotificationVerifier(
        TrustingVerifier(), merchant_no=MERCHANT_NO, app_id=APP_ID, max_age=None
    )
    handled: asyncio.Queue[str] = asyncio.Queue()

    async def post(receiver: Receiver[PostgresConnection], order: str) -> int:
        body = inboxes.link(order, trade=order).body
        return (await receiver.handle({"sign": RIGHT_SHAPE}, body)).status

    async with kit.half_open(postgres_address) as (proxy, address):
        inbox = PostgresInbox(address, schema=schema)
        limits = ReceiverLimits(lease=20.0, poll=0.2, store_timeout=5.0)
        receiver = Receiver(verifier, inbox, limits=limits)

        @receiver.in_transaction(LinkPaid)
        async def paid(event: LinkPaid, connection: PostgresConnection) -> None:
            await connection.execute("SELECT 1")
            await handled.put(event.merchant_link_id)

        async with receiver:
            assert await post(receiver, "o-1") == 200
            assert await asyncio.wait_for(handled.get(), 20.0) == "o-1"
            proxy.swallow()
            assert await post(receiver, "o-2") == 200
            assert await asyncio.wait_for(handled.get(), 20.0) == "o-2"


async def test_cancelling_a_statement_that_hangs_does_not_wait_for_the_server(
    postgres_address: str, schema: str
) -> None:
    async with (
        kit.half_open(postgres_address) as (proxy, address),
        PostgresInbox(address, schema=schema) as inbox,
    ):
        await inbox.store(inboxes.link("o-1"))
        proxy.swallows_what = b"due_at"  # claim's own statement, half-way
        begun = time.monotonic()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await inboxes.claim(inbox)
        assert time.monotonic() - begun < 1.5
        assert len(await inboxes.claim(inbox)) == 1


async def test_without_a_callers_limit_a_call_has_one_of_its_own(
    postgres_address: str, schema: str
) -> None:
    async with (
        kit.half_open(postgres_address) as (proxy, address),
        PostgresInbox(address, schema=schema, timeout=0.5) as inbox,
    ):
        proxy.swallows_what = b"unique_key"
        with pytest.raises(StorageError, match=r"no answer within 0\.\d+ seconds"):
            await inbox.store(inboxes.link("o-1"))


async def test_a_commit_whose_answer_was_lost_is_looked_up(
    postgres_address: str, schema: str
) -> None:
    async with (
        kit.half_open(postgres_address) as (proxy, address),
        PostgresInbox(address, schema=schema) as inbox,
    ):
        proxy.loses_a_commit = True
        assert (await inbox.store(inboxes.link("o-1"))).fresh
        assert not proxy.loses_a_commit
        proxy.loses_a_commit = True
        (entry,) = await inboxes.claim(inbox)
        assert entry.merchant_key == "o-1"
        async with inbox.work(entry, inboxes.NOW) as connection:
            await connection.execute("SELECT 1")
            proxy.loses_a_commit = True
        assert not proxy.loses_a_commit
        assert await inboxes.states(inbox) == ["done"]
        (kept,) = await inbox.entries()
        assert kept.deliveries == 1
        await inbox.store(inboxes.link("o-2"))
        (entry,) = await inboxes.claim(inbox)
        proxy.loses_a_commit = True
        failed = Verdict(state=EntryState.FAILED)
        assert await inbox.finish(entry, failed, inboxes.NOW)
        assert await inboxes.states(inbox) == ["done", "failed"]


async def test_a_server_that_was_stopped_and_started_is_used_again() -> None:
    async with kit.cluster() as server, PostgresInbox(server.address) as inbox:
        await inbox.store(inboxes.link("o-1"))
        await server.stop()
        with announced(1.0), pytest.raises(StorageError):
            await inbox.store(inboxes.link("o-2"))
        await server.start()
        assert (await inbox.store(inboxes.link("o-2"))).fresh
        assert len(await inbox.entries()) == 2


async def test_a_server_that_may_not_write_is_refused_when_opened() -> None:
    async with kit.cluster() as server:
        async with PostgresInbox(server.address):
            pass  # nothing is left to be made, so that opening would only read
        read_only = "ALTER DATABASE postgres SET default_transaction_read_only = on"
        await kit.execute(server.address, read_only)
        with pytest.raises(StorageError, match="session is read-only"):
            await PostgresInbox(server.address).open()
        own = kit.at(server.address, target_session_attrs="any")
        async with PostgresInbox(own) as inbox:
            assert await inbox.entries() == ()
            with pytest.raises(StorageError, match="25006"):
                await inbox.store(inboxes.link("o-1"))


# --- limits that are the server's to keep -----------------------------------------


async def test_limits_are_of_the_transaction_and_not_of_the_session(
    postgres_address: str, schema: str
) -> None:
    async with PostgresInbox(postgres_address, schema=schema, connections=1) as inbox:
        database: PostgresDatabase = inside(inbox, "_connections")
        async with database.take() as connection:
            before = await limits(connection)
        await inbox.store(inboxes.link("o-1"))
        async with database.take() as connection:
            assert await limits(connection) == before == ["0", "0"]


async def test_a_handlers_statements_have_the_callers_limit_unless_the_merchant_has_one(
    postgres_address: str, schema: str
) -> None:
    own = kit.at(postgres_address, options="-c statement_timeout=77s")
    async with PostgresInbox(postgres_address, schema=schema) as inbox:
        await inbox.store(inboxes.link("o-1"))
        (entry,) = await inboxes.claim(inbox)
        async with inbox.work(entry, inboxes.NOW) as connection:
            assert await limits(connection) == ["0", "0"]
        await inbox.store(inboxes.link("o-2"))
        (entry,) = await inboxes.claim(inbox)
        with announced(300.0):
            async with inbox.work(entry, inboxes.NOW) as connection:
                found = await limits(connection)
            assert all(value.startswith(("5min", "299", "300")) for value in found)
    async with PostgresInbox(own, schema=schema) as inbox:
        await inbox.store(inboxes.link("o-3"))
        (entry,) = await inboxes.claim(inbox)
        with announced(300.0):
            async with inbox.work(entry, inboxes.NOW) as connection:
                assert (await limits(connection))[0] == "77s"


async def test_a_connection_that_was_handed_over_gets_no_limit_and_no_second_try(
    postgres_address: str, schema: str
) -> None:
    async with PostgresInbox(postgres_address, schema=schema) as inbox:
        async with await psycopg.AsyncConnection.connect(postgres_address) as own:
            await inbox.store(inboxes.link("o-1"), connection=own)
            assert await limits(own) == ["0", "0"]
            await own.rollback()
            await own.execute("SET default_transaction_read_only = on")
            await own.commit()
            with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
                await inbox.store(inboxes.link("o-1"), connection=own)
            await own.rollback()
        assert await inboxes.states(inbox) == []


# --- poolers, roles, names and letters --------------------------------------------


@pytest.mark.pgbouncer
async def test_two_inboxes_work_through_a_pooler_of_transactions(
    postgres_address: str, schema: str
) -> None:
    async with kit.pgbouncer(postgres_address) as address:
        first = PostgresInbox(address, schema=schema)
        second = PostgresInbox(address, schema=schema)
        async with first, second:
            stored = await asyncio.gather(
                *(
                    inbox.store(inboxes.link(f"o-{number}"))
                    for number in range(20)
                    for inbox in (first, second)
                )
            )
            assert sum(len(one.fresh) for one in stored) == 20
            (entry,) = await inboxes.claim(second, limit=1)
            async with second.work(entry, inboxes.NOW) as connection:
                await connection.execute("SELECT 1")
            assert (await first.counts())[EntryState.DONE] == 1


@pytest.fixture
async def role(postgres_address: str) -> AsyncGenerator[tuple[str, str]]:
    """A role that may do nothing, and the address that uses it."""
    name = f"payermax_test_{secrets.token_hex(4)}"
    await kit.execute(postgres_address, f"CREATE ROLE {name} LOGIN")
    yield name, kit.at(postgres_address, user=name)
    await kit.execute(
        postgres_address, f"DROP OWNED BY {name} CASCADE", f"DROP ROLE {name}"
    )


async def test_a_role_that_may_only_use_the_tables_can_start(
    postgres_address: str, schema: str, role: tuple[str, str]
) -> None:
    name, address = role
    async with PostgresInbox(postgres_address, schema=schema):
        pass
    with pytest.raises(StorageError, match=f'USAGE on schema "{schema}"'):
        await PostgresInbox(address, schema=schema).open()
    await kit.execute(
        postgres_address,
        f"GRANT USAGE ON SCHEMA {schema} TO {name}",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA "
        f"{schema} TO {name}",
    )
    async with PostgresInbox(address, schema=schema) as inbox:
        assert (await inbox.store(inboxes.link("o-1"))).fresh
        assert len(await inboxes.claim(inbox)) == 1


async def test_a_role_that_may_create_in_a_schema_that_is_there_can_start(
    postgres_address: str, schema: str, role: tuple[str, str]
) -> None:
    name, address = role
    await kit.execute(
        postgres_address,
        f"CREATE SCHEMA {schema}",
        f"GRANT USAGE, CREATE ON SCHEMA {schema} TO {name}",
    )
    async with PostgresInbox(address, schema=schema) as inbox:
        assert (await inbox.store(inboxes.link("o-1"))).fresh


@pytest.mark.parametrize("schema", ["select", "User", "t" * 63])
async def test_a_schema_may_have_any_plain_name(
    postgres_address: str, schema: str
) -> None:
    try:
        async with PostgresInbox(postgres_address, schema=schema) as inbox:
            assert (await inbox.store(inboxes.link("o-1"))).fresh
    finally:
        await kit.execute(postgres_address, f'DROP SCHEMA IF EXISTS "{schema}" CASCADE')


async def test_a_database_of_another_encoding_keeps_every_id(
    postgres_address: str,
) -> None:
    name = f"payermax_test_{secrets.token_hex(4)}"
    await kit.execute(
        postgres_address,
        f"CREATE DATABASE {name} ENCODING 'LATIN1' TEMPLATE template0 "
        "LC_COLLATE 'C' LC_CTYPE 'C'",
    )
    try:
        async with PostgresInbox(kit.at(postgres_address, dbname=name)) as inbox:
            for order in ("\u8ba2\u5355-1", "\U0001f600", "a\\u8ba2", "\u00e9"):
                assert (await inbox.store(inboxes.link(order, trade=order))).fresh
                (entry,) = await inbox.entries(merchant_key=order)
                assert entry.merchant_key == order
    finally:
        await kit.execute(postgres_address, f"DROP DATABASE {name} WITH (FORCE)")


async def test_an_id_longer_than_any_index_takes_is_kept(
    postgres_address: str, schema: str
) -> None:
    order = "".join(secrets.token_hex(1) for _ in range(5000))
    async with PostgresInbox(postgres_address, schema=schema) as inbox:
        assert (await inbox.store(inboxes.link(order))).fresh
        assert len(await inbox.entries(merchant_key=order)) == 1
        assert await inbox.entries(merchant_key=order[:-1]) == ()


async def test_tables_from_before_the_first_release_are_refused_with_a_sentence(
    postgres_address: str, schema: str
) -> None:
    await kit.execute(
        postgres_address,
        f"CREATE SCHEMA {schema}",
        f"CREATE TABLE {schema}.about (version INTEGER NOT NULL)",
    )
    with pytest.raises(StorageError, match="before the first release"):
        await PostgresInbox(postgres_address, schema=schema).open()


def test_an_inbox_can_be_opened_in_one_loop_after_the_other(
    postgres_address: str,
) -> None:
    schema = f"test_{secrets.token_hex(8)}"
    inbox = PostgresInbox(postgres_address, schema=schema, connections=2)

    async def once(turn: int) -> int:
        async with inbox:
            stored = await asyncio.gather(
                *(inbox.store(inboxes.link(f"o-{turn}-{n}")) for n in range(6))
            )
        return sum(len(one.fresh) for one in stored)

    assert [asyncio.run(once(turn)) for turn in range(2)] == [6, 6]
    asyncio.run(kit.execute(postgres_address, f'DROP SCHEMA "{schema}" CASCADE'))
    with pytest.raises(InboxError, match="not open"):
        asyncio.run(inbox.counts())


# --- what is refused, and what is not said ----------------------------------------


@pytest.mark.parametrize(
    ("address", "words"),
    [
        (f"postgresql+asyncpg://shop:{SECRET}@db/shop", "write postgresql:// instead"),
        (f"postgresql://shop:{SECRET}@db:notaport/shop", "port"),
        (f"postgresql://shop:{SECRET}/x@db/shop", "percent-encoded"),
        (f"postgresql://shop:p@{SECRET}@db/shop", "percent-encoded"),
        (f"postgresql://shop:{SECRET}@db/shop?foo=bar", "cannot read it"),
        (f"host=db password={SECRET} and more", "cannot read it"),
        (f"host=db password='{SECRET}", "cannot read it"),
        (f"host=db password={SECRET} connect_timeout=soon", "connect_timeout"),
        (f"host=db password={SECRET}\0", "U\\+0000"),
    ],
)
def test_an_address_that_cannot_be_used_is_told_without_its_password(
    address: str, words: str
) -> None:
    with pytest.raises(ConfigurationError, match=words) as caught:
        PostgresInbox(address)
    assert_silent(caught.value)


async def test_a_server_that_refuses_is_told_without_the_password() -> None:
    address = f"postgresql://shop:{SECRET}@127.0.0.1:{kit.free_port()}/shop"
    with pytest.raises(StorageError, match="refused") as caught:
        await PostgresInbox(address).open()
    assert_silent(caught.value)


def assert_silent(error: BaseException | None) -> None:
    """Neither words, nor causes, nor the variables of a frame of ours hold it."""
    while error is not None:
        assert SECRET not in f"{error!s} {error!r}"
        trace = error.__traceback__
        while trace is not None:
            frame = trace.tb_frame
            if "payermax_async" in frame.f_code.co_filename:
                assert SECRET not in repr(frame.f_locals)
            trace = trace.tb_next
        error = error.__context__


@pytest.mark.parametrize("schema", ["", "a-b", 'x"; DROP', "1a", "a" * 64, "pg_x"])
def test_a_schema_that_cannot_be_is_refused(schema: str) -> None:
    with pytest.raises(ConfigurationError, match="schema is"):
        PostgresInbox("", schema=schema)


@pytest.mark.parametrize("numbers", [(0, 1), (1, 0), (-1, 1)])
def test_there_is_at_least_one_connection_of_a_kind(numbers: tuple[int, int]) -> None:
    with pytest.raises(ConfigurationError, match="at least 1"):
        PostgresInbox("", connections=numbers[0], handler_connections=numbers[1])


def test_without_its_driver_an_inbox_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def nothing_is_installed(_name: str) -> None:
        return None

    monkeypatch.setattr(
        "payermax_async.storage.postgres_address.find_spec", nothing_is_installed
    )
    with pytest.raises(ConfigurationError, match=r"payermax_async\[postgres\]"):
        PostgresInbox("")


@pytest.mark.parametrize("state", ["40001", "40P01"])
async def test_what_lost_against_another_transaction_is_done_once_more(
    postgres_address: str, schema: str, state: str
) -> None:
    tries = 0

    def steps(failing: int) -> Plan[int]:
        def made() -> Steps[int]:
            nonlocal tries
            tries += 1
            yield Query(
                "INSERT INTO {expected} VALUES (:key, '', '', '', '')",
                {"key": f"key {failing}"},
            )
            if tries <= failing:
                yield Query(
                    f"DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{state}'; "
                    "END $$"
                )
            return tries

        return made

    async with PostgresInbox(postgres_address, schema=schema) as inbox:
        database: PostgresDatabase = inside(inbox, "_connections")
        assert await database.run(steps(1)) == 2
        tries = 0
        with pytest.raises(StorageError, match=f"twice: .*SQLSTATE {state}"):
            await database.run(steps(2))
        assert tries == 2, "and not for ever"
        rows = await kit.execute(
            postgres_address, f"SELECT unique_key FROM {schema}.expected"
        )
        assert rows == [("key 1",)]


async def test_what_was_given_up_is_no_warning_and_what_broke_by_itself_is(
    postgres_address: str, schema: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with PostgresInbox(postgres_address, schema=schema, connections=1) as inbox:
        pool: Pool = inside(inbox, "_connections", "_runner", "_own")
        async with pool.take(5) as connection:
            await connection.execute("BEGIN")
        assert [record for record in caplog.records if "pool" in record.name] == []
        async with pool.take(5) as connection:
            await connection.close()
        (told,) = (record for record in caplog.records if "pool" in record.name)
        assert "discarding closed connection" in told.getMessage()
