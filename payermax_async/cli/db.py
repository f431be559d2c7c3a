"""``payermax db``: the tables of an inbox, and their versions."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from cyclopts import App, Group, Parameter
from rich.text import Text

from payermax_async.cli.console import output_console, print_json
from payermax_async.cli.failures import Exit
from payermax_async.cli.merchant import Flag

if TYPE_CHECKING:
    from payermax_async.core.strict_json import JsonObject
    from payermax_async.storage.migrations import Standing

__all__ = ["app", "check", "sql", "upgrade"]

T = TypeVar("T")

app = App(name="db", help="The tables of an inbox: make, check or print them.")

_GROUP = Group("Inbox", sort_key=3)
_Address = Annotated[
    str,
    Parameter(
        name="--inbox",
        group=_GROUP,
        env_var="PAYERMAX_INBOX",
        help="sqlite:///FILE (sqlite:////FILE from the root) or postgresql://...",
    ),
]
_Schema = Annotated[
    str, Parameter(group=_GROUP, help="Where the tables stand in PostgreSQL.")
]
_Json = Annotated[bool, Flag, Parameter(name="--json")]


@app.command
def upgrade(
    *, inbox: _Address, schema: _Schema = "payermax", as_json: _Json = False
) -> int:
    """Make the tables, or bring them to the version of this package.

    Nothing is done twice, also when several do it at once.

    Args:
        inbox: Where they are; a file that is missing is made.
        schema: Made when it is missing.
        as_json: Print JSON for another program.
    """
    from payermax_async.cli.inbox_address import tables_at

    tables = tables_at(inbox, schema=schema, may_make=True)

    async def run() -> Standing:
        await tables.open()
        await tables.aclose()
        return await tables.standing()

    return _told(_run(run()), as_json=as_json)


@app.command
def check(
    *, inbox: _Address, schema: _Schema = "payermax", as_json: _Json = False
) -> int:
    """Say which version the tables have; 1 when this package cannot use them so.

    Args:
        inbox: Where they are.
        schema: Its name, unless it is the usual one.
        as_json: Print JSON for another program.
    """
    from payermax_async.cli.inbox_address import tables_at

    tables = tables_at(inbox, schema=schema)
    return _told(_run(tables.standing()), as_json=as_json)


@app.command
def sql(*, inbox: _Address, schema: _Schema = "payermax") -> int:
    """Print the statements that upgrade would run, for whoever may run them.

    They are one transaction: a second time it fails as a whole and changes nothing.

    Args:
        inbox: Where the tables are, or are to be.
        schema: Its name, unless it is the usual one.
    """
    from payermax_async.cli.inbox_address import tables_at
    from payermax_async.core.errors import ConfigurationError
    from payermax_async.storage.migrations import refusal
    from payermax_async.webhooks.inbox.schema import INBOX

    tables = tables_at(inbox, schema=schema)
    now = _run(tables.standing())
    # Statements of this version would be wrong for tables of a later one.
    if refused := refusal(INBOX, now):
        raise ConfigurationError(refused)
    # For psql and the like: as it is, whatever the width of the screen.
    print(tables.script(now) or "-- nothing is to be done", end="\n")
    return Exit.DONE


def _run(work: Coroutine[Any, Any, T]) -> T:
    import asyncio

    return asyncio.run(work)


def _told(now: Standing, *, as_json: bool) -> int:
    from payermax_async.storage.migrations import refusal
    from payermax_async.webhooks.inbox.schema import INBOX

    refused = refusal(INBOX, now)
    if as_json:
        told: JsonObject = {
            "component": INBOX.name,
            "version": now.found,
            "least version of the code": now.least_reader,
            "package knows": INBOX.version,
            "to do": [step.number for step in now.todo],
            "usable": not refused and not now.todo,
        }
        print_json(told)
    else:
        line = Text(f"{INBOX.name}: version {now.found}, this package knows ")
        line.append(f"{INBOX.version}. ")
        if refused:
            line.append(refused, "bad")
        elif now.todo:
            line.append("Behind: payermax db upgrade, or payermax db sql", "care")
        elif now.found > INBOX.version:
            line.append("Newer, and it may be used.", "good")
        else:
            line.append("Up to date.", "good")
        output_console().print(line, soft_wrap=True)
    return Exit.FAILED if refused or now.todo else Exit.DONE
