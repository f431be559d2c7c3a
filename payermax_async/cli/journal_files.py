"""Journals of batches that a command looks into, and that are this merchant's."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from payermax_async.cli.console import clean
from payermax_async.core.errors import ConfigurationError

if TYPE_CHECKING:
    from payermax_async.bulk import SqliteJournal
    from payermax_async.config import MerchantConfig

__all__ = ["journals_of"]


def journals_of(files: Iterable[Path], config: MerchantConfig) -> list[SqliteJournal]:
    """The journals in files, to be read; nothing is made where there is none.

    Args:
        files: Where they are.
        config: Whose they have to be.

    Raises:
        ConfigurationError: There is none, or it is another merchant's or gateway's.
        StorageError: It cannot be read.
    """
    from payermax_async.bulk import SqliteJournal
    from payermax_async.bulk.create import fingerprint_of

    found: list[SqliteJournal] = []
    for file in files:
        if not file.is_file():
            raise ConfigurationError(f"there is no journal {clean(file)}")
        journal = SqliteJournal(file)
        batch, ours = journal.status().batch, fingerprint_of(config)
        # Amounts of two merchants, or of test and production, are not compared.
        if batch is not None and batch.fingerprint != ours:
            raise ConfigurationError(
                f"{clean(file)} is of {batch.fingerprint}, and the settings are of "
                f"{ours}"
            )
        found.append(journal)
    return found
