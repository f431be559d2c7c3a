"""An id that is taken: what stands there is compared, and said as it is."""

from __future__ import annotations

import asyncio
import pickle
from datetime import timedelta
from typing import Any

import pytest

from payermax_async.core.errors import (
    AlreadyEndedError,
    ConflictError,
    Outcome,
    OutcomeUnknownError,
    PayerMaxError,
    ReplyMismatchError,
    UnnamedReplyError,
)
from payermax_async.core.strict_json import JsonObject
from payermax_async.pipeline.retry import RetryPolicy
from payermax_async.testing.replies import signed_reply
from payermax_async.transport.base import HttpResponse

from .gateway import PLATFORM, START, order
from .merchant import (
    ASK_REFUND,
    CREATE,
    EXPIRE,
    HELD_UP,
    LOST,
    QUERY,
    REFUND,
    Gateways,
    coded,
    refund,
)


def ok(data: JsonObject) -> Any:
    return signed_reply(PLATFORM, data)


async def test_the_same_link_again_is_returned_and_marked_as_found() -> None:
    gateways = Gateways(checks=True)
    async with gateways.client() as client:
        first = await client.create_link(order())
    async with gateways.client() as another_process:
        again = await another_process.create_link(order())
    assert (first.found, again.found) == (False, True)
    assert (first.link_id, first.link_url) == (again.link_id, again.link_url)
    assert again.not_compared == ()
    assert gateways.names() == [CREATE, CREATE, QUERY]


@pytest.mark.parametrize(
    ("field", "value", "difference"),
    [
        ("totalAmount", "20.00", "total_amount"),
        ("currency", "SGD", "currency"),
        ("country", "SG", "country"),
        ("description", "Red T-shirt", "description"),
        ("goodsDetails", [{"goodsName": "Other"}], "goods_details[0].goods_name"),
    ],
)
async def test_another_link_under_the_id_is_a_conflict_that_names_the_difference(
    field: str, value: Any, difference: str
) -> None:
    gateways = Gateways(checks=True)
    async with gateways.client() as client:
        await client.create_link(order())
        gateways.first.made["order-1"][0][field] = value
        with pytest.raises(ConflictError) as caught:
            await client.create_link(order())
    assert caught.value.differences == (difference,)
    assert caught.value.outcome is Outcome.REJECTED
    assert gateways.count() == 1


async def test_another_link_found_after_a_lost_answer_may_stand_beside_our_own() -> (
    None
):
    gateways = Gateways()
    async with gateways.client() as client:
        await client.create_link(order(amount="10.00"))
    gateways.first.script = {CREATE: [LOST]}
    async with gateways.client() as client:
        with pytest.raises(ConflictError) as caught:
            await client.create_link(order())
        assert gateways.count() == 2
        assert caught.value.differences[0] == "total_amount"
        assert caught.value.outcome is Outcome.UNKNOWN
        gateways.seen.clear()
        with pytest.raises(ConflictError) as again:
            await client.create_link(order())
    assert again.value.outcome is Outcome.REJECTED, "that call sent nothing"
    assert gateways.names() == [QUERY]


@pytest.mark.parametrize("end", ["paid", "withdrawn or expired"])
async def test_the_same_link_that_is_over_is_a_conflict_with_its_details(
    end: str,
) -> None:
    gateways = Gateways(checks=True)
    async with gateways.client() as client:
        await client.create_link(order())
        made = gateways.first.made["order-1"][0]
        if end == "paid":
            payer: JsonObject = {"userId": "ada", "userName": "Ada Lovelace"}
            made["payByLinkInfo"] = [
                {"outTradeNo": "T1", "status": "SUCCESS", "userInfo": payer}
            ]
        else:
            made["linkStatus"] = "EXPIRED"
        with pytest.raises(AlreadyEndedError) as caught:
            await client.create_link(order())
    error = caught.value
    assert (error.state, error.differences) == (end, ())
    assert error.details.is_paid == (end == "paid")
    assert b"Lovelace" not in pickle.dumps(error)
    assert b"T-shirt" not in pickle.dumps(error)


async def test_a_taken_id_that_no_query_shows_is_unknown_and_not_sent_again() -> None:
    gateways = Gateways()
    gateways.first.script[CREATE] = [coded("ORDER_REPEAT")]
    async with gateways.client() as client:
        with pytest.raises(OutcomeUnknownError):
            await client.create_link(order())
    assert gateways.names() == [CREATE, *[QUERY] * 4]


@pytest.mark.parametrize("lacking", ["totalAmount", "currency"])
async def test_a_link_whose_money_is_not_told_is_unknown(lacking: str) -> None:
    gateways = Gateways(checks=True)
    async with gateways.client() as client, gateways.client() as another:
        await another.create_link(order())
        del gateways.first.made["order-1"][0][lacking]
        with pytest.raises(OutcomeUnknownError):
            await client.create_link(order())


@pytest.mark.parametrize("operation", [CREATE, QUERY])
async def test_ids_that_differ_in_case_alone_are_a_conflict(operation: str) -> None:
    gateways = Gateways()

    def lower(data: JsonObject) -> Any:
        made = gateways.first.make(CREATE, "order-1", gateways.asked[0])
        return ok(made)

    gateways.first.script[operation] = [lower]
    if operation == QUERY:
        gateways.first.script[CREATE] = [coded("ORDER_REPEAT")]
    async with gateways.client() as client:
        with pytest.raises(ConflictError) as caught:
            await client.create_link(order("Order-1"))
    assert caught.value.differences == ("merchant_link_id",)
    sure = operation == QUERY
    assert caught.value.outcome is (Outcome.REJECTED if sure else Outcome.UNKNOWN)
    assert gateways.names().count(CREATE) == 1


async def test_another_spelling_that_exists_says_nothing_of_this_id() -> None:
    gateways = Gateways()
    gateways.first.script[CREATE] = [coded("ORDER_REPEAT")]

    def lower(_data: JsonObject) -> Any:
        return ok(gateways.first.make(CREATE, "order-1", gateways.asked[0]))

    gateways.first.script[QUERY] = [lower]
    async with gateways.client() as client:
        with pytest.raises(ConflictError):
            await client.create_link(order("Order-1"))
        made = await client.create_link(order("Order-1"))
    assert made.merchant_link_id == "Order-1"
    # Nothing was left to ask about.
    assert gateways.names() == [CREATE, QUERY, CREATE]


@pytest.mark.parametrize(("age", "found"), [(60, False), (7200, True)])
async def test_an_old_link_answered_as_new_is_noticed_by_its_expiry(
    age: int, found: bool
) -> None:
    gateways = Gateways()

    def old(data: JsonObject) -> Any:
        made = gateways.first.make(CREATE, "order-1", data)
        expires = START + timedelta(hours=24, seconds=-age)
        return ok({**made, "expiresAt": expires.isoformat()})

    gateways.first.script[CREATE] = [old]
    async with gateways.client() as client:
        link = await client.create_link(order())
    assert link.found is found
    assert (QUERY in gateways.names()) is found


async def test_the_same_refund_again_is_found_and_another_is_a_conflict() -> None:
    gateways = Gateways(checks=True)
    async with gateways.client() as client:
        assert not (await client.refund(refund())).found
        assert (await client.refund(refund())).found
        for other in (
            refund(amount="6.00"),
            refund(out_trade_no="T2"),
        ):
            with pytest.raises(ConflictError) as caught:
                await client.refund(other)
            assert len(caught.value.differences) == 1
    assert gateways.count("R1") == 1


async def test_two_tasks_with_one_id_get_the_same_one_thing() -> None:
    gateways = Gateways()
    async with gateways.client() as client:
        links = await asyncio.gather(*(client.create_link(order()) for _ in range(5)))
        assert sorted(link.found for link in links) == [False, True, True, True, True]
        backs = await asyncio.gather(client.refund(refund()), client.refund(refund()))
        different = await asyncio.gather(
            client.create_link(order("b")),
            client.create_link(order("b", "1.00")),
            return_exceptions=True,
        )
    assert len(set(map(str, links))) == 2  # they differ in ``found`` alone
    assert gateways.count() == gateways.count("R1") == gateways.count("b") == 1
    assert backs[0] == backs[1]
    assert isinstance(different[1], ConflictError)


async def test_two_processes_with_one_id_get_the_same_one_link() -> None:
    gateways = Gateways(checks=True)
    async with gateways.client() as one, gateways.client() as other:
        links = await asyncio.gather(
            one.create_link(order()), other.create_link(order())
        )
    assert gateways.count() == 1
    assert links[0].link_url == links[1].link_url


# --- once in doubt ----------------------------------------------------------------


@pytest.mark.parametrize("code", ["PARAMS_INVALID", "CONTRACT_INVALID"])
async def test_once_in_doubt_a_refusal_of_the_next_send_ends_nothing(
    code: str,
) -> None:
    gateways = Gateways()
    gateways.first.script[CREATE] = [LOST, coded(code)]
    gateways.first.shown_after = 100.0
    async with gateways.client() as client:
        with pytest.raises(OutcomeUnknownError) as caught:
            await client.create_link(order())
        gateways.clock.seconds = 101.0
        assert await client.resolve(caught.value) is not None


@pytest.mark.parametrize("most", [1, 2, 5])
async def test_one_limit_holds_for_all_sends_of_a_write(most: int) -> None:

    gateways = Gateways()
    gateways.first.script[CREATE] = [HELD_UP] * 99
    policy = RetryPolicy(max_attempts=most, draw=lambda _low, high: high)
    async with gateways.client(retry=policy, timeout=3000) as client:
        with pytest.raises(OutcomeUnknownError) as caught:
            await client.create_link(order())
    assert gateways.names().count(CREATE) == most
    assert caught.value.attempts == most
    assert caught.value.questions == gateways.names().count(QUERY) == 4 * most


# --- what an error carries --------------------------------------------------------


async def test_an_error_is_compared_like_its_request_also_from_a_pickle() -> None:
    gateways = Gateways()
    gateways.first.script = {CREATE: [LOST], QUERY: [HELD_UP] * 5}
    async with gateways.client() as client:
        with pytest.raises(OutcomeUnknownError) as caught:
            await client.create_link(order())
        error = pickle.loads(pickle.dumps(caught.value))
        assert isinstance(error, OutcomeUnknownError)
        found = await client.resolve(error)
        assert found is not None
        assert {"total_amount", "currency", "description"} <= set(found.compared)
        gateways.first.made["order-1"][0]["totalAmount"] = "1.00"
        with pytest.raises(ConflictError) as conflict:
            await client.resolve(error)
        assert conflict.value.differences == ("total_amount",)
        # An error of before, or of somebody else, knows nothing to compare with.
        del error.__dict__["asked"]
        found = await client.resolve(error)
    assert found is not None
    assert found.compared == ()
    assert {"total_amount", "currency"} <= set(found.not_compared)


@pytest.mark.parametrize("by_error", [True, False])
async def test_what_resolving_found_is_only_asked_about_by_whoever_resolved_it(
    by_error: bool,
) -> None:
    gateways = Gateways()  # makes a second link for a repeated id
    gateways.first.script = {CREATE: [LOST], QUERY: [HELD_UP] * 9}
    async with gateways.client() as client:
        with pytest.raises(OutcomeUnknownError) as caught:
            await client.create_link(order())
    gateways.first.script.clear()
    async with gateways.client() as after_a_restart:
        what = pickle.loads(pickle.dumps(caught.value)) if by_error else order()
        found = await after_a_restart.resolve(what)
        link = await after_a_restart.create_link(order())
        with pytest.raises(ConflictError) as conflict:
            await after_a_restart.create_link(order(amount="20.00"))
    assert found is not None
    assert (link.found, link.link_url) == (True, found.link_url)
    assert "total_amount" in conflict.value.differences
    assert gateways.count() == 1


@pytest.mark.parametrize("by_error", [True, False])
async def test_what_resolving_did_not_find_out_is_asked_about_before_it_is_sent(
    by_error: bool,
) -> None:
    gateways = Gateways()  # makes a second link for a repeated id
    gateways.first.script = {CREATE: [LOST], QUERY: [HELD_UP] * 9}
    async with gateways.client() as client:
        with pytest.raises(OutcomeUnknownError) as caught:
            await client.create_link(order())
    gateways.first.script = {QUERY: [HELD_UP] * 99}
    async with gateways.client() as after_a_restart:
        what = pickle.loads(pickle.dumps(caught.value)) if by_error else order()
        with pytest.raises(PayerMaxError):
            await after_a_restart.resolve(what)
        gateways.first.script.clear()
        link = await after_a_restart.create_link(order())
    assert link.found
    assert gateways.count() == 1


async def test_something_else_that_resolving_found_is_not_sent_over() -> None:
    gateways = Gateways()
    async with gateways.client() as client:
        await client.create_link(order())
    async with gateways.client() as after_a_restart:
        for _ in range(2):
            with pytest.raises(ConflictError):
                await after_a_restart.resolve(order(amount="20.00"))
        with pytest.raises(PayerMaxError):
            await after_a_restart.create_link(order(amount="20.00"))
    assert gateways.count() == 1


# --- answers without an id --------------------------------------------------------


def bare(status: str = "REFUND_PENDING", **more: Any) -> Any:
    def answer(_data: JsonObject) -> Any:
        return ok({"status": status, **more})

    return answer


async def test_a_refund_in_doubt_settles_by_a_bare_status_said_twice() -> None:
    gateways = Gateways()
    gateways.first.script = {REFUND: [LOST], ASK_REFUND: [bare(), bare()]}
    async with gateways.client() as client:
        made = await client.refund(refund())
    assert (made.out_refund_no, made.status, made.found) == (
        "R1",
        "REFUND_PENDING",
        True,
    )
    assert {"refund_amount", "refund_currency"} <= set(made.not_compared)
    assert gateways.names() == [REFUND, ASK_REFUND, ASK_REFUND]


async def test_a_bare_status_says_nothing_of_somebody_elses_refund() -> None:
    gateways = Gateways()
    gateways.first.script = {REFUND: [coded("ORDER_REPEAT")]}
    gateways.first.script[ASK_REFUND] = [bare()] * 2
    async with gateways.client() as client:
        with pytest.raises(OutcomeUnknownError):
            await client.refund(refund())


@pytest.mark.parametrize(
    "second",
    [
        bare(outRefundNo="R2"),
        bare("SUCCESS"),
        bare(merchantLinkId="order-1"),
    ],
    ids=["another id", "an order's status", "a link's id"],
)
async def test_what_contradicts_is_not_taken(second: Any) -> None:
    gateways = Gateways()
    gateways.first.script[ASK_REFUND] = [bare(), second] * 9
    async with gateways.client() as client:
        with pytest.raises(ReplyMismatchError):
            await client.query_refund("R1", timeout=1)


async def test_a_refund_of_somebody_else_stays_unknown_when_it_is_sent_again() -> None:
    gateways = Gateways(checks=True)
    async with gateways.client() as client:
        await client.refund(refund(amount="1.00"))
    bare = signed_reply(PLATFORM, {"status": "REFUND_PENDING", "outRefundNo": "R1"})
    gateways.first.script[ASK_REFUND] = [bare] * 9
    async with gateways.client() as client:
        for _ in range(3):
            with pytest.raises(OutcomeUnknownError):
                await client.refund(refund(amount="50.00"))
    assert gateways.count("R1") == 1


@pytest.mark.parametrize(
    "expires_at",
    [
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59Z",
        "9999-12-31T23:59:59-14:00",
    ],
)
async def test_an_expiry_at_the_end_of_the_calendar_is_asked_about(
    expires_at: str,
) -> None:
    gateways = Gateways()

    def odd(data: Any) -> Any:
        made = gateways.first.make(CREATE, "order-1", data)
        return signed_reply(PLATFORM, {**made, "expiresAt": expires_at})

    gateways.first.script[CREATE] = [odd]
    async with gateways.client() as client:
        link = await client.create_link(order())
    assert link.found
    assert gateways.names() == [CREATE, QUERY]


async def test_a_bare_answer_with_another_amount_is_unknown_and_no_conflict() -> None:
    gateways = Gateways()
    other = bare(refundAmount="1.00")
    gateways.first.script = {REFUND: [LOST], ASK_REFUND: [other, other]}
    async with gateways.client() as client:
        with pytest.raises(OutcomeUnknownError):
            await client.refund(refund())


async def test_an_order_without_its_number_is_asked_for_again_and_taken() -> None:
    gateways = Gateways()
    paid: JsonObject = {"status": "SUCCESS", "totalAmount": "5", "currency": "USD"}
    gateways.first.script["orderQuery"] = [lambda _data: ok(paid)] * 2
    async with gateways.client() as client:
        found = await client.query_order("T1")
    assert (found.out_trade_no, found.id_from_question) == ("T1", True)
    assert {"total_amount", "currency"} <= set(found.not_compared)


async def test_an_id_that_the_schema_requires_stays_required() -> None:
    gateways = Gateways()
    nameless: JsonObject = {"totalAmount": "5", "currency": "USD"}
    gateways.first.script[QUERY] = [lambda _data: ok(nameless)] * 9
    async with gateways.client() as client:
        with pytest.raises(PayerMaxError) as caught:
            await client.query_link("order-1", timeout=1)
    assert not isinstance(caught.value, UnnamedReplyError)


async def test_a_question_after_a_withdrawal_gives_the_gateway_its_rest() -> None:
    gateways = Gateways()
    busy = HttpResponse(status=503, headers=(("retry-after", "7"),), body=b"")
    gateways.first.script = {EXPIRE: [busy]}
    asked: list[float] = []

    def note(_host: str, operation: str) -> None:
        if operation == QUERY:
            asked.append(gateways.clock.seconds)

    async with gateways.client(retry=RetryPolicy(max_attempts=1)) as client:
        await client.create_link(order("order-1"))
        gateways.before, begun = note, gateways.clock.seconds
        with pytest.raises(PayerMaxError):
            await client.expire_link("order-1")
    assert asked
    assert asked[0] - begun >= 7
