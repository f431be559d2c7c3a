"""Where rows come from, taken one after the other."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable
from typing import cast

from payermax_async.bulk.rows import BulkItem
from payermax_async.pipeline.bounds import Bounds

__all__ = ["BulkSource", "each_of"]

BulkSource = Iterable[BulkItem] | AsyncIterable[BulkItem]
"""Where rows come from, one after the other; never all of them are held."""

_END = object()


async def each_of(source: BulkSource) -> AsyncGenerator[tuple[int, object]]:
    """Its items with their positions, from 1."""
    if not isinstance(source, AsyncIterable):
        for numbered in enumerate(cast("Iterable[object]", source), start=1):
            yield numbered
        return
    # In tasks of their own: a source that does not let itself be cancelled keeps
    # nobody from leaving.
    bounds, position = Bounds(), 0
    items = aiter(cast("AsyncIterable[object]", source))
    try:
        while (item := await bounds.run(_next(items))) is not _END:
            position += 1
            yield position, item
    finally:
        if isinstance(items, AsyncGenerator):
            await bounds.run(_closed(cast("AsyncGenerator[object]", items)))


async def _next(items: AsyncIterator[object]) -> object:
    return await anext(items, _END)


async def _closed(items: AsyncGenerator[object]) -> None:
    await items.aclose()
