"""What is due goes to one worker at a time, and is done when that worker says so."""

from __future__ import annotations

from datetime import timedelta

import pytest

from payermax_async.webhooks.inbox.entries import (
    EntryState,
    Expected,
    InboxError,
    LeaseLostError,
    Verdict,
)
from tests.inbox import kit

DONE = Verdict(state=EntryState.DONE)


async def test_an_entry_is_handed_out_once_until_its_lease_is_over(
    inbox: kit.AnyInbox,
) -> None:
    await inbox.store(kit.link("o-1"))
    (first,) = await kit.claim(inbox, holder="a")
    assert (first.holder, first.attempts) == ("a", 1)
    assert not await kit.claim(inbox, holder="b")
    due = await inbox.next_due("", kit.NOW)
    assert due is not None
    assert kit.NOW + kit.MINUTE / 2 < due <= kit.NOW + kit.MINUTE
    later = kit.NOW + kit.MINUTE
    assert not await kit.claim(inbox, holder="b", now=later), "only its own clock says"
    await kit.elapse(inbox, kit.MINUTE)
    (second,) = await kit.claim(inbox, holder="b", now=later)
    assert (second.id, second.attempts) == (first.id, 2)
    assert not await inbox.finish(first, DONE, later), "the first is too late"
    assert await inbox.finish(second, DONE, later)
    assert await kit.states(inbox) == ["done"]


async def test_a_lease_that_is_renewed_goes_on(inbox: kit.AnyInbox) -> None:
    await inbox.store(kit.link("o-1"))
    (entry,) = await kit.claim(inbox)
    await kit.elapse(inbox, kit.MINUTE / 2)
    assert await inbox.renew(entry, 3 * kit.MINUTE)
    await kit.elapse(inbox, 2 * kit.MINUTE)
    assert not await kit.claim(inbox, holder="b", now=kit.NOW + 2 * kit.MINUTE)
    assert await inbox.finish(entry, DONE, kit.NOW + 2 * kit.MINUTE)
    assert not await inbox.renew(entry, 4 * kit.MINUTE)


@pytest.mark.parametrize("off", [-5, 5])
async def test_a_wall_clock_that_is_off_neither_ends_nor_prolongs_a_lease(
    inbox: kit.AnyInbox, off: int
) -> None:
    wrong = kit.NOW + off * kit.MINUTE
    await inbox.store(kit.link("o-1"))
    (entry,) = await kit.claim(inbox, now=max(wrong, kit.NOW))
    ahead = kit.NOW + 5 * kit.MINUTE
    assert not await kit.claim(inbox, holder="b", now=ahead), "nothing is stolen"
    assert not await inbox.replay(entry.id, ahead)
    assert not await inbox.set_aside(entry.id, ahead)
    await kit.elapse(inbox, kit.MINUTE)
    assert await kit.claim(inbox, holder="b"), "nor kept from others"
    assert not await inbox.finish(entry, DONE, ahead)


async def test_two_events_of_one_payment_are_not_out_together(
    inbox: kit.AnyInbox,
) -> None:
    await inbox.store(kit.link("o-1", status="PENDING"))
    (first,) = await kit.claim(inbox, holder="a")
    await inbox.store(kit.link("o-1", status="SUCCESS"))
    await inbox.store(kit.link("o-2", trade="T2"))
    (other,) = await kit.claim(inbox, holder="b")
    assert other.merchant_key == "o-2"
    assert await inbox.finish(first, DONE, kit.NOW)
    (second,) = await kit.claim(inbox, holder="c")
    assert second.key[-1] == "SUCCESS"


async def test_what_something_newer_overtook_is_not_handed_out(
    inbox: kit.AnyInbox,
) -> None:
    await inbox.store(kit.link("o-1", status="CLOSE"))
    await inbox.store(kit.link("o-1", trade="T2", status="FAILED"))
    await inbox.store(kit.link("o-1", status="SUCCESS"))
    claimed = await kit.claim(inbox, limit=1) or await kit.claim(inbox)
    claimed = claimed or await kit.claim(inbox)
    assert [entry.key[-1] for entry in claimed] == ["SUCCESS"]
    assert await kit.states(inbox) == ["superseded", "superseded", "waiting"]


async def test_the_oldest_is_handed_out_first_and_no_more_than_asked_for(
    inbox: kit.AnyInbox,
) -> None:
    for number in (3, 1, 2):
        came = kit.arrival(
            merchant_link_id=f"o-{number}", at=kit.NOW + number * kit.MINUTE
        )
        await inbox.store(came)
    assert await inbox.next_due("", kit.NOW) == kit.NOW + kit.MINUTE
    now = kit.NOW + 2 * kit.MINUTE
    first = await kit.claim(inbox, now=now, limit=1)
    rest = await kit.claim(inbox, holder="b", now=now)
    assert [e.merchant_key for e in (*first, *rest)] == ["o-1", "o-2"]


async def test_what_failed_is_due_again_at_its_time(inbox: kit.AnyInbox) -> None:
    await inbox.store(kit.link("o-1"))
    (entry,) = await kit.claim(inbox)
    due = kit.NOW + 5 * kit.MINUTE
    again = Verdict(state=EntryState.WAITING, problem="OSError", due_at=due)
    assert await inbox.finish(entry, again, kit.NOW)
    assert not await kit.claim(inbox, holder="b", now=due - timedelta(microseconds=1))
    assert await inbox.next_due("", kit.NOW) == due
    (second,) = await kit.claim(inbox, holder="b", now=due)
    assert (second.attempts, second.problem) == (2, "OSError")


async def test_work_that_ends_well_is_done(inbox: kit.AnyInbox) -> None:
    await inbox.store(kit.link("o-1"))
    (entry,) = await kit.claim(inbox)
    async with inbox.work(entry, kit.NOW):
        assert await kit.states(inbox) == ["waiting"]
    assert await kit.states(inbox) == ["done"]


async def test_work_that_raises_is_still_held(inbox: kit.AnyInbox) -> None:
    await inbox.store(kit.link("o-1"))
    (entry,) = await kit.claim(inbox)
    with pytest.raises(ZeroDivisionError):
        async with inbox.work(entry, kit.NOW):
            raise ZeroDivisionError
    assert not await kit.claim(inbox, holder="b")
    assert await inbox.finish(entry, DONE, kit.NOW)


async def test_work_whose_lease_was_lost_says_so(inbox: kit.AnyInbox) -> None:
    await inbox.store(kit.link("o-1"))
    (entry,) = await kit.claim(inbox)

    async def too_long() -> None:
        async with inbox.work(entry, kit.NOW):
            await kit.elapse(inbox, kit.MINUTE)
            assert await kit.claim(inbox, holder="b")

    with pytest.raises(LeaseLostError):
        await too_long()
    assert await kit.states(inbox) == ["waiting"]


async def test_a_replayed_entry_has_all_its_attempts(inbox: kit.AnyInbox) -> None:
    await inbox.store(kit.link("o-1"))
    (entry,) = await kit.claim(inbox)
    failed = Verdict(state=EntryState.FAILED, problem="OSError")
    assert await inbox.finish(entry, failed, kit.NOW)
    later = kit.NOW + kit.MINUTE
    assert await inbox.replay(entry.id, later)
    (again,) = await kit.claim(inbox, now=later, holder="b")
    assert (again.attempts, again.problem) == (1, "")
    assert not await inbox.replay(again.id, later), "it is being handled"
    assert not await inbox.set_aside(again.id, later)
    assert not await inbox.replay(10_000, later)


@pytest.mark.parametrize("force", [False, True])
async def test_a_superseded_entry_takes_effect_only_by_force(
    inbox: kit.AnyInbox, force: bool
) -> None:
    await inbox.store(kit.link("o-1", status="SUCCESS"))
    (paid,) = await kit.claim(inbox)
    await inbox.finish(paid, DONE, kit.NOW)
    await inbox.store(kit.link("o-1", status="CLOSE"))
    _, late = await inbox.entries()
    assert await inbox.replay(late.id, kit.NOW, force=force)
    claimed = await kit.claim(inbox, holder="b")
    assert [entry.id for entry in claimed] == [late.id] * force
    if not force:
        assert await kit.states(inbox) == ["done", "superseded"]


async def test_what_is_set_aside_waits_for_a_replay(inbox: kit.AnyInbox) -> None:
    await inbox.store(kit.link("o-1"))
    (entry,) = await inbox.entries()
    assert await inbox.set_aside(entry.id, kit.NOW)
    assert await kit.states(inbox) == ["parked"]
    assert not await kit.claim(inbox)
    assert await inbox.replay(entry.id, kit.NOW)
    assert len(await kit.claim(inbox)) == 1
    assert not await inbox.set_aside(10_000, kit.NOW)


async def test_the_last_word_on_what_is_expected_counts(inbox: kit.AnyInbox) -> None:
    assert await inbox.expected("o-1") is None
    await inbox.expect("o-1", Expected("10.50", "USD"))
    await inbox.expect("o-1", Expected("20", "EUR"), tenant="other")
    assert await inbox.expected("o-1") == Expected("10.50", "USD")
    await inbox.expect("o-1", Expected("11", "IDR"))
    assert await inbox.expected("o-1") == Expected("11", "IDR")
    assert await inbox.expected("o-1", tenant="other") == Expected("20", "EUR")


async def test_an_inbox_that_is_not_open_says_so(inbox: kit.AnyInbox) -> None:
    with pytest.raises(InboxError, match="open already"):
        await inbox.open()
    await inbox.aclose()
    await inbox.aclose()
    assert not inbox.is_open
    with pytest.raises(InboxError, match="not open"):
        await inbox.store(kit.link("o-1"))


def test_an_inexact_amount_cannot_be_expected() -> None:
    with pytest.raises(ValueError, match="float"):
        Expected(10.5, "USD")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
