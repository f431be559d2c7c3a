"""Files about people: readable by their owner alone, whole or as they were."""

from __future__ import annotations

import os
import secrets
from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress
from os import PathLike
from pathlib import Path
from typing import BinaryIO

__all__ = ["private_file", "write_text"]


@contextmanager
def private_file(path: str | PathLike[str]) -> Generator[BinaryIO]:
    """A file to be filled, which takes its place once the block has ended well.

    Raises:
        OSError: It cannot be written; a file that was there is as it was.
    """
    target = Path(path)
    # In the same folder: only within one can it take the place in a single step.
    beside = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    # Private from its first byte on: a mode that is set afterwards comes too late.
    descriptor = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w+b") as file:
            yield file
            file.flush()
            # Before it takes the place: a power cut leaves the old file or all of the
            # new one.
            os.fsync(file.fileno())
        beside.replace(target)
    except BaseException:
        with suppress(FileNotFoundError):
            beside.unlink()
        raise


def write_text(path: str | PathLike[str], lines: Iterable[str]) -> None:
    """Write a file of UTF-8; what no encoding has becomes ``?``.

    Raises:
        OSError: It cannot be written; a file that was there is as it was.
    """
    with private_file(path) as file:
        for line in lines:
            file.write(line.encode("utf-8", "replace"))
