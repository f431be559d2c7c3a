"""Whether the inbox's file is fit to keep what came."""

from __future__ import annotations

from collections.abc import Iterator

from payermax_async.doctor.findings import Finding, good, skip, warn
from payermax_async.storage.errors import StorageError
from payermax_async.storage.sqlite_file import troubles
from payermax_async.webhooks.inbox.sqlite import SqliteInbox

__all__ = ["check_inbox", "check_received"]

_CHECK = "inbox"
_RECEIVED = "notification kept"
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


async def check_received(address: str) -> Finding | None:
    """Whether a genuine notification was ever kept: only such a one is acknowledged.

    Args:
        address: As ``payermax inbox`` takes it.

    Returns:
        ``None`` where the inbox is no file, or cannot be read; that is said elsewhere.
    """
    if not address.startswith(_SQLITE):
        return None
    inbox = SqliteInbox(address.removeprefix(_SQLITE), read_only=True)
    try:
        await inbox.open()
        found = await inbox.counts()
    except StorageError:
        # The check of its file tells why.
        return None
    finally:
        await inbox.aclose()
    if sum(found.values()):
        return good(_RECEIVED, "Genuine notifications were verified and kept.")
    return warn(
        _RECEIVED,
        "No notification of PayerMax has been kept so far.",
        "Make one small link of your own, pay it, and look again; then refund it.",
    )
