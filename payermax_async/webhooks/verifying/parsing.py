"""What an authentic notification says, read strictly where money hangs on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import attrs

from payermax_async.core.codec import from_wire
from payermax_async.core.errors import WebhookError, WebhookReason
from payermax_async.core.models.common import DECISIVE, Received
from payermax_async.core.models.notifications import Notification, UnknownNotification
from payermax_async.core.notices import (
    NoticeType,
    notice_type,
    payload_amount,
    payload_text,
    told_apart,
)
from payermax_async.core.scalars import ShapeError
from payermax_async.core.strict_json import (
    JsonError,
    JsonObject,
    JsonValue,
    read_json,
)

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


def merchant_within(notification: Notification) -> str | None:
    """The merchant that the payload names, where the envelope names none."""
    named = payload_text(notification, "merchant_no")
    if named:
        return named
    data = cast("object", getattr(notification, "data", None))
    # What no field of a model is for, or what was read as no model at all.
    unread = data.extra if isinstance(data, Received) else data
    if not isinstance(unread, Mapping):
        return None
    return from_wire(cast("JsonObject", unread), _PayloadOwner).merchant_no


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
    try:
        outline = from_wire(content, UnknownNotification)
    except ShapeError:
        # Most often without a type: then its fields have to tell it.
        kind = _kind(from_wire(content, _Told))
        if kind is None or not isinstance(content, dict):
            raise
        return from_wire({**content, "notifyType": kind}, UnknownNotification)
    kind = _kind(outline)
    return outline if kind is None else attrs.evolve(outline, notify_type=kind)


def _kind(told: _Told | UnknownNotification) -> str | None:
    """The type that the fields tell, where the type's own field does not."""
    fields = [name for name, value in told.data.items() if value is not None]
    return told_apart(told.notify_type or "", fields)


def read_typed(content: JsonValue, outline: UnknownNotification) -> Notification:
    """The notification as the model of its type, or the outline for a new type.

    Also the outline, with what is wrong, where its model cannot do without something
    and it is no payment or refund: whoever waits for an answer to it need not send it
    again for that.

    Raises:
        ShapeError: What a payment or refund cannot do without is missing or unreadable.
    """
    row = notice_type(outline.notify_type)
    if not row.is_typed:
        return outline
    if row.sent_as is not None and isinstance(content, dict):
        content = {**content, "notifyType": outline.notify_type}
    try:
        return _read_as(row, content)
    except ShapeError as error:
        if row.must_be_read:
            raise
        return attrs.evolve(outline, problem=_said(error))


def _read_as(row: NoticeType, content: JsonValue) -> Notification:
    notification = from_wire(content, row.reads_as)
    if not row.may_be_zero and payload_amount(notification) == 0:
        raise ShapeError("has an amount of zero", "data")
    return notification


def _said(error: JsonError | ShapeError) -> str:
    # A path holds names of known fields only, but with stray blanks as they came.
    return " ".join(str(error).split())


def unusable(error: JsonError | ShapeError) -> WebhookError:
    """The refusal of an authentic notification: keep its bytes and look."""
    return WebhookError(
        f"the notification is authentic, but cannot be used: {_said(error)}",
        reason=WebhookReason.UNREADABLE,
        status=UNUSABLE,
        authentic=True,
    )
