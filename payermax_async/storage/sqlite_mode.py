"""In which mode a SQLite file is: how its commits are made durable."""

from __future__ import annotations

import logging
import sqlite3
import time

from payermax_async.storage.sqlite_errors import is_busy

__all__ = ["enter_mode", "mode_trouble", "wal_is_sound"]

_LOG = logging.getLogger("payermax_async.storage")
_BUSY_PAUSE = 0.01  # seconds
_WAL_BUG = (
    "SQLite 3.7.0 to 3.51.2 can lose a commit in WAL mode when two connections write "
    "at once (https://www.sqlite.org/wal.html, walresetbug)"
)


def wal_is_sound(version: tuple[int, ...] = sqlite3.sqlite_version_info) -> bool:
    """Whether a version of SQLite has the fix of its WAL-reset bug.

    Example:
        >>> wal_is_sound((3, 50, 7)), wal_is_sound((3, 51, 0))
        (True, False)
    """
    fixed_in = {(3, 44): 6, (3, 50): 7, (3, 51): 3}
    fix = fixed_in.get((version[0], version[1]))
    return version >= (3, 52) or (fix is not None and version[2] >= fix)


def enter_mode(
    connection: sqlite3.Connection, path: str, *, patience: float, alone: bool = False
) -> None:
    """Choose how commits are made durable, and never change it under others.

    A new file is in WAL mode where SQLite has no bug in it. A file that is in WAL mode
    where SQLite has that bug leaves it if nobody else has the file open.

    Args:
        connection: Open, and in no transaction.
        path: The file, for messages.
        patience: Seconds to wait for a process that is setting the same file up.
        alone: The connection locks the file for as long as it is open, and a loss of
            power may lose its last commits. The bug of WAL mode takes two.
    """
    mode, sound = _mode(connection), alone or wal_is_sound()
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    if mode != "wal" and not pages and sound:
        mode = _switch(connection, "WAL", patience)
    elif mode == "wal" and not sound:
        mode = _leave_wal(connection)
        if mode == "wal":
            _LOG.warning("%s", _stuck(path, " and others hold it, so it stays so"))
    if mode == "wal":
        connection.execute(f"PRAGMA synchronous = {'NORMAL' if alone else 'FULL'}")
        return
    # Of this connection alone: the file is the same in every rollback mode.
    _switch(connection, "PERSIST", patience)
    connection.execute(f"PRAGMA synchronous = {'FULL' if alone else 'EXTRA'}")


def _mode(connection: sqlite3.Connection) -> str:
    return str(connection.execute("PRAGMA journal_mode").fetchone()[0])


def _switch(connection: sqlite3.Connection, mode: str, patience: float) -> str:
    # While another process sets the same new file up, SQLite refuses this one
    # statement at once, without the wait that its time-out promises.
    deadline = time.monotonic() + patience
    while True:
        try:
            found = connection.execute(f"PRAGMA journal_mode = {mode}").fetchone()
        except sqlite3.OperationalError as error:
            if not is_busy(error) or time.monotonic() >= deadline:
                raise
            time.sleep(_BUSY_PAUSE)
        else:
            return str(found[0])


def _leave_wal(connection: sqlite3.Connection) -> str:
    (waits,) = connection.execute("PRAGMA busy_timeout").fetchone()
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        return _switch(connection, "PERSIST", 0)
    except sqlite3.OperationalError as error:
        if not is_busy(error):
            raise
        return "wal"
    finally:
        connection.execute(f"PRAGMA busy_timeout = {waits}")


def _stuck(path: str, why: str = "") -> str:
    return (
        f"{path}: it is in WAL mode{why}, but {_WAL_BUG}; this is "
        f"{sqlite3.sqlite_version}. Stop every process that uses the file and start "
        "one of them: it leaves that mode. Or use a newer SQLite"
    )


def mode_trouble(connection: sqlite3.Connection, path: str) -> str:
    """What to mend about the mode; empty where it is as it should be."""
    unsound = _mode(connection) == "wal" and not wal_is_sound()
    return _stuck(path) if unsound else ""
