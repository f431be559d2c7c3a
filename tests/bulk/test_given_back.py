"""A row is planned anew only when nothing of it can have been done."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from payermax_async.bulk import DoneState, Journal, RowState
from payermax_async.core.errors import ClientStateError
from payermax_async.core.strict_json import JsonObject
from payermax_async.storage.errors import StorageError
from tests.bulk.kit import Wrapped, made, memory, orders, ran, states
from tests.pipeline.merchant import CREATE, LOST, Answer, Gateways


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_link_that_the_journal_was_not_heard_to_note_is_not_made_again(
    when: str,
) -> None:
    gateways, failed = Gateways(), list[str]()
    journal = memory(gateways)

    async def fail(*_args: Any, **_more: Any) -> None:
        if not failed:
            failed.append("settle")
            raise StorageError("no answer in time; it may be done")

    wrapped = Wrapped(journal, **{when: {"settle": fail}})  # type: ignore[arg-type]
    async with gateways.client(timeout=60.0) as client:
        with pytest.raises(StorageError):
            await ran(client, orders(1), cast("Journal", wrapped))
        assert [row.result.state for row in journal.read()] != [RowState.PLANNED]
        rows = await ran(client, orders(1), journal)
    assert states(rows) == [DoneState.FOUND]
    assert set(made(gateways).values()) == {1}


async def test_a_row_in_doubt_stays_in_doubt_when_its_client_is_closed() -> None:
    gateways = Gateways()
    journal = memory(gateways)
    closing: list[asyncio.Task[None]] = []
    async with gateways.client(timeout=60.0) as client:

        def made_and_lost(data: JsonObject) -> Answer:
            gateways.first.usual(CREATE, data)
            closing.append(asyncio.create_task(client.aclose()))
            return LOST

        gateways.first.script = {CREATE: [made_and_lost]}
        with pytest.raises(ClientStateError):
            await ran(client, orders(1), journal)
        await closing[0]
    assert [row.result.state for row in journal.read()] != [RowState.PLANNED]
    async with gateways.client(timeout=60.0) as client:
        assert states(await ran(client, orders(1), journal)) == [DoneState.FOUND]
    assert set(made(gateways).values()) == {1}
