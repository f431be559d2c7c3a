"""Money that nobody is waiting for: found, told once, given back when a person agrees.

Example:
    >>> from payermax_async.money import MoneyBook, find_late_money, give_back
    >>> async with MoneyBook("payermax-money.sqlite3") as book:  # doctest: +SKIP
    ...     report = await find_late_money(inbox=inbox, book=book, client=client)
    ...     for late in report.items:
    ...         print(late.payment.trade_no, late.details, late.refund.standing)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from payermax_async._lazy import lazy_names

if TYPE_CHECKING:
    from payermax_async.money.book import MoneyBook
    from payermax_async.money.finding import LateMoneyReport, find_late_money
    from payermax_async.money.giving_back import LateMoneyError, give_back
    from payermax_async.money.late import LateMoney, LateReason
    from payermax_async.money.proposals import (
        MadeRefund,
        PaymentFact,
        ProposedRefund,
        RefundFate,
        RefundStanding,
        refund_number,
    )

__all__ = [
    "LateMoney",
    "LateMoneyError",
    "LateMoneyReport",
    "LateReason",
    "MadeRefund",
    "MoneyBook",
    "PaymentFact",
    "ProposedRefund",
    "RefundFate",
    "RefundStanding",
    "find_late_money",
    "give_back",
    "refund_number",
]

_HOMES = {
    "LateMoney": "money.late",
    "LateMoneyError": "money.giving_back",
    "LateMoneyReport": "money.finding",
    "LateReason": "money.late",
    "MadeRefund": "money.proposals",
    "MoneyBook": "money.book",
    "PaymentFact": "money.proposals",
    "ProposedRefund": "money.proposals",
    "RefundFate": "money.proposals",
    "RefundStanding": "money.proposals",
    "find_late_money": "money.finding",
    "give_back": "money.giving_back",
    "refund_number": "money.proposals",
}
"""The module that each name lives in, below ``payermax_async``."""

__getattr__: Callable[[str], object]
__dir__: Callable[[], list[str]]
__getattr__, __dir__ = lazy_names(__name__, _HOMES)
