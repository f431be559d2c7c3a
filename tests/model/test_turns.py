"""Calls with one id wait for one another, and for no longer than each of them may."""

from __future__ import annotations

import asyncio

import attrs
import pytest

from payermax_async.core.errors import NotSentError, Outcome
from payermax_async.sandbox.ledger.policy import Duplicates
from tests.model.keys import stand_in_keys
from tests.model.network import Fate, Kind
from tests.model.test_outliving import REQUEST
from tests.model.virtual_time import VirtualLoop
from tests.model.world import Reach, World


@pytest.mark.parametrize("before", [1, 2, 3])
def test_several_before_it_do_not_add_up_beyond_a_calls_deadline(before: int) -> None:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        world = World(
            loop=runner.get_loop(),
            keys=stand_in_keys(),
            duplicates=Duplicates.REPEAT,
            reach=Reach.ANY,
        )

        async def all_at_once() -> None:
            await world.client.open()
            silent = Fate(kind=Kind.SILENT, done=False)
            # Each that has its turn finds nothing out within its own time.
            for number in range(before):
                timeout = 20.0 * (number + 1)
                world.start(
                    REQUEST, [silent] * 9, questions=[silent] * 9, timeout=timeout
                )
            last = world.start(attrs.evolve(REQUEST), [silent] * 9, timeout=20.5)
            await asyncio.wait([c.task for c in world.calls if c.task is not None])
            assert last.ended is not None
            assert last.ended - last.started <= 20.5 + 1e-3
            if before > 1:
                assert isinstance(last.error, NotSentError)
                assert last.outcome is Outcome.NOT_SENT
            await world.client.aclose()
            await world.network.settled()

        runner.run(all_at_once())
