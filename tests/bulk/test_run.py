"""What a run does with its rows, its source and whoever iterates."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import cast

import pytest

from payermax_async.bulk import (
    BulkItem,
    DoneState,
    Journal,
    MemoryJournal,
    OrderRow,
    RowState,
    create_links,
)
from payermax_async.core.errors import (
    AuthenticationError,
    ClientStateError,
    ConfigurationError,
    NotSentError,
)
from tests.bulk.kit import Wrapped, made, memory, orders, ran, states
from tests.pipeline.gateway import order
from tests.pipeline.merchant import (
    CREATE,
    HELD_UP,
    LOST,
    QUERY,
    Answer,
    Gateways,
    coded,
)

C, F, R, X, U = (
    DoneState.CREATED,
    DoneState.FOUND,
    DoneState.REFUSED,
    DoneState.CONFLICTING,
    DoneState.UNKNOWN,
)


async def test_each_row_gets_its_link_and_comes_out_once() -> None:
    gateways = Gateways()
    async with gateways.client() as client:
        rows = await ran(client, orders(40), memory(gateways))
    assert states(rows) == [C] * 40
    assert [row.position for row in rows] == list(range(1, 41))
    assert rows[0].link_url == "https://pay.test/order-1/1"
    assert rows[0].row == order("order-1")
    assert set(made(gateways).values()) == {1}


async def test_run_again_everything_is_found_without_asking_anybody() -> None:
    gateways = Gateways()
    journal = memory(gateways)
    async with gateways.client() as client:
        first = await ran(client, orders(5), journal)
        gateways.seen.clear()
        again = await ran(client, orders(7), journal)
    assert states(again) == [F] * 5 + [C] * 2
    assert [row.link_url for row in again[:5]] == [row.link_url for row in first]
    assert gateways.names() == [CREATE] * 2


async def test_with_the_journal_lost_no_second_link_is_made() -> None:
    gateways = Gateways(checks=True)
    async with gateways.client() as client:
        await ran(client, orders(5), memory(gateways))
        again = await ran(client, orders(5), memory(gateways))
    assert states(again) == [F] * 5
    assert set(made(gateways).values()) == {1}


@pytest.mark.parametrize("lost", [LOST, HELD_UP])
async def test_an_answer_that_was_lost_is_settled_and_nothing_is_made_twice(
    lost: Answer,
) -> None:
    gateways = Gateways()
    gateways.first.script[CREATE] = [lost] * 3
    async with gateways.client() as client:
        rows = await ran(client, orders(6), memory(gateways))
    assert states(rows) == [C] * 6
    assert set(made(gateways).values()) == {1}


async def test_ordinary_failures_are_told_and_never_stop_the_run() -> None:
    gateways = Gateways()
    journal = memory(gateways)
    answers: dict[str, Answer] = {"order-2": coded("PARAMS_INVALID"), "order-4": LOST}
    gateways.first.script[CREATE] = [
        lambda data: answers.get(
            str(data["merchantLinkId"]), gateways.first.usual(CREATE, data)
        )
    ] * 6
    async with gateways.client() as client:
        rows = await ran(client, orders(6), journal, at_once=1)
    assert states(rows) == [C, R, C, C, C, C]
    assert rows[1].reason
    assert rows[1].remedy
    known = [row.result for row in journal.read()]
    assert known[1].state is RowState.REFUSED
    assert not known[1].again


async def test_what_differs_from_what_exists_is_a_conflict() -> None:
    gateways = Gateways(checks=True)
    async with gateways.client() as client:
        await client.create_link(order("order-1", "5.00"))
    async with gateways.client() as client:
        (row,) = await ran(client, orders(1), memory(gateways))
    assert row.state is X
    assert "total_amount" in row.reason


async def test_what_cannot_be_found_out_is_unknown_and_asked_about_next_time() -> None:
    gateways = Gateways()
    gateways.first.script[CREATE] = [LOST]
    gateways.first.script[QUERY] = [HELD_UP] * 50
    journal = memory(gateways)
    async with gateways.client() as client:
        (row,) = await ran(client, orders(1), journal)
    assert row.state is U
    assert "same journal" in row.remedy
    gateways.first.script.clear()
    gateways.seen.clear()
    async with gateways.client() as client:
        (row,) = await ran(client, orders(1), journal)
    assert row.state is F
    assert gateways.names() == [QUERY]
    assert gateways.count() == 1


async def test_what_is_paid_or_over_is_found_and_said() -> None:
    gateways = Gateways(checks=True)
    async with gateways.client() as client:
        await client.create_link(order())
        await client.expire_link("order-1")
    journal = memory(gateways)
    async with gateways.client() as client:
        (row,) = await ran(client, orders(1), journal)
    assert row.state is F
    assert row.reason == "it is withdrawn or expired"
    assert [known.result.state for known in journal.read()] == [RowState.EXPIRED]


async def test_rows_that_break_a_rule_are_refused_with_every_reason() -> None:
    good = {
        "total_amount": "19.90",
        "currency": "USD",
        "country": "US",
        "description": "Shirt",
        "user_info": order().user_info,
    }
    rows = [
        OrderRow(batch="november", order="A-1", fields=good),
        OrderRow(batch="november", order="A-2", fields={**good, "currency": "usd"}),
        OrderRow(batch="november", order="A-3", fields={"colour": "red"}),
    ]
    gateways = Gateways()
    async with gateways.client() as client:
        done = await ran(client, rows, memory(gateways))
    assert states(done) == [C, R, R]
    assert "currency" in done[1].reason
    assert "colour: is no field of a link" in done[2].reason
    assert "total_amount: is required" in done[2].reason
    assert list(made(gateways)) == ["november.A-1"]


async def test_a_refused_row_comes_again_once_it_is_mended() -> None:
    gateways = Gateways()
    journal = memory(gateways)
    gateways.first.script[CREATE] = [coded("PARAMS_INVALID")]
    async with gateways.client() as client:
        assert states(await ran(client, orders(1), journal)) == [R]
        assert states(await ran(client, orders(1), journal)) == [R]
        assert gateways.names() == [CREATE]
        mended = [order("order-1", "20.00")]
        assert states(await ran(client, mended, journal)) == [C]


async def test_a_row_that_was_never_sent_comes_again_by_itself() -> None:
    gateways = Gateways()
    gateways.first.script[CREATE] = [NotSentError("refused")] * 20
    journal = memory(gateways)
    async with gateways.client() as client:
        assert states(await ran(client, orders(1), journal)) == [R]
        gateways.first.script.clear()
        assert states(await ran(client, orders(1), journal)) == [C]


async def test_a_changed_row_is_told_and_not_mixed_in() -> None:
    gateways = Gateways()
    journal = memory(gateways)
    async with gateways.client() as client:
        await ran(client, orders(2), journal)
        changed = [order("order-1", "99.00"), order("order-2")]
        rows = await ran(client, changed, journal)
    assert states(rows) == [X, F]
    assert "other fields" in rows[0].reason
    assert [row.planned.amount for row in journal.read()] == ["19.90"] * 2
    assert set(made(gateways).values()) == {1}


@pytest.mark.parametrize("at_once", [1, 4])
async def test_an_id_that_comes_twice_makes_one_link_and_is_told(at_once: int) -> None:
    gateways = Gateways()
    source = [*orders(3), order("order-2"), order("order-3", "1.00")]
    async with gateways.client() as client:
        rows = await ran(client, source, memory(gateways), at_once=at_once)
    assert states(rows) == [C, C, C, X, X]
    assert "row 2" in rows[3].reason
    assert set(made(gateways).values()) == {1}


# --- sources ---------------------------------------------------------------------


async def test_a_source_is_taken_lazily() -> None:
    taken, gateways = list[int](), Gateways()

    def source() -> Iterator[BulkItem]:
        for number, item in enumerate(orders(500)):
            taken.append(number)
            yield item

    async with (
        gateways.client() as client,
        create_links(client, source(), journal=memory(gateways), at_once=4) as run,
    ):
        await anext(run)
        for _ in range(200):
            await asyncio.sleep(0)
        assert len(taken) < 20


async def test_a_source_may_be_asynchronous_and_is_closed() -> None:
    closed, gateways = list[bool](), Gateways()

    async def source() -> AsyncIterator[BulkItem]:
        try:
            for item in orders(50):
                await asyncio.sleep(0)
                yield item
        finally:
            closed.append(True)

    async with gateways.client() as client:
        assert len(await ran(client, source(), memory(gateways))) == 50
        async with create_links(client, source(), journal=memory(gateways)) as run:
            await anext(run)
    assert closed == [True, True]


async def test_what_a_source_raises_comes_after_the_rows_before_it() -> None:
    gateways, rows = Gateways(), list[DoneState]()

    def source() -> Iterator[BulkItem]:
        yield from orders(5)
        raise OSError("the sheet is gone")

    async def all_of_it() -> None:
        async with (
            gateways.client() as client,
            create_links(client, source(), journal=memory(gateways)) as run,
        ):
            async for done in run:
                rows.append(done.state)

    with pytest.raises(OSError, match="the sheet is gone"):
        await all_of_it()
    assert rows == [C] * 5


async def test_it_is_raised_even_if_nobody_looks() -> None:
    gateways = Gateways()

    def source() -> Iterator[BulkItem]:
        yield from orders(1)
        raise OSError("the sheet is gone")

    async def one_row() -> None:
        async with (
            gateways.client() as client,
            create_links(client, source(), journal=memory(gateways)) as run,
        ):
            await anext(run)
            for _ in range(50):
                await asyncio.sleep(0)

    with pytest.raises(OSError, match="gone"):
        await one_row()


async def test_a_source_that_hangs_holds_back_no_row_and_nobody_who_leaves() -> None:
    gateways = Gateways()

    async def source() -> AsyncIterator[BulkItem]:
        for item in orders(3):
            yield item
        await asyncio.Future()

    async with (
        gateways.client() as client,
        create_links(client, source(), journal=memory(gateways)) as run,
    ):
        rows = [(await anext(run)).state for _ in range(3)]
    assert rows == [C] * 3


async def test_something_else_than_rows_is_refused() -> None:
    gateways = Gateways()
    source = cast("list[BulkItem]", ["order-1"])
    async with gateways.client() as client:
        with pytest.raises(TypeError, match="CreateLink or OrderRow, not str"):
            await ran(client, source, memory(gateways))


# --- leaving and stopping --------------------------------------------------------


async def test_leaving_early_leaves_nothing_running_and_nothing_held() -> None:
    gateways = Gateways()
    journal = memory(gateways)
    async with gateways.client() as client:
        before = asyncio.all_tasks()
        async with create_links(client, orders(100), journal=journal) as run:
            async for _ in run:
                break
        assert asyncio.all_tasks() == before
        rows = await ran(client, orders(100), journal)
    assert set(states(rows)) <= {C, F}
    assert set(made(gateways).values()) == {1}
    assert gateways.clock.seconds < 60  # nobody waited for a hold to run out


async def test_cancelling_leaves_nothing_running() -> None:
    gateways = Gateways()
    gateways.hangs = asyncio.Event()
    journal = memory(gateways)
    async with gateways.client() as client:
        before = asyncio.all_tasks()
        task = asyncio.create_task(ran(client, orders(9), journal))
        await gateways.hangs.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert asyncio.all_tasks() == before
    known = {row.result.state for row in journal.read()}
    assert known <= {RowState.PLANNED, RowState.UNKNOWN}


async def test_an_error_of_the_body_comes_out_as_it_is() -> None:
    gateways = Gateways()

    async def body() -> None:
        async with (
            gateways.client() as client,
            create_links(client, orders(9), journal=memory(gateways)) as run,
        ):
            async for _ in run:
                raise KeyError("mine")

    with pytest.raises(KeyError):
        await body()


async def test_wrong_keys_stop_the_run_at_once() -> None:
    gateways = Gateways()
    journal = memory(gateways)
    gateways.first.ailment = coded("SIGN_VERIFY_FAILED")
    async with gateways.client() as client:
        with pytest.raises(AuthenticationError):
            await ran(client, orders(500), journal, at_once=2)
        assert len(gateways.seen) <= 4
        gateways.first.ailment = None
        assert states(await ran(client, orders(3), journal)) == [C] * 3


async def test_a_client_that_is_not_open_is_refused() -> None:
    gateways = Gateways()
    with pytest.raises(ClientStateError, match="not open"):
        await ran(gateways.client(), orders(1), memory(gateways))


async def test_at_once_is_at_least_one() -> None:
    gateways = Gateways()
    async with gateways.client() as client:
        with pytest.raises(ConfigurationError, match="at_once"):
            await ran(client, orders(1), memory(gateways), at_once=0)


async def test_an_open_journal_stays_open() -> None:
    gateways = Gateways()
    journal = MemoryJournal()
    await journal.open()
    async with gateways.client() as client:
        await ran(client, orders(1), journal)
    assert journal.is_open


# --- turns -----------------------------------------------------------------------


async def test_rows_in_doubt_hold_no_turn() -> None:
    """The answers to the first creates are lost; nobody's sleep ends before others."""
    gateways, awake = Gateways(), asyncio.Event()

    async def sleep(seconds: float) -> None:
        gateways.clock.slept.append(seconds)
        await awake.wait()
        gateways.clock.seconds += seconds

    gateways.clock.sleep = sleep  # type: ignore[method-assign]
    # Held up: a query knows nothing of them for as long as the waits take.
    gateways.first.script[CREATE] = [HELD_UP] * 4
    async with (
        gateways.client() as client,
        create_links(client, orders(30), journal=memory(gateways), at_once=2) as run,
    ):
        early = [await anext(run) for _ in range(26)]
        assert {done.position for done in early} == set(range(5, 31))
        awake.set()
        late = [done async for done in run]
    assert states(late) == [C] * 4
    assert set(made(gateways).values()) == {1}


async def test_no_more_creates_than_asked_for_are_under_way() -> None:
    gateways, most, now = Gateways(), 0, 0

    async def entered(*_args: object, **_more: object) -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        for _ in range(5):
            await asyncio.sleep(0)

    async def left(*_args: object, **_more: object) -> None:
        nonlocal now
        now -= 1

    journal = Wrapped(
        memory(gateways), before={"sending": entered}, after={"settle": left}
    )
    async with gateways.client() as client:
        await ran(client, orders(40), cast("Journal", journal), at_once=3)
    assert most == 3
