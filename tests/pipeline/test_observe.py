"""What hooks and logs are told, what they cannot break, and what they never hold."""

from __future__ import annotations

import asyncio
import logging
import pickle
import re
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator

import attrs
import pytest

from payermax_async.client import PayerMaxClient
from payermax_async.config import Environment
from payermax_async.core.errors import NotSentError, Outcome, PayerMaxError
from payermax_async.core.models.common import Sent
from payermax_async.core.models.link_parts import GoodsItem, MerchantInfo, UserInfo
from payermax_async.core.models.link_request import CreateLink
from payermax_async.core.models.refunds import CreateRefund
from payermax_async.pipeline.breaker import BreakerPolicy, BreakerState
from payermax_async.pipeline.chain import CallNext
from payermax_async.pipeline.observe import (
    AttemptFinished,
    AttemptStarted,
    BreakerChanged,
    CallFinished,
    CallStarted,
    Event,
    FailedOver,
    Observers,
    RetryScheduled,
    SignatureRefused,
    SkewMeasured,
    log_event,
)
from payermax_async.pipeline.retry import RetryPolicy
from payermax_async.testing.fake import json_reply
from payermax_async.testing.replies import signed_reply
from payermax_async.transport.base import HttpRequest, HttpResponse

from ..signing.secrecy import shared_pieces
from .gateway import (
    CONFIG,
    MERCHANT,
    PLATFORM,
    InstantClock,
    LinkGateway,
    Reaction,
    answers,
    client_of,
    done_without_answer,
    not_done_without_answer,
    order,
    refused_connection,
    replies,
)

BAD_GATEWAY = HttpResponse(status=502, headers=(), body=b"<html>oops</html>")
URL = "https://gateway.test/aggregate-pay/api/gateway"
EXAMPLES: list[Event] = [
    CallStarted(call_id=1, operation="o", merchant_key="k"),
    CallFinished(
        call_id=1,
        operation="o",
        merchant_key="k",
        attempts=2,
        elapsed=1.23456,
        outcome=Outcome.UNKNOWN,
        error="NoReplyError",
    ),
    AttemptStarted(
        call_id=1, operation="o", merchant_key=None, number=1, host="h", url="u"
    ),
    AttemptFinished(
        call_id=1,
        operation="o",
        merchant_key="k",
        number=1,
        host="h",
        elapsed=0.1,
        outcome=None,
    ),
    RetryScheduled(
        call_id=1, operation="o", merchant_key="k", number=1, delay=0.1, error="E"
    ),
    BreakerChanged(host="h", state=BreakerState.HALF_OPEN),
    FailedOver(call_id=1, operation="o", merchant_key="k", host="h"),
    SkewMeasured(host="h", offset=600.0, corrected=True),
    SignatureRefused(call_id=1, operation="o", merchant_key="k", host="h"),
]


def test_there_is_an_example_of_every_event() -> None:
    def leaves(kind: type[Event]) -> Iterator[type[Event]]:
        for child in kind.__subclasses__():
            yield from leaves(child)
        # Those of runs are told by the tests of runs.
        if not kind.__subclasses__() and kind.__module__ == Event.__module__:
            yield kind

    assert {type(event) for event in EXAMPLES} == set(leaves(Event))


# --- which events --------------------------------------------------------------


async def told(
    reactions: list[Reaction], *, key: str = "order-1"
) -> tuple[list[Event], PayerMaxError | None]:
    gateway, events = LinkGateway(createPaybylink=reactions), list[Event]()
    error: PayerMaxError | None = None
    async with client_of(gateway, hooks=[events.append]) as client:
        try:
            await client.create_link(order(key))
        except PayerMaxError as caught:
            error = caught
    return events, error


async def test_a_call_that_works_tells_start_attempt_and_end() -> None:
    events, error = await told([])
    assert error is None
    facts = {
        "call_id": getattr(events[0], "call_id", None),
        "operation": "createPaybylink",
        "merchant_key": "order-1",
    }
    sent = {**facts, "number": 1, "host": "gateway.test"}
    assert [(type(event), attrs.asdict(event)) for event in events] == [
        (CallStarted, facts),
        (AttemptStarted, {**sent, "url": f"{URL}/createPaybylink"}),
        (
            AttemptFinished,
            {
                **sent,
                "elapsed": 0.0,
                "outcome": None,
                "error": None,
                "code": None,
                "status": 200,
            },
        ),
        (
            CallFinished,
            {
                **facts,
                "attempts": 1,
                "questions": 0,
                "elapsed": 0.0,
                "outcome": None,
                "error": None,
                "deferred": False,
            },
        ),
    ]


@pytest.mark.parametrize("origin", [-5000.0, 0.0, 5000.0])
async def test_times_are_told_from_the_start_of_the_call(origin: float) -> None:
    class Since(InstantClock):
        def monotonic(self) -> float:
            return origin + self.seconds

    events: list[Event] = []
    clock = Since()
    gateway = LinkGateway(createPaybylink=[not_done_without_answer])
    async with client_of(gateway, clock=clock, hooks=[events.append]) as client:
        await client.create_link(order())
    waited = sum(clock.slept)
    ends = [event for event in events if isinstance(event, CallFinished)]
    assert [event.elapsed for event in ends] == [pytest.approx(waited)]
    sends = [event for event in events if isinstance(event, AttemptFinished)]
    assert [event.elapsed for event in sends] == [0.0] * len(sends)


async def test_every_send_of_a_call_is_told_with_its_own_outcome() -> None:
    events, _ = await told([refused_connection, done_without_answer])
    ends = [event for event in events if isinstance(event, AttemptFinished)]
    assert [(end.number, end.operation, end.outcome, end.error) for end in ends] == [
        (1, "createPaybylink", Outcome.NOT_SENT, "NotSentError"),
        (2, "createPaybylink", Outcome.UNKNOWN, "NoReplyError"),
        (3, "queryPaybylink", None, None),
    ]
    waits = [event for event in events if isinstance(event, RetryScheduled)]
    assert [(wait.number, wait.delay, wait.error) for wait in waits] == [
        (1, 0.1, "NotSentError")
    ]
    last = events[-1]
    assert isinstance(last, CallFinished)
    assert (last.attempts, last.questions) == (2, 1)
    assert (last.outcome, last.error) == (None, None)


async def test_a_refusal_is_told_with_its_code_and_status() -> None:
    events, error = await told([answers("PARAMS_INVALID")])
    [end] = [event for event in events if isinstance(event, AttemptFinished)]
    assert (end.outcome, end.code, end.status) == (
        Outcome.REJECTED,
        "PARAMS_INVALID",
        200,
    )
    last = events[-1]
    assert isinstance(last, CallFinished)
    assert (last.outcome, last.error) == (Outcome.REJECTED, type(error).__name__)


@pytest.mark.parametrize(
    ("response", "status", "refused"),
    [
        (BAD_GATEWAY, 502, 0),
        (signed_reply(MERCHANT, {"x": 1}), 200, 1),
        (json_reply({"code": "APPLY_SUCCESS", "msg": "", "data": {}}), 200, 1),
    ],
    ids=["502", "forged", "unsigned"],
)
async def test_a_bad_reply_is_told_with_its_status_and_a_bad_signature_twice(
    response: HttpResponse, status: int, refused: int
) -> None:
    events, _ = await told([replies(response)])
    first = next(event for event in events if isinstance(event, AttemptFinished))
    assert first.status == status
    alarms = [event for event in events if isinstance(event, SignatureRefused)]
    assert [alarm.host for alarm in alarms] == ["gateway.test"] * refused


async def test_breaker_and_failover_are_told() -> None:
    environment = Environment(name="x", base_url=URL, backup_url="https://backup.test")
    events, clock = list[Event](), InstantClock()

    def handler(request: HttpRequest) -> HttpResponse | Exception:
        return BAD_GATEWAY if "gateway.test" in request.url else json_reply({})

    async with client_of(
        handler,
        config=attrs.evolve(CONFIG, environment=environment),
        clock=clock,
        failover=True,
        breaker=BreakerPolicy(min_calls=1),
        retry=RetryPolicy(max_attempts=2),
        hooks=[events.append],
    ) as client:
        with pytest.raises(PayerMaxError):
            await client.query_link("order-1")
    changed = [event for event in events if isinstance(event, BreakerChanged)]
    assert [(event.host, event.state) for event in changed] == [
        ("gateway.test", BreakerState.OPEN),
        ("backup.test", BreakerState.OPEN),
    ]
    [failover] = [event for event in events if isinstance(event, FailedOver)]
    assert (failover.host, failover.merchant_key) == ("backup.test", "order-1")


async def test_calls_of_all_clients_are_told_apart() -> None:
    events = list[Event]()
    async with (
        client_of(LinkGateway(), hooks=[events.append]) as one,
        client_of(LinkGateway(), hooks=[events.append]) as other,
    ):
        await asyncio.gather(
            *(
                client.create_link(order(f"order-{number}"))
                for client in (one, other)
                for number in range(5)
            )
        )
    started = [event.call_id for event in events if isinstance(event, CallStarted)]
    assert len(set(started)) == 10


# --- hooks that fail -----------------------------------------------------------


async def test_a_failing_hook_breaks_no_call_and_tells_no_secret(
    caplog: pytest.LogCaptureFixture,
) -> None:
    events = list[Event]()

    def fails(event: Event) -> None:
        raise RuntimeError(f"canary in {event}")

    gateway = LinkGateway(createPaybylink=[not_done_without_answer])
    async with client_of(gateway, hooks=[fails, events.append]) as client:
        link = await client.create_link(order())
    assert link.merchant_link_id == "order-1"
    assert len(events) >= 8, "the next hook hears everything"
    failures = [record for record in caplog.records if record.levelname == "ERROR"]
    assert len(failures) == len(events)
    for record in failures:
        assert "fails" in record.getMessage()
        assert "RuntimeError" in record.getMessage()
        assert record.exc_info is None
        assert "canary" not in repr(vars(record))


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: type(event).__name__)
def test_a_hook_without_a_name_may_fail_on_any_event(event: Event) -> None:
    class Fails:
        def __call__(self, event: Event) -> None:
            raise ValueError

    Observers([Fails()]).emit(event)


def test_an_interrupt_in_a_hook_is_not_held_up() -> None:
    def interrupted(_event: Event) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Observers([interrupted]).emit(EXAMPLES[0])


# --- the log -------------------------------------------------------------------


def ended(outcome: Outcome | None) -> Event:
    return CallFinished(
        call_id=1,
        operation="o",
        merchant_key="k",
        attempts=1,
        elapsed=0.1,
        outcome=outcome,
        error=None if outcome is None else "AnyError",
    )


PLAIN = str | int | float | bool | None


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: type(event).__name__)
def test_a_log_record_holds_the_declared_fields_and_no_others(
    event: Event, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "payermax_async")
    log_event(event)
    [record] = caplog.records
    fields = vars(record)["payermax"]
    assert set(fields) == {field.name for field in attrs.fields(type(event))}
    assert all(isinstance(value, PLAIN) for value in fields.values())
    assert record.getMessage().startswith(f"{type(event).__name__} ")
    for name, value in fields.items():
        assert f"{name}={value}" in record.getMessage()
    ours = set(vars(record)) - set(vars(logging.makeLogRecord({})))
    assert ours <= {"payermax", "message"}


@pytest.mark.parametrize(
    ("event", "level"),
    [
        (EXAMPLES[0], "DEBUG"),
        (EXAMPLES[1], "WARNING"),
        (ended(None), "INFO"),
        (ended(Outcome.REJECTED), "INFO"),
        (ended(Outcome.NOT_SENT), "WARNING"),
        (EXAMPLES[3], "DEBUG"),
        (EXAMPLES[4], "WARNING"),
        (EXAMPLES[5], "WARNING"),
        (EXAMPLES[8], "ERROR"),
    ],
)
def test_what_went_wrong_is_louder(
    event: Event, level: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "payermax_async")
    log_event(event)
    assert [record.levelname for record in caplog.records] == [level]


def test_nothing_is_logged_that_nobody_asked_for(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.ERROR, "payermax_async")
    for event in EXAMPLES[:5]:
        log_event(event)
    assert caplog.records == []


def test_a_process_that_set_up_no_logging_sees_warnings_and_errors() -> None:
    program = (
        "from payermax_async.pipeline.observe import *\n"
        "facts = dict(call_id=1, operation='o', merchant_key='order-7')\n"
        "log_event(CallStarted(**facts))\n"
        "log_event(SignatureRefused(**facts, host='h'))\n"
        "log_event(RetryScheduled(**facts, number=1, delay=1.0, error='E'))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    first, second = done.stderr.splitlines()
    assert first.startswith("SignatureRefused ")
    assert second.startswith("RetryScheduled ")
    assert "order-7" in first


# --- foreign text ----------------------------------------------------------------

FORGED = "x\nERROR payermax_async: 4111111111111111 \u202ewas refunded outcome=None"


async def test_an_unsigned_code_is_told_short_clean_and_on_one_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "payermax_async")
    code = FORGED + "4111 1111 1111 1111" + "X" * 200_000
    reply = json_reply({"code": code, "msg": "no"})
    events, error = await told([replies(reply)] * 9)
    assert error is not None
    told_codes = [
        event.code
        for event in events
        if isinstance(event, AttemptFinished) and event.code
    ]
    assert told_codes
    for shown in told_codes:
        assert len(shown) <= 64
        assert shown.isprintable()
        assert "4111" not in shown
    for record in caplog.records:
        line = record.getMessage()
        assert len(line) < 1_000
        assert line.isprintable()
        assert "411111" not in line
        assert "411111" not in repr(vars(record))


async def test_a_raw_key_forges_no_line_and_no_field(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "payermax_async")
    events, gateway = list[Event](), LinkGateway(anyCall=[replies(BAD_GATEWAY)] * 9)
    forged = signed_reply(MERCHANT, {"x": 1})
    gateway.script["anyCall"] = [replies(forged)] * 9
    async with client_of(gateway, hooks=[events.append]) as client:
        with pytest.raises(PayerMaxError):
            await client.call_raw(
                "anyCall", {"merchantLinkId": FORGED * 1_000}, version="1.4"
            )
    keys = {getattr(event, "merchant_key", "") for event in events}
    [key] = keys - {None, ""}
    assert str(key).startswith("x\\nERROR payermax_async")
    errors = [record for record in caplog.records if record.levelname == "ERROR"]
    assert errors, "a refused signature is an error"
    for record in caplog.records:
        line = record.getMessage()
        assert len(line) < 1_000
        assert line.isprintable()
        assert ' merchant_key="x\\\\nERROR' in line
        # Outside of the quotes each field stands once.
        bare = re.sub(r'"(?:[^"\\\\]|\\\\.)*"', "", line)
        assert bare.count(" outcome=") <= 1


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: type(event).__name__)
def test_no_field_of_any_event_takes_foreign_text_as_it_is(event: Event) -> None:
    for field in attrs.fields(type(event)):
        if "str" not in str(field.type):
            continue
        dirty = attrs.evolve(event, **{field.name: FORGED * 10_000})
        shown = getattr(dirty, field.name)
        assert shown.isprintable(), field.name
        assert len(shown) <= 512


def test_a_hook_and_an_error_with_a_forged_name_are_told_on_one_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fails(_event: Event) -> None:
        raise type(FORGED, (Exception,), {})

    fails.__qualname__ = FORGED
    Observers([fails]).emit(EXAMPLES[0])
    [record] = caplog.records
    assert record.getMessage().isprintable()


# --- one secret in every field -------------------------------------------------

PERSONAL = "c4n4ry"
"""Stands in fields that not even a ``repr`` of the request shows."""
BUSINESS = "b1zn3ss"
"""Stands in fields that a ``repr`` may show, but no log, event or error."""

SECRET_LINK = CreateLink(
    merchant_link_id="order-1",
    total_amount="19.90",
    currency="USD",
    country="US",
    description=f"{PERSONAL} description",
    link_description=f"{PERSONAL} on the page",
    user_info=UserInfo(user_id=f"{PERSONAL}-user", username=f"{PERSONAL} name"),
    goods_details=(
        GoodsItem(
            goods_name=f"{BUSINESS} shirt",
            goods_description=f"{PERSONAL} goods",
            price="19.90",
            goods_currency="USD",
            show_url=f"https://shop.test/{BUSINESS}",
        ),
    ),
    merchant_info=MerchantInfo(
        contact_email=f"{PERSONAL}@shop.test", logo_url=f"https://shop.test/{BUSINESS}"
    ),
    notify_url=f"https://shop.test/{BUSINESS}",
)
SECRET_REFUND = CreateRefund(
    out_refund_no="refund-1",
    refund_amount="1.00",
    refund_currency="USD",
    out_trade_no="trade-1",
    comments=f"{PERSONAL} comments",
    refund_notify_url=f"https://shop.test/{BUSINESS}",
)
SECRET_CONFIG = attrs.evolve(
    CONFIG, sp_merchant_no="SP1", merchant_auth_token=f"{PERSONAL}-token"
)
KEY = MERCHANT.to_base64()
_OURS = re.compile(r"payermax_async/(pipeline|core|signing|client)")


def leaks(text: str, words: tuple[str, ...] = (PERSONAL, BUSINESS)) -> list[str]:
    return [word for word in words if word in text] + sorted(shared_pieces(text, KEY))


def locals_of(error: BaseException) -> str:
    """The locals of the package's own frames, as a crash reporter shows them."""
    summary: traceback.TracebackException | None
    summary = traceback.TracebackException.from_exception(error, capture_locals=True)
    texts = list[str]()
    while summary is not None:
        texts += [
            f"{frame.name} {frame.locals}"
            for frame in summary.stack
            if _OURS.search(frame.filename)
        ]
        shown = None if summary.__suppress_context__ else summary.__context__
        summary = summary.__cause__ or shown
    return "\n".join(texts)


class Echoing(LinkGateway):
    """Repeats the secrets it was sent in headers and body of every answer."""

    def __init__(self, wrap: Callable[[bytes], HttpResponse | Exception]) -> None:
        super().__init__()
        self.wrap = wrap

    def __call__(self, request: HttpRequest) -> HttpResponse | Exception:
        assert PERSONAL.encode() in request.body or "uery" in request.url
        return self.wrap(request.body)


WRAPS: dict[str, Callable[[bytes], HttpResponse | Exception]] = {
    "body of a 500": lambda body: HttpResponse(
        status=500, headers=(("x-echo", PERSONAL), ("date", PERSONAL)), body=body
    ),
    "unreadable": lambda body: HttpResponse(status=200, headers=(), body=body[:-9]),
    "odd shape": lambda body: HttpResponse(status=200, headers=(), body=body),
    "wrong signature": lambda body: HttpResponse(
        status=200, headers=(("sign", "AAAA"),), body=body
    ),
    "redirect": lambda body: HttpResponse(
        status=302, headers=(("location", f"https://{PERSONAL}.test"),), body=body
    ),
    "retry-after": lambda body: HttpResponse(
        status=503, headers=(("retry-after", PERSONAL),), body=body
    ),
    "not UTF-8": lambda body: HttpResponse(status=200, headers=(), body=body + b"\xff"),
    "genuine, of another shape": lambda body: signed_reply(
        PLATFORM,
        {
            "merchantLinkId": [PERSONAL],
            "linkUrl": {PERSONAL: PERSONAL},
            "outRefundNo": [PERSONAL],
            "status": {"x": PERSONAL},
        },
    ),
    "refusal": lambda body: json_reply({"code": "PARAMS_INVALID", "msg": "no"}),
    "not sent": lambda body: NotSentError("refused"),
}


async def send(client: PayerMaxClient, request: Sent) -> None:
    if isinstance(request, CreateRefund):
        await client.refund(request)
    elif isinstance(request, CreateLink):
        await client.create_link(request)


async def secrets_of(
    wrap: Callable[[bytes], HttpResponse | Exception], request: Sent
) -> tuple[list[Event], PayerMaxError]:
    events = list[Event]()

    async def tag(
        outgoing: HttpRequest,
        attempt: object,
        call_next: CallNext,
    ) -> HttpResponse:
        events.append(CallStarted(call_id=0, operation=repr(attempt), merchant_key=""))
        return await call_next(outgoing.with_header("x-secret", PERSONAL))

    async with client_of(
        Echoing(wrap),
        config=SECRET_CONFIG,
        hooks=[events.append],
        middlewares=(tag,),
        retry=RetryPolicy(max_attempts=2),
    ) as client:
        with pytest.raises(PayerMaxError) as caught:
            await send(client, request)
    return events, caught.value


@pytest.mark.parametrize(
    "request_", [SECRET_LINK, SECRET_REFUND], ids=["link", "refund"]
)
@pytest.mark.parametrize("wrap", WRAPS)
async def test_no_log_event_or_error_holds_a_secret(
    wrap: str, request_: Sent, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    events, error = await secrets_of(WRAPS[wrap], request_)
    assert len(events) > 3
    for record in caplog.records:
        assert leaks(repr(vars(record)) + record.getMessage()) == []
    for event in events:
        assert leaks(repr(event) + repr(attrs.asdict(event))) == []
    chain: BaseException | None = error
    while chain is not None:
        assert leaks(f"{chain} {chain!r} {chain.args} {vars(chain)}") == []
        assert leaks(pickle.dumps(chain).decode("latin-1")) == []
        chain = chain.__cause__ or chain.__context__
    assert leaks("".join(traceback.format_exception(error))) == []
    assert "send {" in locals_of(error)
    assert leaks(locals_of(error), (PERSONAL,)) == []


def test_the_search_would_find_what_it_looks_for() -> None:
    assert leaks(f"x {SECRET_LINK.description}") == [PERSONAL]
    assert leaks(repr(SECRET_LINK)) == [BUSINESS]
    assert leaks(KEY[100:120])
