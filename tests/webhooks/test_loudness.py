"""What somebody must act on is heard, says what to do, and does not flood."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal

import pytest

from payermax_async.core.strict_json import JsonObject, write_json
from payermax_async.webhooks import (
    Alert,
    AlertKind,
    Expected,
    Failure,
    LinkPaid,
    MemoryInbox,
    NotifiedEvent,
    PaymentSucceeded,
)
from payermax_async.webhooks.handling.comparison import PaidEvent
from payermax_async.webhooks.samples import build_notification
from payermax_async.webhooks.telling import alerts as alerts_room
from payermax_async.webhooks.telling.alerts import Tally
from payermax_async.webhooks.telling.bursts import Bursts
from payermax_async.webhooks.telling.failures import failure_of
from tests.webhooks import kit
from tests.webhooks.post import HOUR, Post, running

FORGED = "o-1\nERROR notification mismatched \u202e"
MINUTE = 60.0


def lines(caplog: pytest.LogCaptureFixture, level: str) -> list[str]:
    return [
        record.getMessage() for record in caplog.records if record.levelname == level
    ]


# --- nobody handles it -----------------------------------------------------------


def odd(kind: str, **fields: str) -> JsonObject:
    return {**kit.link_payload(), "notifyType": kind, "data": {"id": "1", **fields}}


@pytest.mark.parametrize(
    "kind", ["DISPUTE", "FRAUD", "COMPLAINT", "CUSTOMER COMPLAINT", "CHARGEBACK", "RFI"]
)
async def test_what_must_be_answered_in_time_is_an_error_every_time(
    kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    post = Post()
    async with running(post):
        for number in range(3):
            assert await post.deliver(odd(kind, id=str(number))) == 200
        assert await post.states() == ["unclaimed"] * 3
    assert [alert.kind for alert in post.alerts] == [AlertKind.UNCLAIMED] * 3
    errors = lines(caplog, "ERROR")
    assert len(errors) == 3
    for number, line in enumerate(errors, start=1):
        assert kind in line
        assert f"entry {number}" in line
        assert "register a handler for it" in line


async def test_a_link_notice_without_payments_is_money_nobody_saw(
    caplog: pytest.LogCaptureFixture,
) -> None:
    post = Post()
    async with running(post):
        await post.deliver(merchant_link_id="o-1", pay_by_link_info=[])
    (alert,) = post.alerts
    assert (alert.kind, alert.merchant_key) == (AlertKind.UNCLAIMED, "o-1")
    assert len(lines(caplog, "ERROR")) == 1


async def test_many_payments_nobody_handles_do_not_hide_a_dispute(
    caplog: pytest.LogCaptureFixture,
) -> None:
    post = Post()
    async with running(post):
        for number in range(8):
            await post.link(f"o-{number}")
        await post.deliver(odd("DISPUTE"))
    errors = lines(caplog, "ERROR")
    assert sum("PAYBYLINK (entry" in line for line in errors) == 5
    (told,) = [line for line in errors if "DISPUTE" in line]
    assert "entry 9" in told
    assert any("PAYBYLINK: 3 more within a minute" in line for line in errors)


async def pay(post: Post, kind: str) -> None:
    if kind == "PAYBYLINK":
        await post.link("o-1")
    else:
        await post.deliver("PAYMENT", out_trade_no="T-o-1")


KINDS: dict[str, type[LinkPaid | PaymentSucceeded]] = {
    "PAYBYLINK": LinkPaid,
    "PAYMENT": PaymentSucceeded,
}


@pytest.mark.parametrize("unwanted", KINDS)
@pytest.mark.parametrize("in_transaction", [False, True])
async def test_money_is_loud_unless_it_was_handled_under_its_other_type(
    unwanted: str, in_transaction: bool
) -> None:
    (wanted,) = set(KINDS) - {unwanted}
    post = Post()

    async def taken(event: NotifiedEvent, _: object = None) -> None:
        await post.note(event)

    if in_transaction:
        post.receiver.in_transaction(KINDS[wanted])(taken)
    else:
        post.receiver.on(KINDS[wanted])(taken)
    async with running(post):
        await pay(post, unwanted)
        (alert,) = post.alerts
        assert (alert.kind, alert.number) == (AlertKind.UNCLAIMED, 1)
        assert unwanted in alert.problem
    handled_first = Post()
    handled_first.receiver.on(KINDS[wanted])(handled_first.note)
    async with running(handled_first):
        await pay(handled_first, wanted)
        await pay(handled_first, unwanted)
        assert await handled_first.states() == ["done", "unclaimed"]
    assert handled_first.alerts == []


async def test_money_waits_for_its_other_type_before_it_is_loud() -> None:
    post = Post()
    post.receiver.on(LinkPaid)(post.note)
    payment = build_notification(
        "PAYMENT", quirks=(), clock=post.clock, out_trade_no="T-o-1"
    )
    async with running(post):
        # Not settled in between: to ask whether all is settled is not to wait.
        assert await post.raw(write_json(payment)) == 200
        await post.clock.advance(MINUTE / 2)
        assert post.alerts == []
        await post.link("o-1")
    assert post.seen == ["LinkPaid o-1"]
    assert post.alerts == []


async def test_money_is_told_of_by_the_next_process_when_the_first_one_dies() -> None:
    payment = build_notification("PAYMENT", quirks=(), clock=(clock := Post().clock))
    async with MemoryInbox() as inbox:
        post, follower = (Post(inbox=inbox, clock=clock) for _ in range(2))
        async with running(post):
            assert await post.raw(write_json(payment)) == 200
            while not post.receiver.counts.get("unclaimed"):
                await clock.advance(0)
            assert await post.states() == ["waiting"]
        # What the first tells when it is closed, it does not tell when it dies.
        async with running(follower):
            await follower.advance(MINUTE)
            assert await follower.states() == ["unclaimed"]
    assert [alert.kind for alert in follower.alerts] == [AlertKind.UNCLAIMED]


async def test_another_payment_handled_is_no_excuse() -> None:
    post = Post()
    post.receiver.on(LinkPaid)(post.note)
    async with running(post):
        await post.link("o-2")
        await pay(post, "PAYMENT")
    assert [alert.kind for alert in post.alerts] == [AlertKind.UNCLAIMED]


async def test_money_is_told_of_when_the_receiver_closes() -> None:
    post = Post()
    payment = build_notification("PAYMENT", quirks=(), clock=post.clock)
    async with running(post):
        assert await post.raw(write_json(payment)) == 200
        while not post.receiver.counts.get("unclaimed"):
            await post.clock.advance(0)
    assert [alert.kind for alert in post.alerts] == [AlertKind.UNCLAIMED]


async def test_the_rest_is_heard_once_a_type_and_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    post = Post()
    async with running(post):
        for number in range(20):
            await post.deliver(odd("VOUCHER", id=str(number)))
            await post.deliver("REFUND", out_refund_no=f"R{number}")
    assert post.alerts == []
    assert lines(caplog, "ERROR") == []
    warnings = lines(caplog, "WARNING")
    assert len(warnings) == 2
    assert "VOUCHER" in warnings[0]
    assert post.receiver.counts["unclaimed: VOUCHER"] == 20
    assert post.receiver.counts["unclaimed: REFUND"] == 20
    assert post.receiver.counts["unclaimed"] == 40


async def test_types_without_end_are_counted_together() -> None:
    post = Post()
    async with running(post):
        for number in range(80):
            await post.deliver(odd(f"TYPE{number}\nX"))
    counted = [name for name in post.receiver.counts if name.startswith("unclaimed: ")]
    assert len(counted) == 51
    assert all(name.isprintable() for name in counted)
    assert post.receiver.counts["unclaimed: other types"] == 30


# --- it failed -------------------------------------------------------------------


def deep(error: Exception) -> None:
    raise error


async def test_a_failing_handler_is_told_with_entry_link_name_and_what_to_do(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "payermax_async")
    post, failures = Post(), list[Failure]()
    vars(vars(post.receiver)["_tally"])["_failure_hook"] = failures.append

    @post.receiver.on(LinkPaid)
    async def ship_it(event: LinkPaid) -> None:
        try:
            deep(KeyError(kit.CANARY))
        except KeyError as error:
            raise ValueError("card 4111111111111111 of " + kit.CANARY) from error

    async with running(post):
        await post.link("o-1")
        (line,) = lines(caplog, "WARNING")
        for part in ("a handler failed: ValueError", "ship_it", "entry 1", "o-1"):
            assert part in line
        assert "attempt 1, the next in 10 s" in line
        (debug,) = [one for one in lines(caplog, "DEBUG") if "failed" in one]
        assert "from KeyError" in debug
        assert f"{__file__}:" in debug
        assert "ship_it" in debug
        for _ in range(3):
            await post.advance(HOUR)
    (alert,) = post.alerts
    assert alert.kind is AlertKind.GAVE_UP
    assert "ship_it" in alert.part
    assert alert.failure == failures[-1]
    (error,) = lines(caplog, "ERROR")
    assert "ship_it" in error
    assert "then replay the entry" in error
    first = failures[0]
    assert (first.error, first.causes) == ("ValueError", ("KeyError",))
    assert (first.number, first.merchant_key, first.attempt) == (1, "o-1", 1)
    assert first.retry_in == 10
    assert first.text == f"card *** of {kit.CANARY}"
    assert kit.CANARY not in caplog.text + repr(failures) + repr(post.alerts)
    assert "4111" not in caplog.text + repr(failures)


async def test_a_failing_look_up_is_called_one(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def what_is_due(event: PaidEvent) -> Expected:
        raise OSError(kit.CANARY)

    post = Post(expect=what_is_due)
    post.receiver.otherwise(post.note)
    async with running(post):
        await post.link("o-1")
    (line,) = lines(caplog, "WARNING")
    assert "the look-up failed: OSError" in line
    assert "what_is_due" in line
    assert "a handler" not in line


async def test_hooks_that_fail_are_told_and_reach_nobody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fails(_: Alert | Failure) -> None:
        raise ValueError(kit.CANARY)

    tally = Tally(fails, clock=kit.CLOCK, failure_hook=fails)
    tally.alert(Alert(kind=AlertKind.PARKED, number=1))
    text = caplog.text
    assert "the alert hook failed: ValueError" in text
    assert "the failure hook failed: ValueError" in text
    assert kit.CANARY not in text


def test_every_alert_says_what_to_do() -> None:
    assert set(vars(alerts_room)["_ADVICE"]) == set(AlertKind)


def test_foreign_text_forges_no_line_of_an_alert(
    caplog: pytest.LogCaptureFixture,
) -> None:
    tally = Tally(None, clock=kit.CLOCK)
    alert = Alert(
        kind=AlertKind.MISMATCHED, merchant_key=FORGED * 99, problem=FORGED * 99
    )
    tally.alert(alert)
    try:
        raise type(FORGED, (Exception,), {})(FORGED)
    except Exception as error:  # noqa: BLE001 - of a class made here
        tally.failed(failure_of("a handler", error, name=FORGED))
    for record in caplog.records:
        assert record.getMessage().isprintable()
        assert len(record.getMessage()) < 1_500
    assert alert.merchant_key.isprintable()


PROGRAM = """
import asyncio
from payermax_async.webhooks import *
from tests.webhooks import kit
from tests.webhooks.post import BACKOFF

async def main():
    receiver = Receiver(
        kit.notification_verifier(kit.TrustingVerifier(), max_age=None),
        MemoryInbox(), backoff=HandlerBackoff(base=900),
        expect=lambda event: Expected({"o-1": 10000}.get(event.merchant_key, 1), "IDR"),
    )
    @receiver.on(LinkPaid)
    async def ship_it(event):
        raise ValueError("secret")
    async with receiver:
        for order in ("o-1", "o-2"):
            body = kit.body_of(merchant_link_id=order, out_trade_no="T" + order)
            await receiver.handle({"sign": kit.RIGHT_SHAPE}, body)
            await receiver.settled()
asyncio.run(main())
"""


def test_a_process_that_set_up_no_logging_hears_of_failures_and_mismatches() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    failed, mismatched = done.stderr.splitlines()
    assert "a handler failed: ValueError" in failed
    assert "ship_it" in failed
    assert "entry 1, o-1" in failed
    assert "notification mismatched" in mismatched
    assert "entry 2, o-2" in mismatched
    assert "secret" not in done.stderr


# --- expectations ----------------------------------------------------------------


class _Other:
    amount, currency = "19.90", "usd"


def _spoiled() -> Expected:
    found = Expected(1, "IDR")
    object.__setattr__(found, "currency", "idr")
    return found


def unchecked(amount: object, currency: object) -> Expected:
    made = object.__new__(Expected)
    object.__setattr__(made, "amount", amount)
    object.__setattr__(made, "currency", currency)
    return made


@pytest.mark.parametrize(
    "answer",
    [
        lambda: Expected("19.90", "usd"),
        lambda: Expected("19.90", "IDR"),
        lambda: Expected(0, "IDR"),
        _spoiled,
        _Other,
        lambda: ("10000", "IDR"),
        lambda: {"amount": 10000, "currency": "IDR"},
        lambda: False,
        # As it comes out of a cache that keeps fields and calls no constructor.
        lambda: unchecked("10000.001", "IDR"),
        lambda: unchecked(Decimal(0), "IDR"),
        lambda: unchecked(10_000.0, "IDR"),
    ],
)
@pytest.mark.parametrize("is_async", [False, True])
async def test_a_look_up_that_answers_what_cannot_be_paid_is_mismatched_at_once(
    answer: Callable[[], object], is_async: bool, caplog: pytest.LogCaptureFixture
) -> None:
    mended = False

    def expect(event: PaidEvent) -> object:
        return Expected(10000, "IDR") if mended else answer()

    async def expect_async(event: PaidEvent) -> object:
        return expect(event)

    post = Post(expect=expect_async if is_async else expect)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    post.receiver.otherwise(post.note)
    async with running(post):
        await post.link("o-1")
        (entry,) = await post.inbox.entries()
        assert (entry.state, entry.attempts) == ("mismatched", 1)
        (alert,) = post.alerts
        assert (alert.kind, alert.number) == (AlertKind.MISMATCHED, 1)
        assert alert.problem.startswith("no payment can be what is expected: ")
        assert len(lines(caplog, "ERROR")) == 1
        assert post.seen == []
        mended = True
        assert await post.receiver.replay(1)
        await post.receiver.settled()
    assert post.seen == ["LinkPaid o-1"]


async def test_a_look_up_may_keep_amounts_as_text() -> None:
    post = Post(expect=lambda _: unchecked("10000", "IDR"))
    post.receiver.otherwise(post.note)
    async with running(post):
        await post.link("o-1")
    assert (post.seen, post.alerts) == (["LinkPaid o-1"], [])


# --- bursts ----------------------------------------------------------------------


async def test_a_burst_of_failures_is_summed_up(
    caplog: pytest.LogCaptureFixture,
) -> None:
    post = Post()

    async def down(event: NotifiedEvent) -> None:
        raise OSError

    post.receiver.otherwise(down)
    async with running(post):
        for number in range(40):
            await post.link(f"o-{number}")
        told = [line for line in lines(caplog, "WARNING") if "OSError" in line]
        assert len(told) == 5
        # The clock that moves lets some fail once more before they are summed up.
        await post.advance(MINUTE + 1)
    summed = [line for line in lines(caplog, "WARNING") if "more within" in line]
    found = re.match(r"a handler failed: (\d+) more within a minute", summed[0])
    assert found is not None
    assert int(found[1]) >= 35


async def test_the_hook_hears_of_every_entry_and_of_few_strangers() -> None:
    heard: list[Alert] = []
    tally = Tally(heard.append, clock=kit.CLOCK)
    for number in range(20):
        tally.alert(Alert(kind=AlertKind.MISMATCHED, number=number + 1))
        tally.alert(Alert(kind=AlertKind.VERIFIER_FAILED))
    kinds = [alert.kind for alert in heard]
    assert kinds.count(AlertKind.MISMATCHED) == 20
    assert kinds.count(AlertKind.VERIFIER_FAILED) == 5
    assert tally.counts["alert: verifier failed"] == 20


def test_what_was_held_back_is_told_when_its_time_is_over_or_at_the_end() -> None:
    bursts = Bursts(most=2, window=60)
    assert [bursts.admit("a", 0) for _ in range(4)] == [True, True, False, False]
    assert bursts.admit("b", 0)
    assert bursts.over(59.9) == []
    assert bursts.over(60) == [("a", 2)]
    assert bursts.admit("a", 60)
    assert bursts.over(60, early=True) == []
    assert [bursts.admit("a", 61) for _ in range(3)] == [True, True, False]
    assert bursts.over(62, early=True) == [("a", 1)]
