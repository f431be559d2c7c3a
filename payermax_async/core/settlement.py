"""How the outcome of a write is found out by asking: pure comparisons."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import attrs

from payermax_async.core.models.common import Received, Sent
from payermax_async.core.models.link_request import CreateLink
from payermax_async.core.models.links import (
    CreatedLink,
    ExpiredLink,
    LinkDetails,
    LinkStatus,
    QueryLink,
)
from payermax_async.core.models.refunds import (
    CreateRefund,
    QueryRefund,
    RefundDetails,
    SubmittedRefund,
)
from payermax_async.core.operations import QUERY_LINK, QUERY_REFUND, Operation

__all__ = ["LINK_SETTLEMENT", "REFUND_SETTLEMENT", "Settlement", "expired_link"]

WriteT = TypeVar("WriteT", bound=Sent)
ReplyT = TypeVar("ReplyT", bound=Received)
FoundT = TypeVar("FoundT", bound=Received)


@attrs.frozen(kw_only=True)
class Settlement(Generic[WriteT, ReplyT, FoundT]):
    """What to ask after a write, and how to read the answer."""

    query: Operation[Any, FoundT]
    """The operation that tells."""
    ask_about: Callable[[str], Sent]
    """Makes the request that asks about a merchant's id."""
    differences: Callable[[WriteT, FoundT], tuple[str, ...]]
    """Names the fields in which what exists is not what was asked for."""
    reply: Callable[[FoundT], ReplyT | None]
    """What the write would have answered; ``None`` when that cannot be told."""


def _unequal(*pairs: tuple[str, object, object]) -> tuple[str, ...]:
    return tuple(name for name, asked, found in pairs if asked != found)


def _link_differences(asked: CreateLink, found: LinkDetails) -> tuple[str, ...]:
    return _unequal(
        ("total_amount", asked.total_amount, found.total_amount),
        ("currency", asked.currency, found.currency),
        # A query need not name the country.
        ("country", asked.country, found.country or asked.country),
    )


def _created_link(found: LinkDetails) -> CreatedLink | None:
    if found.link_url is None:
        return None
    return CreatedLink(
        merchant_link_id=found.merchant_link_id,
        link_url=found.link_url,
        link_id=found.link_id,
        link_status=found.link_status,
        qr_code_url=found.qr_code_url,
        expires_at=found.expires_at,
    )


def expired_link(found: LinkDetails) -> ExpiredLink | None:
    """What a withdrawal would have answered, if the link is withdrawn."""
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


def _refund_differences(asked: CreateRefund, found: RefundDetails) -> tuple[str, ...]:
    # The refund query may leave out all but the status.
    return _unequal(
        (
            "refund_amount",
            asked.refund_amount,
            asked.refund_amount if found.refund_amount is None else found.refund_amount,
        ),
        (
            "refund_currency",
            asked.refund_currency,
            found.refund_currency or asked.refund_currency,
        ),
        (
            "out_trade_no",
            asked.out_trade_no,
            asked.out_trade_no and (found.out_trade_no or asked.out_trade_no),
        ),
    )


def _submitted_refund(found: RefundDetails) -> SubmittedRefund | None:
    if found.out_refund_no is None:
        return None
    return SubmittedRefund(
        out_refund_no=found.out_refund_no,
        status=found.status,
        refund_trade_no=found.refund_trade_no,
        trade_order_no=found.out_trade_no,
    )


LINK_SETTLEMENT = Settlement[CreateLink, CreatedLink, LinkDetails](
    query=QUERY_LINK,
    ask_about=lambda key: QueryLink(merchant_link_id=key),
    differences=_link_differences,
    reply=_created_link,
)
REFUND_SETTLEMENT = Settlement[CreateRefund, SubmittedRefund, RefundDetails](
    query=QUERY_REFUND,
    ask_about=lambda key: QueryRefund(out_refund_no=key),
    differences=_refund_differences,
    reply=_submitted_refund,
)
