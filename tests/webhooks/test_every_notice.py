"""Every type PayerMax may post: genuine, forged, repeated, out of order, unwanted."""

from __future__ import annotations

import itertools
import logging
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import cast

import attrs
import pytest
from aiohttp import web

from payermax_async import WebhookError, webhooks
from payermax_async.core.models.notifications import Notification
from payermax_async.core.notice_rows import (
    BEGUN,
    SUCCEEDED,
    Kind,
    Loudness,
    NoticeType,
    State,
)
from payermax_async.core.notice_table import NOTICES
from payermax_async.core.notices import loudness_of, payload_amount, payload_text
from payermax_async.core.strict_json import JsonObject, JsonValue, write_json
from payermax_async.signing import PrivateKey, RsaVerifier
from payermax_async.webhooks import (
    ACKNOWLEDGEMENT,
    AlertKind,
    DisputeEnded,
    DisputeNotified,
    DisputeOpened,
    NotifiedEvent,
    build_notification,
    dedupe_key,
    sign_notification,
)
from payermax_async.webhooks.aiohttp import add_webhook
from payermax_async.webhooks.events.base import event_of, split
from payermax_async.webhooks.sample_data import FieldValue
from payermax_async.webhooks.samples import APP_ID, MERCHANT_NO
from payermax_async.webhooks.verifying.parsing import read_notification
from tests.webhooks import kit
from tests.webhooks.post import Post, running
from tests.webhooks.servers import Address, Answer, connected, under_aiohttp

TYPES = [row.name for row in NOTICES]
ROWS = {row.name: row for row in NOTICES}
each_type = pytest.mark.parametrize("kind", TYPES)

_SPECIAL: dict[str, dict[str, FieldValue]] = {
    "AUTHORIZED": {"capture_mode": "MANUAL"},
    "ZERO": {"total_amount": 0},
    "NO PAYMENT": {"pay_by_link_info": []},
}
"""What makes up a state that is more than a status."""


def in_state(row: NoticeType, word: str) -> dict[str, FieldValue]:
    """Fields of a sample in a state."""
    if word in _SPECIAL:
        return _SPECIAL[word]
    name = "status" if row.sample_part else row.status_field.replace(".", "__")
    return {name: word}


def sample(row: NoticeType, word: str = "", **fields: FieldValue) -> JsonObject:
    """A notification of a type in a state; with a clock that stands."""
    state = in_state(row, word) if word else {}
    # The names of fields are checked there; types cannot say them.
    make: Callable[..., JsonObject] = build_notification
    return make(row.name, clock=kit.CLOCK, **{**state, **fields})


def read(content: JsonObject) -> Notification:
    return read_notification(write_json(content))


STATES = [
    pytest.param(row, word, state, id=f"{row.name}-{word or 'any'}")
    for row in NOTICES
    for word, state in {**row.states, "ELSE": row.otherwise}.items()
    if word != "ELSE" or row.status_field
]


@pytest.mark.parametrize(("row", "word", "state"), STATES)
def test_each_state_is_told_as_its_event(
    row: NoticeType, word: str, state: State
) -> None:
    found = read(sample(row, word))
    event = event_of(split(found)[0])
    assert type(event).__name__ == state.event
    assert event.merchant_key
    assert event.merchant_key == payload_text(found, row.id_field)
    hint = attrs.fields_dict(attrs.resolve_types(type(event)))["notification"].type
    assert isinstance(found, cast("type", hint))
    for name in ("amount", "currency", "deadline", "out_trade_no"):
        getattr(event, name, None)


def test_each_event_is_public_and_is_told_for_some_state() -> None:
    told = {state.event for row in NOTICES for state in row.states.values()}
    told |= {row.otherwise.event for row in NOTICES}
    events = {
        name
        for name in webhooks.__all__
        if isinstance(thing := getattr(webhooks, name), type)
        and issubclass(thing, NotifiedEvent)
    }
    # The base of all, and what the inbox makes of a link that is paid twice.
    assert events - told == {"NotifiedEvent", "LinkPaidAgain"}


@each_type
def test_a_row_names_fields_that_its_model_has(kind: str) -> None:
    row = ROWS[kind]
    found = read(sample(row))
    for name in (row.id_field, row.status_field, row.deadline_field, *row.within):
        assert not name or payload_text(found, name), name
    assert (payload_amount(found) is None) == (not row.amount_field)
    if row.amount_field:
        assert len(payload_text(found, row.currency_field)) == 3
    # Money is ruled by its kind, and goes some way.
    assert row.kind is Kind.OTHER or row.flow
    succeeds = any(state.rank == SUCCEEDED for state in row.states.values())
    assert succeeds == (row.kind is not Kind.OTHER)


# --- over a socket -------------------------------------------------------------------


@asynccontextmanager
async def served(post: Post) -> AsyncGenerator[Address]:
    app = web.Application()
    add_webhook(app, "/payermax", post.receiver)
    async with under_aiohttp(app) as address:
        yield address


async def posted(address: Address, body: bytes, signature: str) -> Answer:
    async with connected(address) as line:
        await line.send_head(
            Content_Type="application/json",
            Content_Length=str(len(body)),
            sign=signature,
        )
        await line.send(body)
        return await line.answer()


def signed(kind: str, second: int = 3, key: PrivateKey | None = None) -> JsonObject:
    time = f"2024-02-27T11:02:{second:02}.000+00:00"
    found = sign_notification(
        key or kit.platform_key(), kind, clock=kit.CLOCK, notify_time=time
    )
    return {"body": found.body.decode(), "sign": found.headers["sign"]}


@each_type
async def test_a_genuine_one_is_acknowledged_and_handled_once_however_often_it_comes(
    kind: str,
) -> None:
    post = Post(verifier=RsaVerifier(kit.platform_key().public_key))
    post.receiver.otherwise(post.note)
    async with served(post) as address:
        for second in range(3):
            sent = signed(kind, second)
            body, signature = str(sent["body"]).encode(), str(sent["sign"])
            answer = await posted(address, body, signature)
            assert (answer.status, answer.body) == (200, ACKNOWLEDGEMENT)
        await post.receiver.settled()
        (entry,) = await post.inbox.entries()
    assert (entry.deliveries, entry.state) == (3, "done")
    assert entry.notify_type.replace("_", " ") == kind
    assert len(post.seen) == 1
    assert post.alerts == []


@each_type
async def test_a_forged_one_is_refused_and_kept_nowhere(kind: str) -> None:
    post = Post(verifier=RsaVerifier(kit.platform_key().public_key))
    post.receiver.otherwise(post.note)
    genuine, foreign = signed(kind), signed(kind, key=kit.other_key())
    body = str(genuine["body"]).encode()
    changed = body.replace(b'"data":{', b'"data":{"a":1,', 1)
    assert changed != body
    async with served(post) as address:
        for forged, signature in (
            (changed, genuine["sign"]),
            (body + b" ", genuine["sign"]),
            (str(foreign["body"]).encode(), foreign["sign"]),
        ):
            answer = await posted(address, forged, str(signature))
            assert answer.status == 401
        await post.receiver.settled()
        assert await post.inbox.entries() == ()
    assert post.seen == []


# --- out of order, and once ----------------------------------------------------------


def pairs() -> Iterator[object]:
    for row in NOTICES:
        ranked = [
            (word, state)
            for word, state in row.states.items()
            if state.rank is not None
        ]
        for (first, one), (second, other) in itertools.permutations(ranked, 2):
            yield pytest.param(
                row, first, one, second, other, id=f"{row.name}-{first}-{second}"
            )


@pytest.mark.parametrize(("row", "first", "one", "second", "other"), [*pairs()])
async def test_an_older_state_that_comes_late_takes_no_effect_and_money_always_does(
    row: NoticeType, first: str, one: State, second: str, other: State
) -> None:
    assert one.rank is not None
    assert other.rank is not None
    post = Post()
    post.receiver.otherwise(post.note)
    async with running(post):
        for word in (first, second):
            assert await post.deliver(sample(row, word)) == 200
        states = await post.states()
    reverses = row.kind is Kind.REFUND and second == "REFUND_FAILED"
    if other.rank == SUCCEEDED or reverses or other.rank > one.rank:
        assert states == ["done", "done"]
    elif other.rank < one.rank:
        assert states == ["done", "superseded"]
    else:
        # The same stage: of payments one word is enough, of a case each is told.
        is_case = row.kind in {Kind.OTHER, Kind.MONEY}
        assert states == ["done", "done" if is_case else "superseded"]


MONEY = [row.name for row in NOTICES if row.kind is Kind.MONEY]


@pytest.mark.parametrize("kind", MONEY)
async def test_other_money_takes_effect_once_and_never_with_another_amount(
    kind: str,
) -> None:
    row, post = ROWS[kind], Post()
    post.receiver.otherwise(post.note)
    word = next(word for word, s in row.states.items() if s.rank == SUCCEEDED)
    amount = row.amount_field.replace(".", "__")
    async with running(post):
        await post.deliver(sample(row, word))
        # Whatever else is said of it: it is the same money.
        content = sample(row, word)
        cast("JsonObject", content["data"])["new"] = "x"
        await post.deliver(content)
        assert await post.states() == ["done"]
        assert dedupe_key(read(content)) == dedupe_key(read(sample(row, word)))
        await post.deliver(sample(row, word, **{amount: "77.77"}))
        assert await post.states() == ["done", "mismatched"]
    assert len(post.seen) == 1
    (alert,) = post.alerts
    assert alert.kind is AlertKind.MISMATCHED


@pytest.mark.parametrize("kind", MONEY)
async def test_another_number_is_other_money(kind: str) -> None:
    row, post = ROWS[kind], Post()
    post.receiver.otherwise(post.note)
    async with running(post):
        await post.deliver(sample(row))
        for name in (row.id_field, *row.within):
            await post.deliver(sample(row, **{name.replace(".", "__"): "7"}))
    assert len(post.seen) == 2 + len(row.within)


async def test_a_payout_that_comes_back_is_told_after_it_succeeded() -> None:
    post = Post()
    post.receiver.otherwise(post.note)
    async with running(post):
        for word in ("SUCCESS", "BOUNCEBACK", "PENDING"):
            await post.deliver(sample(ROWS["PAYOUT"], word))
        assert await post.states() == ["done", "done", "superseded"]
    assert post.seen == ["PayoutSucceeded payout-1001", "PayoutReturned payout-1001"]


async def test_a_case_whose_facts_change_is_told_again() -> None:
    post = Post()
    post.receiver.otherwise(post.note)
    row = ROWS["DISPUTE"]
    async with running(post):
        await post.deliver(sample(row))
        await post.deliver(sample(row, amount="5.00"))
        await post.deliver(sample(row, amount="5.00"))
        assert await post.states() == ["done", "done"]


async def test_a_second_round_of_a_case_is_no_late_first_one() -> None:
    post = Post()
    post.receiver.otherwise(post.note)
    row = ROWS["CHARGEBACK"]
    async with running(post):
        await post.deliver(sample(row, "DISPUTE_END", expiration_date="2024-03-05"))
        await post.deliver(sample(row, expiration_date="2024-03-05"))
        await post.deliver(sample(row, expiration_date="2024-04-05"))
        assert await post.states() == ["done", "superseded", "done"]
    assert [one.partition(" ")[0] for one in post.seen] == [
        "DisputeEnded",
        "DisputeOpened",
    ]


async def test_one_case_has_one_order_whatever_it_is_called() -> None:
    post = Post()
    post.receiver.otherwise(post.note)
    async with running(post):
        await post.deliver(sample(ROWS["CHARGEBACK"], "DISPUTE_END"))
        await post.deliver(sample(ROWS["DISPUTE"], "DISPUTE_RECEIVED"))
        await post.deliver(sample(ROWS["DISPUTE"], "NEW_WORD"))
        assert await post.states() == ["done", "superseded", "done"]


async def test_a_handler_for_the_base_gets_what_no_other_handler_gets() -> None:
    post, heard = Post(), list[str]()

    @post.receiver.on(DisputeNotified)
    async def any_dispute(event: DisputeNotified) -> None:
        heard.append(f"any {event.status} {event.case_id}")

    @post.receiver.on(DisputeOpened)
    async def opened(event: DisputeOpened) -> None:
        heard.append(f"{event.amount} {event.currency} until {event.deadline}")

    row = ROWS["DISPUTE"]
    async with running(post):
        for word in ("DISPUTE_INQUIRY", "DISPUTE_RECEIVED", "NEW_WORD", "CASE_CLOSED"):
            await post.deliver(sample(row, word, case_id="C1", expiration_date="soon"))
    assert heard == [
        "any DISPUTE_INQUIRY C1",
        "19.90 USD until soon",
        "any NEW_WORD C1",
        "any CASE_CLOSED C1",
    ]
    assert issubclass(DisputeEnded, DisputeNotified)
    assert post.alerts == []


# --- for whom ------------------------------------------------------------------------


@each_type
async def test_only_a_case_may_name_nobody(kind: str) -> None:
    row = ROWS[kind]
    content = sample(row)
    content = {k: v for k, v in content.items() if k not in {"merchantNo", "appId"}}
    single = kit.notification_verifier(kit.TrustingVerifier())
    several = kit.notification_verifier(
        kit.TrustingVerifier(), merchant_no=["1", "2"], app_id=["a", "b"]
    )
    trusted, body = {"sign": kit.RIGHT_SHAPE}, write_json(content)
    found = await kit.outcome(single, trusted, body)
    assert isinstance(found, Notification) is row.names_nobody
    if isinstance(found, Notification):
        assert (found.merchant_no, found.app_id) == (MERCHANT_NO, APP_ID)
    assert isinstance(await kit.outcome(several, trusted, body), WebhookError)


async def test_the_payload_of_a_typed_case_tells_which_of_several_merchants() -> None:
    several = kit.notification_verifier(
        kit.TrustingVerifier(), merchant_no=["1", "2"], app_id=None
    )
    trusted = {"sign": kit.RIGHT_SHAPE}
    for kind in ("FRAUD", "DISPUTE"):
        content = sample(ROWS[kind])
        cast("JsonObject", content["data"])["merchantNo"] = "2"
        found = await several.verify(trusted, write_json(content))
        assert found.merchant_no == "2"
        assert dedupe_key(found)[0] == "2"


# --- nobody handles it ---------------------------------------------------------------


@pytest.mark.parametrize(("row", "word", "state"), STATES)
async def test_unwanted_it_is_as_loud_as_its_row_says(
    row: NoticeType, word: str, state: State, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    post = Post()
    content = sample(row, word)
    loudness = loudness_of(split(read(content))[0])
    async with running(post):
        assert await post.deliver(content) == 200
        await post.advance(60)
        assert await post.states() == ["unclaimed"]
    if loudness is Loudness.REST:
        assert post.alerts == []
        assert [r.levelname for r in caplog.records] == ["WARNING"]
        return
    (alert,) = post.alerts
    assert alert.kind is AlertKind.UNCLAIMED
    assert alert.merchant_key == payload_text(read(content), row.id_field)
    (line,) = [r.getMessage() for r in caplog.records if r.levelname == "ERROR"]
    assert f"nobody handles {row.name}" in line.replace("_", " ")
    if loudness is Loudness.DEADLINE:
        assert "must be answered in time" in line
        deadline = payload_text(read(content), row.deadline_field)
        assert deadline in line
    assert state.rank != BEGUN or loudness is not Loudness.MONEY


def test_whoever_waits_for_an_answer_and_money_that_came_are_loud() -> None:
    loud: dict[str, Loudness] = {}
    for row in NOTICES:
        for word, state in row.states.items():
            came = row.flow == "in" and state.rank == SUCCEEDED
            if came or row.has_deadline:
                loud[f"{row.name} {word}"] = loudness_of(read(sample(row, word)))
    assert Loudness.REST not in loud.values()
    assert loud["RECEIVE SUCCESS"] is Loudness.MONEY
    assert loud["PAYMENT SUCCESS"] is Loudness.PAYMENT
    assert loud["CHARGEBACK DISPUTE_RECEIVED"] is Loudness.DEADLINE
    assert {row.name for row in NOTICES if row.has_deadline} == {
        row.name for row in NOTICES if row.names_nobody
    }


async def test_many_disputes_with_deadlines_of_their_own_are_one_kind_of_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    post = Post()
    async with running(post):
        for day in range(20):
            await post.deliver(
                sample(ROWS["DISPUTE"], case_id=f"C{day}", expiration_date=f"day {day}")
            )
    errors = [r.getMessage() for r in caplog.records if r.levelname == "ERROR"]
    assert len([line for line in errors if "until day" in line]) == 5
    assert any("15 more within a minute" in line for line in errors)
    assert len(post.alerts) == 20


async def test_a_question_that_is_answered_with_data_is_refused_and_told() -> None:
    """``billPaymentValidation`` is no notification: an acknowledgement is no answer."""
    post = Post()
    post.receiver.otherwise(post.note)
    question: dict[str, JsonValue] = {
        "referenceNo": "BILL-1",
        "amount": 500,
        "currency": "PHP",
    }
    async with running(post):
        assert await post.deliver(question) == 403
    assert post.seen == []
    assert [alert.kind for alert in post.alerts] == [AlertKind.NOT_OURS]
