"""Statements that say what is wanted of a database, without saying it to one.

A step yields statements and is sent their rows, so that one text of the rules serves
SQLite in a thread and PostgreSQL on the loop. Parameters are written ``:name``, tables
``{name}``, the clauses that lock claimed rows ``{lock}`` and ``{lock_row}``, the
database's own clock
``{clock}`` and what it counts from ``{boot}``, whether the lease of ``s`` stands
``{held}``, the list of the tables that are there ``{catalogue}``. The steps of one call
are one transaction.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias, TypeVar, cast

import attrs

__all__ = [
    "Dialect",
    "Plan",
    "Query",
    "Row",
    "Steps",
    "as_given",
    "coded",
    "decoded",
    "from_micros",
    "given",
    "micros",
    "plain",
]

T = TypeVar("T")


class Query(NamedTuple):
    """A statement and its parameters."""

    text: str
    parameters: Mapping[str, object] = MappingProxyType({})


Row: TypeAlias = tuple[Any, ...]
"""What the database returns is of the types in the schema, which no checker reads."""
Steps: TypeAlias = Generator[Query, list[Row], T]
Plan: TypeAlias = Callable[[], Steps[T]]
"""Makes steps: once more where they are run once more."""


def given(steps: Steps[T], **parameters: object) -> Steps[T]:
    """The same steps, whose statements know these parameters as well."""
    try:
        query = next(steps)
        while True:
            known = {**query.parameters, **parameters}
            query = steps.send((yield Query(query.text, known)))
    except StopIteration as ended:
        return cast("T", ended.value)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PARAMETER = re.compile(r":([a-z_]+)")


def micros(moment: datetime) -> int:
    """Microseconds since 1970, exactly."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def from_micros(number: int) -> datetime:
    """The moment, in UTC."""
    return _EPOCH + timedelta(microseconds=number)


# --- text ------------------------------------------------------------------------

# A database has an encoding of its own, which may lack a letter; none takes U+0000 or
# half a surrogate pair. What every database keeps, and finds again, is plain ASCII.
_PLAIN = re.compile(r"[\x01-\x5b\x5d-\x7f]*")
_ODD = re.compile(r"[^\x01-\x5b\x5d-\x7f]")
_CODE = re.compile(r"\\u([0-9a-f]{4})|\\U([0-9a-f]{8})")


def coded(text: str) -> str:
    r"""The text in letters that every database can hold; different for each text.

    Example:
        >>> coded("order-\u8ba2")
        'order-\\u8ba2'
    """
    # Nearly every text: ids and codes are ASCII.
    if _PLAIN.fullmatch(text):
        return text
    return _ODD.sub(_code, text)


def _code(odd: re.Match[str]) -> str:
    number = ord(odd[0])
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def decoded(text: str) -> str:
    """What :func:`coded` was given."""
    if "\\" not in text:
        return text
    return _CODE.sub(lambda code: chr(int(code[1] or code[2], 16)), text)


def plain(parameters: Mapping[str, object]) -> dict[str, object]:
    """Parameters with their texts coded."""
    return {
        name: coded(value) if isinstance(value, str) else value
        for name, value in parameters.items()
    }


def as_given(row: Row) -> Row:
    """A row with its texts as they were given."""
    return tuple(decoded(value) if isinstance(value, str) else value for value in row)


# --- databases -------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class Dialect:
    """What a database wants written in its own way."""

    table: str
    """Stands before the name of each table, such as a schema and a dot."""
    prefix: str
    """Stands before the name of each index."""
    number: str
    """The type of a primary key that counts by itself."""
    bytes: str
    """The type of bytes."""
    lock: str
    """Locks the rows of ``i`` and ``s``, without waiting for locked ones."""
    lock_row: str
    """Locks the rows of ``s`` alone, without waiting for locked ones."""
    clock: str
    """Microseconds on the database's own clock, whoever asks."""
    boot: str
    """What that clock counts from, where that may change."""
    held: str
    """Whether the lease of ``s`` stands, by that clock."""
    catalogue: str
    """A sub-query whose ``name`` is that of each table, without what stands before."""
    parameter: str
    """How a parameter is written, with ``\\1`` for its name."""
    _written: dict[str, str] = attrs.field(
        factory=dict[str, str], init=False, eq=False, repr=False
    )

    def write(self, statement: str) -> str:
        """A statement as the database wants it."""
        written = self._written.get(statement)
        if written is None:
            filled = statement.format_map(_Names(self))
            written = _PARAMETER.sub(self.parameter, filled)
            self._written[statement] = written
        return written


class _Names(dict[str, str]):
    """Every name that a statement may hold in braces."""

    def __init__(self, dialect: Dialect) -> None:
        super().__init__(
            prefix=dialect.prefix,
            number=dialect.number,
            bytes=dialect.bytes,
            lock=dialect.lock,
            lock_row=dialect.lock_row,
            clock=dialect.clock,
            boot=dialect.boot,
            held=dialect.held,
            catalogue=dialect.catalogue,
        )
        self._table = dialect.table

    def __missing__(self, name: str) -> str:
        return f"{self._table}{name}"
