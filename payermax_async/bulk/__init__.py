"""Many links at once, each exactly once, whatever happens on the way.

Example:
    >>> from payermax_async.bulk import SqliteJournal, create_links
    >>> journal = SqliteJournal("november.sqlite3")
    >>> async with create_links(client, orders, journal=journal) as run:
    ...     async for done in run:
    ...         print(done.merchant_link_id, done.state, done.link_url)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from payermax_async._lazy import lazy_names

if TYPE_CHECKING:
    from payermax_async.bulk.journal import Journal, MemoryJournal, SqliteJournal
    from payermax_async.bulk.outcomes import DoneRow, DoneState
    from payermax_async.bulk.records import (
        BatchMismatchError,
        BulkBatch,
        ClaimStanding,
        JournalError,
        JournalRow,
        PlannedRow,
        RowClaim,
        RowResult,
        RowState,
    )
    from payermax_async.bulk.report import BulkReport, FailureGroup, StateTotal
    from payermax_async.bulk.rows import BulkItem, OrderRow, link_id_of
    from payermax_async.bulk.run import BulkRun, BulkSource, create_links

__all__ = [
    "BatchMismatchError",
    "BulkBatch",
    "BulkItem",
    "BulkReport",
    "BulkRun",
    "BulkSource",
    "ClaimStanding",
    "DoneRow",
    "DoneState",
    "FailureGroup",
    "Journal",
    "JournalError",
    "JournalRow",
    "MemoryJournal",
    "OrderRow",
    "PlannedRow",
    "RowClaim",
    "RowResult",
    "RowState",
    "SqliteJournal",
    "StateTotal",
    "create_links",
    "link_id_of",
]

_HOMES = {
    "BatchMismatchError": "bulk.records",
    "BulkBatch": "bulk.records",
    "BulkItem": "bulk.rows",
    "BulkReport": "bulk.report",
    "BulkRun": "bulk.run",
    "BulkSource": "bulk.run",
    "ClaimStanding": "bulk.records",
    "DoneRow": "bulk.outcomes",
    "DoneState": "bulk.outcomes",
    "FailureGroup": "bulk.report",
    "Journal": "bulk.journal",
    "JournalError": "bulk.records",
    "JournalRow": "bulk.records",
    "MemoryJournal": "bulk.journal",
    "OrderRow": "bulk.rows",
    "PlannedRow": "bulk.records",
    "RowClaim": "bulk.records",
    "RowResult": "bulk.records",
    "RowState": "bulk.records",
    "SqliteJournal": "bulk.journal",
    "StateTotal": "bulk.report",
    "create_links": "bulk.run",
    "link_id_of": "bulk.rows",
}
"""The module that each name lives in, below ``payermax_async``."""

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
