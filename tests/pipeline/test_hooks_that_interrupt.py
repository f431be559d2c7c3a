"""Hooks that raise more than an error: nothing of a client is left taken."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

import pytest

from payermax_async.core.errors import PayerMaxError
from payermax_async.pipeline.breaker import BreakerPolicy
from payermax_async.pipeline.observe import Event
from payermax_async.pipeline.retry import RetryPolicy
from payermax_async.testing.replies import signed_reply
from payermax_async.transport.base import HttpResponse

from .gateway import (
    MERCHANT,
    InstantClock,
    LinkGateway,
    client_of,
    not_done_without_answer,
    order,
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
        asyncio.timeout(10),
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
