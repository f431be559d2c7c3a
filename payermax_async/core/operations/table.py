"""The table of what the gateway can do, as data; everything else is derived."""

from __future__ import annotations

import re
from collections.abc import Iterator, MutableMapping
from importlib import import_module
from typing import Any, NamedTuple

from payermax_async.core.errors import Problem, ValidationError
from payermax_async.core.models.common import Sent
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
from payermax_async.core.operations.operation import Operation, Replay, Settlement
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
    "business_ids",
    "check_operation_name",
    "is_query",
    "write_of",
]


# A path is built from the name, and "../x" or "a?b" would change where it leads.
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]{1,63}")


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
    doubt="The link may exist.",
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
    doubt="The link may still be payable.",
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
    doubt="The refund may be under way.",
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


class _Operations(MutableMapping[str, Operation[Any, Any]]):
    """Rows by the gateway's name; those of products are loaded when asked for."""

    def __init__(self, *rows: Operation[Any, Any]) -> None:
        self._rows = {row.name: row for row in rows}

    def __getitem__(self, name: str) -> Operation[Any, Any]:
        row = self._rows.get(name)
        if row is None:
            home = f"{__package__}.{_PRODUCTS[name].home}"
            rows: tuple[Operation[Any, Any], ...] = import_module(home).ROWS
            self._rows |= {row.name: row for row in rows}
            row = self._rows[name]
        return row

    def __setitem__(self, name: str, row: Operation[Any, Any]) -> None:
        self._rows[name] = row

    def __delitem__(self, name: str) -> None:
        del self._rows[name]

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys((*self._rows, *_PRODUCTS)))

    def __contains__(self, name: object) -> bool:
        # By the name alone: the inherited one loads what it is asked about.
        return name in self._rows or name in _PRODUCTS

    def __len__(self) -> int:
        return len({*self._rows, *_PRODUCTS})

    def ids(self) -> Iterator[str]:
        """The gateway's names of ids, without loading anything for it."""
        for row in self._rows.values():
            # In one order, whichever products were loaded first.
            if row.name not in _PRODUCTS:
                yield from row.ids
        for product in _PRODUCTS.values():
            yield from product.ids


class _Product(NamedTuple):
    home: str
    ids: tuple[str, ...] = ()


_PRODUCTS = {
    "addOrDelRiskNameList": _Product("risk", ("requestId",)),
    "cancel": _Product("cashier", ("requestId", "outTradeNo")),
    "capture": _Product("cashier", ("requestId", "outTradeNo")),
    "orderAndPay": _Product("cashier", ("outTradeNo",)),
    "putRfiMaterialList": _Product("risk", ("rfiNo",)),
    "caseSearch": _Product("disputes", ("caseId",)),
    "caseReplay": _Product("disputes", ("caseId", "batchId")),
    "currentBalanceQuery": _Product("balances"),
    "dayEndBalanceQuery": _Product("balances"),
}
"""Where the row of an operation is, and the gateway's names of its ids: those are
asked for with every raw call, which is no reason to load all products."""

# Any: the table mixes operations of different request and reply types.
OPERATIONS = _Operations(
    CREATE_LINK,
    QUERY_LINK,
    EXPIRE_LINK,
    # Before orders: a refund names its order too, and its own id tells more.
    REFUND,
    QUERY_REFUND,
    QUERY_ORDER,
)

_OTHER_IDS = ("tradeToken", "linkId", "tradeOrderNo")
"""Ids that PayerMax gives and no operation of the table asks by."""


def business_ids(name: str = "") -> tuple[str, ...]:
    """The gateway's names of ids, the most telling first.

    Args:
        name: An operation, whose own come before all others.
    """
    own = OPERATIONS[name].ids if name in OPERATIONS else ()
    return tuple(dict.fromkeys((*own, *OPERATIONS.ids(), *_OTHER_IDS)))


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
