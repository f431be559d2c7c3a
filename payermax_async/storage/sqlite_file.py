"""A SQLite file: who may read it, in which mode it is, and what is wrong with it."""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from payermax_async.storage.errors import StorageError

__all__ = [
    "connect",
    "enter_mode",
    "identity",
    "is_busy",
    "told",
    "troubles",
    "wal_is_sound",
]

_LOG = logging.getLogger("payermax_async.storage")
_PRIMARY_CODE = 0xFF  # the rest of an extended result code says in which way
_BUSY_PAUSE = 0.01  # seconds
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_SIDE_FILES = ("-journal", "-wal", "-shm")
_FAR_AWAY = frozenset(
    {"9p", "afs", "ceph", "cifs", "fuse.glusterfs", "fuse.s3fs", "fuse.sshfs", "gfs2"}
    | {"glusterfs", "lustre", "ncpfs", "nfs", "nfs4", "smb3", "smbfs"}
)
"""File systems whose locks do not hold between machines, or not as SQLite needs them:
https://www.sqlite.org/howtocorrupt.html, section 2.1."""
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


# --- opening ---------------------------------------------------------------------


def connect(
    path: str, *, timeout: float, read_only: bool = False, narrow: bool = False
) -> sqlite3.Connection:
    """Open a file, or make it for its owner alone.

    Args:
        path: The file.
        timeout: Seconds to wait for another process to let it go.
        read_only: Nothing is made and nothing written.
        narrow: A file that others may read is closed to them, rather than told of.

    Raises:
        StorageError: It cannot be opened, and why.
    """
    file = Path(path)
    try:
        _look_at_place(file)
        if not file.exists() and not read_only:
            with contextlib.suppress(FileExistsError):
                # Only a file that is new may be opened and closed here: closing one
                # drops every lock that SQLite has on it in this process.
                os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        _look_at_file(file, narrow=narrow)
        if not read_only:
            _look_at_rights(file)
        mode = "ro" if read_only else "rw"
        connection = sqlite3.connect(
            f"{file.absolute().as_uri()}?mode={mode}",
            uri=True,
            timeout=timeout,
            isolation_level=None,
            check_same_thread=False,
        )
    except OSError as error:
        words = error.strerror or type(error).__name__
    except sqlite3.Error as error:
        words = str(error)
    else:
        return connection
    raise StorageError(f"{path}: {words}")


def _look_at_place(file: Path) -> None:
    folder = file.absolute().parent
    if not folder.is_dir():
        raise StorageError(
            f"{file}: there is no folder {folder}; make it, or mount what belongs there"
        )
    kind = _file_system(str(folder.resolve()))
    if kind in _FAR_AWAY:
        raise StorageError(
            f"{file}: it is on a network file system ({kind}), where the locks of "
            "SQLite do not hold; keep it on a local disk, or use PostgreSQL"
        )


def _file_system(folder: str) -> str:
    """The kind of file system a folder is on; empty where it cannot be told."""
    try:
        mounts = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return kind_of(folder, mounts)


def kind_of(folder: str, mounts: str) -> str:
    """The kind of the file system in a table of mounts, the last of a place first."""
    best, kind = "", ""
    for line in mounts.splitlines():
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        place = fields[1].replace("\\040", " ").rstrip("/")
        inside = folder == place or folder.startswith(f"{place}/")
        if inside and len(place) >= len(best):
            best, kind = place, fields[2]
    return kind


def _look_at_file(file: Path, *, narrow: bool) -> None:
    found = file.stat()
    if not stat.S_ISREG(found.st_mode):
        raise StorageError(f"{file}: it is no file")
    if not found.st_mode & _OTHERS or os.name == "nt":
        return
    if narrow:
        for each in _with_side_files(file):
            each.chmod(0o600)
        return
    _LOG.warning("%s", _too_wide(file, found.st_mode))


def _look_at_rights(file: Path) -> None:
    # Where it can be told, what the process may as the user it has become.
    effective = os.access in os.supports_effective_ids
    for place in (file, file.absolute().parent):
        if not os.access(place, os.W_OK, effective_ids=effective):
            raise StorageError(
                f"{file}: this process may not write to {place}; SQLite needs to write "
                "to the file and to make others beside it"
            )


def _with_side_files(file: Path) -> Iterator[Path]:
    for name in ("", *_SIDE_FILES):
        each = file.with_name(file.name + name)
        if each.exists():
            yield each


def _too_wide(file: Path, mode: int) -> str:
    return (
        f"{file}: others than its owner may open it (mode {mode & 0o777:o}), and it "
        f"holds what payers did: chmod 600 {file}"
    )


def identity(path: str) -> tuple[int, int]:
    """What tells a file from one that stands in its place later.

    Raises:
        StorageError: There is none.
    """
    try:
        found = Path(path).stat()
    except OSError as error:
        words = error.strerror or type(error).__name__
        raise StorageError(
            f"{path}: the file is gone while it is in use ({words}); what is told to "
            "it is not kept: put it back and start again"
        ) from None
    return found.st_dev, found.st_ino


# --- the mode --------------------------------------------------------------------


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
            _LOG.warning("%s", _stuck(path))
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


def _stuck(path: str) -> str:
    return (
        f"{path}: it is in WAL mode and others hold it, so it stays so, but "
        f"{_WAL_BUG}; this is {sqlite3.sqlite_version}. Stop every process that uses "
        "the file and start one of them: it leaves that mode. Or use a newer SQLite"
    )


# --- what is wrong ---------------------------------------------------------------


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


def troubles(path: str) -> Iterator[str]:
    """What to mend about a file, without changing it or waiting for anybody.

    Raises:
        StorageError: It cannot be looked at.
    """
    file = Path(path)
    _look_at_place(file)
    identity(path)
    for each in _with_side_files(file):
        rights = each.stat().st_mode
        if rights & _OTHERS and os.name != "nt":
            yield _too_wide(each, rights)
    # Its mode stands in two bytes. Reading them as a file would drop the locks that
    # SQLite has in this process, so SQLite reads them.
    connection = connect(path, timeout=0.1, read_only=True)
    try:
        mode = _mode(connection)
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.Error as error:
        yield str(told(error, path))
    else:
        if mode == "wal" and not wal_is_sound():
            yield (
                f"{path}: it is in WAL mode, but {_WAL_BUG}; this is "
                f"{sqlite3.sqlite_version}. Stop every process that uses the file and "
                "start one of them: it leaves that mode. Or use a newer SQLite"
            )
    finally:
        connection.close()
