"""When a failing gateway is left alone, and how it is tried again."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payermax_async.core.codec import to_wire
from payermax_async.core.errors import (
    ClientStateError,
    ConfigurationError,
    ExtensionError,
    HttpStatusError,
    NotSentError,
    OutcomeUnknownError,
    PayerMaxError,
    TlsError,
)
from payermax_async.core.operations.operation import Replay
from payermax_async.core.strict_json import JsonObject
from payermax_async.pipeline.breaker import (
    Admission,
    Breaker,
    BreakerPolicy,
    BreakerState,
)
from payermax_async.pipeline.observe import BreakerChanged, Event
from payermax_async.pipeline.retry import RetryPolicy
from payermax_async.testing.fake import json_reply
from payermax_async.testing.replies import signed_reply
from payermax_async.transport.base import HttpRequest, HttpResponse

from .gateway import (
    PLATFORM,
    InstantClock,
    LinkGateway,
    QuickSigner,
    Reaction,
    answers,
    client_of,
    make,
    not_done_without_answer,
    order,
    refused_connection,
    replies,
)

UNAVAILABLE = replies(HttpResponse(status=503, headers=(), body=b"<html>"))
ONCE = RetryPolicy(max_attempts=1)
FOUR = BreakerPolicy(window=60, min_calls=4, failure_ratio=0.5, open_for=30)


@pytest.mark.parametrize(
    ("results", "state"),
    [
        ("", BreakerState.CLOSED),
        ("xxx", BreakerState.CLOSED),
        ("xxxx", BreakerState.OPEN),
        ("x.x.", BreakerState.CLOSED),
        ("..xx", BreakerState.OPEN),
        ("...x", BreakerState.CLOSED),
        ("...xx", BreakerState.CLOSED),
        ("...xxx", BreakerState.OPEN),
        ("xxx" + "_" * 61 + "x", BreakerState.CLOSED),
        ("xxx" + "_" * 50 + "x", BreakerState.OPEN),
        ("." * 30 + "_" * 61 + "xxxx", BreakerState.OPEN),
    ],
)
def test_enough_failures_in_the_window_open_it(
    results: str, state: BreakerState
) -> None:
    # x is a failure, . an answer, _ a second in which nothing happens
    breaker, now = Breaker(FOUR), 0.0
    for result in results:
        if result == "x":
            breaker.failed(now)
        elif result == ".":
            breaker.succeeded(now)
        else:
            now += 1
    assert breaker.state(now) is state


def opened() -> Breaker:
    breaker = Breaker(FOUR)
    for _ in range(4):
        breaker.failed(0.0)
    return breaker


@pytest.mark.parametrize(
    ("now", "state", "admission", "wait"),
    [
        (0.0, BreakerState.OPEN, Admission.NO, 30.0),
        (29.5, BreakerState.OPEN, Admission.NO, 0.5),
        (30.0, BreakerState.HALF_OPEN, Admission.PROBE, 0.0),
        (1000.0, BreakerState.HALF_OPEN, Admission.PROBE, 0.0),
    ],
)
def test_an_open_one_admits_a_probe_after_its_time(
    now: float, state: BreakerState, admission: Admission, wait: float
) -> None:
    breaker = opened()
    assert breaker.state(now) is state
    assert breaker.wait(now) == wait
    assert breaker.admit(now) is admission


def test_only_one_probe_is_under_way_at_a_time() -> None:
    breaker = opened()
    assert [breaker.admit(30.0) for _ in range(3)] == [
        Admission.PROBE,
        Admission.NO,
        Admission.NO,
    ]
    breaker.abandoned()
    assert breaker.admit(30.0) is Admission.PROBE


def test_an_answered_probe_closes_it_and_forgets_the_past() -> None:
    breaker = opened()
    breaker.admit(30.0)
    breaker.succeeded(31.0, probe=True)
    assert breaker.admit(31.0) is Admission.GO
    for _ in range(2):
        breaker.failed(31.0)
    assert breaker.state(31.0) is BreakerState.CLOSED


def test_a_failed_probe_starts_the_pause_anew() -> None:
    breaker = opened()
    breaker.admit(30.0)
    breaker.failed(33.0, probe=True)
    assert breaker.admit(62.9) is Admission.NO
    assert breaker.admit(63.0) is Admission.PROBE


@pytest.mark.parametrize("late", ["succeeded", "failed"])
def test_what_was_sent_before_it_opened_does_not_speak_for_the_probe(
    late: str,
) -> None:
    breaker = opened()
    assert breaker.admit(30.0) is Admission.PROBE
    getattr(breaker, late)(30.0)
    assert breaker.state(30.0) is BreakerState.HALF_OPEN
    assert breaker.admit(30.0) is Admission.NO


@pytest.mark.parametrize(
    "wrong",
    [
        {"window": 0},
        {"open_for": -1},
        {"min_calls": 0},
        {"failure_ratio": 0},
        {"failure_ratio": 1.1},
    ],
)
def test_a_policy_without_sense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError):
        BreakerPolicy(**wrong)  # type: ignore[arg-type]


@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["ask", "good", "bad", "abandon"]), st.floats(0, 20))
    )
)
def test_it_never_admits_a_second_probe_nor_anything_during_the_pause(
    steps: list[tuple[str, float]],
) -> None:
    breaker, now, probing = Breaker(FOUR), 0.0, False
    for step, seconds in steps:
        now += seconds
        before = breaker.state(now)
        if step == "ask":
            admission = breaker.admit(now)
            assert (admission is Admission.GO) == (before is BreakerState.CLOSED)
            if admission is Admission.PROBE:
                assert before is BreakerState.HALF_OPEN
                assert not probing
                probing = True
        elif step == "abandon":
            if probing:
                breaker.abandoned()
            probing = False
        else:
            report = breaker.succeeded if step == "good" else breaker.failed
            report(now, probe=probing)
            if probing:
                good = BreakerState.CLOSED, BreakerState.OPEN
                assert breaker.state(now) is good[step == "bad"]
            probing = False
        assert 0 <= breaker.wait(now) <= FOUR.open_for + 1e-9


# --- through the client --------------------------------------------------------


def changes(events: list[Event]) -> list[BreakerState]:
    return [event.state for event in events if isinstance(event, BreakerChanged)]


async def test_a_failing_gateway_is_left_alone_and_the_error_says_how_long() -> None:
    gateway = LinkGateway(queryPaybylink=[UNAVAILABLE] * 99)
    clock, events = InstantClock(), list[Event]()
    async with client_of(
        gateway, clock=clock, retry=ONCE, breaker=FOUR, hooks=[events.append]
    ) as client:
        for _ in range(4):
            with pytest.raises(HttpStatusError):
                await client.query_link("order-1")
        clock.seconds += 10
        with pytest.raises(NotSentError) as caught:
            await client.query_link("order-1")
    assert caught.value.retry_after == 20
    assert caught.value.attempts == 0
    assert len(gateway.calls) == 4
    assert changes(events) == [BreakerState.OPEN]


async def test_after_the_pause_one_question_goes_first_and_never_a_create() -> None:
    gateway = LinkGateway(createPaybylink=[UNAVAILABLE] * 2)
    clock, events = InstantClock(), list[Event]()
    async with client_of(
        gateway, clock=clock, retry=ONCE, breaker=FOUR, hooks=[events.append]
    ) as client:
        gateway.script["queryPaybylink"] = [UNAVAILABLE] * 2
        for number in range(2):
            with pytest.raises(OutcomeUnknownError):
                await client.create_link(order(f"early-{number}"))
        gateway.calls.clear()
        clock.seconds += 30
        await client.create_link(order("late"))
    assert gateway.names() == ["queryPaybylink", "createPaybylink"]
    assert changes(events) == [
        BreakerState.OPEN,
        BreakerState.HALF_OPEN,
        BreakerState.CLOSED,
    ]


async def test_a_transport_that_fails_by_itself_is_left_alone_as_well() -> None:
    def broken(_request: HttpRequest) -> HttpResponse:
        raise ValueError("in the transport")

    async with client_of(broken, retry=ONCE, breaker=FOUR) as client:
        for _ in range(4):
            with pytest.raises(ExtensionError):
                await client.query_link("order-1")
        with pytest.raises(NotSentError, match="left alone"):
            await client.query_link("order-1")


async def test_what_a_question_about_nothing_finds_answers_no_write() -> None:
    # A raw write comes with no question of its own; any will do to try the host.
    gateway, clock = LinkGateway(queryPaybylink=[UNAVAILABLE] * 4), InstantClock()
    make(gateway, to_wire(order("are-you-there")))
    async with client_of(gateway, clock=clock, retry=ONCE, breaker=FOUR) as client:
        for _ in range(4):
            with pytest.raises(HttpStatusError):
                await client.query_link("order-1")
        clock.seconds += 30
        late = to_wire(order("late"))
        reply = await client.call_raw("createPaybylink", late, version="1.1")
    assert reply["merchantLinkId"] == "late"
    assert gateway.names()[-2:] == ["queryPaybylink", "createPaybylink"]


@pytest.mark.parametrize("name", ["expirePaybylink", "raw", "raw and unheard of"])
@pytest.mark.parametrize("exists", [True, False])
async def test_after_the_pause_no_write_goes_first_however_harmless(
    name: str, exists: bool
) -> None:
    gateway, clock = LinkGateway(queryPaybylink=[UNAVAILABLE] * 4), InstantClock()
    gateway.script["expirePaybylink"] = gateway.script["doSomething"] = [
        lambda gateway, data: signed_reply(
            PLATFORM, {**made, "merchantLinkId": data["merchantLinkId"]}
        )
    ]
    made = make(gateway, to_wire(order()))
    if not exists:
        gateway.links.clear()
    async with client_of(gateway, clock=clock, retry=ONCE, breaker=FOUR) as client:
        for _ in range(4):
            with pytest.raises(HttpStatusError):
                await client.query_link("order-1")
        gateway.calls.clear()
        clock.seconds += 30
        if name == "expirePaybylink":
            await client.expire_link("order-1")
        else:
            raw = "expirePaybylink" if name == "raw" else "doSomething"
            await client.call_raw(
                raw, {"merchantLinkId": "order-1"}, version="1.1", replay=Replay.SAFE
            )
    assert len(gateway.calls) == 2
    assert gateway.names()[0] == "queryPaybylink"


async def test_an_unanswered_question_keeps_the_create_back() -> None:
    gateway = LinkGateway(queryPaybylink=[UNAVAILABLE] * 5)
    clock = InstantClock()
    async with client_of(gateway, clock=clock, retry=ONCE, breaker=FOUR) as client:
        for _ in range(4):
            with pytest.raises(HttpStatusError):
                await client.query_link("order-1")
        clock.seconds += 30
        with pytest.raises(NotSentError, match="unwell") as caught:
            await client.create_link(order())
        assert isinstance(caught.value.__cause__, HttpStatusError)
        with pytest.raises(NotSentError):
            await client.create_link(order())
    assert "createPaybylink" not in gateway.names()
    assert len(gateway.calls) == 5


async def test_a_question_that_was_not_sent_keeps_its_own_error() -> None:
    gateway = LinkGateway(queryPaybylink=[UNAVAILABLE] * 4)
    clock = InstantClock()
    async with client_of(gateway, clock=clock, retry=ONCE, breaker=FOUR) as client:
        for _ in range(4):
            with pytest.raises(HttpStatusError):
                await client.query_link("order-1")
        clock.seconds += 30
        gateway.script["queryPaybylink"] = [lambda _gateway, _data: TlsError("expired")]
        with pytest.raises(TlsError):
            await client.create_link(order())


async def test_a_hundred_waiting_creates_ask_one_question_between_them() -> None:
    asked = asyncio.Event()
    answered = asyncio.Event()
    gateway = LinkGateway(queryPaybylink=[UNAVAILABLE] * 4)
    clock = InstantClock()

    async def handler(request: HttpRequest) -> HttpResponse | Exception:
        if clock.seconds >= 30:
            asked.set()
            await answered.wait()
        return gateway(request)

    async with client_of(
        handler, clock=clock, retry=ONCE, breaker=FOUR, signer=QuickSigner()
    ) as client:
        for _ in range(4):
            with pytest.raises(HttpStatusError):
                await client.query_link("order-1")
        gateway.calls.clear()
        clock.seconds += 30
        creates = [
            asyncio.create_task(client.create_link(order(f"order-{number}")))
            for number in range(100)
        ]
        await asked.wait()
        for _ in range(5):
            await asyncio.sleep(0)
        answered.set()
        results = await asyncio.gather(*creates, return_exceptions=True)
    assert gateway.names() == ["queryPaybylink", "createPaybylink"]
    refused = [result for result in results if isinstance(result, NotSentError)]
    assert len(refused) == 99


async def turns() -> None:
    for _ in range(8):
        await asyncio.sleep(0)


async def test_a_cancelled_straggler_does_not_let_a_second_question_through() -> None:
    hold = asyncio.Event()
    gateway = LinkGateway(queryPaybylink=[UNAVAILABLE] * 4)
    clock = InstantClock()

    async def handler(request: HttpRequest) -> HttpResponse | Exception:
        answer = gateway(request)
        if len(gateway.calls) in {1, 6}:  # the straggler, and the probe
            await hold.wait()
        return answer

    async with client_of(
        handler, clock=clock, retry=ONCE, breaker=FOUR, signer=QuickSigner()
    ) as client:
        straggler = asyncio.create_task(client.query_link("early"))
        await turns()
        gateway.script["queryPaybylink"] = [UNAVAILABLE] * 4
        for _ in range(4):
            with pytest.raises(HttpStatusError):
                await client.query_link("order-1")
        clock.seconds += 30
        probe = asyncio.create_task(client.query_link("probe"))
        await turns()
        straggler.cancel()
        await asyncio.gather(straggler, return_exceptions=True)
        assert straggler.cancelled()
        with pytest.raises(NotSentError):
            await client.query_link("too early")
        hold.set()
        await asyncio.gather(probe, return_exceptions=True)
    assert len(gateway.calls) == 6


async def test_a_cancelled_question_leaves_room_for_the_next() -> None:
    gateway = LinkGateway(queryPaybylink=[UNAVAILABLE] * 4)
    clock, asked = InstantClock(), asyncio.Event()

    async def handler(request: HttpRequest) -> HttpResponse | Exception:
        if clock.seconds == 30:
            asked.set()
            await asyncio.Event().wait()
        return gateway(request)

    async with client_of(handler, clock=clock, retry=ONCE, breaker=FOUR) as client:
        for _ in range(4):
            with pytest.raises(HttpStatusError):
                await client.query_link("order-1")
        clock.seconds = 30
        cancelled = asyncio.create_task(client.create_link(order("cancelled")))
        await asked.wait()
        cancelled.cancel()
        await asyncio.gather(cancelled, return_exceptions=True)
        clock.seconds = 31
        await client.create_link(order("next"))
    assert list(gateway.links) == ["next"]


@pytest.mark.parametrize(
    "code",
    ["PARAMS_INVALID", "ORDER_NOT_EXIST", "SIGN_VERIFY_FAILED", "TOO_MANY_REQUEST"],
)
async def test_refusals_of_business_never_open_it(code: str) -> None:
    gateway = LinkGateway(queryPaybylink=[answers(code)] * 50)
    events = list[Event]()
    async with client_of(
        gateway, retry=ONCE, breaker=FOUR, hooks=[events.append]
    ) as client:
        for _ in range(50):
            with pytest.raises(PayerMaxError):
                await client.query_link("order-1")
    assert len(gateway.calls) == 50
    assert changes(events) == []


def unsigned(code: str) -> Reaction:
    return replies(json_reply({"code": code, "msg": ""}))


def wrong_state(_gateway: LinkGateway, _data: JsonObject) -> Exception:
    return ClientStateError("a middleware's mistake")


@pytest.mark.parametrize(
    ("reaction", "opens"),
    [
        (refused_connection, True),
        (not_done_without_answer, True),
        (answers("SYSTEM_ERROR"), True),
        (UNAVAILABLE, True),
        (answers("NEW_IN_2031"), False),
        (unsigned("NEW_IN_2031"), True),
        (unsigned("PARAMS_INVALID"), False),
        (wrong_state, False),
    ],
)
async def test_ailments_of_the_gateway_open_it(reaction: object, opens: bool) -> None:
    gateway = LinkGateway(queryPaybylink=[reaction] * 4)  # type: ignore[list-item]
    events = list[Event]()
    async with client_of(
        gateway, retry=ONCE, breaker=FOUR, hooks=[events.append]
    ) as client:
        for _ in range(4):
            with pytest.raises(PayerMaxError):
                await client.query_link("order-1")
    assert changes(events) == [BreakerState.OPEN] * opens


async def test_each_client_has_its_own() -> None:
    failing = LinkGateway(queryPaybylink=[UNAVAILABLE] * 4)
    async with (
        client_of(failing, retry=ONCE, breaker=FOUR) as one,
        client_of(LinkGateway(), retry=ONCE, breaker=FOUR) as other,
    ):
        for _ in range(4):
            with pytest.raises(HttpStatusError):
                await one.query_link("order-1")
        await other.create_link(order())
        with pytest.raises(NotSentError):
            await one.create_link(order())


async def test_without_a_breaker_every_call_is_sent() -> None:
    gateway = LinkGateway(queryPaybylink=[UNAVAILABLE] * 50)
    async with client_of(gateway, retry=ONCE, breaker=None) as client:
        for _ in range(50):
            with pytest.raises(HttpStatusError):
                await client.query_link("order-1")
    assert len(gateway.calls) == 50


async def test_who_waits_for_a_turn_meanwhile_is_not_let_out() -> None:
    gateway = LinkGateway(queryPaybylink=[UNAVAILABLE] * 50)
    async with client_of(gateway, retry=ONCE, breaker=FOUR, max_in_flight=1) as client:
        ended = await asyncio.gather(
            *(client.query_link("order-1") for _ in range(50)),
            return_exceptions=True,
        )
    assert len(gateway.calls) == 4
    assert sum(isinstance(error, NotSentError) for error in ended) == 46
