"""What the sandbox does where PayerMax's pages leave the choice open."""

from __future__ import annotations

import enum
from decimal import Decimal

import attrs

from payermax_async.sandbox.ledger.quirks import Quirk

__all__ = ["Duplicates", "LedgerPolicy"]


class Duplicates(enum.Enum):
    """What happens when a merchant uses an id a second time."""

    REPEAT = "repeat"
    """``ORDER_REPEAT``: nothing is made."""
    SAME = "same"
    """The first one is answered again if the request is the same one; otherwise
    ``ORDER_REPEAT``."""
    SECOND = "second"
    """A second link is made under the same id; queries answer the newest."""


def _no_second(
    _: object, attribute: attrs.Attribute[Duplicates], value: Duplicates
) -> None:
    if value is Duplicates.SECOND:
        raise ValueError(f"{attribute.name} must be REPEAT or SAME: money moves once")


@attrs.frozen(kw_only=True)
class LedgerPolicy:
    """The choices. Each default is the strictest reading of PayerMax's pages."""

    duplicate_links: Duplicates = Duplicates.REPEAT
    """A ``merchantLinkId`` that was used before."""
    duplicate_refunds: Duplicates = attrs.field(
        default=Duplicates.REPEAT, validator=_no_second
    )
    """An ``outRefundNo`` that was used before."""
    waived: frozenset[str] = frozenset()
    """Of ``merchantInfo`` and ``notifyUrl``, those a link may leave out: the field
    tables require both, samples and texts do without."""
    refuse_paid_expiry: bool = True
    """Whether a paid link cannot be withdrawn (``ORDER_CLOSE_FAILED``)."""
    refuse_ended_expiry: bool = False
    """Whether a link that is over cannot be withdrawn again (``ORDER_CLOSED``)."""
    expires_when_paid: bool = False
    """Whether ``linkStatus`` of a paid link is ``EXPIRED``; PayerMax's samples of one
    say ``ACTIVE``."""
    clamp_expiry: bool = False
    """Whether an ``expiresTime`` out of bounds is moved into them, as that of an order
    is, and not refused."""
    check_sum: bool = False
    """Whether ``totalAmount`` has to be the sum of quantities times prices."""
    refuse_zero_decimals: bool = False
    """Whether ``40000.00`` is refused for a currency without decimals."""
    plain_ids: bool = False
    """Whether a ``merchantLinkId`` may hold letters, digits and underscores only."""
    fold_ids: bool = False
    """Whether ids that differ in case alone are one, as they are for orders."""
    outcome_from_description: bool = False
    """Whether a ``description`` of SUCCESS, FAILED or PENDING decides how a payment
    ends, as ``subject`` does for orders."""
    known_codes: bool = True
    """Whether currencies and countries that do not exist are refused."""
    trade_seconds: int = 1800
    """How long a payer has after opening a link before the order is closed."""
    refund_seconds: int = 60
    """How long a refund takes."""
    refund_days: int = 180
    """How long after the payment an order can be refunded."""
    fee_rate: Decimal = Decimal("0.025")
    """The merchant's fee as a part of the amount."""
    quirks: frozenset[Quirk] = frozenset()
    """Ways of writing answers where PayerMax's own samples differ."""
