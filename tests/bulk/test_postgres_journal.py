"""The journal in PostgreSQL: the contract, and what many processes at once can do."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import threading
from collections import Counter
from collections.abc import AsyncGenerator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from payermax_async.bulk import (
    BatchMismatchError,
    BulkBatch,
    ClaimStanding,
    DoneState,
    Journal,
    JournalError,
    PaymentMark,
    PostgresJournal,
    RowClaim,
    RowPayment,
    RowState,
    claims,
)
from payermax_async.core.errors import ConfigurationError
from payermax_async.storage.errors import StorageError
from payermax_async.storage.sql import Steps
from tests.bulk.contract import CREATED, LEASE, STAMP, JournalContract, Seconds, planned
from tests.bulk.kit import made, orders, ran, states
from tests.bulk.postgres import turned
from tests.inbox.kit import own_schema
from tests.pipeline.merchant import Gateways
from tests.storage import kit

pytestmark = pytest.mark.postgres


@pytest.fixture
async def schema(postgres_address: str) -> AsyncGenerator[str]:
    async with own_schema(postgres_address) as name:
        yield name


@pytest.fixture
async def turned_journal(
    postgres_address: str, schema: str
) -> AsyncGenerator[tuple[Journal, Seconds]]:
    async with turned(postgres_address, schema) as made:
        yield made


class TestPostgresJournal(JournalContract):
    @pytest.fixture
    def journal(self, turned_journal: tuple[Journal, Seconds]) -> Journal:
        return turned_journal[0]

    @pytest.fixture
    def seconds(self, turned_journal: tuple[Journal, Seconds]) -> Seconds:
        return turned_journal[1]

    async def test_batches_in_the_same_tables_know_nothing_of_each_other(
        self, journal: Journal, postgres_address: str, schema: str
    ) -> None:
        await journal.claim(planned(), run="a", lease=LEASE)
        await journal.control(paused=True)
        other = PostgresJournal(postgres_address, batch="december", schema=schema)
        async with other:
            await other.begin(BulkBatch(plan="p9", fingerprint="merchant P9"))
            claim = await other.claim(planned(), run="a", lease=LEASE)
            assert (claim.standing, claim.token) == (ClaimStanding.OURS, 1)
            assert await other.settle("order-1", claim.token, CREATED)
            status = other.status()
            assert not status.control.paused
            assert status.counts == {RowState.CREATED: 1}
        assert [row.result.state for row in journal.read()] == [RowState.PLANNED]
        assert journal.status().batch is None


# --- many at once --------------------------------------------------------------------


async def _all_claim(
    journals: list[PostgresJournal], keys: list[str], shift: int
) -> list[list[RowClaim]]:
    """Each asks for all rows, in an order of its own."""

    async def one(number: int, journal: PostgresJournal) -> list[RowClaim]:
        first = number * shift % len(keys)
        return await asyncio.gather(
            *(
                journal.claim(planned(key, int(key)), run=f"run-{number}", lease=LEASE)
                for key in keys[first:] + keys[:first]
            )
        )

    return await asyncio.gather(
        *(one(number, journal) for number, journal in enumerate(journals))
    )


@pytest.mark.parametrize("shift", [0, 37])
async def test_of_many_who_ask_at_once_one_gets_a_row(
    postgres_address: str, schema: str, shift: int
) -> None:
    journals = [
        PostgresJournal(postgres_address, batch="b", schema=schema) for _ in range(4)
    ]
    for journal in journals:
        await journal.open()
    try:
        keys = [str(number) for number in range(1, 121)]
        for wave in range(2):  # rows that are new, then rows that somebody let go of
            claims = await _all_claim(journals, keys, shift)
            ours = Counter(
                claim.row.planned.key
                for asked in claims
                for claim in asked
                if claim.standing is ClaimStanding.OURS
            )
            standings = {c.standing for asked in claims for c in asked}
            assert standings == {ClaimStanding.OURS, ClaimStanding.HELD}
            assert max(ours.values()) == 1
            assert wave or ours.keys() == set(keys)
            for number, journal in enumerate(journals):
                await journal.release(f"run-{number}")
    finally:
        for journal in journals:
            await journal.aclose()


async def test_one_waits_for_no_row_that_somebody_is_at(
    postgres_address: str, schema: str
) -> None:
    async with PostgresJournal(postgres_address, batch="b", schema=schema) as journal:
        await journal.claim(planned(), run="a", lease=LEASE)
        await journal.release("a")
        async with await psycopg.AsyncConnection.connect(postgres_address) as busy:
            await busy.execute(f'SELECT * FROM "{schema}".journal FOR UPDATE'.encode())
            async with asyncio.timeout(5):
                claim = await journal.claim(planned(), run="b", lease=LEASE)
        assert claim.standing is ClaimStanding.HELD
        claim = await journal.claim(planned(), run="b", lease=LEASE)
        assert claim.standing is ClaimStanding.OURS


@pytest.mark.parametrize(
    ("meanwhile", "standing", "state"),
    [
        # Its holder was slow, and lets a create out just now.
        ("held_until = 9e15", ClaimStanding.HELD, RowState.SENDING),
        # It did so, and gave up without an answer: the row has to be asked about.
        ("held_until = 0", ClaimStanding.OURS, RowState.SENDING),
    ],
)
async def test_what_becomes_of_a_row_between_a_look_and_the_lock_counts(
    postgres_address: str,
    schema: str,
    monkeypatch: pytest.MonkeyPatch,
    meanwhile: str,
    standing: ClaimStanding,
    state: RowState,
) -> None:
    found = claims._found  # pyright: ignore[reportPrivateUsage]

    def looked(key: str, *, lock: bool = False) -> Steps[Any]:
        result = yield from found(key, lock=lock)
        if not lock:
            with psycopg.connect(postgres_address, autocommit=True) as other:
                other.execute(
                    f"UPDATE \"{schema}\".journal SET state = 'sending', "
                    f"{meanwhile}".encode()
                )
        return result

    async with PostgresJournal(postgres_address, batch="b", schema=schema) as journal:
        await journal.claim(planned(), run="a", lease=timedelta(0))
        monkeypatch.setattr(claims, "_found", looked)
        claim = await journal.claim(planned(), run="b", lease=LEASE)
    assert (claim.standing, claim.row.result.state) == (standing, state)


_NOTE = (
    "; INSERT INTO {0}journal_learned (batch, link_key, token, state, link_url, "
    "link_id, reason, remedy) SELECT batch, link_key, 0, "
)
_NOTE_END = ", 'u', 'l', '', '' FROM {0}journal"
# As mark_paid notes a payment, and settle what somebody found out who lost the row.
_PAID = "UPDATE {0}journal SET state = 'paid'" + _NOTE + "'paid'" + _NOTE_END
_FOUND = "UPDATE {0}journal SET token = token" + _NOTE + "'created'" + _NOTE_END


@pytest.mark.parametrize(
    ("noted", "state"), [(_PAID, RowState.PAID), (_FOUND, RowState.CREATED)]
)
async def test_what_is_noted_while_a_create_is_about_to_leave_keeps_it_back(
    postgres_address: str, schema: str, noted: str, state: RowState
) -> None:
    async with PostgresJournal(postgres_address, batch="b", schema=schema) as journal:
        claim = await journal.claim(planned(), run="a", lease=LEASE)
        async with await psycopg.AsyncConnection.connect(postgres_address) as other:
            await other.execute(noted.format(f'"{schema}".').encode())
            leaving = asyncio.create_task(
                journal.sending(
                    "order-1", claim.token, stamp=STAMP, hosts=("h",), lease=LEASE
                )
            )
            await _until_it_waits(postgres_address, schema)
            await other.commit()
        assert not await leaving
        again = await journal.claim(planned(), run="a", lease=LEASE)
        assert again.standing is ClaimStanding.SETTLED
        assert again.row.result.state is state


async def test_what_was_found_out_waits_for_a_create_that_is_about_to_leave(
    postgres_address: str, schema: str
) -> None:
    async with PostgresJournal(postgres_address, batch="b", schema=schema) as journal:
        lost = await journal.claim(planned(), run="a", lease=timedelta(0))
        await journal.claim(planned(), run="b", lease=LEASE)
        async with await psycopg.AsyncConnection.connect(postgres_address) as other:
            await other.execute(
                f"UPDATE \"{schema}\".journal SET holder = 'c'".encode()
            )
            telling = asyncio.create_task(
                journal.settle("order-1", lost.token, CREATED)
            )
            await _until_it_waits(postgres_address, schema)
        assert not await telling


async def _until_it_waits(address: str, schema: str) -> None:
    """Until a statement about the schema waits for a lock."""
    async with asyncio.timeout(5):
        while not await kit.execute(
            address,
            "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
            f"AND query LIKE '%{schema}%' AND pid <> pg_backend_pid()",
        ):
            await asyncio.sleep(0.02)


async def test_two_payments_noted_at_once_are_one_and_an_alarm(
    postgres_address: str, schema: str
) -> None:
    journals = [
        PostgresJournal(postgres_address, batch="b", schema=schema) for _ in range(2)
    ]
    async with journals[0], journals[1]:
        for number in range(1, 31):
            key = f"order-{number}"
            claim = await journals[0].claim(planned(key, number), run="a", lease=LEASE)
            await journals[0].settle(key, claim.token, CREATED)
            payments = [
                RowPayment(
                    key=key,
                    amount=Decimal("19.90"),
                    currency="USD",
                    trade_no=f"T{number}-{which}",
                )
                for which in range(2)
            ]
            marks = await asyncio.gather(
                *(
                    journal.mark_paid(payment)
                    for journal, payment in zip(journals, payments, strict=True)
                )
            )
            assert sorted(mark.value for mark in marks) == sorted(
                [PaymentMark.PAID.value, PaymentMark.AGAIN.value]
            )


@pytest.mark.parametrize(
    ("ahead", "standing"),
    [
        (timedelta(seconds=30), ClaimStanding.HELD),
        (timedelta(days=365), ClaimStanding.OURS),
    ],
)
async def test_a_clock_that_was_ahead_once_holds_no_row_for_as_long(
    postgres_address: str, schema: str, ahead: timedelta, standing: ClaimStanding
) -> None:
    async with PostgresJournal(postgres_address, batch="b", schema=schema) as journal:
        await journal.claim(planned(), run="a", lease=LEASE)
        micros = ahead // timedelta(microseconds=1)
        await kit.execute(
            postgres_address,
            f'UPDATE "{schema}".journal SET held_from = held_from + {micros}, '
            f"held_until = held_until + {micros}",
        )
        claim = await journal.claim(planned(), run="b", lease=LEASE)
        assert claim.standing is standing


# --- runs ----------------------------------------------------------------------------


async def test_runs_in_several_places_make_each_link_once(
    postgres_address: str, schema: str
) -> None:
    gateways = Gateways()

    async def one() -> list[DoneState]:
        journal = PostgresJournal(postgres_address, batch="b", schema=schema)
        async with gateways.client() as client:
            return states(await ran(client, orders(60), journal, at_once=8))

    runs = await asyncio.gather(one(), one(), one())
    assert set(made(gateways).values()) == {1}
    assert len(made(gateways)) == 60
    created = [state for run in runs for state in run if state is DoneState.CREATED]
    assert len(created) == 60


async def test_another_merchant_is_refused(postgres_address: str, schema: str) -> None:
    async with PostgresJournal(postgres_address, batch="b", schema=schema) as journal:
        await journal.begin(BulkBatch(plan="", fingerprint="merchant P1"))
        again = await asyncio.gather(
            *(
                journal.begin(BulkBatch(plan="", fingerprint=f"merchant P{n}"))
                for n in (1, 2)
            ),
            return_exceptions=True,
        )
        assert isinstance(again[1], BatchMismatchError)


# --- a database that misbehaves -------------------------------------------------------


async def test_behind_pgbouncer_in_transaction_mode(
    postgres_address: str, schema: str
) -> None:
    async with kit.pgbouncer(postgres_address) as through:
        gateways = Gateways()
        journal = PostgresJournal(through, batch="b", schema=schema)
        async with gateways.client() as client:
            done = await ran(client, orders(40), journal)
        assert set(states(done)) == {DoneState.CREATED}
        assert len(list(journal.read())) == 40


async def test_every_backend_terminated_halfway_loses_and_repeats_nothing(
    postgres_address: str, schema: str
) -> None:
    name = f"payermax test {secrets.token_hex(4)}"
    address = kit.at(postgres_address, application_name=name)
    gateways = Gateways()
    journal = PostgresJournal(address, batch="b", schema=schema)

    async def terminate() -> None:
        for _ in range(5):
            await asyncio.sleep(0.05)
            await kit.execute(
                postgres_address,
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                f"WHERE application_name = '{name}'",
            )

    async with gateways.client() as client:
        killer = asyncio.create_task(terminate())
        # Twice on one write: then the run stops, and goes on below.
        with contextlib.suppress(StorageError):
            await ran(client, orders(200), journal)
        await killer
        done = await ran(client, orders(200), journal)
    assert set(states(done)) <= {DoneState.CREATED, DoneState.FOUND}
    assert sorted(made(gateways).values()) == [1] * 200


async def test_a_database_that_only_reads_lets_nothing_out(
    postgres_address: str, schema: str
) -> None:
    gateways = Gateways()
    journal = PostgresJournal(
        kit.at(postgres_address, options="-c default_transaction_read_only=on"),
        batch="b",
        schema=schema,
    )
    async with PostgresJournal(postgres_address, batch="b", schema=schema):
        pass
    async with gateways.client() as client:
        with pytest.raises(StorageError):
            await ran(client, orders(3), journal)
    assert gateways.seen == []


async def test_a_half_open_connection_ends_a_write_in_time(
    postgres_address: str, schema: str
) -> None:
    async with kit.half_open(postgres_address) as (proxy, through):
        journal = PostgresJournal(through, batch="b", schema=schema, timeout=2.0)
        async with journal:
            await journal.claim(planned(), run="a", lease=LEASE)
            proxy.swallow()
            async with asyncio.timeout(4):
                claim = await journal.claim(planned("order-2", 2), run="a", lease=LEASE)
            assert claim.standing is ClaimStanding.OURS


def test_reading_ends_in_time_though_the_server_says_nothing(
    postgres_address: str,
) -> None:
    result: list[BaseException] = []
    ready, stop = threading.Event(), threading.Event()
    where: list[str] = []

    async def serve() -> None:
        async with own_schema(postgres_address) as schema:
            async with PostgresJournal(postgres_address, batch="b", schema=schema):
                pass
            async with kit.half_open(postgres_address) as (proxy, through):
                proxy.swallows_what = b"journal_name"
                where.extend([through, schema])
                ready.set()
                while not stop.is_set():
                    await asyncio.sleep(0.05)

    def read() -> None:
        assert ready.wait(30)
        journal = PostgresJournal(where[0], batch="b", schema=where[1], timeout=1.0)
        try:
            journal.status()
        except BaseException as error:  # noqa: BLE001 - looked at below
            result.append(error)
        stop.set()

    reader = threading.Thread(target=read)
    reader.start()
    try:
        asyncio.run(asyncio.wait_for(serve(), 30))
    finally:
        stop.set()
        reader.join(10)
    assert [type(error) for error in result] == [StorageError]


async def test_an_address_is_never_repeated() -> None:
    with pytest.raises(ConfigurationError) as caught:
        PostgresJournal("postgresql://u:hunter2-correct@h:x/d", batch="b")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("batch", ["", "a b", "x" * 101, "ü"])
async def test_a_name_that_names_no_batch_is_refused(batch: str) -> None:
    with pytest.raises(ConfigurationError, match="a batch is named"):
        PostgresJournal("postgresql://h/d", batch=batch)


async def test_it_is_used_while_it_is_open(postgres_address: str, schema: str) -> None:
    journal = PostgresJournal(postgres_address, batch="b", schema=schema)
    with pytest.raises(StorageError, match="not open"):
        await journal.release("a")
    with pytest.raises(StorageError):
        journal.status()
    async with journal:
        with pytest.raises(JournalError, match="open already"):
            await journal.open()
