"""Signatures made in the event loop by turns, and burst by burst in a thread."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from payermax_async.core.errors import ClientStateError, ConfigurationError
from payermax_async.options import ClientOptions
from payermax_async.signing import PrivateKey, RsaSigner, in_loop
from payermax_async.signing.in_loop import InLoop
from payermax_async.signing.in_threads import InThreads, OneByOne

from .test_verifier import spelled

COST = in_loop._TURN * 0.4  # pyright: ignore[reportPrivateUsage]


def in_thread(sign: Callable[[bytes], str]) -> InThreads:
    return InThreads(lambda: OneByOne(sign), 1)


class SlowSigning:
    """Takes its time, on a clock of its own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        self.signed: list[bytes] = []
        monkeypatch.setattr(time, "perf_counter", lambda: self.now)

    def __call__(self, body: bytes) -> str:
        self.now += COST
        self.signed.append(body)
        if body == b"bad":
            raise ValueError("no signature")
        return body.decode()


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> SlowSigning:
    return SlowSigning(monkeypatch)


async def test_the_loop_gets_its_turn_between_signatures(slow: SlowSigning) -> None:
    place, seen = InLoop(slow), list[int]()
    asked = [asyncio.create_task(place.sign(b"%d" % n)) for n in range(10)]
    while not all(task.done() for task in asked):
        await asyncio.sleep(0)
        seen.append(len(slow.signed))
    made = [after - before for before, after in itertools.pairwise(seen)]
    # The one that is begun within the time is ended.
    assert max(seen[0], *made) == 3
    assert [await task for task in asked] == [str(n) for n in range(10)]
    assert slow.signed == [b"%d" % n for n in range(10)]


async def test_one_alone_is_made_at_once(slow: SlowSigning) -> None:
    assert await InLoop(slow).sign(b"x") == "x"


async def test_one_that_fails_holds_up_no_other(slow: SlowSigning) -> None:
    place = InLoop(slow)
    bodies = [b"a", b"b", b"c", b"bad", b"d", b"bad", b"e"]
    made = await asyncio.gather(*map(place.sign, bodies), return_exceptions=True)
    assert [str(one) for one in made] == [
        "a", "b", "c", "no signature", "d", "no signature", "e"
    ]  # fmt: skip


async def test_one_that_is_cancelled_while_it_waits_is_not_made(
    slow: SlowSigning,
) -> None:
    place = InLoop(slow)
    asked = [asyncio.create_task(place.sign(b"%d" % n)) for n in range(6)]
    await asyncio.sleep(0)
    asked[4].cancel()
    made = await asyncio.gather(*asked, return_exceptions=True)
    assert isinstance(made[4], asyncio.CancelledError)
    assert slow.signed == [b"0", b"1", b"2", b"3", b"5"]


def test_a_signer_in_the_loop_starts_no_thread(merchant: PrivateKey) -> None:
    signer = RsaSigner(merchant, place="loop")

    async def sign() -> str:
        return await signer.sign(b"{}")

    before = threading.enumerate()
    # In one loop after the other, as one in a thread can.
    assert {asyncio.run(sign()) for _ in range(2)} == {
        spelled(merchant.sign_raw(b"{}"))
    }
    assert threading.enumerate() == before
    asyncio.run(signer.aclose())
    with pytest.raises(ClientStateError, match="signer is closed"):
        asyncio.run(sign())


async def test_the_loop_is_woken_once_for_a_burst(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loop, begin, woken = asyncio.get_running_loop(), threading.Event(), list[object]()
    genuine = loop.call_soon_threadsafe
    monkeypatch.setattr(time, "monotonic", lambda: 0.0)

    def wake(callback: Callable[..., Any], *args: Any, **more: Any) -> object:
        if getattr(callback, "__name__", "") == "_take":
            woken.append(callback)
        return genuine(callback, *args, **more)

    monkeypatch.setattr(loop, "call_soon_threadsafe", wake)

    def sign(body: bytes) -> str:
        assert begin.wait(30)
        return body.decode()

    place = in_thread(sign)
    asked = [asyncio.create_task(place.sign(b"%d" % n)) for n in range(20)]
    await asyncio.sleep(0)
    begin.set()
    assert await asyncio.gather(*asked) == [str(n) for n in range(20)]
    assert len(woken) == 1
    await place.aclose()


async def test_nobody_waits_long_for_others_to_be_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    passed = iter(range(1_000))
    # Each signature takes longer than a burst may.
    monkeypatch.setattr(time, "monotonic", lambda: float(next(passed)))
    first, last = threading.Event(), threading.Event()

    def sign(body: bytes) -> str:
        if body == b"1":
            first.set()
        assert body != b"3" or last.wait(30)
        return body.decode()

    place = in_thread(sign)
    asked = [asyncio.create_task(place.sign(b"%d" % n)) for n in range(4)]
    # The fourth is not made before the loop was told of the second.
    assert [await asked[0], await asked[1]] == ["0", "1"]
    last.set()
    assert await asyncio.gather(*asked) == ["0", "1", "2", "3"]
    await place.aclose()


def test_a_loop_that_is_closed_takes_nothing_with_it(merchant: PrivateKey) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def sign(body: bytes) -> str:
        begun.set()
        assert go_on.wait(30)
        return body.decode()

    place = in_thread(sign)

    async def give_up() -> None:
        asking = asyncio.create_task(place.sign(b"lost"))
        assert await asyncio.to_thread(begun.wait, 30)
        asking.cancel()
        await asyncio.wait([asking])

    async def ask() -> str:
        return await place.sign(b"found")

    asyncio.run(give_up())
    go_on.set()
    assert asyncio.run(ask()) == "found"
    asyncio.run(place.aclose())


def test_the_options_know_no_other_place_and_no_other_library() -> None:
    moon: Any = "moon"
    with pytest.raises(
        ConfigurationError, match="sign_in is one of thread, threads, processes, loop"
    ):
        ClientOptions(sign_in=moon)
    with pytest.raises(ConfigurationError, match="rsa_backend is one of auto"):
        ClientOptions(rsa_backend=moon)
