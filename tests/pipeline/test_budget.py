"""Retries never become the outage: a gateway that answers nothing is spared."""

from __future__ import annotations

import asyncio
from fractions import Fraction

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from payermax_async.core.errors import (
    HttpStatusError,
    NotSentError,
    Outcome,
    OutcomeUnknownError,
    PayerMaxError,
)
from payermax_async.core.models.links import CreatedLink
from payermax_async.pipeline.breaker import BreakerPolicy
from payermax_async.pipeline.budget import RetryBudget
from payermax_async.pipeline.observe import AttemptStarted, BreakerChanged, Event
from payermax_async.pipeline.retry import RetryPolicy
from payermax_async.transport.base import HttpRequest, HttpResponse

from .gateway import (
    BREAKER,
    InstantClock,
    LinkGateway,
    QuickSigner,
    TogetherClock,
    client_of,
    order,
)

UNAVAILABLE = HttpResponse(status=503, headers=(), body=b"<html>unwell</html>")


@given(st.lists(st.integers(0, 30), min_size=1, max_size=300), st.randoms())
def test_in_total_failure_a_tenth_more_than_calls_and_ten_are_sent(
    wishes: list[int], random: object
) -> None:
    """Each number is how often one call would like to send again."""
    budget = RetryBudget()
    calls = sends = 0
    waiting: list[int] = []
    draw = getattr(random, "random")  # noqa: B009 - hypothesis hands in its own kind
    for wish in wishes:
        budget.call_started()
        calls += 1
        sends += 1
        waiting.append(wish)
        # Calls under way take turns with new ones in any order.
        while waiting and draw() < 0.7:
            number = int(draw() * len(waiting))
            if waiting[number] == 0 or not budget.take():
                waiting.pop(number)
            else:
                waiting[number] -= 1
                sends += 1
    assert sends <= Fraction(11, 10) * calls + 10


@given(st.lists(st.sampled_from(["call", "answer", "take"])))
def test_the_balance_stays_between_nothing_and_the_capacity(steps: list[str]) -> None:
    budget = RetryBudget()
    for step in steps:
        before = budget.balance
        if step == "call":
            budget.call_started()
        elif step == "answer":
            budget.answered()
        else:
            taken = budget.take()
            assert taken == (before >= 1)
            assert budget.balance == (before - 1 if taken else before)
        assert 0 <= budget.balance <= budget.capacity


def test_a_gateway_that_mostly_answers_never_runs_anybody_dry() -> None:
    budget = RetryBudget()
    for _ in range(1000):
        budget.call_started()
        assert budget.take()
        budget.answered()


class Ailing:
    """Answers 503 until it is well; counts every request."""

    def __init__(self) -> None:
        self.well = False
        self.sends = 0
        self.gateway = LinkGateway()

    async def __call__(self, request: HttpRequest) -> HttpResponse | Exception:
        self.sends += 1
        await asyncio.sleep(0)
        return self.gateway(request) if self.well else UNAVAILABLE


@pytest.mark.parametrize(
    ("breaker", "at_once"), [(None, 1), (None, 64), (BREAKER, 1), (BREAKER, 64)]
)
async def test_a_thousand_creates_at_an_ailing_gateway_and_all_made_afterwards(
    breaker: BreakerPolicy | None, at_once: int
) -> None:
    ailing, clock, events = Ailing(), InstantClock(), list[Event]()
    orders = [order(f"order-{number}") for number in range(1000)]
    async with client_of(
        ailing,
        clock=clock,
        breaker=breaker,
        signer=QuickSigner(),
        hooks=[events.append],
        retry=RetryPolicy(),
        max_in_flight=at_once,
    ) as client:
        results = list[CreatedLink | BaseException]()
        for start in range(0, len(orders), at_once):
            results += await asyncio.gather(
                *(client.create_link(o) for o in orders[start : start + at_once]),
                return_exceptions=True,
            )
        assert len(results) == 1000
        assert ailing.sends <= 1.1 * 1000 + 10
        started = [event for event in events if isinstance(event, AttemptStarted)]
        assert len(started) == ailing.sends
        opened = [event for event in events if isinstance(event, BreakerChanged)]
        assert bool(opened) == bool(breaker)

        ailing.well = True
        clock.seconds += 60
        for request, result in zip(orders, results, strict=True):
            assert isinstance(result, PayerMaxError)
            if result.outcome is Outcome.UNKNOWN:
                assert await client.resolve(result) is None
            else:
                assert result.outcome is Outcome.NOT_SENT
            await client.create_link(request)
    assert sorted(ailing.gateway.links) == sorted(o.merchant_link_id for o in orders)
    assert ailing.gateway.made == 1000


async def test_any_number_of_doubts_can_be_settled_at_once_by_a_healthy_gateway() -> (
    None
):
    ailing = Ailing()
    ailing.well = True
    # The clock adds up what all of them wait.
    async with client_of(
        ailing, clock=TogetherClock(), signer=QuickSigner(), timeout=1e6
    ) as client:
        found = await asyncio.gather(
            *(client.resolve(order(f"order-{number}")) for number in range(100))
        )
    assert found == [None] * 100
    assert ailing.sends == 100 * 4  # once, and after each of the waits


async def test_an_empty_budget_says_so_and_what_was_sent_stays_unknown() -> None:
    ailing = Ailing()
    async with client_of(ailing, breaker=None, signer=QuickSigner()) as client:
        for number in range(29):
            with pytest.raises(OutcomeUnknownError):
                await client.expire_link(f"order-{number}")
        with pytest.raises(OutcomeUnknownError) as caught:
            await client.expire_link("order-29")
    assert caught.value.outcome is Outcome.UNKNOWN
    last_answer = caught.value.__cause__
    assert isinstance(last_answer, HttpStatusError)
    assert isinstance(last_answer.__cause__, NotSentError)
    assert "budget" in str(last_answer.__cause__)
    assert 30 + 10 <= ailing.sends <= 30 + 10 + 3


def test_each_client_has_its_own_budget() -> None:
    one, other = RetryBudget(), RetryBudget()
    while one.take():
        pass
    assert other.balance == other.capacity
    assert attrs.asdict(one)["balance"] == 0
