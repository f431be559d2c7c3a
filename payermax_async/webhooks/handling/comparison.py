"""Whether what was paid is what was to be paid.

The signature proves that PayerMax speaks, not that the amount is the order's.
PayerMax's own page on notifications asks the merchant to compare it.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from payermax_async.core.errors import PayerMaxError, Problem, ValidationError
from payermax_async.webhooks.events.base import (
    LinkPaid,
    LinkPaidAgain,
    NotifiedEvent,
    PaymentSucceeded,
)
from payermax_async.webhooks.inbox.entries import Expected
from payermax_async.webhooks.inbox.protocol import Inbox
from payermax_async.webhooks.limits import ReceiverLimits
from payermax_async.webhooks.telling.failures import part_name
from payermax_async.webhooks.time_limit import TimeLimits

__all__ = [
    "Expectations",
    "ExpectedLookup",
    "NotExpectedYetError",
    "PaidEvent",
    "difference",
]

PaidEvent: TypeAlias = LinkPaid | PaymentSucceeded
"""The events whose amount is compared."""

ExpectedLookup = Callable[[PaidEvent], Awaitable[Expected | None] | Expected | None]
"""Says what is to be paid for the link or order of an event; may be async.

``None`` means that it is not known *yet*, as when a notification overtakes the reply
to the creation of its link: the event waits and is asked about again."""


class NotExpectedYetError(PayerMaxError):
    """Nothing is known of what was to be paid."""


class Expectations:
    """Where a receiver knows from what is to be paid."""

    def __init__(
        self,
        inbox: Inbox[object],
        lookup: ExpectedLookup | None,
        *,
        must_expect: bool,
        tenant: str,
        limits: ReceiverLimits,
    ) -> None:
        self._inbox = inbox
        self._lookup = lookup
        self._must_expect = must_expect or lookup is not None
        self._tenant = tenant
        self._limits = limits
        self._time_limits = TimeLimits()

    @property
    def name(self) -> str:
        """What the look-up is called in the merchant's code; empty without one."""
        return "" if self._lookup is None else part_name(self._lookup)

    async def of(self, event: NotifiedEvent) -> Expected | None:
        """What is to be paid for the link or order of an event, if that is known.

        Raises:
            NotExpectedYetError: It must be known, but is not yet.
            ValidationError: What the look-up answers can never be paid.
            Exception: Whatever the look-up or the inbox raises, if only that it
                took too long.
        """
        is_further = isinstance(event, LinkPaidAgain)
        if isinstance(event, LinkPaidAgain):
            # A look-up says what a payment of the link comes to, and knows the other.
            event = LinkPaid(notification=event.notification, payment=event.payment)
        if not isinstance(event, LinkPaid | PaymentSucceeded):
            return None
        if self._lookup is not None:
            asked = _ask(self._lookup, event)
            limit = self._limits.lookup_timeout
            found = _checked(await self._time_limits.within(limit, asked))
        else:
            found = await self._time_limits.within(
                self._limits.store_timeout,
                self._inbox.expected(event.merchant_key, tenant=self._tenant),
            )
        # Once the link was paid, what is not known will not be known later either.
        if found is None and self._must_expect and not is_further:
            raise NotExpectedYetError("nothing is known of what was to be paid")
        return found


async def _ask(lookup: ExpectedLookup, event: PaidEvent) -> object:
    # In a task of its own, like all that is not ours: what a plain function raises
    # could end the worker's.
    found = lookup(event)
    return await found if inspect.isawaitable(found) else found


def _checked(found: object) -> Expected | None:
    """What a look-up answered, which nothing but its author has checked."""
    if found is None:
        return None
    if not isinstance(found, Expected):
        problem = Problem("", f"is to be Expected or None, not {type(found).__name__}")
        raise ValidationError((problem,), subject="what the look-up answered")
    # Made anew: what comes from a cache or a class of its own was checked by nobody.
    return Expected(found.amount, found.currency)


def difference(event: NotifiedEvent, expected: Expected) -> str:
    """What differs, in words; empty when nothing does.

    Amounts are compared as numbers, currencies to the letter.
    """
    if not isinstance(event, LinkPaid | LinkPaidAgain | PaymentSucceeded):
        return ""
    if event.currency != expected.currency:
        return "the currency is not the expected one"
    if event.total_amount != expected.amount:
        return (
            f"{event.total_amount:f} {expected.currency} came, "
            f"{expected.amount:f} were expected"
        )
    return ""
