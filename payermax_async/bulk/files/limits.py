"""How much of a file is read at the most, and what is said of one that is not."""

from __future__ import annotations

import attrs

from payermax_async.core.errors import ConfigurationError

__all__ = ["FileLimits", "OrderFileError"]


class OrderFileError(ConfigurationError):
    """A file of orders cannot be read as asked; nothing of it was sent.

    The message is one sentence or two, with what to do.
    """

    samples: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Of a file in an unknown encoding: names of encodings, and what three of its
    cells would be in each. Not in the message: they are the merchant's data."""


@attrs.frozen(kw_only=True)
class FileLimits:
    """What a file may hold; more is refused before it fills the memory.

    Example:
        >>> FileLimits(rows=1_000_000).columns
        256
    """

    file_bytes: int = 256 * 1024 * 1024
    """As it lies on the disk."""
    unpacked_bytes: int = 512 * 1024 * 1024
    """Of a workbook, which is a zip archive, once it is unpacked."""
    rows: int = 200_000
    """With the row of headers."""
    columns: int = 256
    """In any row."""
    cells: int = 5_000_000
    """In a sheet of a workbook, from its first corner to its last."""
    cell: int = 32_767
    """Characters, as many as Excel lets a cell have."""

    @property
    def record(self) -> int:
        """Characters of a row as text."""
        return 32 * self.cell
