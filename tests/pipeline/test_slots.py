"""How many attempts are under way at once, and the way down and up again."""

from __future__ import annotations

import asyncio
from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,  # pyright: ignore[reportUnknownVariableType]
)

from payermax_async.core.errors import NotFoundError, ThrottledError
from payermax_async.pipeline.retry import RetryPolicy
from payermax_async.pipeline.slots import Slots
from payermax_async.transport.base import HttpRequest, HttpResponse

from .gateway import InstantClock, LinkGateway, QuickSigner, answers, client_of


async def turns(count: int = 3) -> None:
    """Let whatever is ready run."""
    for _ in range(count):
        await asyncio.sleep(0)


class Holder:
    """A task that takes a slot and keeps it until told to let go."""

    def __init__(self, slots: Slots) -> None:
        self.holds = False
        self._go = asyncio.Event()
        self.task = asyncio.create_task(self._hold(slots))

    async def _hold(self, slots: Slots) -> None:
        async with slots:
            self.holds = True
            await self._go.wait()

    def let_go(self) -> None:
        self._go.set()

    async def end(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


@pytest.mark.parametrize("limit", [1, 2, 7])
async def test_no_more_than_the_limit_get_in_and_the_rest_follow_in_order(
    limit: int,
) -> None:
    slots = Slots(limit, InstantClock())
    order_of_entry: list[int] = []
    most = 0

    async def work(number: int) -> None:
        nonlocal most
        async with slots:
            order_of_entry.append(number)
            most = max(most, slots.in_use)
            await asyncio.sleep(0)

    await asyncio.gather(*(work(number) for number in range(20)))
    assert most == limit
    assert order_of_entry == list(range(20))
    assert slots.in_use == 0


async def test_cancelled_while_waiting_the_next_one_gets_the_turn() -> None:
    slots = Slots(1, InstantClock())
    first, second, third = (Holder(slots) for _ in range(3))
    await turns()
    await second.end()
    assert second.task.cancelled()
    first.let_go()
    await turns()
    assert third.holds
    third.let_go()
    await asyncio.gather(first.task, third.task)
    assert slots.in_use == 0


@pytest.mark.parametrize("cancelled_first", [True, False])
async def test_a_turn_that_comes_with_the_cancellation_is_passed_on(
    cancelled_first: bool,
) -> None:
    slots = Slots(1, InstantClock())
    await slots.__aenter__()
    second, third = Holder(slots), Holder(slots)
    await turns()
    if cancelled_first:
        second.task.cancel()
        await slots.__aexit__(None, None, None)
    else:
        await slots.__aexit__(None, None, None)
        second.task.cancel()
    await turns()
    assert second.task.cancelled()
    assert not second.holds
    assert third.holds
    third.let_go()
    await third.task
    assert slots.in_use == 0


async def test_one_wave_of_refusals_halves_the_limit_once() -> None:
    slots = Slots(64, InstantClock())
    waves = [slots.wave for _ in range(64)]
    for wave in waves:
        slots.slow_down(wave)
    assert slots.limit == 32
    for wave in [slots.wave for _ in range(32)]:
        slots.slow_down(wave)
    assert slots.limit == 16


async def test_sixty_four_throttled_calls_halve_the_clients_pace_once() -> None:
    gateway = LinkGateway(queryPaybylink=[answers("TOO_MANY_REQUEST")] * 64)
    under_way = most = 0

    async def handler(request: HttpRequest) -> HttpResponse | Exception:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await turns()
        under_way -= 1
        return gateway(request)

    once = RetryPolicy(max_attempts=1)
    quick = QuickSigner()
    async with client_of(handler, max_in_flight=64, retry=once, signer=quick) as client:

        async def wave() -> tuple[int, set[type]]:
            nonlocal most
            most = 0
            asked = (client.query_link(f"order-{number}") for number in range(64))
            found = await asyncio.gather(*asked, return_exceptions=True)
            return most, {type(error) for error in found}

        assert await wave() == (64, {ThrottledError})
        assert await wave() == (32, {NotFoundError})


@given(
    limit=st.integers(1, 500),
    halvings=st.integers(1, 12),
    gap=st.floats(0, 5),
)
def test_the_limit_is_full_again_within_a_minute_and_never_below_one(
    limit: int, halvings: int, gap: float
) -> None:
    clock = InstantClock()
    slots = Slots(limit, clock)
    for _ in range(halvings):
        slots.slow_down(slots.wave)
        assert 1 <= slots.limit <= limit
        clock.seconds += gap
    last = slots.limit
    for _ in range(60):
        clock.seconds += 1
        assert last <= slots.limit <= limit
        last = slots.limit
    assert slots.limit == limit


async def test_the_clock_alone_lets_newcomers_in_again() -> None:
    clock = InstantClock()
    slots = Slots(4, clock)
    slots.slow_down(slots.wave)
    holders = [Holder(slots) for _ in range(4)]
    await turns()
    assert [holder.holds for holder in holders] == [True, True, False, False]
    clock.seconds += 60
    holders.append(Holder(slots))
    await turns()
    assert [holder.holds for holder in holders] == [True] * 4 + [False]
    for holder in holders:
        holder.let_go()
    await asyncio.gather(*(holder.task for holder in holders))


class SlotsAgainstAList(RuleBasedStateMachine):
    """Slots against two plain lists: who is in, and who waits in which order."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.clock = InstantClock()
        self.inside: list[Holder] = []
        self.queue: deque[Holder] = deque()

    @initialize(limit=st.integers(1, 6))
    def start(self, limit: int) -> None:
        self.slots = Slots(limit, self.clock)

    def _settle(self) -> None:
        self.runner.run(turns(6))

    def _admit(self) -> None:
        while self.queue and len(self.inside) < self.slots.limit:
            self.inside.append(self.queue.popleft())

    @rule()
    def come(self) -> None:
        async def make() -> Holder:
            return Holder(self.slots)

        self.queue.append(self.runner.run(make()))
        self._settle()
        self._admit()

    @precondition(lambda self: self.inside)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        holder = data.draw(st.sampled_from(self.inside))
        holder.let_go()
        self.inside.remove(holder)
        self._settle()
        self._admit()

    @precondition(lambda self: self.queue)
    @rule(data=st.data())
    def lose_patience(self, data: st.DataObject) -> None:
        holder = data.draw(st.sampled_from(list(self.queue)))
        self.queue.remove(holder)
        self.runner.run(holder.end())
        assert holder.task.cancelled()

    @precondition(lambda self: self.inside and self.queue)
    @rule(data=st.data())
    def leave_while_one_loses_patience(self, data: st.DataObject) -> None:
        leaver = data.draw(st.sampled_from(self.inside))
        loser = data.draw(st.sampled_from(list(self.queue)))
        loser_first = data.draw(st.booleans())

        async def both() -> None:
            if loser_first:
                loser.task.cancel()
            leaver.let_go()
            await asyncio.sleep(0)
            if not loser_first:
                loser.task.cancel()

        self.runner.run(both())
        self.inside.remove(leaver)
        self.queue.remove(loser)
        self._settle()
        assert loser.task.cancelled()
        self._admit()

    @rule()
    def throttled(self) -> None:
        self.slots.slow_down(self.slots.wave)

    @rule(seconds=st.floats(0, 70))
    def wait(self, seconds: float) -> None:
        self.clock.seconds += seconds

    @invariant()
    def the_same_are_inside(self) -> None:
        assert all(holder.holds for holder in self.inside)
        assert not any(holder.holds for holder in self.queue)
        if hasattr(self, "slots"):
            assert self.slots.in_use == len(self.inside)

    def teardown(self) -> None:
        async def end() -> None:
            for holder in [*self.inside, *self.queue]:
                await holder.end()

        self.runner.run(end())
        self.runner.close()
        if hasattr(self, "slots"):
            assert self.slots.in_use == 0


@pytest.mark.hypothesis
def test_any_coming_and_going_agrees_with_a_list() -> None:
    run_state_machine_as_test(SlotsAgainstAList)
