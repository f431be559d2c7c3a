"""``payermax bulk report | failed | unpaid``: what a batch came to, for people."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import attrs
from cyclopts import Group, Parameter
from rich.table import Table
from rich.text import Text

from payermax_async.cli.bulk.options import JournalFile
from payermax_async.cli.bulk.order_source import journal_at
from payermax_async.cli.console import clean, output_console, plain, print_json
from payermax_async.cli.failures import Exit
from payermax_async.cli.merchant import Flag
from payermax_async.core.durations import read_duration
from payermax_async.core.errors import ConfigurationError

if TYPE_CHECKING:
    from rich.console import Console

    from payermax_async.bulk import BatchFigures, UnpaidLinks

__all__ = ["failed", "report", "unpaid"]

_FILES = Group("Files", help="Each readable by its owner alone.", sort_key=2)
_Json = Annotated[bool, Flag, Parameter(name="--json")]
_Force = Annotated[bool, Flag, Parameter(group=_FILES)]
_File = Annotated[Path | None, Parameter(group=_FILES)]


@Parameter(name="*", group=_FILES)
@attrs.frozen(kw_only=True)
class ReportFiles:
    """Which files to write."""

    html: Annotated[Path | None, Parameter(help="One page for people.")] = None
    """The page."""
    xlsx: Annotated[Path | None, Parameter(help="All rows as a workbook.")] = None
    """The workbook."""
    csv: Annotated[Path | None, Parameter(help="All rows as CSV.")] = None
    """The table."""
    jsonl: Annotated[Path | None, Parameter(help="All rows as JSON lines.")] = None
    """The lines."""
    qr_sheet: Annotated[
        Path | None, Parameter(help="A page of QR codes, to be printed.")
    ] = None
    """The codes."""
    paper: Annotated[str, Parameter(help="Of the QR codes: A4 or Letter.")] = "A4"
    """How large a sheet is."""
    title: Annotated[str | None, Parameter(help="Of the pages.")] = None
    """What stands above them."""
    force: Annotated[bool, Flag, Parameter(help="Write over files.")] = False
    """Whether files that are there are written over."""


def report(
    journal: JournalFile,
    /,
    *,
    files: ReportFiles | None = None,
    as_json: _Json = False,
) -> int:
    """Say what a batch came to, and write it to files.

    It only reads the journal, also while a run is at it. The same journal makes the
    same files.

    Args:
        journal: The batch's journal.
        files: What to write.
        as_json: Print JSON for another program.
    """
    from payermax_async.bulk import BulkReport

    files = files or ReportFiles()
    opened = journal_at(journal, must_exist=True)
    found, batch = BulkReport.of(opened), opened.status().batch
    title = files.title or f"Payment links: {journal.stem}"
    about = "" if batch is None else batch.fingerprint
    writers: list[tuple[Path | None, Callable[[Path], object]]] = [
        (files.html, lambda path: found.to_html(path, title=title, about=about)),
        (files.xlsx, found.to_xlsx),
        (files.csv, found.to_csv),
        (files.jsonl, found.to_jsonl),
        (
            files.qr_sheet,
            lambda path: found.to_qr_sheet(path, title=title, paper=files.paper),
        ),
    ]
    # All of them before the first is written: none is better than half of them.
    for path, _ in writers:
        _free(path, force=files.force)
    figures = found.figures()
    written = [path for path, write in writers if path and _written(path, write)]
    if as_json:
        print_json(plain(_told(figures)))
        return Exit.DONE
    console = output_console()
    _show(console, figures)
    for path in written:
        console.print(f"Written: {clean(path)}", soft_wrap=True)
    return Exit.DONE


def failed(
    journal: JournalFile,
    /,
    *,
    out: Annotated[Path, Parameter(group=_FILES)],
    force: _Force = False,
) -> int:
    """Write the rows that have to be mended to a file, to be run once more.

    The rows as they were, with what is wrong and what to do. Rows in doubt are never
    in it: for them, run the batch again, which asks first.

    Args:
        journal: The batch's journal.
        out: A .csv, .xlsx or .jsonl file.
        force: Write over a file that is there.
    """
    from payermax_async.bulk import BulkReport

    found = BulkReport.of(journal_at(journal, must_exist=True))
    _free(out, force=force)
    figures, console = found.figures(), output_console()
    rows = _written(out, found.to_repair)
    console.print(f"Written: {rows} rows to be mended, {clean(out)}", soft_wrap=True)
    if figures.open:
        console.print(
            f"Not in it: {figures.open} that are open. Run the batch again for them.",
            style="care",
            soft_wrap=True,
        )
    if rows:
        again = shlex.join(
            ["payermax", "bulk", "run", str(out), "--journal", str(journal)]
        )
        console.print(f"Mended, run it: {clean(again)} --changed", soft_wrap=True)
    return Exit.DONE


def unpaid(
    journal: JournalFile,
    /,
    *,
    older_than: str = "0s",
    export: _File = None,
    phone: Annotated[str | None, Parameter(group=_FILES)] = None,
    force: _Force = False,
    as_json: _Json = False,
) -> int:
    """Say which links nobody has paid, by currency and age.

    As far as the journal knows: 'payermax bulk status JOURNAL --refresh' asks.

    Args:
        journal: The batch's journal.
        older_than: Leave out younger links, such as 3d.
        export: A .csv or .xlsx file with a message for each, for mail merge, SMS and
            WhatsApp. Nothing is sent.
        phone: Your column of telephone numbers: adds addresses that open WhatsApp.
        force: Write over a file that is there.
        as_json: Print JSON for another program.
    """
    from payermax_async.bulk import BulkReport
    from payermax_async.clock import SystemClock

    if phone is not None and export is None:
        raise ConfigurationError("--phone goes with --export")
    age, now = read_duration(older_than), SystemClock().now()
    found = BulkReport.of(journal_at(journal, must_exist=True))
    _free(export, force=force)
    links = found.unpaid(now, age)
    exported = 0
    if export is not None:
        exported = _written(
            export,
            lambda path: found.to_reminders(path, now, older_than=age, phone=phone),
        )
    if as_json:
        value = plain(links)
        fields = value if isinstance(value, dict) else {}
        print_json({**fields, "exported": exported} if export else fields)
        return Exit.DONE
    console = output_console()
    _show_ages(console, links)
    if export is not None:
        console.print(
            f"Exported: {exported} links to {clean(export)}. Nothing was sent.",
            soft_wrap=True,
        )
    return Exit.DONE


def _free(path: Path | None, *, force: bool) -> None:
    if path is not None and not force and path.exists():
        raise ConfigurationError(
            f"{clean(path)} is there already: --force writes over it"
        )


def _written(path: Path, write: Callable[[Path], object]) -> int:
    """Write a file; gives how many rows it has, where that is told."""
    try:
        found = write(path)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ConfigurationError(f"{clean(path)} cannot be written: {reason}") from None
    # Such as more rows than a sheet has; the message says what to take instead.
    except ValueError as error:
        raise ConfigurationError(str(error)) from None
    return found if isinstance(found, int) else 1


def _told(figures: BatchFigures) -> dict[str, object]:
    verdict = figures.verdict()
    return {
        "headline": verdict.headline,
        "is_good": verdict.is_good,
        "rows": max(figures.rows, figures.expected or 0),
        "open": figures.open,
        "links": figures.with_link,
        "waiting": figures.waiting,
        "odd_payments": figures.odd_payments,
        "totals": figures.totals,
        "failures": figures.failures,
    }


def _show(console: Console, figures: BatchFigures) -> None:
    from payermax_async.bulk.figures import STATE_WORDS
    from payermax_async.bulk.outputs.cards import written_amount

    verdict = figures.verdict()
    style = "good" if verdict.is_good else "care" if verdict.is_open else "bad"
    console.print(Text(verdict.headline, style=style))
    for detail in verdict.details:
        console.print(Text(f"  {detail}"), soft_wrap=True)
    table = Table(box=None, padding=(0, 2), show_header=False)
    table.add_column(justify="left")
    table.add_column(justify="right")
    table.add_column(justify="right")
    for total in figures.totals:
        # Of rows whose amount cannot be read, there is no sum.
        amount = written_amount(total.amount, total.currency) if total.currency else ""
        table.add_row(STATE_WORDS[total.state], f"{total.rows:,}", clean(amount))
    console.print(table)
    for group in figures.failures:
        console.print(
            Text(f"{group.rows:,} {STATE_WORDS[group.state]}: {clean(group.remedy)}"),
            style="care",
            soft_wrap=True,
        )
        # The most frequent: a file of failures has them all.
        for reason, times in group.reasons[:5]:
            console.print(Text(f"  {times:,} x {clean(reason)}"), soft_wrap=True)


def _show_ages(console: Console, links: UnpaidLinks) -> None:
    table = Table(box=None, padding=(0, 2))
    for name in ("currency", "open for", "links", "amount"):
        right = name in {"links", "amount"}
        table.add_column(name, justify="right" if right else "left", style="")
    for cells in _ages(links):
        table.add_row(*cells)
    if links.lines:
        console.print(table)
    else:
        console.print("No link waits to be paid.")
    if links.over:
        console.print(
            f"{links.over} more are past their time: payermax bulk status --refresh "
            "asks whether they were paid.",
            style="care",
            soft_wrap=True,
        )
    if links.looked_into:
        console.print(
            f"{links.looked_into} with an odd payment are left out: see the report.",
            style="care",
            soft_wrap=True,
        )


def _ages(links: UnpaidLinks) -> Iterator[tuple[str, ...]]:
    from payermax_async.bulk.outputs.cards import written_amount
    from payermax_async.bulk.outputs.unpaid import AGES
    from payermax_async.core.money import total

    for line in links.lines:
        found = zip(AGES, line.rows, line.amounts, strict=True)
        for (name, _), rows, amount in found:
            if rows:
                written = written_amount(amount, line.currency)
                yield clean(line.currency), name, f"{rows:,}", clean(written)
        whole = written_amount(total(line.amounts), line.currency)
        yield clean(line.currency), "all", f"{sum(line.rows):,}", clean(whole)
