"""How statements are written for PostgreSQL."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeAlias

from payermax_async.core.errors import ConfigurationError
from payermax_async.storage.sql import Dialect

if TYPE_CHECKING:
    from psycopg import AsyncConnection
    from psycopg.rows import TupleRow

__all__ = ["PostgresConnection", "postgres_dialect"]

PostgresConnection: TypeAlias = "AsyncConnection[TupleRow]"
"""What a handler gets that shares the inbox's transaction."""

_SCHEMA = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
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
        catalogue=(
            "(SELECT c.relname AS name FROM pg_catalog.pg_class AS c "  # noqa: S608 - a checked name
            "JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace "
            f"WHERE n.nspname = '{schema}' AND c.relkind IN ('r', 'p')) AS catalogue"
        ),
        parameter=r"%(\1)s",
    )
