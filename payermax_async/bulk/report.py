"""What a journal knows, for people: sums, failures by what to do, files."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from os import PathLike
from typing import Self

from payermax_async.bulk.counting import failure_groups, figures_of, state_totals
from payermax_async.bulk.figures import (
    BatchFigures,
    FailureGroup,
    StateTotal,
    is_waiting,
)
from payermax_async.bulk.journal import Journal
from payermax_async.bulk.outputs import cells
from payermax_async.bulk.outputs.unpaid import (
    UnpaidLinks,
    unpaid_links,
    write_reminders,
)
from payermax_async.bulk.outputs.values import NAMES, own_columns, own_of, row_values
from payermax_async.bulk.records import JournalRow, RowState
from payermax_async.private_file import write_text

__all__ = ["BulkReport"]


class BulkReport:
    """Reads the journal each time that it is asked, row by row.

    It blocks while it reads and writes; in a server call it through
    ``asyncio.to_thread``. The same journal makes the same files, byte for byte.

    Example:
        >>> for total in run.report.totals():
        ...     print(total.state, total.currency, total.rows, total.amount)
    """

    def __init__(
        self, read: Callable[[], Iterable[JournalRow]], *, rows: int | None = None
    ) -> None:
        """Report on what ``read`` gives in order.

        Args:
            read: A journal's.
            rows: How many rows the whole batch has, where that is known: a journal
                holds only those that a run has reached.
        """
        self._read = read
        self._expected = rows

    @classmethod
    def of(cls, journal: Journal) -> Self:
        """Report on a journal, which need not be open, and on all that its runs said.

        So it also knows how many rows the batch has that no run has reached.

        Raises:
            StorageError: The journal cannot be read.
        """
        said = [run.progress.rows or 0 for run in journal.status().runs]
        return cls(journal.read, rows=max(said, default=0) or None)

    def rows(self, *states: RowState) -> Iterator[JournalRow]:
        """All rows, or those in some states, in the order of their positions.

        Raises:
            StorageError: The journal cannot be read.
        """
        return (row for row in self._read() if not states or row.result.state in states)

    def counts(self) -> dict[RowState, int]:
        """How many rows are in each state; those without any are left out."""
        found = Counter(row.result.state for row in self._read())
        return {state: found[state] for state in RowState if found[state]}

    @property
    def is_complete(self) -> bool:
        """Whether every row's link exists; an empty journal's do not."""
        counts = self.counts()
        # Rows that no run has reached have no link, either.
        if sum(counts.values()) < (self._expected or 1):
            return False
        return all(state.exists for state in counts)

    def totals(self) -> tuple[StateTotal, ...]:
        """Counts and sums by state and currency."""
        return state_totals(self._read())

    def failures(self) -> tuple[FailureGroup, ...]:
        """Rows without a usable link by what to do, the largest group first."""
        return failure_groups(self._read())

    def figures(self) -> BatchFigures:
        """Everything that a report counts, from one look at the journal."""
        return figures_of(self._read(), self._expected)

    def to_csv(self, path: str | PathLike[str]) -> None:
        """Write all rows as CSV for spreadsheets, readable by the owner alone.

        A cell that a spreadsheet would take for a formula gets a ``'`` before it.

        Raises:
            OSError: It cannot be written; a file that was there is as it was.
            StorageError: The journal cannot be read.
        """
        # Looked through twice: the headers are those of all rows, and no row is held.
        own = own_columns(self._read())

        def lines() -> Iterator[str]:
            yield cells.BYTE_ORDER_MARK + cells.line([*NAMES, *own])
            for row in self._read():
                values = row_values(row)
                carried = [own_of(row).get(name, "") for name in own]
                yield cells.line([*(str(values[name]) for name in NAMES), *carried])

        write_text(path, lines())

    def to_jsonl(self, path: str | PathLike[str]) -> None:
        """Write all rows as JSON, one a line, readable by the owner alone.

        The merchant's own columns stand under ``columns``; amounts are text.

        Raises:
            OSError: It cannot be written; a file that was there is as it was.
            StorageError: The journal cannot be read.
        """

        def lines() -> Iterator[str]:
            for row in self._read():
                columns = dict(sorted(own_of(row).items()))
                value = {**row_values(row), "columns": columns}
                yield json.dumps(value, ensure_ascii=False) + "\n"

        write_text(path, lines())

    def to_xlsx(self, path: str | PathLike[str]) -> None:
        """Write a workbook: all rows, totals, failures; readable by the owner alone.

        What stands in a cell is text and never worked out; amounts are numbers, and
        links lead to their page.

        Raises:
            ConfigurationError: XlsxWriter is not installed (extra ``files``).
            OSError: It cannot be written; a file that was there is as it was.
            StorageError: The journal cannot be read.
            ValueError: There are more rows than a sheet has.
        """
        # Here and below: extras where they are used, so that figures need none of them.
        from payermax_async.bulk.outputs.workbook import write_report

        write_report(path, self._read, self.figures())

    def to_html(
        self,
        path: str | PathLike[str],
        *,
        title: str = "Payment links",
        about: str = "",
        links: int = 24,
    ) -> None:
        """Write one page for people, complete in itself; readable by the owner alone.

        Verdict, totals by currency and state, what happened when, failures by what to
        do, and links that wait to be paid with their QR codes. It needs no network and
        no script, and prints. The merchant's own columns are not in it.

        Args:
            path: Where.
            title: Stands above it all.
            about: Stands below that: whose batch it is, and at which gateway.
            links: How many links to show with their QR codes at the most.

        Raises:
            ConfigurationError: Jinja2 or segno is not installed (extra ``files``).
            OSError: It cannot be written; a file that was there is as it was.
            StorageError: The journal cannot be read.
        """
        from payermax_async.bulk.outputs.page import write_page

        write_page(
            path,
            self.figures(),
            filter(is_waiting, self._read()),
            title=title,
            about=about,
            most_links=links,
        )

    def to_qr_sheet(
        self,
        path: str | PathLike[str],
        *,
        title: str = "Payment links",
        paper: str = "A4",
    ) -> int:
        """Write a page to be printed: a QR code for each link that can be paid.

        Under each code stand the host that it leads to, the order number and the
        amount; twelve on a sheet, with lines to cut along. Readable by the owner alone.

        Args:
            path: Where.
            title: Of the page.
            paper: ``A4`` or ``Letter``.

        Returns:
            How many codes there are.

        Raises:
            ConfigurationError: Jinja2 or segno is not installed (extra ``files``), or
                the paper is another.
            OSError: It cannot be written; a file that was there is as it was.
            StorageError: The journal cannot be read.
        """
        from payermax_async.bulk.outputs.qr_sheet import write_sheet

        return write_sheet(
            path, filter(is_waiting, self._read()), title=title, paper=paper
        )

    def to_repair(self, path: str | PathLike[str]) -> int:
        """Write the rows that have to be mended, to be sent once more.

        The rows as they were in the file, all their columns and their order, then the
        id, what is wrong and what to do. Only rows of which it is certain that no link
        of their own exists are in it: never one in doubt, or one that is being sent.
        Readable by the owner alone.

        Args:
            path: A ``.csv``, an ``.xlsx`` or a ``.jsonl`` file.

        Returns:
            How many rows there are.

        Raises:
            ConfigurationError: The file is of another kind, or XlsxWriter is not
                installed (extra ``files``).
            OSError: It cannot be written; a file that was there is as it was.
            StorageError: The journal cannot be read.
        """
        from payermax_async.bulk.outputs.repair import write_repair

        return write_repair(path, self._read)

    def unpaid(
        self, now: datetime, older_than: timedelta = timedelta(0)
    ) -> UnpaidLinks:
        """The links that wait to be paid, by currency and age.

        Args:
            now: What ages are counted to, with its offset.
            older_than: Younger ones are left out.

        Raises:
            StorageError: The journal cannot be read.
        """
        return unpaid_links(self._read(), now, older_than)

    def to_reminders(
        self,
        path: str | PathLike[str],
        now: datetime,
        *,
        older_than: timedelta = timedelta(0),
        phone: str | None = None,
    ) -> int:
        """Write whom to remind, for mail merge, SMS and WhatsApp; nothing is sent.

        A line for each link that waits to be paid, with a message that has the link in
        it and the merchant's own columns. Readable by the owner alone.

        Args:
            path: A ``.csv`` or an ``.xlsx`` file.
            now: What ages are counted to, with its offset.
            older_than: Younger ones are left out.
            phone: Your column of telephone numbers: each line gets an address that
                opens a chat in WhatsApp.

        Returns:
            How many links are in it.

        Raises:
            ConfigurationError: There is no such column, or no such kind of file.
            OSError: It cannot be written; a file that was there is as it was.
            StorageError: The journal cannot be read.
        """
        return write_reminders(
            path, self._read, now, older_than=older_than, phone=phone
        )
