"""Cancelled calls and closed clients: nothing is swallowed, every outcome is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import pytest

from payermax_async.client import PayerMaxClient
from payermax_async.core.errors import (
    ClientStateError,
    InvalidRequestError,
    NotSentError,
    Outcome,
    OutcomeUnknownError,
)
from payermax_async.pipeline.observe import (
    AttemptFinished,
    AttemptStarted,
    CallFinished,
    CallStarted,
    Event,
)
from payermax_async.pipeline.retry import RetryPolicy
from payermax_async.transport.base import HttpRequest, HttpResponse

from .gateway import (
    InstantClock,
    LinkGateway,
    QuickSigner,
    client_of,
    make,
    not_done_without_answer,
    order,
    refusal,
)


class SlowGateway(LinkGateway):
    """Acts on a request, and answers it only when told to."""

    def __init__(self) -> None:
        super().__init__()
        self.arrived = 0
        self.on_arrival: Callable[[], None] | None = None
        self.may_answer = asyncio.Event()

    async def handle(self, request: HttpRequest) -> HttpResponse | Exception:
        self.arrived += 1
        answer = self(request)
        if self.on_arrival is not None:
            self.on_arrival()
        await self.may_answer.wait()
        return answer


class StuckSigner:
    """Never comes to an end, so nothing is sent."""

    def __init__(self) -> None:
        self.asked = 0

    async def sign(self, payload: bytes) -> str:
        self.asked += 1
        await asyncio.Event().wait()
        return ""  # pragma: no cover - never reached


async def turns(count: int = 8) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def finished(events: list[Event]) -> list[CallFinished]:
    return [event for event in events if isinstance(event, CallFinished)]


def pairs_up(events: list[Event]) -> bool:
    """Every start has its end."""
    started = [event.call_id for event in events if isinstance(event, CallStarted)]
    sent = [
        (event.call_id, event.number)
        for event in events
        if isinstance(event, AttemptStarted)
    ]
    answered = [
        (event.call_id, event.number)
        for event in events
        if isinstance(event, AttemptFinished)
    ]
    ended = [event.call_id for event in finished(events)]
    return sorted(started) == sorted(ended) and sorted(sent) == sorted(answered)


@asynccontextmanager
async def task_of(
    client: PayerMaxClient, key: str = "order-1"
) -> AsyncGenerator[asyncio.Task[object]]:
    """A create under way; ended at the latest when the block is left."""
    task = asyncio.create_task(client.create_link(order(key)))
    await turns()
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


# --- closing -------------------------------------------------------------------


async def test_closing_waits_for_calls_under_way_and_refuses_new_ones() -> None:
    gateway = SlowGateway()
    client = client_of(gateway.handle, signer=QuickSigner())
    await client.open()
    async with task_of(client) as create:
        closing = asyncio.create_task(client.aclose())
        await turns()
        assert not closing.done()
        with pytest.raises(ClientStateError, match="closed"):
            await client.query_link("order-1")
        gateway.may_answer.set()
        await closing
        assert await create
    assert gateway.names() == ["createPaybylink"]


async def test_past_the_bound_a_sent_create_is_named_unknown_with_its_id() -> None:
    gateway, events = SlowGateway(), list[Event]()
    client = client_of(gateway.handle, signer=QuickSigner(), hooks=[events.append])
    await client.open()
    async with task_of(client) as create:
        await client.aclose(drain=0.0)
        with pytest.raises(OutcomeUnknownError, match="resolve") as caught:
            await create
    assert caught.value.merchant_key == "order-1"
    assert caught.value.operation == "createPaybylink"
    assert caught.value.attempts == 1
    [end] = finished(events)
    assert (end.outcome, end.merchant_key) == (Outcome.UNKNOWN, "order-1")
    assert end.error == "OutcomeUnknownError"
    assert pairs_up(events)
    async with client_of(gateway) as another:
        assert await another.resolve(caught.value)


async def test_past_the_bound_what_was_not_sent_is_named_so() -> None:
    signer, events = StuckSigner(), list[Event]()
    client = client_of(LinkGateway(), signer=signer, hooks=[events.append])
    await client.open()
    async with task_of(client) as create:
        assert signer.asked == 1
        await client.aclose(drain=0.0)
        with pytest.raises(NotSentError, match="closed"):
            await create
    assert [end.outcome for end in finished(events)] == [Outcome.NOT_SENT]
    assert pairs_up(events)


async def test_a_call_cut_off_while_it_waits_to_ask_is_unknown() -> None:
    class StuckClock(InstantClock):
        async def sleep(self, seconds: float) -> None:
            await asyncio.Event().wait()

    gateway = LinkGateway(createPaybylink=[not_done_without_answer])
    client = client_of(gateway, clock=StuckClock(), signer=QuickSigner())
    await client.open()
    async with task_of(client) as create:
        await client.aclose(drain=0.0)
        with pytest.raises(OutcomeUnknownError):
            await create
    assert gateway.names() == ["createPaybylink", "queryPaybylink"]


async def test_resolving_cut_off_leaves_unknown_what_was_unknown() -> None:
    signer, events = StuckSigner(), list[Event]()
    client = client_of(LinkGateway(), signer=signer, hooks=[events.append])
    await client.open()
    task = asyncio.create_task(client.resolve(order()))
    await turns()
    await client.aclose(drain=0.0)
    with pytest.raises(OutcomeUnknownError) as caught:
        await task
    assert caught.value.merchant_key == "order-1"
    assert [end.outcome for end in finished(events)] == [Outcome.UNKNOWN]


@pytest.mark.parametrize("waiting", [1, 30])
async def test_calls_that_wait_for_a_slot_are_cut_off_too(waiting: int) -> None:
    gateway, events = SlowGateway(), list[Event]()
    client = client_of(
        gateway.handle, signer=QuickSigner(), max_in_flight=1, hooks=[events.append]
    )
    await client.open()
    creates = [
        asyncio.create_task(client.create_link(order(f"order-{number}")))
        for number in range(waiting + 1)
    ]
    await turns()
    await client.aclose(drain=0.0)
    results = await asyncio.gather(*creates, return_exceptions=True)
    kinds = [type(result) for result in results]
    assert kinds == [OutcomeUnknownError] + [NotSentError] * waiting
    assert gateway.arrived == 1
    assert pairs_up(events)


async def test_closing_twice_does_nothing_more() -> None:
    client = client_of(LinkGateway())
    await client.open()
    await client.aclose()
    await client.aclose()
    with pytest.raises(ClientStateError):
        await client.open()
    with pytest.raises(ClientStateError):
        await client.create_link(order())


async def test_a_cancelled_closing_cuts_the_calls_and_closes_all_the_same() -> None:
    gateway = SlowGateway()
    client = client_of(gateway.handle, signer=QuickSigner())
    closed = asyncio.Event()
    transport = vars(client)["_engine"].transport
    close = transport.aclose

    async def aclose() -> None:
        await close()
        closed.set()

    transport.aclose = aclose
    await client.open()
    async with task_of(client) as create:
        closing = asyncio.create_task(client.aclose())
        await turns()
        closing.cancel()
        await asyncio.gather(closing, return_exceptions=True)
        assert closing.cancelled()
        assert closed.is_set()
        with pytest.raises(OutcomeUnknownError, match="the client was closed"):
            await create


async def test_a_failing_body_closes_the_client_as_well() -> None:
    client = client_of(LinkGateway())
    with pytest.raises(ZeroDivisionError):
        async with client:
            raise ZeroDivisionError
    with pytest.raises(ClientStateError):
        await client.query_link("order-1")


# --- cancelling ----------------------------------------------------------------


async def test_cancelled_after_sending_the_hook_hears_of_the_doubt() -> None:
    gateway, events = SlowGateway(), list[Event]()
    async with client_of(
        gateway.handle, signer=QuickSigner(), hooks=[events.append], max_in_flight=1
    ) as client:
        async with task_of(client) as create:
            create.cancel()
            with pytest.raises(asyncio.CancelledError):
                await create
        [end] = finished(events)
        assert end.outcome is Outcome.UNKNOWN
        assert end.merchant_key == "order-1"
        assert end.operation == "createPaybylink"
        assert end.error == "CancelledError"
        gateway.may_answer.set()
        await client.create_link(order("order-2"))
    assert list(gateway.links) == ["order-1", "order-2"]
    assert pairs_up(events)


async def test_cancelled_before_sending_the_hook_hears_that_nothing_was_sent() -> None:
    signer, events = StuckSigner(), list[Event]()
    gateway = LinkGateway()
    async with (
        client_of(gateway, signer=signer, hooks=[events.append]) as client,
        task_of(client) as create,
    ):
        create.cancel()
        with pytest.raises(asyncio.CancelledError):
            await create
    assert [end.outcome for end in finished(events)] == [Outcome.NOT_SENT]
    assert gateway.calls == []
    assert pairs_up(events)


async def test_cancelled_while_waiting_for_a_slot_none_is_lost() -> None:
    gateway, events = SlowGateway(), list[Event]()
    async with client_of(
        gateway.handle, signer=QuickSigner(), max_in_flight=2, hooks=[events.append]
    ) as client:
        creates = [
            asyncio.create_task(client.create_link(order(f"order-{number}")))
            for number in range(20)
        ]
        await turns()
        for create in creates[2:18]:
            create.cancel()
        gateway.may_answer.set()
        results = await asyncio.gather(*creates, return_exceptions=True)
    cancelled = [isinstance(result, asyncio.CancelledError) for result in results]
    assert cancelled == [False] * 2 + [True] * 16 + [False] * 2
    assert gateway.made == 4
    unsent = [end for end in finished(events) if end.outcome is Outcome.NOT_SENT]
    assert len(unsent) == 16
    assert pairs_up(events)


async def test_cancelled_during_the_backoff_nothing_is_sent_any_more() -> None:
    class StuckClock(InstantClock):
        async def sleep(self, seconds: float) -> None:
            self.slept.append(seconds)
            await asyncio.Event().wait()

    clock, events = StuckClock(), list[Event]()
    tries = 0

    def refused(_request: HttpRequest) -> Exception:
        nonlocal tries
        tries += 1
        return NotSentError("refused")

    async with client_of(
        refused, clock=clock, signer=QuickSigner(), hooks=[events.append]
    ) as client:
        async with task_of(client) as create:
            assert clock.slept
            create.cancel()
            with pytest.raises(asyncio.CancelledError):
                await create
        await turns()
    assert tries == 1
    assert [end.outcome for end in finished(events)] == [Outcome.NOT_SENT]


async def test_a_timeout_of_the_callers_own_stays_a_timeout() -> None:
    gateway, events = SlowGateway(), list[Event]()
    async with client_of(
        gateway.handle, signer=QuickSigner(), hooks=[events.append]
    ) as client:

        async def create_until_it_arrives() -> None:
            async with asyncio.timeout(None) as limit:
                gateway.on_arrival = lambda: limit.reschedule(0)
                await client.create_link(order())

        with pytest.raises(TimeoutError):
            await create_until_it_arrives()
        gateway.may_answer.set()
    assert [end.outcome for end in finished(events)] == [Outcome.UNKNOWN]


@pytest.mark.parametrize("place", [0, 57, 99])
async def test_one_of_a_hundred_fails_and_no_outcome_is_lost(place: int) -> None:
    gateway, events = LinkGateway(), list[Event]()
    sent = asyncio.Event()

    async def handler(request: HttpRequest) -> HttpResponse | Exception:
        if f'"order-{place}"'.encode() in request.body:
            await sent.wait()
            return refusal("PARAMS_INVALID")
        answer = gateway(request)
        if len(gateway.calls) == 50:
            sent.set()
        if len(gateway.calls) % 2:
            return answer
        await asyncio.Event().wait()
        return answer  # pragma: no cover - never reached

    async with client_of(
        handler,
        signer=QuickSigner(),
        hooks=[events.append],
        retry=RetryPolicy(max_attempts=1),
    ) as client:

        async def a_hundred() -> None:
            async with asyncio.TaskGroup() as group:
                for number in range(100):
                    group.create_task(client.create_link(order(f"order-{number}")))

        with pytest.raises(ExceptionGroup) as caught:
            await a_hundred()
        assert caught.group_contains(InvalidRequestError)
        ends = {end.merchant_key: end.outcome for end in finished(events)}
        assert len(ends) == len(finished(events)) == 100
        assert ends[f"order-{place}"] is Outcome.REJECTED
        for key, outcome in ends.items():
            if outcome is None:
                assert key in gateway.links
            elif outcome is not Outcome.UNKNOWN:
                assert key not in gateway.links
        unknown = [key for key, end in ends.items() if end is Outcome.UNKNOWN]
        assert unknown, "some were sent and cut off"
        assert set(unknown) <= set(gateway.links)
    assert pairs_up(events)
    async with client_of(gateway) as another:
        for key in unknown:
            assert await another.resolve(order(str(key)))


async def test_the_call_after_a_cancelled_one_gets_its_own_answer() -> None:
    gateway = LinkGateway()
    make(gateway, {"merchantLinkId": "a", "totalAmount": "1", **_ANY})
    make(gateway, {"merchantLinkId": "b", "totalAmount": "2", **_ANY})
    first = True

    async def handler(request: HttpRequest) -> HttpResponse | Exception:
        nonlocal first
        if first:
            first = False
            await asyncio.Event().wait()
        return gateway(request)

    async with client_of(handler, max_in_flight=1, signer=QuickSigner()) as client:
        task = asyncio.create_task(client.query_link("a"))
        await turns()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert (await client.query_link("b")).merchant_link_id == "b"


_ANY = {"currency": "USD", "country": "US"}
