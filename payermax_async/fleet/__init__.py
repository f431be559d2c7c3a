"""Links made by workers on any number of machines, through one PostgreSQL.

Needs the extra ``fleet``: ``pip install 'payermax_async[fleet]'``.

Example:
    >>> from payermax_async.fleet import Fleet, FleetWorker
    >>> async with Fleet("postgresql://shop@db.internal/shop") as fleet:
    ...     batch = await fleet.open_batch("november", config)
    ...     print(await fleet.enqueue(batch, orders))
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from payermax_async._lazy import lazy_names

if TYPE_CHECKING:
    from payermax_async.fleet.batches import Fleet
    from payermax_async.fleet.chunk_work import ChunkWork
    from payermax_async.fleet.quota import SharedQuota
    from payermax_async.fleet.records import (
        EnqueuedRows,
        FleetBatch,
        FleetStatus,
        StuckChunk,
        WorkerStatus,
    )
    from payermax_async.fleet.worker import FleetWorker, WorkerHealth

__all__ = [
    "ChunkWork",
    "EnqueuedRows",
    "Fleet",
    "FleetBatch",
    "FleetStatus",
    "FleetWorker",
    "SharedQuota",
    "StuckChunk",
    "WorkerHealth",
    "WorkerStatus",
]

_HOMES = {
    "ChunkWork": "fleet.chunk_work",
    "EnqueuedRows": "fleet.records",
    "Fleet": "fleet.batches",
    "FleetBatch": "fleet.records",
    "FleetStatus": "fleet.records",
    "FleetWorker": "fleet.worker",
    "SharedQuota": "fleet.quota",
    "StuckChunk": "fleet.records",
    "WorkerHealth": "fleet.worker",
    "WorkerStatus": "fleet.records",
}
"""The module that each name lives in, below ``payermax_async``."""

__getattr__: Callable[[str], object]
__dir__: Callable[[], list[str]]
__getattr__, __dir__ = lazy_names(__name__, _HOMES)
