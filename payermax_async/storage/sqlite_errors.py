"""What SQLite's errors mean, in words that name the file and what to do."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from payermax_async.storage.errors import StorageError

__all__ = ["is_busy", "told"]

_PRIMARY_CODE = 0xFF  # the rest of an extended result code says in which way


def is_busy(error: sqlite3.Error) -> bool:
    """Whether another connection has what is wanted."""
    code = getattr(error, "sqlite_errorcode", 0)
    return code & _PRIMARY_CODE in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def told(error: sqlite3.Error, path: str) -> StorageError:
    """An error of SQLite's that names the file and what to do."""
    code = getattr(error, "sqlite_errorcode", 0)
    if code in {sqlite3.SQLITE_READONLY_ROLLBACK, sqlite3.SQLITE_READONLY_RECOVERY}:
        words = (
            f"a process was killed while it wrote, and {Path(path).name}-journal or "
            "-wal holds what has to be undone or done first, which a reader may not: "
            "start the receiver, or any process that writes to the file, once"
        )
    elif is_busy(error):
        words = f"{error}: another process held it for too long"
    else:
        words = {
            sqlite3.SQLITE_FULL: f"{error}: nothing was stored; make room",
            sqlite3.SQLITE_READONLY: (
                f"{error}: its owner and mode, or those of its folder, keep this "
                "process from writing"
            ),
            sqlite3.SQLITE_NOTADB: f"{error}: it is a file of something else",
            sqlite3.SQLITE_CORRUPT: f"{error}: put back a copy",
            sqlite3.SQLITE_INTERRUPT: "it took too long and was given up",
        }.get(code & _PRIMARY_CODE, str(error))
    return StorageError(f"{path}: {words}")
