"""Where a run stops by itself, and that it goes on afterwards as if it had not."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any, cast

import attrs
import pytest

from payermax_async import ConfigurationError, NotSentError, ReplySignatureError
from payermax_async.bulk import (
    BulkRails,
    BulkRun,
    DoneRow,
    DoneState,
    Journal,
    Rail,
    RailTrippedError,
    RowState,
    create_links,
)
from payermax_async.pipeline.breaker import BreakerPolicy
from payermax_async.signing.keys import PrivateKey
from payermax_async.testing.replies import signed_reply
from tests.bulk.kit import Wrapped, made, memory, name, orders, ran, states
from tests.pipeline.gateway import START, order
from tests.pipeline.merchant import CREATE, LOST, QUERY, Gateways, coded

C, F, R, U = (
    DoneState.CREATED,
    DoneState.FOUND,
    DoneState.REFUSED,
    DoneState.UNKNOWN,
)
REFUSAL = coded("PARAMS_INVALID")


@attrs.frozen
class Tripped:
    """How a run ended that met a rail."""

    rows: list[DoneRow]
    rail: Rail | None
    error: RailTrippedError | None


async def tripped(
    gateways: Gateways,
    count: int,
    journal: Journal,
    rails: BulkRails,
    *,
    client: Mapping[str, Any] | None = None,
    **options: Any,
) -> Tripped:
    """Run until the rail, and see that nothing is left running or held."""
    rows, error = list[DoneRow](), None
    async with gateways.client(**(client or {})) as opened:
        before = asyncio.all_tasks()
        run: BulkRun | None = None
        try:
            async with create_links(
                opened,
                orders(count),
                journal=journal,
                rails=rails,
                names=name,
                **options,
            ) as run:
                async for done in run:
                    rows.append(done)
        except RailTrippedError as caught:
            error = caught
        assert asyncio.all_tasks() == before
        assert run is not None
        assert [known.ended for known in journal.status().runs][-1] == (
            f"stopped at a rail: {run.rail}"
        )
    return Tripped(rows, run.rail, error)


async def goes_on(
    gateways: Gateways, journal: Journal, count: int, rails: BulkRails | None = None
) -> list[DoneState]:
    """The next run, without other rails; each link exists once after it."""
    gateways.first.ailment = None
    gateways.first.script.clear()
    async with gateways.client(timeout=9999.0) as client:
        rows = await ran(client, orders(count), journal, rails=rails)
    assert set(made(gateways).values()) <= {1}
    return states(rows)


async def test_more_failures_than_may_be_stop_it() -> None:
    gateways = Gateways()
    journal = memory(gateways)
    gateways.first.script[CREATE] = [REFUSAL] * 50
    end = await tripped(gateways, 50, journal, BulkRails(max_failures=2), at_once=1)
    assert states(end.rows) == [R] * 3
    assert end.rail is Rail.MAX_FAILURES
    assert end.error is not None
    assert "3 rows got no link" in str(end.error)
    assert gateways.names() == [CREATE] * 3
    # What was refused before counts for nothing in the next run.
    gateways.first.script[CREATE] = []
    async with gateways.client() as client:
        rows = await ran(
            client, orders(50), journal, rails=BulkRails(max_failures=0), at_once=1
        )
    assert states(rows) == [R] * 3 + [C] * 47


async def test_rows_under_way_end_when_it_stops() -> None:
    gateways = Gateways()
    journal = memory(gateways)
    gateways.first.script[CREATE] = [REFUSAL]
    end = await tripped(gateways, 50, journal, BulkRails(max_failures=0), at_once=8)
    assert end.rail is Rail.MAX_FAILURES
    assert len(gateways.names()) <= 8
    assert sorted(states(end.rows)) == [C] * (len(gateways.names()) - 1) + [R]
    known = {row.result.state for row in journal.read()}
    assert known <= {RowState.CREATED, RowState.REFUSED, RowState.PLANNED}
    assert (await goes_on(gateways, journal, 50)).count(R) == 1
    assert len(made(gateways)) == 49


@pytest.mark.parametrize(("share", "worked"), [(0.05, 2), (0.5, 11), (0.0, 1)])
async def test_a_share_of_failures_is_taken_of_twenty_rows_at_least(
    share: float, worked: int
) -> None:
    gateways = Gateways()
    gateways.first.script[CREATE] = [REFUSAL] * 50
    rails = BulkRails(max_failure_share=share)
    end = await tripped(gateways, 50, memory(gateways), rails, at_once=1)
    assert end.rail is Rail.MAX_FAILURES
    assert states(end.rows) == [R] * worked


async def test_a_share_is_of_what_was_worked_on() -> None:
    gateways = Gateways()
    refused = {f"order-{number}" for number in range(10, 100, 10)}
    gateways.first.script[CREATE] = [
        lambda data: (
            REFUSAL
            if data["merchantLinkId"] in refused
            else gateways.first.usual(CREATE, data)
        )
    ] * 99
    async with gateways.client() as client:
        rails = BulkRails(max_failure_share=0.1)
        rows = await ran(client, orders(99), memory(gateways), rails=rails, at_once=1)
    assert states(rows).count(R) == 9


async def test_no_more_is_asked_for_than_may_be() -> None:
    gateways = Gateways()
    journal = memory(gateways)
    rails = BulkRails(max_amount={"USD": Decimal(60)})
    end = await tripped(gateways, 9, journal, rails, at_once=4)
    assert end.rail is Rail.MAX_AMOUNT
    assert end.error is not None
    assert "79.60 USD would be asked for, and 60 USD" in str(end.error)
    assert len(made(gateways)) == 3  # 59.70
    # What exists counts in the next run.
    end = await tripped(gateways, 9, journal, rails, at_once=4)
    assert len(made(gateways)) == 3
    assert states(end.rows) == [F] * 3
    rails = BulkRails(max_amount={"USD": Decimal("99.50"), "EUR": Decimal(1)})
    await tripped(gateways, 9, journal, rails, at_once=4)
    assert len(made(gateways)) == 5
    # Who goes on without naming it does not lift it.
    end = await tripped(gateways, 9, journal, BulkRails(), at_once=4)
    assert (end.rail, len(made(gateways))) == (Rail.MAX_AMOUNT, 5)
    rails = BulkRails(max_amount={"USD": Decimal(999)})
    assert await goes_on(gateways, journal, 9, rails) == [F] * 5 + [C] * 4


async def test_what_was_refused_asks_for_nothing_and_what_is_in_doubt_does() -> None:
    gateways = Gateways()
    journal = memory(gateways)
    gateways.first.script[CREATE] = [REFUSAL, REFUSAL, LOST]
    gateways.first.script[QUERY] = [LOST] * 99
    rails = BulkRails(max_amount={"USD": Decimal(40)})
    end = await tripped(gateways, 9, journal, rails, at_once=1)
    assert end.rail is Rail.MAX_AMOUNT
    assert len(made(gateways)) == 2
    end = await tripped(gateways, 9, journal, rails, at_once=1)
    assert len(made(gateways)) == 2


async def test_nothing_is_begun_when_its_time_is_over() -> None:
    gateways = Gateways()
    journal = memory(gateways)

    def later(_host: str, _operation: str) -> None:
        gateways.clock.seconds += 10

    gateways.before = later
    stop_at = START + timedelta(seconds=45)
    end = await tripped(gateways, 9, journal, BulkRails(stop_at=stop_at), at_once=1)
    assert end.rail is Rail.STOP_AT
    assert gateways.names() == [CREATE] * 5
    assert await goes_on(gateways, journal, 9) == [F] * 5 + [C] * 4


async def test_a_trial_works_on_its_first_rows_and_ends_without_an_error() -> None:
    gateways = Gateways()
    journal = memory(gateways)
    gateways.first.script[CREATE] = [LOST]
    end = await tripped(gateways, 9, journal, BulkRails(first=3))
    assert (end.rail, end.error) == (Rail.FIRST, None)
    assert sorted(states(end.rows)) == [C] * 3  # also the one that was in doubt
    assert len(made(gateways)) == 3
    # The next trial is of the rows after them.
    end = await tripped(gateways, 9, journal, BulkRails(first=2))
    assert len(made(gateways)) == 5
    assert await goes_on(gateways, journal, 9) == [F] * 5 + [C] * 4


async def test_the_amount_that_a_run_was_given_holds_whatever_its_journal_keeps() -> (
    None
):
    gateways = Gateways()
    journal = memory(gateways)

    async def raised(*_args: Any, **_more: Any) -> None:
        # As somebody else does, right after this run named its own.
        await journal.control(max_amount={"USD": Decimal(999)})

    wrapped = cast("Journal", Wrapped(journal, after={"control": raised}))
    rails = BulkRails(max_amount={"USD": Decimal(40)})
    end = await tripped(gateways, 9, wrapped, rails, at_once=1)
    assert (end.rail, len(made(gateways))) == (Rail.MAX_AMOUNT, 2)


async def test_a_trial_counts_rows_in_doubt_and_their_amounts_once() -> None:
    gateways = Gateways()
    journal = memory(gateways)
    gateways.first.script[CREATE] = [LOST]
    gateways.first.script[QUERY] = [LOST] * 99
    end = await tripped(gateways, 9, journal, BulkRails(first=1), at_once=1)
    assert states(end.rows) == [U]
    gateways.first.script.clear()
    # The one in doubt is all of it: nothing of the second row leaves.
    amounts = {"USD": order("one").total_amount}
    end = await tripped(
        gateways, 9, journal, BulkRails(first=1, max_amount=amounts), at_once=1
    )
    assert end.rail is Rail.FIRST
    assert states(end.rows) == [F]
    assert list(made(gateways)) == ["order-1"]
    rails = BulkRails(max_amount={"USD": Decimal(999)})
    assert await goes_on(gateways, journal, 9, rails) == [F] + [C] * 8


async def test_a_trial_of_all_rows_meets_no_rail() -> None:
    gateways = Gateways()
    journal = memory(gateways)
    async with (
        gateways.client() as client,
        create_links(
            client, orders(3), journal=journal, rails=BulkRails(first=3)
        ) as run,
    ):
        assert states([done async for done in run]) == [C] * 3
    assert run.rail is None
    assert [known.ended for known in journal.status().runs] == ["finished"]


def together() -> Gateways:
    """Whoever sleeps wakes only after the others have had their turn as well."""
    gateways = Gateways()
    sleep = gateways.clock.sleep

    async def slow(seconds: float) -> None:
        await sleep(seconds)
        for _ in range(30):
            await asyncio.sleep(0)

    gateways.clock.sleep = slow  # type: ignore[method-assign]
    return gateways


# --- outages ---------------------------------------------------------------------


@pytest.mark.parametrize("breaker", [None, BreakerPolicy()])
@pytest.mark.parametrize("ailment", [LOST, NotSentError("refused")])
async def test_an_outage_stops_it_rather_than_burning_through_the_rows(
    ailment: Exception, breaker: BreakerPolicy | None
) -> None:
    gateways = together()
    journal = memory(gateways)
    gateways.first.ailment = ailment
    end = await tripped(
        gateways, 200, journal, BulkRails(), client={"breaker": breaker}
    )
    assert end.rail is Rail.OUTAGE
    assert gateways.clock.seconds < 1800
    known = [row.result.state for row in journal.read()]
    assert len(known) < 100
    assert len(end.rows) < 80
    # What was made and never answered is found, or its doubt counts as this run's.
    assert set(await goes_on(gateways, journal, 200)) == {C}
    assert len(made(gateways)) == 200


@pytest.mark.parametrize("timeout", [300.0, 15.0])
async def test_an_outage_that_ends_costs_no_row(timeout: float) -> None:
    """Neither a long nor a short call fails for good, and none counts twice."""
    gateways = together()
    journal = memory(gateways)
    gateways.first.ailment = NotSentError("refused")

    def heal(_host: str, _operation: str) -> None:
        if gateways.clock.seconds > 120:
            gateways.first.ailment = None

    gateways.before = heal
    rails = BulkRails(max_amount={"USD": Decimal("1990.00")}, outage_patience=9999.0)
    async with (
        gateways.client(breaker=BreakerPolicy(), timeout=timeout) as client,
        create_links(client, orders(100), journal=journal, rails=rails) as run,
    ):
        rows = [done async for done in run]
    assert states(rows) == [C] * 100
    assert run.progress.waits_for == ""
    assert set(made(gateways).values()) == {1}


async def test_rows_that_fail_beside_others_are_no_outage() -> None:
    gateways = Gateways()
    bad = NotSentError("refused")
    gateways.first.script[CREATE] = [
        lambda data: (
            bad
            if int(str(data["merchantLinkId"]).split("-")[1]) % 2
            else gateways.first.usual(CREATE, data)
        )
    ] * 900
    async with gateways.client() as client:
        rows = await ran(client, orders(100), memory(gateways), at_once=1)
    assert set(states(rows)) == {C, R}


# --- keys ------------------------------------------------------------------------


async def test_a_wrong_key_of_payermax_stops_it_before_more_is_made() -> None:
    gateways = Gateways()
    journal = memory(gateways)
    stranger = PrivateKey.generate()

    def forged(operation: str) -> Any:
        def answer(data: Any) -> Any:
            gateways.first.usual(operation, data)
            return signed_reply(stranger, {"merchantLinkId": data["merchantLinkId"]})

        return answer

    for operation in (CREATE, QUERY):
        gateways.first.script[operation] = [forged(operation)] * 99
    async with gateways.client() as client:
        with pytest.raises(ReplySignatureError):
            await ran(client, orders(50), journal, at_once=4)
    assert len(made(gateways)) <= 4
    known = {row.result.state for row in journal.read()}
    assert known <= {RowState.UNKNOWN, RowState.PLANNED}
    assert set(await goes_on(gateways, journal, 50)) == {F, C}


async def test_a_single_forged_answer_stops_nothing() -> None:
    gateways = Gateways()
    stranger = PrivateKey.generate()

    def forged(data: Any) -> Any:
        gateways.first.usual(CREATE, data)
        return signed_reply(stranger, {"merchantLinkId": data["merchantLinkId"]})

    gateways.first.script[CREATE] = [forged]
    async with gateways.client() as client:
        rows = await ran(client, orders(20), memory(gateways), at_once=4)
    assert states(rows) == [C] * 20
    assert set(made(gateways).values()) == {1}


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_failures": -1},
        {"max_failure_share": 1.5},
        {"max_failure_share": float("nan")},
        {"max_amount": {"USD": Decimal(0)}},
        {"max_amount": {"USD": Decimal("NaN")}},
        {"stop_at": START.replace(tzinfo=None)},
        {"first": 0},
        {"outage_patience": -1.0},
        {"outage_patience": float("inf")},
    ],
)
def test_a_rail_that_nobody_can_go_by_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        BulkRails(**wrong)


async def test_an_order_of_another_currency_is_free() -> None:
    gateways = Gateways()
    source = [attrs.evolve(order(f"order-{n}"), currency="EUR") for n in range(9)]
    rails = BulkRails(max_amount={"USD": Decimal(1)})
    async with gateways.client() as client:
        assert states(await ran(client, source, memory(gateways), rails=rails)) == (
            [C] * 9
        )
