"""What does not agree about a day: a value for each."""

from __future__ import annotations

import enum
from decimal import Decimal

import attrs

__all__ = ["DayDifference", "DifferenceKind"]


class DifferenceKind(enum.StrEnum):
    """What kind of a difference it is."""

    AMOUNT = "amount"
    """The sides have different amounts or currencies."""
    NOT_PAID = "not paid"
    """PayerMax does not call the order paid."""
    TIME = "time"
    """It is not known when it was completed."""
    NO_NUMBER = "no order number"
    """A notification did not say which order was paid."""
    NO_NOTICE = "no notification"
    """The inbox has nothing of it."""
    NOT_HANDLED = "not handled"
    """It was notified, and the application did not deal with it."""
    NOT_NOTED = "not noted"
    """A journal has its link and not the payment."""
    REFUND = "refund"
    """The sides do not agree on what became of a refund."""
    UNREAD = "unread"
    """Notifications could not be looked at."""
    BALANCE = "balance"
    """The balance does not hold what was paid or given back."""
    FEES = "fees"
    """What was taken for fees."""
    UNDER_WAY = "under way"
    """A refund that is not over."""
    OTHER_LINK = "other link"
    """A link that no journal has."""
    OTHER_PRODUCT = "other product"
    """Money of another product than payment links, or moved by PayerMax."""
    NO_BALANCE = "no balance"
    """There is no balance to compare with."""


@attrs.frozen(kw_only=True)
class DayDifference:
    """Something that does not agree."""

    kind: DifferenceKind
    """What kind it is."""
    what: str
    """In words."""
    is_normal: bool = False
    """Whether it need not be looked into."""
    currency: str = ""
    """ISO 4217 code, where it is about money."""
    amount: Decimal | None = None
    """How much, in major units."""
    trade_no: str = ""
    """PayerMax's order number."""
    link: str = ""
    """The merchant's id of the link."""
    refund_no: str = ""
    """The merchant's id of the refund."""
