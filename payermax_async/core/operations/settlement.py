"""How the outcome of a write is found out by asking: pure comparisons."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import attrs

from payermax_async.core.asked import Asked, Told
from payermax_async.core.models.link_parts import GoodsItem
from payermax_async.core.models.link_request import CreateLink
from payermax_async.core.models.links import (
    CreatedLink,
    ExpiredLink,
    ExpireLink,
    GoodsDetail,
    LinkDetails,
    LinkPayment,
    LinkStatus,
)
from payermax_async.core.models.payments import PaymentStatus
from payermax_async.core.models.refunds import (
    CreateRefund,
    RefundDetails,
    SubmittedRefund,
)

__all__ = [
    "LINK_NAMES",
    "REFUND_NAMES",
    "asked_expiry",
    "asked_link",
    "asked_refund",
    "created_link",
    "expired_link",
    "fits_link",
    "has_ended",
    "is_under_way",
    "link_end",
    "payment_is_over",
    "plain_link",
    "submitted_refund",
    "told_link",
    "told_refund",
]

LINK_NAMES = ("total_amount", "currency", "country", "description", "goods_details")
"""What is compared of a link, the money first."""
REFUND_NAMES = ("refund_amount", "refund_currency", "out_trade_no")
"""What is compared of a refund."""


_ENDED = {
    PaymentStatus.SUCCESS,
    PaymentStatus.FAILED,
    PaymentStatus.CLOSED,
    PaymentStatus.CLOSE,
}

_USUAL_LIFE = 24 * 3600
"""Seconds that PayerMax gives a link whose request says nothing of it."""

_CLOCKS = timedelta(minutes=5)
"""How far an expiry may be off: PayerMax takes clocks that differ by two minutes,
and what it answers may be rounded."""


def asked_link(request: CreateLink) -> Asked:
    """What is compared of a link to be made."""
    plain: dict[str, Decimal | int | str | None] = {
        "total_amount": request.total_amount,
        "currency": request.currency,
        "country": request.country,
    }
    texts: dict[str, str | None] = {
        "description": request.description,
        "link_description": request.link_description,
    }
    # Answers do not repeat a link type, a language or where notifications go.
    goods = request.goods_to_send("")
    plain["goods_details"] = len(goods)
    for index, item in enumerate(goods):
        _add_goods(item, f"goods_details[{index}]", plain, texts)
    return Asked.of(request.merchant_link_id, plain=plain, texts=texts)


def _add_goods(
    item: GoodsItem,
    path: str,
    plain: dict[str, Decimal | int | str | None],
    texts: dict[str, str | None],
) -> None:
    plain[f"{path}.quantity"] = item.quantity
    plain[f"{path}.price"] = item.price
    plain[f"{path}.goods_currency"] = item.goods_currency
    texts[f"{path}.goods_name"] = item.goods_name
    texts[f"{path}.goods_description"] = item.goods_description


def told_link(found: LinkDetails) -> Told:
    """What an answer says of a link, by the same names."""
    told: dict[str, Decimal | int | str | None] = {
        "total_amount": found.total_amount,
        "currency": found.currency,
        "country": found.country or None,
        "description": found.description or None,
        "link_description": found.link_description or None,
        "goods_details": len(found.goods_details) or None,
    }
    for index, item in enumerate(found.goods_details):
        for name, value in _told_goods(item).items():
            told[f"goods_details[{index}].{name}"] = value
    return told


def _told_goods(item: GoodsDetail) -> Told:
    quantity = item.quantity or ""
    # As a number where it is one: "1" was asked for and "01" may come back.
    count = quantity.isascii() and quantity.isdigit() and len(quantity) <= 16
    return {
        "goods_name": item.goods_name or None,
        "goods_description": item.goods_description or None,
        "quantity": int(quantity) if count else quantity or None,
        "price": item.price,
        "goods_currency": item.goods_currency or None,
    }


def created_link(found: LinkDetails) -> CreatedLink | None:
    """What creating would have answered; ``None`` when that cannot be told."""
    # A link nobody can be led to is no answer to a create.
    if found.link_url is None:
        return None
    return CreatedLink(
        merchant_link_id=found.merchant_link_id,
        link_url=found.link_url,
        link_id=found.link_id,
        link_status=found.link_status,
        qr_code_url=found.qr_code_url,
        expires_at=found.expires_at,
        found=True,
    )


def fits_link(
    request: CreateLink, reply: CreatedLink, earliest: datetime, latest: datetime
) -> bool:
    """Whether a link that expires then can have been made in this time."""
    if reply.expires_at is None:
        return True
    life = timedelta(seconds=request.expires_in or _USUAL_LIFE)
    # Differences of times: near the ends of the calendar, sums overflow.
    longest, shortest = reply.expires_at - earliest, reply.expires_at - latest
    return longest >= life - _CLOCKS and shortest <= life + _CLOCKS


def asked_expiry(request: ExpireLink) -> Asked:
    """A withdrawal asks for nothing that could be compared."""
    return Asked.of(request.merchant_link_id, plain={})


def expired_link(found: LinkDetails) -> ExpiredLink | None:
    """What a withdrawal would have answered, if the link is withdrawn."""
    # Any other status is no proof of a withdrawal.
    if found.link_status != LinkStatus.EXPIRED:
        return None
    return ExpiredLink(
        merchant_link_id=found.merchant_link_id,
        link_id=found.link_id,
        link_status=found.link_status,
        link_url=found.link_url,
        qr_code_url=found.qr_code_url,
        expires_at=found.expires_at,
    )


def link_end(found: LinkDetails) -> str | None:
    """What ended a link so that nobody can pay it any more, if something did."""
    # First: a paid link may be expired as well, and money tells more.
    if found.is_paid:
        return "paid"
    return "withdrawn or expired" if found.link_status == LinkStatus.EXPIRED else None


def is_under_way(link: LinkDetails) -> bool:
    """Whether a payment of the link may still succeed, even of an expired one."""
    return not all(payment_is_over(payment) for payment in link.pay_by_link_info)


def payment_is_over(payment: LinkPayment) -> bool:
    """Whether a payment will not become anything else."""
    # What is only authorised may still be captured.
    return payment.status in _ENDED and not payment.is_authorized


def has_ended(link: LinkDetails) -> bool:
    """Whether the link was not paid, and never will be."""
    expired = link.link_status == LinkStatus.EXPIRED
    return expired and not link.is_paid and not is_under_way(link)


def plain_link(found: LinkDetails) -> LinkDetails:
    """A link without texts, persons and cards: what an error may carry."""
    payments = tuple(
        attrs.evolve(payment, user_info=None, payment_details=(), extra={})
        for payment in found.pay_by_link_info
    )
    return attrs.evolve(
        found,
        pay_by_link_info=payments,
        description=None,
        link_description=None,
        goods_details=(),
        extra={},
    )


def asked_refund(request: CreateRefund) -> Asked:
    """What is compared of a refund to be made."""
    return Asked.of(
        request.out_refund_no,
        plain={
            "refund_amount": request.refund_amount,
            "refund_currency": request.refund_currency,
            # Asked for by token alone, the order's number cannot be compared.
            "out_trade_no": request.out_trade_no,
        },
    )


def told_refund(found: RefundDetails) -> Told:
    """What an answer says of a refund, which may be no more than its status."""
    return {
        "refund_amount": found.refund_amount,
        "refund_currency": found.refund_currency or None,
        "out_trade_no": found.out_trade_no or None,
    }


def submitted_refund(found: RefundDetails) -> SubmittedRefund | None:
    """What a refund would have answered; ``None`` when that cannot be told."""
    if found.out_refund_no is None:
        return None
    return SubmittedRefund(
        out_refund_no=found.out_refund_no,
        status=found.status,
        refund_trade_no=found.refund_trade_no,
        trade_order_no=found.out_trade_no,
        found=True,
    )
