"""What an inbox answers when it cannot be told whether its commit came through."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import pytest

from payermax_async.storage.sql import Plan
from payermax_async.webhooks.inbox import recovery, storing
from payermax_async.webhooks.inbox.entries import (
    Arrival,
    EntryState,
    ParkedBody,
    Stored,
    Verdict,
)
from payermax_async.webhooks.inbox.sqlite import SqliteInbox
from tests.inbox import kit

T = TypeVar("T")

LATER = kit.NOW + timedelta(hours=1)
ODD = ParkedBody(body=b"\xff{", problem="no JSON", received_at=kit.NOW)

either = pytest.mark.parametrize("committed", [True, False], ids=["kept", "not kept"])


class Unsure(SqliteInbox):
    """From some moment on, of no commit it is known whether it came through."""

    unsure = False
    committed = True

    async def _run(self, plan: Plan[T], *, again: Plan[T] | None = None) -> T:
        if again is None or not self.unsure:
            return await super()._run(plan)
        if self.committed:
            await super()._run(plan)
        return await super()._run(again)

    async def act(self, arrival: Arrival, *, handled: bool = True) -> Stored:
        """Store what the caller acts on in the same transaction."""
        return await self._run(
            lambda: storing.store(arrival, handled=handled),
            again=lambda: recovery.store(arrival, handled=handled),
        )


@asynccontextmanager
async def opened(folder: Path, *, committed: bool = True) -> AsyncGenerator[Unsure]:
    inbox = Unsure(folder / f"{committed}.sqlite3")
    inbox.committed = committed
    async with inbox:
        yield inbox


def costing(amount: str, order: str, trade: str) -> Arrival:
    return kit.arrival(
        merchant_link_id=order, out_trade_no=trade, total_amount=amount, at=LATER
    )


NEXT = {
    "another link": kit.link("o-2"),
    "a second payment": kit.arrival(
        merchant_link_id="o-1", out_trade_no="T2", status="SUCCESS", at=LATER
    ),
    "another amount": costing("1.00", "o-1", "T1"),
    "a failure": kit.arrival(
        merchant_link_id="o-1", out_trade_no="T1", status="FAILED", at=LATER
    ),
    "what is known": kit.arrival(
        merchant_link_id="o-1", out_trade_no="T1", status="SUCCESS", at=LATER
    ),
    "one known and one new": kit.payments("o-1", ("T1", "SUCCESS"), ("T2", "SUCCESS")),
}


@either
@pytest.mark.parametrize("arrival", NEXT.values(), ids=list(NEXT))
async def test_who_acts_on_what_is_fresh_is_answered_as_if_the_commit_was_seen(
    tmp_path: Path, arrival: Arrival, committed: bool
) -> None:
    told: list[tuple[Stored, list[str]]] = []
    for unsure in (False, True):
        folder = tmp_path / str(unsure)
        folder.mkdir()
        async with opened(folder, committed=committed) as inbox:
            await inbox.act(kit.link("o-1"))
            inbox.unsure = unsure
            told.append((await inbox.act(arrival), await kit.states(inbox)))
    assert told[1] == told[0]


@either
async def test_what_is_to_be_handled_is_told_as_fresh_and_counted_once(
    tmp_path: Path, committed: bool
) -> None:
    async with opened(tmp_path, committed=committed) as inbox:
        inbox.unsure = True
        stored = await inbox.act(kit.link("o-1"), handled=False)
        assert (len(stored.fresh), stored.duplicates) == (1, ())
        (entry,) = await inbox.entries()
        assert (entry.state, entry.deliveries) == (EntryState.WAITING, 1)


@either
async def test_bytes_set_aside_are_there_once_and_later_known(
    tmp_path: Path, committed: bool
) -> None:
    async with opened(tmp_path, committed=committed) as inbox:
        inbox.unsure = True
        number = await inbox.park(ODD)
        (entry,) = await inbox.entries(state=EntryState.PARKED)
        assert (number, entry.deliveries) == (entry.id, 1)
        again = ParkedBody(body=ODD.body, problem=ODD.problem, received_at=LATER)
        assert await inbox.park(again) is None
        assert len(await inbox.entries()) == 1


@either
async def test_bytes_read_after_all_are_told_as_fresh_and_only_once(
    tmp_path: Path, committed: bool
) -> None:
    async with opened(tmp_path, committed=committed) as inbox:
        number = await inbox.park(ODD)
        assert number is not None
        inbox.unsure = True
        stored = await inbox.admit(number, kit.link("o-1"))
        assert stored is not None
        assert [event.merchant_key for event in stored.fresh] == ["o-1"]
        assert await kit.states(inbox) == ["done", "waiting"]
        later = kit.arrival(merchant_link_id="o-2", at=LATER)
        assert await inbox.admit(number, later) is None
        assert await kit.states(inbox) == ["done", "waiting"]


@either
async def test_what_was_claimed_is_claimed_by_the_same_holder_and_by_no_other(
    tmp_path: Path, committed: bool
) -> None:
    async with opened(tmp_path, committed=committed) as inbox:
        await inbox.store(kit.link("o-1"))
        inbox.unsure = True
        (entry,) = await kit.claim(inbox, holder="a")
        assert (entry.merchant_key, entry.holder) == ("o-1", "a")
        assert await kit.claim(inbox, holder="b") == ()


@either
async def test_an_entry_is_let_go_by_its_holder_alone(
    tmp_path: Path, committed: bool
) -> None:
    failed, done = Verdict(state=EntryState.FAILED), Verdict(state=EntryState.DONE)
    async with opened(tmp_path, committed=committed) as inbox:
        await inbox.store(kit.link("o-1"))
        (entry,) = await kit.claim(inbox)
        inbox.unsure = True
        assert await inbox.finish(entry, failed, kit.NOW)
        # Nobody holds it any more, and it did not end in this way.
        assert not await inbox.finish(entry, done, LATER)
        assert await kit.states(inbox) == ["failed"]
