"""Workbooks as zip archives: unpacked to see how much there is, before anybody does."""

from __future__ import annotations

import copy
import io
import zipfile
import zlib
from collections.abc import Iterator

from payermax_async.bulk.files.limits import FileLimits, OrderFileError

__all__ = ["Package"]

_CHUNK = 1 << 16
_MOST_PARTS = 10_000
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,  # a newer method, or a patched archive
    OSError,
    RuntimeError,  # encrypted
    UnicodeError,
    ValueError,
)
_DAMAGED = "the workbook is damaged: open it in a spreadsheet and save it anew"


class Package:
    """The parts of a workbook, each known to be as long as it says."""

    def __init__(self, content: bytes, limits: FileLimits) -> None:
        """Unpack everything once, keep nothing.

        Raises:
            OrderFileError: It is broken, encrypted, or holds more than it may.
        """
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(content))
            parts = self._archive.infolist()
        except _BROKEN:
            raise OrderFileError(_DAMAGED) from None
        self._parts = {part.filename: part for part in parts}
        # Which of two equal names counts, readers do not agree about.
        if len(self._parts) != len(parts) or len(parts) > _MOST_PARTS:
            raise OrderFileError(_DAMAGED)
        if any(part.flag_bits & 1 for part in parts):
            raise OrderFileError("the workbook is encrypted: save it without")
        left = limits.unpacked_bytes
        for part in parts:
            for chunk in self._unpacked(part):
                left -= len(chunk)
                if left < 0:
                    raise OrderFileError(
                        f"the workbook holds more than {limits.unpacked_bytes} bytes "
                        "once it is unpacked: split it into several"
                    )

    def names(self) -> frozenset[str]:
        """Which parts there are."""
        return frozenset(self._parts)

    def part(self, name: str) -> Iterator[bytes]:
        """What a part holds, piece by piece.

        Raises:
            OrderFileError: There is none of this name.
        """
        if name not in self._parts:
            raise OrderFileError(_DAMAGED)
        return self._unpacked(self._parts[name])

    def _unpacked(self, part: zipfile.ZipInfo) -> Iterator[bytes]:
        if part.compress_type not in _METHODS:
            raise OrderFileError(_DAMAGED)
        # The reader would stop at the length that is claimed, others go on.
        honest = copy.copy(part)
        honest.file_size = 1 << 40
        length = 0
        try:
            with self._archive.open(honest) as file:
                while chunk := file.read(_CHUNK):
                    length += len(chunk)
                    yield chunk
        except _BROKEN:
            raise OrderFileError(_DAMAGED) from None
        if length != part.file_size:
            raise OrderFileError(_DAMAGED)
