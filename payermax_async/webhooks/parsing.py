"""What an authentic notification says, read strictly where money hangs on it."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import attrs

from payermax_async.core.codec import from_wire
from payermax_async.core.errors import WebhookError, WebhookReason
from payermax_async.core.models.common import DECISIVE, Received
from payermax_async.core.models.notifications import (
    LinkNotification,
    Notification,
    PaymentNotification,
    RefundNotification,
    UnknownNotification,
)
from payermax_async.core.scalars import ShapeError
from payermax_async.core.strict_json import JsonError, JsonValue, read_json

__all__ = [
    "UNUSABLE",
    "is_case",
    "merchant_within",
    "read_notification",
    "read_outline",
    "read_typed",
    "unusable",
]

UNUSABLE = 500
"""The answer to a genuine notification that cannot be used: PayerMax resends it."""

_MODELS: dict[str, type[Notification]] = {
    "PAYBYLINK": LinkNotification,
    "PAYMENT": PaymentNotification,
    "REFUND": RefundNotification,
}


@attrs.frozen(kw_only=True)
class _Told(Received):
    """What a notification says of its type, and what tells it otherwise."""

    notify_type: str | None = attrs.field(default=None, metadata=DECISIVE)
    data: Mapping[str, JsonValue] = attrs.field(factory=dict[str, JsonValue])


@attrs.frozen(kw_only=True)
class _Ids(Received):
    """The fields by which notifications without a type of their own are told."""

    merchant_no: str | None = None
    out_refund_no: str | None = None
    capture_no: str | None = None
    is_final: str | None = None
    cancel_no: str | None = None
    request_id: str | None = None
    rfi_no: str | None = None
    case_id: str | None = None
    trade_amount: str | None = None


_CASES = frozenset(
    {"CHARGEBACK", "COMPLAINT", "CUSTOMER COMPLAINT", "DISPUTE", "FRAUD", "RFI"}
)
"""What may carry neither merchant nor app, and moves no money by itself."""


def is_case(outline: UnknownNotification) -> bool:
    """Whether it is of a type that need not say for whom it is."""
    return _folded(outline.notify_type) in _CASES


def merchant_within(outline: UnknownNotification) -> str | None:
    """The merchant that the payload names, where the envelope names none."""
    return from_wire(outline.data, _Ids).merchant_no


def read_notification(body: bytes) -> Notification:
    """What bytes say that were found genuine before. Checks no signature.

    Raises:
        WebhookError: They cannot be used.
    """
    try:
        content = read_json(body)
        return read_typed(content, read_outline(content))
    except (JsonError, ShapeError) as error:
        raise unusable(error) from None


def read_outline(content: JsonValue) -> UnknownNotification:
    """Whatever every notification has, with its payload as it came.

    Raises:
        ShapeError: It is no notification.
    """
    kind = _kind(from_wire(content, _Told))
    if kind is not None and isinstance(content, dict):
        return from_wire({**content, "notifyType": kind}, UnknownNotification)
    return from_wire(content, UnknownNotification)


def _kind(told: _Told) -> str | None:
    """The type that the fields tell, where the type's own field does not."""
    ids = from_wire(told.data, _Ids)
    match _folded(told.notify_type or ""):
        case "":
            if ids.rfi_no is not None:
                return "RFI"
            if ids.case_id is not None:
                return "DISPUTE"
            return "FRAUD" if ids.trade_amount is not None else None
        case "REFUND" if ids.out_refund_no is None:
            # The vendor's schemas give these two the type of refunds.
            if ids.capture_no is not None or ids.is_final is not None:
                return "CAPTURE"
            void = ids.cancel_no is not None or ids.request_id is not None
            return "CANCEL" if void else None
        case _:
            return None


def _folded(notify_type: str) -> str:
    return " ".join(notify_type.replace("_", " ").upper().split())


def read_typed(content: JsonValue, outline: UnknownNotification) -> Notification:
    """The notification as the model of its type, or the outline for a new type.

    Raises:
        ShapeError: What its type cannot do without is missing or unreadable.
    """
    model = _MODELS.get(outline.notify_type.strip().upper())
    if model is None:
        return outline
    notification = from_wire(content, model)
    if _amount(notification) == 0:
        raise ShapeError("has an amount of zero", "data")
    return notification


def _amount(notification: Notification) -> Decimal | None:
    # An order of zero binds a payment method; see ZeroPayment.
    if isinstance(notification, LinkNotification):
        return notification.data.total_amount
    if isinstance(notification, RefundNotification):
        return notification.data.refund_amount
    return None


def unusable(error: JsonError | ShapeError) -> WebhookError:
    """The refusal of an authentic notification: keep its bytes and look."""
    # A path holds names of known fields only, but with stray blanks as they came.
    what = " ".join(str(error).split())
    return WebhookError(
        f"the notification is authentic, but cannot be used: {what}",
        reason=WebhookReason.UNREADABLE,
        status=UNUSABLE,
        authentic=True,
    )
