"""A refund cancels a payment that was not handled yet only if it is all of it."""

from __future__ import annotations

from decimal import localcontext

import pytest

from payermax_async.core.strict_json import JsonValue
from payermax_async.webhooks import AlertKind, LinkPaid, PaymentSucceeded
from payermax_async.webhooks.inbox.entries import Arrival, EntryState, Verdict
from tests.inbox import kit
from tests.webhooks.post import Post, failing, running

FIRST, UNCLEAR = AlertKind.REFUNDED_FIRST, AlertKind.REFUND_UNCLEAR


async def _refund(
    post: Post,
    amount: str,
    number: str = "R1",
    status: str = "SUCCESS",
    currency: str = "USD",
    trade: str | None = "T1",
) -> None:
    told = await post.deliver(
        "REFUND",
        out_refund_no=number,
        out_trade_no=trade,
        status=f"REFUND_{status}",
        refund_amount=amount,
        refund_currency=currency,
    )
    assert told == 200


async def _payment(post: Post, kind: str = "PAYBYLINK", **fields: JsonValue) -> None:
    given: dict[str, JsonValue] = {
        "out_trade_no": "T1",
        "total_amount": "19.90",
        "currency": "USD",
        **fields,
    }
    if kind == "PAYBYLINK":
        given["merchant_link_id"] = "o-1"
    assert await post.deliver(kind, **given) == 200


def _kinds(post: Post) -> list[AlertKind]:
    return [alert.kind for alert in post.alerts]


_WHOLE: dict[str, list[tuple[str, ...]]] = {
    "one of all": [("19.90", "R1")],
    "one of more": [("20", "R1")],
    "two that make all": [("1.00", "R1"), ("18.9", "R2")],
    "all, and one in another currency": [
        ("19.90", "R1"),
        ("1", "R2", "SUCCESS", "EUR"),
    ],
    "pending, then all": [("19.90", "R1", "PENDING"), ("19.90", "R1")],
}
_PARTS: dict[str, list[tuple[str, ...]]] = {
    "a part": [("1.00", "R1")],
    "the same part twice": [("10", "R1"), ("10.00", "R1")],
    "two parts": [("1.00", "R1"), ("18.89", "R2")],
    "all, but it failed later": [("19.90", "R1"), ("19.90", "R1", "FAILED")],
    "all, but it failed later, and the success is told again": [
        ("19.90", "R1"),
        ("19.90", "R1", "FAILED"),
        ("19.90", "R1"),
    ],
    "all, but a part failed later": [
        ("9.90", "R1"),
        ("10", "R2"),
        ("10", "R2", "FAILED"),
    ],
    "all, but pending": [("19.90", "R1", "PENDING")],
    "all, but failed": [("19.90", "R1", "FAILED")],
    "all of another payment": [("19.90", "R1", "SUCCESS", "USD", "T2")],
}
_UNKNOWN: dict[str, list[tuple[str, ...]]] = {
    "another currency": [("19.90", "R1", "SUCCESS", "EUR")],
    "a currency in small letters": [("19.90", "R1", "SUCCESS", "usd")],
    "a part, and another currency": [("1", "R1"), ("18.90", "R2", "SUCCESS", "EUR")],
    # PayerMax may take a success back, never a failure; the later word may be older.
    "failed first, then succeeded": [("19.90", "R1", "FAILED"), ("19.90", "R1")],
    "one refund, two amounts": [("1.00", "R1"), ("19.90", "R1")],
}


@pytest.mark.parametrize("kind", ["PAYBYLINK", "PAYMENT"])
@pytest.mark.parametrize("name", _WHOLE)
async def test_a_payment_that_was_given_back_as_a_whole_is_told_and_not_handled(
    inbox: kit.AnyInbox, name: str, kind: str
) -> None:
    post = Post(inbox=inbox)
    post.receiver.on(LinkPaid)(post.note)
    post.receiver.on(PaymentSucceeded)(post.note)
    async with running(post):
        for refund in _WHOLE[name]:
            await _refund(post, *refund)
        await _payment(post, kind)
        await _payment(post, kind, notify_time="2024-02-27T12:00:00Z")
    assert post.seen == []
    assert _kinds(post) == [FIRST]
    assert (await post.states())[-1] == "superseded"


@pytest.mark.parametrize("kind", ["PAYBYLINK", "PAYMENT"])
@pytest.mark.parametrize("name", _PARTS)
async def test_a_payment_of_which_a_part_was_given_back_is_handled(
    inbox: kit.AnyInbox, name: str, kind: str
) -> None:
    post = Post(inbox=inbox)
    post.receiver.on(LinkPaid)(post.note)
    post.receiver.on(PaymentSucceeded)(post.note)
    async with running(post):
        for refund in _PARTS[name]:
            await _refund(post, *refund)
        # Of a refund that failed later somebody hears; of the payment nobody has to.
        assert set(_kinds(post)) <= {AlertKind.REFUND_REVERSED}
        post.alerts.clear()
        await _payment(post, kind)
    assert len(post.seen) == 1
    assert post.alerts == []


@pytest.mark.parametrize("name", _UNKNOWN)
async def test_a_payment_of_which_an_unknown_part_was_given_back_is_handled_and_told(
    inbox: kit.AnyInbox, name: str
) -> None:
    post = Post(inbox=inbox)
    post.receiver.on(LinkPaid)(post.note)
    async with running(post):
        for refund in _UNKNOWN[name]:
            await _refund(post, *refund)
        post.alerts.clear()
        await _payment(post)
    assert post.seen == ["LinkPaid o-1"]
    assert _kinds(post) == [UNCLEAR]


async def test_a_refund_without_an_amount_cancels_nothing_and_is_told(
    inbox: kit.AnyInbox,
) -> None:
    post = Post(inbox=inbox)
    post.receiver.on(LinkPaid)(post.note)
    async with running(post):
        for amount in (None, "19,90"):
            assert 500 == await post.deliver(
                "REFUND", out_trade_no="T1", refund_amount=amount
            )
        await _payment(post)
    assert post.seen == ["LinkPaid o-1"]
    assert _kinds(post) == [AlertKind.PARKED] * 2


@pytest.mark.parametrize(
    ("refunds", "seen", "alerts"),
    [
        ([("1.00", "R1")], ["LinkPaid o-1"], []),
        ([("19.90", "R1")], [], [FIRST]),
        ([("10", "R1"), ("9.90", "R2")], [], [FIRST]),
        ([("19.90", "R1", "SUCCESS", "EUR")], ["LinkPaid o-1"], [UNCLEAR]),
    ],
)
async def test_a_refund_that_comes_while_the_handler_still_fails_is_added_up_too(
    inbox: kit.AnyInbox,
    refunds: list[tuple[str, ...]],
    seen: list[str],
    alerts: list[AlertKind],
) -> None:
    post = Post(inbox=inbox)
    post.receiver.on(LinkPaid)(failing(post, times=1, error=OSError("down")))
    async with running(post):
        await _payment(post)
        assert await post.states() == ["waiting"]
        for refund in refunds:
            await _refund(post, *refund)
        await post.advance(10)
    assert post.seen == seen
    assert _kinds(post) == alerts


async def test_what_a_refund_cancelled_is_handled_when_the_refund_fails_after_all(
    inbox: kit.AnyInbox,
) -> None:
    post = Post(inbox=inbox)
    post.receiver.on(LinkPaid)(post.note)
    async with running(post):
        await _refund(post, "19.90")
        await _payment(post)
        assert (post.seen, _kinds(post)) == ([], [FIRST])
        await _refund(post, "19.90", status="FAILED")
    assert post.seen == ["LinkPaid o-1"]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("kind", ["PAYBYLINK", "PAYMENT"])
async def test_a_refund_that_failed_is_taken_back_also_when_it_names_no_payment_then(
    inbox: kit.AnyInbox, when: str, kind: str
) -> None:
    post = Post(inbox=inbox)
    post.receiver.on(LinkPaid)(post.note)
    post.receiver.on(PaymentSucceeded)(post.note)
    async with running(post):
        await _refund(post, "9.90", "R1")
        await _refund(post, "10", "R2")
        if when == "after":
            await _payment(post, kind)
            assert (post.seen, _kinds(post)) == ([], [FIRST])
        await _refund(post, "10", "R2", "FAILED", trade=None)
        if when == "before":
            await _payment(post, kind)
    assert len(post.seen) == 1


async def test_what_was_ruled_without_its_handler_is_no_attempt_of_it(
    inbox: kit.AnyInbox,
) -> None:
    post = Post(inbox=inbox)
    post.receiver.on(LinkPaid)(failing(post, times=2, error=OSError("down")))
    async with running(post):
        await _refund(post, "19.90")
        await _payment(post)
        await _refund(post, "19.90", status="FAILED")
        await post.advance(10)
        await post.advance(20)
    assert post.seen == ["LinkPaid o-1"]
    assert _kinds(post) == [FIRST, AlertKind.REFUND_REVERSED]


async def test_a_refund_that_names_its_payment_later_is_added_up(
    inbox: kit.AnyInbox,
) -> None:
    post = Post(inbox=inbox)
    post.receiver.on(LinkPaid)(post.note)
    async with running(post):
        await _refund(post, "19.9", trade=None)
        await _refund(post, "19.90")
        await _payment(post)
    assert (post.seen, _kinds(post)) == ([], [FIRST])


async def test_a_refund_may_fail_while_its_payment_is_being_noted_as_given_back(
    inbox: kit.AnyInbox,
) -> None:
    def refund(status: str) -> Arrival:
        return kit.arrival(
            "REFUND",
            out_trade_no="T1",
            status=status,
            refund_amount="5",
            refund_currency="USD",
        )

    await inbox.store(refund("REFUND_SUCCESS"))
    await inbox.store(
        kit.arrival(
            merchant_link_id="o-1", out_trade_no="T1", total_amount="5", currency="USD"
        )
    )
    (done,) = await kit.claim(inbox, limit=1)
    (claimed,) = await kit.claim(inbox)
    assert (done.ruling, claimed.ruling) == ("effect", "given back")
    await inbox.store(refund("REFUND_FAILED"))
    superseded = Verdict(state=EntryState.SUPERSEDED, problem="given back")
    assert await inbox.finish(claimed, superseded, kit.NOW)
    (again,) = await kit.claim(inbox, holder="b")
    assert (again.id, again.ruling) == (claimed.id, "effect")


async def test_by_force_a_payment_is_handled_although_it_was_given_back(
    inbox: kit.AnyInbox,
) -> None:
    post = Post(inbox=inbox)
    post.receiver.on(LinkPaid)(post.note)
    async with running(post):
        await _refund(post, "19.90")
        await _payment(post)
        *_, entry = await inbox.entries()
        assert await post.receiver.replay(entry.id)
        await post.receiver.settled()
        assert post.seen == []
        assert await post.receiver.replay(entry.id, force=True)
        await post.receiver.settled()
    assert post.seen == ["LinkPaid o-1"]


async def test_refunds_add_up_exactly_in_any_decimal_context(
    inbox: kit.AnyInbox,
) -> None:
    post = Post(inbox=inbox)
    post.receiver.on(LinkPaid)(post.note)
    with localcontext() as context:
        context.prec = 3
        async with running(post):
            await _refund(post, "123456789.01", "R1")
            await _refund(post, "876543210.98", "R2")
            await _payment(post, total_amount="1000000000.00")
    assert post.seen == ["LinkPaid o-1"]
    assert post.alerts == []


async def test_merchants_and_tenants_do_not_share_refunds(inbox: kit.AnyInbox) -> None:
    for tenant, merchant in (("", "9"), ("other", "1")):
        await inbox.store(
            kit.arrival(
                "REFUND", out_trade_no="T1", merchant_no=merchant, tenant=tenant
            )
        )
    await inbox.store(kit.arrival("PAYMENT", out_trade_no="T1", merchant_no="1"))
    claimed = await kit.claim(inbox)
    assert {entry.ruling for entry in claimed} == {"effect"}
    assert {entry.refunded for entry in claimed} == {"not all"}


@pytest.mark.parametrize("late", ["CLOSED", "FAILED", "PENDING"])
async def test_a_refund_proves_that_its_payment_was_made(
    inbox: kit.AnyInbox, late: str
) -> None:
    await inbox.store(kit.arrival("REFUND", out_trade_no="T1"))
    stored = await inbox.store(kit.arrival("PAYMENT", out_trade_no="T1", status=late))
    assert (len(stored.superseded), len(stored.fresh)) == (1, 0)
