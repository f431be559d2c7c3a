"""What the ledger tells of: the merchant may have to be notified."""

from __future__ import annotations

import attrs

from payermax_async.core.strict_json import JsonObject
from payermax_async.sandbox.ledger.records import Link, Refund, Trade

__all__ = ["CaseTold", "Event", "LinkSettled", "OrderEnded", "RefundEnded"]


@attrs.frozen(kw_only=True)
class LinkSettled:
    """A link was paid."""

    link: Link
    """The link."""
    trade: Trade
    """The trade that paid it."""


@attrs.frozen(kw_only=True)
class OrderEnded:
    """An order failed or was closed, and the merchant may hear of it now."""

    link: Link
    """The link."""
    trade: Trade
    """The trade."""


@attrs.frozen(kw_only=True)
class RefundEnded:
    """A refund succeeded or failed."""

    refund: Refund
    """The refund."""


@attrs.frozen(kw_only=True)
class CaseTold:
    """A dispute, a fraud or a request for information came up, or changed."""

    kind: str
    """What the gateway calls it."""
    trade: Trade
    """The payment it is about."""
    notify_url: str | None
    """The address of the payment's link, if it names one."""
    key: str
    """The gateway's id of it; of a fraud the order number."""
    data: JsonObject = attrs.field(repr=False)
    """The payload."""


Event = LinkSettled | OrderEnded | RefundEnded | CaseTold
"""Something the merchant may have to be told."""
