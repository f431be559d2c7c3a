"""An inbox by its address, opened for one command."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from payermax_async.clock import SystemClock
from payermax_async.core.errors import ConfigurationError, WebhookError
from payermax_async.storage.errors import StorageError
from payermax_async.webhooks.inbox.entries import Arrival, EntryState
from payermax_async.webhooks.inbox.protocol import Inbox
from payermax_async.webhooks.verifying.reading import read_addressed

if TYPE_CHECKING:
    from payermax_async.storage.postgres import PostgresDatabase
    from payermax_async.storage.sqlite import SqliteDatabase
    from payermax_async.webhooks.verifying.addressees import Addressees

__all__ = ["inbox_at", "replay_entry", "tables_at", "using"]

ResultT = TypeVar("ResultT")
# What a transaction of the inbox yields differs, and no command uses one.
AnyInbox = Inbox[Any]

_PATIENCE = 10.0  # seconds
_SQLITE = "sqlite:///"
_POSTGRES = ("postgresql://", "postgres://")


def inbox_at(address: str, *, read_only: bool = False) -> AnyInbox:
    """The inbox at an address, not yet open.

    Args:
        address: Where it is.
        read_only: To look into a file without writing to it.

    Raises:
        ConfigurationError: It is none, the file is not there, or the extra
            ``postgres`` is not installed. The address is never quoted.
    """
    if address.startswith(_POSTGRES):
        from payermax_async.webhooks.inbox.postgres import PostgresInbox

        return PostgresInbox(address, connections=1, handler_connections=1)
    from payermax_async.webhooks.inbox.sqlite import SqliteInbox

    file = _file_of(address)
    if not file.is_file():
        # It would be made, and found to be empty.
        raise ConfigurationError(f"there is no file {file}")
    return SqliteInbox(file, read_only=read_only)


def _file_of(address: str) -> Path:
    if not address.startswith(_SQLITE):
        raise ConfigurationError(
            "--inbox is sqlite:///FILE, sqlite:////FILE from the root, or "
            "postgresql://..."
        )
    return Path(address.removeprefix(_SQLITE))


def tables_at(
    address: str, component: str, *, schema: str, may_make: bool = False
) -> PostgresDatabase | SqliteDatabase:
    """The tables at an address, not yet open.

    Args:
        address: Where they are.
        component: ``inbox`` or ``journal``.
        schema: Where the tables stand in PostgreSQL.
        may_make: Whether a file that is missing is to be made.

    Raises:
        ConfigurationError: As :func:`inbox_at`.
    """
    from payermax_async.bulk.schema import JOURNAL, SHARED_JOURNAL
    from payermax_async.webhooks.inbox.schema import INBOX

    if address.startswith(_POSTGRES):
        from payermax_async.storage.postgres import PostgresDatabase
        from payermax_async.storage.postgres_address import PostgresAddress

        return PostgresDatabase(
            PostgresAddress.read(address, application="payermax db"),
            {"inbox": INBOX, "journal": SHARED_JOURNAL}[component],
            schema=schema,
            connections=1,
            handler_connections=1,
            timeout=_PATIENCE,
        )
    from payermax_async.storage.sqlite import SqliteDatabase

    file = _file_of(address)
    if not may_make and not file.is_file():
        raise ConfigurationError(f"there is no file {file}")
    return SqliteDatabase(
        file,
        {"inbox": INBOX, "journal": JOURNAL}[component],
        busy_timeout=_PATIENCE,
        read_only=False,
    )


def using(
    address: str,
    question: Callable[[AnyInbox], Awaitable[ResultT]],
    *,
    read_only: bool = False,
) -> ResultT:
    """Open an inbox, ask, and close it.

    Raises:
        ConfigurationError: It cannot be used.
    """

    async def run() -> ResultT:
        inbox = inbox_at(address, read_only=read_only)
        await inbox.open()
        try:
            return await question(inbox)
        finally:
            await inbox.aclose()

    try:
        return asyncio.run(run())
    except StorageError as error:
        raise ConfigurationError(f"the inbox cannot be used: {error}") from None


async def replay_entry(
    inbox: AnyInbox, number: int, whose: Callable[[], Addressees], *, force: bool
) -> bool:
    """Have an entry handled again; what was unreadable is read anew.

    Args:
        inbox: Open.
        number: The entry's.
        whose: Asked for whom unreadable bytes may be: they were kept before anybody
            could tell.
        force: Even if something newer is known.

    Raises:
        ConfigurationError: It still cannot be read, or is for somebody else.
    """
    now = SystemClock().now()
    entry = await inbox.entry(number)
    if entry is None or entry.body is None:
        return False
    if not entry.is_raw:
        return await inbox.replay(number, now, force=force)
    if entry.state is not EntryState.PARKED:
        return False
    addressees = whose()
    try:
        notification = read_addressed(entry.body, addressees)
    except WebhookError as error:
        raise ConfigurationError(f"entry {number}: {error}") from None
    arrival = Arrival(
        notification=notification,
        body=entry.body,
        received_at=now,
        tenant=entry.tenant,
        source=entry.source,
    )
    return await inbox.admit(number, arrival) is not None
