"""One payment has one effect; two payments have two, and the second is told apart."""

from __future__ import annotations

import asyncio

import pytest

from payermax_async.core.strict_json import JsonValue
from payermax_async.webhooks import (
    AlertKind,
    EntryState,
    Expected,
    LinkPaid,
    LinkPaidAgain,
    NotifiedEvent,
    PaymentSucceeded,
    Source,
)
from payermax_async.webhooks.handling.comparison import PaidEvent
from payermax_async.webhooks.inbox.entries import Arrival, Verdict
from payermax_async.webhooks.inbox.rulings import Role, Ruling
from payermax_async.webhooks.samples import APP_ID, MERCHANT_NO
from tests.inbox import kit
from tests.webhooks.post import HOUR, Post, failing, running

DONE = Verdict(state=EntryState.DONE)


async def _link(
    post: Post, trade: str | None, amount: str = "10000", **fields: JsonValue
) -> None:
    """Post that the link ``o-1`` was paid; the number of the payment may lack."""
    told = await post.deliver(
        "PAYBYLINK",
        merchant_link_id="o-1",
        out_trade_no=trade,
        total_amount=amount,
        **fields,
    )
    assert told == 200


def _watched(post: Post) -> list[str]:
    """Registers handlers that note what they got, number included."""
    seen: list[str] = []

    async def note(event: NotifiedEvent) -> None:
        trade = getattr(event, "out_trade_no", None)
        seen.append(f"{type(event).__name__} {trade or '-'}")

    for kind in (LinkPaid, LinkPaidAgain, PaymentSucceeded):
        post.receiver.on(kind)(note)
    return seen


def _kinds(post: Post) -> list[AlertKind]:
    return [alert.kind for alert in post.alerts]


AGAIN, AMBIGUOUS = AlertKind.PAID_AGAIN, AlertKind.AMBIGUOUS
MISMATCHED = AlertKind.MISMATCHED

_TOLD: dict[str, tuple[list[tuple[str | None, str]], list[str], list[AlertKind]]] = {
    "no number, then one": (
        [(None, "10000"), ("T1", "10000"), (None, "10000")],
        ["LinkPaid -"],
        [],
    ),
    "a number, then none": (
        [("T1", "10000"), (None, "10000.00")],
        ["LinkPaid T1"],
        [],
    ),
    "blanks are no number": ([(" ", "10000"), ("T1", "10000")], ["LinkPaid  "], []),
    "no number, then two": (
        [(None, "10000"), ("T1", "10000"), ("T2", "10000"), ("T1", "10000")],
        ["LinkPaid -", "LinkPaidAgain T2"],
        [AGAIN],
    ),
    "two numbers, then none": (
        [("T1", "10000"), ("T2", "10000"), (None, "10000")],
        ["LinkPaid T1", "LinkPaidAgain T2"],
        [AGAIN],
    ),
    "three payments": (
        [("T1", "10000"), ("T2", "10000"), ("T3", "10000"), ("T2", "10000")],
        ["LinkPaid T1", "LinkPaidAgain T2", "LinkPaidAgain T3"],
        [AGAIN, AGAIN],
    ),
    "no number, then one with another amount": (
        [(None, "10000"), ("T1", "9999")],
        ["LinkPaid -"],
        [AMBIGUOUS],
    ),
    "a number, then none with another amount": (
        [("T1", "10000"), (None, "9999"), (None, "9999")],
        ["LinkPaid T1"],
        [AMBIGUOUS],
    ),
    "the same payment with another amount": (
        [("T1", "10000"), ("T1", "9999"), ("T1", "9999"), ("T1", "10000")],
        ["LinkPaid T1"],
        [MISMATCHED],
    ),
    "the further payment with another amount": (
        [("T1", "10000"), ("T2", "10000"), ("T2", "9999")],
        ["LinkPaid T1", "LinkPaidAgain T2"],
        [AGAIN, MISMATCHED],
    ),
}


@pytest.mark.parametrize("name", _TOLD)
async def test_each_payment_of_a_link_has_one_effect(
    inbox: kit.AnyInbox, name: str
) -> None:
    told, effects, alerts = _TOLD[name]
    post = Post(inbox=inbox)
    seen = _watched(post)
    async with running(post):
        for trade, amount in told:
            await _link(post, trade, amount)
    assert seen == effects
    assert _kinds(post) == alerts


async def test_a_further_payment_is_no_link_that_was_paid() -> None:
    assert not issubclass(LinkPaidAgain, LinkPaid)


@pytest.mark.parametrize("status", ["ACTIVE", "EXPIRED"])
async def test_neither_the_state_of_the_link_nor_the_time_makes_it_another_payment(
    inbox: kit.AnyInbox, status: str
) -> None:
    post = Post(inbox=inbox)
    seen = _watched(post)
    async with running(post):
        await _link(post, "T1", link_status="EXPIRED")
        await post.advance(40 * HOUR)
        await _link(post, "T1", link_status=status)
        assert seen == ["LinkPaid T1"]
        await _link(post, "T2", link_status=status)
    assert seen == ["LinkPaid T1", "LinkPaidAgain T2"]


async def test_two_payments_in_one_notification_are_two(inbox: kit.AnyInbox) -> None:
    post = Post(inbox=inbox)
    seen = _watched(post)
    listed: list[JsonValue] = [
        {"outTradeNo": trade, "status": "SUCCESS"} for trade in ("T1", "T2")
    ]
    async with running(post):
        for _ in range(2):
            await post.deliver(merchant_link_id="o-1", pay_by_link_info=listed)
    assert seen == ["LinkPaid T1", "LinkPaidAgain T2"]
    assert _kinds(post) == [AGAIN]


_NAMELESS: dict[str, tuple[list[list[str | None]], int]] = {
    "two without numbers": ([[None, None], [None, None]], 2),
    "one, then two without numbers": ([[None], [None, None]], 2),
    "a number and none": ([["T1", None], [None, "T1"]], 2),
    "none, then it and its number": ([[None], ["T1", None]], 2),
    "two without numbers, then their numbers": ([[None, None], ["T1", "T2"]], 2),
    "a number, then one without": ([["T1"], [None], ["T1", "T2"]], 2),
}


@pytest.mark.parametrize("name", _NAMELESS)
async def test_payments_without_numbers_are_counted(
    inbox: kit.AnyInbox, name: str
) -> None:
    notices, effects = _NAMELESS[name]
    post = Post(inbox=inbox)
    seen = _watched(post)
    async with running(post):
        for trades in notices:
            listed: list[JsonValue] = [
                {"status": "SUCCESS", **({"outTradeNo": trade} if trade else {})}
                for trade in trades
            ]
            await post.deliver(merchant_link_id="o-1", pay_by_link_info=listed)
    assert len(seen) == effects
    assert [one.split()[0] for one in seen] == ["LinkPaid", "LinkPaidAgain"]


async def test_a_payment_that_got_its_number_later_is_given_back_by_that_number(
    inbox: kit.AnyInbox,
) -> None:
    post = Post(inbox=inbox)
    post.receiver.on(LinkPaid)(failing(post, times=1, error=OSError()))
    async with running(post):
        await _link(post, None)
        await _link(post, "T1")
        await post.deliver("REFUND", out_trade_no="T1")
        await post.advance(10)
    assert post.seen == []
    assert _kinds(post) == [AlertKind.REFUNDED_FIRST]


# --- amounts -----------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["PAYBYLINK", "PAYMENT"])
@pytest.mark.parametrize("wrong", ["9999", "10001"])
async def test_a_wrong_amount_first_does_not_hide_the_right_one(
    inbox: kit.AnyInbox, kind: str, wrong: str
) -> None:
    post = Post(inbox=inbox, expect=lambda event: Expected(10000, "IDR"))
    seen = _watched(post)
    async with running(post):
        for amount in (wrong, "10000", wrong, "10000"):
            await post.deliver(kind, out_trade_no="T1", total_amount=amount)
        assert await post.states() == ["mismatched", "done"]
        await post.deliver(kind, out_trade_no="T1", total_amount="5")
    assert [one.split()[1] for one in seen] == ["T1"]
    assert _kinds(post) == [MISMATCHED, MISMATCHED]


async def test_the_amount_of_a_further_payment_is_compared_too(
    inbox: kit.AnyInbox,
) -> None:
    asked: list[str] = []

    def look_up(event: PaidEvent) -> Expected | None:
        asked.append(type(event).__name__)
        return Expected(10000, "IDR")

    post = Post(inbox=inbox, expect=look_up)
    seen = _watched(post)
    async with running(post):
        await _link(post, "T2", "10000")
        await _link(post, "T1", "5")
        assert await post.states() == ["done", "mismatched"]
        await _link(post, "T1", "10000")
    assert [one.split()[:2] for one in seen] == [
        ["LinkPaid", "T2"],
        ["LinkPaidAgain", "T1"],
    ]
    assert _kinds(post) == [AlertKind.PAID_AGAIN, MISMATCHED, AlertKind.PAID_AGAIN]
    assert set(asked) == {"LinkPaid"}


async def test_a_further_payment_waits_for_nobody_to_know_its_amount(
    inbox: kit.AnyInbox,
) -> None:
    known: list[Expected | None] = [Expected(10000, "IDR"), None]
    post = Post(inbox=inbox, expect=lambda _: known.pop(0))
    seen = _watched(post)
    async with running(post):
        await _link(post, "T1", "10000")
        await _link(post, "T2", "10000")
    assert len(seen) == 2


async def test_both_amounts_wait_for_what_is_expected_and_the_right_one_is_handled(
    inbox: kit.AnyInbox,
) -> None:
    post = Post(inbox=inbox, must_expect=True)
    seen = _watched(post)
    async with running(post):
        for amount in ("9999", "10000"):
            await _link(post, "T1", amount)
        assert await post.states() == ["waiting", "waiting"]
        await post.receiver.expect("o-1", 10000, "IDR")
        await post.advance(10)
        assert await post.states() == ["mismatched", "done"]
    assert seen == ["LinkPaid T1"]


async def test_the_payment_with_the_right_amount_is_the_first_one_that_counts(
    inbox: kit.AnyInbox,
) -> None:
    expected = [Expected(10000, "IDR")]
    post = Post(inbox=inbox, expect=lambda event: expected[-1])
    seen = _watched(post)
    async with running(post):
        await _link(post, "T1", "9999")
        await _link(post, "T2", "10000")
        assert seen == ["LinkPaid T2"]
        # Replayed by hand it is what it is by now: a further one, if it is right.
        first, _ = await inbox.entries()
        await post.receiver.replay(first.id)
        await post.receiver.settled()
        assert seen == ["LinkPaid T2"]
        expected.append(Expected(9999, "IDR"))
        await post.receiver.replay(first.id)
        await post.receiver.settled()
    assert seen == ["LinkPaid T2", "LinkPaidAgain T1"]
    assert _kinds(post) == [MISMATCHED, AGAIN, MISMATCHED, AGAIN]


async def test_a_payment_waits_for_the_fate_of_the_one_before_it(
    inbox: kit.AnyInbox,
) -> None:
    post = Post(inbox=inbox)
    post.receiver.on(LinkPaid)(failing(post, times=1, error=OSError()))
    post.receiver.on(LinkPaidAgain)(post.note)
    async with running(post):
        await _link(post, "T1")
        await _link(post, "T2")
        await post.link("o-2")
        assert post.seen == ["LinkPaid o-2"], "others do not wait"
        await post.advance(10)
        await post.advance(1)
    assert post.seen == ["LinkPaid o-2", "LinkPaid o-1", "LinkPaidAgain o-1"]
    assert _kinds(post) == [AGAIN]


async def test_a_payment_that_was_given_back_leaves_its_place_to_the_next(
    inbox: kit.AnyInbox,
) -> None:
    post = Post(inbox=inbox)
    seen = _watched(post)
    async with running(post):
        await post.deliver("REFUND", out_trade_no="T1")
        await _link(post, "T1")
        await _link(post, "T2")
    assert seen == ["LinkPaid T2"]
    assert _kinds(post) == [AlertKind.REFUNDED_FIRST]


async def test_by_force_another_amount_takes_effect(inbox: kit.AnyInbox) -> None:
    post = Post(inbox=inbox)
    seen = _watched(post)
    async with running(post):
        await _link(post, "T1")
        await _link(post, "T1", "9999")
        await _link(post, None, "5")
        for entry in (await inbox.entries())[1:]:
            assert await post.receiver.replay(entry.id, force=True)
            await post.receiver.settled()
    assert seen == ["LinkPaid T1", "LinkPaid T1", "LinkPaidAgain -"]


# --- merchants ---------------------------------------------------------------------

_BOTH: dict[str, JsonValue] = {"merchant_no": MERCHANT_NO, "app_id": APP_ID}
_APP: dict[str, JsonValue] = {"merchant_no": None, "app_id": APP_ID}
_NUMBER: dict[str, JsonValue] = {"merchant_no": MERCHANT_NO, "app_id": None}


@pytest.mark.parametrize(
    "named",
    [
        [_APP, _BOTH],
        [_BOTH, _APP],
        [_NUMBER, _BOTH],
        [_BOTH, _NUMBER],
        [_APP, _BOTH, _NUMBER],
        [_NUMBER, _BOTH, _APP],
    ],
)
async def test_a_merchant_with_two_names_is_one(
    inbox: kit.AnyInbox, named: list[dict[str, JsonValue]]
) -> None:
    for kind in ("PAYBYLINK", "PAYMENT", "REFUND"):
        stored = [
            await inbox.store(kit.arrival(kit.payload(kind, **names)))
            for names in named
        ]
        assert [len(one.fresh) for one in stored] == [1] + [0] * (len(named) - 1)


async def test_a_merchant_who_was_two_before_is_not_told_the_same_again(
    inbox: kit.AnyInbox,
) -> None:
    for trade, names in (("T1", _APP), ("T2", _NUMBER)):
        await inbox.store(
            kit.arrival(kit.payload("PAYMENT", out_trade_no=trade, **names))
        )
    for trade in ("T1", "T2"):
        both = kit.payload("PAYMENT", out_trade_no=trade, **_BOTH)
        assert (await inbox.store(kit.arrival(both))).duplicates


async def test_two_merchants_stay_two(inbox: kit.AnyInbox) -> None:
    for number, app in (("1", "a"), ("2", "b")):
        for named in (number, None):
            await inbox.store(kit.arrival(app_id=app, merchant_no=named))
    assert [entry.deliveries for entry in await inbox.entries()] == [2, 2]


async def test_an_app_of_several_merchants_stands_for_none(
    inbox: kit.AnyInbox,
) -> None:
    for number in ("1", "2", None, "1", "2", None):
        await inbox.store(kit.arrival(merchant_no=number, out_trade_no="T1"))
    entries = await inbox.entries()
    assert [entry.deliveries for entry in entries] == [2, 2, 2]
    assert [entry.key[0] for entry in entries] == ["1", "2", f"app:{APP_ID}"]


async def test_the_same_learned_by_asking_is_the_same(inbox: kit.AnyInbox) -> None:
    post = Post(inbox=inbox)
    seen = _watched(post)
    async with running(post):
        await _link(post, None, merchant_no=None)
        asked = kit.arrival(merchant_link_id="o-1", out_trade_no="T1")
        stored = await post.receiver.accept(
            asked.notification, asked.body, source=Source.QUERY
        )
    assert len(stored.duplicates) == 1
    assert seen == ["LinkPaid -"]


# --- several processes, and what outlives them ---------------------------------------


def _paid(trade: str | None, amount: str = "10000") -> Arrival:
    return kit.arrival(merchant_link_id="o-1", out_trade_no=trade, total_amount=amount)


async def test_of_two_payments_at_once_in_two_processes_one_is_the_first(
    shared: kit.Place,
) -> None:
    inboxes = [shared.inbox() for _ in range(2)]
    for inbox in inboxes:
        await inbox.open()
    for turn in range(5):
        arrivals = [
            kit.arrival(merchant_link_id=f"o-{turn}", out_trade_no=trade)
            for trade in ("T1", None, "T2", "T1")
        ]
        await asyncio.gather(
            *(inboxes[n % 2].store(one) for n, one in enumerate(arrivals))
        )
    roles: dict[str, list[Role]] = {}
    for turn in range(60):
        both = await asyncio.gather(
            *(
                kit.claim(inbox, holder=f"{n}-{turn}", limit=2)
                for n, inbox in enumerate(inboxes)
            )
        )
        for claimed, inbox in zip(both, inboxes, strict=True):
            for entry in claimed:
                roles.setdefault(entry.merchant_key, []).append(entry.role)
                assert await inbox.finish(entry, DONE, kit.NOW)
    for inbox in inboxes:
        await inbox.aclose()
    assert len(roles) == 5
    for found in roles.values():
        assert found.count(Role.FIRST) == 1
        assert found in ([Role.FIRST, Role.AGAIN], [Role.FIRST] + [Role.AGAIN] * 2)


async def test_what_a_dead_process_took_in_hand_stays_what_it_was(
    inbox: kit.AnyInbox,
) -> None:
    await inbox.store(_paid("T1"))
    await inbox.store(_paid("T2"))
    (first,) = await kit.claim(inbox)
    assert (first.key[3], first.role) == ("T1", Role.FIRST)
    later = kit.NOW + kit.MINUTE
    await kit.elapse(inbox, kit.MINUTE)
    (again,) = await kit.claim(inbox, holder="b", now=later)
    assert (again.id, again.role, again.ruling) == (first.id, Role.FIRST, "effect")
    assert await inbox.finish(again, DONE, later)
    (second,) = await kit.claim(inbox, holder="c", now=later)
    assert (second.key[3], second.ruling) == ("T2", Ruling.AGAIN)
    # Nobody told of it before that process died, so the next one has to.
    end = later + kit.MINUTE
    await kit.elapse(inbox, kit.MINUTE)
    (told,) = await kit.claim(inbox, holder="d", now=end)
    assert (told.id, told.ruling, told.problem) == (second.id, Ruling.AGAIN, "")
    assert isinstance(told.event(), LinkPaidAgain)


async def test_what_waits_for_another_is_not_asked_for_all_the_time(
    inbox: kit.AnyInbox,
) -> None:
    await inbox.store(_paid("T1"))
    await inbox.store(_paid("T2"))
    (first,) = await kit.claim(inbox, limit=1)
    due = kit.NOW + 5 * kit.MINUTE
    put_off = Verdict(state=EntryState.WAITING, problem="OSError", due_at=due)
    await inbox.finish(first, put_off, kit.NOW)
    assert not await kit.claim(inbox, holder="b", limit=1)
    assert await inbox.next_due("", kit.NOW) == due
    (first,) = await kit.claim(inbox, holder="c", now=due + kit.MINUTE, limit=1)
    assert first.key[3] == "T1"


async def test_handled_in_the_merchants_own_transaction_it_is_ruled_at_once(
    inbox: kit.AnyInbox,
) -> None:
    store = getattr(inbox, "store")  # noqa: B009 - PostgreSQL's takes more
    if "handled" not in store.__kwdefaults__ if store.__kwdefaults__ else True:
        pytest.skip("only PostgreSQL shares the merchant's transaction")
    told = [("T1", "10000"), ("T2", "10000"), ("T1", "5"), (None, "7")]
    stored = [await store(_paid(*one), handled=True) for one in told]
    kinds = [[type(event).__name__ for event in one.fresh] for one in stored]
    assert kinds == [["LinkPaid"], ["LinkPaidAgain"], [], []]
    assert [len(one.mismatched) for one in stored] == [0, 0, 1, 1]
    await inbox.store(kit.arrival("REFUND", out_trade_no="T9"))
    late = await store(_paid("T9"), handled=True)
    assert (len(late.fresh), len(late.superseded)) == (0, 1)
    assert await kit.states(inbox) == [
        *("done", "done", "mismatched", "mismatched", "waiting", "superseded")
    ]
