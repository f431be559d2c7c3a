"""One name for one event, however often PayerMax sends it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

import attrs

from payermax_async.core.models.links import LinkPayment
from payermax_async.core.models.notifications import (
    LinkNotification,
    Notification,
    PaymentNotification,
    PaymentResult,
    RefundNotification,
    UnknownNotification,
)
from payermax_async.core.notice_rows import SUCCEEDED
from payermax_async.core.notices import (
    NoticeType,
    notice_type,
    payload_text,
    state_of,
)
from payermax_async.core.strict_json import JsonObject, JsonValue, write_json

__all__ = ["dedupe_key", "numbered"]


def dedupe_key(notification: Notification) -> tuple[str, ...]:
    """What tells this event from every other one.

    PayerMax sends no event id, and every delivery may carry a new time and a new
    signature; so the key is made of merchant, type, the business id and its
    status. Store it under a unique constraint and act on the first only.

    Args:
        notification: What :meth:`NotificationVerifier.verify` returned.

    Returns:
        Merchant, type, then:

        - links: the merchant's id of the link, and order number and status of
          each payment, in the order of the numbers;
        - payments: order number and status, ``AUTHORIZED`` for a success that is
          none before it is captured, and ``ZERO`` before the status of an order
          of nothing;
        - refunds: the merchant's id of the refund and its status;
        - any other type: its ids and state where they are known, and a digest of
          the whole payload, unless it tells of money that came or went.

        Amounts are no part of it: compare them before you act. An inbox also knows
        what one notification left out and another one says.

    Example:
        >>> dedupe_key(await verifier.verify(headers, body))
        ('010213834784554', 'PAYBYLINK', 'order-1001', 'T2024022700001', 'SUCCESS')
    """
    return (_merchant(notification), *_event(notification))


def _merchant(notification: Notification) -> str:
    # merchantNo is optional in some notifications; the app then tells merchants
    # apart, marked so that it cannot be taken for a merchant's number.
    if notification.merchant_no is not None:
        return notification.merchant_no
    return f"app:{notification.app_id or ''}"


def _event(notification: Notification) -> tuple[str, ...]:
    if isinstance(notification, LinkNotification):
        payments = sorted(
            (numbered(payment.out_trade_no), _status(payment))
            for payment in notification.data.pay_by_link_info
        )
        parts = (part for payment in payments for part in payment)
        return ("PAYBYLINK", notification.data.merchant_link_id, *parts)
    if isinstance(notification, PaymentNotification):
        return (
            "PAYMENT",
            notification.data.out_trade_no,
            _status(notification.data),
        )
    if isinstance(notification, RefundNotification):
        return (
            "REFUND",
            notification.data.out_refund_no,
            str(notification.data.status),
        )
    row = notice_type(notification.notify_type)
    known = [payload_text(notification, name) for name in _telling(row)]
    # Money moves once, whatever else is said of it. All else that is said is new.
    moved = state_of(notification).rank == SUCCEEDED
    digest = () if moved else (_digest(notification),)
    return (row.name or notification.notify_type, *known, *digest)


def _telling(row: NoticeType) -> tuple[str, ...]:
    return tuple(filter(None, (row.id_field, *row.within, row.status_field)))


def numbered(out_trade_no: str | None) -> str:
    """An order number; empty for none, which some notifications leave out."""
    return (out_trade_no or "").strip()


def _status(payment: LinkPayment | PaymentResult) -> str:
    status = "AUTHORIZED" if payment.is_authorized else str(payment.status or "")
    if isinstance(payment, PaymentResult) and payment.total_amount == 0:
        return f"ZERO {status}"
    return status


def _digest(notification: Notification) -> str:
    # A time of sending, like notifyTime: new with every delivery.
    said = {
        name: value
        for name, value in notification.extra.items()
        if name.strip().lower() != "requesttime"
    }
    content: JsonObject = {"extra": _in_order(said)}
    if isinstance(notification, UnknownNotification):
        content["data"] = _in_order(notification.data)
    else:
        # All of it: nobody ruled which of its fields make it another event.
        fields = attrs.asdict(notification).get("data")
        content["data"] = json.dumps(fields, default=str, sort_keys=True)
    return f"sha256:{hashlib.sha256(write_json(content)).hexdigest()}"


def _in_order(value: JsonValue | Mapping[str, JsonValue]) -> JsonValue:
    """The same value with the names of every object sorted."""
    if isinstance(value, Mapping):
        return {name: _in_order(value[name]) for name in sorted(value)}
    if isinstance(value, list):
        return [_in_order(item) for item in value]
    return value
