"""Whether the inbox's file is fit to keep what came."""

from __future__ import annotations

from collections.abc import Iterator

from payermax_async.doctor.findings import Finding, good, skip, warn
from payermax_async.storage.errors import StorageError
from payermax_async.storage.sqlite_file import troubles

__all__ = ["check_inbox"]

_CHECK = "inbox"
_SQLITE = "sqlite:///"


def check_inbox(address: str) -> Iterator[Finding]:
    """Look at the file of an inbox, without changing it or waiting for anybody.

    Args:
        address: As ``payermax inbox`` takes it; empty when none is to be looked at.
    """
    if not address:
        return
    if not address.startswith(_SQLITE):
        yield skip(_CHECK, "Only the file of an inbox in SQLite is looked at.")
        return
    try:
        # Looked at and not opened: opening would make the file, or change its mode.
        found = [*troubles(address.removeprefix(_SQLITE))]
    except StorageError as error:
        found = [str(error)]
    for trouble in found:
        yield warn(_CHECK, f"{trouble}.")
    if not found:
        yield good(_CHECK, "The file is its owner's alone, and its mode keeps commits.")
