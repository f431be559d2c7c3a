"""The table of what the gateway can do, as data; everything else is derived."""

from __future__ import annotations

import enum
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, Generic, TypeVar

import attrs

from payermax_async.core.asked import Asked, Told
from payermax_async.core.codec import wire_name
from payermax_async.core.errors import Problem, ValidationError
from payermax_async.core.models.common import QueryReply, Received, Sent
from payermax_async.core.models.disputes import DisputeDetails, SearchDispute
from payermax_async.core.models.link_request import CreateLink
from payermax_async.core.models.links import (
    CreatedLink,
    ExpiredLink,
    ExpireLink,
    LinkDetails,
    QueryLink,
)
from payermax_async.core.models.orders import Order, QueryOrder
from payermax_async.core.models.payments import PaymentStatus
from payermax_async.core.models.refunds import (
    CreateRefund,
    QueryRefund,
    RefundDetails,
    RefundStatus,
    SubmittedRefund,
)
from payermax_async.core.operations.settlement import (
    LINK_NAMES,
    REFUND_NAMES,
    asked_expiry,
    asked_link,
    asked_refund,
    created_link,
    expired_link,
    fits_link,
    link_end,
    plain_link,
    submitted_refund,
    told_link,
    told_refund,
)

__all__ = [
    "CREATE_LINK",
    "EXPIRE_LINK",
    "OPERATIONS",
    "QUERY_LINK",
    "QUERY_ORDER",
    "QUERY_REFUND",
    "REFUND",
    "SEARCH_DISPUTE",
    "Operation",
    "Replay",
    "Settlement",
    "business_ids",
    "check_operation_name",
    "is_query",
    "write_of",
]

RequestT = TypeVar("RequestT", bound=Sent)
ReplyT = TypeVar("ReplyT", bound=Received)
FoundT = TypeVar("FoundT", bound=QueryReply)

# A path is built from the name, and "../x" or "a?b" would change where it leads.
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]{1,63}")


class Replay(enum.Enum):
    """May a request be sent again after it was perhaps already done?"""

    SAFE = "safe"
    """Yes: reads, and writes that settle in the same state."""
    KEYED = "keyed"
    """Only after asking: it carries a merchant key that a query can look up."""
    NEVER = "never"
    """No: nobody can tell whether the first one was done."""


@attrs.frozen(kw_only=True)
class Operation(Generic[RequestT, ReplyT]):
    """One operation of the gateway."""

    name: str
    """The gateway's name, the last part of the URL."""
    version: str
    """The interface version of the operation's own page."""
    request: type[RequestT]
    """What is sent."""
    reply: type[ReplyT]
    """What comes back on success."""
    replay: Replay
    """May it be sent again after an unknown outcome?"""
    keys: tuple[str, ...]
    """Fields that name the case, most telling first."""
    echoes: tuple[str, ...]
    """Fields of the request that the reply must repeat if they were sent."""
    settlement: Settlement[RequestT, ReplyT, Any] | None = None
    """How it is found out whether a write was done; ``None`` if no query tells."""
    may_probe: bool = False
    """Whether it may be the first thing that a host gets after a rest.

    A host that was unwell may still take a write and not answer; so only a question
    is fit for it.
    """
    app_id_field: str | None = None
    """What its envelope calls the app; as configured when ``None``."""
    may_be_unnamed: Callable[[ReplyT], bool] | None = None
    """Whether a reply without any id can be one of this operation's.

    ``None`` where PayerMax's schema requires the id.
    """
    untied: tuple[str, ...] = ()
    """Money fields of a reply that nothing ties to the question without the id."""

    def __attrs_post_init__(self) -> None:
        keyed, told = self.replay is Replay.KEYED, self.settlement is not None
        if keyed and not told:
            raise ValueError(f"{self.name}: what is looked up needs a settlement")
        if told and self.replay is Replay.NEVER:
            raise ValueError(f"{self.name}: what a query settles can be sent again")
        if self.may_probe and not self.is_query:
            raise ValueError(f"{self.name}: only a question may probe")

    @property
    def is_query(self) -> bool:
        """Whether it changes nothing."""
        return issubclass(self.reply, QueryReply)

    @property
    def ids(self) -> tuple[str, ...]:
        """The gateway's names of :attr:`keys`."""
        fields = attrs.fields_dict(self.request)
        return tuple(wire_name(fields[name]) for name in self.keys)

    def key_of(self, request: RequestT) -> str | None:
        """The merchant's id in a request, for errors and logs."""
        found = (getattr(request, name) for name in self.keys)
        return next((key for key in found if key is not None), None)


def _never(_found: object) -> None:
    return None


def _same(found: FoundT) -> FoundT:
    return found


def _always(*_facts: object) -> bool:
    return True


@attrs.frozen(kw_only=True)
class Settlement(Generic[RequestT, ReplyT, FoundT]):
    """What to ask after a write, and how to read the answer."""

    query: Operation[Any, FoundT]
    """The operation that tells."""
    ask_about: Callable[[str], Sent]
    """Makes the request that asks about a merchant's id."""
    names: tuple[str, ...]
    """What is compared, when nothing is known of what was asked for."""
    money: tuple[str, ...]
    """Those of them without which nobody can say whose it is."""
    asked: Callable[[RequestT], Asked]
    """What a request asks for."""
    told: Callable[[FoundT], Told]
    """What an answer says of that."""
    reply: Callable[[FoundT], ReplyT | None]
    """What the write would have answered, when what was found shows that it is done.

    ``None`` when that cannot be told, or it is not done.
    """
    ended: Callable[[FoundT], str | None] = _never
    """What ended it so that it serves nobody any more, where the reply cannot say."""
    plain: Callable[[FoundT], FoundT] = _same
    """An answer without texts, persons and cards, for an error to carry."""
    fits: Callable[[RequestT, ReplyT, datetime, datetime], bool] = _always
    """Whether an answer to the write can be about something made between two times."""


def _is_order_status(order: Order) -> bool:
    return isinstance(order.status, PaymentStatus)


def _is_refund_status(refund: RefundDetails) -> bool:
    return isinstance(refund.status, RefundStatus)


QUERY_LINK = Operation(
    name="queryPaybylink",
    version="1.1",
    request=QueryLink,
    reply=LinkDetails,
    replay=Replay.SAFE,
    may_probe=True,
    keys=("merchant_link_id",),
    echoes=("merchant_link_id",),
)
CREATE_LINK = Operation(
    name="createPaybylink",
    version="1.1",
    request=CreateLink,
    reply=CreatedLink,
    replay=Replay.KEYED,
    keys=("merchant_link_id",),
    echoes=("merchant_link_id",),
    settlement=Settlement[CreateLink, CreatedLink, LinkDetails](
        query=QUERY_LINK,
        ask_about=lambda key: QueryLink(merchant_link_id=key),
        names=LINK_NAMES,
        money=("total_amount", "currency"),
        asked=asked_link,
        told=told_link,
        ended=link_end,
        plain=plain_link,
        fits=fits_link,
        reply=created_link,
    ),
)
EXPIRE_LINK = Operation(
    name="expirePaybylink",
    version="1.1",
    request=ExpireLink,
    reply=ExpiredLink,
    replay=Replay.SAFE,
    keys=("merchant_link_id",),
    echoes=("merchant_link_id",),
    settlement=Settlement[ExpireLink, ExpiredLink, LinkDetails](
        query=QUERY_LINK,
        ask_about=lambda key: QueryLink(merchant_link_id=key),
        names=(),
        money=(),
        asked=asked_expiry,
        told=lambda _: {},
        ended=link_end,
        plain=plain_link,
        reply=expired_link,
    ),
)
QUERY_ORDER = Operation(
    name="orderQuery",
    version="1.4",
    request=QueryOrder,
    reply=Order,
    replay=Replay.SAFE,
    may_probe=True,
    keys=("out_trade_no",),
    echoes=("out_trade_no",),
    may_be_unnamed=_is_order_status,
    untied=("total_amount", "currency"),
)
QUERY_REFUND = Operation(
    name="refundQuery",
    version="1.4",
    request=QueryRefund,
    reply=RefundDetails,
    replay=Replay.SAFE,
    may_probe=True,
    keys=("out_refund_no", "refund_trade_no"),
    echoes=("out_refund_no", "refund_trade_no"),
    may_be_unnamed=_is_refund_status,
    untied=("refund_amount", "refund_currency"),
)
REFUND = Operation(
    name="refund",
    version="1.4",
    request=CreateRefund,
    reply=SubmittedRefund,
    replay=Replay.KEYED,
    keys=("out_refund_no",),
    echoes=("out_refund_no",),
    settlement=Settlement[CreateRefund, SubmittedRefund, RefundDetails](
        query=QUERY_REFUND,
        ask_about=lambda key: QueryRefund(out_refund_no=key),
        names=REFUND_NAMES,
        money=("refund_amount", "refund_currency"),
        asked=asked_refund,
        told=told_refund,
        reply=submitted_refund,
    ),
)

SEARCH_DISPUTE = Operation(
    name="caseSearch",
    version="1.5",
    request=SearchDispute,
    reply=DisputeDetails,
    replay=Replay.SAFE,
    may_probe=True,
    keys=("case_id",),
    echoes=("case_id",),
)

# Any: the table mixes operations of different request and reply types.
OPERATIONS: dict[str, Operation[Any, Any]] = {
    operation.name: operation
    for operation in (
        CREATE_LINK,
        QUERY_LINK,
        EXPIRE_LINK,
        # Before orders: a refund names its order too, and its own id tells more.
        REFUND,
        QUERY_REFUND,
        QUERY_ORDER,
        SEARCH_DISPUTE,
    )
}

_OTHER_IDS = ("tradeToken", "linkId", "tradeOrderNo")
"""Ids that PayerMax gives and no operation of the table asks by."""


def business_ids(name: str = "") -> tuple[str, ...]:
    """The gateway's names of ids, the most telling first.

    Args:
        name: An operation, whose own come before all others.
    """
    rows = [OPERATIONS[name]] if name in OPERATIONS else []
    asked_by = (one for row in (*rows, *OPERATIONS.values()) for one in row.ids)
    return tuple(dict.fromkeys((*asked_by, *_OTHER_IDS)))


def is_query(name: str) -> bool:
    """Whether an operation of this name is known to change nothing."""
    operation = OPERATIONS.get(name)
    return operation is not None and operation.is_query


def write_of(request: Sent) -> Operation[Any, Any] | None:
    """The write that a request is for, if it is one that a query settles."""
    return next(
        (
            operation
            for operation in OPERATIONS.values()
            if operation.settlement is not None
            and isinstance(request, operation.request)
        ),
        None,
    )


def check_operation_name(name: str) -> str:
    """The name, if it can only ever be the last part of a gateway URL.

    Raises:
        ValidationError: It holds anything but ASCII letters and digits, or is
            not 2 to 64 characters long.
    """
    if not _NAME.fullmatch(name):
        problem = Problem("name", "must be 2 to 64 ASCII letters and digits")
        raise ValidationError((problem,), subject="operation")
    return name
