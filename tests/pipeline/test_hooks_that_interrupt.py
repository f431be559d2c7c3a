"""Hooks that raise more than an error: nothing of a client is left taken."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

import pytest

from payermax_async.core.errors import NoReplyError, PayerMaxError
from payermax_async.core.strict_json import JsonObject
from payermax_async.pipeline.breaker import BreakerPolicy
from payermax_async.pipeline.observe import CallFinished, Event
from payermax_async.pipeline.retry import RetryPolicy
from payermax_async.testing.replies import signed_reply
from payermax_async.transport.base import HttpRequest, HttpResponse

from .gateway import (
    MERCHANT,
    InstantClock,
    LinkGateway,
    Reaction,
    answers,
    client_of,
    not_done_without_answer,
    order,
    refused_connection,
    replies,
)

FORGED = signed_reply(MERCHANT, {"x": 1})
PAGE = HttpResponse(status=502, body=b"<html>")
TWO = BreakerPolicy(min_calls=2)


class Interrupting:
    """Raises at the n-th event, once."""

    def __init__(self, kind: type[BaseException], moment: int) -> None:
        self.kind = kind
        self.moment = moment
        self.seen = 0

    def __call__(self, event: Event) -> None:
        self.seen += 1
        if self.seen == self.moment:
            raise self.kind


async def ended(call: Callable[[], Awaitable[object]]) -> BaseException | None:
    try:
        await call()
    except BaseException as error:  # noqa: BLE001 - that is what is looked at
        return error
    return None


@pytest.mark.parametrize("moment", range(1, 30))
@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
async def test_an_interrupt_at_any_event_gives_everything_back(
    kind: type[BaseException], moment: int
) -> None:
    hook, clock = Interrupting(kind, moment), InstantClock()
    gateway = LinkGateway(
        createPaybylink=[not_done_without_answer],
        queryPaybylink=[replies(FORGED), replies(PAGE), replies(PAGE)],
    )
    once = RetryPolicy(max_attempts=2)
    async with (
        asyncio.timeout(60),
        client_of(
            gateway,
            clock=clock,
            hooks=[hook],
            breaker=TWO,
            retry=once,
            max_in_flight=1,
        ) as client,
    ):
        raised = list[BaseException | None]()
        for number in range(8):
            # Past the pause of the breaker: the first one now is its question.
            clock.seconds += 31
            raised.append(await ended(lambda: client.create_link(order("order-1"))))
            raised.append(await ended(partial(client.query_link, f"q-{number}")))
        interrupts = [error for error in raised if isinstance(error, kind)]
        assert len(interrupts) == (hook.seen >= moment)
        others = [error for error in raised if error not in interrupts and error]
        assert all(isinstance(error, PayerMaxError) for error in others)
        # Neither slot nor question of the breaker is held by the one that ended.
        clock.seconds += 31
        await client.create_link(order("fresh"))
    assert set(gateway.links) >= {"fresh"}


@pytest.mark.parametrize("moment", range(1, 5))
@pytest.mark.parametrize("kind", [asyncio.CancelledError, GeneratorExit, ValueError])
async def test_what_only_a_mistake_can_raise_never_reaches_the_call(
    kind: type[BaseException], moment: int
) -> None:
    gateway, hook = LinkGateway(), Interrupting(kind, moment)
    async with client_of(gateway, hooks=[hook]) as client:
        await client.create_link(order())
    assert hook.seen >= moment
    assert gateway.made == 1


class AtTheEnd:
    """Raises once a call of one operation has ended."""

    def __init__(self, kind: type[BaseException]) -> None:
        self.kind = kind

    def __call__(self, event: Event) -> None:
        if isinstance(event, CallFinished) and event.operation == "createPaybylink":
            raise self.kind


def doubtful(_gateway: LinkGateway, _data: JsonObject) -> Exception:
    return NoReplyError("cut")


ENDS: dict[str, tuple[list[Reaction], str]] = {
    "done": ([], "had been done, and its answer is lost"),
    "refused": ([answers("PARAMS_INVALID")], "had been refused"),
    "not sent": ([refused_connection], "had not been sent"),
    "unknown": ([doubtful], "may have been done"),
}


@pytest.mark.parametrize(("script", "told"), ENDS.values(), ids=list(ENDS))
@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
async def test_an_interrupt_that_takes_an_answer_along_says_what_it_was(
    kind: type[BaseException], script: list[Reaction], told: str
) -> None:
    gateway = LinkGateway(createPaybylink=[*script], queryPaybylink=[doubtful] * 9)
    once = RetryPolicy(max_attempts=1)
    async with client_of(gateway, hooks=[AtTheEnd(kind)], retry=once) as client:
        raised = await ended(lambda: client.create_link(order()))
        gateway.script.clear()
        if told == ENDS["done"][1]:
            # What was done is asked about when it is wanted again, and not sent.
            await ended(lambda: client.create_link(order()))
            assert gateway.names() == ["createPaybylink", "queryPaybylink"]
    assert isinstance(raised, kind)
    assert raised.__notes__ == [f"createPaybylink of order-1 {told}"]


async def test_a_cancelled_call_says_what_became_of_it() -> None:
    asked, gateway = asyncio.Event(), LinkGateway()

    async def answer(request: HttpRequest) -> HttpResponse | Exception:
        gateway(request)
        asked.set()
        return await asyncio.Future[HttpResponse]()

    async with client_of(answer) as client:
        task = asyncio.create_task(client.create_link(order()))
        await asked.wait()
        task.cancel()
        raised = await ended(lambda: task)
    assert isinstance(raised, asyncio.CancelledError)
    assert raised.__notes__ == ["createPaybylink of order-1 may have been done"]
