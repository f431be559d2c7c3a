"""Which file a batch is in, and how it is to be read."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import attrs
from cyclopts import Group, Parameter

from payermax_async.cli.console import clean
from payermax_async.cli.merchant import Flag
from payermax_async.core.errors import ConfigurationError

if TYPE_CHECKING:
    from payermax_async.bulk import BatchStatus, OrderFile, SqliteJournal

__all__ = ["JOURNAL", "OrderSource", "journal_at", "status_of"]

_FILE = Group("File", sort_key=2)
_BATCH = Group("Batch", sort_key=1)
_LONGEST = 24

JOURNAL = Parameter(
    name="--journal", group=_BATCH, help="SQLite file that remembers the batch."
)
"""The option of the journal, alike in all commands."""


@Parameter(name="*", group=_FILE)
@attrs.frozen(kw_only=True)
class OrderSource:
    """How a file of orders is to be read."""

    batch: Annotated[
        str | None,
        Parameter(
            group=_BATCH,
            help="Name of the batch, part of every id; that of the journal, else of "
            "the file.",
        ),
    ] = None
    """The name of the batch."""
    sheet: Annotated[str | None, Parameter(help="Sheet of a workbook.")] = None
    """Which sheet."""
    encoding: Annotated[
        str | None, Parameter(help="Of text that is neither UTF-8 nor UTF-16.")
    ] = None
    """Which encoding."""
    delimiter: Annotated[
        str | None, Parameter(help="Of CSV: comma, semicolon or tab.")
    ] = None
    """Which delimiter."""
    decimal_comma: Annotated[
        bool, Flag, Parameter(group=_FILE, help="Amounts have a comma: 19,90.")
    ] = False
    """Whether amounts of text have a comma before the decimals."""
    column: Annotated[
        list[str] | None,
        Parameter(
            negative=(), help="FIELD=HEADER for a column that goes by another name."
        ),
    ] = None
    """Columns by other names."""
    value: Annotated[
        list[str] | None,
        Parameter(
            name="--set", negative=(), help="FIELD=VALUE, the same for every order."
        ),
    ] = None
    """What all orders have alike."""
    by_row: Annotated[
        bool,
        Flag,
        Parameter(
            group=_FILE,
            help="Orders have no numbers: rows name them; the file must never change.",
        ),
    ] = False
    """Whether rows stand for orders."""

    def read(self, file: Path, known: str | None) -> OrderFile:
        """Look through the file.

        Args:
            file: Where it is.
            known: The batch that the journal is of.

        Raises:
            ConfigurationError: It cannot be read, or is of another batch.
        """
        from payermax_async.bulk import FileSettings, OrderFile

        if known is not None and self.batch not in {None, known}:
            raise ConfigurationError(
                f"the journal is of the batch {known}: another name would make second "
                "links; leave --batch out"
            )
        if file.is_dir():
            raise ConfigurationError(f"{clean(file)} is a folder: name a file in it")
        return OrderFile(
            file,
            # An empty one is refused: a variable that was not set must not name the
            # batch after the file.
            batch=known or (_named_after(file) if self.batch is None else self.batch),
            columns=_pairs("--column", self.column or ()),
            fixed=_pairs("--set", self.value or ()),
            decimal_comma=self.decimal_comma,
            by_row=self.by_row,
            settings=FileSettings(
                sheet=self.sheet, encoding=self.encoding, delimiter=self.delimiter
            ),
        )


def _named_after(file: Path) -> str:
    # Without chance or time: the same file makes the same ids, also when the journal is
    # lost.
    name = re.sub("[^A-Za-z0-9_-]+", "-", file.stem)[:_LONGEST].strip("-")
    if not name:
        raise ConfigurationError(
            "the file's name makes no name for the batch: give it one with --batch"
        )
    return name


def _pairs(option: str, given: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in given:
        field, equals, value = pair.partition("=")
        if not equals or not value.strip() or field.strip() in found:
            raise ConfigurationError(
                f"{option} takes FIELD=..., each field once, such as "
                f"{option} currency=..."
            )
        found[field.strip()] = value.strip()
    return found


def journal_at(path: Path, *, must_exist: bool) -> SqliteJournal:
    """The journal at a path.

    Raises:
        ConfigurationError: It is not there, but has to be.
    """
    from payermax_async.bulk import SqliteJournal

    # SQLite would make a file, and a typing mistake pass for a batch without rows.
    if must_exist and not path.exists():
        raise ConfigurationError(f"there is no journal {clean(path)}")
    return SqliteJournal(path)


def status_of(journal: SqliteJournal, path: Path) -> tuple[BatchStatus, str] | None:
    """How the batch stands, and its name; ``None`` before its first run.

    Raises:
        ConfigurationError: It is no journal, or cannot be read.
    """
    from payermax_async.storage.errors import StorageError

    if not path.exists():
        return None
    try:
        status = journal.status()
        first = next(iter(journal.read()), None)
    except StorageError as error:
        raise ConfigurationError(str(error)) from None
    if status.batch is None or first is None:
        return None
    # No name of a batch has a dot in it, so that each id says which it is of.
    return status, first.planned.key.partition(".")[0]
