"""Notifications as PayerMax sends them, signed with a key of your own.

For tests of code that receives notifications. The content follows the samples
on the vendor's interface pages, including the ways in which they differ from
each other; those are chosen with :class:`SampleQuirk`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC
from decimal import Decimal
from enum import StrEnum
from typing import Protocol, cast

import attrs

from payermax_async.clock import Clock, SystemClock
from payermax_async.core.models.common import camel_case
from payermax_async.core.models.notifications import Notification
from payermax_async.core.notices import notice_type
from payermax_async.core.strict_json import JsonObject, JsonValue, write_json
from payermax_async.signing.keys import PrivateKey
from payermax_async.signing.rsa import RsaSigner
from payermax_async.webhooks.sample_data import (
    FieldValue,
    SampleQuirk,
    data_model,
    field_names,
    sample,
    written,
)

__all__ = [
    "APP_ID",
    "MERCHANT_NO",
    "FieldValue",
    "NotificationKind",
    "SampleQuirk",
    "SignedNotification",
    "SignsNow",
    "build_notification",
    "is_sent_as_number",
    "sign_notification",
    "to_merchant",
]

MERCHANT_NO = "010213834784554"
"""The merchant number used when none is given; the one of the vendor's samples."""
APP_ID = "6666c8b036a24579974497c2f9a33333"
"""The app id used when none is given; the one of the vendor's samples."""


class NotificationKind(StrEnum):
    """The types that are about links. Any other typed one is given by its name."""

    PAYBYLINK = "PAYBYLINK"
    PAYMENT = "PAYMENT"
    REFUND = "REFUND"


class SignsNow(Protocol):
    """Whatever signs without an event loop, such as ``RsaSigner``."""

    def sign_now(self, payload: bytes) -> str:
        """The signature over the bytes in Base64."""
        ...


@attrs.frozen(kw_only=True)
class SignedNotification:
    """A request body and the headers that make it PayerMax's."""

    headers: Mapping[str, str] = attrs.field(repr=False)
    """``Content-Type`` and ``sign``; add any other with ``{**n.headers, ...}``."""
    body: bytes = attrs.field(repr=False)
    """The exact bytes that are signed. Post them as they are."""


_ENVELOPE = frozenset(attrs.fields_dict(Notification)) - {"extra", "notify_type"}


def sign_notification(
    key: PrivateKey | SignsNow,
    content: NotificationKind | str | Mapping[str, JsonValue] | bytes = "PAYBYLINK",
    *,
    quirks: Collection[SampleQuirk] = (),
    clock: Clock | None = None,
    **fields: FieldValue,
) -> SignedNotification:
    """A notification ready to be posted to your own handler.

    Args:
        key: Plays PayerMax: the private half of the key your verifier trusts.
        content: The kind to make; or a whole payload, signed as it is; or bytes,
            for content that is no JSON at all.
        quirks: Ways of writing to use, see :func:`build_notification`.
        clock: Where ``notifyTime`` comes from when it is not given.
        **fields: See :func:`build_notification`.

    Raises:
        TypeError: A field is not one of this kind's, or goes with a payload.
        ValueError: There is no such kind.

    Example:
        >>> paid = sign_notification(
        ...     key, "PAYBYLINK", merchant_link_id="order-1001", total_amount="19.90"
        ... )
        >>> response = await http.post(url, content=paid.body, headers=paid.headers)
    """
    if isinstance(content, str):
        payload = build_notification(content, quirks=quirks, clock=clock, **fields)
        body = write_json(payload)
    elif fields or quirks:
        raise TypeError("fields and quirks go with a kind, not with a payload")
    else:
        body = content if isinstance(content, bytes) else write_json(content)
    signer = RsaSigner(key) if isinstance(key, PrivateKey) else key
    headers = {"Content-Type": "application/json", "sign": signer.sign_now(body)}
    return SignedNotification(headers=headers, body=body)


def build_notification(
    kind: NotificationKind | str,
    *,
    quirks: Collection[SampleQuirk] = (),
    clock: Clock | None = None,
    **fields: FieldValue,
) -> JsonObject:
    """The payload of a notification under the gateway's own names.

    Args:
        kind: PAYBYLINK, PAYMENT, REFUND, or the name of any other type that has a
            model, such as DISPUTE or RFI.
        quirks: Ways of writing to use instead of the usual ones.
        clock: Where ``notifyTime`` comes from when it is not given.
        **fields: Values by their names in the models, of the notification
            (``merchant_no``, ``notify_time``, ``code`` ...) or of its ``data``;
            for links also ``out_trade_no``, ``status`` and the rest of the one
            payment; fields of a part as in ``trade__amount``. None leaves a field
            out. Change the returned payload for anything else.

    Returns:
        A new object; by default a success: paid with a card, or refunded.

    Raises:
        TypeError: A field is not one of this kind's.
        ValueError: There is no such kind, or a time lacks its offset.
    """
    row = notice_type(str(kind))
    if not row.is_typed:
        raise ValueError(f"{kind} is no type of notification that can be made")
    model = data_model(row)
    known = field_names(model, row.sample_part)
    unknown = sorted(fields.keys() - _ENVELOPE - known)
    if unknown:
        raise TypeError(f"{kind} notifications have no {', '.join(unknown)}")
    now = (clock or SystemClock()).now().astimezone(UTC)
    # What names nobody may name the merchant in its payload.
    outside = _ENVELOPE - known if row.names_nobody else _ENVELOPE
    inside = {name: value for name, value in fields.items() if name not in outside}
    envelope: dict[str, FieldValue] = {
        "code": "APPLY_SUCCESS",
        "msg": "Success.",
        "keyVersion": "1",
        "appId": None if row.names_nobody else APP_ID,
        "merchantNo": None if row.names_nobody else MERCHANT_NO,
        "notifyTime": now,
        "notifyType": row.name if row.written is None else row.written or None,
    }
    for name in fields.keys() & outside:
        envelope[camel_case(name)] = fields[name]
    chosen = frozenset(quirks)
    data = sample(model, inside, now, chosen, row.sample_part)
    return cast("JsonObject", written({**envelope, "data": data}, chosen))


def to_merchant(
    kind: NotificationKind | str, merchant_no: str, app_id: str
) -> dict[str, FieldValue]:
    """Fields of :func:`build_notification` that name whom a notification is for.

    Some types name nobody, or the merchant in their payload only.
    """
    row = notice_type(str(kind))
    if not row.names_nobody:
        return {"merchant_no": merchant_no, "app_id": app_id}
    inside = field_names(data_model(row)) if row.is_typed else frozenset[str]()
    return {"merchant_no": merchant_no} if "merchant_no" in inside else {}


def is_sent_as_number(kind: NotificationKind | str, name: str) -> bool:
    """Whether the samples have an amount as a JSON number, as PayerMax writes it there.

    Args:
        kind: The type.
        name: The attribute of its ``data``, with dots where it stands in a part.
    """
    found: object = build_notification(kind)["data"]
    for step in name.split("."):
        found = cast("JsonObject", found).get(camel_case(step))
    return isinstance(found, int | Decimal)
