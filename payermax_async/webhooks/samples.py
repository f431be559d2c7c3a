"""Notifications as PayerMax sends them, signed with a key of your own.

For tests of code that receives notifications. The content follows the samples
on the vendor's interface pages, including the ways in which they differ from
each other; those are chosen with :class:`SampleQuirk`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum, StrEnum
from typing import Protocol, cast

import attrs

from payermax_async.clock import Clock, SystemClock
from payermax_async.core.models.common import camel_case
from payermax_async.core.models.links import LinkPayment
from payermax_async.core.models.notifications import (
    LinkResult,
    Notification,
    PaymentResult,
    RefundResult,
)
from payermax_async.core.strict_json import JsonObject, JsonValue, write_json
from payermax_async.signing.keys import PrivateKey
from payermax_async.signing.rsa import RsaSigner

__all__ = [
    "APP_ID",
    "MERCHANT_NO",
    "NotificationKind",
    "SampleQuirk",
    "SignedNotification",
    "SignsNow",
    "build_notification",
    "sign_notification",
]

MERCHANT_NO = "010213834784554"
"""The merchant number used when none is given; the one of the vendor's samples."""
APP_ID = "6666c8b036a24579974497c2f9a33333"
"""The app id used when none is given; the one of the vendor's samples."""


class NotificationKind(StrEnum):
    """The types this can make; others are given as a payload."""

    PAYBYLINK = "PAYBYLINK"
    PAYMENT = "PAYMENT"
    REFUND = "REFUND"


class SampleQuirk(Enum):
    """A way of writing seen in some of the vendor's samples and not in others."""

    LOWER_CASE_STATUS = "linkStatus is 'active'"
    BLANK_AFTER_CARD_NUMBER = "the masked card number is under 'cardNumber '"
    OLD_CARD_NUMBER = "the masked card number is under 'cardIidentifierNo '"
    AMOUNT_AS_TEXT = "amounts are text, as in links"
    AMOUNT_AS_NUMBER = "amounts are numbers, as in payments and refunds"
    TIME_IN_Z = "times end in Z instead of +00:00"
    TIME_WITHOUT_FRACTION = "times are whole seconds"


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


FieldValue = JsonValue | datetime
"""What a field can be given as; amounts are text, ``int`` or ``Decimal``."""


def _names(model: type[attrs.AttrsInstance]) -> frozenset[str]:
    return frozenset(field.name for field in attrs.fields(model)) - {"extra"}


_AMOUNTS = frozenset({"totalAmount", "refundAmount", "payAmount"})
_ENVELOPE = _names(Notification) - {"notify_type"}
_PAYMENT_OF_LINK = _names(LinkPayment)
_FIELDS = {
    NotificationKind.PAYBYLINK: _names(LinkResult) | _PAYMENT_OF_LINK,
    NotificationKind.PAYMENT: _names(PaymentResult),
    NotificationKind.REFUND: _names(RefundResult),
}


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
        kind: PAYBYLINK, PAYMENT or REFUND.
        quirks: Ways of writing to use instead of the usual ones.
        clock: Where ``notifyTime`` comes from when it is not given.
        **fields: Values by their names in the models, of the notification
            (``merchant_no``, ``notify_time``, ``code`` ...) or of its ``data``;
            for links also ``out_trade_no``, ``status`` and the rest of the one
            payment. None leaves a field out. Change the returned payload for
            anything else.

    Returns:
        A new object; by default a success: paid with a card, or refunded.

    Raises:
        TypeError: A field is not one of this kind's.
        ValueError: There is no such kind, or a time lacks its offset.
    """
    kind = NotificationKind(kind)
    unknown = sorted(fields.keys() - _ENVELOPE - _FIELDS[kind])
    if unknown:
        raise TypeError(f"{kind} notifications have no {', '.join(unknown)}")
    now = (clock or SystemClock()).now().astimezone(UTC)
    data, payment = _DATA[kind](now)
    envelope: dict[str, FieldValue] = {
        "code": "APPLY_SUCCESS",
        "msg": "Success.",
        "keyVersion": "1",
        "appId": APP_ID,
        "merchantNo": MERCHANT_NO,
        "notifyTime": now,
        "notifyType": kind.value,
    }
    for name, value in fields.items():
        part = envelope if name in _ENVELOPE else data
        if part is data and name in _PAYMENT_OF_LINK:
            part = payment
        part[camel_case(name)] = value
    written = _written({**envelope, "data": cast("JsonValue", data)}, frozenset(quirks))
    return cast("JsonObject", written)


_Part = dict[str, FieldValue]


def _link_data(now: datetime) -> tuple[_Part, _Part]:
    payment: _Part = {
        "outTradeNo": "P2024022711020000001",
        "status": "SUCCESS",
        "completeAt": now - timedelta(seconds=2),
        "paymentDetails": [_card_payment()],
    }
    data: _Part = {
        "linkId": "mtfbpomjw",
        "merchantLinkId": "paybylinktest001",
        "linkUrl": "https://www.payermax.link/mtfbpomjw",
        "qrCodeUrl": "https://www.payermax.link/images/mtfbpomjw/qrcode",
        "linkStatus": "ACTIVE",
        "totalAmount": "10000",
        "country": "ID",
        "currency": "IDR",
        "expiresAt": now + timedelta(hours=23),
        "linkDescription": "链接收款衣物鞋帽",
        "payByLinkInfo": cast("JsonValue", [payment]),
    }
    return data, payment


def _payment_data(now: datetime) -> tuple[_Part, _Part]:
    data: _Part = {
        "outTradeNo": "P2024022711020000001",
        "tradeToken": "T2024022711020000001",
        "totalAmount": Decimal(10000),
        "currency": "IDR",
        "country": "ID",
        "status": "SUCCESS",
        "completeTime": now - timedelta(seconds=2),
        "paymentDetails": [_card_payment()],
    }
    return data, data


def _refund_data(now: datetime) -> tuple[_Part, _Part]:
    data: _Part = {
        "outRefundNo": "R1001",
        "refundTradeNo": "RT2024022711020000001",
        "outTradeNo": "P2024022711020000001",
        "refundAmount": Decimal(10000),
        "refundCurrency": "IDR",
        "status": "REFUND_SUCCESS",
        "refundFinishTime": now - timedelta(seconds=2),
    }
    return data, data


_DATA = {
    NotificationKind.PAYBYLINK: _link_data,
    NotificationKind.PAYMENT: _payment_data,
    NotificationKind.REFUND: _refund_data,
}


def _card_payment() -> JsonObject:
    return {
        "targetOrg": "",
        "paymentMethodType": "CARD",
        "cardInfo": {
            "cardOrg": "VISA",
            "country": "ID",
            "cardType": "CREDIT",
            "cardNumber": "411111****1111",
        },
    }


def _written(value: object, quirks: frozenset[SampleQuirk]) -> JsonValue:
    """The value as JSON, without what is None, in the chosen ways of writing."""
    if isinstance(value, Mapping):
        pairs = cast("Mapping[str, object]", value).items()
        return {
            _name(name, quirks): _field(name, item, quirks)
            for name, item in pairs
            if item is not None
        }
    if isinstance(value, list | tuple):
        items = cast("list[object]", value)
        return [_written(item, quirks) for item in items]
    if isinstance(value, datetime):
        return _time(value, quirks)
    return cast("JsonValue", value)


def _name(name: str, quirks: frozenset[SampleQuirk]) -> str:
    if name == "cardNumber":
        if SampleQuirk.OLD_CARD_NUMBER in quirks:
            return "cardIidentifierNo "
        if SampleQuirk.BLANK_AFTER_CARD_NUMBER in quirks:
            return "cardNumber "
    return name


def _field(name: str, value: object, quirks: frozenset[SampleQuirk]) -> JsonValue:
    if name == "linkStatus" and SampleQuirk.LOWER_CASE_STATUS in quirks:
        return str(value).lower()
    if name in _AMOUNTS and isinstance(value, str | int | Decimal):
        if SampleQuirk.AMOUNT_AS_NUMBER in quirks:
            return Decimal(value)
        if SampleQuirk.AMOUNT_AS_TEXT in quirks:
            return format(Decimal(value), "f")
    return _written(value, quirks)


def _time(moment: datetime, quirks: frozenset[SampleQuirk]) -> str:
    if moment.utcoffset() is None:
        raise ValueError("a time in a notification carries its offset")
    unit = "seconds" if SampleQuirk.TIME_WITHOUT_FRACTION in quirks else "milliseconds"
    if SampleQuirk.TIME_IN_Z in quirks:
        in_utc = moment.astimezone(UTC).replace(tzinfo=None)
        return f"{in_utc.isoformat(timespec=unit)}Z"
    return moment.isoformat(timespec=unit)
