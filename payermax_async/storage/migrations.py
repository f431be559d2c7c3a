"""Numbered changes of a component's tables, safe to run twice and at once.

Each component, such as the inbox, counts the versions of its own tables. Beside the
version stands the least version of the code that may still use them: changes only add,
what is removed is removed one release later, so old and new processes live side by
side while a deployment goes on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

import attrs

from payermax_async.storage.errors import StorageError
from payermax_async.storage.sql import Dialect, Query, Row, Steps

__all__ = [
    "Component",
    "Migration",
    "Standing",
    "checked",
    "least_reader",
    "migrate",
    "outgrown",
    "pending",
    "refusal",
    "script",
    "standing",
    "statements",
]

T = TypeVar("T")


@attrs.frozen(kw_only=True)
class Migration:
    """Leads from one version of the tables to the next."""

    number: int
    """The version that it leads to, from 1."""
    statements: str
    """Separated by semicolons, in the dialect's placeholders."""
    least_reader: int
    """The least version of the code that may use the tables from then on."""


@attrs.frozen(kw_only=True)
class Component:
    """What has tables of its own."""

    name: str
    """As the people who run it call it."""
    migrations: tuple[Migration, ...]
    """In their order, without a gap. A statement holds no semicolon of its own."""
    unreleased: tuple[str, ...] = ()
    """Tables that only a form from before the first release has."""

    @property
    def version(self) -> int:
        """What this code knows."""
        return self.migrations[-1].number


_VERSIONS = """
CREATE TABLE {components} (
    name TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    least_reader INTEGER NOT NULL
)
"""


@attrs.frozen(kw_only=True)
class Standing:
    """Which version a component's tables have, and what is still to be done."""

    found: int
    """Their version; 0 where there are none."""
    least_reader: int
    """The least version of the code that may use them."""
    todo: tuple[Migration, ...]
    """In their order; none where all is done, or a later version did more."""
    is_first: bool
    """Whether no component has tables there yet."""


def standing(component: Component) -> Steps[Standing]:
    """Look, and change nothing: whoever may read can ask.

    Raises:
        StorageError: The tables are of a form from before the first release.
    """
    rows = yield Query("SELECT name FROM {catalogue}")
    tables = {name for (name,) in rows}
    # Taken for the released form, they would lose what waits in them.
    if tables & set(component.unreleased):
        raise StorageError(
            f"the tables of the {component.name} are of a form from before the first "
            "release, which is not carried over: let what waits in them be handled by "
            "the version that made them, then drop them and start afresh"
        )
    found, least = 0, 0
    if "components" in tables:
        rows = yield Query(least_reader(component))
        found, least = rows[0] if rows else (0, 0)
    return Standing(
        found=found,
        least_reader=least,
        todo=tuple(step for step in component.migrations if step.number > found),
        is_first="components" not in tables,
    )


def refusal(component: Component, now: Standing) -> str:
    """Why this code may not use the tables as they stand; empty where it may."""
    return outgrown(component, [(now.found, now.least_reader)])


def outgrown(component: Component, rows: Iterable[Row]) -> str:
    """The same for the row that :func:`least_reader` asks for."""
    for found, least in rows:
        if least > component.version:
            return (
                f"the tables of the {component.name} are of version {found} and want "
                f"code that knows version {least}; this package knows "
                f"{component.version}: update it wherever it uses them"
            )
    return ""


def least_reader(component: Component) -> str:
    """What is asked in each transaction, for a process that has the tables open.

    Whoever changes them locks their versions first, so that an answer holds to the end
    of the transaction that asked.
    """
    return (
        "SELECT version, least_reader FROM {components} "  # noqa: S608 - constants
        f"WHERE name = '{component.name}'"
    )


def checked(component: Component, steps: Steps[T]) -> Steps[T]:
    """The steps, unless the tables have moved past this code since they were opened.

    Raises:
        StorageError: They have.
    """
    if refused := outgrown(component, (yield Query(least_reader(component)))):
        raise StorageError(refused)
    return (yield from steps)


def pending(component: Component) -> Steps[tuple[Migration, ...]]:
    """What is still to be done; it only reads.

    Raises:
        StorageError: The tables are of a form that this code may not use.
    """
    now = yield from standing(component)
    if refused := refusal(component, now):
        raise StorageError(refused)
    return now.todo


def migrate(component: Component) -> Steps[None]:
    """Do what is to be done. Nobody else may be at it: the caller holds a lock.

    Raises:
        StorageError: The tables are of a form that this code may not use.
    """
    # Once more, under the lock: whoever had it before may have done it all.
    if not (yield from pending(component)):
        return
    for statement in statements(component, (yield from standing(component))):
        yield Query(statement)


def statements(component: Component, now: Standing) -> Iterator[str]:
    """What is to be done, one statement after the other."""
    if now.is_first:
        yield _VERSIONS.strip()
    for step in now.todo:
        # Drivers take one at a time; no text in a statement of ours has a semicolon.
        for statement in step.statements.split(";"):
            yield statement.strip()
        yield (
            "INSERT INTO {components} (name, version, least_reader) "  # noqa: S608 - constants
            f"VALUES ('{component.name}', {step.number}, {step.least_reader}) "
            "ON CONFLICT (name) DO UPDATE SET "
            "version = excluded.version, least_reader = excluded.least_reader"
        )


def script(component: Component, now: Standing, dialect: Dialect, *before: str) -> str:
    """What is to be done as text for a database's own tools; empty for nothing.

    One transaction: run a second time it fails as a whole and changes nothing.

    Args:
        component: Whose tables they are.
        now: How they stand.
        dialect: Of the database.
        before: What comes first in the transaction.
    """
    if not now.todo:
        return ""
    written = [dialect.write(statement) for statement in statements(component, now)]
    return "".join(f"{each};\n" for each in ("BEGIN", *before, *written, "COMMIT"))
