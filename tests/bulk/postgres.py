"""Journals in PostgreSQL whose clock is turned by hand."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import attrs
import psycopg

from payermax_async.bulk import PostgresJournal
from tests.bulk.contract import Seconds


class DatabaseSeconds(Seconds):
    """Turns what journals in a schema take for the database's clock."""

    def __init__(self, address: str, schema: str) -> None:
        self._connection = psycopg.connect(address, autocommit=True)
        self._schema = schema
        self._now = 1000.0
        for statement in (
            f'CREATE TABLE "{schema}".turned (micros BIGINT)',
            f'INSERT INTO "{schema}".turned VALUES ({self.micros()})',
            (
                f'CREATE FUNCTION "{schema}".turned_clock() RETURNS BIGINT '
                f'LANGUAGE sql VOLATILE AS $$ SELECT micros FROM "{schema}".turned $$'
            ),
        ):
            self._connection.execute(statement.encode())

    @property
    def now(self) -> float:
        return self._now

    @now.setter
    def now(self, seconds: float) -> None:
        self._now = seconds
        self._connection.execute(
            f'UPDATE "{self._schema}".turned SET micros = {self.micros()}'.encode()
        )

    def close(self) -> None:
        self._connection.close()

    def rule(self, journal: PostgresJournal) -> PostgresJournal:
        database: Any = vars(journal)["_database"]
        clock = f'"{self._schema}".turned_clock()'
        database._dialect = attrs.evolve(
            database._dialect, clock=clock, held=f"(s.held_until > {clock})"
        )
        return journal


@asynccontextmanager
async def turned(
    address: str, schema: str, batch: str = "november"
) -> AsyncGenerator[tuple[PostgresJournal, DatabaseSeconds]]:
    """An open journal, and its clock."""
    async with PostgresJournal(address, batch=batch, schema=schema) as made:
        # The schema is there by now.
        assert made.is_open
    seconds = DatabaseSeconds(address, schema)
    try:
        journal = PostgresJournal(address, batch=batch, schema=schema, timeout=60.0)
        async with seconds.rule(journal):
            yield journal, seconds
    finally:
        seconds.close()
