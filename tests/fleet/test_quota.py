"""One pace for all, kept in the database."""

from __future__ import annotations

import asyncio
import contextlib
import time

import pytest

from payermax_async.bulk import MemoryJournal
from payermax_async.core.errors import ConfigurationError
from payermax_async.fleet import SharedQuota
from payermax_async.hooks import Limiter
from payermax_async.storage.errors import StorageError
from payermax_async.testing.replies import signed_reply
from tests.bulk.kit import orders, ran
from tests.fleet.kit import Place
from tests.pipeline.gateway import CONFIG, PLATFORM
from tests.pipeline.merchant import CREATE, Gateways
from tests.storage.kit import half_open

pytestmark = pytest.mark.postgres


def quota(place: Place, per_second: float, **settings: object) -> SharedQuota:
    address = str(settings.pop("address", place.address))
    return SharedQuota(
        address,
        CONFIG,
        per_second,
        schema=place.schema,
        **settings,  # type: ignore[arg-type]
    )


async def turns(limiter: SharedQuota, seconds: float) -> int:
    """How many turns eight tasks get in so long."""
    count, end = 0, time.monotonic() + seconds

    async def take() -> None:
        nonlocal count
        while True:
            async with limiter:
                count += 1

    tasks = [asyncio.create_task(take()) for _ in range(8)]
    await asyncio.sleep(end - time.monotonic())
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return count


async def test_it_is_a_limiter(place: Place) -> None:
    assert isinstance(quota(place, 5), Limiter)


async def test_two_who_share_it_get_no_more_than_one(place: Place) -> None:
    one, two = quota(place, 40), quota(place, 40)
    async with one.opened(), two.opened():
        began = time.monotonic()
        got = sum(await asyncio.gather(turns(one, 2.0), turns(two, 2.0)))
        elapsed = time.monotonic() - began
    # A second's worth may be in store when they begin, whatever the machine does.
    assert got <= 40 * (elapsed + 1)
    assert got > 20


async def test_a_clock_that_was_ahead_once_stops_nobody(place: Place) -> None:
    limiter = quota(place, 50)
    async with limiter.opened():
        await place.sql("UPDATE {}fleet_quota SET at = at + 86400000000, tokens = 0")
        async with asyncio.timeout(5), limiter:
            pass


async def test_what_one_is_told_slows_all(place: Place) -> None:
    one, two = quota(place, 100), quota(place, 100)
    async with one.opened(), two.opened():
        async with one:
            wave = one.wave
        one.slow_down(wave)
        one.slow_down(wave)  # those under way together are told the same
        await asyncio.sleep(0.3)
        share = await place.sql("SELECT share, wave FROM {}fleet_quota")
        assert share[0][1] == 1
        assert 0.4 < float(str(share[0][0])) < 0.6
        async with two:
            assert two.wave == 1


async def test_without_its_quota_nothing_is_sent(place: Place) -> None:
    limiter, gateways = quota(place, 1000), Gateways()
    async with limiter.opened(), gateways.client(limiter=limiter) as client:
        await place.sql("ALTER TABLE {}fleet_quota RENAME TO gone")
        with pytest.raises(StorageError):
            async with limiter:
                raise AssertionError("it had a turn")
        with pytest.raises(StorageError):
            await ran(client, orders(2), MemoryJournal())
    assert gateways.seen == []


async def test_a_database_that_says_nothing_ends_a_wait_in_time(place: Place) -> None:
    async with half_open(place.address) as (proxy, through):
        limiter = quota(place, 1000, address=through, timeout=1.0)
        async with limiter.opened():
            proxy.swallow()
            began = time.monotonic()
            with contextlib.suppress(StorageError):
                async with limiter:
                    pass
            assert time.monotonic() - began < 4


async def test_a_throttled_create_cuts_the_pace_of_all(place: Place) -> None:
    gateways = Gateways()
    gateways.first.script[CREATE] = [signed_reply(PLATFORM, code="TOO_MANY_REQUEST")]
    limiter = quota(place, 100)
    async with limiter.opened(), gateways.client(limiter=limiter) as client:
        await ran(client, orders(1), MemoryJournal())
        await asyncio.sleep(0.3)
    assert await place.sql("SELECT wave FROM {}fleet_quota") == [(1,)]


@pytest.mark.parametrize("pace", [0.0, -1.0, float("nan"), float("inf")])
async def test_a_pace_that_nobody_can_go_by_is_refused(pace: float) -> None:
    with pytest.raises(ConfigurationError):
        SharedQuota("postgresql://h/d", CONFIG, pace)
