"""What every journal does: inherited by the tests of each kind of journal."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import attrs
import pytest

from payermax_async.bulk import (
    BatchMismatchError,
    BulkBatch,
    BulkControl,
    BulkProgress,
    ClaimStanding,
    Journal,
    PaymentJournal,
    PlannedRow,
    RowClaim,
    RowResult,
    RowState,
)
from payermax_async.core.errors import ConfigurationError

LEASE = timedelta(seconds=90)
STAMP = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
CREATED = RowResult(state=RowState.CREATED, link_url="https://pay.test/1", link_id="L1")
REFUSED = RowResult(state=RowState.REFUSED, reason="订单 refused", remedy="Mend it.")


def planned(key: str = "order-1", position: int = 1, digest: str = "d1") -> PlannedRow:
    return PlannedRow(
        key=key,
        order=key,
        position=position,
        digest=digest,
        amount="19.90",
        currency="USD",
        columns={"客户": "李\\u674e", "note": "a;b"},
    )


class Seconds:
    """The machine's clock, turned by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def micros(self) -> int:
        return round(self.now * 10**6)


class JournalContract:
    """Wants a fixture ``journal``, open, and one ``seconds``, its lease clock."""

    @pytest.fixture
    def seconds(self) -> Seconds:
        return Seconds()

    @pytest.fixture
    def journal(self, seconds: Seconds) -> Journal:
        raise NotImplementedError

    async def claim(
        self, journal: Journal, row: PlannedRow | None = None, run: str = "a"
    ) -> RowClaim:
        return await journal.claim(row or planned(), run=run, lease=LEASE)

    async def send(self, journal: Journal, token: int, key: str = "order-1") -> bool:
        return await journal.sending(
            key, token, stamp=STAMP, hosts=("https://a.test/x",), lease=LEASE
        )

    async def test_a_new_row_is_planned_and_ours(self, journal: Journal) -> None:
        claim = await self.claim(journal)
        assert claim.standing is ClaimStanding.OURS
        assert claim.row.result == RowResult(state=RowState.PLANNED)
        assert claim.row.planned == planned()
        assert [row.planned for row in journal.read()] == [planned()]

    async def test_what_was_sent_is_read_back(self, journal: Journal) -> None:
        claim = await self.claim(journal)
        assert await self.send(journal, claim.token)
        (row,) = journal.read()
        assert row.result.state is RowState.SENDING
        assert (row.stamp, row.hosts) == (STAMP, ("https://a.test/x",))

    @pytest.mark.parametrize("result", [CREATED, REFUSED])
    async def test_a_settled_row_is_settled_for_everybody(
        self, journal: Journal, result: RowResult
    ) -> None:
        claim = await self.claim(journal)
        assert await journal.settle("order-1", claim.token, result)
        for run in ("a", "b"):
            again = await self.claim(journal, run=run)
            assert again.standing is ClaimStanding.SETTLED
            assert again.row.result == result

    async def test_a_row_is_held_until_its_lease_is_over(
        self, journal: Journal, seconds: Seconds
    ) -> None:
        await self.claim(journal)
        other = await self.claim(journal, run="b")
        assert other.standing is ClaimStanding.HELD
        assert other.held_for == LEASE
        seconds.now += 89
        assert (await self.claim(journal, run="b")).standing is ClaimStanding.HELD
        seconds.now += 1
        assert (await self.claim(journal, run="b")).standing is ClaimStanding.OURS

    async def test_who_lost_a_row_may_not_send_for_it(
        self, journal: Journal, seconds: Seconds
    ) -> None:
        mine = await self.claim(journal)
        seconds.now += 91
        theirs = await self.claim(journal, run="b")
        assert theirs.token > mine.token
        assert not await self.send(journal, mine.token)
        assert not await journal.renew("order-1", mine.token, LEASE)
        assert await self.send(journal, theirs.token)

    async def test_a_lease_that_ran_out_and_that_nobody_took_still_counts(
        self, journal: Journal, seconds: Seconds
    ) -> None:
        mine = await self.claim(journal)
        seconds.now += 500
        assert await self.send(journal, mine.token)
        assert (await self.claim(journal, run="b")).standing is ClaimStanding.HELD

    async def test_what_was_learned_too_late_is_kept_and_found(
        self, journal: Journal, seconds: Seconds
    ) -> None:
        mine = await self.claim(journal)
        await self.send(journal, mine.token)
        seconds.now += 91
        theirs = await self.claim(journal, run="b")
        assert not await journal.settle("order-1", mine.token, CREATED)
        # The one who has it now learns of it before it sends.
        assert not await self.send(journal, theirs.token)
        again = await self.claim(journal, run="b")
        assert again.standing is ClaimStanding.SETTLED
        assert again.row.result == CREATED

    async def test_a_late_refusal_keeps_nobody_from_sending(
        self, journal: Journal, seconds: Seconds
    ) -> None:
        mine = await self.claim(journal)
        seconds.now += 91
        theirs = await self.claim(journal, run="b")
        assert not await journal.settle("order-1", mine.token, REFUSED)
        assert await self.send(journal, theirs.token)

    async def test_how_long_ago_it_was_sent_is_told_by_the_clock_that_nobody_sets(
        self, journal: Journal, seconds: Seconds
    ) -> None:
        claim = await self.claim(journal)
        assert claim.sent_ago is None
        await self.send(journal, claim.token)
        seconds.now += 100
        again = await self.claim(journal, run="b")
        assert again.standing is ClaimStanding.OURS
        assert again.row.result.state is RowState.SENDING
        assert again.sent_ago == timedelta(seconds=100)

    async def test_a_changed_row_is_told_and_left_as_it_was(
        self, journal: Journal
    ) -> None:
        await self.claim(journal)
        changed = planned(digest="d2")
        claim = await self.claim(journal, changed, run="b")
        assert claim.standing is ClaimStanding.CHANGED
        assert [row.planned.digest for row in journal.read()] == ["d1"]

    async def test_a_refused_row_comes_again_when_it_changed(
        self, journal: Journal
    ) -> None:
        claim = await self.claim(journal)
        await journal.settle("order-1", claim.token, REFUSED)
        again = await self.claim(journal, planned(digest="d2"), run="b")
        assert again.standing is ClaimStanding.OURS
        assert again.row.result == RowResult(state=RowState.PLANNED)
        assert [row.planned.digest for row in journal.read()] == ["d2"]

    async def test_an_id_at_two_positions_of_one_run_is_told(
        self, journal: Journal
    ) -> None:
        await self.claim(journal)
        twice = await self.claim(journal, planned(position=7))
        assert twice.standing is ClaimStanding.REPEATED
        assert twice.row.planned.position == 1

    async def test_an_id_at_two_positions_is_told_though_another_run_asked_for_it(
        self, journal: Journal
    ) -> None:
        claim = await self.claim(journal)
        for position in (1, 7):  # the other run has the same source
            asked = await self.claim(journal, planned(position=position), run="b")
            assert asked.standing is ClaimStanding.HELD
        twice = await self.claim(journal, planned(position=7))
        assert twice.standing is ClaimStanding.REPEATED
        assert await journal.renew("order-1", claim.token, LEASE)

    async def test_a_run_that_ended_holds_nothing_and_sends_nothing(
        self, journal: Journal
    ) -> None:
        first = await self.claim(journal)
        await self.send(journal, first.token)
        await self.claim(journal, planned("order-2", 2))
        await journal.release("a")
        found = [row.result.state for row in journal.read()]
        assert found == [RowState.UNKNOWN, RowState.PLANNED]
        for row in (planned(), planned("order-2", 2)):
            claim = await self.claim(journal, row, run="b")
            assert claim.standing is ClaimStanding.OURS

    async def test_the_first_withdrawal_of_a_link_is_kept(
        self, journal: Journal
    ) -> None:
        assert isinstance(journal, PaymentJournal)
        await self.claim(journal)
        await self.claim(journal, planned("order-2", 2))
        await journal.mark_withdrawn("order-1")
        first, other = [row.withdrawn_at for row in journal.read()]
        assert first is not None
        assert other is None
        await journal.mark_withdrawn("order-1")
        assert [row.withdrawn_at for row in journal.read()] == [first, None]

    async def test_it_belongs_to_one_batch(self, journal: Journal) -> None:
        batch = BulkBatch(plan="p1", fingerprint="merchant P1, app A1, at https://a")
        assert await journal.begin(batch) == batch
        assert await journal.begin(batch) == batch
        with pytest.raises(BatchMismatchError, match=r"plan p1.* of p2"):
            await journal.begin(BulkBatch(plan="p2", fingerprint=batch.fingerprint))
        with pytest.raises(BatchMismatchError, match=r"merchant P1.*merchant P2"):
            await journal.begin(BulkBatch(plan="p1", fingerprint="merchant P2"))

    async def test_that_a_journal_was_lost_is_never_forgotten(
        self, journal: Journal
    ) -> None:
        batch = BulkBatch(plan="p1", fingerprint="merchant P1")
        lost = BulkBatch(plan="p1", fingerprint="merchant P1", journal_lost=True)
        for told, kept in ((batch, batch), (lost, lost), (batch, lost)):
            assert await journal.begin(told) == kept
        assert journal.status().batch == lost

    async def test_rows_are_read_in_the_order_of_their_positions(
        self, journal: Journal
    ) -> None:
        rows = [planned(f"order-{n}", 3000 - n) for n in range(1, 2500)]
        for part in (rows[:900], rows[900:1700], rows[1700:]):
            await asyncio.gather(*(self.claim(journal, row) for row in part))
        read = [row.planned.position for row in journal.read()]
        assert read == sorted(row.position for row in rows)

    async def test_what_runs_are_told_is_kept_and_taken_back(
        self, journal: Journal
    ) -> None:
        told = await journal.control(paused=True, at_once=4, per_second=2.5)
        assert told == BulkControl(paused=True, at_once=4, per_second=2.5)
        assert await journal.attend("a", BulkProgress()) == told
        told = await journal.control(paused=False)
        assert told == BulkControl(at_once=4, per_second=2.5)
        assert await journal.control(at_once=0, per_second=0) == BulkControl()
        assert await journal.attend("a", BulkProgress()) == BulkControl()

    async def test_how_much_may_be_asked_for_is_kept_by_currency(
        self, journal: Journal
    ) -> None:
        usd, eur, yen = Decimal("20.50"), Decimal(7), Decimal("1E+3")
        await journal.control(max_amount={"USD": usd, "JPY": yen})
        told = await journal.control(max_amount={"EUR": eur, "JPY": Decimal(0)})
        assert told == BulkControl(max_amount={"USD": usd, "EUR": eur})
        assert await journal.control(paused=True) == attrs.evolve(told, paused=True)
        told = await journal.control(paused=False, max_amount={"USD": yen})
        assert told.max_amount == {"USD": yen, "EUR": eur}
        assert journal.status().control == told
        for wrong in (Decimal(-1), Decimal("NaN"), Decimal("Infinity")):
            with pytest.raises(ConfigurationError):
                await journal.control(max_amount={"USD": wrong})
        assert journal.status().control == told

    @pytest.mark.parametrize(
        "pace",
        [
            {"at_once": -1},
            {"at_once": 1001},
            {"per_second": -0.5},
            {"per_second": float("nan")},
            {"per_second": float("inf")},
        ],
    )
    async def test_a_pace_that_nobody_can_go_by_is_refused(
        self, journal: Journal, pace: dict[str, Any]
    ) -> None:
        with pytest.raises(ConfigurationError):
            await journal.control(**pace)
        assert journal.status().control == BulkControl()

    async def test_anybody_can_read_how_it_stands(
        self, journal: Journal, seconds: Seconds
    ) -> None:
        assert journal.status().batch is None
        batch = BulkBatch(plan="p1", fingerprint="merchant P1")
        await journal.begin(batch)
        claim = await self.claim(journal)
        await self.claim(journal, planned("order-2", 2))
        await journal.settle("order-1", claim.token, CREATED)
        await journal.attend("a", BulkProgress(created=1, rows=2, rate=0.5))
        seconds.now += 3
        status = journal.status()
        assert status.batch == batch
        assert status.counts == {RowState.PLANNED: 1, RowState.CREATED: 1}
        (run,) = status.runs
        assert run.progress == BulkProgress(created=1, rows=2, rate=0.5)
        assert run.seen_ago == timedelta(seconds=3)
        assert run.is_alive
        seconds.now += 13
        assert not journal.status().runs[0].is_alive
        await journal.attend("a", BulkProgress(created=2), ended="finished")
        (run,) = journal.status().runs
        assert (run.ended, run.is_alive) == ("finished", False)

    async def test_a_few_runs_that_ended_are_remembered(
        self, journal: Journal, seconds: Seconds
    ) -> None:
        for number in range(9):
            seconds.now += 1
            await journal.attend(f"run-{number}", BulkProgress(), ended="finished")
        assert [run.run for run in journal.status().runs] == [
            f"run-{number}" for number in range(4, 9)
        ]

    async def test_what_exists_or_may_exist_is_summed_by_currency(
        self, journal: Journal
    ) -> None:
        for number, state in enumerate(RowState, start=1):
            claim = await self.claim(journal, planned(f"order-{number}", number))
            await journal.settle(f"order-{number}", claim.token, RowResult(state=state))
        # created, expired, paid, sending, unknown; not planned, refused, conflicting
        assert await journal.committed() == {"USD": Decimal("19.90") * 5}
