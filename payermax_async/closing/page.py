"""The close of a day as one page: ready values for its template."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

import attrs

from payermax_async.closing.comparison import DayClose
from payermax_async.closing.differences import DayDifference
from payermax_async.closing.sums import CurrencyClose, SideSum
from payermax_async.pages.markup import pieces
from payermax_async.pages.style import SHARED, Style, read_style

__all__ = ["headline_of", "write_close"]

_ROOM: Final = "payermax_async.closing"


@attrs.frozen
class _SumLine:
    label: str
    amount: str
    count: str
    kind: str


@attrs.frozen
class _CurrencyCard:
    currency: str
    lines: tuple[_SumLine, ...]


@attrs.frozen
class _DifferenceRow:
    kind: str
    amount: str
    what: str
    ids: tuple[tuple[str, str], ...]


@attrs.frozen(kw_only=True)
class ClosePage:
    """What the template shows."""

    title: str
    about: str
    made: str
    style: Style
    mood: str
    headline: str
    unanswered: str
    currencies: tuple[_CurrencyCard, ...]
    differences: tuple[_DifferenceRow, ...]
    normal: tuple[_DifferenceRow, ...]


def headline_of(close: DayClose) -> tuple[str, str]:
    """How the day stands as a whole: in which colour, and in words."""
    if close.differences:
        count = len(close.differences)
        return "bad", f"{count} to look into" if count > 1 else "1 to look into"
    if close.unanswered:
        return "care", "Not certain: PayerMax gave no answer"
    return "good", "All sides agree"


def write_close(close: DayClose) -> Iterator[str]:
    """The page, piece by piece.

    Raises:
        ConfigurationError: The package jinja2 is not installed.
    """
    mood, headline = headline_of(close)
    day = close.day
    page = ClosePage(
        title=f"Close of {day.day:%Y-%m-%d} by {_zone(day.zone)}",
        about=f"From {_moment(day.start)} to {_moment(day.end)}",
        made=f"Looked at {_moment(close.made_at)}",
        style=read_style(_ROOM, "close.css", SHARED),
        mood=mood,
        headline=headline,
        unanswered=_unanswered(close.unanswered),
        currencies=tuple(map(_card, close.currencies)),
        differences=tuple(map(_row, close.differences)),
        normal=tuple(map(_row, close.normal)),
    )
    return pieces(_ROOM, "close.html", page)


def _unanswered(count: int) -> str:
    if not count:
        return ""
    return f"{count} {'question' if count == 1 else 'questions'} got no answer."


def _zone(name: str) -> str:
    # In America CST is another one: it is said whose.
    return "CST (China's time)" if name == "CST" else name


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _card(one: CurrencyClose) -> _CurrencyCard:
    lines = [
        _sum("paid, by the journals", one.journal),
        _sum("paid, by notifications", one.inbox),
        _sum("paid, by PayerMax's answers", one.gateway),
        _sum("given back", one.refunds),
        _plain("fees, by PayerMax's answers", one.fees),
    ]
    balance = one.balance
    if balance is not None:
        lines += [
            _plain("balance when the day began", balance.initial),
            _plain("came in", balance.inflow),
            _plain("went out", balance.outflow),
            _plain("balance when the day ended", balance.end),
        ]
    return _CurrencyCard(one.currency, tuple(lines))


def _sum(label: str, found: SideSum | None) -> _SumLine:
    if found is None:
        return _SumLine(label, "not looked at", "", "quiet")
    return _SumLine(label, f"{found.amount:,f}", f"{found.count:,}", "")


def _plain(label: str, amount: Decimal | None) -> _SumLine:
    if amount is None:
        return _SumLine(label, "not looked at", "", "quiet")
    return _SumLine(label, f"{amount:,f}", "", "")


def _row(one: DayDifference) -> _DifferenceRow:
    amount = "" if one.amount is None else f"{one.amount:,f} {one.currency}"
    ids = (("order", one.trade_no), ("link", one.link), ("refund", one.refund_no))
    return _DifferenceRow(
        one.kind.value, amount, one.what, tuple(pair for pair in ids if pair[1])
    )
