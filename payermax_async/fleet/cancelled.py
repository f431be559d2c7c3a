"""Rows of a cancelled batch whose create may have left: asked about, never sent."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from payermax_async.bulk.journal import Journal
from payermax_async.bulk.outcomes import rest, result_of, result_of_error, stops_all
from payermax_async.bulk.records import ClaimStanding, RowClaim, RowResult, RowState
from payermax_async.client import PayerMaxClient, engine_of
from payermax_async.core.errors import NotFoundError, Outcome, PayerMaxError
from payermax_async.core.models.link_request import CreateLink
from payermax_async.core.operations.table import CREATE_LINK
from payermax_async.fleet.payloads import read_item
from payermax_async.fleet.records import ChunkRow
from payermax_async.pipeline.execution import Care

__all__ = ["settle_cancelled"]

_NOTHING = RowResult(
    state=RowState.REFUSED,
    reason="the batch was cancelled, and PayerMax knows no link under this id",
)


async def settle_cancelled(
    client: PayerMaxClient,
    journal: Journal,
    rows: Sequence[ChunkRow],
    lease: timedelta,
) -> int:
    """Ask about rows one after the other; how many of them were settled.

    A row whose create may still arrive, or that PayerMax may only not show yet, stays
    in doubt: it is asked about again later.

    Raises:
        PayerMaxError: No other row would fare better.
    """
    settled = 0
    for row in rows:
        key = row.row.planned.key
        # Asking one after the other takes its time, and holds run out.
        if not await journal.renew(key, row.token, lease):
            continue
        result = await _found_out(client, row)
        if result is not None:
            await journal.settle(key, row.token, result)
            settled += 1
    return settled


async def _found_out(client: PayerMaxClient, row: ChunkRow) -> RowResult | None:
    engine, request = engine_of(client), read_item(row.item)
    completed: CreateLink = request.completed(client.config.defaults)
    care = Care(hosts=row.row.hosts, asks_only=True, asks_once=True)
    try:
        return result_of(await engine.perform(CREATE_LINK, completed, None, care))
    except PayerMaxError as error:
        if stops_all(error):
            raise
        if error.outcome is not Outcome.UNKNOWN:
            return result_of_error(error)
    claim = RowClaim(standing=ClaimStanding.OURS, row=row.row, sent_ago=row.sent_ago)
    hosts = engine.retry_loop.hosts
    if rest(claim, hosts.first.time()) or len(hosts.hosts) > 1:
        # Where another host may have seen it, absence at one of them says nothing.
        return None
    try:
        await client.query_link(row.row.planned.key)
    except NotFoundError as error:
        return _NOTHING if error.verified else None
    except PayerMaxError as error:
        if stops_all(error):
            raise
    return None
