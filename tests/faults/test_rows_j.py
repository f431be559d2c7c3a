"""The rows of broken connections and answers for refunds, and of a backup host."""

from __future__ import annotations

import pytest

from payermax_async.core.errors import Outcome, OutcomeUnknownError
from payermax_async.pipeline.breaker import BreakerPolicy
from tests.faults import test_rows_b as rows_b
from tests.faults import test_rows_c as rows_c
from tests.faults import test_rows_d as rows_d
from tests.faults.gateway import Gateway, Scene, coded, serve, spoken, unanswered
from tests.faults.rig import (
    REFUND,
    SETTLED,
    WRITES,
    BriskClock,
    Rig,
    Stage,
    Write,
)
from tests.faults.server import Wire, reply

both_ways = pytest.mark.parametrize("done", [True, False], ids=["done", "not done"])
every_write = pytest.mark.parametrize("write", WRITES, ids=lambda write: write.name)

# --- refunds under the rows of creates ------------------------------------------


@pytest.mark.parametrize("row", rows_b.ROWS, ids=lambda row: row.name)
async def test_a_broken_connection_costs_no_refund_and_makes_no_second(
    stage: Stage, row: rows_b.Row
) -> None:
    async with stage.rig(attempt_timeout=row.attempt_timeout) as rig:
        rig.gateway.arrivals.extend(row.arrivals)
        rig.gateway.scenes.extend(row.scenes)
        if row.warm:
            await rig.still_works()
        await rig.write(REFUND)

        warming, asked = row.asked[: row.warm], row.asked[row.warm :]
        assert rig.first(REFUND.key)[0] is row.outcome
        assert rig.gateway.names == [*warming, *REFUND.named(asked)]
        assert rig.gateway.made == 1
        await rig.still_works()


def answers() -> dict[str, tuple[rows_d.Make, float]]:
    """Every doubtful answer of the rows C and D, and how long it may take."""
    found = {row.name: (row.make, 20.0) for row in rows_d.ROWS}
    for row in rows_c.ROWS:
        found[row.name] = (said(row), row.attempt_timeout)
    return found


def said(row: rows_c.Row) -> rows_d.Make:
    def make(done: bool) -> Scene:
        return spoken(row.speak, row.end, done=done, gap=row.gap)

    return make


@both_ways
@pytest.mark.parametrize(
    ("make", "attempt_timeout"), answers().values(), ids=list(answers())
)
async def test_an_answer_in_doubt_to_a_refund_is_asked_about(
    stage: Stage, make: rows_d.Make, attempt_timeout: float, done: bool
) -> None:
    async with stage.rig(attempt_timeout=attempt_timeout) as rig:
        rig.gateway.scenes.append(make(done))
        await rig.write(REFUND)

        assert rig.first(REFUND.key)[0] is Outcome.UNKNOWN
        assert rig.gateway.names == REFUND.named(SETTLED[done])
        assert rig.gateway.made == 1
        await rig.still_works()


@pytest.mark.parametrize("row", rows_d.REFUSALS, ids=lambda row: row.name)
async def test_a_refusal_of_a_refund_is_final(
    stage: Stage, row: rows_d.Refusal
) -> None:
    async with stage.rig() as rig:
        rig.gateway.scenes.append(coded(row.code, signed=row.signed))
        error = await rig.failure(rig.write(REFUND))

        assert type(error) is row.error
        assert (error.outcome, error.merchant_key) == (Outcome.REJECTED, REFUND.key)
        assert rig.gateway.names == [REFUND.send]
        assert rig.gateway.links == {}


# --- a backup host ----------------------------------------------------------------

EAGER = BreakerPolicy(window=60.0, min_calls=1, failure_ratio=0.5, open_for=30.0)
ILL = spoken(lambda _: reply(b"<html>", status="503 Sorry"), done=False)


def two_hosts() -> tuple[BriskClock, Gateway, Gateway]:
    clock = BriskClock()
    return clock, Gateway(clock), Gateway(clock)


def lost(*, done: bool) -> Scene:
    return unanswered(Wire.finish, done=done)


def wrote(gateway: Gateway) -> int:
    return sum(write.send in gateway.names for write in WRITES)


@every_write
@both_ways
async def test_what_was_lost_at_a_host_that_is_well_is_settled_there(
    stage: Stage, write: Write, done: bool
) -> None:
    """J1 answer lost at A, A well"""
    clock, first, backup = two_hosts()
    async with stage.rig(first, clock=clock, backup=backup) as rig:
        first.scenes.append(lost(done=done))
        await rig.write(write)

        assert first.names == write.named(SETTLED[done])
        assert (first.made, backup.names) == (1, [])


@every_write
@both_ways
async def test_the_absence_at_a_backup_settles_nothing(
    stage: Stage, write: Write, done: bool
) -> None:
    """J2 answer lost at A, A ill, the backup says absent"""
    clock, first, backup = two_hosts()
    async with stage.rig(first, clock=clock, backup=backup, breaker=EAGER) as rig:
        first.scenes.append(lost(done=done))
        first.usual = ILL
        error = await rig.failure(rig.write(write))

        assert isinstance(error, OutcomeUnknownError)
        assert error.hosts == (first.base_url,)
        assert (error.operation, error.merchant_key) == (write.send, write.key)
        assert write.ask in backup.names
        assert (wrote(backup), backup.made, first.made) == (0, 0, done)
        await _heals(rig, write, first, error, done=done)
        assert (first.made, backup.made) == (1, 0)


async def _heals(
    rig: Rig, write: Write, first: Gateway, error: OutcomeUnknownError, *, done: bool
) -> None:
    """The first host comes back: its word settles the case, and all goes on."""
    first.usual = serve
    rig.clock.seconds += 31
    found = await rig.client.resolve(error)
    assert (found is not None) is done
    made = await rig.write(write)
    assert made.found is done


@every_write
async def test_what_a_backup_finds_settles_the_case(stage: Stage, write: Write) -> None:
    """J3 answer lost at A, A ill, the backup finds it"""
    clock, first, backup = two_hosts()
    backup.links = first.links
    async with stage.rig(first, clock=clock, backup=backup, breaker=EAGER) as rig:
        first.scenes.append(lost(done=True))
        first.usual = ILL
        made = await rig.write(write)

        assert made.found
        assert (wrote(backup), backup.made, first.made) == (0, 0, 1)


@every_write
@both_ways
async def test_a_probe_at_the_host_that_came_back_is_no_leave_to_send_again(
    stage: Stage, write: Write, done: bool
) -> None:
    """J4 answer lost at A, A ill for a while, the backup says absent throughout"""
    clock, first, backup = two_hosts()
    async with stage.rig(
        first, clock=clock, backup=backup, breaker=EAGER, timeout=300.0
    ) as rig:
        first.scenes.append(lost(done=done))
        first.scenes.extend([ILL] * 2)
        made = None
        try:
            made = await rig.write(write)
        except OutcomeUnknownError as error:
            await _heals(rig, write, first, error, done=done)

        assert made is None or made.found is done
        assert (wrote(backup), backup.made, first.made) == (0, 0, 1)
        assert first.names.count(write.send) == (1 if done else 2)


@every_write
async def test_what_never_reached_a_host_may_be_done_at_the_backup(
    stage: Stage, write: Write
) -> None:
    """J5 A refuses connections"""
    clock, first, backup = two_hosts()
    async with stage.rig(first, clock=clock, backup=backup, breaker=EAGER) as rig:
        first.server.stop_accepting()
        rig.gateway = backup
        made = await rig.write(write)

        assert not made.found
        assert backup.names == [write.send]
        assert (first.made, backup.made, first.names) == (0, 1, [])
        rig.gateway = first


@every_write
async def test_a_doubt_at_the_backup_is_settled_at_the_backup(
    stage: Stage, write: Write
) -> None:
    """J6 A refuses connections, answer lost at the backup"""
    clock, first, backup = two_hosts()
    async with stage.rig(first, clock=clock, backup=backup, breaker=EAGER) as rig:
        first.server.stop_accepting()
        backup.scenes.append(lost(done=True))
        rig.gateway = backup
        made = await rig.write(write)

        assert made.found
        assert backup.made == 1
        assert backup.names.count(write.send) == 1
        rig.gateway = first
