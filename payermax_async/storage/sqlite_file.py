"""A SQLite file: where it is, who may read it, and what is wrong with it."""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

from payermax_async.storage.errors import StorageError
from payermax_async.storage.sqlite_errors import told
from payermax_async.storage.sqlite_mode import mode_trouble

__all__ = ["connect", "identity", "troubles"]

_LOG = logging.getLogger("payermax_async.storage")
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_SIDE_FILES = ("-journal", "-wal", "-shm")
_FAR_AWAY = frozenset(
    {"9p", "afs", "ceph", "cifs", "fuse.glusterfs", "fuse.s3fs", "fuse.sshfs", "gfs2"}
    | {"glusterfs", "lustre", "ncpfs", "nfs", "nfs4", "smb3", "smbfs"}
)
"""File systems whose locks do not hold between machines, or not as SQLite needs them:
https://www.sqlite.org/howtocorrupt.html, section 2.1."""


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


# --- what is wrong ---------------------------------------------------------------


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
        trouble = mode_trouble(connection, path)
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.Error as error:
        trouble = str(told(error, path))
    finally:
        connection.close()
    if trouble:
        yield trouble
