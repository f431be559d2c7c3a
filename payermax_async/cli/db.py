"""``payermax db``: the tables in a database, and their versions."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from cyclopts import App, Group, Parameter
from rich.text import Text

from payermax_async.cli.console import output_console, print_json
from payermax_async.cli.failures import Exit
from payermax_async.cli.merchant import Flag

if TYPE_CHECKING:
    from payermax_async.core.strict_json import JsonObject
    from payermax_async.storage.migrations import Component, Standing

__all__ = ["app", "check", "sql", "upgrade"]

T = TypeVar("T")

app: App = App(name="db", help="The tables in a database: make, check or print them.")

_GROUP = Group("Inbox", sort_key=3)
_Address = Annotated[
    str,
    Parameter(
        name=["--inbox", "--database"],
        group=_GROUP,
        env_var="PAYERMAX_INBOX",
        help="sqlite:///FILE (sqlite:////FILE from the root) or postgresql://...",
    ),
]
_Schema = Annotated[
    str, Parameter(group=_GROUP, help="Where the tables stand in PostgreSQL.")
]
_Component = Annotated[
    Literal["inbox", "journal"],
    Parameter(group=_GROUP, help="Whose tables: of notifications, or of bulk."),
]
_Json = Annotated[bool, Flag, Parameter(name="--json")]


@app.command
def upgrade(
    *,
    inbox: _Address,
    schema: _Schema = "payermax",
    component: _Component = "inbox",
    as_json: _Json = False,
) -> int:
    """Make the tables, or bring them to the version of this package.

    Nothing is done twice, also when several do it at once.

    Args:
        inbox: Where they are; a file that is missing is made.
        schema: Made when it is missing.
        component: Which of them.
        as_json: Print JSON for another program.
    """
    from payermax_async.cli.inbox_address import tables_at

    tables = tables_at(inbox, component, schema=schema, may_make=True)

    async def run() -> Standing:
        await tables.open()
        await tables.aclose()
        return await tables.standing()

    return _told(tables.component, _run(run()), as_json=as_json)


@app.command
def check(
    *,
    inbox: _Address,
    schema: _Schema = "payermax",
    component: _Component = "inbox",
    as_json: _Json = False,
) -> int:
    """Say which version the tables have; 1 when this package cannot use them so.

    Args:
        inbox: Where they are.
        schema: Its name, unless it is the usual one.
        component: Which of them.
        as_json: Print JSON for another program.
    """
    from payermax_async.cli.inbox_address import tables_at

    tables = tables_at(inbox, component, schema=schema)
    return _told(tables.component, _run(tables.standing()), as_json=as_json)


@app.command
def sql(
    *,
    inbox: _Address,
    schema: _Schema = "payermax",
    component: _Component = "inbox",
) -> int:
    """Print the statements that upgrade would run, for whoever may run them.

    They are one transaction: a second time it fails as a whole and changes nothing.

    Args:
        inbox: Where the tables are, or are to be.
        schema: Its name, unless it is the usual one.
        component: Which of them.
    """
    from payermax_async.cli.inbox_address import tables_at
    from payermax_async.core.errors import ConfigurationError
    from payermax_async.storage.migrations import refusal

    tables = tables_at(inbox, component, schema=schema)
    now = _run(tables.standing())
    # Statements of this version would be wrong for tables of a later one.
    if refused := refusal(tables.component, now):
        raise ConfigurationError(refused)
    # For psql and the like: as it is, whatever the width of the screen.
    print(tables.script(now) or "-- nothing is to be done", end="\n")
    return Exit.DONE


def _run(work: Coroutine[Any, Any, T]) -> T:
    import asyncio

    return asyncio.run(work)


def _told(component: Component, now: Standing, *, as_json: bool) -> int:
    from payermax_async.storage.migrations import refusal

    refused = refusal(component, now)
    if as_json:
        told: JsonObject = {
            "component": component.name,
            "version": now.found,
            "least version of the code": now.least_reader,
            "package knows": component.version,
            "to do": [step.number for step in now.todo],
            "usable": not refused and not now.todo,
        }
        print_json(told)
    else:
        line = Text(f"{component.name}: version {now.found}, this package knows ")
        line.append(f"{component.version}. ")
        if refused:
            line.append(refused, "bad")
        elif now.todo:
            line.append("Behind: payermax db upgrade, or payermax db sql", "care")
        elif now.found > component.version:
            line.append("Newer, and it may be used.", "good")
        else:
            line.append("Up to date.", "good")
        output_console().print(line, soft_wrap=True)
    return Exit.FAILED if refused or now.todo else Exit.DONE
