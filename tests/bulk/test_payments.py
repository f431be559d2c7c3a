"""What a journal makes of payments: once, of the right amount, and never undone."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Awaitable, Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from payermax_async.bulk import (
    BulkReport,
    ClaimStanding,
    JournalRow,
    MemoryJournal,
    RowResult,
    RowState,
    SqliteJournal,
)
from payermax_async.bulk.payments import PaymentMark, RowPayment
from payermax_async.bulk.schema import JOURNAL
from payermax_async.storage.errors import StorageError
from payermax_async.storage.migrations import Component, migrate
from payermax_async.storage.sqlite_dialect import drive
from tests.bulk.contract import CREATED, LEASE, REFUSED, STAMP, planned
from tests.pipeline.gateway import START, InstantClock

KEY = "order-1"
PAYMENT = RowPayment(key=KEY, amount=Decimal("19.9"), currency="USD", trade_no="T1")
UNKNOWN = RowResult(state=RowState.UNKNOWN, reason="no answer")
EXPIRED = RowResult(state=RowState.EXPIRED, link_url="https://pay.test/1", link_id="L1")


async def journal_with(*results: RowResult) -> MemoryJournal:
    """A journal whose one row ended like this."""
    journal = MemoryJournal(clock=InstantClock())
    await journal.open()
    claim = await journal.claim(planned(), run="a", lease=LEASE)
    for result in results:
        await journal.settle(KEY, claim.token, result)
    return journal


def only(journal: MemoryJournal) -> JournalRow:
    (row,) = journal.read()
    return row


async def test_a_payment_is_noted_once_with_its_time_and_number() -> None:
    journal = await journal_with(CREATED)
    assert await journal.mark_paid(PAYMENT) is PaymentMark.PAID
    row = only(journal)
    assert row.result.state is RowState.PAID
    assert (row.ended_at, row.trade_no) == (START, "T1")
    assert await journal.mark_paid(PAYMENT) is PaymentMark.KNOWN
    assert only(journal) == row


@pytest.mark.parametrize(
    ("amount", "currency", "mark"),
    [
        ("19.90", "USD", PaymentMark.PAID),
        ("19.900", "USD", PaymentMark.PAID),
        ("19.91", "USD", PaymentMark.MISMATCHED),
        ("1.99", "USD", PaymentMark.MISMATCHED),
        ("19.90", "EUR", PaymentMark.MISMATCHED),
    ],
)
async def test_what_was_paid_is_compared_with_the_row(
    amount: str, currency: str, mark: PaymentMark
) -> None:
    journal = await journal_with(CREATED)
    payment = RowPayment(key=KEY, amount=Decimal(amount), currency=currency)
    assert await journal.mark_paid(payment) is mark
    row, right = only(journal), mark is PaymentMark.PAID
    assert row.result.state is (RowState.PAID if right else RowState.CREATED)
    assert bool(row.payment_problem) is not right


async def test_a_second_payment_is_told_and_the_first_stays() -> None:
    journal = await journal_with(CREATED)
    await journal.mark_paid(PAYMENT)
    other = RowPayment(key=KEY, amount=Decimal("19.9"), currency="USD", trade_no="T2")
    assert await journal.mark_paid(other) is PaymentMark.AGAIN
    row = only(journal)
    assert (row.result.state, row.trade_no) == (RowState.PAID, "T1")
    assert row.payment_problem == "paid twice: by T1 and by T2"


async def test_the_number_of_a_payment_may_come_later() -> None:
    journal = await journal_with(CREATED)
    payment = RowPayment(key=KEY, amount=Decimal("19.9"), currency="USD")
    assert await journal.mark_paid(payment) is PaymentMark.PAID
    assert await journal.mark_paid(PAYMENT) is PaymentMark.KNOWN
    assert only(journal).trade_no == "T1"


async def test_a_payment_of_another_link_changes_nothing() -> None:
    journal = await journal_with(CREATED)
    payment = RowPayment(key="order-2", amount=Decimal("19.9"), currency="USD")
    assert await journal.mark_paid(payment) is PaymentMark.FOREIGN
    assert only(journal).result == CREATED


async def test_money_for_something_else_under_the_id_is_not_the_rows() -> None:
    other = RowResult(state=RowState.CONFLICTING, reason="another description")
    journal = await journal_with(other)
    assert await journal.mark_paid(PAYMENT) is PaymentMark.MISMATCHED
    assert only(journal).result == other
    assert "not as the row asks" in only(journal).payment_problem


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
async def test_a_late_end_never_undoes_a_payment(order: tuple[int, ...]) -> None:
    journal = await journal_with(CREATED)
    steps: list[Callable[[], Awaitable[object]]] = [
        lambda: journal.mark_paid(PAYMENT),
        lambda: journal.mark_expired(KEY),
        lambda: journal.mark_asked(KEY),
    ]
    for number in order:
        await steps[number]()
    assert only(journal).result.state is RowState.PAID
    assert only(journal).trade_no == "T1"


async def test_only_a_link_that_exists_can_be_over() -> None:
    assert await (journal := await journal_with(CREATED)).mark_expired(KEY)
    assert only(journal).result == EXPIRED
    assert not await journal.mark_expired(KEY)
    for result in (REFUSED, UNKNOWN):
        journal = await journal_with(result)
        assert not await journal.mark_expired(KEY)
        assert only(journal).result == result


@pytest.mark.parametrize("result", [CREATED, UNKNOWN, REFUSED, EXPIRED])
async def test_the_end_of_a_create_does_not_undo_a_payment(result: RowResult) -> None:
    journal = await journal_with()
    claim = await journal.claim(planned(), run="a", lease=LEASE)
    await journal.sending(KEY, claim.token, stamp=STAMP, hosts=(), lease=LEASE)
    await journal.mark_paid(PAYMENT)
    assert await journal.settle(KEY, claim.token, result)
    row = only(journal)
    assert (row.result.state, row.result.reason) == (RowState.PAID, "")
    assert row.result.link_url == result.link_url
    await journal.release("a")
    assert only(journal).result.state is RowState.PAID


async def test_nothing_is_sent_for_a_row_that_was_paid_meanwhile() -> None:
    journal = await journal_with()
    claim = await journal.claim(planned(), run="a", lease=LEASE)
    await journal.mark_paid(PAYMENT)
    assert not await journal.sending(
        KEY, claim.token, stamp=STAMP, hosts=(), lease=LEASE
    )
    again = await journal.claim(planned(), run="b", lease=LEASE)
    assert again.standing is ClaimStanding.SETTLED
    assert again.row.result.state is RowState.PAID


async def test_times_of_day_are_noted_for_reports() -> None:
    clock = InstantClock()
    journal = MemoryJournal(clock=clock)
    await journal.open()
    claim = await journal.claim(planned(), run="a", lease=LEASE)
    assert (only(journal).began_at, only(journal).settled_at) == (START, None)
    clock.seconds += 2
    expires = START + timedelta(days=1)
    await journal.settle(
        KEY, claim.token, RowResult(state=RowState.REFUSED, expires_at=expires)
    )
    row = only(journal)
    assert row.settled_at == START + timedelta(seconds=2)
    assert row.result.expires_at == expires
    clock.seconds += 3
    claim = await journal.claim(planned(digest="mended"), run="b", lease=LEASE)
    assert only(journal).began_at == START + timedelta(seconds=5)
    await journal.settle(KEY, claim.token, RowResult(state=RowState.PLANNED))
    assert only(journal).settled_at is None


async def test_a_journal_of_the_first_version_goes_on(tmp_path: Path) -> None:
    file = tmp_path / "old.sqlite3"
    first = Component(name=JOURNAL.name, migrations=JOURNAL.migrations[:1])
    with sqlite3.connect(file) as connection:
        drive(connection, migrate(first))
    connection.close()
    report = BulkReport(SqliteJournal(file).read)
    with pytest.raises(StorageError, match="payermax db upgrade --component journal"):
        report.counts()
    async with SqliteJournal(file) as journal:
        assert await journal.batch() is None
        await journal.claim(planned(), run="a", lease=LEASE)
    assert report.counts() == {RowState.PLANNED: 1}
