"""One transaction in PostgreSQL: its limits, its statements and its end."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeVar, cast

import psycopg
from psycopg.rows import tuple_row

from payermax_async.storage.errors import StorageError
from payermax_async.storage.migrations import Component, least_reader, outgrown
from payermax_async.storage.pooling import is_lost
from payermax_async.storage.sql import Dialect, Plan, Query, Row, Steps, as_given, plain

if TYPE_CHECKING:
    from payermax_async.storage.postgres_dialect import PostgresConnection

__all__ = ["UnknownEndError", "drive", "shared", "transact"]

T = TypeVar("T")

_LOG = logging.getLogger("payermax_async.storage")
_ENDING = 1.0
"""Seconds to take a transaction back politely."""
_BEGINNING = 5.0
_OWN_LIMITS = (
    "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL statement_timeout = {0}; "
    "SET LOCAL lock_timeout = {0}; SET LOCAL idle_in_transaction_session_timeout = {0}"
)
"""Of the transaction, not of the session, which a pooler gives to others."""
_HANDLER_LIMITS = """
SELECT set_config(name, %(limit)s, true) FROM (VALUES
    ('statement_timeout', current_setting('statement_timeout')),
    ('idle_in_transaction_session_timeout',
     current_setting('idle_in_transaction_session_timeout'))
) AS settings (name, value) WHERE value = '0'
"""
"""Only where the merchant has none: the statements are the merchant's own."""


async def drive(dialect: Dialect, connection: PostgresConnection, steps: Steps[T]) -> T:
    """Run steps on an open connection, within whatever transaction it is in."""
    # The merchant's own connection may give rows of another form.
    async with connection.cursor(row_factory=tuple_row) as cursor:

        async def rows(query: Query) -> list[Row]:
            text = dialect.write(query.text)
            # The text is made of constants and a checked name; psycopg's type for
            # it admits literals only.
            await cursor.execute(text.encode(), plain(query.parameters) or None)
            found = await cursor.fetchall() if cursor.description else []
            return [as_given(row) for row in found]

        try:
            query = next(steps)
            while True:
                query = steps.send(await rows(query))
        except StopIteration as ended:
            return cast("T", ended.value)


async def transact(
    dialect: Dialect,
    connection: PostgresConnection,
    component: Component,
    plan: Plan[T],
    seconds: float,
) -> T:
    """Run steps of our own in a transaction that the server ends in time, too."""
    limits = _OWN_LIMITS.format(max(1, round(seconds * 1000)))
    asked = dialect.write(least_reader(component))
    try:
        # In one message, so that asking costs no way to the server and back.
        answers = await connection.execute(f"{limits}; {asked}".encode())
        await answers.set_result(-1)
        if refused := outgrown(component, await answers.fetchall()):
            raise StorageError(refused)
        result = await drive(dialect, connection, plan())
    except BaseException:
        await _take_back(connection)
        raise
    await _commit(connection)
    return result


class UnknownEndError(Exception):
    """The connection was lost while the server committed."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error


async def _commit(connection: PostgresConnection) -> None:
    """Commit what :func:`transact` began."""
    async with _committing():
        ended = await connection.execute("COMMIT")
    if ended.statusmessage != "COMMIT":
        raise StorageError("PostgreSQL rolled back what was to be committed")


@asynccontextmanager
async def _committing() -> AsyncGenerator[None]:
    try:
        yield
    except (psycopg.Error, TimeoutError) as error:
        if isinstance(error, TimeoutError) or is_lost(error):
            raise UnknownEndError(error) from None
        raise


async def _take_back(connection: PostgresConnection) -> None:
    """Roll back, for a moment: a connection that does not answer is closed."""
    try:
        async with asyncio.timeout(_ENDING):
            await connection.execute("ROLLBACK")
    except (psycopg.Error, TimeoutError) as error:
        _LOG.debug("a rollback failed: %s", type(error).__name__)


@asynccontextmanager
async def shared(connection: PostgresConnection, limit: float) -> AsyncGenerator[None]:
    """Psycopg's transaction, whose own beginning and end wait for nobody for long."""
    transaction = connection.transaction()
    async with asyncio.timeout(_BEGINNING):
        await transaction.__aenter__()
        if limit != float("inf"):
            milliseconds = {"limit": str(max(1, round(limit * 1000)))}
            await connection.execute(_HANDLER_LIMITS, milliseconds)
    try:
        yield
    except BaseException:
        raised = sys.exc_info()
        try:
            async with asyncio.timeout(_ENDING):
                await transaction.__aexit__(*raised)
        except (psycopg.Error, TimeoutError) as error:
            _LOG.debug("a rollback failed: %s", type(error).__name__)
        raise
    async with _committing(), asyncio.timeout(_BEGINNING):
        await transaction.__aexit__(None, None, None)
