"""What a reconciler is asked, what it answers, and when it asks: values only."""

from __future__ import annotations

import enum
from collections.abc import AsyncIterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Protocol

import attrs

from payermax_async.core.errors import ConfigurationError
from payermax_async.core.models.links import LinkDetails
from payermax_async.core.money import AmountInput, lenient_amount
from payermax_async.webhooks.inbox.expectations import check_expected, check_expected_id

__all__ = ["AskAgain", "Found", "LinkState", "OpenLink", "OpenLinks", "Round"]


def _amount(value: AmountInput | None) -> Decimal | None:
    return None if value is None else lenient_amount(value)


def _with_offset(_: object, __: object, moment: datetime) -> None:
    if moment.utcoffset() is None:
        raise ValueError("created_at carries its offset, as in datetime.now(UTC)")


@attrs.frozen(kw_only=True)
class OpenLink:
    """A link whose end the shop has not heard of.

    Raises:
        ValueError: The time has no offset.
        ValidationError: The id is none; only one of amount and currency is given; or
            they can never be paid, see :class:`~payermax_async.webhooks.Expected`.
    """

    merchant_link_id: str
    """The merchant's own id of the link."""
    created_at: datetime = attrs.field(validator=_with_offset)
    """When it was created, with its offset."""
    amount: Decimal | None = attrs.field(default=None, converter=_amount)
    """What is to be paid, in major units. Told to the receiver; leave it out where
    the receiver has a lookup of its own."""
    currency: str | None = None
    """ISO 4217 code; together with the amount."""

    def __attrs_post_init__(self) -> None:
        check_expected_id(self.merchant_link_id)
        if self.amount is not None or self.currency is not None:
            check_expected(self.amount, self.currency)


class OpenLinks(Protocol):
    """Where the shop keeps its links: usually a query of its own database.

    Example:
        >>> async def open_links(created_before):
        ...     async for row in orders.unpaid(created_before):
        ...         yield OpenLink(merchant_link_id=row.id, created_at=row.created_at)
    """

    def __call__(self, created_before: datetime, /) -> AsyncIterable[OpenLink]:
        """The links created before a moment that are neither paid nor given up."""
        ...


class LinkState(enum.StrEnum):
    """What became known of a link."""

    NOTICED = "noticed"
    """The inbox has its success already; nothing was asked."""
    RESTING = "resting"
    """It was asked about lately; nothing was asked."""
    PAID = "paid"
    """It was paid; the receiver knows now."""
    MISMATCHED = "mismatched"
    """It was paid, but amount or currency are not those expected."""
    REFUNDED = "refunded"
    """It was paid, and given back as a whole."""
    OPEN = "open"
    """It can be paid, or a payment is under way."""
    EXPIRED = "expired"
    """It was not paid, and can no longer be."""
    UNKNOWN = "unknown"
    """PayerMax knows no such link."""
    FAILED = "failed"
    """No answer could be had, or it could not be stored; asked again later."""


@attrs.frozen(kw_only=True)
class Found:
    """What a reconciler found out about a link."""

    link: OpenLink
    """The link."""
    state: LinkState
    """What became known of it: paid, expired or unknown."""
    details: LinkDetails | None = attrs.field(default=None, repr=False)
    """What PayerMax answered."""


@attrs.frozen(kw_only=True)
class Round:
    """One look at all open links."""

    counts: Mapping[LinkState, int]
    """How many links were found in which state; only states that occurred."""

    def __getitem__(self, state: LinkState) -> int:
        return self.counts.get(state, 0)


@attrs.frozen(kw_only=True)
class AskAgain:
    """When a link is asked about: a young one soon, an old one rarely.

    Raises:
        ConfigurationError: The times have no sensible meaning.
    """

    grace: timedelta = timedelta(minutes=10)
    """How long the notification is waited for before the first question."""
    longest: timedelta = timedelta(hours=6)
    """The longest time between two questions."""

    def __attrs_post_init__(self) -> None:
        if not timedelta(0) < self.grace <= self.longest:
            raise ConfigurationError("AskAgain: 0 < grace <= longest")

    def next_question(self, created_at: datetime, asked_at: datetime) -> datetime:
        """When to ask again: after half of the link's age, within bounds."""
        pause = (asked_at - created_at) / 2
        return asked_at + min(max(pause, self.grace), self.longest)
