"""What a client knows of an id from its own calls: it asks, and does not send."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from payermax_async.client import PayerMaxClient
from payermax_async.core.errors import (
    ApiError,
    ConflictError,
    Outcome,
    OutcomeUnknownError,
)
from payermax_async.core.strict_json import JsonObject
from payermax_async.pipeline.matching import as_refusal
from payermax_async.pipeline.writes import Writes
from payermax_async.testing.replies import signed_reply
from payermax_async.transport.base import HttpResponse

from .gateway import PLATFORM, InstantClock, order
from .merchant import (
    ASK_REFUND,
    CREATE,
    EXPIRE,
    HELD_UP,
    KEYS,
    LOST,
    QUERY,
    REFUND,
    Gateways,
    coded,
    refund,
)


def ok(data: JsonObject) -> HttpResponse:
    return signed_reply(PLATFORM, data)


def bare(_data: JsonObject) -> HttpResponse:
    return ok({"status": "REFUND_PENDING"})


Send = Callable[[PayerMaxClient, str], Awaitable[Any]]


async def create_link(client: PayerMaxClient, amount: str) -> object:
    return await client.create_link(order(amount=amount))


async def make_refund(client: PayerMaxClient, amount: str) -> object:
    return await client.refund(refund(amount=amount))


WRITES: dict[str, tuple[str, str, str, Send]] = {
    "link": (CREATE, QUERY, "order-1", create_link),
    "refund": (REFUND, ASK_REFUND, "R1", make_refund),
}
every_write = pytest.mark.parametrize(
    ("write", "query", "key", "send"), WRITES.values(), ids=list(WRITES)
)


@every_write
async def test_what_this_client_knows_to_exist_is_asked_about_and_never_sent_again(
    write: str, query: str, key: str, send: Send
) -> None:
    gateways = Gateways()
    async with gateways.client() as client:
        await send(client, "5.00")
        # Sent, either would be told as not done, or be done a second time.
        gateways.first.script[write] = [coded("PARAMS_INVALID"), LOST]
        again = await send(client, "5.00")
        with pytest.raises(ConflictError) as caught:
            await send(client, "6.00")
        with pytest.raises(ConflictError, match="nothing was sent"):
            await client.call_raw(
                write, {KEYS.get(write, "merchantLinkId"): key}, version="1.0"
            )
    assert again.found
    assert "amount" in caught.value.differences[0]
    assert gateways.names() == [write, query, query]
    assert gateways.count(key) == 1


@every_write
async def test_what_was_found_after_a_lost_answer_is_known_as_well(
    write: str, query: str, key: str, send: Send
) -> None:
    gateways = Gateways()
    gateways.first.script[write] = [LOST]
    async with gateways.client() as client:
        assert (await send(client, "5.00")).found
        # It is this client's own: where an answer may leave the amount out, it still
        # is what was found.
        gateways.first.made[key][0].pop("refundAmount", None)
        assert (await send(client, "5.00")).found
        gateways.first.made[key] = []
        with pytest.raises(OutcomeUnknownError) as caught:
            await send(client, "5.00")
        assert "knew it before" in caught.value.reason
    assert gateways.names().count(write) == 1


@every_write
async def test_what_existed_and_is_not_there_any_more_is_unknown_until_resolved(
    write: str, query: str, key: str, send: Send
) -> None:
    gateways = Gateways()
    async with gateways.client() as client:
        await send(client, "5.00")
        gateways.first.made.clear()
        with pytest.raises(OutcomeUnknownError, match="may or may not") as caught:
            await send(client, "5.00")
        assert gateways.names() == [write, *[query] * 4]
        assert "knew it before" in caught.value.reason
        assert await client.resolve(caught.value) is None
        assert not (await send(client, "5.00")).found
    assert gateways.count(key) == 1


async def test_a_bare_status_is_no_answer_to_a_refund_of_another_amount() -> None:
    gateways = Gateways()
    async with gateways.client() as client:
        await client.refund(refund(amount="5.00"))
        gateways.first.script[ASK_REFUND] = [bare] * 4
        assert (await client.refund(refund(amount="5.00"))).found
        with pytest.raises(OutcomeUnknownError):
            await client.refund(refund(amount="6.00"))
    assert gateways.names().count(REFUND) == 1


async def test_a_bare_status_is_no_answer_to_another_amount_than_is_in_doubt() -> None:
    gateways = Gateways()
    gateways.first.script = {REFUND: [LOST], ASK_REFUND: [*[HELD_UP] * 5, *[bare] * 4]}
    async with gateways.client() as client:
        for amount in ("5.00", "6.00"):
            with pytest.raises(OutcomeUnknownError):
                await client.refund(refund(amount=amount))
    assert gateways.names().count(REFUND) == 1


async def test_another_spelling_found_after_a_lost_answer_may_stand_beside_it() -> None:
    gateways = Gateways()

    def lower(_data: JsonObject) -> Any:
        made = gateways.first.made["Order-1"][0]
        return ok({**made, "merchantLinkId": "order-1"})

    gateways.first.script = {CREATE: [LOST], QUERY: [lower]}
    async with gateways.client() as client:
        with pytest.raises(ConflictError) as caught:
            await client.create_link(order("Order-1"))
        assert caught.value.outcome is Outcome.UNKNOWN
        # Still in doubt, it is asked about again, and not sent.
        assert (await client.create_link(order("Order-1"))).found
    assert gateways.names() == [CREATE, QUERY, QUERY]


def test_what_is_known_is_bounded_in_number_and_time() -> None:
    clock = InstantClock()
    writes = Writes(clock, capacity=2, seconds=10.0)
    for kind in (writes.doubts, writes.existing):
        for key in ("a", "b", "a", "c"):
            kind.keep((CREATE, key), ("https://x",), None)
        kept = [key for key in "abc" if kind.get((CREATE, key)) is not None]
        assert kept == ["a", "c"]
    clock.seconds = 10.0
    assert writes.doubts.get((CREATE, "c")) is None
    assert writes.existing.get((CREATE, "c")) is None


# --- codes that nobody knows ------------------------------------------------------


@every_write
@pytest.mark.parametrize("done", [True, False])
async def test_a_signed_code_that_nobody_knows_is_looked_into(
    write: str, query: str, key: str, send: Send, done: bool
) -> None:
    gateways = Gateways()

    def processing(data: JsonObject) -> Any:
        if done:
            gateways.first.make(write, key, data)
        return coded("PROCESSING_2")

    gateways.first.script[write] = [processing]
    async with gateways.client() as client:
        if done:
            assert (await send(client, "5.00")).found
        else:
            with pytest.raises(ApiError) as caught:
                await send(client, "5.00")
            assert caught.value.code == "PROCESSING_2"
            assert caught.value.outcome is Outcome.REJECTED
            assert caught.value.merchant_key == key
    assert gateways.names() == [write, *[query] * (1 if done else 4)]


async def test_a_signed_code_that_nobody_knows_stays_open_while_nobody_answers() -> (
    None
):
    gateways = Gateways()
    gateways.first.script = {CREATE: [coded("PROCESSING_2")], QUERY: [HELD_UP] * 5}
    async with gateways.client() as client:
        with pytest.raises(OutcomeUnknownError, match="may or may not"):
            await client.create_link(order())
        # Asked again, it turns out that nothing came of it: then it may be sent.
        assert not (await client.create_link(order())).found
    assert gateways.names().count(CREATE) == 2


@pytest.mark.parametrize("state", ["EXPIRED", "ACTIVE"])
async def test_a_withdrawal_answered_by_an_unknown_code_is_looked_into(
    state: str,
) -> None:
    gateways = Gateways()

    def processing(_data: JsonObject) -> Any:
        gateways.first.made["order-1"][0]["linkStatus"] = state
        return coded("PROCESSING_2")

    gateways.first.script[EXPIRE] = [processing]
    async with gateways.client() as client:
        await client.create_link(order())
        gateways.seen.clear()
        if state == "EXPIRED":
            assert (await client.expire_link("order-1")).link_status == "EXPIRED"
            assert gateways.names() == [EXPIRE, QUERY]
        else:
            with pytest.raises(ApiError) as caught:
                await client.expire_link("order-1")
            assert caught.value.outcome is Outcome.REJECTED
            assert gateways.names() == [EXPIRE, *[QUERY] * 4]


@pytest.mark.parametrize("asked_to_wait", [None, 7.0])
def test_a_refusal_by_an_unknown_code_keeps_what_the_answer_said(
    asked_to_wait: float | None,
) -> None:
    answer = ApiError(
        "x",
        code="NEWS",
        api_message="told",
        verified=True,
        operation=CREATE,
        outcome=Outcome.UNKNOWN,
        retry_after=asked_to_wait,
    )
    refusal = as_refusal(answer)
    assert isinstance(refusal, ApiError)
    assert (refusal.code, refusal.api_message) == ("NEWS", "told")
    assert refusal.verified
    assert refusal.operation == CREATE
    assert refusal.outcome is Outcome.REJECTED
    assert refusal.retry_after == asked_to_wait


async def test_raw_a_signed_code_that_nobody_knows_is_the_merchants_to_settle() -> None:
    gateways = Gateways()
    data: Any = {"merchantLinkId": "order-1"}
    gateways.first.script[CREATE] = [coded("PROCESSING_2")]
    async with gateways.client() as client:
        with pytest.raises(ApiError) as caught:
            await client.call_raw(CREATE, data, version="1.1")
        assert caught.value.outcome is Outcome.UNKNOWN
        assert gateways.names() == [CREATE]
        assert await client.resolve(caught.value) is None
