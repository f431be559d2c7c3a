"""Many calls at once, and a gateway that fails many of them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

from payermax_async.core.errors import NotSentError, Outcome, PayerMaxError
from payermax_async.core.models.links import CreatedLink
from payermax_async.pipeline.breaker import BreakerPolicy, BreakerState
from payermax_async.pipeline.observe import BreakerChanged
from payermax_async.transport.aiohttp import AiohttpTransport
from tests.faults.gateway import Scene, Turn, coded, cut_short, serve, spoken
from tests.faults.gateway import unanswered as lost
from tests.faults.rig import BriskClock, Rig, Stage
from tests.faults.server import Wire, reply, reset_at_once
from tests.pipeline.gateway import order

BREAKER = BreakerPolicy()


async def create_all(rig: Rig, keys: Sequence[str]) -> dict[str, PayerMaxError | None]:
    """Create links at the same time; how each of them ended."""
    ends: dict[str, PayerMaxError | None] = {}

    async def create(key: str) -> None:
        try:
            await rig.create(key)
        except PayerMaxError as error:
            ends[key] = error
        else:
            ends[key] = None

    async with asyncio.TaskGroup() as group:
        for key in keys:
            group.create_task(create(key))
    return ends


async def settle(rig: Rig, ends: dict[str, PayerMaxError | None]) -> None:
    """With a healthy gateway, bring every link to be, and check the two ledgers."""
    links = rig.gateway.links
    for key, error in ends.items():
        if error is None:
            assert key in links
            continue
        assert error.merchant_key == key
        if error.outcome is Outcome.UNKNOWN:
            found = await rig.client.resolve(error)
            assert (found is not None) is (key in links)
        else:
            assert key not in links
        if key not in links:
            link = await rig.client.create_link(order(key))
            assert isinstance(link, CreatedLink)
    assert set(links) == set(ends)
    assert rig.gateway.made == len(ends)


def keys_of(count: int) -> list[str]:
    return [f"order-{number}" for number in range(count)]


async def test_an_outage_is_not_fed(stage: Stage) -> None:
    """F1 100 % 503, many links"""
    clock = BriskClock()
    async with stage.rig(clock=clock, limit=16, breaker=BREAKER) as rig:
        down = spoken(lambda _: reply(b"", status="503 Down"), done=False)
        rig.gateway.usual = down
        ends = await create_all(rig, keys_of(60))

        assert all(ends.values())
        assert 10 <= len(rig.gateway.asked) <= 1.1 * 60 + 10
        changes = [e.state for e in rig.events if isinstance(e, BreakerChanged)]
        assert changes[0] is BreakerState.OPEN

        rig.gateway.usual = serve
        clock.seconds += 60.0
        await settle(rig, ends)


async def test_an_outage_without_a_breaker_is_not_fed_either(stage: Stage) -> None:
    """F1 100 % 503, by the budget for retries alone"""
    async with stage.rig(limit=16, breaker=None) as rig:
        down = spoken(lambda _: reply(b"", status="503 Down"), done=False)
        rig.gateway.usual = down
        ends = await create_all(rig, keys_of(200))

        assert {error and error.outcome for error in ends.values()} == {Outcome.UNKNOWN}
        assert 200 <= len(rig.gateway.asked) <= 1.1 * 200 + 10


async def test_half_of_the_answers_lost_make_no_second_link(stage: Stage) -> None:
    """F2 50 % RST after processing"""
    chance = random.Random(20260301)

    async def coin(turn: Turn) -> None:
        scene = lost(reset_at_once) if chance.random() < 0.5 else serve
        await scene(turn)

    async with stage.rig(limit=8, breaker=None) as rig:
        rig.gateway.usual = coin
        ends = await create_all(rig, keys_of(100))
        rig.gateway.usual = serve
        await settle(rig, ends)


async def test_a_slow_gateway_is_not_piled_upon(stage: Stage) -> None:
    """F3 latency"""
    waiting = most = 0

    async def slowly(turn: Turn) -> None:
        nonlocal waiting, most
        waiting += 1
        most = max(most, waiting)
        await asyncio.sleep(0.05)
        waiting -= 1
        await serve(turn)

    async with stage.rig(limit=8) as rig:
        rig.gateway.usual = slowly
        ends = await create_all(rig, keys_of(60))

        assert not any(ends.values())
        assert most == 8
        assert rig.gateway.server.connections == 8


def _mixed() -> list[Scene]:
    """Some of every kind: before, during and after the answer, done or not."""
    html = reply(b"<html>", status="502 Bad Gateway")
    scenes: list[Scene] = [
        cut_short(Wire.finish, headers=False),
        cut_short(reset_at_once, headers=True),
    ]
    for done in (True, False):
        scenes += [
            lost(Wire.finish, done=done),
            lost(reset_at_once, done=done),
            spoken(lambda _: html, done=done),
            spoken(lambda _: b"garbage\r\n\r\n", Wire.finish, done=done),
            spoken(lambda answer: answer.http()[:-9], reset_at_once, done=done),
            spoken(lambda answer: answer.http(sign=None), done=done),
            spoken(lambda answer: answer.http("Content-Encoding: br"), done=done),
            spoken(lambda answer: answer.http(body=b"{}"), done=done),
            coded("SYSTEM_ERROR", done=done),
            coded("REQUEST_TIMEOUT", done=done),
            coded("TOO_MANY_REQUEST", done=done),
        ]
    return scenes


async def test_a_mix_of_all_faults_leaves_the_two_ledgers_equal(stage: Stage) -> None:
    """F4 faults of every kind mixed, seeded"""
    chance = random.Random(20260302)
    scenes = _mixed()

    async def mixed(turn: Turn) -> None:
        # The gateway knows what it was asked only after reading, so a scene that
        # claims to have done a thing may answer a question, too.
        scene = chance.choice(scenes) if chance.random() < 0.25 else serve
        await scene(turn)

    async with stage.rig(limit=8, breaker=None, timeout=600.0) as rig:
        rig.gateway.usual = mixed
        ends = await create_all(rig, keys_of(200))
        assert {error and error.outcome for error in ends.values()} <= {
            None,
            Outcome.UNKNOWN,
            Outcome.NOT_SENT,
        }
        assert sum(error is None for error in ends.values()) > 100
        rig.gateway.usual = serve
        await settle(rig, ends)


async def test_a_gateway_that_stops_accepting_has_not_seen_the_rest(
    stage: Stage,
) -> None:
    """F5 accepts 10, then no more"""
    transport = AiohttpTransport(limit=1, force_close=True)
    async with stage.rig(transport=transport, max_attempts=2) as rig:
        for key in keys_of(10):
            await rig.create(key)
        rig.gateway.server.stop_accepting()
        ends = await create_all(rig, keys_of(20)[10:])

        assert {type(error) for error in ends.values()} == {NotSentError}
        assert sorted(rig.gateway.links) == sorted(keys_of(10))
