"""One row per type of notification: all that is particular to it.

A new type is its model and a row here. What reads, addresses, sums up and tells of
notifications reads it from here; only what a type does to money has rules elsewhere,
see :mod:`payermax_async.webhooks.inbox.ordering`.
"""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal
from typing import cast

import attrs

from payermax_async.core.models.notifications import (
    LinkNotification,
    Notification,
    PaymentNotification,
    RefundNotification,
    UnknownNotification,
)

__all__ = [
    "NOTICES",
    "NoticeType",
    "notice_type",
    "payload_amount",
    "payload_text",
    "told_apart",
]


@attrs.frozen(kw_only=True)
class NoticeType:
    """What is particular to one type of notification."""

    name: str
    """PayerMax's name, in capitals and with blanks for underscores."""
    model: type[Notification] = UnknownNotification
    """What it is read as; kept as it came where nothing more is known."""
    id_field: str = ""
    """The attribute of the model's ``data`` by which the merchant finds the case."""
    status_field: str = ""
    """The attribute of the model's ``data`` that tells what happened."""
    amount_field: str = ""
    """Where the model's ``data`` has the money that went to or fro, if it did."""
    currency_field: str = ""
    """Where the model's ``data`` has its currency."""
    may_be_zero: bool = False
    """Whether an amount of nothing has a sense: it binds a payment method."""
    has_deadline: bool = False
    """Whether the merchant must answer within days: unanswered, a dispute is lost and
    an account is closed. Loud when nobody handles it."""
    names_nobody: bool = False
    """Whether it may carry neither merchant nor app; it moves no money by itself."""
    sent_as: str | None = None
    """The type that it comes under instead; empty for none at all."""
    told_by: tuple[str, ...] = ()
    """Fields of the payload, any of which tells it apart then."""
    unless: str = ""
    """A field that only the type has whose name it comes under."""


NOTICES: tuple[NoticeType, ...] = (
    NoticeType(
        name="PAYBYLINK",
        model=LinkNotification,
        id_field="merchant_link_id",
        amount_field="total_amount",
        currency_field="currency",
    ),
    NoticeType(
        name="PAYMENT",
        model=PaymentNotification,
        id_field="out_trade_no",
        status_field="status",
        amount_field="total_amount",
        currency_field="currency",
        may_be_zero=True,
    ),
    NoticeType(
        name="REFUND",
        model=RefundNotification,
        id_field="out_refund_no",
        status_field="status",
        amount_field="refund_amount",
        currency_field="refund_currency",
    ),
    # The vendor's schemas give the next two the type of refunds.
    NoticeType(
        name="CAPTURE",
        sent_as="REFUND",
        told_by=("captureNo", "isFinal"),
        unless="outRefundNo",
    ),
    NoticeType(
        name="CANCEL",
        sent_as="REFUND",
        told_by=("cancelNo", "requestId"),
        unless="outRefundNo",
    ),
    # By the vendor's schema this one has no type at all.
    NoticeType(
        name="RFI",
        has_deadline=True,
        names_nobody=True,
        sent_as="",
        told_by=("rfiNo",),
    ),
    NoticeType(
        name="DISPUTE",
        has_deadline=True,
        names_nobody=True,
        sent_as="",
        told_by=("caseId",),
    ),
    NoticeType(
        name="FRAUD",
        has_deadline=True,
        names_nobody=True,
        sent_as="",
        told_by=("tradeAmount",),
    ),
    NoticeType(name="CHARGEBACK", has_deadline=True, names_nobody=True),
    NoticeType(name="COMPLAINT", has_deadline=True, names_nobody=True),
    NoticeType(name="CUSTOMER COMPLAINT", has_deadline=True, names_nobody=True),
)
"""Where the fields of several fit, the first of them counts."""

_NEW = NoticeType(name="")


def notice_type(name: str) -> NoticeType:
    """The row of a type, by its name in any spelling; an empty one for a new type."""
    folded = _folded(name)
    return next((row for row in NOTICES if row.name == folded), _NEW)


def told_apart(name: str, fields: Collection[str]) -> str | None:
    """The type that the fields tell, where the name does not.

    Args:
        name: The type it comes under; empty for none.
        fields: The names in its payload, under the gateway's own names.
    """
    sent_as, there = _folded(name), {_spelled(one) for one in fields}
    for row in NOTICES:
        if row.sent_as != sent_as or _spelled(row.unless) in there:
            continue
        if any(_spelled(one) in there for one in row.told_by):
            return row.name
    return None


def payload_text(notification: Notification, name: str) -> str:
    """An attribute of the payload as text; empty where there is none."""
    found = cast("object", getattr(getattr(notification, "data", None), name, None))
    return "" if found is None else str(found)


def payload_amount(notification: Notification) -> Decimal | None:
    """The money that went to or fro, by the row of the type; ``None`` for none."""
    row = notice_type(notification.notify_type)
    found = cast("object", getattr(notification, "data", None))
    amount = cast("object", getattr(found, row.amount_field or " ", None))
    return amount if isinstance(amount, Decimal) else None


def _spelled(name: str) -> str:
    # As tolerant as the models: names were seen with blanks and other capitals.
    return "".join(name.split()).replace("_", "").lower()


def _folded(name: str) -> str:
    return " ".join(name.replace("_", " ").upper().split())
