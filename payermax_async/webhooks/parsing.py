"""What an authentic notification says, read strictly where money hangs on it."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from payermax_async.core.codec import from_wire
from payermax_async.core.errors import WebhookError, WebhookReason
from payermax_async.core.models.common import DECISIVE, Received
from payermax_async.core.models.notifications import Notification, UnknownNotification
from payermax_async.core.notices import notice_type, payload_amount, told_apart
from payermax_async.core.scalars import ShapeError
from payermax_async.core.strict_json import JsonError, JsonValue, read_json

__all__ = [
    "UNUSABLE",
    "merchant_within",
    "read_notification",
    "read_outline",
    "read_typed",
    "unusable",
]

UNUSABLE = 500
"""The answer to a genuine notification that cannot be used: PayerMax resends it."""


@attrs.frozen(kw_only=True)
class _Told(Received):
    """What a notification says of its type, and what tells it otherwise."""

    notify_type: str | None = attrs.field(default=None, metadata=DECISIVE)
    data: Mapping[str, JsonValue] = attrs.field(factory=dict[str, JsonValue])


@attrs.frozen(kw_only=True)
class _PayloadOwner(Received):
    merchant_no: str | None = None


def merchant_within(outline: UnknownNotification) -> str | None:
    """The merchant that the payload names, where the envelope names none."""
    return from_wire(outline.data, _PayloadOwner).merchant_no


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
    fields = {name for name, value in told.data.items() if value is not None}
    return told_apart(told.notify_type or "", fields)


def read_typed(content: JsonValue, outline: UnknownNotification) -> Notification:
    """The notification as the model of its type, or the outline for a new type.

    Raises:
        ShapeError: What its type cannot do without is missing or unreadable.
    """
    row = notice_type(outline.notify_type)
    if row.model is UnknownNotification:
        return outline
    if row.sent_as is not None and isinstance(content, dict):
        content = {**content, "notifyType": outline.notify_type}
    notification = from_wire(content, row.model)
    if not row.may_be_zero and payload_amount(notification) == 0:
        raise ShapeError("has an amount of zero", "data")
    return notification


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
