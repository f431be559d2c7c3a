"""The report as one page: ready values for its template, which only lays them out."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from itertools import islice
from os import PathLike

import attrs

from payermax_async.bulk.figures import (
    STATE_WORDS,
    BatchFigures,
    BatchVerdict,
    FailureGroup,
    StateTotal,
    counted_rows,
)
from payermax_async.bulk.outputs import charts
from payermax_async.bulk.outputs.cards import (
    KINDS,
    ROOM,
    LinkCard,
    cards_of,
    written_amount,
)
from payermax_async.bulk.outputs.charts import Plot
from payermax_async.bulk.records import JournalRow, RowState
from payermax_async.pages.markup import pieces
from payermax_async.pages.style import SHARED, Style, read_style
from payermax_async.private_file import write_text

__all__ = ["write_page"]

# What went well first, what is left to be done last.
_ORDER = (
    RowState.PAID,
    RowState.CREATED,
    RowState.EXPIRED,
    RowState.REFUSED,
    RowState.CONFLICTING,
    RowState.UNKNOWN,
    RowState.SENDING,
    RowState.PLANNED,
)


@attrs.frozen
class _NumberTile:
    number: str
    label: str
    kind: str = "plain"


@attrs.frozen
class _StateShare:
    kind: str
    label: str
    x: str
    width: str


@attrs.frozen
class _SumCell:
    rows: str
    amount: str


@attrs.frozen
class _CurrencyLine:
    currency: str
    cells: tuple[_SumCell, ...]


@attrs.frozen
class _FailureBlock:
    remedy: str
    kind: str
    state: str
    rows: str
    reasons: tuple[tuple[str, str], ...]
    orders: str
    more: bool


@attrs.frozen(kw_only=True)
class ReportPage:
    """What the template shows."""

    title: str
    about: str
    as_of: str
    style: Style
    verdict: BatchVerdict
    mood: str
    tiles: tuple[_NumberTile, ...]
    shares: tuple[_StateShare, ...]
    legend: tuple[tuple[str, str, str], ...]
    states: tuple[tuple[str, str], ...]
    lines: tuple[_CurrencyLine, ...]
    time_line: Plot | None
    latency: Plot | None
    spans: tuple[tuple[str, str], ...]
    failures: tuple[_FailureBlock, ...]
    problems: tuple[tuple[str, str, str], ...]
    problems_left: int
    links: Iterable[LinkCard]
    links_shown: str
    links_left: str


def write_page(
    path: str | PathLike[str],
    figures: BatchFigures,
    links: Iterable[JournalRow],
    *,
    title: str,
    about: str,
    most_links: int,
) -> None:
    """Write the page; see ``BulkReport.to_html``."""
    page = _page(figures, links, title=title, about=about, most_links=most_links)
    # Piece by piece: a page of many codes is never whole in memory.
    write_text(path, pieces(ROOM, "report.html", page))


def _page(
    figures: BatchFigures,
    links: Iterable[JournalRow],
    *,
    title: str,
    about: str,
    most_links: int,
) -> ReportPage:
    verdict = figures.verdict()
    latest = figures.latest
    states = tuple(state for state in _ORDER if figures.number(state))
    shown = min(max(most_links, 0), figures.waiting)
    left = figures.waiting - shown
    found = figures.latencies
    return ReportPage(
        title=title,
        about=about,
        as_of="" if latest is None else f"{latest:%Y-%m-%d %H:%M:%S} UTC",
        style=read_style(ROOM, "report.css", SHARED),
        verdict=verdict,
        # While rows are open nothing is bad for certain.
        mood="good" if verdict.is_good else "care" if verdict.is_open else "bad",
        tiles=_tiles(figures),
        shares=_shares(figures, states),
        legend=tuple(
            (KINDS[state], STATE_WORDS[state], f"{figures.number(state):,}")
            for state in states
        ),
        states=tuple((KINDS[state], STATE_WORDS[state]) for state in states),
        lines=_lines(figures.totals, states),
        time_line=charts.time_line(figures),
        latency=charts.latencies(found),
        spans=tuple(
            (name, charts.written_span(charts.percentile(found, percent)))
            for name, percent in (
                ("half within", 50),
                ("95 % within", 95),
                ("99 % within", 99),
                ("longest", 100),
            )
            if found
        ),
        failures=tuple(_failure(group) for group in figures.failures),
        problems=tuple(
            (
                row.planned.order,
                written_amount(row.planned.amount, row.planned.currency),
                row.payment_problem,
            )
            for row in figures.problems
        ),
        problems_left=figures.odd_payments - len(figures.problems),
        # Read while the page is written: codes are drawn of those alone that are shown.
        links=cards_of(islice(links, shown)),
        links_shown=f"{shown:,}" if shown else "",
        links_left=f"{left:,}" if left else "",
    )


def _tiles(figures: BatchFigures) -> tuple[_NumberTile, ...]:
    failed = figures.number(RowState.REFUSED, RowState.CONFLICTING)
    paid, linked = figures.number(RowState.PAID), figures.with_link
    # Rounded down: what is not whole does not read as whole.
    share = f"paid, {paid * 100 // linked} % of the links" if linked else "paid"
    return (
        _NumberTile(f"{max(figures.rows, figures.expected or 0):,}", "rows"),
        _NumberTile(f"{linked:,}", "links exist", "good" if linked else "plain"),
        _NumberTile(f"{paid:,}", share, "paid" if paid else "plain"),
        _NumberTile(f"{failed:,}", "without a link", "bad" if failed else "plain"),
        _NumberTile(f"{figures.open:,}", "open", "care" if figures.open else "plain"),
    )


def _shares(
    figures: BatchFigures, states: tuple[RowState, ...]
) -> tuple[_StateShare, ...]:
    """A bar of 1000 units, in which no state is too thin to be seen."""
    counts = [max(figures.number(state) / figures.rows, 0.004) for state in states]
    whole, at = sum(counts), 0.0
    shares: list[_StateShare] = []
    for state, count in zip(states, counts, strict=True):
        width = count / whole * 1000
        label = f"{STATE_WORDS[state]}: {figures.number(state):,}"
        shares.append(_StateShare(KINDS[state], label, f"{at:.2f}", f"{width:.2f}"))
        at += width
    return tuple(shares)


def _lines(
    totals: tuple[StateTotal, ...], states: tuple[RowState, ...]
) -> tuple[_CurrencyLine, ...]:
    """One for each currency; a cell for each state, and one for all of them."""
    lines: list[_CurrencyLine] = []
    for currency in sorted({total.currency for total in totals}):
        found = {total.state: total for total in totals if total.currency == currency}
        cells = [_cell(found.get(state), currency) for state in states]
        rows = sum(total.rows for total in found.values())
        amount = sum((total.amount for total in found.values()), Decimal(0))
        cells.append(_SumCell(counted_rows(rows), _digits(amount, currency)))
        lines.append(_CurrencyLine(currency or "unreadable", tuple(cells)))
    return tuple(lines)


def _cell(total: StateTotal | None, currency: str) -> _SumCell:
    if total is None:
        return _SumCell("", "")
    return _SumCell(counted_rows(total.rows), _digits(total.amount, currency))


def _digits(amount: Decimal, currency: str) -> str:
    # Amounts in what may be several currencies come to no sum.
    if not currency:
        return ""
    return written_amount(amount, currency).removesuffix(currency).strip()


def _failure(group: FailureGroup) -> _FailureBlock:
    return _FailureBlock(
        remedy=group.remedy or "Look at each row: no remedy is known.",
        kind=KINDS[group.state],
        state=STATE_WORDS[group.state],
        rows=counted_rows(group.rows),
        reasons=tuple((reason, f"{times:,}") for reason, times in group.reasons),
        orders=", ".join(group.orders),
        more=group.rows > len(group.orders),
    )
