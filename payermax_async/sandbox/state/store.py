"""The sandbox's state in a SQLite file: every change is one transaction.

The file holds the private keys that the sandbox made, so that its owner alone may
read it: one that others may read is closed to them. A process that is killed loses
nothing that was answered. (A power cut may lose the last changes, but never leaves half
of one.)
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path

from payermax_async.core.errors import ConfigurationError
from payermax_async.core.strict_json import (
    JsonError,
    JsonObject,
    JsonValue,
    read_json,
    write_json,
)
from payermax_async.storage import sqlite_file
from payermax_async.storage.errors import StorageError
from payermax_async.storage.sqlite_errors import is_busy, told
from payermax_async.storage.sqlite_mode import enter_mode

__all__ = ["Change", "SandboxStore"]

_APPLICATION = 0x504D5358
"""Marks the file as ours: PMSX."""
_FORMAT = 1
_BUSY_SECONDS = 0.5
_SCHEMA = """
CREATE TABLE record (
    position INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    value BLOB NOT NULL,
    UNIQUE (kind, id)
);
CREATE TABLE setting (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
"""

Change = tuple[str, str, JsonObject | None]
"""Kind, id and value of a record that is new or changed; ``None`` removes it."""


class SandboxStore:
    """Records and settings in a file that one sandbox at a time may use.

    Example:
        >>> store = SandboxStore(Path("sandbox.db"))
        >>> store.write([("links", "BYL1", {"linkId": "BYL1"})], {"clock": "12:00"})
        >>> store.close()
    """

    def __init__(self, file: Path) -> None:
        """Open the file, or make it.

        Raises:
            ConfigurationError: It cannot be opened, is in use by another sandbox, or
                is something else.
        """
        self._file = file
        try:
            self._database = sqlite_file.connect(
                str(file), timeout=_BUSY_SECONDS, narrow=True
            )
        except StorageError as error:
            raise self._problem(str(error)) from None
        try:
            self._prepare()
            self._identity = sqlite_file.identity(str(file))
        except sqlite3.Error as error:
            self._database.close()
            if is_busy(error):
                raise self._problem("another sandbox is using it") from None
            raise self._problem(str(told(error, str(file)))) from None
        except BaseException:
            self._database.close()
            raise

    def _problem(self, words: str) -> ConfigurationError:
        return ConfigurationError(
            f"the sandbox state {self._file} cannot be used: {words}"
        )

    def _prepare(self) -> None:
        run = self._database.execute
        # One sandbox a file: two would each answer from what they remember.
        run("PRAGMA locking_mode=EXCLUSIVE")
        enter_mode(self._database, str(self._file), patience=_BUSY_SECONDS, alone=True)
        run("BEGIN IMMEDIATE")
        try:
            (application,) = run("PRAGMA application_id").fetchone()
            (version,) = run("PRAGMA user_version").fetchone()
            (tables,) = run("SELECT count(*) FROM sqlite_master").fetchone()
            if tables == 0:
                # One by one: executescript would commit what is under way.
                for statement in _SCHEMA.split(";"):
                    run(statement)
                run(f"PRAGMA application_id={_APPLICATION}")
                run(f"PRAGMA user_version={_FORMAT}")
            elif application != _APPLICATION:
                raise self._problem("it is a database of something else")
            elif version != _FORMAT:
                raise self._problem(
                    f"it is of format {version}, not {_FORMAT}: start a new one"
                )
        except BaseException:
            run("ROLLBACK")
            raise
        run("COMMIT")

    def records(self) -> list[tuple[str, JsonObject]]:
        """Kind and value of every record, in the order in which they were made.

        Raises:
            ConfigurationError: One cannot be read.
        """
        with closing(
            self._database.execute("SELECT kind, value FROM record ORDER BY position")
        ) as rows:
            return [(str(kind), self._object(value)) for kind, value in rows]

    def setting(self, name: str) -> JsonValue:
        """A setting, or ``None``.

        Raises:
            ConfigurationError: It cannot be read.
        """
        row = self._database.execute(
            "SELECT value FROM setting WHERE name = ?", (name,)
        ).fetchone()
        return None if row is None else self._read(row[0])

    def write(
        self,
        changes: Iterable[Change],
        settings: Mapping[str, JsonValue] | None = None,
        *,
        afresh: bool = False,
    ) -> None:
        """Write everything in one transaction, whole or not at all.

        Args:
            changes: Records that changed.
            settings: Settings that changed.
            afresh: Whether all other records are removed.

        Raises:
            ConfigurationError: It cannot be written: the disk is full, say.
        """
        run = self._database.execute
        try:
            run("BEGIN IMMEDIATE")
            try:
                if afresh:
                    run("DELETE FROM record")
                self._put(changes, settings or {})
            except BaseException:
                run("ROLLBACK")
                raise
            run("COMMIT")
            # Written into a file that nobody can open any more is written nowhere.
            if sqlite_file.identity(str(self._file)) != self._identity:
                raise self._problem("another file stands in its place")
        except sqlite3.Error as error:
            words = str(told(error, str(self._file)))
            raise self._problem(words) from None
        except StorageError as error:
            raise self._problem(str(error)) from None

    def _put(
        self, changes: Iterable[Change], settings: Mapping[str, JsonValue]
    ) -> None:
        run = self._database.execute
        for kind, number, value in changes:
            if value is None:
                run("DELETE FROM record WHERE kind = ? AND id = ?", (kind, number))
                continue
            # Not REPLACE: a row that is made anew would lose its position, and the
            # records are read back in the order in which they were made.
            run(
                "INSERT INTO record (kind, id, value) VALUES (?, ?, ?) "
                "ON CONFLICT (kind, id) DO UPDATE SET value = excluded.value",
                (kind, number, write_json(value)),
            )
        for name, setting in settings.items():
            run(
                "INSERT INTO setting VALUES (?, ?) "
                "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                (name, write_json(setting)),
            )

    def close(self) -> None:
        """Let go of the file. A second call does nothing."""
        self._database.close()

    def _object(self, value: bytes) -> JsonObject:
        found = self._read(value)
        if not isinstance(found, dict):
            raise self._problem("a record in it is damaged")
        return found

    def _read(self, value: bytes) -> JsonValue:
        try:
            return read_json(value)
        except JsonError:
            raise self._problem("a record in it is damaged") from None
