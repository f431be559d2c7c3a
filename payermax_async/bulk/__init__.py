"""Many links at once, each exactly once, whatever happens on the way.

Example:
    >>> from payermax_async.bulk import SqliteJournal, create_links
    >>> journal = SqliteJournal("november.sqlite3")
    >>> async with create_links(client, orders, journal=journal) as run:
    ...     async for done in run:
    ...         print(done.merchant_link_id, done.state, done.link_url)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from payermax_async._lazy import lazy_names

if TYPE_CHECKING:
    from payermax_async.bulk.control import BatchStatus, BulkControl, RunStatus
    from payermax_async.bulk.create import create_links
    from payermax_async.bulk.events import (
        RowInDoubt,
        RowSettled,
        RunPaused,
        RunResumed,
    )
    from payermax_async.bulk.figures import (
        BatchFigures,
        BatchVerdict,
        FailureGroup,
        StateTotal,
    )
    from payermax_async.bulk.files.limits import FileLimits, OrderFileError
    from payermax_async.bulk.files.order_file import OrderFile
    from payermax_async.bulk.files.plan import (
        AmountAt,
        BatchPlan,
        CurrencyTotal,
        RowProblem,
    )
    from payermax_async.bulk.files.tables import FileSettings
    from payermax_async.bulk.files.template import write_template
    from payermax_async.bulk.journal import Journal
    from payermax_async.bulk.outcomes import DoneRow, DoneState
    from payermax_async.bulk.outputs.unpaid import AgeingLine, UnpaidLinks
    from payermax_async.bulk.paid import (
        AskedLink,
        AskedLinks,
        PaidLink,
        PaymentJournal,
        note_paid,
        refresh,
    )
    from payermax_async.bulk.payments import PaymentMark, RowPayment
    from payermax_async.bulk.postgres_journal import PostgresJournal
    from payermax_async.bulk.progress import BulkProgress
    from payermax_async.bulk.rails import BulkRails, Rail, RailTrippedError
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
    from payermax_async.bulk.report import BulkReport
    from payermax_async.bulk.rows import BulkItem, OrderRow, link_id_of
    from payermax_async.bulk.run import BulkRun
    from payermax_async.bulk.source import BulkSource
    from payermax_async.bulk.sql_journal import MemoryJournal, SqliteJournal
    from payermax_async.bulk.withdrawal import WithdrawnLinks, expire_links

__all__ = [
    "AgeingLine",
    "AmountAt",
    "AskedLink",
    "AskedLinks",
    "BatchFigures",
    "BatchMismatchError",
    "BatchPlan",
    "BatchStatus",
    "BatchVerdict",
    "BulkBatch",
    "BulkControl",
    "BulkItem",
    "BulkProgress",
    "BulkRails",
    "BulkReport",
    "BulkRun",
    "BulkSource",
    "ClaimStanding",
    "CurrencyTotal",
    "DoneRow",
    "DoneState",
    "FailureGroup",
    "FileLimits",
    "FileSettings",
    "Journal",
    "JournalError",
    "JournalRow",
    "MemoryJournal",
    "OrderFile",
    "OrderFileError",
    "OrderRow",
    "PaidLink",
    "PaymentJournal",
    "PaymentMark",
    "PlannedRow",
    "PostgresJournal",
    "Rail",
    "RailTrippedError",
    "RowClaim",
    "RowInDoubt",
    "RowPayment",
    "RowProblem",
    "RowResult",
    "RowSettled",
    "RowState",
    "RunPaused",
    "RunResumed",
    "RunStatus",
    "SqliteJournal",
    "StateTotal",
    "UnpaidLinks",
    "WithdrawnLinks",
    "create_links",
    "expire_links",
    "link_id_of",
    "note_paid",
    "refresh",
    "write_template",
]

_HOMES = {
    "AgeingLine": "bulk.outputs.unpaid",
    "AmountAt": "bulk.files.plan",
    "AskedLink": "bulk.paid",
    "AskedLinks": "bulk.paid",
    "BatchFigures": "bulk.figures",
    "BatchMismatchError": "bulk.records",
    "BatchPlan": "bulk.files.plan",
    "BatchStatus": "bulk.control",
    "BatchVerdict": "bulk.figures",
    "BulkBatch": "bulk.records",
    "BulkControl": "bulk.control",
    "BulkItem": "bulk.rows",
    "BulkProgress": "bulk.progress",
    "BulkRails": "bulk.rails",
    "BulkReport": "bulk.report",
    "BulkRun": "bulk.run",
    "BulkSource": "bulk.source",
    "ClaimStanding": "bulk.records",
    "CurrencyTotal": "bulk.files.plan",
    "DoneRow": "bulk.outcomes",
    "DoneState": "bulk.outcomes",
    "FailureGroup": "bulk.figures",
    "FileLimits": "bulk.files.limits",
    "FileSettings": "bulk.files.tables",
    "Journal": "bulk.journal",
    "JournalError": "bulk.records",
    "JournalRow": "bulk.records",
    "MemoryJournal": "bulk.sql_journal",
    "OrderFile": "bulk.files.order_file",
    "OrderFileError": "bulk.files.limits",
    "OrderRow": "bulk.rows",
    "PaidLink": "bulk.paid",
    "PaymentJournal": "bulk.paid",
    "PaymentMark": "bulk.payments",
    "PlannedRow": "bulk.records",
    "PostgresJournal": "bulk.postgres_journal",
    "Rail": "bulk.rails",
    "RailTrippedError": "bulk.rails",
    "RowClaim": "bulk.records",
    "RowInDoubt": "bulk.events",
    "RowPayment": "bulk.payments",
    "RowProblem": "bulk.files.plan",
    "RowResult": "bulk.records",
    "RowSettled": "bulk.events",
    "RowState": "bulk.records",
    "RunPaused": "bulk.events",
    "RunResumed": "bulk.events",
    "RunStatus": "bulk.control",
    "SqliteJournal": "bulk.sql_journal",
    "StateTotal": "bulk.figures",
    "UnpaidLinks": "bulk.outputs.unpaid",
    "WithdrawnLinks": "bulk.withdrawal",
    "create_links": "bulk.create",
    "expire_links": "bulk.withdrawal",
    "link_id_of": "bulk.rows",
    "note_paid": "bulk.paid",
    "refresh": "bulk.paid",
    "write_template": "bulk.files.template",
}
"""The module that each name lives in, below ``payermax_async``."""

__getattr__: Callable[[str], object]
__dir__: Callable[[], list[str]]
__getattr__, __dir__ = lazy_names(__name__, _HOMES)
