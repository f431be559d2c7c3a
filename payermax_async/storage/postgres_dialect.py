"""How statements are written for PostgreSQL."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeAlias

from payermax_async.core.errors import ConfigurationError
from payermax_async.storage.sql import Dialect

if TYPE_CHECKING:
    from psycopg import AsyncConnection
    from psycopg.rows import TupleRow

__all__ = ["PostgresConnection", "before_migrating", "postgres_dialect"]

PostgresConnection: TypeAlias = "AsyncConnection[TupleRow]"
"""What a handler gets that shares the inbox's transaction."""

_MIGRATING = 7_269_377_413
"""Any number will do, as long as all processes take the same."""

_SCHEMA = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
_CLOCK = "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)"
"""The moment of the statement, not of its transaction's beginning."""
_TOLERANCE = 60_000_000
"""Microseconds by which the server's clock may have gone back within a lease."""
_RESERVED = re.compile(r"pg_.*|information_schema")


def postgres_dialect(schema: str) -> Dialect:
    """How statements are written for the tables in a schema.

    Raises:
        ConfigurationError: It is no plain name, or one of the server's own.
    """
    if not _SCHEMA.fullmatch(schema):
        raise ConfigurationError(
            "schema is a name of at most 63 letters a to z, digits and underscores "
            "that does not begin with a digit"
        )
    if _RESERVED.fullmatch(schema):
        raise ConfigurationError(
            f"schema is not {schema}: PostgreSQL keeps such names to itself"
        )
    return Dialect(
        table=f'"{schema}".',
        prefix="",
        number="BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
        bytes="BYTEA",
        lock="FOR UPDATE OF i, s SKIP LOCKED",
        lock_row="FOR UPDATE OF s SKIP LOCKED",
        clock=_CLOCK,
        boot="''",
        # One from later than now is of a clock that was wrong: it would stand in
        # the way for as long. Servers that take over from each other differ by less.
        held=f"(s.held_until > {_CLOCK} AND s.held_from <= {_CLOCK} + {_TOLERANCE})",
        catalogue=(
            "(SELECT c.relname AS name FROM pg_catalog.pg_class AS c "  # noqa: S608 - a checked name
            "JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace "
            f"WHERE n.nspname = '{schema}' AND c.relkind IN ('r', 'p')) AS catalogue"
        ),
        parameter=r"%(\1)s",
    )


def before_migrating(schema: str) -> tuple[str, str, str]:
    """What comes first in a transaction that changes tables.

    The lock, because two that make the same table at the same moment both fail or both
    do it, IF NOT EXISTS or not; then the schema, which has to be asked for first: one
    that is there may be none that the role may create. Then the versions, which whoever
    is at work has read and keeps from being locked until its transaction ends.
    """
    return (
        f"SELECT pg_advisory_xact_lock({_MIGRATING})",
        (
            "DO $$ BEGIN IF NOT EXISTS (SELECT 1 FROM pg_catalog.pg_namespace "  # noqa: S608 - a checked name
            f"WHERE nspname = '{schema}') THEN CREATE SCHEMA \"{schema}\"; "
            "END IF; END $$"
        ),
        (
            f"DO $$ BEGIN IF to_regclass('\"{schema}\".components') IS NOT NULL "
            f'THEN LOCK TABLE "{schema}".components; END IF; END $$'
        ),
    )
