"""Whether what was paid is what was to be paid.

The signature proves that PayerMax speaks, not that the amount is the order's.
PayerMax's own page on notifications asks the merchant to compare it.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from payermax_async.core.errors import PayerMaxError
from payermax_async.webhooks.entries import Expected
from payermax_async.webhooks.events import LinkPaid, NotifiedEvent, PaymentSucceeded

__all__ = [
    "ExpectedLookup",
    "NotExpectedYetError",
    "PaidEvent",
    "difference",
    "look_up",
]

PaidEvent: TypeAlias = LinkPaid | PaymentSucceeded
"""The events whose amount is compared."""

ExpectedLookup = Callable[[PaidEvent], Awaitable[Expected | None] | Expected | None]
"""Says what is to be paid for the link or order of an event; may be async.

``None`` means that it is not known *yet*, as when a notification overtakes the reply
to the creation of its link: the event waits and is asked about again."""


class NotExpectedYetError(PayerMaxError):
    """Nothing is known of what was to be paid."""


async def look_up(lookup: ExpectedLookup, event: PaidEvent) -> Expected | None:
    """Ask, and wait if it takes waiting."""
    found = lookup(event)
    return await found if inspect.isawaitable(found) else found


def difference(event: NotifiedEvent, expected: Expected) -> str:
    """What differs, in words; empty when nothing does.

    Amounts are compared as numbers, currencies to the letter.
    """
    if not isinstance(event, LinkPaid | PaymentSucceeded):
        return ""
    if event.currency != expected.currency:
        return "the currency is not the expected one"
    if event.total_amount != expected.amount:
        return (
            f"{event.total_amount:f} {expected.currency} came, "
            f"{expected.amount:f} were expected"
        )
    return ""
