"""What paces a client may be somebody else's, and what a journal wants of a write."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from types import TracebackType

import pytest

from payermax_async.client import PayerMaxClient, engine_of
from payermax_async.core.errors import (
    ExtensionError,
    NotSentError,
    Outcome,
    OutcomeUnknownError,
    ThrottledError,
)
from payermax_async.core.models.links import CreatedLink
from payermax_async.core.operations.table import CREATE_LINK
from payermax_async.core.strict_json import read_json, write_json
from payermax_async.options import ClientOptions
from payermax_async.pipeline.execution import Care
from payermax_async.pipeline.facts import Attempt
from payermax_async.pipeline.limiter import Limiter
from payermax_async.pipeline.slots import Slots
from payermax_async.testing.fake import FakeTransport
from payermax_async.transport.base import HttpRequest, HttpResponse

from .gateway import CONFIG, InstantClock, QuickSigner, order
from .merchant import CREATE, FIRST_URL, HELD_UP, LOST, QUERY, Gateways, coded


class Counting:
    """A limiter of the application's own."""

    def __init__(self) -> None:
        self.wave = 0
        self.entered = self.left = 0

    def slow_down(self, wave: int) -> None:
        self.wave = max(self.wave, wave + 1)

    async def __aenter__(self) -> None:
        self.entered += 1

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        self.left += 1


class Shut(Counting):
    """Lets nobody in."""

    async def __aenter__(self) -> None:
        raise OSError("the quota's database is gone")


async def test_a_limiter_of_ones_own_paces_the_client() -> None:
    limiter, gateways = Counting(), Gateways()
    async with gateways.client(limiter=limiter) as client:
        await client.create_link(order())
        await client.query_link("order-1")
    assert isinstance(limiter, Limiter)
    assert (limiter.entered, limiter.left) == (2, 2)


async def test_it_is_told_of_throttling_once_for_those_under_way_together() -> None:
    limiter, gateways = Counting(), Gateways()
    gateways.first.ailment = coded("TOO_MANY_REQUEST")
    async with gateways.client(limiter=limiter) as client:
        with pytest.raises(ThrottledError):
            await client.query_link("order-1")
    assert limiter.wave == limiter.entered == limiter.left > 1


async def test_a_limiter_that_fails_keeps_the_request_unsent() -> None:
    gateways = Gateways()
    async with gateways.client(limiter=Shut()) as client:
        with pytest.raises(ExtensionError) as caught:
            await client.create_link(order())
    assert caught.value.outcome is Outcome.NOT_SENT
    assert gateways.seen == []


async def test_a_limiter_is_shared_by_clients() -> None:
    gateways = Gateways()
    limiter = Slots(1, gateways.clock)
    async with (
        gateways.client(limiter=limiter) as one,
        gateways.client(limiter=limiter) as other,
        limiter,
    ):
        calls = [
            asyncio.create_task(client.create_link(order(key)))
            for client, key in ((one, "order-1"), (other, "order-2"))
        ]
        for _ in range(20):
            await asyncio.sleep(0)
        assert gateways.seen == []
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)


class _Anybody:
    async def verify(self, payload: bytes, signature: str) -> None:
        """Whoever it is."""


async def test_time_is_stamped_after_the_queue_however_many_wait() -> None:
    """Ten thousand wait, each answer takes a tenth of a second of the clock."""
    clock, ages = InstantClock(), list[timedelta]()

    def answer(request: HttpRequest) -> HttpResponse:
        envelope = read_json(request.body)
        assert isinstance(envelope, dict)
        stamp = datetime.fromisoformat(str(envelope["requestTime"]))
        ages.append(clock.now() - stamp)
        clock.seconds += 0.1
        data = envelope["data"]
        assert isinstance(data, dict)
        found = {
            "merchantLinkId": data["merchantLinkId"],
            "totalAmount": "1.00",
            "currency": "USD",
        }
        body = write_json({"code": "APPLY_SUCCESS", "msg": "", "data": found})
        return HttpResponse(status=200, headers=(("sign", "any"),), body=body)

    client = PayerMaxClient(
        CONFIG,
        transport=FakeTransport(answer),
        clock=clock,
        signer=QuickSigner(),
        verifier=_Anybody(),
        options=ClientOptions(max_in_flight=16, timeout=3000, attempt_timeout=3000),
    )
    async with client:
        calls = [client.query_link(f"order-{number}") for number in range(10_000)]
        await asyncio.gather(*calls)
    assert len(ages) == 10_000
    assert max(ages) < timedelta(seconds=5)


# --- what a journal wants of a write ---------------------------------------------


async def test_the_gate_is_asked_last_before_each_send_and_not_for_questions() -> None:
    gateways, asked = Gateways(), list[tuple[str, bool, int]]()

    async def gate(attempt: Attempt, url: str) -> None:
        assert attempt.stamp is not None
        asked.append((url, attempt.sent, len(gateways.seen)))

    gateways.first.script[CREATE] = [HELD_UP]
    await create(gateways, Care(gate=gate))
    assert asked[0] == (f"{FIRST_URL}/{CREATE}", False, 0)
    assert len(asked) == gateways.names().count(CREATE) == 2
    assert QUERY in gateways.names()


async def create(gateways: Gateways, care: Care) -> CreatedLink:
    completed = order().completed(CONFIG.defaults)
    async with gateways.client() as client:
        return await engine_of(client).perform(CREATE_LINK, completed, None, care)


async def test_a_gate_that_is_shut_lets_nothing_leave_and_is_not_asked_again() -> None:
    gateways, asked = Gateways(), list[str]()

    async def gate(attempt: Attempt, url: str) -> None:
        asked.append(url)
        error = NotSentError("somebody else has it")
        error.most_attempts = 1
        raise error

    with pytest.raises(NotSentError, match="somebody else has it"):
        await create(gateways, Care(gate=gate))
    assert (len(asked), gateways.seen) == (1, [])


async def test_a_deferred_write_ends_in_doubt_at_once_and_names_the_host() -> None:
    gateways = Gateways()
    gateways.first.script[CREATE] = [LOST]
    with pytest.raises(OutcomeUnknownError) as caught:
        await create(gateways, Care(defers=True))
    assert gateways.names() == [CREATE]
    assert gateways.clock.slept == []
    assert caught.value.hosts == (FIRST_URL,)


@pytest.mark.parametrize("hosts", [(FIRST_URL,), ("https://gone.test/x",), ()])
async def test_a_write_that_a_journal_doubts_is_asked_about_first(
    hosts: tuple[str, ...],
) -> None:
    gateways = Gateways()
    await create(gateways, Care())
    gateways.seen.clear()
    found = await create(gateways, Care(hosts=hosts))
    assert found.found
    assert gateways.names() == [QUERY]


async def test_what_is_only_to_be_asked_about_is_not_sent() -> None:
    gateways = Gateways()
    with pytest.raises(OutcomeUnknownError):
        await create(gateways, Care(hosts=(FIRST_URL,), asks_only=True))
    assert set(gateways.names()) == {QUERY}
