"""Each event is kept once, and only forward."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from payermax_async.core.strict_json import JsonObject
from payermax_async.webhooks.events.base import (
    LinkNotPaid,
    LinkPaid,
    PaymentSucceeded,
    UnknownEvent,
)
from payermax_async.webhooks.inbox.entries import (
    Arrival,
    EntryState,
    ParkedBody,
    Source,
)
from payermax_async.webhooks.inbox.memory import MemoryInbox
from tests.inbox import kit


async def test_an_arrival_is_kept_as_it_came(inbox: kit.AnyInbox) -> None:
    came = kit.arrival(
        merchant_link_id="o-1", out_trade_no="T1", tenant="shop", source=Source.QUERY
    )
    stored = await inbox.store(came)
    (event,) = stored.fresh
    assert isinstance(event, LinkPaid)
    (entry,) = await inbox.entries()
    assert entry.key[1:] == ("PAYBYLINK", "o-1", "T1", "SUCCESS")
    assert (entry.body, entry.received_at) == (came.body, kit.NOW)
    assert (entry.tenant, entry.source) == ("shop", Source.QUERY)
    assert (entry.merchant_key, entry.notify_type) == ("o-1", "PAYBYLINK")
    assert (entry.state, entry.due_at) == (EntryState.WAITING, kit.NOW)
    assert (entry.attempts, entry.deliveries) == (0, 1)
    assert entry.event() == event
    assert await inbox.entry(entry.id) == entry


async def test_the_same_event_is_counted_and_not_kept_again(
    inbox: kit.AnyInbox,
) -> None:
    await inbox.store(kit.link("o-1"))
    later = kit.arrival(
        merchant_link_id="o-1",
        out_trade_no="T1",
        notify_time="2024-02-27T12:00:00.000Z",
        at=kit.NOW + kit.MINUTE,
    )
    again = await inbox.store(later)
    assert (len(again.fresh), len(again.duplicates)) == (0, 1)
    (entry,) = await inbox.entries()
    assert (entry.deliveries, entry.received_at) == (2, kit.NOW)


async def test_each_payment_of_a_link_is_an_event_of_its_own(
    inbox: kit.AnyInbox,
) -> None:
    await inbox.store(kit.payments("o-1", ("T1", "SUCCESS")))
    both = await inbox.store(kit.payments("o-1", ("T1", "SUCCESS"), ("T2", "SUCCESS")))
    (fresh,) = both.fresh
    (known,) = both.duplicates
    assert isinstance(fresh, LinkPaid)
    assert isinstance(known, LinkPaid)
    assert (fresh.out_trade_no, known.out_trade_no) == ("T2", "T1")
    events = [entry.event() for entry in await inbox.entries()]
    trades = [event.out_trade_no for event in events if isinstance(event, LinkPaid)]
    assert trades == ["T1", "T2"]


def order(status: str, trade: str = "T1") -> Arrival:
    return kit.arrival("PAYMENT", out_trade_no=trade, status=status)


def refund(status: str, trade: str = "T1", number: str = "R1") -> Arrival:
    return kit.arrival(
        "REFUND",
        out_refund_no=number,
        out_trade_no=trade,
        status=f"REFUND_{status}",
    )


def link(status: str, trade: str = "T1") -> Arrival:
    return kit.link("o-1", trade=trade, status=status)


_FORWARD = {
    "success, late pending": ([link("SUCCESS"), link("PENDING")], "ws"),
    "success, late close": ([link("SUCCESS"), link("CLOSE")], "ws"),
    "pending, success": ([link("PENDING"), link("SUCCESS")], "ww"),
    "close, success": ([link("CLOSE"), link("SUCCESS")], "ww"),
    "close, failed": ([link("CLOSE"), link("FAILED")], "ws"),
    "paid, another payment closes": ([link("SUCCESS"), link("CLOSE", "T2")], "ws"),
    "closed, another payment succeeds": ([link("CLOSE"), link("SUCCESS", "T2")], "ww"),
    "paid twice": ([link("SUCCESS"), link("SUCCESS", "T2")], "ww"),
    "order success, late close": ([order("SUCCESS"), order("CLOSED")], "ws"),
    "order failed, success": ([order("FAILED"), order("SUCCESS")], "ww"),
    "other orders": ([order("SUCCESS"), order("CLOSED", "T2")], "ww"),
    "link and order of one payment": ([link("SUCCESS"), order("SUCCESS")], "ww"),
    "refund success, then failure": ([refund("SUCCESS"), refund("FAILED")], "ww"),
    "refund success, late pending": ([refund("SUCCESS"), refund("PENDING")], "ws"),
    "refund pending, success": ([refund("PENDING"), refund("SUCCESS")], "ww"),
    "success, refund": ([link("SUCCESS"), refund("SUCCESS")], "ww"),
    "refund, link success": ([refund("SUCCESS"), link("SUCCESS")], "ww"),
    "refund, order success": ([refund("SUCCESS"), order("SUCCESS")], "ww"),
    "refund of another payment": ([refund("SUCCESS", "T2"), link("SUCCESS")], "ww"),
    "failed refund, success": ([refund("FAILED"), link("SUCCESS")], "ww"),
    "two refunds of one payment": (
        [refund("SUCCESS"), refund("SUCCESS", number="R2")],
        "ww",
    ),
    "unknown statuses": ([order("SUCCESS"), order("SETTLING"), order("ODD")], "www"),
}


@pytest.mark.parametrize("name", _FORWARD)
async def test_only_what_moves_forward_takes_effect(
    inbox: kit.AnyInbox, name: str
) -> None:
    arrivals, expected = _FORWARD[name]
    for came in arrivals:
        await inbox.store(came)
    assert "".join(state[0] for state in await kit.states(inbox)) == expected


async def test_a_payment_that_was_given_back_is_told_as_such(
    inbox: kit.AnyInbox,
) -> None:
    await inbox.store(refund("SUCCESS"))
    late = await inbox.store(order("SUCCESS"))
    (event,) = late.superseded
    assert isinstance(event, PaymentSucceeded)
    assert not late.fresh


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["SUCCESS", "CLOSE", "FAILED", "PENDING"]),
            st.sampled_from(["T1", "T2"]),
        ),
        max_size=12,
    )
)
async def test_in_any_order_each_success_takes_effect_once_and_nothing_undoes_it(
    told: list[tuple[str, str]],
) -> None:
    inbox = MemoryInbox()
    await inbox.open()
    effects: list[tuple[str, str]] = []
    for status, trade in told:
        for event in (await inbox.store(link(status, trade))).fresh:
            assert isinstance(event, LinkPaid | LinkNotPaid)
            effects.append((str(event.payment.status), event.out_trade_no or ""))
    await inbox.aclose()
    successes = [effect for effect in effects if effect[0] == "SUCCESS"]
    assert sorted(successes) == sorted({one for one in told if one[0] == "SUCCESS"})
    if successes:
        after = effects[effects.index(successes[0]) :]
        assert {status for status, _ in after} == {"SUCCESS"}


async def test_tenants_do_not_meet(inbox: kit.AnyInbox) -> None:
    for tenant in ("one", "two"):
        stored = await inbox.store(kit.arrival(tenant=tenant))
        assert len(stored.fresh) == 1
    assert not await kit.claim(inbox)
    (entry,) = await kit.claim(inbox, tenant="two")
    assert entry.tenant == "two"
    assert await inbox.counts("one") == {EntryState.WAITING: 1}
    assert await inbox.counts() == {EntryState.WAITING: 2}


async def test_an_unknown_type_is_kept_whole(inbox: kit.AnyInbox) -> None:
    content: JsonObject = {
        **kit.payload("PAYBYLINK"),
        "notifyType": "CHARGEBACK" * 20_000,
        "data": {"id": "争议-1"},
    }
    stored = await inbox.store(kit.arrival(content))
    assert isinstance(stored.fresh[0], UnknownEvent)
    assert (await inbox.store(kit.arrival(content))).duplicates
    (entry,) = await kit.claim(inbox)
    assert entry.event().notification == stored.fresh[0].notification


async def test_parked_bytes_are_kept_once_and_are_never_due(
    inbox: kit.AnyInbox,
) -> None:
    odd = ParkedBody(body=b"\xff\x00{", problem="no JSON", received_at=kit.NOW)
    number, again = [await inbox.park(odd), await inbox.park(odd)]
    (entry,) = await inbox.entries(state=EntryState.PARKED)
    assert (number, again) == (entry.id, None)
    assert (entry.body, entry.problem, entry.deliveries) == (odd.body, "no JSON", 2)
    assert entry.is_raw
    assert not await kit.claim(inbox)
    assert await inbox.next_due("", kit.NOW) is None
    assert not await inbox.replay(entry.id, kit.NOW)


async def test_what_parked_bytes_say_can_be_admitted_once(inbox: kit.AnyInbox) -> None:
    came = kit.link("o-1")
    await inbox.park(ParkedBody(body=came.body, problem="old", received_at=kit.NOW))
    (parked,) = await inbox.entries()
    stored = await inbox.admit(parked.id, came)
    assert stored is not None
    assert len(stored.fresh) == 1
    assert await inbox.admit(parked.id, came) is None
    assert await kit.states(inbox) == ["done", "waiting"]


async def test_entries_are_found_by_state_key_and_number(inbox: kit.AnyInbox) -> None:
    for number in range(5):
        await inbox.store(kit.link(f"o-{number % 2}", trade=f"T{number}"))
    keys = [entry.merchant_key for entry in await inbox.entries(merchant_key="o-1")]
    assert keys == ["o-1", "o-1"]
    first = await inbox.entries(limit=2)
    rest = await inbox.entries(after=first[-1].id)
    assert [len(first), len(rest)] == [2, 3]
    assert not await inbox.entries(state=EntryState.DONE)
    assert await inbox.entry(10_000) is None


async def test_bytes_are_scrubbed_after_their_time_unless_still_needed(
    inbox: kit.AnyInbox,
) -> None:
    await inbox.store(kit.link("o-1"))
    (entry,) = await kit.claim(inbox)
    async with inbox.work(entry, kit.NOW):
        pass
    await inbox.store(kit.link("o-2"))
    assert await inbox.scrub(kit.NOW, kit.NOW) == 0
    day_after = kit.NOW + timedelta(days=1)
    assert await inbox.scrub(day_after, day_after) == 1
    done, waiting = await inbox.entries()
    assert done.body is None
    assert waiting.body is not None
    assert not await inbox.replay(done.id, day_after)
    assert (await inbox.store(kit.link("o-1"))).duplicates, "it is still known"
