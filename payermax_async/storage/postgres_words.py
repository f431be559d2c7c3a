"""What PostgreSQL or its driver did not do, in words without a word of the data."""

from __future__ import annotations

import psycopg

from payermax_async.storage.postgres_address import PostgresAddress

__all__ = ["words_of"]

_SHOWN = frozenset({"08", "25", "28", "3D", "3F", "42", "53", "55", "57"})
"""Classes of SQLSTATE whose messages repeat nothing of what was to be stored."""
_NOT_ALLOWED = "42501"


def words_of(error: BaseException, address: PostgresAddress, schema: str) -> str:
    """What went wrong.

    Args:
        error: Of the driver, or of a wait that ended.
        address: Whose password no message may hold.
        schema: Where the tables stand.
    """
    name = type(error).__name__
    if not isinstance(error, psycopg.Error) or error.sqlstate is None:
        return f"the connection was lost ({name})"
    said = f"{name}, SQLSTATE {error.sqlstate}"
    if error.sqlstate[:2] in _SHOWN:
        said += f": {address.told(error.diag.message_primary or '')}"
    if error.sqlstate == _NOT_ALLOWED:
        said += (
            f'. A role that only uses the tables needs USAGE on schema "{schema}" and '
            "SELECT, INSERT, UPDATE, DELETE on its tables, once a role that may create "
            "them has run payermax db upgrade (payermax db check says which version "
            "they have, payermax db sql prints what is to be run)"
        )
    return said
