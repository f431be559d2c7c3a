"""Withdrawing a batch: nobody can pay its links any more, or it is said who can."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

import pytest

from payermax_async.bulk import (
    AskedLink,
    BatchMismatchError,
    BulkBatch,
    RowResult,
    RowState,
    WithdrawnLinks,
    expire_links,
)
from payermax_async.bulk.withdrawal import open_links
from payermax_async.core.errors import (
    AuthenticationError,
    ConfigurationError,
    NoReplyError,
    PayerMaxError,
)
from payermax_async.core.models.links import ExpiredLink
from payermax_async.sandbox.clock import VirtualClock
from payermax_async.sandbox.state.credentials import SandboxCredentials
from payermax_async.testing.local import LocalSandbox
from tests.bulk.contract import LEASE, planned
from tests.bulk.test_paid import Batch
from tests.pipeline.gateway import InstantClock
from tests.reconcile.conftest import START


class Withdrawing(Batch):
    """A batch whose withdrawals may fail."""

    def __init__(self, sandbox: LocalSandbox) -> None:
        super().__init__(sandbox)
        self.refusals: dict[str, PayerMaxError] = {}
        self.withdrawn: list[str] = []

    async def expire_link(
        self, merchant_link_id: str, *, timeout: float | None = None
    ) -> ExpiredLink:
        self.withdrawn.append(merchant_link_id)
        if merchant_link_id in self.refusals:
            raise self.refusals[merchant_link_id]
        return await super().expire_link(merchant_link_id, timeout=timeout)

    async def expired(self, **more: Any) -> WithdrawnLinks:
        return await expire_links(self, self.journal, clock=InstantClock(), **more)


@pytest.fixture
async def batch() -> AsyncGenerator[Withdrawing]:
    async with (
        LocalSandbox.running(
            credentials=SandboxCredentials.generate(), clock=VirtualClock(START)
        ) as sandbox,
        Withdrawing(sandbox) as batch,
    ):
        yield batch


async def test_what_is_open_is_withdrawn_and_what_was_paid_stays_paid(
    batch: Withdrawing,
) -> None:
    await batch.make("paid", "one", "two")
    await batch.sandbox.pay(batch.urls["paid"])
    told: dict[str, bool] = {}

    def tell(key: str, error: PayerMaxError | None) -> None:
        told[key] = error is None

    end = await batch.expired(tell=tell)
    assert end.asked.counts == {AskedLink.PAID: 1, AskedLink.EXPIRED: 2}
    assert end.is_complete
    assert batch.states() == {
        "paid": RowState.PAID,
        "one": RowState.EXPIRED,
        "two": RowState.EXPIRED,
    }
    assert told == {"one": True, "two": True, "paid": False}
    batch.withdrawn.clear()
    assert (await batch.expired()).is_complete
    assert batch.withdrawn == []


async def test_what_was_made_since_they_were_counted_is_left_and_told(
    batch: Withdrawing,
) -> None:
    await batch.make("one")
    agreed = open_links(batch.journal)
    await batch.make("two")
    end = await batch.expired(links=agreed)
    assert batch.withdrawn == ["one"]
    assert batch.states() == {"one": RowState.EXPIRED, "two": RowState.CREATED}
    assert not end.is_complete


async def test_what_could_not_be_withdrawn_stays_open_and_comes_again(
    batch: Withdrawing,
) -> None:
    await batch.make("one", "two")
    batch.refusals["one"] = NoReplyError("cut")
    end = await batch.expired()
    assert (end.failed, end.is_complete) == (1, False)
    assert batch.states() == {"one": RowState.CREATED, "two": RowState.EXPIRED}
    batch.refusals.clear()
    batch.withdrawn.clear()
    assert (await batch.expired()).is_complete
    assert batch.withdrawn == ["one"]


async def test_a_row_in_doubt_may_have_a_link_that_can_be_paid(
    batch: Withdrawing,
) -> None:
    await batch.make("one")
    claim = await batch.journal.claim(planned("two", 2), run="x", lease=LEASE)
    await batch.journal.settle("two", claim.token, RowResult(state=RowState.UNKNOWN))
    end = await batch.expired()
    assert batch.states()["one"] is RowState.EXPIRED
    assert (end.in_doubt, end.is_complete) == (1, False)


async def test_what_every_withdrawal_would_meet_with_stops_it(
    batch: Withdrawing,
) -> None:
    await batch.make("one", "two", "three")
    batch.refusals = {
        key: AuthenticationError("no", code="SIGN_VERIFY_FAILED")
        for key in ("one", "two", "three")
    }
    with pytest.raises(AuthenticationError):
        await batch.expired(at_once=1)
    assert len(batch.withdrawn) == 1


async def test_another_merchants_batch_is_left_alone(batch: Withdrawing) -> None:
    await batch.journal.open()
    await batch.journal.begin(BulkBatch(plan="", fingerprint="merchant P9"))
    claim = await batch.journal.claim(planned("one"), run="x", lease=LEASE)
    await batch.journal.settle("one", claim.token, RowResult(state=RowState.CREATED))
    with pytest.raises(BatchMismatchError, match="merchant P9"):
        await batch.expired()
    assert batch.withdrawn == []


@pytest.mark.parametrize("wrong", [{"per_second": 0.0}, {"at_once": 0}])
async def test_a_pace_without_meaning_is_refused(
    batch: Withdrawing, wrong: dict[str, Any]
) -> None:
    with pytest.raises(ConfigurationError):
        await batch.expired(**wrong)
