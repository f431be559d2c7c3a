"""What the inbox tests stand on: arrivals in one line, and each kind of inbox."""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from payermax_async.core.strict_json import JsonObject, JsonValue, write_json
from payermax_async.storage.sql import Query, Steps
from payermax_async.webhooks.inbox.entries import (
    Arrival,
    Source,
    StoredNotification,
)
from payermax_async.webhooks.inbox.memory import MemoryInbox
from payermax_async.webhooks.inbox.postgres import PostgresInbox
from payermax_async.webhooks.inbox.protocol import Inbox
from payermax_async.webhooks.inbox.sql_inbox import SqlInbox
from payermax_async.webhooks.inbox.sqlite import SqliteInbox
from payermax_async.webhooks.samples import build_notification
from payermax_async.webhooks.verifying.parsing import read_notification

NOW = datetime(2024, 2, 27, 11, 2, 3, 456000, tzinfo=UTC)
MINUTE = timedelta(minutes=1)

AnyInbox = Inbox[Any]
"""Tests of the contract do not look at what a transaction yields."""


class At:
    """A clock that stands at one moment."""

    def __init__(self, moment: datetime = NOW) -> None:
        self._moment = moment

    def now(self) -> datetime:
        return self._moment

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("nothing here waits")


def payload(kind: str, **fields: JsonValue) -> JsonObject:
    return build_notification(kind, quirks=(), clock=At(), **fields)


def arrival(
    content: str | JsonObject = "PAYBYLINK",
    *,
    at: datetime = NOW,
    tenant: str = "",
    source: Source = Source.NOTICE,
    **fields: JsonValue,
) -> Arrival:
    """A verified notification on its way into an inbox."""
    if isinstance(content, str):
        content = payload(content, **fields)
    body = write_json(content)
    return Arrival(
        notification=read_notification(body),
        body=body,
        received_at=at,
        tenant=tenant,
        source=source,
    )


def link(order: str, *, trade: str = "T1", status: str = "SUCCESS") -> Arrival:
    return arrival(merchant_link_id=order, out_trade_no=trade, status=status)


def payments(order: str, *found: tuple[str, str]) -> Arrival:
    """A link with several payments: number and status of each."""
    listed: list[JsonValue] = [
        {"outTradeNo": trade, "status": status} for trade, status in found
    ]
    return arrival(merchant_link_id=order, pay_by_link_info=listed)


async def claim(
    inbox: AnyInbox,
    *,
    holder: str = "a",
    now: datetime = NOW,
    lease: timedelta = MINUTE,
    limit: int = 10,
    tenant: str = "",
) -> tuple[StoredNotification, ...]:
    return await inbox.claim(
        tenant=tenant, holder=holder, now=now, lease=lease, limit=limit
    )


async def elapse(inbox: AnyInbox, time: timedelta) -> None:
    """Let every lease be as much older as if so much time had passed."""
    assert isinstance(inbox, SqlInbox)

    def steps() -> Steps[None]:
        yield Query(
            "UPDATE {standing} SET held_from = held_from - :time, "
            "held_until = held_until - :time WHERE holder <> ''",
            {"time": time // timedelta(microseconds=1)},
        )

    run = "_run"
    await getattr(inbox, run)(steps)


async def states(inbox: AnyInbox) -> list[str]:
    """The state of each entry, in the order of arrival."""
    return [entry.state.value for entry in await inbox.entries()]


@asynccontextmanager
async def own_schema(address: str) -> AsyncGenerator[str]:
    """A name for a schema of this test's own; it is dropped afterwards."""
    name = f"test_{secrets.token_hex(8)}"
    try:
        yield name
    finally:
        async with await psycopg.AsyncConnection.connect(address) as connection:
            await connection.execute(
                sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(name))
            )


class Place:
    """Where an inbox is kept; every inbox made here shares what is stored."""

    def __init__(self, kind: str, where: str, schema: str = "") -> None:
        self.kind = kind
        self.where = where
        self.schema = schema
        self._memory = MemoryInbox()

    def inbox(self) -> AnyInbox:
        match self.kind:
            case "sqlite":
                return SqliteInbox(self.where)
            case "postgres":
                return PostgresInbox(self.where, schema=self.schema)
            case _:
                return self._memory


@asynccontextmanager
async def place(kind: str, folder: Path, address: str) -> AsyncGenerator[Place]:
    if kind == "postgres":
        async with own_schema(address) as schema:
            yield Place(kind, address, schema)
    else:
        yield Place(kind, str(folder / "inbox.sqlite3"))
