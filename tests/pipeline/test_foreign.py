"""Parts of the application that fail: what has left is a fact, whatever they raise."""

from __future__ import annotations

import asyncio
import pickle
import threading
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import cast

import attrs
import pytest

from payermax_async.client import PayerMaxClient
from payermax_async.core.errors import (
    ApiError,
    ClientStateError,
    ConflictError,
    ExtensionError,
    NoReplyError,
    NotFoundError,
    NotSentError,
    Outcome,
    OutcomeUnknownError,
    PayerMaxError,
    SignatureError,
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
    PLATFORM,
    InstantClock,
    LinkGateway,
    QuickSigner,
    client_of,
    done_without_answer,
    make,
    order,
    refused_connection,
    replies,
)

SECRET = "p4ssw0rd of the key service"


class MyError(PayerMaxError):
    """An error that an application derived."""


RAISED: dict[str, Callable[[], BaseException]] = {
    "plain": lambda: PayerMaxError("disliked"),
    "derived": lambda: MyError("disliked"),
    "not sent": lambda: NotSentError("disliked"),
    "not sent, though unknown": lambda: NotSentError("x", outcome=Outcome.UNKNOWN),
    "client state": lambda: ClientStateError("disliked"),
    "signature": lambda: SignatureError("disliked"),
    "refused": lambda: ApiError("disliked", code="PARAMS_INVALID", verified=True),
    "absent": lambda: NotFoundError("no", code="ORDER_NOT_EXIST", verified=True),
    "stamped too late": lambda: ApiError("no", code="REQ_TIME_OVER_TIME"),
    "taken": lambda: ConflictError("taken", code="ORDER_REPEAT", verified=True),
    "unanswered": lambda: NoReplyError("cut"),
    "value": lambda: ValueError(SECRET),
    "connection": lambda: ConnectionError(SECRET),
    "time": lambda: TimeoutError(SECRET),
    "group": lambda: ExceptionGroup(SECRET, [ValueError(SECRET)]),
    "cancelled by nobody": lambda: asyncio.CancelledError(SECRET),
}

every_error = pytest.mark.parametrize("error", RAISED.values(), ids=list(RAISED))


def creates(gateway: LinkGateway) -> int:
    return gateway.names().count("createPaybylink")


# --- after the request has left -----------------------------------------------


def dislikes(error: Callable[[], BaseException], *operations: str) -> object:
    async def dislike(
        request: HttpRequest, attempt: Attempt, call_next: CallNext
    ) -> HttpResponse:
        response = await call_next(request)
        if attempt.operation in operations:
            raise error()
        return response

    return dislike


def with_middleware(gateway: LinkGateway, *middlewares: object) -> PayerMaxClient:
    return client_of(gateway, middlewares=cast("tuple[()]", middlewares))


@every_error
async def test_a_middleware_that_dislikes_an_answer_makes_no_second_link(
    error: Callable[[], BaseException],
) -> None:
    gateway = LinkGateway()
    middleware = dislikes(error, "createPaybylink")
    async with with_middleware(gateway, middleware) as client:
        link = await client.create_link(order())
    assert link.link_id == "L1"
    assert gateway.names() == ["createPaybylink", "queryPaybylink"]


@every_error
async def test_what_fails_on_the_settling_question_does_not_lose_the_doubt(
    error: Callable[[], BaseException],
) -> None:
    gateway = LinkGateway()
    middleware = dislikes(error, "createPaybylink", "queryPaybylink")
    async with with_middleware(gateway, middleware) as client:
        with pytest.raises(OutcomeUnknownError) as caught:
            await client.create_link(order())
    failure = caught.value
    assert failure.outcome is Outcome.UNKNOWN
    assert (failure.operation, failure.merchant_key) == ("createPaybylink", "order-1")
    assert failure.attempts + failure.questions == len(gateway.calls)
    assert SECRET not in str(failure) + failure.reason
    assert creates(gateway) == gateway.made == 1


@every_error
async def test_after_the_send_nobody_is_told_that_it_did_not_leave(
    error: Callable[[], BaseException],
) -> None:
    once = RetryPolicy(max_attempts=1)
    middleware = dislikes(error, "queryPaybylink")
    chain = cast("tuple[()]", (middleware,))
    async with client_of(LinkGateway(), middlewares=chain, retry=once) as client:
        with pytest.raises(PayerMaxError) as caught:
            await client.query_link("order-1")
    assert not isinstance(caught.value, NotSentError)
    assert caught.value.outcome is Outcome.UNKNOWN
    assert caught.value.merchant_key == "order-1"


class Verdicts:
    """A verifier that does what it is told, one operation after the other."""

    def __init__(self, *verdicts: Callable[[], Awaitable[object]]) -> None:
        self.verdicts = list(verdicts)

    async def verify(self, payload: bytes, signature: str) -> None:
        if self.verdicts:
            # What it is declared to return, it need not return.
            return cast("None", await self.verdicts.pop(0)())
        return None


def raises(error: Callable[[], BaseException]) -> Callable[[], Awaitable[object]]:
    async def verdict() -> object:
        raise error()

    return verdict


def returns(value: object) -> Callable[[], Awaitable[object]]:
    async def verdict() -> object:
        return value

    return verdict


def with_parts(
    handler: object,
    *,
    verifier: object = None,
    signer: object = None,
    transport: object = None,
    clock: InstantClock | None = None,
    attempt_timeout: float = 15.0,
    max_attempts: int = 5,
) -> PayerMaxClient:
    return PayerMaxClient(
        CONFIG,
        transport=cast("FakeTransport | None", transport)
        or FakeTransport(cast("LinkGateway", handler)),
        clock=clock or InstantClock(),
        signer=cast("QuickSigner", signer or QuickSigner()),
        verifier=cast("Verdicts | None", verifier),
        options=ClientOptions(
            attempt_timeout=attempt_timeout,
            retry=RetryPolicy(max_attempts=max_attempts, draw=lambda _low, high: high),
        ),
    )


@every_error
async def test_a_verifier_that_fails_makes_no_second_link(
    error: Callable[[], BaseException],
) -> None:
    gateway = LinkGateway()
    async with with_parts(gateway, verifier=Verdicts(raises(error))) as client:
        link = await client.create_link(order())
    assert link.link_id == "L1"
    assert creates(gateway) == gateway.made == 1


@pytest.mark.parametrize("value", [False, True, 0, "", "ok", object()])
async def test_a_verifier_that_returns_anything_is_named_and_believed_nothing(
    value: object,
) -> None:
    gateway = LinkGateway()
    verifier = Verdicts(*[returns(value)] * 50)
    async with with_parts(gateway, verifier=verifier) as client:
        with pytest.raises(OutcomeUnknownError, match="createPaybylink") as caught:
            await client.create_link(order())
        assert "Verdicts returned" in caught.value.reason
        with pytest.raises(ExtensionError, match="Verdicts returned") as read:
            await client.query_link("order-1")
    assert (read.value.part, read.value.outcome) == ("verifier", Outcome.UNKNOWN)
    assert creates(gateway) == 1


async def test_a_verifier_that_hangs_ends_at_the_limit_of_the_attempt() -> None:
    gateway = LinkGateway()
    verifier = Verdicts(lambda: cast("Awaitable[object]", asyncio.Event().wait()))
    async with with_parts(gateway, verifier=verifier, attempt_timeout=0.5) as client:
        link = await client.create_link(order())
    assert link.link_id == "L1"
    assert gateway.names() == ["createPaybylink", "queryPaybylink"]


async def test_what_a_part_raised_is_the_cause_and_its_text_is_told_nowhere() -> None:
    gateway = LinkGateway()
    verifier = Verdicts(raises(lambda: ConnectionError(SECRET)))
    async with with_parts(gateway, verifier=verifier, max_attempts=1) as client:
        with pytest.raises(ExtensionError) as caught:
            await client.query_link("order-1")
    error = caught.value
    assert isinstance(error.__cause__, ConnectionError)
    assert (error.part, error.failure) == ("verifier", "ConnectionError")
    assert (error.operation, error.merchant_key) == ("queryPaybylink", "order-1")
    assert (error.attempts, error.outcome) == (1, Outcome.UNKNOWN)
    copied = pickle.loads(pickle.dumps(error))
    assert vars(copied) == vars(error)
    assert SECRET not in str(error) + repr(error) + repr(vars(error))
    assert SECRET.encode() not in pickle.dumps(error)


# --- before it has left -------------------------------------------------------


@every_error
async def test_a_middleware_that_refuses_is_asked_once_and_nothing_was_sent(
    error: Callable[[], BaseException],
) -> None:
    asked = 0

    async def refuse(
        request: HttpRequest, attempt: Attempt, call_next: CallNext
    ) -> HttpResponse:
        nonlocal asked
        asked += 1
        raise error()

    gateway = LinkGateway()
    async with with_middleware(gateway, refuse) as client:
        with pytest.raises(PayerMaxError) as caught:
            await client.create_link(order())
    assert caught.value.outcome is Outcome.NOT_SENT
    assert caught.value.merchant_key == "order-1"
    assert caught.value.attempts == asked == 1
    assert caught.value.most_attempts == 1
    assert gateway.calls == []


async def test_an_own_error_of_a_middleware_that_refuses_comes_out_as_it_is() -> None:
    refusal = MyError("over the merchant's own limit")

    async def refuse(
        request: HttpRequest, attempt: Attempt, call_next: CallNext
    ) -> HttpResponse:
        raise refusal

    async with with_middleware(LinkGateway(), refuse) as client:
        with pytest.raises(MyError) as caught:
            await client.create_link(order())
    assert caught.value is refusal


async def test_what_only_passes_a_middleware_is_not_its_refusal() -> None:
    async def translate(
        request: HttpRequest, attempt: Attempt, call_next: CallNext
    ) -> HttpResponse:
        try:
            return await call_next(request)
        except NotSentError as error:
            error.add_note("seen")
            raise

    gateway = LinkGateway(createPaybylink=[refused_connection] * 2)
    async with with_middleware(gateway, translate) as client:
        await client.create_link(order())
    assert creates(gateway) == 3


class Signatures:
    """A signer that fails as often as it is told."""

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def sign(self, payload: bytes) -> str:
        self.asked += 1
        if not self.answers:
            return "c2lnbmF0dXJl"
        answer = self.answers.pop(0)
        if callable(answer):
            raise cast("Callable[[], Exception]", answer)()
        return cast("str", answer)


UNUSABLE = [None, "", " ", 5, b"c2ln", "a\r\nb", "a\nb", "a\x00b", "é", "\udcff", " a"]
REPEATED = [
    name for name in RAISED if name not in {"client state", "not sent, though unknown"}
]


@pytest.mark.parametrize("value", UNUSABLE)
async def test_a_signature_that_no_header_can_hold_is_asked_for_again(
    value: object,
) -> None:
    gateway, signer = LinkGateway(), Signatures(value)
    async with with_parts(gateway, signer=signer, verifier=Verdicts()) as client:
        await client.create_link(order())
    assert gateway.names() == ["createPaybylink"]
    assert signer.asked == 2


@pytest.mark.parametrize("name", REPEATED)
async def test_a_signer_that_fails_is_asked_again_by_the_policy(name: str) -> None:
    gateway, signer = LinkGateway(), Signatures(RAISED[name], RAISED[name])
    async with with_parts(gateway, signer=signer, verifier=Verdicts()) as client:
        await client.create_link(order())
    assert gateway.names() == ["createPaybylink"]
    assert signer.asked == 3


@pytest.mark.parametrize("answer", [None, *RAISED.values()])
async def test_a_signer_that_never_signs_leaves_nothing_done(answer: object) -> None:
    gateway, signer = LinkGateway(), Signatures(*[answer] * 50)
    async with with_parts(gateway, signer=signer) as client:
        with pytest.raises(PayerMaxError) as caught:
            await client.create_link(order())
    assert caught.value.outcome is Outcome.NOT_SENT
    assert caught.value.merchant_key == "order-1"
    assert gateway.calls == []


async def test_a_signer_that_fails_on_a_resend_keeps_the_doubt() -> None:
    def lost(_gateway: LinkGateway, _data: JsonObject) -> Exception:
        return NoReplyError("cut")

    gateway = LinkGateway(createPaybylink=[lost])
    signer = Signatures("c2ln", *[ConnectionError] * 50)
    async with with_parts(gateway, signer=signer, verifier=Verdicts()) as client:
        with pytest.raises(OutcomeUnknownError) as caught:
            await client.create_link(order())
    assert caught.value.outcome is Outcome.UNKNOWN


# --- what a middleware may not do ---------------------------------------------


@pytest.mark.parametrize("lost", [False, True])
async def test_a_second_question_for_an_answer_sends_nothing(lost: bool) -> None:
    second: list[BaseException] = []

    async def twice(
        request: HttpRequest, attempt: Attempt, call_next: CallNext
    ) -> HttpResponse:
        try:
            first = await call_next(request)
        except NoReplyError:
            return await call_next(request)
        with pytest.raises(ExtensionError, match="twice") as caught:
            await call_next(request)
        second.append(caught.value)
        return first

    def lose(gateway: LinkGateway, data: JsonObject) -> Exception:
        return NoReplyError("cut")

    gateway = LinkGateway(createPaybylink=[lose] if lost else [])
    async with with_middleware(gateway, twice) as client:
        await client.create_link(order())
    # When the first was lost, asking comes before sending again.
    asked = ["queryPaybylink"] * 4 if lost else []
    again = ["createPaybylink"] if lost else []
    assert gateway.names() == ["createPaybylink", *asked, *again]
    assert all(isinstance(error, ExtensionError) for error in second)


async def test_two_questions_at_the_same_time_send_once() -> None:
    async def race(
        request: HttpRequest, attempt: Attempt, call_next: CallNext
    ) -> HttpResponse:
        first, _ = await asyncio.gather(
            call_next(request), call_next(request), return_exceptions=True
        )
        assert isinstance(first, HttpResponse)
        return first

    gateway = LinkGateway()
    async with with_middleware(gateway, race) as client:
        await client.create_link(order())
    assert gateway.names() == ["createPaybylink"]


async def test_an_error_that_is_changed_on_its_way_out_takes_nothing_back() -> None:
    async def belittle(
        request: HttpRequest, attempt: Attempt, call_next: CallNext
    ) -> HttpResponse:
        try:
            return await call_next(request)
        except PayerMaxError as error:
            error.outcome = Outcome.NOT_SENT
            raise

    gateway = LinkGateway(createPaybylink=[done_without_answer])
    async with with_middleware(gateway, belittle) as client:
        link = await client.create_link(order())
    assert link.link_id == "L1"
    assert gateway.names() == ["createPaybylink", "queryPaybylink"]


@pytest.mark.parametrize("turns", range(8))
async def test_what_leaves_after_its_middleware_gave_up_is_not_called_unsent(
    turns: int,
) -> None:
    tasks: list[asyncio.Task[HttpResponse]] = []

    async def abandon(
        request: HttpRequest, attempt: Attempt, call_next: CallNext
    ) -> HttpResponse:
        if attempt.operation != "createPaybylink":
            return await call_next(request)

        async def go_on() -> HttpResponse:
            return await call_next(request)

        tasks.append(asyncio.create_task(go_on()))
        for _ in range(turns):
            await asyncio.sleep(0)
        raise ValueError(SECRET)

    gateway = LinkGateway()
    async with client_of(
        gateway, middlewares=(abandon,), signer=QuickSigner()
    ) as client:
        try:
            await client.create_link(order())
        except PayerMaxError as error:
            outcome: Outcome | None = error.outcome
        else:
            outcome = None
        await asyncio.gather(*tasks, return_exceptions=True)
    assert gateway.made <= 1
    assert (outcome is Outcome.NOT_SENT) == (gateway.made == 0)


OWN: dict[str, object] = {
    "refusal": json_reply({"code": "PARAMS_INVALID", "msg": "no"}),
    "absence": json_reply({"code": "ORDER_NOT_EXIST", "msg": "no"}),
    "success": json_reply({"code": "APPLY_SUCCESS", "msg": "", "data": {}}),
    "page": HttpResponse(status=502, body=b"<html>"),
    "nothing": None,
}


@pytest.mark.parametrize("own", OWN.values(), ids=list(OWN))
async def test_an_own_answer_after_the_send_settles_nothing(own: object) -> None:
    async def answer(
        request: HttpRequest, attempt: Attempt, call_next: CallNext
    ) -> HttpResponse:
        response = await call_next(request)
        own_one = attempt.operation == "createPaybylink"
        return cast("HttpResponse", own) if own_one else response

    gateway = LinkGateway()
    async with with_middleware(gateway, answer) as client:
        link = await client.create_link(order())
    assert link.link_id == "L1"
    assert gateway.names() == ["createPaybylink", "queryPaybylink"]


@pytest.mark.parametrize("own", OWN.values(), ids=list(OWN))
async def test_an_own_answer_before_the_send_is_none(own: object) -> None:
    async def answer(
        request: HttpRequest, attempt: Attempt, call_next: CallNext
    ) -> HttpResponse:
        return cast("HttpResponse", own)

    gateway = LinkGateway()
    async with with_middleware(gateway, answer) as client:
        for call in (
            lambda: client.create_link(order()),
            lambda: client.query_link("x"),
        ):
            with pytest.raises(ExtensionError, match="of its own") as caught:
                await call()
            assert caught.value.outcome is Outcome.NOT_SENT
            assert caught.value.attempts == 1
    assert gateway.calls == []


async def test_a_copy_of_the_answer_with_another_status_changes_nothing() -> None:
    async def embellish(
        request: HttpRequest, attempt: Attempt, call_next: CallNext
    ) -> HttpResponse:
        response = await call_next(request)
        return attrs.evolve(response, status=200, headers=())

    def page(gateway: LinkGateway, data: JsonObject) -> HttpResponse:
        return json_reply({"code": "PARAMS_INVALID", "msg": ""}, status=502)

    gateway = LinkGateway(createPaybylink=[page])
    async with with_middleware(gateway, embellish) as client:
        await client.create_link(order())
    assert "queryPaybylink" in gateway.names()


async def test_nothing_leaves_for_an_attempt_that_is_over() -> None:
    gateway, kept = LinkGateway(), list[Callable[[], Awaitable[HttpResponse]]]()

    async def keep(
        request: HttpRequest, attempt: Attempt, call_next: CallNext
    ) -> HttpResponse:
        kept.append(lambda: call_next(request))
        raise MyError("later")

    async with with_middleware(gateway, keep) as client:
        with pytest.raises(MyError):
            await client.create_link(order())
        with pytest.raises(NotSentError, match="over"):
            await kept[0]()
    assert gateway.calls == []


# --- foreign transports -------------------------------------------------------


class Transporting:
    """A transport that does what it is told."""

    def __init__(self, gateway: LinkGateway, *, told: bool, end: object) -> None:
        self.error = cast("Callable[[], Exception]", end) if callable(end) else None
        self.gateway = gateway
        self.told = told
        self.end = end

    async def open(self) -> None: ...

    async def aclose(self) -> None: ...

    async def send(
        self, request: HttpRequest, *, timeout: float, on_sent: Callable[[], None]
    ) -> HttpResponse:
        if self.told:
            on_sent()
        create = request.url.endswith("createPaybylink")
        if self.error and create and not self.told:
            raise self.error()
        answer = self.gateway(request)
        assert isinstance(answer, HttpResponse)
        if not create:
            on_sent()
            return answer
        if self.error:
            raise self.error()
        return cast("HttpResponse", self.end)


@every_error
async def test_whatever_a_transport_raises_after_it_sent_is_unknown(
    error: Callable[[], BaseException],
) -> None:
    gateway = LinkGateway()
    transport = Transporting(gateway, told=True, end=error)
    async with with_parts(gateway, transport=transport) as client:
        link = await client.create_link(order())
    assert link.link_id == "L1"
    assert creates(gateway) == gateway.made == 1


@every_error
async def test_a_transport_that_never_sent_is_believed_only_when_it_denies_it(
    error: Callable[[], BaseException],
) -> None:
    gateway, raised = LinkGateway(), error()
    transport = Transporting(gateway, told=False, end=error)
    async with with_parts(gateway, transport=transport) as client:
        with pytest.raises(PayerMaxError) as caught:
            await client.create_link(order())
    # What says itself that something may have left is taken at its word.
    said = raised.outcome if isinstance(raised, PayerMaxError) else Outcome.NOT_SENT
    denied = said is Outcome.NOT_SENT
    assert caught.value.outcome is (Outcome.NOT_SENT if denied else Outcome.UNKNOWN)
    assert gateway.made == 0


BROKEN = {
    "nothing": None,
    "text": "ok",
    "a mutable body": HttpResponse(status=200, body=cast("bytes", bytearray(b"{}"))),
    "a text as body": HttpResponse(status=200, body=cast("bytes", "{}")),
    "a text as status": HttpResponse(status=cast("int", "200"), body=b"{}"),
    "headers in a list": HttpResponse(
        status=200, headers=cast("tuple[()]", []), body=b"{}"
    ),
    "a header that is none": HttpResponse(
        status=200, headers=cast("tuple[()]", (("sign", None),)), body=b"{}"
    ),
    "a header in three parts": HttpResponse(
        status=200, headers=cast("tuple[()]", (("a", "b", "c"),)), body=b"{}"
    ),
    "a refusal": json_reply({"code": "GATEWAY_TIMEOUT", "msg": ""}, status=502),
}


@pytest.mark.parametrize("told", [False, True])
@pytest.mark.parametrize("answer", BROKEN.values(), ids=list(BROKEN))
async def test_whoever_answers_has_sent(answer: object, told: bool) -> None:
    gateway = LinkGateway()
    transport = Transporting(gateway, told=told, end=answer)
    async with with_parts(gateway, transport=transport) as client:
        link = await client.create_link(order())
    assert link.link_id == "L1"
    assert creates(gateway) == gateway.made == 1


FLAWS = {
    "nothing": "a NoneType, not an HttpResponse",
    "text": "a str, not an HttpResponse",
    "a mutable body": "body of type bytearray, not bytes",
    "a text as body": "body of type str, not bytes",
    "a text as status": "status of type str, not int",
    "headers in a list": "headers of type list, not tuple",
    "a header that is none": "headers that are no pairs of name and value as text",
    "a header in three parts": "headers that are no pairs of name and value as text",
}


@pytest.mark.parametrize("kind", list(FLAWS))
async def test_what_is_wrong_with_an_answer_of_a_transport_is_said(kind: str) -> None:
    class Careless(FakeTransport):
        async def send(
            self, request: HttpRequest, *, timeout: float, on_sent: object
        ) -> HttpResponse:
            return cast("HttpResponse", BROKEN[kind])

    gateway = LinkGateway()
    async with with_parts(gateway, transport=Careless(gateway)) as client:
        with pytest.raises(ExtensionError) as caught:
            await client.query_link("order-1")
    assert f"the transport answered with {FLAWS[kind]}" in str(caught.value)


async def test_the_silence_of_a_transport_that_never_tells_says_nothing() -> None:
    class Mute(Transporting):
        async def send(
            self, request: HttpRequest, *, timeout: float, on_sent: object
        ) -> HttpResponse:
            answer = self.gateway(request)
            assert isinstance(answer, HttpResponse)
            if len(self.gateway.calls) == 2:
                raise ConnectionResetError
            return answer

    gateway = LinkGateway()
    transport = Mute(gateway, told=False, end=None)
    async with with_parts(gateway, transport=transport) as client:
        await client.create_link(order("first"))
        await client.create_link(order("second"))
    assert creates(gateway) == gateway.made == 2


async def test_a_transport_vouches_for_nothing_unless_it_plainly_does() -> None:
    class Careless(FakeTransport):
        answer: object = "of course"

        def vouches_for(self, url: str) -> bool:
            if isinstance(self.answer, Exception):
                raise self.answer
            return cast("bool", self.answer)

    def unsigned(gateway: LinkGateway, data: JsonObject) -> HttpResponse:
        return json_reply({"code": "PARAMS_INVALID", "msg": ""})

    for answer, outcome in (
        ("of course", Outcome.UNKNOWN),
        (1, Outcome.UNKNOWN),
        (True, Outcome.REJECTED),
        (TimeoutError(SECRET), Outcome.NOT_SENT),
        (ValueError(SECRET), Outcome.NOT_SENT),
    ):
        gateway = LinkGateway(createPaybylink=[unsigned] * 9)
        transport = Careless(gateway)
        transport.answer = answer
        async with with_parts(gateway, transport=transport) as client:
            with pytest.raises(PayerMaxError) as caught:
                await client.create_link(order())
        assert caught.value.outcome is outcome
        assert isinstance(caught.value, ExtensionError) == isinstance(answer, Exception)


async def test_a_transport_that_cannot_forget_does_not_take_the_answer_along() -> None:
    class Clinging(FakeTransport):
        def forget_connections(self) -> None:
            raise ValueError(SECRET)

    def about_another(gateway: LinkGateway, data: JsonObject) -> HttpResponse:
        return signed_reply(PLATFORM, {**make(gateway, data), "merchantLinkId": "x"})

    gateway = LinkGateway(createPaybylink=[about_another])
    async with with_parts(gateway, transport=Clinging(gateway)) as client:
        link = await client.create_link(order())
    assert link.link_id == "L1"
    assert creates(gateway) == gateway.made == 1


# --- foreign clocks -----------------------------------------------------------


class StoppingClock(InstantClock):
    """Fails from some question on, until it is mended."""

    def __init__(self, good: int, error: Callable[[], BaseException]) -> None:
        super().__init__()
        self.left = good
        self.error = error

    def _tick(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise self.error()

    def now(self) -> datetime:
        self._tick()
        return super().now()

    def monotonic(self) -> float:
        self._tick()
        return super().monotonic()

    async def sleep(self, seconds: float) -> None:
        self._tick()
        await super().sleep(seconds)


@every_error
async def test_a_clock_that_fails_at_any_moment_takes_no_outcome_with_it(
    error: Callable[[], BaseException],
) -> None:
    seen: set[Outcome | None] = set()
    named: set[tuple[str | None, str | None]] = set()
    for good in range(40):
        gateway, clock = LinkGateway(), StoppingClock(10**9, error)
        async with with_parts(gateway, clock=clock) as client:
            clock.left = good
            outcome: Outcome | None = None
            try:
                await client.create_link(order())
            except PayerMaxError as failure:
                outcome = failure.outcome
                named.add((failure.operation, failure.merchant_key))
            seen.add(outcome)
            assert (outcome is Outcome.NOT_SENT) <= (gateway.calls == [])
            assert (outcome is None) <= (gateway.made == 1)
            assert creates(gateway) <= 1
    assert seen == {None, Outcome.NOT_SENT, Outcome.UNKNOWN}
    assert named == {("createPaybylink", "order-1")}


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
async def test_an_interrupt_at_the_first_look_at_a_clock_comes_out_as_it_is(
    kind: type[BaseException],
) -> None:
    gateway, clock = LinkGateway(), StoppingClock(10**9, kind)
    async with with_parts(gateway, clock=clock) as client:
        clock.left = 0
        with pytest.raises(kind):
            await client.create_link(order())
        clock.left = 10**9
        await client.create_link(order())
    assert gateway.made == 1


@every_error
@pytest.mark.parametrize("part", ["clock", "policy"])
async def test_what_decides_on_a_wait_says_nothing_of_what_was_sent(
    part: str, error: Callable[[], BaseException]
) -> None:
    class Failing(InstantClock):
        async def sleep(self, seconds: float) -> None:
            raise error()

    def draw(_low: float, _high: float) -> float:
        raise error()

    def late(gateway: LinkGateway, data: JsonObject) -> HttpResponse:
        make(gateway, data)
        return HttpResponse(status=503, body=b"")  # it gets a rest before questions

    gateway = LinkGateway(createPaybylink=[late])
    clock = Failing() if part == "clock" else InstantClock()
    policy = RetryPolicy(draw=draw if part == "policy" else lambda _low, high: high)
    async with client_of(gateway, clock=clock, retry=policy) as client:
        with pytest.raises(PayerMaxError) as caught:
            await client.create_link(order())
        assert caught.value.outcome is Outcome.UNKNOWN
        assert caught.value.operation == "createPaybylink"
        assert caught.value.merchant_key == "order-1"
        assert type(caught.value.__cause__) is type(error())
        assert await client.resolve(caught.value) is not None
    assert creates(gateway) == 1


@pytest.mark.parametrize("drawn", [float("nan"), float("inf"), -1.0, 1e9])
async def test_a_drawn_delay_stays_between_its_bounds(drawn: float) -> None:
    policy = RetryPolicy(draw=lambda _low, _high: drawn, base=2.0)
    delay = policy.next_delay(NoReplyError("cut"), 1)
    assert delay == (0.0 if drawn == -1.0 else 2.0)


# --- errors of an application -------------------------------------------------


class BareError(PayerMaxError):
    """One whose constructor never reaches ours."""

    def __init__(self, *args: object) -> None:
        self.lock = threading.Lock()
        self.tenant = "a"


class AnsweredError(ApiError):
    """One that claims to be an answer of the gateway, and lacks all it needs."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        self.verified = True


def local(*args: object) -> PayerMaxError:
    class LocalError(BareError):
        """Nobody finds it by its name."""

    return LocalError(*args)


@pytest.mark.parametrize("make_error", [BareError, local, MyError])
@pytest.mark.parametrize("after", [False, True])
async def test_an_error_of_an_application_pickles_with_what_it_says_of_the_money(
    make_error: Callable[..., PayerMaxError], after: bool
) -> None:
    async def refuse(
        request: HttpRequest, attempt: Attempt, call_next: CallNext
    ) -> HttpResponse:
        if after:
            await call_next(request)
        error = (
            make_error("x", threading.Lock())
            if make_error is not MyError
            else (MyError("x"))
        )
        error.outcome = Outcome.UNKNOWN if after else Outcome.NOT_SENT
        raise error

    gateway = LinkGateway(
        refund=[replies(json_reply({"code": "SYSTEM_ERROR", "msg": ""}))]
    )
    async with with_middleware(gateway, refuse) as client:
        with pytest.raises(PayerMaxError) as caught:
            await client.call_raw("refund", {"outRefundNo": "R1"}, version="1.4")
    copied = pickle.loads(pickle.dumps(caught.value))
    assert isinstance(copied, PayerMaxError)
    for error in (caught.value, copied):
        assert error.outcome is (Outcome.UNKNOWN if after else Outcome.NOT_SENT)
        assert (error.operation, error.merchant_key) == ("refund", "R1")
    if make_error is BareError:
        assert isinstance(copied, BareError)
        assert copied.tenant == "a"
    if make_error is local:
        assert type(copied) is BareError, "the nearest that can be found"


@pytest.mark.parametrize("outcome", list(Outcome))
async def test_an_answer_that_an_application_made_up_is_none(outcome: Outcome) -> None:
    gateway = LinkGateway()
    middleware = dislikes(lambda: AnsweredError(outcome), "createPaybylink")
    async with with_middleware(gateway, middleware) as client:
        link = await client.create_link(order())
    assert link.link_id == "L1"
    assert gateway.names() == ["createPaybylink", "queryPaybylink"]


# --- foreign code that does not stop ------------------------------------------


class Stubborn:
    """Swallows every cancellation while it signs or verifies."""

    def __init__(self) -> None:
        self.may_end = asyncio.Event()

    async def sign(self, payload: bytes) -> str:
        await self._insist()
        return "c2ln"

    async def verify(self, payload: bytes, signature: str) -> None:
        await self._insist()

    async def _insist(self) -> None:
        while not self.may_end.is_set():
            try:
                await self.may_end.wait()
            except asyncio.CancelledError:
                continue


async def let_go(stubborn: Stubborn) -> None:
    stubborn.may_end.set()
    for _ in range(8):
        await asyncio.sleep(0)


async def test_a_signer_that_cannot_be_cancelled_holds_nobody_and_sends_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("payermax_async.pipeline.bounds._GRACE", 0.01)
    gateway, stubborn = LinkGateway(), Stubborn()
    async with (
        asyncio.timeout(60),
        with_parts(
            gateway, signer=stubborn, attempt_timeout=0.01, max_attempts=2
        ) as client,
    ):
        with pytest.raises(NotSentError):
            await client.create_link(order())
        await let_go(stubborn)
    assert gateway.calls == [], "what was told to be unsent stays unsent"


async def test_a_verifier_that_cannot_be_cancelled_leaves_the_outcome_unknown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("payermax_async.pipeline.bounds._GRACE", 0.01)
    gateway, stubborn = LinkGateway(), Stubborn()
    async with (
        asyncio.timeout(60),
        with_parts(
            gateway, verifier=stubborn, attempt_timeout=0.2, max_attempts=1
        ) as client,
    ):
        with pytest.raises(OutcomeUnknownError):
            await client.create_link(order())
        await let_go(stubborn)
    assert creates(gateway) == 1


async def test_cancelling_a_call_is_not_held_up_by_what_does_not_stop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("payermax_async.pipeline.bounds._GRACE", 0.01)
    stubborn = Stubborn()
    async with (
        asyncio.timeout(60),
        with_parts(LinkGateway(), signer=stubborn) as client,
    ):
        task = asyncio.create_task(client.create_link(order()))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await let_go(stubborn)
