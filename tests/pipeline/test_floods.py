"""Many calls at once while the gateway has a bad time: no second link, none lost."""

from __future__ import annotations

import asyncio
import random

import pytest

from payermax_async.core.errors import NoReplyError, NotSentError, Outcome
from payermax_async.core.models.links import CreatedLink
from payermax_async.pipeline.observe import CallFinished, Event
from payermax_async.pipeline.retry import RetryPolicy
from payermax_async.transport.base import HttpRequest, HttpResponse

from .gateway import LinkGateway, QuickSigner, TogetherClock, client_of, order

ONCE = RetryPolicy(max_attempts=1)


@pytest.mark.parametrize("seed", range(5))
async def test_half_of_the_answers_lost_makes_no_second_link_and_loses_none(
    seed: int,
) -> None:
    gateway, chance = LinkGateway(), random.Random(seed)

    def handler(request: HttpRequest) -> HttpResponse | Exception:
        answer = gateway(request)
        create = request.url.endswith("createPaybylink")
        return NoReplyError("reset") if create and chance.random() < 0.5 else answer

    # As in life the others go on while one waits, and the budget fills up again.
    async with client_of(
        handler,
        clock=TogetherClock(),
        signer=QuickSigner(),
        breaker=None,
        max_in_flight=8,
        timeout=1e6,
    ) as client:
        links = await asyncio.gather(
            *(client.create_link(order(f"order-{number}")) for number in range(200))
        )
    assert [link.merchant_link_id for link in links] == [
        f"order-{number}" for number in range(200)
    ]
    assert gateway.made == gateway.names().count("createPaybylink") == 200


async def test_a_slow_gateway_gets_no_pile_of_requests() -> None:
    gateway = LinkGateway()
    under_way = most = 0

    async def handler(request: HttpRequest) -> HttpResponse | Exception:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        for _ in range(20):
            await asyncio.sleep(0)
        under_way -= 1
        return gateway(request)

    async with client_of(handler, signer=QuickSigner(), max_in_flight=8) as client:
        await asyncio.gather(
            *(client.create_link(order(f"order-{number}")) for number in range(300))
        )
    assert most == 8
    assert gateway.made == 300


async def test_a_gateway_that_stops_accepting_leaves_the_rest_not_sent() -> None:
    gateway, events = LinkGateway(), list[Event]()

    def handler(request: HttpRequest) -> HttpResponse | Exception:
        if gateway.made == 10:
            return NotSentError("refused")
        return gateway(request)

    async with client_of(
        handler, signer=QuickSigner(), retry=ONCE, hooks=[events.append]
    ) as client:
        results = await asyncio.gather(
            *(client.create_link(order(f"order-{number}")) for number in range(50)),
            return_exceptions=True,
        )
    made = {link.merchant_link_id for link in results if isinstance(link, CreatedLink)}
    unsent = [error for error in results if isinstance(error, NotSentError)]
    assert (len(made), len(unsent)) == (10, 40)
    assert made == set(gateway.links)
    ends = [event for event in events if isinstance(event, CallFinished)]
    assert {end.merchant_key for end in ends if end.outcome is Outcome.NOT_SENT} == {
        error.merchant_key for error in unsent
    }
