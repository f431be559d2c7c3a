"""A day held against itself: journal, inbox, PayerMax's answers, day-end balance.

Example:
    >>> from payermax_async.closing import close_day, closing_day
    >>> from datetime import date
    >>> day = closing_day(date(2026, 11, 25), "UTC")
    >>> close = await close_day(  # doctest: +SKIP
    ...     day, inbox=inbox, journals=[journal], client=client
    ... )
    >>> close.agrees  # doctest: +SKIP
    True
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from payermax_async._lazy import lazy_names

if TYPE_CHECKING:
    from payermax_async.closing.balances import BalanceSum
    from payermax_async.closing.comparison import DayClose
    from payermax_async.closing.day import ClosingDay, closing_day
    from payermax_async.closing.differences import DayDifference, DifferenceKind
    from payermax_async.closing.gathering import close_day
    from payermax_async.closing.sums import CurrencyClose, SideSum

__all__ = [
    "BalanceSum",
    "ClosingDay",
    "CurrencyClose",
    "DayClose",
    "DayDifference",
    "DifferenceKind",
    "SideSum",
    "close_day",
    "closing_day",
]

_HOMES = {
    "BalanceSum": "closing.balances",
    "ClosingDay": "closing.day",
    "CurrencyClose": "closing.sums",
    "DayClose": "closing.comparison",
    "DayDifference": "closing.differences",
    "DifferenceKind": "closing.differences",
    "SideSum": "closing.sums",
    "close_day": "closing.gathering",
    "closing_day": "closing.day",
}
"""The module that each name lives in, below ``payermax_async``."""

__getattr__: Callable[[str], object]
__dir__: Callable[[], list[str]]
__getattr__, __dir__ = lazy_names(__name__, _HOMES)
