"""What a fleet knows of its batches, chunks and workers: values."""

from __future__ import annotations

import re
from datetime import timedelta

import attrs

from payermax_async.bulk.records import JournalError, JournalRow

__all__ = [
    "ChunkId",
    "ChunkRow",
    "DueChunk",
    "EnqueuedRows",
    "FleetBatch",
    "FleetStatus",
    "FleetStoppingError",
    "StuckChunk",
    "WorkerStatus",
]

_CHUNK = re.compile(r"([1-9][0-9]*):(0|[1-9][0-9]*)")


class FleetStoppingError(JournalError):
    """The worker is told to stop: nothing new is sent."""

    most_attempts: int | None = 1


@attrs.frozen(order=True)
class ChunkId:
    """Which rows a job is about: all that an engine has to carry.

    Example:
        >>> str(ChunkId(3, 17)), ChunkId.read("3:17")
        ('3:17', ChunkId(batch=3, number=17))
    """

    batch: int
    """The number of the batch."""
    number: int
    """The number of the range of positions in it."""

    def __str__(self) -> str:
        return f"{self.batch}:{self.number}"

    @classmethod
    def read(cls, text: str) -> ChunkId:
        """What :func:`str` made of one.

        Raises:
            ValueError: It names no chunk.
        """
        found = _CHUNK.fullmatch(text)
        if found is None:
            raise ValueError("a chunk is named by two numbers with a colon")
        return cls(int(found[1]), int(found[2]))


@attrs.frozen(kw_only=True)
class DueChunk:
    """A chunk that somebody should be told of."""

    chunk: ChunkId
    """Which."""
    priority: int
    """Of its batch: higher ones go first."""
    fingerprint: str
    """Whose links they are."""


@attrs.frozen(kw_only=True)
class FleetBatch:
    """A batch as the fleet knows it."""

    number: int
    """Names it within the tables."""
    name: str
    """The merchant's name for it."""
    fingerprint: str
    """Merchant, app and gateway, in words without secrets."""
    priority: int
    """Higher ones go first."""
    chunk: int
    """How many rows a worker takes at once."""
    cancelled: bool = False
    """Whether nothing of it is sent any more."""


@attrs.frozen(kw_only=True)
class ChunkRow:
    """A row that a worker took, and what was enqueued for it."""

    row: JournalRow
    """As the journal knew it."""
    token: int
    """Names the hold."""
    sent_ago: timedelta | None
    """How long ago a create was let out; ``None`` if none was."""
    learned: bool
    """Whether somebody who had lost the row found something out about it."""
    item: str = attrs.field(repr=False)
    """The request, as it was stored."""


@attrs.frozen(kw_only=True)
class EnqueuedRows:
    """What became of rows that were handed to the fleet."""

    new: int = 0
    """How many it takes on, counting those that were refused before and are mended."""
    known: int = 0
    """How many it had already, just so."""
    refused: int = 0
    """How many break a rule: they are in the journal, and nothing is sent for them."""
    conflicting: tuple[str, ...] = ()
    """Ids that it has with other fields: nothing of them was changed."""

    def plus(self, other: EnqueuedRows) -> EnqueuedRows:
        """Both together."""
        return EnqueuedRows(
            new=self.new + other.new,
            known=self.known + other.known,
            refused=self.refused + other.refused,
            conflicting=self.conflicting + other.conflicting,
        )


@attrs.frozen(kw_only=True)
class WorkerStatus:
    """What a worker said of itself last."""

    name: str
    """Its name."""
    version: str
    """Of this package, as the worker runs it."""
    seen_ago: timedelta
    """How long ago it said so, by the database's clock."""
    settled: int
    """How many rows it settled since it began."""
    rate: float
    """Rows a second, of late."""
    chunks: int
    """How many chunks it is at."""
    error: str
    """What went wrong last, in words without data; empty if nothing did."""
    wanted: str
    """What it is told; empty for nothing."""

    @property
    def is_alive(self) -> bool:
        """Whether it goes on, as far as can be told."""
        return self.seen_ago < _SILENT


_SILENT = timedelta(seconds=15)
"""A worker that says nothing for so long was stopped or killed, or has no database."""


@attrs.frozen(kw_only=True)
class StuckChunk:
    """A chunk that was tried several times, and is not done."""

    batch: str
    """The name of its batch."""
    number: int
    """Of the range."""
    tries: int
    """How often in a row nothing of it was settled."""
    error: str
    """Why, as far as is known."""


@attrs.frozen(kw_only=True)
class FleetStatus:
    """How a fleet is."""

    workers: tuple[WorkerStatus, ...]
    """All that are known; those that ended well are not."""
    stuck: tuple[StuckChunk, ...]
    """Chunks that do not get on."""
    open_rows: int
    """How many rows are not settled, over all batches that go on."""
    oldest_notice: timedelta | None = None
    """How long the oldest notification waits for a handler; ``None`` for none, or
    where the inbox is elsewhere."""

    @property
    def problems(self) -> tuple[str, ...]:
        """What somebody should look at; none where all is well."""
        found = [
            f"worker {worker.name} says nothing for "
            f"{worker.seen_ago.total_seconds():.0f} s"
            for worker in self.workers
            if not worker.is_alive
        ]
        found += [
            f"chunk {chunk.number} of {chunk.batch} does not get on after "
            f"{chunk.tries} tries: {chunk.error or 'no reason is known'}"
            for chunk in self.stuck
        ]
        if self.open_rows and not any(worker.is_alive for worker in self.workers):
            found.append(f"{self.open_rows} rows wait, and no worker is there")
        if self.oldest_notice is not None and self.oldest_notice > _LATE:
            waits = self.oldest_notice.total_seconds()
            found.append(f"a notification waits for its handler for {waits:.0f} s")
        return tuple(found)


_LATE = timedelta(minutes=10)
