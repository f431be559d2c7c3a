"""What an authentic notification says, read strictly where money hangs on it."""

from __future__ import annotations

from decimal import Decimal

import attrs

from payermax_async.core.codec import ShapeError, from_wire
from payermax_async.core.errors import WebhookError, WebhookReason
from payermax_async.core.models.common import DECISIVE, Received
from payermax_async.core.models.notifications import (
    LinkNotification,
    Notification,
    PaymentNotification,
    RefundNotification,
    UnknownNotification,
)
from payermax_async.core.strict_json import JsonError, JsonValue, read_json

__all__ = ["UNUSABLE", "Addressee", "read_notification", "read_typed", "unusable"]

UNUSABLE = 500
"""The answer to a genuine notification that cannot be used: PayerMax resends it."""

_MODELS: dict[str, type[Notification]] = {
    "PAYBYLINK": LinkNotification,
    "PAYMENT": PaymentNotification,
    "REFUND": RefundNotification,
}


@attrs.frozen(kw_only=True)
class Addressee(Received):
    """For whom a notification is. Read as the models read it, but never guessed."""

    merchant_no: str | None = attrs.field(default=None, metadata=DECISIVE)
    app_id: str | None = attrs.field(default=None, metadata=DECISIVE)


def read_notification(body: bytes) -> Notification:
    """What bytes say that were found genuine before. Checks no signature.

    Raises:
        WebhookError: They cannot be used.
    """
    try:
        content = read_json(body)
        return read_typed(content, from_wire(content, UnknownNotification))
    except (JsonError, ShapeError) as error:
        raise unusable(error) from None


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
    if isinstance(notification, LinkNotification | PaymentNotification):
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
