"""The table of what the gateway can do, as data; everything else is derived."""

from __future__ import annotations

import enum
import re
from typing import Any, Generic, TypeVar

import attrs

from payermax_async.core.errors import Problem, ValidationError
from payermax_async.core.models.common import Received, Sent
from payermax_async.core.models.link_request import CreateLink
from payermax_async.core.models.links import (
    CreatedLink,
    ExpiredLink,
    ExpireLink,
    LinkDetails,
    QueryLink,
)
from payermax_async.core.models.orders import Order, QueryOrder
from payermax_async.core.models.refunds import (
    CreateRefund,
    QueryRefund,
    RefundDetails,
    SubmittedRefund,
)

__all__ = [
    "CREATE_LINK",
    "EXPIRE_LINK",
    "OPERATIONS",
    "QUERY_LINK",
    "QUERY_ORDER",
    "QUERY_REFUND",
    "REFUND",
    "Operation",
    "Replay",
    "check_operation_name",
]

RequestT = TypeVar("RequestT", bound=Sent)
ReplyT = TypeVar("ReplyT", bound=Received)

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

    def key_of(self, request: RequestT) -> str | None:
        """The merchant's id in a request, for errors and logs."""
        found = (getattr(request, name) for name in self.keys)
        return next((key for key in found if key is not None), None)


CREATE_LINK = Operation(
    name="createPaybylink",
    version="1.1",
    request=CreateLink,
    reply=CreatedLink,
    replay=Replay.KEYED,
    keys=("merchant_link_id",),
    echoes=("merchant_link_id",),
)
QUERY_LINK = Operation(
    name="queryPaybylink",
    version="1.1",
    request=QueryLink,
    reply=LinkDetails,
    replay=Replay.SAFE,
    keys=("merchant_link_id",),
    echoes=("merchant_link_id",),
)
EXPIRE_LINK = Operation(
    name="expirePaybylink",
    version="1.1",
    request=ExpireLink,
    reply=ExpiredLink,
    replay=Replay.SAFE,
    keys=("merchant_link_id",),
    echoes=("merchant_link_id",),
)
QUERY_ORDER = Operation(
    name="orderQuery",
    version="1.4",
    request=QueryOrder,
    reply=Order,
    replay=Replay.SAFE,
    keys=("out_trade_no",),
    echoes=("out_trade_no",),
)
REFUND = Operation(
    name="refund",
    version="1.4",
    request=CreateRefund,
    reply=SubmittedRefund,
    replay=Replay.KEYED,
    keys=("out_refund_no",),
    echoes=("out_refund_no",),
)
QUERY_REFUND = Operation(
    name="refundQuery",
    version="1.4",
    request=QueryRefund,
    reply=RefundDetails,
    replay=Replay.SAFE,
    keys=("out_refund_no", "refund_trade_no"),
    echoes=("out_refund_no", "refund_trade_no"),
)

# Any: the table mixes operations of different request and reply types.
OPERATIONS: dict[str, Operation[Any, Any]] = {
    operation.name: operation
    for operation in (
        CREATE_LINK,
        QUERY_LINK,
        EXPIRE_LINK,
        QUERY_ORDER,
        REFUND,
        QUERY_REFUND,
    )
}


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
