"""Numbered changes of a component's tables, safe to run twice and at once.

Each component, such as the inbox, counts the versions of its own tables. Beside the
version stands the least version of the code that may still use them: changes only add,
what is removed is removed one release later, so old and new processes live side by
side while a deployment goes on.
"""

from __future__ import annotations

import attrs

from payermax_async.storage.errors import StorageError
from payermax_async.storage.sql import Query, Steps

__all__ = ["Component", "Migration", "migrate", "pending"]


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
    """In their order, without a gap."""
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


def pending(component: Component) -> Steps[tuple[Migration, ...]]:
    """What is still to be done; it only reads, so that whoever may read can ask.

    Raises:
        StorageError: The tables are of a form that this code may not use.
    """
    rows = yield Query("SELECT name FROM {catalogue}")
    tables = {name for (name,) in rows}
    if tables & set(component.unreleased):
        raise StorageError(
            f"the tables of the {component.name} are of a form from before the first "
            "release, which is not carried over: let what waits in them be handled by "
            "the version that made them, then drop them and start afresh"
        )
    found, least = 0, 0
    if "components" in tables:
        rows = yield Query(
            "SELECT version, least_reader FROM {components} WHERE name = :name",
            {"name": component.name},
        )
        found, least = rows[0] if rows else (0, 0)
    if least > component.version:
        raise StorageError(
            f"the tables of the {component.name} are of version {found} and want code "
            f"that knows version {least}; this package knows {component.version}: "
            "update it wherever it uses them"
        )
    return tuple(step for step in component.migrations if step.number > found)


def migrate(component: Component) -> Steps[None]:
    """Do what is to be done. Nobody else may be at it: the caller holds a lock.

    Raises:
        StorageError: The tables are of a form that this code may not use.
    """
    todo = yield from pending(component)
    if not todo:
        return
    rows = yield Query("SELECT name FROM {catalogue}")
    if "components" not in {name for (name,) in rows}:
        yield Query(_VERSIONS)
    for step in todo:
        for statement in step.statements.split(";"):
            yield Query(statement)
        yield Query(
            "INSERT INTO {components} (name, version, least_reader) "
            "VALUES (:name, :version, :least_reader) ON CONFLICT (name) DO UPDATE SET "
            "version = excluded.version, least_reader = excluded.least_reader",
            {
                "name": component.name,
                "version": step.number,
                "least_reader": step.least_reader,
            },
        )
