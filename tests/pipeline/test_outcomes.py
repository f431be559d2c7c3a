"""What a call becomes under each failure, and how often the gateway acted."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import attrs
import pytest

from payermax_async.client import PayerMaxClient
from payermax_async.config import Environment
from payermax_async.core.errors import (
    ApiError,
    ConflictError,
    HttpStatusError,
    InvalidRequestError,
    NoReplyError,
    NotFoundError,
    NotSentError,
    Outcome,
    OutcomeUnknownError,
    PayerMaxError,
    ReplyMismatchError,
    ReplySignatureError,
    TlsError,
    UnreadableReplyError,
)
from payermax_async.core.strict_json import JsonObject
from payermax_async.options import ClientOptions
from payermax_async.pipeline.chain import Attempt, CallNext
from payermax_async.pipeline.retry import RetryPolicy
from payermax_async.testing.fake import FakeTransport, json_reply
from payermax_async.testing.replies import signed_reply
from payermax_async.transport.base import HttpRequest, HttpResponse

from .gateway import (
    CONFIG,
    MERCHANT,
    PLATFORM,
    InstantClock,
    LinkGateway,
    Reaction,
    answers,
    client_of,
    create,
    done_without_answer,
    make,
    not_done_without_answer,
    order,
    refused_connection,
    replies,
)


def _other_link(gateway: LinkGateway, data: JsonObject) -> HttpResponse:
    other = make(gateway, {**data, "merchantLinkId": "somebody-else"})
    gateway.made -= 1
    return signed_reply(PLATFORM, other)


UNSIGNED_SUCCESS = json_reply({"code": "APPLY_SUCCESS", "msg": "", "data": {}})
HTML = HttpResponse(status=200, headers=(), body=b"<html>Welcome</html>")
BAD_GATEWAY = HttpResponse(status=502, headers=(), body=b"<html>oops</html>")
REDIRECT = HttpResponse(
    status=307, headers=(("location", "https://elsewhere.test"),), body=b""
)
GENUINE = signed_reply(PLATFORM, {"x": 1})
FORGED = signed_reply(MERCHANT, {"x": 1})
DOUBLED = attrs.evolve(GENUINE, headers=(*GENUINE.headers, GENUINE.headers[-1]))
ALTERED = attrs.evolve(GENUINE, body=GENUINE.body.replace(b"1", b"2"))
NO_DATA = signed_reply(PLATFORM)
NO_URL = signed_reply(PLATFORM, {"merchantLinkId": "order-1"})

# What the first create meets, what the caller's call did at the gateway, and the
# requests in order. Every one of them must end with exactly one link.
DOUBTFUL: dict[str, tuple[Reaction, list[str]]] = {
    "done, no answer": (done_without_answer, ["createPaybylink", "queryPaybylink"]),
    "not done, no answer": (
        not_done_without_answer,
        ["createPaybylink", *["queryPaybylink"] * 4, "createPaybylink"],
    ),
    "system error, done": (
        answers("SYSTEM_ERROR", done=True),
        ["createPaybylink", "queryPaybylink"],
    ),
    "system error, not done": (
        answers("SYSTEM_ERROR"),
        ["createPaybylink", *["queryPaybylink"] * 4, "createPaybylink"],
    ),
    "timeout code, done": (
        answers("REQUEST_TIMEOUT", done=True),
        ["createPaybylink", "queryPaybylink"],
    ),
    "throttled": (
        answers("TOO_MANY_REQUEST"),
        ["createPaybylink", *["queryPaybylink"] * 4, "createPaybylink"],
    ),
    "html": (
        replies(HTML),
        ["createPaybylink", *["queryPaybylink"] * 4, "createPaybylink"],
    ),
    "bad gateway": (
        replies(BAD_GATEWAY),
        ["createPaybylink", *["queryPaybylink"] * 4, "createPaybylink"],
    ),
    "redirect": (
        replies(REDIRECT),
        ["createPaybylink", *["queryPaybylink"] * 4, "createPaybylink"],
    ),
    "unsigned success": (
        replies(UNSIGNED_SUCCESS),
        ["createPaybylink", *["queryPaybylink"] * 4, "createPaybylink"],
    ),
    "forged": (
        replies(FORGED),
        ["createPaybylink", *["queryPaybylink"] * 4, "createPaybylink"],
    ),
    "two signatures": (
        replies(DOUBLED),
        ["createPaybylink", *["queryPaybylink"] * 4, "createPaybylink"],
    ),
    "altered": (
        replies(ALTERED),
        ["createPaybylink", *["queryPaybylink"] * 4, "createPaybylink"],
    ),
    "no data": (
        replies(NO_DATA),
        ["createPaybylink", *["queryPaybylink"] * 4, "createPaybylink"],
    ),
    "no address in the data": (
        replies(NO_URL),
        ["createPaybylink", *["queryPaybylink"] * 4, "createPaybylink"],
    ),
    "another link": (
        _other_link,
        ["createPaybylink", *["queryPaybylink"] * 4, "createPaybylink"],
    ),
}


@pytest.mark.parametrize("case", DOUBTFUL)
async def test_a_create_in_doubt_ends_with_exactly_one_link(case: str) -> None:
    reaction, expected = DOUBTFUL[case]
    gateway = LinkGateway(createPaybylink=[reaction])
    async with client_of(gateway) as client:
        link = await client.create_link(order())
    assert link.merchant_link_id == "order-1"
    assert gateway.made == 1
    assert gateway.names() == expected


async def test_a_create_is_repeated_at_once_when_nothing_was_sent() -> None:
    gateway = LinkGateway(createPaybylink=[refused_connection, refused_connection])
    async with client_of(gateway) as client:
        await client.create_link(order())
    assert gateway.names() == ["createPaybylink"] * 3
    assert gateway.made == 1


async def test_a_repeated_create_changes_the_time_and_nothing_else() -> None:
    gateway = LinkGateway(createPaybylink=[not_done_without_answer])
    async with client_of(gateway) as client:
        await client.create_link(order())
    first, *_, last = [body for name, body in gateway.calls if "create" in name]
    assert first["data"] == last["data"]
    assert first["requestTime"] != last["requestTime"]


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("PARAMS_INVALID", InvalidRequestError),
        ("CONTRACT_INVALID", ApiError),
    ],
)
async def test_a_definite_refusal_is_final(
    code: str, kind: type[PayerMaxError]
) -> None:
    gateway = LinkGateway(createPaybylink=[answers(code)])
    async with client_of(gateway) as client:
        with pytest.raises(kind) as caught:
            await client.create_link(order())
    assert isinstance(caught.value, ApiError)
    assert caught.value.code == code
    assert caught.value.outcome is Outcome.REJECTED
    assert caught.value.verified
    assert caught.value.merchant_key == "order-1"
    assert gateway.names() == ["createPaybylink"]


async def test_a_duplicate_after_an_attempt_of_our_own_is_no_error() -> None:
    def appears(gateway: LinkGateway, data: JsonObject) -> HttpResponse:
        # The first request is processed only now, before the second arrives.
        make(gateway, data)
        return create(gateway, data)

    gateway = LinkGateway(createPaybylink=[not_done_without_answer, appears])
    async with client_of(gateway) as client:
        link = await client.create_link(order())
    assert link.link_id == "L1"
    assert gateway.made == 1


async def test_a_link_that_differs_is_a_conflict_not_a_result() -> None:
    def other_amount(gateway: LinkGateway, data: JsonObject) -> Exception:
        return done_without_answer(gateway, {**data, "totalAmount": "21.00"})

    gateway = LinkGateway(createPaybylink=[other_amount])
    async with client_of(gateway) as client:
        with pytest.raises(ConflictError) as caught:
            await client.create_link(order())
    assert caught.value.differences == ("total_amount",)


async def test_a_query_that_lags_behind_does_not_make_a_second_link() -> None:
    not_yet = answers("ORDER_NOT_EXIST")
    gateway = LinkGateway(
        createPaybylink=[done_without_answer], queryPaybylink=[not_yet, not_yet]
    )
    async with client_of(gateway) as client:
        await client.create_link(order())
    assert gateway.made == 1
    assert gateway.names().count("createPaybylink") == 1


async def test_what_cannot_be_settled_is_named_unknown_with_its_id() -> None:
    gateway = LinkGateway(
        createPaybylink=[done_without_answer],
        queryPaybylink=[not_done_without_answer] * 50,
    )
    async with client_of(gateway) as client:
        with pytest.raises(OutcomeUnknownError) as caught:
            await client.create_link(order())
        error = caught.value
        assert error.outcome is Outcome.UNKNOWN
        assert error.merchant_key == "order-1"
        assert error.operation == "createPaybylink"
        assert "NoReplyError" in error.reason
        gateway.script["queryPaybylink"].clear()
        found = await client.resolve(error)
    assert found is not None
    assert gateway.made == 1


async def test_resolve_says_none_only_after_asking_repeatedly() -> None:
    clock = InstantClock()
    gateway = LinkGateway()
    async with client_of(gateway, clock=clock) as client:
        assert await client.resolve(order()) is None
    assert gateway.names() == ["queryPaybylink"] * 4
    assert clock.slept == [1.0, 4.0, 15.0]


async def test_resolve_with_the_request_compares_what_exists() -> None:
    gateway = LinkGateway()
    async with client_of(gateway) as client:
        await client.create_link(order(amount="1.00"))
        with pytest.raises(ConflictError):
            await client.resolve(order(amount="2.00"))


async def test_a_read_is_repeated_until_it_is_answered() -> None:
    gateway = LinkGateway(
        queryPaybylink=[not_done_without_answer, replies(HTML), replies(BAD_GATEWAY)]
    )
    async with client_of(gateway) as client:
        await client.create_link(order())
        details = await client.query_link("order-1")
    assert details.link_id == "L1"
    assert gateway.names().count("queryPaybylink") == 4


@pytest.mark.parametrize(
    ("response", "kind"),
    [
        (UNSIGNED_SUCCESS, ReplySignatureError),
        (FORGED, ReplySignatureError),
        (DOUBLED, ReplySignatureError),
        (ALTERED, ReplySignatureError),
        (HTML, UnreadableReplyError),
        (NO_DATA, UnreadableReplyError),
        (BAD_GATEWAY, HttpStatusError),
        (REDIRECT, HttpStatusError),
        (
            signed_reply(
                PLATFORM,
                {"merchantLinkId": "x", "totalAmount": "1", "currency": "USD"},
            ),
            ReplyMismatchError,
        ),
        (signed_reply(PLATFORM, code="ORDER_NOT_EXIST"), NotFoundError),
    ],
)
async def test_every_bad_reply_has_its_own_error_and_names_the_link(
    response: HttpResponse, kind: type[PayerMaxError]
) -> None:
    gateway = LinkGateway(queryPaybylink=[replies(response)] * 9)
    once = RetryPolicy(max_attempts=1)
    async with client_of(gateway, retry=once) as client:
        with pytest.raises(kind) as caught:
            await client.query_link("order-1")
    assert caught.value.merchant_key == "order-1"
    assert caught.value.operation == "queryPaybylink"
    assert caught.value.attempts == 1


@pytest.mark.parametrize("trusted", [True, False])
async def test_an_unsigned_refusal_counts_only_if_the_merchant_says_so(
    trusted: bool,
) -> None:
    unsigned = json_reply({"code": "PARAMS_INVALID", "msg": "no"})
    gateway = LinkGateway(createPaybylink=[replies(unsigned)])
    config = attrs.evolve(CONFIG, trust_unsigned_failures=trusted)
    async with client_of(gateway, config=config) as client:
        if trusted:
            with pytest.raises(InvalidRequestError) as caught:
                await client.create_link(order())
            assert not caught.value.verified
            assert gateway.made == 0
        else:
            await client.create_link(order())
            assert gateway.made == 1
            assert "queryPaybylink" in gateway.names()


async def test_an_unsigned_not_found_does_not_let_a_distrusting_client_resend() -> None:
    unsigned = json_reply({"code": "ORDER_NOT_EXIST", "msg": "no"})
    gateway = LinkGateway(
        createPaybylink=[done_without_answer], queryPaybylink=[replies(unsigned)] * 99
    )
    config = attrs.evolve(CONFIG, trust_unsigned_failures=False)
    async with client_of(gateway, config=config) as client:
        with pytest.raises(OutcomeUnknownError):
            await client.create_link(order())
    assert gateway.made == 1
    assert gateway.names().count("createPaybylink") == 1


@pytest.mark.parametrize("strict", ["configured", "by the transport"])
@pytest.mark.parametrize("attempts", [1, 2, 5])
async def test_an_absence_that_nobody_signed_or_vouches_for_lets_nothing_be_sent_again(
    strict: str, attempts: int
) -> None:
    unsigned = json_reply({"code": "ORDER_NOT_EXIST", "msg": "no"})
    gateway = LinkGateway(
        createPaybylink=[done_without_answer], queryPaybylink=[replies(unsigned)] * 99
    )
    trusting = strict != "configured"
    config = attrs.evolve(CONFIG, trust_unsigned_failures=trusting)
    client = PayerMaxClient(
        config,
        transport=Unvouched(gateway) if trusting else FakeTransport(gateway),
        clock=InstantClock(),
        # Few enough that the budget for retries is not what ends it.
        options=ClientOptions(retry=RetryPolicy(max_attempts=attempts)),
    )
    async with client:
        with pytest.raises(OutcomeUnknownError) as caught:
            await client.create_link(order())
        with pytest.raises(OutcomeUnknownError):
            await client.resolve(caught.value)
        with pytest.raises(OutcomeUnknownError):
            await client.resolve(order())
    assert gateway.names().count("createPaybylink") == gateway.made == 1


class Unvouched(FakeTransport):
    """Says of no address that the answer can only come from there."""

    def vouches_for(self, url: str) -> bool:
        return False


@pytest.mark.parametrize("done", [True, False])
@pytest.mark.parametrize(
    "code", ["GATEWAY_TIMEOUT", "504", "FAIL", "BACKEND_UNREACHABLE"]
)
async def test_an_unsigned_code_that_nobody_published_is_no_refusal(
    code: str, done: bool
) -> None:
    def proxy(gateway: LinkGateway, data: JsonObject) -> HttpResponse:
        if done:
            make(gateway, data)
        return json_reply({"code": code, "msg": "upstream timed out"})

    gateway = LinkGateway(createPaybylink=[proxy])
    async with client_of(gateway) as client:
        link = await client.create_link(order())
    assert link.link_id == "L1"
    assert gateway.made == 1


async def test_an_unsigned_refusal_counts_only_where_nobody_could_make_it_up() -> None:
    unsigned = json_reply({"code": "PARAMS_INVALID", "msg": "no"})

    class Mute:
        """A transport that says nothing about whom it talks to."""

        def __init__(self) -> None:
            self.inner = FakeTransport(lambda _request: unsigned)
            self.open, self.aclose = self.inner.open, self.inner.aclose
            self.send = self.inner.send

    elsewhere = Environment.at("https://gateway.test/aggregate-pay/api/gateway")
    here = Environment.at("http://127.0.0.1:1/aggregate-pay/api/gateway")
    for environment, expected in (
        (elsewhere, Outcome.UNKNOWN),
        (here, Outcome.REJECTED),
    ):
        config = attrs.evolve(CONFIG, environment=environment)
        once = ClientOptions(retry=RetryPolicy(max_attempts=1))
        async with PayerMaxClient(config, transport=Mute(), options=once) as client:
            with pytest.raises(InvalidRequestError) as caught:
                await client.query_link("order-1")
        assert caught.value.outcome is expected


async def test_a_request_that_was_led_elsewhere_gets_no_trusted_refusal() -> None:
    async def lead_away(
        request: HttpRequest, attempt: Attempt, call_next: CallNext
    ) -> HttpResponse:
        plain = request.url.replace("https:", "http:")
        return await call_next(attrs.evolve(request, url=plain))

    unsigned = json_reply({"code": "PARAMS_INVALID", "msg": "no"})
    gateway = LinkGateway(queryPaybylink=[replies(unsigned)] * 9)
    once = RetryPolicy(max_attempts=1)
    async with client_of(gateway, middlewares=(lead_away,), retry=once) as client:
        with pytest.raises(InvalidRequestError) as caught:
            await client.query_link("order-1")
    assert caught.value.outcome is Outcome.UNKNOWN


async def test_a_refused_certificate_is_not_tried_again() -> None:
    tries = 0

    def handler(_request: HttpRequest) -> Exception:
        nonlocal tries
        tries += 1
        return TlsError("certificate has expired")

    async with client_of(handler) as client:
        with pytest.raises(TlsError):
            await client.query_link("order-1")
    assert tries == 1


async def test_the_deadline_ends_retries_and_the_error_counts_them() -> None:
    clock = InstantClock()
    gateway = LinkGateway(queryPaybylink=[refused_connection] * 99)
    patient = RetryPolicy(max_attempts=99, draw=lambda _low, high: high)
    async with client_of(gateway, clock=clock, retry=patient) as client:
        with pytest.raises(NotSentError) as caught:
            await client.query_link("order-1", timeout=10.0)
    assert clock.seconds < 10.0
    assert caught.value.attempts == len(gateway.calls)
    assert f"after {len(gateway.calls)} attempts" in caught.value.__notes__[0]


async def test_what_the_gateway_asks_to_wait_is_never_shortened() -> None:
    clock = InstantClock()
    busy = attrs.evolve(BAD_GATEWAY, status=503, headers=(("Retry-After", "3"),))
    gateway = LinkGateway(queryPaybylink=[replies(busy)])
    eager = RetryPolicy(draw=lambda low, _high: low)
    async with client_of(gateway, clock=clock, retry=eager) as client:
        await client.create_link(order())
        await client.query_link("order-1")
    assert clock.slept == [3.0]


@pytest.mark.parametrize(
    "value", ["-1", "1e9", "abc", "", "9" * 10_000, "Thu, 01 Jan 1970 00:00:00 GMT"]
)
async def test_nonsense_in_retry_after_is_ignored(value: str) -> None:
    clock = InstantClock()
    busy = attrs.evolve(BAD_GATEWAY, status=503, headers=(("Retry-After", value),))
    gateway = LinkGateway(queryPaybylink=[replies(busy)])
    async with client_of(gateway, clock=clock) as client:
        await client.create_link(order())
        await client.query_link("order-1")
    assert clock.slept == [0.1]


async def test_a_wait_beyond_the_cap_fails_at_once() -> None:
    clock = InstantClock()
    busy = attrs.evolve(BAD_GATEWAY, status=503, headers=(("Retry-After", "3600"),))
    gateway = LinkGateway(queryPaybylink=[replies(busy)] * 9)
    async with client_of(gateway, clock=clock) as client:
        with pytest.raises(HttpStatusError) as caught:
            await client.query_link("order-1")
    assert caught.value.retry_after == 3600
    assert clock.slept == []


async def test_a_cancelled_call_is_cancelled_and_the_next_one_is_clean() -> None:
    started = asyncio.Event()

    async def hang(_request: HttpRequest) -> HttpResponse:
        started.set()
        await asyncio.Event().wait()
        return GENUINE  # pragma: no cover - never reached

    gateway = LinkGateway()

    async def handler(request: HttpRequest) -> HttpResponse | Exception:
        return gateway(request) if started.is_set() else await hang(request)

    async with client_of(handler, max_in_flight=1) as client:
        task = asyncio.create_task(client.query_link("order-1"))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await client.create_link(order())
    assert gateway.made == 1


async def test_time_is_stamped_after_waiting_for_a_free_slot() -> None:
    clock = InstantClock()
    release = asyncio.Event()
    gateway = LinkGateway()
    times: list[object] = []

    async def handler(request: HttpRequest) -> HttpResponse | Exception:
        await release.wait()
        answer = gateway(request)
        times.append(gateway.calls[-1][1]["requestTime"])
        return answer

    async with client_of(handler, clock=clock, max_in_flight=1) as client:
        first = asyncio.create_task(client.create_link(order("a")))
        second = asyncio.create_task(client.create_link(order("b")))
        for _ in range(5):
            await asyncio.sleep(0)
        clock.seconds += 50
        release.set()
        await asyncio.gather(first, second)
    early, late = sorted(str(time) for time in times)
    assert early == (clock.now() - timedelta(seconds=50)).isoformat(
        timespec="milliseconds"
    )
    assert late == clock.now().isoformat(timespec="milliseconds")


def _withdraw(gateway: LinkGateway, data: JsonObject) -> HttpResponse:
    link = gateway.links[str(data["merchantLinkId"])]
    if link["linkStatus"] == "EXPIRED":
        return signed_reply(PLATFORM, code="ORDER_CLOSED")
    link["linkStatus"] = "EXPIRED"
    return signed_reply(PLATFORM, {**link, "linkStatus": "ACTIVE"})


def _withdraw_without_answer(gateway: LinkGateway, data: JsonObject) -> Exception:
    _withdraw(gateway, data)
    return NoReplyError("cut")


async def test_a_withdrawal_whose_answer_was_lost_is_recognised() -> None:
    gateway = LinkGateway(expirePaybylink=[_withdraw_without_answer, _withdraw])
    async with client_of(gateway) as client:
        await client.create_link(order())
        expired = await client.expire_link("order-1")
    assert expired.link_status == "EXPIRED"


async def test_a_refused_withdrawal_of_a_live_link_stays_refused() -> None:
    gateway = LinkGateway(
        expirePaybylink=[not_done_without_answer, answers("ORDER_CLOSE_FAILED")]
    )
    async with client_of(gateway) as client:
        await client.create_link(order())
        with pytest.raises(ApiError) as caught:
            await client.expire_link("order-1")
    assert caught.value.outcome is Outcome.REJECTED


async def test_a_withdrawal_that_cannot_be_settled_is_named_unknown() -> None:
    gateway = LinkGateway(expirePaybylink=[not_done_without_answer] * 9)
    async with client_of(gateway) as client:
        await client.create_link(order())
        with pytest.raises(OutcomeUnknownError) as caught:
            await client.expire_link("order-1")
        found = await client.resolve(caught.value)
    assert caught.value.operation == "expirePaybylink"
    assert found is not None


async def test_what_cannot_be_resolved_is_told_as_the_write_and_not_the_question() -> (
    None
):
    gateway = LinkGateway(queryPaybylink=[answers("SYSTEM_ERROR")] * 5)
    async with client_of(gateway) as client:
        with pytest.raises(OutcomeUnknownError) as caught:
            await client.resolve(order())
    assert str(caught.value).startswith("createPaybylink of order-1 may or may not")
