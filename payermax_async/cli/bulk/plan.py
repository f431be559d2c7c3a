"""``payermax bulk template`` and ``plan``: before anything is sent."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from payermax_async.cli.bulk.order_source import (
    JOURNAL,
    OrderSource,
    journal_at,
    status_of,
)
from payermax_async.cli.bulk.plan_text import plan_as_json, show_plan, show_samples
from payermax_async.cli.console import output_console, print_json
from payermax_async.cli.failures import Exit
from payermax_async.cli.merchant import Flag, MerchantSource
from payermax_async.core.errors import ConfigurationError

if TYPE_CHECKING:
    from payermax_async.bulk import OrderFile
    from payermax_async.core.models.link_request import LinkDefaults
    from payermax_async.environment import Environment

__all__ = ["plan", "read_orders", "template"]


def template(
    file: Annotated[Path, Parameter(name="FILE")],
    /,
    *,
    chinese: Annotated[bool, Flag] = False,
) -> int:
    """Write an empty file of orders to be filled in: FILE.xlsx or FILE.csv.

    A workbook has a second sheet that explains the columns. The example row is never
    sent.

    Args:
        file: Where; a file that is there is left as it is.
        chinese: Chinese headers.
    """
    from payermax_async.bulk import write_template

    write_template(file, chinese=chinese)
    output_console().print("written; fill it in, delete the example, then: bulk plan")
    return Exit.DONE


def plan(
    file: Annotated[Path, Parameter(name="FILE")],
    /,
    *,
    journal: Annotated[Path | None, JOURNAL] = None,
    orders: OrderSource | None = None,
    as_json: Annotated[bool, Flag, Parameter(name="--json")] = False,
    source: MerchantSource | None = None,
) -> int:
    """Say all there is to say of a file of orders, without network and keys.

    Every problem with its row, column, reason and fix; sums by currency; what stands
    out; and where the links would be made.

    Exit codes: 0 ready to run, 1 something has to be mended, 2 it cannot be read.

    Args:
        file: CSV, .xlsx or JSON lines.
        journal: To see what is known already.
        orders: How the file is to be read.
        as_json: Print JSON for another program.
        source: Where the merchant's settings are; keys are not needed.
    """
    defaults, environment = _settings(source or MerchantSource())
    # Not there before the first run, and not made by looking.
    book = None if journal is None else journal_at(journal, must_exist=False)
    known = status_of(book, journal) if book and journal else None
    found = read_orders(orders or OrderSource(), file, known[1] if known else None)
    told = found.plan(defaults, journal=book.read() if book and known else ())
    if as_json:
        print_json(plan_as_json(found, told, environment))
    else:
        show_plan(found, told, environment, datetime.now(UTC))
        if told.is_ready:
            output_console().print("Ready: nothing was sent yet.", style="good")
    return Exit.DONE if told.is_ready else Exit.FAILED


def read_orders(source: OrderSource, file: Path, known: str | None) -> OrderFile:
    """Look through a file; of an unknown encoding, show what its cells may be.

    Raises:
        ConfigurationError: It cannot be read.
    """
    from payermax_async.bulk import OrderFileError

    try:
        return source.read(file, known)
    except OrderFileError as error:
        if error.samples:
            show_samples(error.samples)
        raise


def _settings(source: MerchantSource) -> tuple[LinkDefaults, Environment]:
    """What links have in common and where they go; nothing else has to be set.

    Raises:
        ConfigurationError: What is set is wrong.
    """
    from payermax_async.config.reading import environment_of, read_merchant
    from payermax_async.core.models.link_request import LinkDefaults

    settings = source.settings()
    environment = environment_of(settings)
    # No keys: whoever prepares a file need not be able to send it.
    defaults = read_merchant(settings).fields.get("defaults")
    if not isinstance(defaults, LinkDefaults):
        raise ConfigurationError(
            "a default for links is wrong in the settings: 'payermax doctor --offline' "
            "says which"
        )
    return defaults, environment
