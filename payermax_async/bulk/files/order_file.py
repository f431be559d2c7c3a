"""A spreadsheet of orders: what it holds, and each of its rows as an order."""

from __future__ import annotations

from collections.abc import Callable, Container, Generator, Iterable, Iterator, Mapping
from contextlib import closing
from os import PathLike
from typing import TYPE_CHECKING

import attrs

from payermax_async.bulk.files.cells import Cell, OrderTable, TableRow, text_of
from payermax_async.bulk.files.columns import (
    BY_FIELD,
    LINK_ID,
    ORDER,
    Placed,
    known_among,
    missing_columns,
    place_columns,
    unknown_field,
)
from payermax_async.bulk.files.delimited import DelimitedTable
from payermax_async.bulk.files.limits import OrderFileError
from payermax_async.bulk.files.planning import planned
from payermax_async.bulk.files.reading import RowReader
from payermax_async.bulk.files.tables import FileSettings, open_table
from payermax_async.bulk.outputs.cells import restored
from payermax_async.bulk.rows import OrderRow, link_id_of
from payermax_async.core.models.link_request import LinkDefaults

if TYPE_CHECKING:
    from payermax_async.bulk.files.plan import BatchPlan
    from payermax_async.bulk.records import JournalRow

__all__ = ["OrderFile"]


class OrderFile:
    """Orders in a CSV file, a workbook (.xlsx) or JSON lines, one a row.

    Headers are English or Chinese, in any case and order; columns that mean nothing
    here are the merchant's own and are carried through to reports. A link's id is made
    of the batch and the order's number, so that the same file makes the same ids.

    Making one reads the file once; reading blocks. Iterating reads it again, row by
    row: of CSV and JSON lines, no more is held.

    Example:
        >>> orders = OrderFile("november.csv", batch="november")
        >>> plan = orders.plan(config.defaults)
        >>> for problem in plan.problems:
        ...     print(problem.row, problem.column, problem.reason, problem.fix)
        >>> async with create_links(
        ...     client, orders, journal=journal, plan=plan.hash
        ... ) as run:
        ...     async for done in run:
        ...         print(done.merchant_link_id, done.state)

    Raises:
        OrderFileError: It cannot be read, or lacks a column, and what to do.
    """

    def __init__(
        self,
        path: str | PathLike[str],
        *,
        batch: str,
        columns: Mapping[str, str] | None = None,
        fixed: Mapping[str, str] | None = None,
        decimal_comma: bool = False,
        by_row: bool = False,
        settings: FileSettings | None = None,
    ) -> None:
        """Look through the file.

        Args:
            path: The file; what kind it is, its bytes say.
            batch: What its orders have in common: 1 to 24 ASCII letters, digits, -
                and _. The same orders under another name would get other links.
            columns: The headers of fields that go by other names, such as
                ``{"order": "Bestellnummer"}``.
            fixed: Cells for fields that have no column, such as
                ``{"currency": "USD"}``.
            decimal_comma: Whether amounts of text have a comma before the decimals.
            by_row: Whether rows stand for orders that have no numbers of their own:
                then the file must never change, and its hash is in the plan.
            settings: Sheet, encoding, delimiter and limits.
        """
        try:
            link_id_of(batch, "A")
        except ValueError as error:
            raise OrderFileError(str(error)) from None
        given, alike = dict(columns or {}), dict(fixed or {})
        self._table: OrderTable = open_table(
            path, settings or FileSettings(), _known_with(given)
        )
        self._placed = _placed(self._table, given, alike, by_row=by_row)
        if self._restores:
            # Headers were made harmless as well as cells.
            headers = tuple(map(restored, self._placed.headers))
            self._placed = attrs.evolve(self._placed, headers=headers)
        self._by_row = by_row
        self._reader = RowReader(
            batch=batch,
            placed=self._placed,
            fixed=alike,
            decimal_comma=decimal_comma,
            by_row=by_row,
        )

    @property
    def batch(self) -> str:
        """What its orders have in common."""
        return self._reader.batch

    @property
    def digest(self) -> str:
        """SHA-256 of the file, in hexadecimal digits."""
        return self._table.digest

    @property
    def headers(self) -> tuple[str, ...]:
        """Of its columns, in their order."""
        return self._placed.headers

    @property
    def notices(self) -> tuple[str, ...]:
        """What people may overlook in it: hidden rows and sheets, for example."""
        return self._table.notices

    def __iter__(self) -> Iterator[OrderRow]:
        """Its orders, one by one, those with something wrong in them, too.

        Raises:
            OrderFileError: A row has no order number, or the file was changed.
        """
        return self.orders()

    def orders(self, *, without: Container[int] = ()) -> Generator[OrderRow]:
        """Its orders, one by one.

        Args:
            without: Numbers of rows to leave out.

        Raises:
            OrderFileError: A row has no order number, or the file was changed.
        """
        with closing(self._rows()) as rows:
            for row in map(self._reader.read, rows):
                if row.number in without:
                    continue
                # Passed over, the order would have no link, and nobody would know.
                if row.item is None:
                    raise OrderFileError(
                        f"row {row.number} has no order number that can be used: plan "
                        "first"
                    )
                yield row.item

    @property
    def _restores(self) -> bool:
        """Whether it is CSV that was written here, in which formulas are harmless."""
        is_ours = LINK_ID in self._placed.fields
        return is_ours and isinstance(self._table, DelimitedTable)

    def _rows(self) -> Generator[TableRow]:
        """Its rows, as they were before they were made harmless."""
        with closing(self._table.rows()) as rows:
            for row in rows:
                if self._restores:
                    yield attrs.evolve(row, cells=tuple(map(_restored, row.cells)))
                else:
                    yield row

    def plan(
        self, defaults: LinkDefaults, *, journal: Iterable[JournalRow] = ()
    ) -> BatchPlan:
        """All that can be told before anything is asked or sent.

        Args:
            defaults: What links have in common.
            journal: What a journal knows already.

        Raises:
            OrderFileError: The file was changed.
            StorageError: The journal cannot be read.
        """
        with closing(self._rows()) as rows:
            return planned(
                self.batch,
                self._placed,
                ((row, self._reader.read(row)) for row in rows),
                defaults=defaults,
                journal=journal,
                # Where rows name the orders, another file is another batch of them.
                salt=self.digest if self._by_row else "",
            )


def _restored(cell: Cell) -> Cell:
    return restored(cell) if isinstance(cell, str) else cell


def _known_with(given: Mapping[str, str]) -> Callable[[list[str]], int]:
    named = {header.strip().casefold() for header in given.values()}

    def known(headers: list[str]) -> int:
        # A header that somebody named shows the right delimiter, too.
        own = sum(header.strip().casefold() in named for header in headers)
        return own + known_among(headers)

    return known


def _placed(
    table: OrderTable,
    given: Mapping[str, str],
    fixed: Mapping[str, str],
    *,
    by_row: bool,
) -> Placed:
    headers = [text_of(cell) for cell in table.headers().cells]
    # Left unread, it would look as if it had been heeded.
    if unknown := fixed.keys() - BY_FIELD.keys():
        raise unknown_field(min(unknown))
    alone = frozenset(fixed).union([ORDER] if by_row else [])
    placed = place_columns(headers, given, alone)
    if refused := fixed.keys() & {ORDER, LINK_ID}:
        raise OrderFileError(f"{min(refused)} cannot be the same in every row")
    if twice := fixed.keys() & placed.fields.keys():
        raise OrderFileError(
            f"{min(twice)} has a column of its own, and cannot be set for all rows"
        )
    if by_row and ORDER in placed.fields:
        raise OrderFileError(
            "the file has a column of order numbers: they name the orders, not its rows"
        )
    if placed.missing:
        raise OrderFileError(missing_columns(placed))
    return placed
