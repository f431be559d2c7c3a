"""Parts of a merchant's that raise what nobody raises: none stops the receiver."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator

import pytest

from payermax_async.core.errors import WebhookError, WebhookReason
from payermax_async.webhooks import (
    Alert,
    AlertKind,
    Expected,
    Failure,
    LinkPaid,
    NotifiedEvent,
)
from payermax_async.webhooks.handling.comparison import PaidEvent
from payermax_async.webhooks.http.body import Intake
from payermax_async.webhooks.inbox.entries import LeaseLostError
from tests.webhooks import kit
from tests.webhooks.post import Post, running


class Halt(BaseException):
    """No ``Exception``, as some test and task libraries have them."""


ODD: list[BaseException] = [
    Halt("x"),
    GeneratorExit(),
    StopIteration(1),
    StopAsyncIteration(),
    asyncio.CancelledError(),
    LeaseLostError("not for a handler to say"),
    TimeoutError("of its own"),
    BaseExceptionGroup("several", [Halt("x")]),
]
odd = pytest.mark.parametrize("error", ODD, ids=lambda error: type(error).__name__)


async def check_given_up(post: Post, counter: str) -> None:
    """Tried as often as it may be, no more, and told of."""
    await post.link()
    for _ in range(9):
        await post.advance(100)
    assert await post.states() == ["failed"]
    assert post.receiver.counts[counter] == 3
    assert "worker failed" not in post.receiver.counts
    (alert,) = post.alerts
    assert alert.kind is AlertKind.GAVE_UP


@odd
@pytest.mark.parametrize("in_transaction", [False, True])
async def test_whatever_a_handler_raises_it_has_failed_and_is_given_up(
    error: BaseException, in_transaction: bool
) -> None:
    post = Post()

    async def raising(_: NotifiedEvent, __: object = None) -> None:
        raise error

    if in_transaction:
        post.receiver.in_transaction(LinkPaid)(raising)
    else:
        post.receiver.on(LinkPaid)(raising)
    async with running(post):
        await check_given_up(post, "handler failed")


@odd
@pytest.mark.parametrize("is_plain", [False, True])
async def test_whatever_a_look_up_raises_it_has_failed_and_is_given_up(
    error: BaseException, is_plain: bool
) -> None:
    def plain(_: PaidEvent) -> Expected:
        raise error

    async def waiting(_: PaidEvent) -> Expected:
        raise error

    post = Post(expect=plain if is_plain else waiting)
    post.receiver.on(LinkPaid)(post.note)
    async with running(post):
        await check_given_up(post, "lookup failed")
    assert post.seen == []


@odd
@pytest.mark.parametrize("is_plain", [False, True])
async def test_whatever_a_verifier_raises_is_told_and_payermax_sends_again(
    error: BaseException, is_plain: bool
) -> None:
    class Waiting:
        async def verify(self, payload: bytes, signature: str) -> None:
            raise error

    class Plain:
        def verify(self, payload: bytes, signature: str) -> asyncio.Future[None]:
            raise error

    verifier = Plain() if is_plain else Waiting()
    post = Post(verifier=verifier)  # type: ignore[arg-type]
    async with running(post):
        assert await post.link() == 500
        assert await post.states() == []
    (alert,) = post.alerts
    assert alert.kind is AlertKind.VERIFIER_FAILED
    assert type(verifier).__qualname__ in alert.problem
    assert "took more than" not in alert.problem
    notification_verifier = kit.notification_verifier(verifier)  # type: ignore[arg-type]
    with pytest.raises((WebhookError, LeaseLostError)) as refused:
        await notification_verifier.verify({"sign": kit.RIGHT_SHAPE}, kit.body_of())
    if isinstance(refused.value, WebhookError):
        assert refused.value.reason is WebhookReason.VERIFIER_FAILED


@odd
@pytest.mark.parametrize("which", ["alert", "failure"])
async def test_whatever_a_hook_raises_reaches_nobody(
    error: BaseException, which: str, caplog: pytest.LogCaptureFixture
) -> None:
    def hook(_: Alert | Failure) -> None:
        raise error

    post = Post(on_alert=hook) if which == "alert" else Post(on_failure=hook)
    left = [ValueError("first"), ValueError("second"), ValueError("third")]

    @post.receiver.on(LinkPaid)
    async def handler(event: LinkPaid) -> None:
        if left:
            raise left.pop()
        await post.note(event)

    async with running(post):
        await check_nothing_lost(post)
    told = f"the {which} hook failed: {type(error).__name__}"
    assert any(told in record.getMessage() for record in caplog.records)


async def check_nothing_lost(post: Post) -> None:
    await post.link("o-1")
    for _ in range(9):
        await post.advance(100)
    await post.link("o-2")
    assert post.seen == ["LinkPaid o-2"]
    assert await post.states() == ["failed", "done"]


async def test_the_real_error_is_told_and_not_what_it_is_wrapped_in() -> None:
    failures: list[Failure] = []
    post = Post(on_failure=failures.append)

    @post.receiver.on(LinkPaid)
    async def handler(_: LinkPaid) -> None:
        raise Halt("card 4111 1111 1111 1111\nERROR forged")

    async with running(post):
        await post.link()
    (failure,) = failures
    assert failure.error == "Halt"
    assert failure.text == "card *** ERROR forged"
    assert "handler" in failure.frames[-1]


async def test_an_id_forges_no_line_of_the_log_where_its_handler_fails(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    failures: list[Failure] = []
    post = Post(on_failure=failures.append)

    @post.receiver.on(LinkPaid)
    async def handler(_: LinkPaid) -> None:
        raise ValueError("x")

    async with running(post):
        await post.link("o-1\nERROR paid \u202e")
    assert failures[0].merchant_key == "o-1\\nERROR paid \\u202e"
    assert caplog.records
    for record in caplog.records:
        assert record.getMessage().isprintable()


async def test_trailers_are_no_headers() -> None:
    post = Post()
    headers = [("Sign", kit.RIGHT_SHAPE)]

    async def chunks() -> AsyncGenerator[bytes]:
        yield kit.body_of()
        headers.append(("sign", "added by a server that parsed a trailer"))
        headers.append(("content-encoding", "gzip"))

    async with running(post):
        reply = await Intake(post.receiver).answer("POST", headers, chunks())
    assert reply.status == 200
    assert len(headers) == 3


@pytest.mark.parametrize("is_signed", [True, False])
async def test_headers_that_come_one_after_the_other_are_seen_by_all_who_look(
    is_signed: bool,
) -> None:
    post = Post()
    sign = kit.RIGHT_SHAPE if is_signed else "no signature"
    pairs = [("Host", "shop.example"), ("Sign", sign)]

    async def chunks() -> AsyncGenerator[bytes]:
        yield kit.body_of()

    async with running(post):
        reply = await Intake(post.receiver).answer("POST", iter(pairs), chunks())
    assert reply.status == (200 if is_signed else 401)
    reason = WebhookReason.SIGNATURE_SHAPE.value
    assert post.receiver.counts.get(reason, 0) == (not is_signed)
